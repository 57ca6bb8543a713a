# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin of a head as a triangle mesh, and nearest-point search on it.

Eyeballs, teeth, tongue and hair are not skin; the inside of the mouth is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float64Array, Int64Array
from ...shared.errors import InputError
from ...shared.head import JOINTS, REGIONS, HeadModel

SKIN = tuple(REGIONS.index(name) for name in ("skin", "lip", "mouth"))
_CANDIDATES = 24
"""Triangles tested for each point, those with the nearest centres. With 400 in place of 24, one of
FLAME's 3,931 points finds a nearer triangle, by 0.2 mm."""
_SAME_SIDE = 0.3
"""Least cosine between a point's normal and the triangle's: keeps an upper lip off a lower one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Skin:
    """points (N, 3) metres; faces (M, 3) indices of points; vertex (N,) the points' indices in the
    head; side (N,) 1 on and near the upper lip, -1 on and near the lower one, else 0."""

    points: Float64Array
    faces: Int64Array
    vertex: Int64Array
    side: NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hits:
    """The nearest points on a skin to n points: face (n,); weights (n, 3) barycentric; found (n,)
    False if no triangle near by has a similar normal; distance (n,) metres."""

    face: Int64Array
    weights: Float64Array
    found: BoolArray
    distance: Float64Array

    def on(self, values: Float64Array, faces: Int64Array) -> Float64Array:
        """Interpolates values (N, ...) of the skin's points at the hits, (n, ...)."""
        return np.einsum("nk,nk...->n...", self.weights, values[faces[self.face]])

    def corner(self, faces: Int64Array) -> Int64Array:
        """The point of its triangle that each hit is nearest to, (n,)."""
        return faces[self.face, self.weights.argmax(1)]


def registration_error(why: str) -> InputError:
    """The error for heads that cannot be registered."""
    return InputError(
        "adapter.registration",
        f"This head could not be laid onto the open head: {why}.",
        "Check that it is a FLAME file; if it is, give FLAME's landmark embedding with "
        "--landmarks.",
    )


def skin_of(head: HeadModel) -> Skin:
    """The head's largest connected piece of skin at rest; `side` is 0 everywhere.

    Raises InputError `adapter.registration` if the head has no skin.
    """
    wanted = np.isin(head.region, SKIN)
    faces = head.faces[wanted[head.faces].all(1)].astype(np.int64)
    if not len(faces):
        raise registration_error("it has no skin")
    faces = faces[_largest_piece(faces, len(wanted))]
    vertex, local = np.unique(faces, return_inverse=True)
    return Skin(
        points=head.template[vertex].astype(np.float64),
        faces=local.reshape(-1, 3),
        vertex=vertex,
        side=np.zeros(len(vertex), np.int8),
    )


def _largest_piece(faces: Int64Array, vertices: int) -> BoolArray:
    edges = faces.ravel(), np.roll(faces, 1, 1).ravel()
    graph = coo_matrix((np.ones(faces.size), edges), (vertices, vertices))
    piece = connected_components(graph, directed=False)[1][faces[:, 0]]
    return piece == np.bincount(piece).argmax()


def mark_sides(skin: Skin, head: HeadModel, upper: Float64Array, lower: Float64Array) -> Skin:
    """The skin with `side` set by the skin weights of the jaw near the mouth.

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


def face_normals(points: Float64Array, faces: Int64Array) -> Float64Array:
    """Unit normals (M, 3); zero for triangles without an area."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-18)


def point_areas(points: Float64Array, faces: Int64Array) -> Float64Array:
    """Area of each point (N,) in square metres: a third of the triangles around it."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1) / 3
    out = np.zeros(len(points))
    np.add.at(out, faces, area[:, None])
    return out


@dataclass(frozen=True, slots=True, eq=False)
class SkinTree:
    """A skin with a k-d tree of its triangles' centres, for nearest-point search."""

    skin: Skin
    normals: Float64Array
    side: NDArray[np.int8]
    tree: cKDTree

    @staticmethod
    def of(skin: Skin) -> SkinTree:
        """Builds the tree. A triangle is on a lip's side if one of its corners is."""
        sides = skin.side[skin.faces].astype(np.int8)
        side = np.where(sides.min(1) < 0, sides.min(1), sides.max(1)).astype(np.int8)
        centres = skin.points[skin.faces].mean(1)
        normals = face_normals(skin.points, skin.faces)
        return SkinTree(skin, normals, side, cKDTree(centres))

    def nearest(self, points: Float64Array, normals: Float64Array, side: NDArray[np.int8]) -> Hits:
        """The nearest point on the skin to each of points (n, 3) with normals (n, 3), on triangles
        with a similar normal and on the same lip; on any triangle if there is none."""
        candidates = self.tree.query(points, min(_CANDIDATES, len(self.skin.faces)))[1]
        face, weights = np.zeros(len(points), np.int64), np.zeros((len(points), 3))
        found, distance = np.zeros(len(points), bool), np.zeros(len(points))
        _find_nearest(
            points,
            normals,
            side,
            candidates,
            self.skin.points[self.skin.faces],
            self.normals,
            self.side,
            face,
            weights,
            found,
            distance,
        )
        return Hits(face=face, weights=weights, found=found, distance=distance)


@njit(cache=True, nogil=True)
def _find_nearest(
    points, normals, side, candidates, corners, face_normals, face_side,
    face, weights, found, distance,
):  # fmt: skip  # pragma: no cover - compiled
    """Finds for each point the nearest fitting triangle of its candidates, else the nearest."""
    for index in range(points.shape[0]):
        point, normal = points[index], normals[index]
        best = np.inf
        for candidate in candidates[index]:
            toward = (
                normal[0] * face_normals[candidate, 0]
                + normal[1] * face_normals[candidate, 1]
                + normal[2] * face_normals[candidate, 2]
            )
            fits = toward > _SAME_SIDE and side[index] * face_side[candidate] >= 0
            if found[index] and not fits:
                continue
            v, w = _nearest_on(point, corners[candidate])
            squared = 0.0
            for axis in range(3):
                a, b, c = corners[candidate, :, axis]
                squared += ((1 - v - w) * a + v * b + w * c - point[axis]) ** 2
            if squared < best or (fits and not found[index]):
                best, found[index], face[index] = squared, fits, candidate
                weights[index, 0], weights[index, 1], weights[index, 2] = 1 - v - w, v, w
        distance[index] = np.sqrt(best)


@njit(cache=True, nogil=True)
def _nearest_on(point, corners):  # pragma: no cover - compiled
    """Weights of the second and third corner of the triangle's point nearest to `point`
    (Ericson 2005, section 5.1.5: by the region of the plane in which the point lies)."""
    d1 = d2 = d3 = d4 = d5 = d6 = 0.0
    for axis in range(3):
        a, b, c = corners[0, axis], corners[1, axis], corners[2, axis]
        d1 += (b - a) * (point[axis] - a)
        d2 += (c - a) * (point[axis] - a)
        d3 += (b - a) * (point[axis] - b)
        d4 += (c - a) * (point[axis] - b)
        d5 += (b - a) * (point[axis] - c)
        d6 += (c - a) * (point[axis] - c)
    if d1 <= 0 and d2 <= 0:
        return 0.0, 0.0
    if d3 >= 0 and d4 <= d3:
        return 1.0, 0.0
    if d6 >= 0 and d5 <= d6:
        return 0.0, 1.0
    across_c, across_b, across_a = d1 * d4 - d3 * d2, d5 * d2 - d1 * d6, d3 * d6 - d5 * d4
    if across_c <= 0 and d1 >= 0 and d3 <= 0:
        return d1 / (d1 - d3), 0.0
    if across_b <= 0 and d2 >= 0 and d6 <= 0:
        return 0.0, d2 / (d2 - d6)
    if across_a <= 0 and d4 >= d3 and d5 >= d6:
        share = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 1 - share, share
    whole = across_a + across_b + across_c
    return across_b / whole, across_c / whole
