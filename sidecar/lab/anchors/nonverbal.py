# SPDX-License-Identifier: GPL-3.0-or-later
"""What a speaker's face does besides speech and emotion: blinks, brow beats, gaze, head motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ....shared.arrays import Float64Array
from .articulation import Articulation
from .channels import NAMES
from .style import Style


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nonverbal:
    """Nonverbal motion of one take. blink, beat: (T,) 0..1. gaze: (T, 100) weights of eyeLook*, 0
    for other shapes. head: (T, 3) axis-angle of the neck in radians."""

    blink: Float64Array  # (T,)
    beat: Float64Array  # (T,)
    gaze: Float64Array  # (T, 100)
    head: Float64Array  # (T, 3)


def make_nonverbal(
    articulation: Articulation, style: Style, fps: float, rng: np.random.Generator
) -> Nonverbal:
    """Random nonverbal motion of one take, the same in all of its emotions: blinks tend to fall on
    pauses, brow beats on stresses."""
    frames = len(articulation.channels)
    times = np.arange(frames) / fps
    chosen = [t for t in articulation.stresses_s if rng.random() < 0.55]
    heights = rng.uniform(0.5, 1.0, len(chosen))
    beat = np.zeros(frames)
    for centre, height in zip(chosen, heights, strict=True):
        beat = np.maximum(beat, height * np.exp(-(((times - centre) / 0.16) ** 2)))
    return Nonverbal(
        blink=_blinks(times, articulation.pauses_s, style, rng),
        beat=beat,
        gaze=_gaze(times, rng),
        head=_head(times, beat, rng),
    )


def _blinks(
    times: Float64Array, pauses_s: tuple[float, ...], style: Style, rng: np.random.Generator
) -> Float64Array:
    starts = []
    now = float(rng.uniform(0, style.blink_every_s))
    while now < times[-1]:
        near = [p for p in pauses_s if abs(p - now) < 0.5]  # people blink where they pause
        starts.append(near[0] if near and rng.random() < 0.7 else now)
        now = max(now, starts[-1]) + max(0.5, rng.gamma(4, style.blink_every_s / 4))
    blink = np.zeros_like(times)
    for start in starts:
        closing = (times - start) / (0.38 * style.blink_s)
        opening = (start + style.blink_s - times) / (0.62 * style.blink_s)
        ramp = np.clip(np.minimum(closing, opening), 0, 1)
        blink = np.maximum(blink, np.sin(0.5 * np.pi * np.minimum(1.5 * ramp, 1)))
    return blink


def _gaze(times: Float64Array, rng: np.random.Generator) -> Float64Array:
    sideways, upwards = np.zeros_like(times), np.zeros_like(times)
    now = 0.0
    while now < times[-1]:
        here = times >= now
        # Glances away are rare and short; mostly the eyes rest on the listener.
        away = rng.random() < 0.25
        sideways[here] = rng.normal(0, 0.2 if away else 0.04)
        upwards[here] = rng.normal(-0.04 if away else 0, 0.12 if away else 0.03)
        now += float(rng.uniform(0.35, 0.7) if away else rng.uniform(0.7, 2.0))
    sideways, upwards = (gaussian_filter1d(x, 0.8, mode="nearest") for x in (sideways, upwards))
    gaze = np.zeros((len(times), len(NAMES)))
    values = {
        "eyeLookOutLeft": sideways,
        "eyeLookInRight": sideways,
        "eyeLookInLeft": -sideways,
        "eyeLookOutRight": -sideways,
        "eyeLookUpLeft": upwards,
        "eyeLookUpRight": upwards,
        "eyeLookDownLeft": -upwards,
        "eyeLookDownRight": -upwards,
    }
    for name, value in values.items():
        gaze[:, NAMES.index(name)] = np.clip(value, 0, 0.8)
    return gaze


def _head(times: Float64Array, beat: Float64Array, rng: np.random.Generator) -> Float64Array:
    head = np.zeros((len(times), 3))
    for axis, size in enumerate((0.025, 0.04, 0.02)):
        rate, phase = rng.uniform(0.15, 0.4), rng.uniform(0, 2 * np.pi)
        head[:, axis] = size * np.sin(2 * np.pi * rate * times + phase)
    head[:, 0] += 0.05 * beat  # a nod goes down
    return head
