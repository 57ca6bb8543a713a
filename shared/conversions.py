# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts messages to motions, tracks, heads and cameras, and back."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TypedDict

import numpy as np

from .arrays import Float32Array, Float64Array
from .calibration import Calibration
from .camera import Camera
from .emotion import CONTROLS, EmotionTrack
from .errors import InputError
from .head import ARRAY_FIELDS, HeadModel
from .messages import Calibrated, HeadRead, MotionArrays, Preview, Render, TrackArrays
from .motion import WIDTHS, Motion
from .pictures import PictureRequest

MOTION_FIELDS = (*WIDTHS, "shape", "eyelids", "fps", "space")
_TRACK_FIELDS = ("weights", *CONTROLS, "fps", "unit_names", "units")
_PICTURE_FIELDS = (
    "passes",
    "format",
    "half",
    "codec",
    "antialiased",
    "follow",
    "axes",
    "object_index",
    "weights",
    "influence",
    "appearance",
    "skin_emotions",
)
"""Fields that a `PictureRequest` and a `Render` share as they are."""


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
    keep_closed: Float32Array
    fps: float
    unit_names: tuple[str, ...]
    units: Float32Array | None


class ViewFields(TypedDict):
    """The fields of a `Render` and of a `Preview` for the cameras and the head's placement."""

    width: int | None
    height: int | None
    lens: Float64Array | None
    camera_from_world: Float64Array | None
    world_from_head: Float64Array | None


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
    given = {name: getattr(message, name) for name in _TRACK_FIELDS}
    if message.keep_closed is None:
        given["keep_closed"] = np.ones(len(message.weights), np.float32)
    return EmotionTrack(**given)


def preview_reach(fps: float) -> int:
    """How many frames from a frame its emotion still matters, at most."""
    return math.ceil(_PREVIEW_SECONDS * fps) + 1


def preview_rows(frame: int, fps: float, length: int, frames: int = 1) -> range:
    """The frames of a take of `length` whose emotions a preview depends on, of so many frames from
    `frame` on."""
    reach = preview_reach(fps)
    return range(max(frame - reach, 0), min(frame + frames + reach, length))


def head_message(head: HeadModel) -> HeadRead:
    """The head as a message."""
    return HeadRead(**{entry.name: getattr(head, entry.name) for entry in fields(HeadRead)})


def to_calibration(message: Calibrated) -> Calibration:
    """The calibration of a message. Raises InputError `avatar.calibration_values`."""
    return Calibration(
        **{entry.name: getattr(message, entry.name) for entry in fields(Calibration)}
    )


def to_head(message: HeadRead) -> HeadModel:
    """The head in the message. Raises InputError `head.*`."""
    names = ("name", "space", "expression_names", *ARRAY_FIELDS)
    return HeadModel(**{name: getattr(message, name) for name in names})


def view_fields(request: PictureRequest | None) -> ViewFields:
    """The request's cameras and head placement, as a message holds them; all None for no request.
    What stands still is sent once."""
    if request is None:
        return ViewFields(
            width=None, height=None, lens=None, camera_from_world=None, world_from_head=None
        )
    width, height = request.size
    lens, poses = _still(_lenses(request.cameras), _poses(request.cameras))
    (matrices,) = _still(np.asarray(request.world_from_head, np.float64).reshape(-1, 4, 4))
    is_identity = len(matrices) == 1 and (matrices[0] == np.eye(4)).all()
    return ViewFields(
        width=width,
        height=height,
        lens=lens if request.cameras else None,
        camera_from_world=poses if request.cameras else None,
        world_from_head=None if is_identity else matrices,
    )


def to_view(message: Render | Preview) -> PictureRequest | None:
    """A request for a PNG with the message's cameras; None for a preview without a picture.
    Raises InputError `option.size`, `option.camera`."""
    if message.width is None or message.height is None:
        if message.width is message.height:
            return None
        raise InputError("option.size", "A preview has half a size.", "Report this.")
    matrices = np.eye(4) if message.world_from_head is None else message.world_from_head
    return PictureRequest(
        width=message.width,
        height=message.height,
        cameras=_cameras(message.lens, message.camera_from_world, message.width, message.height),
        world_from_head=matrices[0] if len(matrices) == 1 else matrices,
    )


def with_request(message: Render, request: PictureRequest) -> Render:
    """A copy of the message that asks for the request's pictures."""
    frames = request.frames
    return replace(
        message,
        frames=None if frames is None else (frames.start, frames.stop),
        **view_fields(request),
        **{name: getattr(request, name) for name in _PICTURE_FIELDS},
    )


def to_request(message: Render) -> PictureRequest:
    """The request in the message. Raises InputError `option.*`."""
    seen = to_view(message)
    assert seen is not None  # a rendering always has a size
    return replace(
        seen,
        frames=None if message.frames is None else range(*message.frames),
        **{name: getattr(message, name) for name in _PICTURE_FIELDS},
    )


def _cameras(
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
    """Cuts each array to its first row if every array's rows are all the same."""
    if all((array == array[:1]).all() for array in arrays):
        return tuple(np.ascontiguousarray(array[:1]) for array in arrays)
    return arrays
