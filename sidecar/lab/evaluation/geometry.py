# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the modulator and the baselines clip by clip on held-out performances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.errors import InputError
from ....shared.head import HeadModel
from ...modulation.weights import Modulator
from ..training.data import Group, make_groups
from .baselines import (
    Method,
    make_pose_bank,
    mean_offsets,
    modulated,
    offset_added,
    offset_exchanged,
    untouched,
)
from .data import MIXED_KINDS, STATES, Clip, Labels, class_clips, labels_of, mixed_clips
from .leakage import Reading, measure_leakage
from .measured_head import MeasuredHead, cut_to_measured
from .metrics import face_motion, measure_clip
from .probe import statistics

MODEL, UNTOUCHED, OFFSET, OFFSET_KNOWN = "model", "untouched", "mean offset", "offset, source known"
RETRIEVED, TRUTH = "retrieved pose", "truth"
BUILT_IN = (TRUTH, UNTOUCHED, OFFSET, OFFSET_KNOWN, RETRIEVED, MODEL)
"""Names of the methods that are always measured, in the table's order."""
_OWN_PROBE = (TRUTH, OFFSET_KNOWN, MODEL)
"""Methods for which a second probe is trained on the method's own outputs, as for every modulator
to hold against."""
TRAIN_RATIO = 3
"""Training performances for each held-out one; baselines and probes learn on them."""

Log = Callable[[str], None]
_Row = tuple[Float64Array, Float64Array, Float64Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """performances: held-out ones; 7 or a multiple show every source and target equally often.
    Raises InputError `option.performances`, `option.seed`."""

    performances: int = 42
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.performances <= 2000:
            raise InputError(
                "option.performances",
                f"{self.performances} performances cannot be measured.",
                "Give a number from 2 to 2000.",
            )
        if self.seed < 0:
            raise InputError("option.seed", f"The seed is {self.seed}.", "Give 0 or more.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """One method's results on C clips. figures: (C, F, 2) numerators and denominators, see
    `metrics`; channels: (C, 103) mean absolute error of each number; statistics: (C, 515) the
    inputs of a probe."""

    figures: Float64Array
    channels: Float64Array
    statistics: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """labels, scores: of takes held in one class; mixed_*: of takes whose emotion changes.
    readings: by method; the one of `untouched` shows that the probe works."""

    options: Options
    labels: Labels
    scores: dict[str, Scores]
    mixed_labels: Labels
    mixed_scores: dict[str, Scores]
    readings: dict[str, Reading]


def evaluate_geometry(
    options: Options, head: HeadModel, modulator: Modulator, against: dict[str, Modulator], log: Log
) -> Evaluation:
    """Measures the modulator, the baselines and the modulators in `against`.

    The same options, head and weights give the same figures. Raises InputError `head.no_lips`,
    `option.espeak`.
    """
    measured = cut_to_measured(head)
    count, seed = options.performances, options.seed
    train = make_groups("train", TRAIN_RATIO * count, STATES, seed, head)
    clips = class_clips(make_groups("held-out", count, STATES, seed, head))
    others = make_groups("held-out", max(count // 2, 1), MIXED_KINDS, seed + 1000, head)
    mixed = mixed_clips(others)
    log(f"made {len(clips)} held takes and {len(mixed)} whose emotion moves")
    methods = _methods(train, modulator, against)
    scores = _score(methods, clips, measured)
    log("measured the held takes")
    able = {name: method for name, method in methods.items() if name != RETRIEVED}
    mixed_scores = _score(able, mixed, measured)
    log("measured the takes whose emotion moves")
    return Evaluation(
        options=options,
        labels=labels_of(clips),
        scores=scores,
        mixed_labels=labels_of(mixed),
        mixed_scores=mixed_scores,
        readings=measure_leakage(
            class_clips(train),
            {name: methods[name] for name in (*_OWN_PROBE, *against)},
            {name: score.statistics for name, score in scores.items()},
            labels_of(clips),
        ),
    )


def _methods(
    train: list[Group], modulator: Modulator, against: dict[str, Modulator]
) -> dict[str, Method]:
    offsets = mean_offsets(train)
    return {
        TRUTH: lambda clip: clip.truth,
        UNTOUCHED: untouched,
        OFFSET: offset_added(offsets),
        OFFSET_KNOWN: offset_exchanged(offsets),
        RETRIEVED: make_pose_bank(train),
        MODEL: modulated(modulator),
        **{name: modulated(other) for name, other in against.items()},
    }


def _score(
    methods: dict[str, Method], clips: list[Clip], measured: MeasuredHead
) -> dict[str, Scores]:
    rows: dict[str, list[_Row]] = {name: [] for name in methods}
    for clip in clips:
        truth = face_motion(measured, clip.truth, clip.shape)
        for name, method in methods.items():
            output = face_motion(measured, method(clip), clip.shape)
            figures = measure_clip(output, truth, clip, measured)
            channels = np.abs(output.numbers - clip.truth).mean(0)
            rows[name].append((figures, channels, statistics(output.numbers)))
    return {name: _scores(made) for name, made in rows.items()}


def _scores(rows: list[_Row]) -> Scores:
    figures, channels, seen = (np.stack(column) for column in zip(*rows, strict=True))
    return Scores(figures=figures, channels=channels, statistics=seen)
