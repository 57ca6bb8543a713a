# SPDX-License-Identifier: GPL-3.0-or-later
"""Synchronised pairs of takes: each clip names its source, its target and the true output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float32Array, IndexArray
from ..training.data import Group, Program
from .performances import STATES

MIXED_KINDS = ("held", "rise", "pulse", "transition", "blend")
"""Programs whose emotion moves while the sentence is said."""
MIXED = -1
"""Class of a take whose emotion changes, so that no single class describes it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """One take of T frames and what it should become.

    performance: its group's index. source_class, target_class: index into `STATES`, or `MIXED`.
    source, truth: (T, 103). source_curve: (T, 6) emotion of the source. program: the
    target's. closure: (T,) 1 where the lips must meet. shape: (300,) the identity.
    """

    performance: int
    source_class: int
    target_class: int
    source: Float32Array
    truth: Float32Array
    source_curve: Float32Array
    program: Program
    closure: Float32Array
    shape: Float32Array

    @property
    def curve(self) -> Float32Array:
        """(T, 6) emotion of the target."""
        return self.program.weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """For each of C clips: the index of its performance and its source and target class, (C,)."""

    performance: IndexArray
    source: IndexArray
    target: IndexArray

    @property
    def crossed(self) -> BoolArray:
        """(C,) True for clips whose target class differs from their source class."""
        return self.source != self.target


def class_clips(groups: list[Group]) -> list[Clip]:
    """Every performance's 7 classes as targets, each from another class as source.

    The step from target to source is 1 .. 6, 0 by turns, one for a whole performance, so that
    over each 7 performances every source meets every target once and knowing the target says
    nothing about the source. Step 0 is the same emotion in and out, in a look of its own.
    """
    count = len(STATES)
    return [
        _clip(groups, index, (target + index + 1) % count, target, (target + index + 1) % count)
        for index in range(len(groups))
        for target in range(count)
    ]


def mixed_clips(groups: list[Group]) -> list[Clip]:
    """Every program of each group as target, from the group's next one."""
    return [
        _clip(groups, index, MIXED, program, (program + 1) % len(group.kinds))
        for index, group in enumerate(groups)
        for program in range(len(group.kinds))
    ]


def _clip(groups: list[Group], index: int, source_class: int, target: int, source: int) -> Clip:
    group = groups[index]
    return Clip(
        performance=index,
        source_class=source_class,
        target_class=MIXED if source_class == MIXED else target,
        source=group.sources[source].astype(np.float32),
        truth=group.targets[target].astype(np.float32),
        source_curve=group.weights[source].astype(np.float32),
        program=group.program(target),
        closure=group.closure.astype(np.float32),
        shape=group.shape,
    )


def labels_of(clips: list[Clip]) -> Labels:
    return Labels(
        performance=np.array([c.performance for c in clips], np.intp),
        source=np.array([c.source_class for c in clips], np.intp),
        target=np.array([c.target_class for c in clips], np.intp),
    )
