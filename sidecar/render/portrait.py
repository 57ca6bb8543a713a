# SPDX-License-Identifier: GPL-3.0-or-later
"""Portraits: the camera that frames a subject, and a head that is drawn from the front."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import Float32Array, FloatArray, UInt8Array
from ...shared.camera import Camera, look_at
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ..avatar.avatar import Avatar
from ..head.forward import layer_of
from .shade import draw_head

PORTRAIT_FOV_RAD = 0.24
"""About an 85 mm lens: near enough for depth, far enough for no large noses."""
_MARGIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewAngles:
    """The direction that a subject is seen from: yaw_rad to its left, pitch_rad from above; and
    fov_y_rad, the angle of view from the picture's lower to its upper edge."""

    yaw_rad: float = 0.0
    pitch_rad: float = 0.0
    fov_y_rad: float = PORTRAIT_FOV_RAD


FRONT = ViewAngles()


def default_camera(
    subject: Avatar | HeadModel, width: int, height: int, view: ViewAngles = FRONT
) -> Camera:
    """A camera that shows the subject at rest as a portrait of head and shoulders."""
    return frame_points(_extent(subject), width, height, view)


def frame_points(points: FloatArray, width: int, height: int, view: ViewAngles = FRONT) -> Camera:
    """A camera before points (N, 3), metres, that fill the picture from top to bottom but for a
    small margin. It looks at the middle of their box; narrow pictures step back."""
    low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
    camera = look_at(
        target=0.5 * (low + high),
        distance=0.0,
        yaw_rad=view.yaw_rad,
        pitch_rad=view.pitch_rad,
        width=width,
        height=height,
        fov_y_rad=view.fov_y_rad,
    )
    pose = camera.camera_from_world.copy()
    # The box's size along the camera's axes.
    size = np.abs(pose[:3, :3]) @ (high - low)
    size *= np.array([1 + 2 * _MARGIN, 1 + 2 * _MARGIN, 1.0])
    visible = max(size[1], size[0] * height / max(width, 1), 1e-3)
    # The box's front is nearer than its middle, so it looks larger.
    front = (1 + 2 * _MARGIN) * size[2]
    pose[2, 3] += 0.5 * visible / np.tan(0.5 * view.fov_y_rad) + 0.5 * front
    return replace(camera, camera_from_world=pose)


def _extent(subject: Avatar | HeadModel) -> FloatArray:
    """Two corners of the box that a portrait shows."""
    # The sides and the lower edge are the mesh's, since a portrait's shoulders, and where a head's
    # neck ends, run out of the picture.
    if isinstance(subject, HeadModel):
        return _without_edge(subject.template, float(subject.template[:, 1].max()))
    places = subject.means
    # Hair stands well above the mesh; a few stray wisps far out do not count.
    solid = places[subject.opacities > 0.3]
    if subject.surface is None:
        solid = solid if len(solid) else places
        return np.stack([solid.min(0), solid.max(0)])
    top = float(np.quantile(solid[:, 1], 0.998)) if len(solid) else 0.0
    return _without_edge(subject.vertices, max(top, float(subject.vertices[:, 1].max())))


def _without_edge(vertices: Float32Array, top: float) -> FloatArray:
    """Two corners of the vertices' (V, 3) box up to `top`, without an eighth at its lower end."""
    low, high = vertices.min(0), vertices.max(0)
    high[1] = top
    low[1] += 0.12 * (high[1] - low[1])
    return np.stack([low, high])


def draw_frame(motion: Motion, frame: int, head: HeadModel, size: tuple[int, int]) -> UInt8Array:
    """Draws one frame of a motion from the front as (height, width, 4) uint8 sRGB."""
    return draw(layer_of(head).vertices(motion, frame, frame + 1)[0], head, size)


def draw(vertices: Float32Array, head: HeadModel, size: tuple[int, int]) -> UInt8Array:
    """Draws vertices (V, 3) of the head so that its face fills the picture (width, height)."""
    return draw_head(vertices, head, face_camera(*size))


def face_camera(width: int, height: int) -> Camera:
    """A camera straight before the face that shows it from the collar to the top of the skull."""
    return look_at(
        target=np.array([0.0, -0.008, 0.0]),
        distance=0.85,
        width=width,
        height=height,
        fov_y_rad=0.335,
    )
