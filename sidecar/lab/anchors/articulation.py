# SPDX-License-Identifier: GPL-3.0-or-later
"""Coarticulation: turns timed phonemes into smooth curves of mouth channels.

Each segment's dominance is D(t) = hold * exp(-(distance / reach)^1.4), constant in the segment's
middle. A channel is the mean of all targets weighted by dominance (Cohen and Massaro 1993, eq. 1
to 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array
from .channels import CHANNELS, CLOSURE, TUCK
from .speech import Phoneme, Speech
from .visemes import IGNORED, VISEMES, Viseme, channel_groups, holds_of, target_of

LEAD_S = 0.35
TAIL_S = 0.45
"""Seconds of silence before and after the sound, in which the face comes to rest."""
SHORTEST_CONTACT_S = 0.036
"""Shortest lip contact, a little more than a frame at 30 fps."""
CONTACT_RAMP_S = 0.05
"""Lips take this long to meet and to part."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Articulation:
    """A sentence as mouth movement. channels: (T, 102) in `CHANNELS` order. stress: (T,) 0..1,
    bumps on stressed vowels. stresses_s, pauses_s: times of stresses and pauses."""

    channels: Float64Array  # (T, 102)
    stress: Float64Array  # (T,)
    stresses_s: tuple[float, ...]
    pauses_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Segment:
    """A viseme and its time."""

    viseme: Viseme
    start_s: float
    stop_s: float


def articulate(speech: Speech, fps: float) -> Articulation:
    """The articulation of a calm speaker; frame 0 lies `LEAD_S` before the first sample."""
    frames = int(np.ceil((LEAD_S + speech.duration_s + TAIL_S) * fps))
    times = np.arange(frames) / fps
    segments = _segments(speech)
    centres = np.array([(s.start_s + s.stop_s) / 2 for s in segments])
    halves = np.array([(s.stop_s - s.start_s) / 2 for s in segments])
    reaches = np.array([s.viseme.reach_s for s in segments])
    outside = np.maximum(np.abs(times[:, None] - centres) - 0.6 * halves, 0)
    nearness = np.exp(-((outside / reaches) ** 1.4)) + 1e-9  # (T, P)
    holds = np.stack([holds_of(s.viseme) for s in segments])  # (P, groups)
    targets = np.stack([target_of(s.viseme) for s in segments])  # (P, 102)
    channels = np.zeros((frames, len(CHANNELS)))
    groups = channel_groups()
    for group in range(holds.shape[1]):
        columns = np.flatnonzero(groups == group)
        dominance = nearness * holds[:, group]
        dominance /= dominance.sum(1, keepdims=True)
        channels[:, columns] = dominance @ targets[:, columns]
    for name in (CLOSURE, TUCK):
        channels[:, CHANNELS.index(name)] = _contact(times, segments, name)
    stresses = tuple(LEAD_S + (p.start_s + p.stop_s) / 2 for p in speech.phonemes if p.stressed)
    pauses = tuple(LEAD_S + p.start_s for p in speech.phonemes if p.symbol == "_")
    return Articulation(
        channels=channels,
        stress=_bumps(times, stresses, 0.13),
        stresses_s=stresses,
        pauses_s=pauses,
    )


def _segments(speech: Speech) -> list[_Segment]:
    silence = VISEMES["_"][0]
    segments = [_Segment(silence, -0.2, LEAD_S)]
    for phoneme in speech.phonemes:
        if phoneme.symbol in IGNORED:
            continue
        segments += _parts(phoneme)
    end = LEAD_S + speech.duration_s
    return [*segments, _Segment(silence, end, end + TAIL_S + 0.2)]


def _parts(phoneme: Phoneme) -> list[_Segment]:
    # A phoneme that the table lacks (of another voice) becomes the neutral vowel.
    visemes = VISEMES.get(phoneme.symbol, VISEMES["@"])
    edges = np.linspace(phoneme.start_s, phoneme.stop_s, len(visemes) + 1) + LEAD_S
    return [
        _Segment(viseme, start, stop)
        for viseme, start, stop in zip(visemes, edges[:-1], edges[1:], strict=True)
    ]


def _bumps(times: Float64Array, centres: tuple[float, ...], width_s: float) -> Float64Array:
    if not centres:
        return np.zeros_like(times)
    return np.exp(-(((times[:, None] - np.array(centres)) / width_s) ** 2)).max(1)


def _contact(times: Float64Array, segments: list[_Segment], name: str) -> Float64Array:
    """(T,) the target of the channel `name` while a segment with that contact lasts, with ramps
    around it. A contact shorter than a frame is widened, or it could fall between two frames."""
    level = np.zeros_like(times)
    for segment in segments:
        peak = segment.viseme.targets.get(name, 0.0)
        if peak:
            centre = (segment.start_s + segment.stop_s) / 2
            half = max((segment.stop_s - segment.start_s) / 2 - 0.01, SHORTEST_CONTACT_S / 2)
            ramp = 1 - (np.abs(times - centre) - half) / CONTACT_RAMP_S
            level = np.maximum(level, peak * np.clip(ramp, 0, 1))
    return level
