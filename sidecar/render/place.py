# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an avatar stands when a scene's camera looks at it: on the head that the scene shows.

Avatars bring surfaces of their own; LAM's, for one, has its origin between the feet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ...shared.camera import Camera
from ...shared.head import JOINTS, HeadModel
from ..avatar.alignment import find_eyeballs, fit_sphere, mesh_pieces
from ..avatar.avatar import ArkitRig, Avatar
from .sequence import Shot

_EYES = [JOINTS.index("eye_left"), JOINTS.index("eye_right")]


def head_from_avatar(avatar: Avatar, head: HeadModel) -> Float64Array:
    """(4, 4) moves the avatar at rest so that the middle between its eyes is the head's. Size and
    direction stay. The identity for an avatar on that very head, and for one whose eyes cannot
    be found: it is then placed by hand."""
    out = np.eye(4)
    eyes = _between_eyes(avatar)
    is_on_head = isinstance(avatar.surface, HeadModel) and avatar.surface.name == head.name
    if eyes is not None and not is_on_head:
        out[:3, 3] = _middle(head, head.template) - eyes
    return out


def of_subject(camera: Camera, moved: Float64Array) -> Camera:
    """The camera, told in the head's axes, in those of what `moved` brings to the head."""
    return replace(camera, camera_from_world=camera.camera_from_world @ moved)


def on_head(shot: Shot, head: HeadModel) -> Shot:
    """The shot whose cameras and world were told in the head's axes, in the avatar's own."""
    if not isinstance(shot.subject, Avatar):
        return shot
    moved = head_from_avatar(shot.subject, head)

    def of_avatar(camera: Camera) -> Camera:
        return of_subject(camera, moved)

    cameras = shot.cameras
    if isinstance(cameras, Camera):
        cameras = of_avatar(cameras)
    elif isinstance(cameras, Mapping):
        cameras = {frame: of_avatar(camera) for frame, camera in cameras.items()}
    else:
        cameras = [of_avatar(camera) for camera in cameras]
    options = replace(shot.options, world_from_head=shot.options.world_from_head @ moved)
    return replace(shot, cameras=cameras, options=options)


def _between_eyes(avatar: Avatar) -> Float64Array | None:
    """(3,) in the avatar's axes at rest, metres."""
    if isinstance(avatar.surface, HeadModel):
        return _middle(avatar.surface, avatar.vertices)
    if not isinstance(avatar.surface, ArkitRig):
        return None
    vertices = avatar.surface.vertices.astype(np.float64)
    pieces = mesh_pieces(avatar.surface.faces, len(vertices))
    eyes = find_eyeballs(vertices, pieces)
    if eyes is None:
        return None
    return np.mean([fit_sphere(vertices[pieces == eye])[0] for eye in eyes], 0)


def _middle(head: HeadModel, vertices: Float32Array) -> Float64Array:
    return (head.joint_regressor[_EYES].astype(np.float64) @ vertices).mean(0)
