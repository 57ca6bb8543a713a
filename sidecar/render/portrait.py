# SPDX-License-Identifier: GPL-3.0-or-later
"""A head from the front, its face filling the picture: what every sheet and strip shows."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, UInt8Array
from ...shared.camera import Camera, look_at
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ..head.forward import layer_of
from .shade import draw_head


def draw_frame(motion: Motion, frame: int, head: HeadModel, size: tuple[int, int]) -> UInt8Array:
    """One frame of a motion from the front. (height, width, 4)"""
    return draw(layer_of(head).vertices(motion, frame, frame + 1)[0], head, size)


def draw(vertices: Float32Array, head: HeadModel, size: tuple[int, int]) -> UInt8Array:
    """Vertices (V, 3) of the head, its face filling a picture of (width, height)."""
    return draw_head(vertices, head, face_camera(*size))


def face_camera(width: int, height: int) -> Camera:
    """Straight before the face, from the collar to the top of the skull."""
    return look_at(
        target=np.array([0.0, -0.008, 0.0]),
        distance=0.85,
        yaw_rad=0.0,
        pitch_rad=0.0,
        width=width,
        height=height,
        fov_y_rad=0.335,
    )
