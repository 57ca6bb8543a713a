# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emotion track says, in a line: which emotion holds from when to when, and which action
units act."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.emotion import EMOTIONS, EmotionTrack
from ...shared.emotion_keys import EmotionKeys
from ...shared.wording import say_count

_MOST_STRETCHES = 6
"""How many a line names; of longer tracks the first ones."""
_FAINT = 0.05
"""Weights below this count as neutral: they do not show."""
_NEUTRAL, _UNTOUCHED = -1, -2
_WITHOUT = {_NEUTRAL: "neutral", _UNTOUCHED: "the take as it is"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """Frames in which one emotion is the strongest. name: of the emotion, "neutral", or "the take
    as it is" where the performance is left alone. weights: (n,) of the emotion, zeros of those."""

    name: str
    frames: range
    weights: Float32Array


def describe_track(track: EmotionTrack, frames: range) -> str:
    """Which emotion is the strongest in which of the frames, by seconds of the take: "neutral from
    0 to 1.2 s, then happy 1 until 2.5 s", with "; AU4 up to 0.3" behind it."""
    stretches = list(_stretches(track, frames))
    shown = stretches[:_MOST_STRETCHES]
    ends = [_seconds(stretch.frames.stop / track.fps) for stretch in shown]
    said = [f"{_describe(shown[0])} from {_seconds(frames.start / track.fps)} to {ends[0]} s"]
    said += [
        f"{_describe(stretch)} until {end} s"
        for stretch, end in zip(shown[1:], ends[1:], strict=True)
    ]
    left = len(stretches) - len(shown)
    return (
        ", then ".join(said)
        + (f", and {say_count(left, 'change')} more" if left else "")
        + _units(track, frames)
    )


def describe_outside(keys: EmotionKeys, frames: int, fps: float) -> str | None:
    """What to say of keys that lie before or after a take of so many frames; None if none do."""
    at = {place for places, _ in keys.channels.values() for place in places}
    in_take = [place * fps / keys.fps for place in sorted(at)]
    early = sum(place < 0 for place in in_take)
    late = sum(place > frames for place in in_take)
    if not early + late:
        return None
    sides = [f"{early} before it"] * bool(early) + [f"{late} after it"] * bool(late)
    return (
        f"{early + late} of {say_count(len(in_take), 'key')} "
        f"{'lies' if early + late == 1 else 'lie'} "
        f"outside the take of {say_count(frames, 'frame')} at {fps:g} fps: "
        f"{' and '.join(sides)}. The "
        f"keys count {keys.fps:g} fps."
    )


def _units(track: EmotionTrack, frames: range) -> str:
    if track.units is None:
        return ""
    chosen = track.units[frames.start : frames.stop]
    said = [
        f"{name} {'up to ' if most - least > _FAINT else ''}{most:.2g}"
        for name, most, least in zip(
            track.unit_names, chosen.max(0).tolist(), chosen.min(0).tolist(), strict=True
        )
        if most > 0
    ]
    return f"; {', '.join(said)}" if said else ""


def _stretches(track: EmotionTrack, frames: range) -> Iterator[_Stretch]:
    chosen = track.weights[frames.start : frames.stop]
    strongest = np.where(chosen.max(1) < _FAINT, _NEUTRAL, chosen.argmax(1))
    alone = track.influence * track.geometry == 0
    strongest[alone[frames.start : frames.stop]] = _UNTOUCHED
    for kind, group in groupby(frames, lambda frame: int(strongest[frame - frames.start])):
        held = list(group)
        weights = track.weights[held[0] : held[-1] + 1, max(kind, 0)] * np.float32(kind >= 0)
        name = EMOTIONS[kind] if kind >= 0 else _WITHOUT[kind]
        yield _Stretch(name=name, frames=range(held[0], held[-1] + 1), weights=weights)


def _describe(stretch: _Stretch) -> str:
    if stretch.name not in EMOTIONS:
        return stretch.name
    most = float(stretch.weights.max())
    rises = most - float(stretch.weights.min()) > _FAINT
    return f"{stretch.name} {'up to ' if rises else ''}{most:.2g}"


def _seconds(time_s: float) -> str:
    return f"{time_s:.2f}".rstrip("0").rstrip(".")
