# SPDX-License-Identifier: GPL-3.0-or-later
"""Between messages and nouns: what a message's fields say, as motions, tracks, heads, cameras."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TypedDict

import numpy as np

from .arrays import Float32Array, Float64Array
from .camera import Camera
from .emotion import CONTROLS, EmotionTrack
from .errors import InputError
from .head import ARRAY_FIELDS, HeadModel
from .messages import HeadRead, MotionArrays, Render, TrackArrays
from .motion import WIDTHS, Motion
from .pictures import Follow, Format, PictureOptions

MOTION_FIELDS = (*WIDTHS, "shape", "eyelids", "fps", "space")
_TRACK_FIELDS = ("weights", *CONTROLS, "fps")


_PREVIEW_SECONDS = 64 / 30
"""How far from a frame its emotion still matters: a window of the modulation model."""


class MotionFields(TypedDict):
    """The fields of `MotionArrays`."""

    expression: Float32Array
    jaw: Float32Array
    neck: Float32Array
    eyes: Float32Array
    rotation: Float32Array
    translation: Float32Array
    shape: Float32Array
    eyelids: Float32Array | None
    fps: float
    space: str


class TrackFields(TypedDict):
    """The fields of `TrackArrays`."""

    weights: Float32Array
    influence: Float32Array
    upper: Float32Array
    lower: Float32Array
    geometry: Float32Array
    appearance: Float32Array
    fps: float


class PictureFields(TypedDict):
    """The fields of `PictureOptions` in a `Render`."""

    width: int
    height: int
    frames: tuple[int, int] | None
    passes: tuple[str, ...]
    format: Format
    half: bool
    antialiased: bool
    follow: Follow | None
    lens: Float64Array | None
    camera_from_world: Float64Array | None
    world_from_head: Float64Array | None
    weights: Float32Array | None


def motion_fields(motion: Motion) -> MotionFields:
    """The fields of the motion, as a message holds them."""
    return MotionFields(**{name: getattr(motion, name) for name in MOTION_FIELDS})


def to_motion(message: MotionArrays) -> Motion:
    """The motion in the message. Raises InputError `motion.*`."""
    return Motion(**{name: getattr(message, name) for name in MOTION_FIELDS})


def track_fields(track: EmotionTrack) -> TrackFields:
    """The fields of the track, as a message holds them."""
    return TrackFields(**{name: getattr(track, name) for name in _TRACK_FIELDS})


def to_track(message: TrackArrays) -> EmotionTrack:
    """The track in the message. Raises InputError `emotion.*`."""
    return EmotionTrack(**{name: getattr(message, name) for name in _TRACK_FIELDS})


def preview_rows(frame: int, fps: float, length: int) -> range:
    """The frames of a take of `length` whose emotions a preview of `frame` depends on."""
    reach = math.ceil(_PREVIEW_SECONDS * fps) + 1
    return range(max(frame - reach, 0), min(frame + reach + 1, length))


def head_message(head: HeadModel) -> HeadRead:
    """The head as a message."""
    return HeadRead(**{entry.name: getattr(head, entry.name) for entry in fields(HeadRead)})


def to_head(message: HeadRead) -> HeadModel:
    """The head in the message. Raises InputError `head.*`."""
    names = ("name", "space", "expression_names", *ARRAY_FIELDS)
    return HeadModel(**{name: getattr(message, name) for name in names})


def picture_fields(options: PictureOptions) -> PictureFields:
    """The options as a `Render` holds them. Cameras that stand still, and a head that does, are
    sent once."""
    width, height = options.size
    frames = options.frames
    lens, poses = _still(_lenses(options.cameras), _poses(options.cameras))
    matrices = np.asarray(options.world_from_head, np.float64).reshape(-1, 4, 4)
    (matrices,) = _still(matrices)
    is_identity = len(matrices) == 1 and (matrices[0] == np.eye(4)).all()
    weights = options.weights
    return PictureFields(
        width=width,
        height=height,
        frames=None if frames is None else (frames.start, frames.stop),
        passes=options.passes,
        format=options.format,
        half=options.half,
        antialiased=options.antialiased,
        follow=options.follow,
        lens=lens if options.cameras else None,
        camera_from_world=poses if options.cameras else None,
        world_from_head=None if is_identity else matrices,
        weights=None if weights is None else np.asarray(weights, np.float32),
    )


def to_pictures(message: Render) -> PictureOptions:
    """The options in the message. Raises InputError `option.*`."""
    matrices = message.world_from_head
    if matrices is None:
        matrices = np.eye(4)
    elif len(matrices) == 1:
        matrices = matrices[0]
    return PictureOptions(
        width=message.width,
        height=message.height,
        cameras=to_cameras(message.lens, message.camera_from_world, message.width, message.height),
        frames=None if message.frames is None else range(*message.frames),
        passes=message.passes,
        format=message.format,
        half=message.half,
        antialiased=message.antialiased,
        follow=message.follow,
        world_from_head=matrices,
        weights=message.weights,
    )


def to_cameras(
    lenses: Float64Array | None, poses: Float64Array | None, width: int, height: int
) -> tuple[Camera, ...]:
    """The cameras of a `Render` or `Preview`, none where it has none. Raises InputError
    `option.camera`."""
    if lenses is None and poses is None:
        return ()
    if lenses is None or poses is None or not 0 < len(lenses) == len(poses):
        raise InputError(
            "option.camera", "The cameras' lenses and places do not match.", "Report this."
        )
    return tuple(
        Camera(
            width=width,
            height=height,
            focal_x=lens[0],
            focal_y=lens[1],
            centre_x=lens[2],
            centre_y=lens[3],
            near=lens[4],
            far=lens[5],
            orthographic=lens[6] != 0,
            camera_from_world=pose,
        )
        for lens, pose in zip(lenses.tolist(), poses, strict=True)
    )


def _lenses(cameras: tuple[Camera, ...]) -> Float64Array:
    rows = [
        (c.focal_x, c.focal_y, c.centre_x, c.centre_y, c.near, c.far, float(c.orthographic))
        for c in cameras
    ]
    return np.array(rows, np.float64).reshape(-1, 7)


def _poses(cameras: tuple[Camera, ...]) -> Float64Array:
    return np.array([c.camera_from_world for c in cameras], np.float64).reshape(-1, 4, 4)


def _still(*arrays: Float64Array) -> tuple[Float64Array, ...]:
    """Only the first row of each where all rows are the same."""
    if all((array == array[:1]).all() for array in arrays):
        return tuple(np.ascontiguousarray(array[:1]) for array in arrays)
    return arrays
