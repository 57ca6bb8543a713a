# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin of a head as a surface to be registered, and nearest points on it.

Eyeballs, teeth, tongue and hair are not skin; the inside of the mouth is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ...shared.head import JOINTS, REGIONS, HeadModel

SKIN = tuple(REGIONS.index(name) for name in ("skin", "lip", "mouth"))
_CANDIDATES = 24
"""Triangles looked at for each point, nearest centres first: the nearest triangle was among them
for all points of FLAME on the open head."""
_SAME_SIDE = 0.3
"""Least cosine between a point's normal and the triangle's: keeps an upper lip off a lower one."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Skin:
    """points (N, 3) metres; faces (M, 3) into them; vertex (N,) their index in the head; side (N,)
    1 on the upper lip and what lies near it, -1 on the lower, 0 where neither counts."""

    points: FloatArray
    faces: IntArray
    vertex: IntArray
    side: NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hits:
    """Points of a skin: face (n,), weights (n, 3) barycentric, found (n,) False where no triangle
    near by faces the same way, distance (n,) metres."""

    face: IntArray
    weights: FloatArray
    found: NDArray[np.bool_]
    distance: FloatArray

    def on(self, values: FloatArray, faces: IntArray) -> FloatArray:
        """(n, ...) values (N, ...) of a skin's vertices at the hits."""
        return np.einsum("nk,nk...->n...", self.weights, values[faces[self.face]])


def skin_of(head: HeadModel) -> Skin:
    """The head's largest connected piece of skin, at rest, without sides."""
    wanted = np.isin(head.region, SKIN)
    faces = head.faces[wanted[head.faces].all(1)].astype(np.int64)
    faces = faces[_largest_piece(faces, len(wanted))]
    vertex, local = np.unique(faces, return_inverse=True)
    return Skin(
        points=head.template[vertex].astype(np.float64), faces=local.reshape(-1, 3),
        vertex=vertex, side=np.zeros(len(vertex), np.int8),
    )  # fmt: skip


def _largest_piece(faces: IntArray, vertices: int) -> NDArray[np.bool_]:
    edges = faces.ravel(), np.roll(faces, 1, 1).ravel()
    graph = coo_matrix((np.ones(faces.size), edges), (vertices, vertices))
    piece = connected_components(graph, directed=False)[1][faces[:, 0]]
    return piece == np.bincount(piece).argmax()


def mark_sides(skin: Skin, head: HeadModel, upper: FloatArray, lower: FloatArray) -> Skin:
    """The skin with its two lips told apart, by how far each goes with the jaw.

    upper, lower: (n, 3) points on the rims of the mouth.
    """
    share = head.skin_weights[skin.vertex, JOINTS.index("jaw")].astype(np.float64)
    tree = cKDTree(skin.points)
    high, low = (share[tree.query(rim)[1]].mean() for rim in (upper, lower))
    middle, band = 0.5 * (high + low), 0.15 * (low - high)
    rims = np.concatenate([upper, lower])
    near = cKDTree(rims).query(skin.points)[0] < 0.6 * np.ptp(rims[:, 0])
    side = np.where(share < middle - band, 1, np.where(share > middle + band, -1, 0))
    return replace(skin, side=np.where(near, side, 0).astype(np.int8))


def face_normals(points: FloatArray, faces: IntArray) -> FloatArray:
    """(M, 3) unit normals; zero for triangles without an area."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-18)


def point_areas(points: FloatArray, faces: IntArray) -> FloatArray:
    """(N,) square metres: a third of each triangle around a point."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1) / 3
    return np.bincount(faces.ravel(), np.repeat(area, 3), len(points))


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A skin prepared to be asked for nearest points."""

    skin: Skin
    normals: FloatArray
    side: NDArray[np.int8]
    tree: cKDTree

    @staticmethod
    def of(skin: Skin) -> Target:
        """A triangle is of a lip's side if a corner is."""
        sides = skin.side[skin.faces].astype(np.int8)
        side = np.where(sides.min(1) < 0, sides.min(1), sides.max(1)).astype(np.int8)
        centres = skin.points[skin.faces].mean(1)
        normals = face_normals(skin.points, skin.faces)
        return Target(skin, normals, side, cKDTree(centres))

    def nearest(self, points: FloatArray, normals: FloatArray, side: NDArray[np.int8]) -> Hits:
        """The nearest point to each of points (n, 3) on triangles that face the same way and lie
        on the same lip; on any triangle where there is none."""
        faces, corners = self.skin.faces, self.skin.points
        candidates = self.tree.query(points, min(_CANDIDATES, len(faces)))[1]  # (n, k)
        weights = _nearest_weights(points[:, None], corners[faces[candidates]])
        places = np.einsum("nkc,nkcd->nkd", weights, corners[faces[candidates]])
        distance = np.linalg.norm(places - points[:, None], axis=2)
        fits = np.einsum("nd,nkd->nk", normals, self.normals[candidates]) > _SAME_SIDE
        fits &= self.side[candidates] * side[:, None].astype(int) >= 0
        best = (distance + np.where(fits, 0, 1.0)).argmin(1)
        row = np.arange(len(points))
        return Hits(
            face=candidates[row, best], weights=weights[row, best], found=fits[row, best],
            distance=distance[row, best],
        )  # fmt: skip


def _nearest_weights(point: FloatArray, corners: FloatArray) -> FloatArray:
    """Barycentric weights (..., 3) of the point of triangles (..., 3, 3) nearest to `point`
    (..., 3): the foot of the perpendicular, or the best of the three edges' nearest points."""
    a, b, c = (corners[..., k, :] for k in range(3))
    ab, ac, ap = b - a, c - a, point - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    scale = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    v, w = (d11 * d20 - d01 * d21) / scale, (d00 * d21 - d01 * d20) / scale
    inside = np.stack([1 - v - w, v, w], -1)
    options = [_on_edge(point, corners, i, j) for i, j in ((0, 1), (1, 2), (2, 0))]
    table = np.stack(options, -2)  # (..., 3 edges, 3)
    places = np.einsum("...ec,...cd->...ed", table, corners)
    squared = ((places - point[..., None, :]) ** 2).sum(-1)
    edge = np.take_along_axis(table, squared.argmin(-1)[..., None, None], -2)[..., 0, :]
    return np.where((inside >= 0).all(-1, keepdims=True), inside, edge)


def _on_edge(point: FloatArray, corners: FloatArray, i: int, j: int) -> FloatArray:
    start, along = corners[..., i, :], corners[..., j, :] - corners[..., i, :]
    share = ((point - start) * along).sum(-1) / np.maximum((along * along).sum(-1), 1e-30)
    share = np.clip(share, 0, 1)
    weights = np.zeros((*share.shape, 3))
    weights[..., i], weights[..., j] = 1 - share, share
    return weights
