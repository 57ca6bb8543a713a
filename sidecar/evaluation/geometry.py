# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to the target emotion on held-out performances, measured clip by clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.errors import InputError
from ...shared.head import HeadModel
from ..modulation.weights import Modulator
from .baselines import (
    Method,
    make_pose_bank,
    mean_offsets,
    modulated,
    offset_added,
    offset_exchanged,
    untouched,
)
from .data import CLASSES, MIXED_KINDS, Clip, class_clips, mixed_clips
from .metrics import FIGURES, measure_clip, see
from .probe import Probe, statistics, train_probe
from .ruler import Ruler, make_ruler
from .shim import make_groups

MODEL, UNTOUCHED, OFFSET, OFFSET_KNOWN = "model", "untouched", "mean offset", "offset, source known"
RETRIEVED, TRUTH = "retrieved pose", "truth"
BUILT_IN = (TRUTH, UNTOUCHED, OFFSET, OFFSET_KNOWN, RETRIEVED, MODEL)
"""Names of the methods that are always measured, in the table's order."""
TRAIN_RATIO = 3
"""Training performances for each held-out one: for the baselines and the probes."""
_MIXED_SEED = 1000

Log = Callable[[str], None]
IntArray = NDArray[np.intp]


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
class Labels:
    """(C,) each: whose clip it is, and its classes."""

    performance: IntArray
    source: IntArray
    target: IntArray

    @property
    def crossed(self) -> NDArray[np.bool_]:
        """(C,) clips whose emotion changes."""
        return self.source != self.target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """One method on C clips. figures: (C, F, 2), see `metrics`; channels: (C, 103) mean absolute
    error of each number; statistics: (C, 515) what a probe sees."""

    figures: NDArray[np.float64]
    channels: NDArray[np.float64]
    statistics: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What probes read. from_untouched: the share of outputs whose source class is read by a
    probe trained on untouched training takes; beside_target: the same where the probe may not
    answer the target (chance 1/6); as_target: the share read as the target. from_outputs: by a
    probe trained on this method's own outputs and told their targets; None if not trained."""

    from_untouched: float
    beside_target: float
    as_target: float
    from_outputs: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """labels, scores: takes held in one class; mixed_*: takes whose emotion moves. readings by
    method; `untouched` of them is the probe's proof."""

    options: Options
    labels: Labels
    scores: dict[str, Scores]
    mixed_labels: Labels
    mixed_scores: dict[str, Scores]
    readings: dict[str, Reading]


def evaluate_geometry(
    options: Options,
    head: HeadModel,
    modulator: Modulator,
    against: dict[str, Modulator],
    log: Log,
) -> Evaluation:
    """Measures the modulator, the baselines and the modulators it is held against.

    The same options, head and weights give the same figures. Raises InputError `head.no_lips`,
    `option.espeak`.
    """
    ruler = make_ruler(head)
    count, seed = options.performances, options.seed
    train = make_groups("train", TRAIN_RATIO * count, CLASSES, seed, head)
    clips = class_clips(make_groups("held-out", count, CLASSES, seed, head))
    mixed_groups = make_groups(
        "held-out", max(count // 2, 1), MIXED_KINDS, seed + _MIXED_SEED, head
    )
    mixed = mixed_clips(mixed_groups)
    log(f"made {len(clips)} held takes and {len(mixed)} whose emotion moves")
    offsets = mean_offsets(train)
    methods: dict[str, Method] = {
        TRUTH: lambda clip: clip.truth,
        UNTOUCHED: untouched,
        OFFSET: offset_added(offsets),
        OFFSET_KNOWN: offset_exchanged(offsets),
        RETRIEVED: make_pose_bank(train),
        MODEL: modulated(modulator),
        **{name: modulated(other) for name, other in against.items()},
    }
    scores = {name: _score(method, clips, ruler) for name, method in methods.items()}
    log("measured the held takes")
    moving = {name: method for name, method in methods.items() if name != RETRIEVED}
    mixed_scores = {name: _score(method, mixed, ruler) for name, method in moving.items()}
    log("measured the takes whose emotion moves")
    return Evaluation(
        options=options,
        labels=labels_of(clips),
        scores=scores,
        mixed_labels=labels_of(mixed),
        mixed_scores=mixed_scores,
        readings=_read_all(class_clips(train), methods, scores, labels_of(clips)),
    )


def labels_of(clips: list[Clip]) -> Labels:
    return Labels(
        performance=np.array([c.performance for c in clips], np.intp),
        source=np.array([c.source_class for c in clips], np.intp),
        target=np.array([c.target_class for c in clips], np.intp),
    )


def _score(method: Method, clips: list[Clip], ruler: Ruler) -> Scores:
    figures = np.zeros((len(clips), len(FIGURES), 2))
    channels = np.zeros((len(clips), clips[0].truth.shape[1]))
    read = []
    for row, clip in enumerate(clips):
        output = method(clip)
        truth = see(ruler, clip.truth, clip.shape)
        figures[row] = measure_clip(see(ruler, output, clip.shape), truth, clip, ruler)
        channels[row] = np.abs(output - clip.truth).mean(0)
        read.append(statistics(output))
    return Scores(figures=figures, channels=channels, statistics=np.stack(read))


_OWN_PROBE = (TRUTH, OFFSET_KNOWN, MODEL)
"""Methods whose own outputs a probe is trained on. The truth is its control: nothing of the
source is in it."""


def _read_all(
    train: list[Clip], methods: dict[str, Method], scores: dict[str, Scores], labels: Labels
) -> dict[str, Reading]:
    about = labels_of(train)
    nothing = np.zeros(len(train), np.intp)
    takes = np.stack([statistics(clip.source) for clip in train])
    probe = train_probe(takes, nothing, about.source, len(CLASSES))
    readings = {}
    for name, score in scores.items():
        own = None
        if name in _OWN_PROBE:
            outputs = np.stack([statistics(methods[name](clip)) for clip in train])
            trained = train_probe(outputs, about.target, about.source, len(CLASSES))
            own = _share(trained.read(score.statistics, labels.target) == labels.source)
        readings[name] = _read(probe, score.statistics, labels, own)
    return readings


def _read(probe: Probe, seen: NDArray[np.float64], labels: Labels, own: float | None) -> Reading:
    nothing = np.zeros(len(seen), np.intp)
    read = probe.read(seen, nothing)
    beside = probe.read_beside(seen, nothing, labels.target)
    return Reading(
        from_untouched=_share(read == labels.source),
        beside_target=_share((beside == labels.source)[labels.crossed]),
        as_target=_share(read == labels.target),
        from_outputs=own,
    )


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")
