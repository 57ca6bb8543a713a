# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of faces to be judged: a subject's frames, all framed alike, and where it moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....shared.arrays import Float32Array, FloatArray, UInt8Array
from ....shared.head import HeadModel
from ....shared.motion import Motion
from ....shared.pictures import PictureRequest
from ...avatar.animated_mesh import animate_mesh
from ...head.forward import layer_of
from ...motion.adapter import LinearAdapter
from ...raster.colour import straight_srgb
from ...render.passes import render_frames
from ...render.portrait import face_camera
from ...render.shade import draw_mesh
from ...render.shot import Subject, make_shot, motion_for, on_head
from .performances import without_turns

LARGEST_MM = 15.0
"""Displacement that is drawn in the warmest colour."""
_COLD_TO_WARM = np.array(
    [
        [0.62, 0.63, 0.66],
        [0.35, 0.55, 0.85],
        [0.30, 0.75, 0.45],
        [0.97, 0.80, 0.25],
        [0.85, 0.2, 0.15],
    ]
)


def draw_faces(
    subject: Subject,
    motion: Motion,
    head: HeadModel,
    size: int,
    adapter: LinearAdapter | None = None,
) -> list[UInt8Array]:
    """Every frame of a motion as (size, size, 4) sRGB with straight alpha, from the front, the
    head held still and the face as large as the open head's. head: the open head. Raises
    InputError as `motion_for` and `render_frames` do."""
    still = without_turns(motion_for(subject, motion, adapter))
    request = on_head(PictureRequest(cameras=(face_camera(size, size),)), subject, head)
    shot = make_shot(subject, still, request)
    return [straight_srgb(frame.combined) for frame in render_frames(shot)]


def displacement_map(subject: Subject, pair: Motion, head: HeadModel, size: int) -> UInt8Array:
    """(size, size, 4) the subject's mesh in the second of the pair's two frames, coloured by how
    far it moved from the first, grey to red at `LARGEST_MM`. The motion is in the subject's
    space."""
    rest, moved = mesh_frames(subject, without_turns(pair))
    surface = subject if isinstance(subject, HeadModel) else subject.surface
    assert surface is not None
    camera = on_head(PictureRequest(cameras=(face_camera(size, size),)), subject, head).cameras[0]
    colours = colours_of(1000 * np.linalg.norm(moved - rest, axis=1))
    return draw_mesh(moved, surface.faces, colours, np.zeros(len(moved), np.uint8), camera)


def colours_of(distance_mm: FloatArray) -> Float32Array:
    """(V, 3) sRGB of distances (V,)."""
    places = np.linspace(0, LARGEST_MM, len(_COLD_TO_WARM))
    columns = [np.interp(distance_mm, places, column) for column in _COLD_TO_WARM.T]
    return np.stack(columns, 1).astype(np.float32)


def mesh_frames(subject: Subject, motion: Motion) -> list[Float32Array]:
    """(V, 3) vertices of the subject's mesh in every frame of a motion in its space."""
    if isinstance(subject, HeadModel):
        return list(layer_of(subject).vertices(motion, 0, len(motion)))
    mesh = animate_mesh(subject, motion, with_turns=False)
    assert mesh is not None
    return [mesh.origin + mesh.pose(frame).vertices for frame in range(len(motion))]


def on_paper(picture: UInt8Array, paper: Sequence[int] = (235, 235, 235)) -> UInt8Array:
    """(H, W, 3) a picture with straight alpha on plain paper."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    laid = picture[..., :3] * alpha + np.array(paper, np.float32) * (1 - alpha)
    return np.round(laid).astype(np.uint8)
