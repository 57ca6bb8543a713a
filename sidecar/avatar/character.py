# SPDX-License-Identifier: GPL-3.0-or-later
"""An animator's character as a rig that can be measured against the open head: in metres, with
eyeballs."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, Int32Array
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES
from .alignment import find_eyeballs, mesh_pieces
from .avatar import ArkitRig
from .effects import open_motion

LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
NEEDED = (*LIDS, "jawOpen")
"""Shapes without which a face cannot be found: they tell its size, its eyes and its jaw."""
_LEAST_MOVED = 1e-3
"""Of a face's eyes' distance: what moves less is not moved."""
_BALL_M, _BEHIND_M = 0.012, 0.011
"""An eyeball's radius, and how far its middle is behind the lid that shuts over it."""


def character_rig(
    vertices: Float32Array, faces: Int32Array, shapes: Float32Array, open_head: HeadModel
) -> ArkitRig:
    """The rig of a mesh (V, 3) in any unit, whose shapes (52, V, 3) are displacements, scaled so
    that its eyes are as far apart as the open head's. A mesh whose eyes are not pieces of it gets
    balls where its lids shut. Raises InputError `avatar.calibration`, `avatar.shape`,
    `avatar.not_finite`."""
    count = len(vertices)
    # Checks the arrays before anything is computed with them.
    _rig(vertices, faces, shapes)
    if not len(faces) or any(not shapes[ARKIT_NAMES.index(name)].any() for name in NEEDED):
        raise InputError(
            "avatar.calibration",
            f"A character is measured by its shapes {', '.join(NEEDED[:-1])} and {NEEDED[-1]}, and "
            "it lacks one of them.",
            "Choose keys for these shapes, or use the character without calibration.",
        )
    eyes = _lid_middles(vertices.astype(np.float64), shapes)
    there = _lid_middles(
        open_head.template.astype(np.float64), _blinks(open_motion(_lid_rows(), open_head))
    )
    scale = np.linalg.norm(there[0] - there[1]) / max(np.linalg.norm(eyes[0] - eyes[1]), 1e-12)
    middle = 0.5 * (eyes[0] + eyes[1])
    placed = ((vertices - middle) * scale + 0.5 * (there[0] + there[1])).astype(np.float32)
    moved = (shapes * np.float32(scale)).astype(np.float32)
    if find_eyeballs(placed.astype(np.float64), mesh_pieces(faces, count)) is None:
        lids = (eyes - middle) * scale + 0.5 * (there[0] + there[1])
        placed, faces, moved = _with_balls(placed, faces, moved, lids)
    return _rig(placed, faces, moved)


def _rig(vertices: Float32Array, faces: Int32Array, shapes: Float32Array) -> ArkitRig:
    return ArkitRig(
        vertices=vertices,
        faces=faces,
        arkit_shapes=shapes,
        joint_pivots=np.zeros((1, 3), np.float32),
        joint_weights=np.ones((len(vertices), 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )


def _lid_rows() -> Float64Array:
    """ARKit weights (2, 52) of a blink of each eye."""
    return np.eye(len(ARKIT_NAMES))[[ARKIT_NAMES.index(name) for name in LIDS]]


def _blinks(moved: Float64Array) -> Float64Array:
    """Displacements (2, V, 3) of the lids in their places among all shapes (52, V, 3)."""
    shapes = np.zeros((len(ARKIT_NAMES), *moved.shape[1:]))
    shapes[[ARKIT_NAMES.index(name) for name in LIDS]] = moved
    return shapes


def _lid_middles(vertices: Float64Array, shapes: Float32Array | Float64Array) -> Float64Array:
    """(2, 3) the middles of what moves in a blink, left and right, weighted by how far."""
    sizes = [np.linalg.norm(shapes[ARKIT_NAMES.index(name)], axis=1) for name in LIDS]
    return np.stack([(size[:, None] * vertices).sum(0) / size.sum() for size in sizes])


def _with_balls(
    vertices: Float32Array, faces: Int32Array, shapes: Float32Array, lids: Float64Array
) -> tuple[Float32Array, Int32Array, Float32Array]:
    """The mesh in metres with a ball behind each lid (2, 3)."""
    ball, corners = _ball()
    parts, rings = [vertices], [faces]
    for lid in lids:
        rings.append((corners + sum(map(len, parts))).astype(np.int32))
        parts.append((ball + lid - np.array([0, 0, _BEHIND_M])).astype(np.float32))
    still = np.zeros((len(shapes), 2 * len(ball), 3), np.float32)
    return np.concatenate(parts), np.concatenate(rings), np.concatenate([shapes, still], 1)


def _ball(rings: int = 12, sectors: int = 16) -> tuple[Float64Array, Int32Array]:
    """A ball's vertices and faces."""
    polar = np.pi * np.arange(1, rings) / rings
    around = 2 * np.pi * np.arange(sectors) / sectors
    sine, cosine = np.sin(polar)[:, None], np.cos(polar)[:, None]
    flat = np.stack(
        [
            sine * np.cos(around),
            sine * np.sin(around),
            np.broadcast_to(cosine, (len(polar), sectors)),
        ],
        -1,
    ).reshape(-1, 3)
    points = _BALL_M * np.concatenate([flat, [[0, 0, 1], [0, 0, -1]]])
    here = np.arange(len(flat)).reshape(len(polar), sectors)
    side = np.roll(here, -1, 1)
    squares = [here[:-1], here[1:], side[1:], here[:-1], side[1:], side[:-1]]
    body = np.stack([s.ravel() for s in squares], 1).reshape(-1, 3)
    top = np.stack([np.full(sectors, len(flat)), here[0], side[0]], 1)
    bottom = np.stack([np.full(sectors, len(flat) + 1), side[-1], here[-1]], 1)
    return points, np.concatenate([body, top, bottom]).astype(np.int32)
