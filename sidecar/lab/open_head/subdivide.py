# SPDX-License-Identifier: GPL-3.0-or-later
"""A finer skull: MakeHuman's quads there are 25 mm wide, and a bald head shows each of them.

Quads of a chosen zone are split in four. New points lie on the curved surface that the old
normals describe (Phong tessellation, Boubekeur and Alexa 2008); the old points stay. Neighbours
of the zone take the new edge points in and are cut into triangles around their middle, so that
nothing gapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float64Array, Int64Array

ROUNDNESS = 0.75  # share of the curved point against the flat one, as the paper proposes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refined:
    """faces (m, 3) into old vertices 0..n-1 and new ones n..; uv (m, 3, 2); corners (k, 4): the
    old vertices that each new one is the mean of (an edge's repeat); offset (k, 3) from there."""

    faces: Int64Array
    uv: Float64Array
    corners: Int64Array
    offset: Float64Array


def refine(
    positions: Float64Array, quads: Int64Array, uv: Float64Array, zone: BoolArray
) -> Refined:
    """Splits the quads (q, 4) of `zone` (q,); uv (q, 4, 2). A triangle repeats its last corner."""
    new_points: list[list[int]] = []
    middle_of_edge: dict[tuple[int, int], int] = {}
    for quad in quads[zone]:
        for a, b in _edges(quad):
            if (min(a, b), max(a, b)) not in middle_of_edge:
                middle_of_edge[min(a, b), max(a, b)] = len(positions) + len(new_points)
                new_points.append([a, a, b, b])
    faces, uvs = [], []
    for quad, corner_uv in zip(quads, uv, strict=True):
        ring, ring_uv = _ring(quad, corner_uv, middle_of_edge)
        if len(ring) == len(set(quad.tolist())):
            order = [(0, 1, 2)] if len(ring) == 3 else [(0, 1, 2), (0, 2, 3)]
            faces += [[ring[k] for k in f] for f in order]
            uvs += [[ring_uv[k] for k in f] for f in order]
            continue
        centre = len(positions) + len(new_points)
        new_points.append(quad.tolist())
        for k in range(len(ring)):
            n = (k + 1) % len(ring)
            faces.append([centre, ring[k], ring[n]])
            uvs.append([corner_uv.mean(0), ring_uv[k], ring_uv[n]])
    corners = np.array(new_points).reshape(-1, 4)
    return Refined(
        faces=np.array(faces),
        uv=np.array(uvs),
        corners=corners,
        offset=_bulge(positions, quads, corners),
    )


def _edges(quad: Int64Array) -> list[tuple[int, int]]:
    ring = quad.tolist()
    return [(a, b) for a, b in zip(ring, ring[1:] + ring[:1], strict=True) if a != b]


def _ring(
    quad: Int64Array, corner_uv: Float64Array, middle_of_edge: dict[tuple[int, int], int]
) -> tuple[list[int], list[Float64Array]]:
    """The quad's corners, with the new point of each split edge between its ends."""
    ring, ring_uv = [], []
    for k in range(4):
        a, b = int(quad[k]), int(quad[(k + 1) % 4])
        if a == b:
            continue
        ring.append(a)
        ring_uv.append(corner_uv[k])
        middle = middle_of_edge.get((min(a, b), max(a, b)))
        if middle is not None:
            ring.append(middle)
            ring_uv.append(0.5 * (corner_uv[k] + corner_uv[(k + 1) % 4]))
    return ring, ring_uv


def _bulge(positions: Float64Array, quads: Int64Array, corners: Int64Array) -> Float64Array:
    """(k, 3) offsets from the mean of the corners to the curved surface."""
    normals = np.zeros_like(positions)
    a, b, c, d = (positions[quads[:, k]] for k in range(4))
    face_normal = np.cross(c - a, d - b)
    for k in range(4):
        np.add.at(normals, quads[:, k], face_normal)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    flat = positions[corners].mean(1, keepdims=True)
    out = ((positions[corners] - flat) * normals[corners]).sum(2, keepdims=True)
    return ROUNDNESS * (out * normals[corners]).mean(1)
