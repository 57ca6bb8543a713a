# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each of a rig's shapes may go before its skin folds over or flies apart."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import BoolArray, Float64Array, Int32Array
from .avatar import ArkitRig

MOST = 3.0
"""No shape gets a larger weight, however smooth it stays."""
_TURNED = 0.2
"""Cosine of a triangle's normals, at rest and moved, below which it is folded over."""
_GROWN, _SHRUNK = 2.0, 0.35
"""Factors of an edge's length beyond which skin flies apart or crumples."""
_LEAST_SHARE = 0.003
"""Part of the face's area that may break: less is a rim of a lid, or a corner of the mouth."""
_STEPS = 5


def largest_weights(rig: ArkitRig, on_face: BoolArray) -> Float64Array:
    """(52,) the largest weight of each shape, 1 to `MOST`, at which hardly any skin breaks that is
    whole at weight 1: what the rig's artist made is never refused. on_face: (V,)."""
    faces = rig.faces[on_face[rig.faces].all(1)]
    rest = rig.vertices.astype(np.float64)
    out = np.full(len(rig.arkit_shapes), MOST)
    for shape, moved in enumerate(rig.arkit_shapes):
        near = faces[np.abs(moved).max(1)[faces].max(1) > 0]
        if len(near):
            out[shape] = _largest(rest, moved.astype(np.float64), near, len(faces))
    return out


def _largest(rest: Float64Array, moved: Float64Array, faces: Int32Array, of: int) -> float:
    whole = ~broken_faces(rest, rest + moved, faces)
    low, high = 1.0, MOST
    if not _breaks(rest, rest + MOST * moved, faces[whole], of):
        return MOST
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if _breaks(rest, rest + middle * moved, faces[whole], of):
            high = middle
        else:
            low = middle
    return low


def _breaks(rest: Float64Array, moved: Float64Array, faces: Int32Array, of: int) -> bool:
    return bool(np.count_nonzero(broken_faces(rest, moved, faces)) > _LEAST_SHARE * of)


def broken_faces(rest: Float64Array, moved: Float64Array, faces: Int32Array) -> BoolArray:
    """(F,) the triangles that are folded over, flown apart or crumpled."""
    before, after = (points[faces] for points in (rest, moved))  # (F, 3, 3)
    edges = [np.linalg.norm(np.roll(p, 1, 1) - p, axis=2) for p in (before, after)]
    growth = edges[1] / np.maximum(edges[0], 1e-9)
    normals = [np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]) for p in (before, after)]
    lengths = np.linalg.norm(normals[0], axis=1) * np.linalg.norm(normals[1], axis=1)
    cosine = (normals[0] * normals[1]).sum(1) / np.maximum(lengths, 1e-24)
    return (cosine < _TURNED) | (growth > _GROWN).any(1) | (growth < _SHRUNK).any(1)
