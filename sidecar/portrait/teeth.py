# SPDX-License-Identifier: GPL-3.0-or-later
"""Teeth one from another: no photo shows them all, and evenly coloured they are one white bar."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float64Array, FloatArray, Int32Array
from ...shared.head import JOINTS, REGIONS, HeadModel
from ..memory import remembered

_ENAMEL = 0.3
"""Teeth whose channels differ by less than this share are enamel, the others gums."""
_FRONT_M = 0.018
"""Teeth further back than this are told apart by no viewer."""
_GAP_M, _GAP_DEPTH = 0.0006, 0.8
"""How far from the next tooth a gap darkens a tooth to 1 / e of it, and how much it does there."""
_FINE_M = 0.0013
"""Faces so near another tooth have a gap to show."""
_SAMPLES = 3
_ROUND = 0.45
"""How much darker a tooth is where it turns away from the viewer, all the way."""
_NECK_SHARE, _NECK_TINT = 0.55, np.array([0.93, 0.86, 0.74])
"""The part of a tooth, from its root, that is darker and yellower towards the gums; how much."""


@remembered
def teeth_of(head: HeadModel) -> Int32Array:
    """(V,) the number of the tooth that each vertex belongs to; -1 for all else, gums too."""
    out = np.full(len(head.template), -1, np.int32)
    region = REGIONS.index("teeth")
    faces = head.faces[head.region[head.faces[:, 0]] == region]
    rows, columns = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    count = len(out)
    links = coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
    labels = connected_components(links, directed=False)[1]
    number = 0
    for label in np.unique(labels[np.unique(faces)]):
        part = np.flatnonzero(labels == label)
        if _is_enamel(head.colour[part].mean(0)):
            out[part] = number
            number += 1
    return out


def _is_enamel(colours: FloatArray) -> BoolArray:
    """(...,) whether these colours (..., 3) are those of teeth rather than gums."""
    return np.ptp(colours, axis=-1) < _ENAMEL * np.max(colours, axis=-1)


@remembered
def near_gaps(head: HeadModel) -> BoolArray:
    """(F,) faces of teeth so near another tooth that only small pieces show the gap."""
    teeth = teeth_of(head)[head.faces[:, 0]]
    a, b, c = head.template[head.faces].astype(np.float64).transpose(1, 0, 2)
    middle, normal = (a + b + c) / 3, np.cross(b - a, c - a)
    to_front = (middle[:, 2] > _FRONT_M) & ((normal * middle)[:, [0, 2]].sum(1) > 0)
    seen = np.flatnonzero((teeth >= 0) & to_front)
    out = np.zeros(len(teeth), np.bool_)
    out[seen] = _to_next(head, middle[seen], teeth[seen]) < _FINE_M
    return out


def tooth_shade(
    head: HeadModel, places: Float64Array, normals: Float64Array, teeth: Int32Array
) -> Float64Array:
    """(N, 3) what is left of a tooth's colour: dark between teeth, round to the sides, yellower at
    the neck. places, normals: (N, 3) of pieces on the head's template; teeth: (N,) their tooth."""
    gap = 1 - _GAP_DEPTH * np.exp(-((_to_next(head, places, teeth) / _GAP_M) ** 2))
    vertices, number = head.template.astype(np.float64), teeth_of(head)
    upper = head.skin_weights[:, JOINTS.index("jaw")] < 0.5
    shade = np.ones((len(places), 3))
    for tooth in np.unique(teeth):
        here, own = teeth == tooth, number == tooth
        shade[here] = _one_tooth(vertices[own], places[here], normals[here], bool(upper[own].all()))
    return shade * gap[:, None]


def _one_tooth(
    vertices: Float64Array, places: Float64Array, normals: Float64Array, is_upper: bool
) -> Float64Array:
    """(N, 3) what its roundness and its neck leave of one tooth's colour."""
    outwards = vertices.mean(0) * [1, 0, 1]
    outwards /= max(float(np.linalg.norm(outwards)), 1e-9)
    turned = 1 - np.clip(normals @ outwards, 0, 1)
    low, high = vertices[:, 1].min(), vertices[:, 1].max()
    along = (places[:, 1] - low) / max(float(high - low), 1e-6)
    from_root = 1 - along if is_upper else along
    neck = np.clip(1 - from_root / _NECK_SHARE, 0, 1)[:, None]
    return (1 - _ROUND * turned)[:, None] * _NECK_TINT**neck


def _to_next(head: HeadModel, places: Float64Array, teeth: Int32Array) -> Float64Array:
    """(N,) metres from places on teeth to the nearest other tooth of the same row."""
    number = teeth_of(head)
    faces = head.faces[number[head.faces[:, 0]] >= 0]
    owner = number[faces[:, 0]]
    upper = head.skin_weights[faces[:, 0], JOINTS.index("jaw")] < 0.5
    shares = _spread(_SAMPLES)
    points = np.einsum("sc,fck->fsk", shares, head.template[faces].astype(np.float64))
    out = np.full(len(places), np.inf)
    for tooth in np.unique(teeth):
        here = teeth == tooth
        row = upper[owner == tooth][0]
        middle = points[owner == tooth].reshape(-1, 3).mean(0)
        near = (owner != tooth) & (upper == row)
        near &= np.linalg.norm(points[:, 0] - middle, axis=1) < 0.02
        if near.any():
            out[here] = cKDTree(points[near].reshape(-1, 3)).query(places[here])[0]
    return out


def _spread(count: int) -> Float64Array:
    """(S, 3) points spread over a triangle, as weights of its corners."""
    steps = np.arange(count + 1)
    pairs = np.array([(i, j) for i in steps for j in steps if i + j <= count]) / count
    return np.column_stack([1 - pairs.sum(1), pairs])
