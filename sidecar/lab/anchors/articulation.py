# SPDX-License-Identifier: GPL-3.0-or-later
"""Coarticulation: turns timed phonemes into smooth curves of mouth channels.

Each segment's dominance is D(t) = hold * exp(-(distance / reach)^1.4), constant in the segment's
middle. A channel is the mean of all targets weighted by dominance (Cohen and Massaro 1993, eq. 1
to 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....shared.arrays import Float64Array
from ...smooth import smoothstep
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
HELD_AFTER_S = 0.08
"""Lips that speech leaves come to rest in this time; only then are they held."""
HELD_RAMP_S = 0.12
"""Held lips meet and part more slowly than those of a consonant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """How long the silences around and within a sentence last, in seconds. lead_s, tail_s: before
    and after the sound. pauses: (time in the sound, length of the pause that begins there)."""

    lead_s: float = LEAD_S
    tail_s: float = TAIL_S
    pauses: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Articulation:
    """A sentence as mouth movement. channels: (T, 102) in `CHANNELS` order. stress: (T,) 0..1,
    bumps on stressed vowels. held: (T,) 0..1, 1 where the lips rest on each other in silence.
    stresses_s, pauses_s: times of stresses and pauses."""

    channels: Float64Array  # (T, 102)
    stress: Float64Array  # (T,)
    held: Float64Array  # (T,)
    stresses_s: tuple[float, ...]
    pauses_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Segment:
    """A viseme and its time."""

    viseme: Viseme
    start_s: float
    stop_s: float


def articulate(speech: Speech, fps: float, silence: Silence = Silence()) -> Articulation:
    """The articulation of a calm speaker; frame 0 lies `silence.lead_s` before the first sample."""
    phonemes = _spread(speech, silence)
    sound_s = speech.duration_s + sum(length for _, length in silence.pauses)
    segments = _segments(phonemes, silence, sound_s)
    frames = int(np.ceil((silence.lead_s + sound_s + silence.tail_s) * fps))
    times = np.arange(frames) / fps
    channels = _mixed(times, segments)
    for name in (CLOSURE, TUCK):
        channels[:, CHANNELS.index(name)] = _contact(times, segments, name)
    stresses = tuple((p.start_s + p.stop_s) / 2 for p in phonemes if p.stressed)
    pauses = tuple(p.start_s for p in phonemes if p.symbol == _SILENT)
    return Articulation(
        channels=channels,
        stress=_bumps(times, stresses, 0.13),
        held=_held(times, segments),
        stresses_s=stresses,
        pauses_s=pauses,
    )


_SILENT = "_"


def _spread(speech: Speech, silence: Silence) -> list[Phoneme]:
    """The phonemes in the take's time, with the pauses put in before phonemes."""
    spread, now = [], silence.lead_s
    pauses = sorted(silence.pauses)
    for phoneme in speech.phonemes:
        while pauses and pauses[0][0] <= phoneme.start_s + 1e-6:
            length = pauses.pop(0)[1]
            start = now + phoneme.start_s
            pause = Phoneme(symbol=_SILENT, start_s=start, stop_s=start + length, stressed=False)
            spread.append(pause)
            now += length
        start, stop = now + phoneme.start_s, now + phoneme.stop_s
        spread.append(replace(phoneme, start_s=start, stop_s=stop))
    return spread


def _mixed(times: Float64Array, segments: list[_Segment]) -> Float64Array:
    """(T, 102) the segments' targets, weighted by dominance."""
    centres = np.array([(s.start_s + s.stop_s) / 2 for s in segments])
    halves = np.array([(s.stop_s - s.start_s) / 2 for s in segments])
    reaches = np.array([s.viseme.reach_s for s in segments])
    # A long silence is as certain near its ends as a phoneme is.
    outside = np.maximum(
        np.abs(times[:, None] - centres) - np.maximum(0.6 * halves, halves - 0.06), 0
    )
    nearness = np.exp(-((outside / reaches) ** 1.4)) + 1e-9  # (T, P)
    holds = np.stack([holds_of(s.viseme) for s in segments])  # (P, groups)
    targets = np.stack([target_of(s.viseme) for s in segments])  # (P, 102)
    channels = np.zeros((len(times), len(CHANNELS)))
    groups = channel_groups()
    for group in range(holds.shape[1]):
        columns = np.flatnonzero(groups == group)
        dominance = nearness * holds[:, group]
        dominance /= dominance.sum(1, keepdims=True)
        channels[:, columns] = dominance @ targets[:, columns]
    return channels


def _segments(phonemes: list[Phoneme], silence: Silence, sound_s: float) -> list[_Segment]:
    rest = VISEMES[_SILENT][0]
    segments = [_Segment(rest, -0.2, silence.lead_s)]
    for phoneme in phonemes:
        if phoneme.symbol not in IGNORED:
            segments += _parts(phoneme)
    end = silence.lead_s + sound_s
    return [*segments, _Segment(rest, end, end + silence.tail_s + 0.2)]


def _parts(phoneme: Phoneme) -> list[_Segment]:
    # A phoneme that the table lacks (of another voice) becomes the neutral vowel.
    visemes = VISEMES.get(phoneme.symbol, VISEMES["@"])
    edges = np.linspace(phoneme.start_s, phoneme.stop_s, len(visemes) + 1)
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


def _held(times: Float64Array, segments: list[_Segment]) -> Float64Array:
    """(T,) 1 within silences, `HELD_AFTER_S` after the last sound and before the next, with ramps.
    Neighbouring silences are one; the take's ends are silent."""
    rest = VISEMES[_SILENT][0]
    level, start = np.zeros_like(times), -np.inf
    spoken = [s for s in segments if s.viseme is not rest]
    for stop, resumed in [*((s.start_s, s.stop_s) for s in spoken), (np.inf, np.inf)]:
        inside = np.minimum(times - start, stop - times) - HELD_AFTER_S
        level = np.maximum(level, np.clip(inside / HELD_RAMP_S, 0, 1))
        start = resumed
    return smoothstep(level, 0.0, 1.0)
