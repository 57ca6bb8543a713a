# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures interpolation between two emotions in the embedding space: whether weights move
monotonically, whether the middle is as strong as the ends, and whether speech is kept.

The baseline is the linear blend of the two ends' parameters, which is monotone by construction
and keeps whatever both ends keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ....shared.arrays import Float32Array, FloatArray
from ....shared.emotion import EmotionTrack
from ....shared.head import HeadModel
from ....shared.motion import Motion, make_motion, numbers_of
from ...modulation.modulator import Modulator, modulate
from ...modulation.windows import WINDOW
from ...motion.adapter import open_to_arkit
from ..anchors.synchronised import Synchronised, closure_frame, vowel_frame
from ..training.linear_head import LinearHead
from ..training.measure import CLOSED_MM
from .metrics import MUST_CLOSE
from .performances import STATES, state_weights, track_of

PAIRS = tuple(combinations(STATES, 2))
"""All pairs of states, neutral among them."""
STEPS = 9
"""Blends between two states, both ends included."""
MIDDLE = STEPS // 2
LEAST_DIFFERENCE = 0.15
"""ARKit weights that differ by less between the ends are not judged for direction."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """The same take at `STEPS` blends between two states.

    numbers: (STEPS, T, 103). arkit: (STEPS, N, 52) weights at some of the frames.
    """

    numbers: Float32Array
    arkit: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True)
class WayFigures:
    """wrong_way: how far ARKit weights move backwards, as a share of the distance between the ends
    (0 is monotone); worst_wrong_way: the same for the single worst weight. middle_strength: the
    surface's deviation from neutral at blend 0.5, as a share of the ends' mean;
    middle_strength_linear: the same for the linear blend. jaw_correlation: between the jaw at
    blend 0.5 and the ends' mean over time; gap_change_mm: mean difference of the lips' gap between
    the two. closure_kept: share of closures that stay closed, at the worst step.
    """

    wrong_way: float
    worst_wrong_way: float
    middle_strength: float
    middle_strength_linear: float
    jaw_correlation: float
    gap_change_mm: float
    closure_kept: float

    @property
    def collapse(self) -> float:
        """Strength in the middle divided by the linear blend's. It is a distance, and weights are
        shares of energy: halves that keep theirs are 1.41 times as far as the linear blend."""
        return self.middle_strength / max(self.middle_strength_linear, 1e-9)


def blend_weights(first: str, last: str, share: float) -> Float32Array:
    """(6,) the track's weights at `share` of the way between two states."""
    weights = (1 - share) * state_weights(first) + share * state_weights(last)
    return np.asarray(weights, np.float32)


def walk(
    take: Motion, pair: tuple[str, str], modulator: Modulator, head: HeadModel, *, every: int = 8
) -> Way:
    """The take at each blend, held from beginning to end. ARKit weights are solved for every
    `every`-th frame."""
    outs = [
        modulate(take, _held(take, blend_weights(*pair, share)), modulator)
        for share in np.linspace(0, 1, STEPS)
    ]
    return _way(outs, head, every)


def walk_in_time(
    take: Motion, pair: tuple[str, str], modulator: Modulator, head: HeadModel, frame: int
) -> Way:
    """One frame of the take, held, while the track runs from one state to the other; (STEPS, 1).

    The network sees the weights move within its window, as it does on an animator's curve.
    """
    lead, run = WINDOW // 2, 4 * WINDOW
    still = _hold(take, frame, lead + run + lead)
    share = np.clip((np.arange(len(still)) - lead) / run, 0, 1)[:, None]
    weights = (1 - share) * state_weights(pair[0]) + share * state_weights(pair[1])
    out = modulate(still, track_of(weights, take.fps), modulator)
    places = lead + np.linspace(0, run, STEPS).round().astype(int)
    picked = make_motion(
        expression=out.expression[places],
        jaw=out.jaw[places],
        eyes=out.eyes[places],
        fps=out.fps,
        space="open",
    )
    return Way(numbers=numbers_of(picked)[:, None], arkit=open_to_arkit(picked, head)[:, None])


def travel(
    take: Motion, pair: tuple[str, str], modulator: Modulator
) -> tuple[Float32Array, Motion]:
    """(T, 6) weights that run linearly over the whole speaking take, and the take in them."""
    share = np.linspace(0, 1, len(take))[:, None]
    weights = (1 - share) * state_weights(pair[0]) + share * state_weights(pair[1])
    return np.asarray(weights, np.float32), modulate(take, track_of(weights, take.fps), modulator)


def measure_way(
    way: Way, neutral: Float32Array, surface: LinearHead, closure: FloatArray
) -> WayFigures:
    """neutral: (T, 103) the same take in neutral. closure: (T,)."""
    wrong, worst = wrong_way(way.arkit)
    straight = 0.5 * (way.numbers[0] + way.numbers[-1])
    ends = 0.5 * sum(strength(way.numbers[k], neutral, surface) for k in (0, -1))
    gap = (way.numbers[MIDDLE] - straight) @ surface.gap
    return WayFigures(
        wrong_way=wrong,
        worst_wrong_way=worst,
        middle_strength=strength(way.numbers[MIDDLE], neutral, surface) / ends,
        middle_strength_linear=strength(straight, neutral, surface) / ends,
        jaw_correlation=_correlation(way.numbers[MIDDLE][:, 100], straight[:, 100]),
        gap_change_mm=float(np.abs(gap).mean()),
        closure_kept=closure_kept(way.numbers, closure, surface),
    )


def wrong_way(arkit: Float32Array) -> tuple[float, float]:
    """How far weights (STEPS, N, 52) move against their overall direction, as a share of the
    distance between the ends: over all weights that differ, and of the worst single one."""
    distance = arkit[-1] - arkit[0]  # (N, 52)
    counts = np.abs(distance) >= LEAST_DIFFERENCE
    against = np.maximum(-np.sign(distance) * np.diff(arkit, axis=0), 0).sum(0) * counts
    whole = np.abs(distance) * counts
    if not counts.any():
        return 0.0, 0.0
    often = counts.sum(0) >= 0.2 * len(counts)  # a weight that differs in few frames is noise
    each = against.sum(0)[often] / whole.sum(0)[often]
    return float(against.sum() / whole.sum()), float(each.max(initial=0.0))


def strength(numbers: Float32Array, neutral: Float32Array, surface: LinearHead) -> float:
    """Mean over frames of the surface's root mean square distance from neutral, in mm."""
    moved = ((numbers - neutral) @ surface.basis).reshape(len(numbers), -1, 3)
    return float(np.sqrt(np.square(moved).sum(2).mean(1)).mean())


def closure_kept(numbers: Float32Array, closure: FloatArray, surface: LinearHead) -> float:
    """The share of closures whose lips meet in numbers (S, T, 103), in the row with the smallest
    share; 1 if the take has no closures."""
    closed = closure > MUST_CLOSE
    if not closed.any():
        return 1.0
    gap = (numbers[:, closed] @ surface.gap).mean(2)  # (S, N) mm
    return float((gap < CLOSED_MM).mean(1).min())


def progress(numbers: Float32Array, first: Float32Array, last: Float32Array) -> Float32Array:
    """(T,) how far each frame is on its way from `first` to `last`, all (T, 103): 0 to 1."""
    axis = last - first
    return ((numbers - first) * axis).sum(1) / np.maximum((axis * axis).sum(1), 1e-9)


def measure_interpolation(
    performances: Sequence[Synchronised], modulator: Modulator, head: HeadModel, surface: LinearHead
) -> dict[str, dict[str, float]]:
    """Figures by pair ("happy-sad"), averaged over the performances' neutral sources: those of
    `WayFigures` and `collapse`; `held_wrong_way` on a held vowel and a held closure;
    `travel_wrong_way` and `travel_closure_kept` of a curve over the whole speaking take. The rows
    "mean" and "worst" are over the pairs."""
    rows = {
        f"{a}-{b}": _measure_pair((a, b), performances, modulator, head, surface) for a, b in PAIRS
    }
    names = list(next(iter(rows.values())))
    small_is_bad = {
        "middle_strength",
        "collapse",
        "jaw_correlation",
        "closure_kept",
        "travel_closure_kept",
        "middle_strength_linear",
    }
    values = {name: [row[name] for row in rows.values()] for name in names}
    rows["mean"] = {name: float(np.mean(values[name])) for name in names}
    rows["worst"] = {
        name: float(min(values[name]) if name in small_is_bad else max(values[name]))
        for name in names
    }
    return rows


def _measure_pair(
    pair: tuple[str, str],
    performances: Sequence[Synchronised],
    modulator: Modulator,
    head: HeadModel,
    surface: LinearHead,
) -> dict[str, float]:
    rows = []
    for performance in performances:
        take = performance.sources[0]
        neutral = numbers_of(modulate(take, _held(take, state_weights("neutral")), modulator))
        way = walk(take, pair, modulator, head)
        figures = measure_way(way, neutral, surface, performance.closure)
        still = [
            walk_in_time(take, pair, modulator, head, frame)
            for frame in (vowel_frame(performance), closure_frame(performance))
        ]
        moving = numbers_of(travel(take, pair, modulator)[1])
        steps = progress(moving, way.numbers[0], way.numbers[-1])
        rows.append(
            {name: getattr(figures, name) for name in WayFigures.__slots__}
            | {
                "collapse": figures.collapse,
                "held_wrong_way": float(np.mean([wrong_way(held.arkit)[0] for held in still])),
                "travel_wrong_way": float(np.maximum(-np.diff(_smooth(steps)), 0).sum()),
                "travel_closure_kept": closure_kept(moving[None], performance.closure, surface),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _smooth(values: Float32Array) -> Float32Array:
    # Speech passes through faster than the curve does; what it does to the way is not a retreat.
    kernel = np.ones(9) / 9
    return np.convolve(np.pad(values, 4, "edge"), kernel, "valid").astype(np.float32)


def _way(outs: Sequence[Motion], head: HeadModel, every: int) -> Way:
    numbers = np.stack([numbers_of(out) for out in outs])
    picked = numbers[:, ::every]
    flat = make_motion(
        expression=picked[..., :100].reshape(-1, 100),
        jaw=picked[..., 100:].reshape(-1, 3),
        eyes=np.tile(outs[0].eyes[::every], (len(outs), 1)),
        fps=outs[0].fps,
        space="open",
    )
    return Way(numbers=numbers, arkit=open_to_arkit(flat, head).reshape(*picked.shape[:2], -1))


def _held(take: Motion, weights: Float32Array) -> EmotionTrack:
    # Lips that surprise opens in silence would move the jaw along another way than speech.
    return track_of(np.tile(weights, (len(take), 1)), take.fps, keep_closed=1.0)


def _hold(take: Motion, frame: int, frames: int) -> Motion:
    parts = {
        name: np.tile(getattr(take, name)[frame], (frames, 1))
        for name in ("expression", "jaw", "eyes")
    }
    return make_motion(**parts, fps=take.fps, space=take.space)


def _correlation(first: Float32Array, second: Float32Array) -> float:
    return float(np.corrcoef(first, second)[0, 1])
