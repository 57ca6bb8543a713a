# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the source's emotion probes can still read in an output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float64Array, IndexArray
from ...modulation.network import NUMBERS
from .baselines import Method
from .data import STATES, Clip, Labels, labels_of
from .probe import Probe, statistics, train_probe


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProbe:
    """Results of a probe that was trained on a method's outputs for training performances, with
    their targets given. right: share of held-out outputs whose source class it reads (chance
    1/7); by_source: the same for each source class of `STATES`."""

    right: float
    by_source: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Results of the probes on a method's held-out outputs.

    from_untouched: share whose source class is read by a probe trained on untouched training
    takes (chance 1/7); beside_target: the same where the emotion changed and the target is not
    allowed as an answer (chance 1/6); as_target: share read as the target. own: None if no probe
    was trained on the method's outputs. stain: root mean square, over source classes and numbers,
    of the source class's effect on the outputs' means, divided by that of the untouched takes.
    """

    from_untouched: float
    beside_target: float
    as_target: float
    own: OwnProbe | None
    stain: float


def measure_leakage(
    train: list[Clip], own: dict[str, Method], seen: dict[str, Float64Array], labels: Labels
) -> dict[str, Reading]:
    """Reads each method's held-out statistics `seen` (C, 515). own: methods for which a probe is
    also trained on their outputs. `seen` must hold "truth" and "untouched"."""
    about = labels_of(train)
    takes = np.stack([statistics(clip.source) for clip in train])
    probe = train_probe(takes, np.zeros(len(train), np.intp), about.source, len(STATES))
    whole = _stain(seen["untouched"] - seen["truth"], labels)
    return {
        name: _read(
            probe,
            values,
            labels,
            _own(own[name], train, values, labels) if name in own else None,
            _stain(values - seen["truth"], labels) / whole,
        )
        for name, values in seen.items()
    }


def _read(
    probe: Probe, seen: Float64Array, labels: Labels, own: OwnProbe | None, stain: float
) -> Reading:
    nothing = np.zeros(len(seen), np.intp)
    read = probe.read(seen, nothing)
    beside = probe.read_beside(seen, nothing, labels.target)
    return Reading(
        from_untouched=_share(read == labels.source),
        beside_target=_share((beside == labels.source)[labels.crossed]),
        as_target=_share(read == labels.target),
        own=own,
        stain=stain,
    )


def _own(method: Method, train: list[Clip], seen: Float64Array, labels: Labels) -> OwnProbe:
    about = labels_of(train)
    outputs = np.stack([statistics(method(clip)) for clip in train])
    probe = train_probe(outputs, about.target, about.source, len(STATES))
    right = probe.read(seen, labels.target) == labels.source
    return OwnProbe(
        right=_share(right),
        by_source=[_share(right[labels.source == k]) for k in range(len(STATES))],
    )


def _stain(errors: Float64Array, labels: Labels) -> float:
    """Root mean square of the mean error of each source class, after the mean error of each
    target class was subtracted. errors: (C, 515)."""
    means = errors[:, :NUMBERS]
    rest = means - _class_means(means, labels.target)[labels.target]
    return float(np.sqrt((_class_means(rest, labels.source) ** 2).mean()))


def _class_means(values: Float64Array, classes: IndexArray) -> Float64Array:
    return np.stack([values[classes == k].mean(0) for k in range(len(STATES))])


def _share(hits: BoolArray) -> float:
    return float(hits.mean()) if len(hits) else float("nan")
