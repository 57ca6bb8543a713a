# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of a take that are judged: a modulator's states, the baselines, and recipes.

The baselines are the take itself, the take with an emotion's mean offset (which knows nothing of
what the take shows already), and the recipes of the anchors straight on a still face (no network).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt

from ....shared.arrays import Float32Array, Float64Array
from ....shared.emotion import EMOTIONS, USUALLY_CLOSED
from ....shared.head import HeadModel
from ....shared.motion import Motion, make_motion, numbers_of
from ...modulation.modulator import Modulator, modulate
from ..anchors.channels import columns_of
from ..anchors.takes import motion_of_weights, still_looks
from ..training.data import make_groups
from .baselines import mean_offsets
from .lips_kept import MEET_MM, PARTED_MM, held_closures
from .performances import STATES, track_of
from .takes import APART_S, lip_gap

CLOSED, OPEN_LIPS = "closed", "open"
FORMS = (CLOSED, OPEN_LIPS)
"""What the lips of a picked frame do in the take."""
USUAL_OPENING = 0.7
"""Open frames are as wide as this quantile of the take's parted frames: a mouth in speech, not
the widest of all, which would look surprised by itself."""
BLINK_MM = 12.0
"""A wholly shut eye weighs as much in the choice of a frame as this difference of the lips' gap."""
ITSELF = "itself"
"""The state of a version that no emotion was put on."""
MODEL, UNTOUCHED, OFFSET, RECIPE = "model", "untouched", "mean offset", "recipe"
OFFSET_PERFORMANCES = 14
"""Training performances whose mean is the offset: twice each source emotion."""

Version = Callable[[Motion], Mapping[str, Motion]]
"""A take in space "open" -> the take by state."""
Pick = tuple[int, str]
"""(frame, form) of a take."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Take:
    """A take by name, in space "open"."""

    name: str
    motion: Motion


def frames_of(take: Motion, head: HeadModel, count: int = 2, first: int = 0) -> list[Pick]:
    """`count` frames with open eyes, by turns with lips held shut and parted, from `FORMS[first]`
    on: a shut one out of a held stretch if the take has any. Fewer in a very short take."""
    gap = lip_gap(take, head)
    costs = {CLOSED: _cost_of_closed(gap, take.fps), OPEN_LIPS: _cost_of_open(gap)}
    blink = take.expression[:, columns_of("eyeBlink")].mean(1).astype(np.float64)
    eyes = BLINK_MM * np.maximum(blink - np.quantile(blink, 0.2), 0)
    apart = min(round(APART_S * take.fps), max((len(take) - 1) // max(count, 1), 0))
    free, picked = np.ones(len(take), bool), []
    for index in range(count):
        if not free.any():
            break
        form = FORMS[(first + index) % len(FORMS)]
        frame = int(np.where(free, costs[form] + eyes, np.inf).argmin())
        free[max(frame - apart, 0) : frame + apart + 1] = False
        picked.append((frame, form))
    return picked


def _cost_of_closed(gap: Float64Array, fps: float) -> Float64Array:
    held = np.zeros(len(gap) + 2, bool)
    held[held_closures(gap, fps) + 1] = True
    # The middle of a silence shows it better than its ends, where lips are on their way.
    depth = np.asarray(distance_transform_edt(held), np.float64)[1:-1]
    return 10 * np.maximum(gap - MEET_MM, 0) + PARTED_MM * (1 - depth / max(depth.max(), 1))


def _cost_of_open(gap: Float64Array) -> Float64Array:
    parted = gap[gap > PARTED_MM]
    return np.abs(gap - (np.quantile(parted, USUAL_OPENING) if len(parted) else gap.max()))


def hold(
    take: Motion,
    state: str,
    weight: float,
    modulator: Modulator,
    keep_closed: float = USUALLY_CLOSED,
) -> Motion:
    """The take in a state of `STATES`, an emotion at `weight`, throughout."""
    return blend(take, {} if state == "neutral" else {state: weight}, modulator, keep_closed)


def blend(
    take: Motion,
    weights: Mapping[str, float],
    modulator: Modulator,
    keep_closed: float = USUALLY_CLOSED,
) -> Motion:
    """The take with these emotions' weights and this control of held lips throughout."""
    row = np.array([weights.get(name, 0.0) for name in EMOTIONS])
    track = track_of(np.tile(row, (len(take), 1)), take.fps, keep_closed=keep_closed)
    return modulate(take, track, modulator)


def states_of(
    take: Motion, modulator: Modulator, keep_closed: float = USUALLY_CLOSED
) -> dict[str, Motion]:
    """The take in each of `STATES` at weight 1."""
    return {state: hold(take, state, 1.0, modulator, keep_closed) for state in STATES}


def offsets_of(head: HeadModel) -> Float32Array:
    """(6, 103) the emotions' mean offsets over training performances. Raises InputError
    `option.espeak`."""
    return mean_offsets(make_groups("train", OFFSET_PERFORMANCES, STATES, 0, head))


def offset_states(take: Motion, offsets: Float32Array) -> dict[str, Motion]:
    """The take, and with each emotion's offset added at weight 1."""
    return {"neutral": take} | {
        state: _with_numbers(take, numbers_of(take) + offset)
        for state, offset in zip(EMOTIONS, offsets, strict=True)
    }


def _with_numbers(take: Motion, numbers: Float32Array) -> Motion:
    return replace(
        take,
        expression=np.ascontiguousarray(numbers[:, :100], np.float32),
        jaw=np.ascontiguousarray(numbers[:, 100:], np.float32),
    )


def recipe_states(head: HeadModel) -> dict[str, Motion]:
    """A still face, and each emotion's recipes on it, one variant a frame, each with lips that may
    part, then with lips held together."""
    looks = still_looks(head)
    recipes = {"neutral": np.zeros((1, looks.shape[-1]))} | {
        name: look.reshape(-1, looks.shape[-1]) for name, look in zip(EMOTIONS, looks, strict=True)
    }
    return {state: motion_of_weights(rows, head) for state, rows in recipes.items()}


def join(motions: Sequence[Motion]) -> Motion:
    """Takes of one space one after the other, as one take with the first's rate and identity."""
    names = ("expression", "jaw", "eyes")
    parts = {name: np.concatenate([getattr(m, name) for m in motions]) for name in names}
    first = motions[0]
    return make_motion(**parts, shape=first.shape, fps=first.fps, space=first.space)
