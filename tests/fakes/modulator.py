# SPDX-License-Identifier: GPL-3.0-or-later
"""A small modulator with random weights, for tests that need any, fast."""

from dataclasses import fields

import numpy as np
import torch
from affekt.sidecar.modulation.modulator import Modulator
from affekt.sidecar.modulation.network import NUMBERS, GeometryNetwork, NetworkConfig


def small_modulator(seed: int = 0) -> Modulator:
    """Changes every number of every frame by a few hundredths."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = NetworkConfig(layers=1, width=32, heads=2, hidden=32, variants=4)
        network = GeometryNetwork(config)
        with torch.no_grad():
            network.residual.weight.normal_(0, 0.2)
    return Modulator(
        network=network.requires_grad_(False).eval(),
        mean=np.zeros(NUMBERS, np.float32),
        scale=np.ones(NUMBERS, np.float32),
        residual_scale=np.full(NUMBERS, 0.05, np.float32),
        lowest=np.full(NUMBERS, -9, np.float32),
        highest=np.full(NUMBERS, 9, np.float32),
        upper_share=np.linspace(0, 1, NUMBERS, dtype=np.float32),
        lip_opening=np.zeros((NUMBERS, 5), np.float32),
        lip_closers={2: 0.9, 1: 1.0},
        mirrored=np.array([[3, 4], [6, 5]]),
        asymmetry_gain=0.0,
        variants=np.tile(np.float32([0.625, 0.25, 0.125, 0]), (6, 1)),
        about={},
    )


MODULATOR_ARRAYS = tuple(
    field.name
    for field in fields(Modulator)
    if isinstance(getattr(small_modulator(), field.name), np.ndarray)
)
"""Fields of a modulator that hold arrays, each of which changes what it does."""
