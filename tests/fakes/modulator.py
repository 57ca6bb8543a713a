# SPDX-License-Identifier: GPL-3.0-or-later
"""Modulators with random weights, for tests that need any, and what they are asked."""

from dataclasses import fields

import numpy as np
import torch
from affekt.shared.emotion import CONTROLS, EmotionTrack
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.modulation.modulator import Modulator
from affekt.sidecar.modulation.network import NUMBERS, GeometryNetwork, NetworkConfig

FRAMES = 430


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


def random_modulator(config: NetworkConfig | None = None) -> Modulator:
    """Changes every number by far, and closes random lips."""
    torch.manual_seed(3)
    config = config or NetworkConfig(layers=2, width=64, heads=4, hidden=96, variants=2)
    network = GeometryNetwork(config)
    with torch.no_grad():
        network.residual.weight.normal_(0, 0.2)
        network.residual.bias.normal_(0, 0.2)
    rng = np.random.default_rng(0)
    return Modulator(
        network=network.requires_grad_(False).eval(),
        mean=rng.normal(0, 0.1, NUMBERS).astype(np.float32),
        scale=rng.uniform(0.1, 0.5, NUMBERS).astype(np.float32),
        residual_scale=rng.uniform(0.1, 0.5, NUMBERS).astype(np.float32),
        lowest=np.full(NUMBERS, -3, np.float32),
        highest=np.full(NUMBERS, 3, np.float32),
        upper_share=np.concatenate([np.ones(22), np.zeros(81)]).astype(np.float32),
        lip_opening=rng.normal(0, 8, (NUMBERS, 5)).astype(np.float32),
        lip_closers={99: 0.9, 26: 1.0},
        mirrored=np.arange(60).reshape(30, 2),
        asymmetry_gain=0.0,
        variants=rng.uniform(0, 1, (6, 2)).astype(np.float32) if config.variants else None,
        about={},
    )


def random_take(frames: int = FRAMES, fps: float = 30.0) -> Motion:
    rng = np.random.default_rng(1)
    return make_motion(
        expression=rng.normal(0, 0.3, (frames, 100)),
        jaw=rng.normal(0, 0.1, (frames, 3)),
        neck=rng.normal(0, 0.1, (frames, 3)),
        eyelids=rng.random((frames, 2)),
        fps=fps,
        space="open",
    )


def random_track(frames: int = FRAMES, **changes: float) -> EmotionTrack:
    rng = np.random.default_rng(2)
    controls = {name: rng.uniform(0.2, 1, frames).astype(np.float32) for name in CONTROLS}
    controls |= {n: np.full(frames, v, np.float32) for n, v in changes.items()}
    return EmotionTrack(weights=rng.random((frames, 6)).astype(np.float32), fps=30.0, **controls)


MODULATOR_ARRAYS = tuple(
    field.name
    for field in fields(Modulator)
    if isinstance(getattr(small_modulator(), field.name), np.ndarray)
)
"""Fields of a modulator that hold arrays, each of which changes what it does."""
