# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar in every emotion, in speech, with shut eyes and a turned gaze, from five sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ....shared.arrays import UInt8Array
from ....shared.camera import Camera, look_at
from ....shared.motion import Motion, cut_motion, make_motion, name_weights
from ....shared.preset_portraits import HELD
from ...avatar.avatar import Avatar
from ...avatar.drive import Actor
from ...head.read import OPEN, read_head
from ...modulation.modulator import Modulator
from ...raster.gaussians import GaussianImage, rasterise_gaussians
from ...render.emotion_sheet import STATES, draw_rows, emotion_take
from ...render.sheets import contact_sheet
from ...render.shot import head_from_avatar, motion_for, of_subject

YAWS_DEG = (-40.0, -20.0, 0.0, 20.0, 40.0)
"""The sides, from the head's right to its left."""
POSES: dict[str, dict[str, float]] = {
    "says ah": {"jawOpen": 0.6},
    "says oo": {"mouthPucker": 0.8, "mouthFunnel": 0.3, "jawOpen": 0.1},
    "says f": {
        "mouthRollLower": 0.6,
        "mouthUpperUpLeft": 0.35,
        "mouthUpperUpRight": 0.35,
        "jawOpen": 0.05,
    },
    "eyes shut": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "looks left": {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8},
    "looks down": {"eyeLookDownLeft": 0.8, "eyeLookDownRight": 0.8},
}
"""ARKit weights of what is shown beside the emotions."""
REST = make_motion(expression=np.zeros((1, 100), np.float32), fps=30, space="open")
"""One frame of a face at rest."""
NECK_M = -0.095
"""Height on the open head below which a neck may fade."""
_DISTANCE_M, _HEIGHT_M, _TARGET_M = 1.2, 0.38, (0.0, 0.022, -0.03)


def draw_looks(avatar: Avatar, modulator: Modulator, size: int) -> dict[str, UInt8Array]:
    """Sheets (H, W, 3) sRGB with a row for each of `YAWS_DEG`: "emotions", neutral and each emotion
    in full, and "speech", `POSES`. size: pixels of a picture's edges. Raises InputError as
    `motion_for` does."""
    emotions = {name: emotion_take(name, modulator) for name in STATES}
    spoken = make_motion(expression=name_weights([*POSES.values()]), fps=30, space="arkit")
    poses = {name: cut_motion(spoken, row, row + 1) for row, name in enumerate(POSES)}
    return {
        "emotions": _sheet(avatar, emotions, HELD, size),
        "speech": _sheet(avatar, poses, 0, size),
    }


def _sheet(avatar: Avatar, takes: Mapping[str, Motion], frame: int, size: int) -> UInt8Array:
    cameras = [view(avatar, yaw, size) for yaw in YAWS_DEG]
    labels = [f"{name}, {angle_name(yaw)}" for yaw in YAWS_DEG for name in takes]
    return contact_sheet(draw_rows(avatar, takes.items(), frame, cameras), labels, len(takes))


def angle_name(yaw_deg: float) -> str:
    """What a side is called: -40, 0, +20."""
    return f"{yaw_deg:+.0f}" if yaw_deg else "0"


def view(avatar: Avatar, yaw_deg: float, size: int) -> Camera:
    """A camera from the head's left by so many degrees, the same for all avatars: their eyes lie
    where the open head's do, and there is room for long hair."""
    moved = head_from_avatar(avatar, read_head(OPEN))
    camera = look_at(
        target=np.array(_TARGET_M),
        distance=_DISTANCE_M,
        yaw_rad=float(np.radians(yaw_deg)),
        width=size,
        height=size,
        fov_y_rad=2 * float(np.arctan(0.5 * _HEIGHT_M / _DISTANCE_M)),
    )
    return of_subject(camera, moved)


def neck_row(size: int) -> int:
    """The row of a picture by `view`'s camera below which a neck may fade."""
    return int(size * (0.5 - (NECK_M - _TARGET_M[1]) / _HEIGHT_M))


def look(
    avatar: Avatar, motion: Motion, frame: int, cameras: Sequence[Camera]
) -> list[GaussianImage]:
    """What each camera sees of a frame of a motion on any space that needs no adapter."""
    gaussians = Actor(avatar, motion_for(avatar, motion, None)).pose(frame).gaussians
    return [rasterise_gaussians(gaussians.seen_by(camera), camera) for camera in cameras]
