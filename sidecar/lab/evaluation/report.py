# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums up an evaluation's figures and compares them with the promised limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float64Array
from ..anchors.channels import NAMES
from .data import STATES, Labels
from .geometry import BUILT_IN, MODEL, OFFSET, UNTOUCHED, Evaluation, Scores
from .leakage import Reading
from .metrics import FIGURES
from .resample import Estimate, Resampler, by_performance, make_resampler

BY_TARGET = ("aed", "lve_mm")
"""Figures that are also given by target emotion and by pair."""
_NUMBER_NAMES = (*NAMES, "jaw x", "jaw y", "jaw z")

Row = dict[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise of the project: `what` was measured, its `limit` and whether it is kept.
    error: standard error of the value."""

    what: str
    value: float
    error: float
    limit: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Mean absolute error of one number: of the model's output and of the untouched take."""

    name: str
    model: float
    untouched: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """clips: number of held takes; crossed: how many of them change their emotion. methods, same,
    moving: by method and figure, for takes whose emotion changes, takes that are in the target's
    emotion already, and emotions that move. by_target: by figure, method and class. pairs: the
    model's, by figure; rows are sources and columns targets, nan where no take was drawn.
    largest_overshoot_mm: by method. channels: the worst first."""

    performances: int
    seed: int
    clips: int
    crossed: int
    methods: dict[str, Row]
    same: dict[str, Row]
    moving: dict[str, Row]
    by_target: dict[str, dict[str, Row]]
    pairs: dict[str, list[list[float]]]
    largest_overshoot_mm: dict[str, float]
    channels: list[Channel]
    readings: dict[str, Reading]
    checks: list[Check]


def make_report(evaluation: Evaluation) -> Report:
    """The evaluation summed up, with standard errors over performances."""
    labels, scores = evaluation.labels, evaluation.scores
    crossed = labels.crossed
    resampler = make_resampler(evaluation.options.performances, evaluation.options.seed)
    mixed = make_resampler(int(evaluation.mixed_labels.performance.max()) + 1, 0)
    everywhere = np.ones(len(evaluation.mixed_labels.source), bool)
    overshoot = FIGURES.index("overshoot_mm")
    return Report(
        performances=evaluation.options.performances,
        seed=evaluation.options.seed,
        clips=len(crossed),
        crossed=int(crossed.sum()),
        methods=_rows(scores, labels, crossed, resampler),
        same=_rows(scores, labels, ~crossed, resampler),
        moving=_rows(evaluation.mixed_scores, evaluation.mixed_labels, everywhere, mixed),
        by_target={figure: _by_target(figure, scores, labels, resampler) for figure in BY_TARGET},
        pairs={figure: _pairs(figure, scores[MODEL], labels) for figure in BY_TARGET},
        largest_overshoot_mm={
            name: float(s.figures[crossed, overshoot, 0].max()) for name, s in scores.items()
        },
        channels=_channels(scores, crossed),
        readings=evaluation.readings,
        checks=_checks(evaluation, resampler),
    )


def plain(report: Report) -> object:
    """The report as JSON holds it; what is unknown is null."""
    return _without_nan(asdict(report))


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _rows(
    scores: dict[str, Scores], labels: Labels, chosen: BoolArray, resampler: Resampler
) -> dict[str, Row]:
    return {
        name: {
            figure: resampler.estimate(_shares(score, figure, labels, chosen, resampler))
            for figure in FIGURES
        }
        for name, score in scores.items()
    }


def _shares(
    score: Scores, figure: str, labels: Labels, chosen: BoolArray, resampler: Resampler
) -> Float64Array:
    """(P, 2) of one figure over the chosen clips."""
    shares = score.figures[chosen, FIGURES.index(figure)]
    return by_performance(shares, labels.performance[chosen], resampler.draws.shape[1])


def _by_target(
    figure: str, scores: dict[str, Scores], labels: Labels, resampler: Resampler
) -> dict[str, Row]:
    chosen = [labels.crossed & (labels.target == target) for target in range(len(STATES))]
    return {
        name: {
            label: resampler.estimate(_shares(score, figure, labels, of_target, resampler))
            for label, of_target in zip(STATES, chosen, strict=True)
        }
        for name, score in scores.items()
    }


def _pairs(figure: str, score: Scores, labels: Labels) -> list[list[float]]:
    sums = np.zeros((len(STATES), len(STATES), 2))
    np.add.at(sums, (labels.source, labels.target), score.figures[:, FIGURES.index(figure)])
    known = sums[..., 1] > 0
    return np.divide(
        sums[..., 0], sums[..., 1], out=np.full(known.shape, np.nan), where=known
    ).tolist()


def _channels(scores: dict[str, Scores], crossed: BoolArray) -> list[Channel]:
    model, source = (scores[name].channels[crossed].mean(0) for name in (MODEL, UNTOUCHED))
    return [
        Channel(name=_NUMBER_NAMES[i], model=float(model[i]), untouched=float(source[i]))
        for i in np.argsort(-model, kind="stable")
    ]


def _checks(evaluation: Evaluation, resampler: Resampler) -> list[Check]:
    labels, readings = evaluation.labels, evaluation.readings

    def shares(method: str, figure: str) -> Float64Array:
        return _shares(evaluation.scores[method], figure, labels, labels.crossed, resampler)

    def ratio(figure: str, other: str) -> Estimate:
        return resampler.compare(shares(MODEL, figure), shares(other, figure))

    closed = resampler.estimate(shares(MODEL, "closures_kept"))
    before, after = (readings[name].from_untouched for name in (UNTOUCHED, MODEL))
    count = len(labels.source)
    checks = [
        _at_most("AED: model / mean offset", ratio("aed", OFFSET), 0.5),
        _at_most("AED: model / untouched", ratio("aed", UNTOUCHED), 0.25),
        _at_most("LVE: model / mean offset", ratio("lve_mm", OFFSET), 0.6),
        _check("closures kept by the model", closed, "at least 0.98", closed.value >= 0.98),
        _check(
            "probe reads the source from untouched takes",
            _counted(before, count),
            "above 0.85",
            before > 0.85,
        ),
        _at_most("probe reads the source from the output", _counted(after, count), 0.3),
    ]
    for name in evaluation.scores:
        if name not in BUILT_IN:
            worse = resampler.compare(shares(name, "aed"), shares(MODEL, "aed"))
            checks.append(_check(f"AED: {name} / model", worse, "above 1", worse.value > 1))
    return checks


def _at_most(what: str, estimate: Estimate, limit: float) -> Check:
    return _check(what, estimate, f"at most {limit:g}", estimate.value <= limit)


def _check(what: str, estimate: Estimate, limit: str, passed: bool) -> Check:
    return Check(
        what=what, value=estimate.value, error=estimate.error, limit=limit, passed=bool(passed)
    )


def _counted(share: float, count: int) -> Estimate:
    """A share of `count` clips, its error by the binomial distribution."""
    error = float(np.sqrt(share * (1 - share) / count))
    return Estimate(value=share, error=error, low=share - 1.96 * error, high=share + 1.96 * error)
