# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes of a head without Gaussians: the lit mesh, and data interpolated over its faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, UInt8Array
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ...shared.pictures import PictureRequest
from ..avatar.regions import PASS_REGIONS
from ..head.forward import CHUNK_FRAMES, layer_of
from ..raster.device import Device
from ..raster.mesh import (
    MeshFragments,
    corner_weights,
    interpolate,
    interpolate_corners,
    seen_from_behind,
    vertex_normals,
)
from ..raster.pytorch3d import choose_mesh_rasteriser
from . import resolve
from .frame import Frame, Poses
from .shade import DrawOptions, LitMesh, light_mesh


class MeshPainter:
    """Draws the frames of one take, in the head's own space, on one head. label: (V,) each vertex's
    index into `PASS_REGIONS`; without it there are no masks."""

    def __init__(
        self,
        head: HeadModel,
        motion: Motion,
        request: PictureRequest,
        device: Device = "cpu",
        label: UInt8Array | None = None,
    ) -> None:
        self._head, self._motion, self._request = head, motion, request
        self._layer = layer_of(head)
        # Not "cuda" itself: a card is worth the way there only with pytorch3d, which few have.
        self._rasterise = choose_mesh_rasteriser("cpu" if device == "cpu" else "auto")
        self._blocks: dict[int, Float32Array] = {}
        self._poses: Poses[Float32Array] = Poses(self._vertices, lambda v: v, len(motion))
        self._label = label

    def paint(self, index: int) -> Frame:
        """One frame of the take, through that frame's camera."""
        camera, head = self._request.camera_at(index), self._head
        passes = self._request.passes
        vertices = self._poses.at(index)
        lit = light_mesh(
            vertices, head.faces, head.colour, head.region, camera, DrawOptions(background=None)
        )
        alpha = np.ascontiguousarray(lit.light[..., 3])
        seen = _reach_edges(self._rasterise(vertices, head.faces, camera), alpha)
        frame = Frame(
            index=index,
            combined=lit.light,
            depth=seen.depth,
            masks=None if self._label is None else self._masks(lit, self._label),
            object_index=resolve.where_covered(alpha, self._request.object_index).run()
            if "index" in passes
            else None,
            uv=interpolate_corners(head.uv, seen) if "uv" in passes else None,
        )
        return self._add_geometry(frame, vertices, seen)

    def _add_geometry(self, frame: Frame, vertices: Float32Array, seen: MeshFragments) -> Frame:
        request, faces, index = self._request, self._head.faces, frame.index
        camera = request.camera_at(index)
        if "normal" in request.passes:
            normals = vertex_normals(vertices.astype(np.float64), faces)
            turned = resolve.turn_normals(normals, request.normal_axes(index))
            shown = resolve.directions(interpolate(turned, faces, seen), slice(0, 3)).run()
            # As Cycles does: cards of brows and lashes have two sides.
            behind = seen_from_behind(vertices, faces, camera)[seen.face] & (seen.face >= 0)
            np.negative(shown, out=shown, where=behind[..., None])
            frame = replace(frame, normal=shown)
        if "position" in request.passes:
            places = resolve.places(frame.depth, camera, request.world_at(index)).run()
            frame = replace(frame, position=places)
        if "vector" in request.passes:
            vectors = self._poses.vectors(index, request)
            frame = replace(frame, vector=interpolate(vectors, faces, seen))
        return frame

    def _vertices(self, index: int) -> Float32Array:
        first = index - index % CHUNK_FRAMES
        if first not in self._blocks:
            for old in [start for start in self._blocks if abs(start - first) > CHUNK_FRAMES]:
                del self._blocks[old]
            stop = min(first + CHUNK_FRAMES, len(self._motion))
            self._blocks[first] = self._layer.vertices(self._motion, first, stop)
        return self._blocks[first][index - first]

    def _masks(self, lit: LitMesh, label: UInt8Array) -> Float32Array:
        out = np.zeros((*lit.light.shape[:2], len(PASS_REGIONS)), np.float32)
        _count_labels(lit.face, lit.screen, self._head.faces, label, lit.samples, out)
        return out


def _reach_edges(seen: MeshFragments, alpha: Float32Array) -> MeshFragments:
    """Copies the frontmost neighbour's fragment to pixels that a face covers, but not at their
    centre: otherwise a compositor would find light there without a depth."""
    face, barycentric, depth = seen.face.copy(), seen.barycentric.copy(), seen.depth.copy()
    _fill_edges(seen.face, seen.barycentric, seen.depth, alpha, face, barycentric, depth)
    return MeshFragments(face=face, barycentric=barycentric, depth=depth)


@njit(cache=True, nogil=True)
def _fill_edges(face, weight, depth, alpha, face_out, weight_out, depth_out):  # pragma: no cover
    height, width = face.shape
    for row in range(height):
        for column in range(width):
            if face[row, column] >= 0 or alpha[row, column] <= 0.0:
                continue
            for y in range(max(row - 1, 0), min(row + 2, height)):
                for x in range(max(column - 1, 0), min(column + 2, width)):
                    if face[y, x] >= 0 and depth[y, x] < depth_out[row, column]:
                        face_out[row, column] = face[y, x]
                        depth_out[row, column] = depth[y, x]
                        for k in range(3):
                            weight_out[row, column, k] = weight[y, x, k]


@njit(cache=True, nogil=True)
def _count_labels(face, screen, faces, label, samples, out):  # pragma: no cover - compiled
    """Writes the share of each pixel's samples that see each label. A sample sees the label with
    the largest weight of its face's corners, so that a border crosses a face straight."""
    share = np.float32(1.0 / (samples * samples))
    poll = np.zeros(out.shape[2])
    for row in range(face.shape[0]):
        for column in range(face.shape[1]):
            index = face[row, column]
            if index < 0:
                continue
            a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
            winner = label[a]
            if label[b] != winner or label[c] != winner:
                x, y = (column + 0.5) / samples, (row + 0.5) / samples
                wa, wb, wc = corner_weights(screen, faces[index], x, y)
                poll[:] = 0.0
                poll[label[a]] += wa
                poll[label[b]] += wb
                poll[label[c]] += wc
                winner = np.argmax(poll)
            out[row // samples, column // samples, winner] += share
