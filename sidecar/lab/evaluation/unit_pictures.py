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
from ....shared.units import UNIT_CHANNELS, UNITS, ActionUnit, UnitRegion
from ...head.forward import layer_of
from ...modulation.modulator import Modulator, modulate
from ...render.shade import DrawOptions, draw_head

ASIDE_RAD = np.deg2rad(30)
_VIEWS: dict[UnitRegion, tuple[float, float]] = {
    "brows": (0.04, 0.17),
    "eyes": (0.025, 0.17),
    "nose": (0.0, 0.17),
    "mouth": (-0.035, 0.17),
    "jaw": (-0.04, 0.2),
}
"""Height that is looked at, in metres, and field of view in radians."""
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
    unit on both sides from the front and from aside, its left, its right, and its left from aside.
    What a unit lacks is left blank."""
    for unit in units:
        both, left, right = shown_channels(unit)
        named = both or left
        for channel, is_aside in ((both, 0), (both, 1), (left, 0), (right, 0), (left, 1)):
            if not channel:
                yield "", np.zeros((edge, edge, 4), np.uint8)
                continue
            label = f"{channel} {unit.name}" if channel == named and not is_aside else channel
            camera = _camera(unit, edge, ASIDE_RAD * is_aside)
            yield label, draw_channels({channel: 1.0}, head, modulator, camera)


def draw_channels(
    weights: Mapping[str, float], head: HeadModel, modulator: Modulator, camera: Camera
) -> UInt8Array:
    """(H, W, 4) sRGB of the silent head with these channels of action units."""
    still = still_take()
    shown = modulate(still, held_units(weights, len(still), still.fps), modulator)
    vertices = layer_of(head).vertices(shown, HELD, HELD + 1)[0]
    return draw_head(vertices, head, camera, _OPTIONS)


def _camera(unit: ActionUnit, edge: int, yaw_rad: float) -> Camera:
    """One that sees the part of the face in which the unit is."""
    height, fov_y_rad = _VIEWS[unit.region]
    return look_at(
        target=np.array([0.0, height, 0.0]),
        distance=0.85,
        yaw_rad=yaw_rad,
        width=edge,
        height=edge,
        fov_y_rad=fov_y_rad,
    )
