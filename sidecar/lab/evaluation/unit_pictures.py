# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of action units on a silent open head: both sides, each side alone, and from 30 degrees
aside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from ....shared.arrays import UInt8Array
from ....shared.camera import Camera, look_at
from ....shared.emotion import EmotionTrack, constant_track
from ....shared.head import HeadModel
from ....shared.preset_portraits import HELD, still_take
from ....shared.units import UNIT_CHANNELS, UNITS, ActionUnit
from ...head.forward import layer_of
from ...modulation.modulator import Modulator, modulate
from ...render.shade import DrawOptions, draw_head

ASIDE_RAD = np.deg2rad(30)
_OPTIONS = DrawOptions(samples=3)


def held_units(weights: Mapping[str, float], frames: int, fps: float) -> EmotionTrack:
    """A track that holds these channels of action units, and leaves the take as it is."""
    names = tuple(name for name in UNIT_CHANNELS if name in weights)
    row = np.array([weights[name] for name in names], np.float32)
    plain = constant_track(frames, fps, influence=0)
    return replace(plain, unit_names=names, units=np.tile(row, (frames, 1)) if names else None)


def shown_channels(unit: ActionUnit) -> tuple[str, str, str]:
    """The channels that show the unit on both sides, on the left, and on the right; what it lacks
    is empty."""
    both = unit.channels[0] if unit.sides != "only" else ""
    left, right = unit.channels[-2:] if unit.sides != "none" else ("", "")
    return both, left, right


def draw_units(
    head: HeadModel, modulator: Modulator, edge: int, units: tuple[ActionUnit, ...] = UNITS
) -> Iterator[tuple[str, UInt8Array]]:
    """A label and an (edge, edge, 4) sRGB picture for each place of a sheet of five columns: each
    unit on both sides from the front and from aside, its left, its right, and its left from aside;
    rest first in place of what a unit lacks."""
    for unit in units:
        both, left, right = shown_channels(unit)
        for channel, is_aside in (
            (both, False), (both, True), (left, False), (right, False), (left, True)
        ):  # fmt: skip
            label = f"{channel} {unit.name}" if channel == both and not is_aside else channel
            yield label, draw_channels({channel: 1.0} if channel else {}, head, modulator,
                                       _camera(edge, is_aside=is_aside))  # fmt: skip


def draw_channels(
    weights: Mapping[str, float], head: HeadModel, modulator: Modulator, camera: Camera
) -> UInt8Array:
    """(H, W, 4) sRGB of the silent head with these channels of action units."""
    still = still_take()
    shown = modulate(still, held_units(weights, len(still), still.fps), modulator)
    vertices = layer_of(head).vertices(shown, HELD, HELD + 1)[0]
    return draw_head(vertices, head, camera, _OPTIONS)


def _camera(edge: int, *, is_aside: bool) -> Camera:
    return look_at(
        target=np.array([0.0, -0.012, 0.0]),
        distance=0.85,
        yaw_rad=ASIDE_RAD if is_aside else 0.0,
        width=edge,
        height=edge,
        fov_y_rad=0.25,
    )
