# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets of interpolations between emotions and of the two regions of the face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....shared.arrays import Float32Array, UInt8Array
from ....shared.emotion import EMOTIONS, EmotionTrack
from ....shared.head import HeadModel
from ....shared.motion import Motion
from ...modulation.modulator import Modulator, modulate
from ...render.portrait import draw_frame
from ...render.sheets import contact_sheet
from ..anchors.synchronised import Synchronised, closure_frame, vowel_frame
from .interpolation import PAIRS, blend_weights
from .performances import held_track, track_of

STRIP_SIZE = (216, 260)
SHEET_SIZE = (176, 212)
STRIP_COLUMNS = 9
PAIR_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
UPPER_WITH_LOWER = (("angry", "happy"), ("surprise", "sad"), ("sad", "disgust"))
"""Mixed faces on the sheet: (emotion of the upper half, emotion of the lower half)."""


def way_strip(
    performance: Synchronised, states: Sequence[str], modulator: Modulator, head: HeadModel
) -> UInt8Array:
    """Nine blends along `states`, such as ("happy", "neutral", "sad"): a vowel's frame in the upper
    row, a frame with closed lips in the lower one."""
    take = performance.sources[0]
    places = np.linspace(0, len(states) - 1, STRIP_COLUMNS)
    outs = [_at(take, states, place, modulator) for place in places]
    frames = (vowel_frame(performance), closure_frame(performance))
    pictures = [draw_frame(out, frame, head, STRIP_SIZE) for frame in frames for out in outs]
    names = [_name(states, place) for place in places]
    return contact_sheet(
        pictures, [*names, *("" for _ in names)], STRIP_COLUMNS, title=" to ".join(states)
    )


def pair_sheet(performance: Synchronised, modulator: Modulator, head: HeadModel) -> UInt8Array:
    """Every pair of emotions at `PAIR_SHARES` of the way, on a vowel; three pairs in a row."""
    take, frame = performance.sources[0], vowel_frame(performance)
    pictures, labels = [], []
    for first, last in [pair for pair in PAIRS if "neutral" not in pair]:
        for share in PAIR_SHARES:
            out = _at(take, (first, last), share, modulator)
            pictures.append(draw_frame(out, frame, head, SHEET_SIZE))
            labels.append(_name((first, last), share))
    return contact_sheet(pictures, labels, 3 * len(PAIR_SHARES))


def region_sheet(performance: Synchronised, modulator: Modulator, head: HeadModel) -> UInt8Array:
    """Rows: both regions, upper only, lower only; a column for each emotion; last, faces that
    show one emotion above and another below (`UPPER_WITH_LOWER`)."""
    take, frame = performance.sources[0], vowel_frame(performance)
    pictures, labels = [], []
    for name, upper, lower in (("both", 1.0, 1.0), ("upper", 1.0, 0.0), ("lower", 0.0, 1.0)):
        for state in EMOTIONS:
            track = held_track(state, len(take), take.fps, upper=upper, lower=lower)
            pictures.append(draw_frame(modulate(take, track, modulator), frame, head, STRIP_SIZE))
            labels.append(f"{state}, {name}")
    for above, below in UPPER_WITH_LOWER:
        out = mix_regions(take, above, below, modulator)
        pictures.append(draw_frame(out, frame, head, STRIP_SIZE))
        labels.append(f"{above} above {below}")
    return contact_sheet(pictures, labels, len(EMOTIONS))


def mix_regions(take: Motion, above: str, below: str, modulator: Modulator) -> Motion:
    """The take with one emotion in the upper half and another in the lower, by two passes of
    modulation, one after the other."""
    first = modulate(take, held_track(below, len(take), take.fps, upper=0.0), modulator)
    return modulate(first, held_track(above, len(take), take.fps, lower=0.0), modulator)


def _at(take: Motion, states: Sequence[str], place: float, modulator: Modulator) -> Motion:
    """The take held at a place along `states`, 0 the first, len - 1 the last."""
    leg = min(int(place), len(states) - 2)
    weights = blend_weights(states[leg], states[leg + 1], place - leg)
    return modulate(take, _constant(weights, take), modulator)


def _constant(weights: Float32Array, take: Motion) -> EmotionTrack:
    return track_of(np.tile(weights, (len(take), 1)), take.fps)


def _name(states: Sequence[str], place: float) -> str:
    leg = min(int(place), len(states) - 2)
    share = place - leg
    parts = [(states[leg], 1 - share), (states[leg + 1], share)]
    return " + ".join(
        f"{name} {weight:.2f}".rstrip("0").rstrip(".") if weight < 1 else name
        for name, weight in parts
        if weight > 0 and (name != "neutral" or weight == 1)
    )
