# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a character that is measured: its face at rest, with what its shapes do to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import BoolArray, Float32Array, Float64Array, Int32Array

FACE_SHAPES = 10
"""A mesh with as many shapes is a part of the face's skin; teeth, tongue and lashes have fewer."""
_AROUND = 2.0
"""How far from the middle of what moves the face's mesh is looked at, in the radius of that; a body
is left out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceArrays:
    """vertices (V, 3) and shapes (52, V, 3) in the face's axes (left, up, front), in the unit of
    the character's mesh; faces (F, 3)."""

    vertices: Float32Array
    faces: Int32Array
    shapes: Float32Array


def near_face(vertices: Float64Array, faces: Int32Array, shapes: Float32Array) -> FaceArrays:
    """The part of a mesh (V, 3) around what its shapes (52, V, 3) move."""
    size = np.linalg.norm(shapes, axis=2).max(0)
    moved = vertices[size > 0.05 * size.max(initial=0)]
    keep: BoolArray = np.ones(len(vertices), bool)
    if len(moved):
        middle = moved.mean(0)
        radius = _AROUND * np.linalg.norm(moved - middle, axis=1).max()
        keep = np.linalg.norm(vertices - middle, axis=1) <= radius
    number = np.cumsum(keep) - 1
    whole = faces[keep[faces].all(1)]
    return FaceArrays(
        vertices=np.ascontiguousarray(vertices[keep], np.float32),
        faces=np.ascontiguousarray(number[whole], np.int32),
        shapes=np.ascontiguousarray(shapes[:, keep], np.float32),
    )
