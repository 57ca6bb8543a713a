# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines that a modulator must beat. Each is a function from a clip to an output (T, 103),
fitted on training performances only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ....shared.arrays import Float32Array, FloatArray
from ...modulation.weights import Modulator
from ..anchors.channels import columns_of, parts
from ..anchors.visemes import GROUPS
from ..training.data import Group
from ..training.measure import apply
from .data import MIXED, STATES, Clip

Method = Callable[[Clip], Float32Array]

SPEECH_GROUPS = ("jaw", "seal", "round", "open")
"""The groups of `anchors.visemes` that are told apart as articulation. Spread lips and tongue are
left out: the first is a smile as well, the second is seldom seen."""
POSE_SIGMA_FRAMES = 2.0
"""Retrieved poses are smoothed this much over time; frame by frame they jump."""


def untouched(clip: Clip) -> Float32Array:
    """The source as it is; also the paper's ablation "without the geometry branch"."""
    return clip.source


def modulated(modulator: Modulator) -> Method:
    """The method that applies the modulator with the clip's target program."""
    return lambda clip: apply(modulator, clip.source, clip.program)


def mean_offsets(groups: list[Group]) -> Float32Array:
    """(6, 103) mean over all frames of each emotion at weight 1 minus the same performance in
    neutral."""
    rows = [[g.targets[g.kinds.index(name)] for name in STATES] for g in groups]
    frames = sum(len(g.closure) for g in groups)
    sums = np.sum([[t.astype(np.float64).sum(0) for t in row] for row in rows], 0)
    return ((sums[1:] - sums[:1]) / frames).astype(np.float32)


def offset_added(offsets: Float32Array) -> Method:
    """Adds the target's mean offset. The source's own emotion stays in."""
    return lambda clip: _float32(clip.source + clip.curve @ offsets)


def offset_exchanged(offsets: Float32Array) -> Method:
    """Subtracts the source emotion's mean offset and adds the target's. Unlike a modulator it is
    told the source's emotion."""
    return lambda clip: _float32(clip.source + (clip.curve - clip.source_curve) @ offsets)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoseBank:
    """Frames (N, 103) of training takes in each class, found by their articulation."""

    frames: list[Float32Array]
    trees: list[cKDTree]

    def __call__(self, clip: Clip) -> Float32Array:
        """The source with everything but its speech and its eyes replaced by the pose of the
        target emotion's training frame whose articulation is nearest."""
        if clip.target_class == MIXED:
            raise ValueError("a retrieved pose has one emotion at weight 1")
        _, nearest = self.trees[clip.target_class].query(articulation(clip.source))
        pose = self.frames[clip.target_class][nearest]
        pose = gaussian_filter1d(pose, POSE_SIGMA_FRAMES, axis=0, mode="nearest")
        own = own_columns()
        pose[:, own] = clip.source[:, own]
        return _float32(pose)


def make_pose_bank(groups: list[Group]) -> PoseBank:
    """Collects the frames of the training performances by class."""
    frames = [
        np.concatenate([g.targets[g.kinds.index(name)] for g in groups]).astype(np.float32)
        for name in STATES
    ]
    return PoseBank(frames=frames, trees=[cKDTree(articulation(f)) for f in frames])


def articulation(numbers: Float32Array) -> Float32Array:
    """(T, A) the weights of the speech shapes and the jaw's opening, unscaled."""
    return numbers[:, [*speech_columns(), 100]]


def speech_columns() -> list[int]:
    """Columns of the shapes that say the sentence."""
    shapes = [shape for group in SPEECH_GROUPS for shape in GROUPS[group]]
    return sorted({column for shape in (*shapes, "mouthClose") for column in columns_of(shape)})


def own_columns() -> list[int]:
    """Columns that a retrieved pose leaves to the take: speech, jaw, lips' seal, eyes and lids."""
    eyes = [i for i, part in enumerate(parts()) if part == "eye"]
    return sorted({*speech_columns(), *eyes, *columns_of("lipSeal"), 100, 101, 102})


def _float32(values: FloatArray) -> Float32Array:
    return np.asarray(values, np.float32)
