# SPDX-License-Identifier: GPL-3.0-or-later
"""By which three vertices the turn of each face, or of each vertex, of an avatar's surface is told
in the manner `surface`.

A face's own corners tell it, unless the face is low: positions are single-precision numbers, here
and in Blender, so that a mesh of a head's size is known to a ten-thousandth of a millimetre, and a
face that is, or is pressed to, a few tenths of a millimetre turns by what was rounded. Such a face
turns with a wider triangle of vertices around it. Vertices have no corners, and each has such a
triangle. All is chosen once, at rest, with an eye to what the surface's shapes press flat, and
Blender's node group is given the same triangles.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, Int32Array, Int64Array
from ...shared.head import HeadModel
from ..head.read import OPEN
from ..memory import remembered
from .avatar import ArkitRig, Avatar

LEAST_M = 0.0006
"""A face that is lower, at rest or in one of the surface's shapes, is not told by its corners. An
error of 1e-7 m there is a quaternion's of 1e-4."""
WIDE_M = 0.0015
"""The triangle that stands in for it should never be lower."""
_EDGE = 1.2
"""Its first edge should be so many times as long."""
_AROUND = 64
"""The nearest vertices along the mesh that are looked at."""


@remembered
def supports_of(avatar: Avatar) -> Int32Array:
    """(A, 3) vertices: of each face, or of each vertex where Gaussians are bound to those. All the
    same vertex where nothing tells how it turns."""
    if avatar.surface is None:
        return np.zeros((0, 3), np.int32)
    faces, count = avatar.faces, len(avatar.vertices)
    poses = _poses(avatar)
    if avatar.binding == "vertex":
        out = np.repeat(np.arange(count, dtype=np.int32)[:, None], 3, 1)
        chosen = np.unique(avatar.anchors)
    else:
        out = np.array(faces, np.int32)
        chosen = np.flatnonzero(_least_heights(poses, out) < LEAST_M)
    _widen(poses, *_neighbours(faces, count), chosen, np.float32(WIDE_M), out)
    return out


def edges_of(faces: Int32Array) -> tuple[Int32Array, Float32Array]:
    """Each edge once (E, 2), and how many faces it borders (E,)."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64), 1)
    # As one number each: sorting pairs takes ten times as long.
    step = int(edges.max(initial=0)) + 1
    numbers, counts = np.unique(edges[:, 0] * step + edges[:, 1], return_counts=True)
    return np.stack(np.divmod(numbers, step), 1).astype(np.int32), counts.astype(np.float32)


def _poses(avatar: Avatar) -> Float32Array:
    """(V, K, 3) the vertices at rest and in each of the shapes, of FLAME also the other way."""
    rest, surface = avatar.vertices.astype(np.float64), avatar.surface
    shapes = np.zeros((len(rest), 0, 3), np.float32)
    if isinstance(surface, ArkitRig):
        shapes = np.moveaxis(surface.arkit_shapes, 0, 1)
    elif isinstance(surface, HeadModel):
        shapes = np.moveaxis(surface.expression_basis, 2, 1)
    shapes = shapes[:, shapes.any((0, 2))]
    ways = [shapes]
    if isinstance(surface, HeadModel) and surface.space != OPEN:
        ways.append(-shapes)
    moved = np.concatenate([np.zeros_like(rest)[:, None], *ways], 1, dtype=np.float32)
    return moved + (rest - rest.mean(0)).astype(np.float32)[:, None]


def _neighbours(faces: Int32Array, count: int) -> tuple[Int64Array, Int32Array]:
    """Where each vertex's neighbours begin (V + 1,), and all of these."""
    edges = edges_of(faces)[0]
    vertex, other = np.concatenate([edges, edges[:, ::-1]]).T
    starts = np.concatenate([[0], np.cumsum(np.bincount(vertex, minlength=count))])
    return starts, other[np.argsort(vertex, kind="stable")]


def _least_heights(poses: Float32Array, faces: Int32Array) -> Float32Array:
    out = np.empty(len(faces), np.float32)
    _measure(poses, faces, out)
    return out


@njit(cache=True, nogil=True)
def _measure(poses, faces, out):  # pragma: no cover - compiled
    """out (F,): the least height of each face over the poses (V, K, 3)."""
    for face in range(len(faces)):
        out[face] = _height(poses, faces[face, 0], faces[face, 1], faces[face, 2], np.float32(-1))


@njit(cache=True, nogil=True)
def _height(poses, a, b, c, enough):  # pragma: no cover - compiled
    """The least height of a triangle over the poses, or any of its heights that is not above
    `enough`."""
    least = np.float32(1e9)
    p, q, r = poses[a], poses[b], poses[c]
    for pose in range(poses.shape[1]):
        ux, uy, uz = q[pose, 0] - p[pose, 0], q[pose, 1] - p[pose, 1], q[pose, 2] - p[pose, 2]
        vx, vy, vz = r[pose, 0] - p[pose, 0], r[pose, 1] - p[pose, 1], r[pose, 2] - p[pose, 2]
        wx, wy, wz = vx - ux, vy - uy, vz - uz
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        edge = max(ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz)
        edge = max(edge, wx * wx + wy * wy + wz * wz)
        if edge == 0:
            return np.float32(0)
        least = min(least, np.sqrt((nx * nx + ny * ny + nz * nz) / edge))
        if least <= enough:
            break
    return least


@njit(cache=True, nogil=True)
def _widen(poses, starts, near, chosen, wide, out):  # pragma: no cover - compiled
    """Replaces the chosen rows of out (A, 3) by the nearest triangles that are never lower than
    `wide`, or by the highest around: the longest edge of the old one, or one that is long enough
    from there, and a third vertex."""
    seen, around = np.full(len(poses), -1, np.int64), np.empty(_AROUND, np.int64)
    for index in chosen:
        count = _gather(starts, near, out[index], index, seen, around)
        a, b, length = out[index, 0], out[index, 1], np.float32(-1)
        for k in range(3):
            p, q = out[index, k], out[index, (k + 1) % 3]
            distance = _distance(poses, p, q)
            if distance > length:
                a, b, length = p, q, distance
        for i in range(count):
            if length >= np.float32(_EDGE) * wide:
                break
            distance = _distance(poses, a, around[i])
            if distance > length:
                b, length = around[i], distance
        best = np.float32(0)
        for i in range(count):
            height = _height(poses, a, b, around[i], best)
            if height > best:
                best = height
                out[index, 0], out[index, 1], out[index, 2] = a, b, around[i]
            if best >= wide:
                break


@njit(cache=True, nogil=True)
def _distance(poses, a, b):  # pragma: no cover - compiled
    """Between two vertices at rest."""
    x, y, z = (
        poses[a, 0, 0] - poses[b, 0, 0],
        poses[a, 0, 1] - poses[b, 0, 1],
        poses[a, 0, 2] - poses[b, 0, 2],
    )
    return np.sqrt(x * x + y * y + z * z)


@njit(cache=True, nogil=True)
def _gather(starts, near, seeds, mark, seen, out):  # pragma: no cover - compiled
    """Fills out with the seeds and the vertices nearest to them along the mesh, ring after ring;
    how many there are. seen (V,): `mark` where this call has been."""
    count, at = 0, 0
    for seed in seeds:
        if seen[seed] != mark:
            seen[seed] = mark
            out[count] = seed
            count += 1
    while at < count and count < len(out):
        vertex = out[at]
        at += 1
        for k in range(starts[vertex], starts[vertex + 1]):
            other = near[k]
            if seen[other] != mark and count < len(out):
                seen[other] = mark
                out[count] = other
                count += 1
    return count
