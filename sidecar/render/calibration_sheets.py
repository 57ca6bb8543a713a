# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet that shows what a rig's calibration changes: poses on the open head, on the avatar by
the shapes' names, and on the avatar by their effect, with arrows of where the face's places go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from ...shared.arrays import Float32Array, Float64Array, UInt8Array
from ...shared.calibration import SHAPES, Calibration, calibrated
from ...shared.camera import Camera, look_at
from ...shared.head import HeadModel
from ...shared.motion import Motion, make_motion
from ...shared.pictures import PictureRequest
from ..avatar.avatar import ArkitRig, Avatar
from ..avatar.effects import (
    CLOSED,
    EXPRESSIONS,
    SPEECH,
    FacePlaces,
    face_places,
    open_motion,
    open_places,
    rig_places,
    weights_of,
)
from ..raster.colour import straight_srgb
from ..raster.mesh import project, to_camera
from .gaussian_passes import GaussianPainter
from .shade import draw_head
from .sheets import contact_sheet

SIZE = 200
_TRIPLES_A_ROW = 3
_FACES_HIGH = 1.75
"""Height of a picture over that of the face, from the lids to the chin."""
_DISTANCE_M = 1.0
_ARROW = (220, 30, 60)
_LEAST_PIXELS = 1.5
_SHAPES = (
    "mouthSmile", "mouthFrown", "mouthStretch", "mouthPress", "mouthPucker", "mouthUpperUp",
    "jawOpen", "browDown", "browInnerUp", "browOuterUp", "eyeWide", "eyeSquint", "cheekSquint",
    "noseSneer", "eyeBlink",
)  # fmt: skip
POSES = {
    "at rest": {},
    **{name: {name: 1.0} for name in _SHAPES},
    **EXPRESSIONS,
    **CLOSED,
    **SPEECH,
}
"""What the sheet shows, by title."""


def calibration_sheet(
    avatar: Avatar, calibration: Calibration, open_head: HeadModel, *, title: str = ""
) -> UInt8Array:
    """(H, W, 3) sRGB: each pose on the open head, by name and by effect. The avatar must sit on an
    `ArkitRig`. Raises InputError `avatar.regions` if its face is not found."""
    rig = avatar.surface
    assert isinstance(rig, ArkitRig)
    weights = np.stack([weights_of(pose) for pose in POSES.values()]).astype(np.float32)
    open_pictures = _draw_open(weights, open_head)
    places = rig_places(rig, open_head)
    avatar = replace(avatar, surface=replace(rig, calibration=None))
    by_name = _draw_avatar(avatar, rig, weights, places)
    by_effect = _draw_avatar(avatar, rig, calibrated(weights, calibration), places)
    columns = (open_pictures, by_name, by_effect)
    pictures = [picture for row in zip(*columns, strict=True) for picture in row]
    labels = [label for name in POSES for label in (name, "by name", "by effect")]
    return contact_sheet(pictures, labels, 3 * _TRIPLES_A_ROW, title=title)


def _draw_open(weights: Float32Array, head: HeadModel) -> list[UInt8Array]:
    places = open_places(head)
    camera = _before(places)
    pictures = []
    for moved in open_motion(weights, head):
        drawn = draw_head(head.template + moved, head, camera)
        pictures.append(_with_arrows(drawn, camera, places, face_places(moved, places)))
    return pictures


def _draw_avatar(
    avatar: Avatar, rig: ArkitRig, weights: Float32Array, places: FacePlaces
) -> list[UInt8Array]:
    camera = _before(places)
    still = np.zeros(len(weights), np.float32)  # what moves is shown, not how skin wrinkles
    request = PictureRequest(cameras=(camera,), appearance=still)
    painter = GaussianPainter(avatar, _take(weights), request, "auto")
    pictures = []
    for row, pose in enumerate(weights):
        drawn = straight_srgb(painter.paint_light(row, camera))
        moved = np.tensordot(pose.astype(np.float64), rig.arkit_shapes, 1)
        pictures.append(_with_arrows(drawn, camera, places, face_places(moved, places)))
    return pictures


def _take(weights: Float32Array) -> Motion:
    expression = np.zeros((len(weights), 100), np.float32)
    expression[:, :SHAPES] = weights
    return make_motion(expression=expression, fps=30, space="arkit")


def _before(places: FacePlaces) -> Camera:
    """A camera straight before the face."""
    seen = places.rest[places.is_seen > 0]
    middle = 0.5 * (seen.min(0) + seen.max(0))
    height = _FACES_HIGH * places.height_m
    return look_at(
        target=middle,
        distance=_DISTANCE_M,
        width=SIZE,
        height=SIZE,
        fov_y_rad=2 * float(np.arctan(0.5 * height / _DISTANCE_M)),
    )


def _with_arrows(
    picture: UInt8Array, camera: Camera, places: FacePlaces, moved: Float64Array
) -> UInt8Array:
    """The picture with a line from where each place rests to where it goes."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(image)
    ends = _project(places.rest, camera), _project(places.rest + moved, camera)
    for seen, start, end in zip(places.is_seen, *ends, strict=True):
        if seen and np.linalg.norm(end - start) > _LEAST_PIXELS:
            draw.line([*start, *end], fill=_ARROW, width=1)
            draw.ellipse([*(end - 1), *(end + 1)], fill=_ARROW)
    return np.asarray(image).copy()


def _project(points: Float64Array, camera: Camera) -> Float64Array:
    """Pixels (n, 2) of points (n, 3)."""
    screen = project(to_camera(points, camera), camera)
    return screen[:, :2] / screen[:, 2:3]
