# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips and groups made by hand, for tests of the evaluation."""

import numpy as np
from affekt.sidecar.lab.evaluation.data import STATES, Clip
from affekt.sidecar.lab.training.data import Group, Program

FRAMES = 24


def numbers(seed: int, frames: int = FRAMES) -> np.ndarray:
    """(frames, 103) smooth, small and positive."""
    rng = np.random.default_rng(seed)
    phase, size = rng.uniform(0, 6, 103), rng.uniform(0, 0.2, 103)
    size[100:] *= 0.3
    return (size * (1 + np.sin(np.arange(frames)[:, None] / 4 + phase)) / 2).astype(np.float32)


def clip(**changes: object) -> Clip:
    """From happy to sad; source and truth differ."""
    values: dict[str, object] = {
        "performance": 0,
        "source_class": 1,
        "target_class": 2,
        "source": numbers(1),
        "truth": numbers(2),
        "source_curve": held(1),
        "program": program(held(2)),
        "closure": np.zeros(FRAMES, np.float32),
        "shape": np.zeros(300, np.float32),
    }
    return Clip(**{**values, **changes})  # type: ignore[arg-type]


def program(weights: np.ndarray) -> Program:
    """The weights (T, 6) as a network is told of them, each emotion by all variants alike."""
    return Program(weights=weights, variants=np.full((6, 4), 0.25, np.float32), keep_closed=1.0)


def held(class_index: int, frames: int = FRAMES) -> np.ndarray:
    """(frames, 6) the class at weight 1; class 0 is neutral."""
    weights = np.zeros((frames, 7), np.float32)
    weights[:, class_index] = 1
    return weights[:, 1:]


def group(seed: int, offsets: np.ndarray, frames: int = FRAMES) -> Group:
    """A performance that each of 7 classes moves by its own row of offsets (7, 103), no more."""
    takes = numbers(seed, frames)[None] + offsets[:, None]
    return Group(
        name=f"made-{seed}",
        kinds=STATES,
        targets=takes.astype(np.float16),
        sources=takes.astype(np.float16),
        weights=np.stack([held(k, frames) for k in range(7)]).astype(np.float16),
        closure=np.zeros(frames, np.float16),
        held=np.zeros(frames, np.float16),
        keep_closed=np.ones(7, np.float32),
        variants=np.full((6, 4), 0.25, np.float32),
        shape=np.zeros(300, np.float32),
    )
