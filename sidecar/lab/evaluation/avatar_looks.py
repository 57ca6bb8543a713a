# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar in every emotion, in speech, with shut eyes and a turned gaze, from five sides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....shared.arrays import UInt8Array
from ....shared.camera import Camera, look_at
from ....shared.emotion import EMOTIONS
from ....shared.motion import ARKIT_NAMES, Motion, make_motion
from ....shared.preset_portraits import HELD, hold_preset, still_take
from ....shared.presets import Preset
from ...avatar.avatar import Avatar
from ...avatar.drive import Actor
from ...modulation.modulator import Modulator, modulate
from ...render.drawer import draw_splats
from ...render.sheets import contact_sheet
from ...render.shot import motion_for

YAWS_DEG = (-40.0, -20.0, 0.0, 20.0, 40.0)
"""The sides, from the head's right to its left."""
POSES: dict[str, dict[str, float]] = {
    "says ah": {"jawOpen": 0.6},
    "says oo": {"mouthPucker": 0.8, "mouthFunnel": 0.3, "jawOpen": 0.1},
    "says f": {"mouthRollLower": 0.6, "mouthUpperUpLeft": 0.35, "mouthUpperUpRight": 0.35, "jawOpen": 0.05},
    "eyes shut": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "looks left": {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8},
    "looks down": {"eyeLookDownLeft": 0.8, "eyeLookDownRight": 0.8},
}
"""ARKit weights of what is shown beside the emotions."""
_APPEARANCE = 0.5
_DISTANCE_M, _ROOM = 1.2, 1.12


def draw_looks(avatar: Avatar, modulator: Modulator, size: int) -> UInt8Array:
    """(H, W, 3) sRGB: a row for each of `YAWS_DEG`; columns: neutral, each emotion in full, then
    `POSES`. size: pixels of a picture's edges. Raises InputError as `motion_for` does."""
    takes = {name: _emotion(name, modulator) for name in ("neutral", *EMOTIONS)}
    takes |= {name: _pose(weights) for name, weights in POSES.items()}
    rows: list[list[UInt8Array]] = [[] for _ in YAWS_DEG]
    cameras = [view(avatar, yaw, size) for yaw in YAWS_DEG]
    for take in takes.values():
        motion = motion_for(avatar, take, None)
        posed = Actor(avatar, motion, appearance=_APPEARANCE).pose(min(HELD, len(take) - 1))
        for row, camera in zip(rows, cameras, strict=True):
            row.append(draw_splats(posed.gaussians, camera))
    labels = [*takes] + [""] * len(takes) * (len(YAWS_DEG) - 1)
    return contact_sheet([picture for row in rows for picture in row], labels, len(takes))


def view(avatar: Avatar, yaw_deg: float, size: int) -> Camera:
    """A camera from the avatar's left by so many degrees that shows all of it."""
    means = avatar.means.astype(np.float64)
    solid = means[avatar.opacities > 0.3]
    low, high = np.quantile(solid, 0.002, axis=0), np.quantile(solid, 0.998, axis=0)
    middle, height = np.append(0.5 * (low + high)[:2], 0), _ROOM * float(high[1] - low[1])
    return look_at(
        target=middle,
        distance=_DISTANCE_M,
        yaw_rad=float(np.radians(yaw_deg)),
        width=size,
        height=size,
        fov_y_rad=2 * float(np.arctan(0.5 * height / _DISTANCE_M)),
    )


def _emotion(name: str, modulator: Modulator) -> Motion:
    values = {} if name == "neutral" else {name: 1.0}
    return modulate(still_take(), hold_preset(Preset(name=name, values=values)), modulator)


def _pose(weights: Mapping[str, float]) -> Motion:
    expression = np.zeros((1, 100), np.float32)
    for name, value in weights.items():
        expression[0, ARKIT_NAMES.index(name)] = value
    return make_motion(expression=expression, fps=30, space="arkit")
