# SPDX-License-Identifier: GPL-3.0-or-later
"""The outline of cheeks and jaw: where the photo shows it, the person's skin ends there.

MediaPipe's outline is a guess of where a face ends, drawn through few points; the person's matte
has its edge. Points of the head's own outline between ear and chin are laid on that edge, along
their normals in the picture, wherever one skin goes up to the background: no hair, no hand."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...shared.arrays import BoolArray, Float32Array, Float64Array, Int32Array
from ...shared.head import REGIONS, HeadModel
from ..raster.mesh import interpolate, rasterise_mesh
from .ears import ear_weight
from .framing import Frame, sample
from .landmarks import HeadLandmarks, landmark_vertices

_LOW_M, _HIGH_M, _WIDE_M, _DEEP_M = -0.085, -0.025, 0.02, -0.06
"""Of the template: cheeks below the ears, and jaw, lie between these heights, so far from the
middle at least, and not further back."""
_EVERY = 4
"""One point of so many along the outline."""
_REACH_PIXELS, _STEP = 20.0, 0.25
"""How far from the head's outline the person's may be, and in what steps it is looked for."""
_INSIDE_PIXELS, _DEEP_PIXELS, _OUTSIDE_PIXELS = 4.0, 12.0, 5.0
"""How far from the edge, to both sides, it is surely the person's and surely not; and from where to
where within there is one skin."""
_ONE_SKIN = 0.14
"""Of 1: how far colours on one skin may be apart."""
_OUT, _IN = 0.3, 0.7
_NEIGHBOURS, _STRAY_PIXELS, _LEAST = 4, 2.5, 8
"""So many neighbours to each side say where the edge is; a point that is further off is none. Fewer
points than the last are chance."""
_SMOOTH_PIXELS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """Points of the head's skin (as landmarks: N faces, weights of their corners) that lie on the
    person's outline in the frame. edge: (N, 2) pixels where that is; normals: (N, 2) outwards."""

    points: HeadLandmarks
    edge: Float64Array
    normals: Float64Array


def find_outline(head: HeadModel, vertices: Float32Array, frame: Frame) -> Outline | None:
    """The outline of the cheeks and the jaw, as far as the photo shows it. vertices: (V, 3) of the
    head as in the photo; None where hair or hands cover it, or the edge is not sure."""
    faces = _without_ears(head)
    hit = rasterise_mesh(vertices, head.faces[faces], frame.camera)
    rows, columns, normals = _border(hit.face >= 0)
    places = interpolate(head.template, head.faces[faces], hit)[rows, columns]
    skin = (head.region[head.faces[faces]] == REGIONS.index("skin")).all(1)
    chosen = _on_cheek(places) & skin[hit.face[rows, columns]]
    order = np.flatnonzero(chosen)[::_EVERY]
    rows, columns, normals = rows[order], columns[order], normals[order]
    pixels = np.stack([columns, rows], 1).astype(np.float64) + 0.5
    ways = _edge_along(frame, pixels, normals)
    kept = np.isfinite(ways) & _agrees(pixels, ways)
    if kept.sum() < _LEAST:
        return None
    rows, columns = rows[kept], columns[kept]
    points = HeadLandmarks(
        faces=faces[hit.face[rows, columns]],
        weights=hit.barycentric[rows, columns].astype(np.float64),
    )
    edge = pixels[kept] + ways[kept, None] * normals[kept]
    return Outline(points=points, edge=edge, normals=normals[kept])


def missing_at_outline(
    head: HeadModel, outline: Outline, vertices: Float32Array, frame: Frame
) -> Float64Array:
    """(N, 3) metres, world: how far each point is from the person's outline, along its normal and
    across the line of sight. vertices: (V, 3) of the head as in the photo."""
    camera = frame.camera
    turn, place = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    seen = landmark_vertices(head, outline.points, vertices) @ turn.T + place
    focal = np.array([camera.focal_x, camera.focal_y])
    pixels = focal * seen[:, :2] / seen[:, 2:] + [camera.centre_x, camera.centre_y]
    off = ((outline.edge - pixels) * outline.normals).sum(1, keepdims=True) * outline.normals
    across = off * seen[:, 2:] / focal
    return np.column_stack([across, np.zeros(len(across))]) @ turn


def _border(covered: BoolArray) -> tuple[Int32Array, Int32Array, Float64Array]:
    """Rows and columns (N,) along the outline of what is covered, in order, with its normals
    outwards (N, 2) in the picture."""
    lines, _ = cv2.findContours(covered.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    line = max(lines, key=len)[:, 0]
    soft = cv2.GaussianBlur(covered.astype(np.float32), (0, 0), _SMOOTH_PIXELS)
    columns, rows = line.T.astype(np.int32)
    across = -np.stack([np.gradient(soft, axis=1), np.gradient(soft, axis=0)], 2)[rows, columns]
    length = np.linalg.norm(across, axis=1, keepdims=True)
    return rows, columns, (across / np.maximum(length, 1e-9)).astype(np.float64)


def _on_cheek(places: Float32Array) -> BoolArray:
    """(N,) which places (N, 3) on the template are of the cheeks below the ears, or of the jaw."""
    x, y, z = np.abs(places[:, 0]), places[:, 1], places[:, 2]
    return (y > _LOW_M) & (y < _HIGH_M) & (x > _WIDE_M) & (z > _DEEP_M)


def _without_ears(head: HeadModel) -> Int32Array:
    """The faces that are no ear's, behind which the jaw would not be seen."""
    ear = ear_weight(head, 1.0) + ear_weight(head, -1.0)
    return np.flatnonzero((ear[head.faces] == 0).any(1)).astype(np.int32)


def _edge_along(frame: Frame, pixels: Float64Array, normals: Float64Array) -> Float64Array:
    """(N,) pixels from each along its normal to where the person ends; NaN where that is not sure,
    not skin's or out of reach."""
    ways = np.arange(-_REACH_PIXELS, _REACH_PIXELS + _STEP, _STEP)
    there = pixels[:, None] + ways[:, None] * normals[:, None]

    colour = sample(frame.picture, there.reshape(-1, 2)).reshape(*there.shape[:2], 3)
    matte = sample(frame.person, there.reshape(-1, 2))[:, 0].reshape(there.shape[:2])
    inside = matte > 0.5
    crossings = inside[:, :-1] & ~inside[:, 1:]
    once = (np.diff(inside.astype(np.int8), axis=1) != 0).sum(1) == 1
    at = crossings.argmax(1)
    every, last = np.arange(len(at)), len(ways) - 1
    before, deep = (
        np.maximum(at - int(inwards / _STEP), 0) for inwards in (_INSIDE_PIXELS, _DEEP_PIXELS)
    )
    after = np.minimum(at + int(_OUTSIDE_PIXELS / _STEP), last)
    size = np.array([frame.picture.shape[1], frame.picture.shape[0]])
    sure = crossings.any(1) & once
    sure &= ((there[every, after] > 0) & (there[every, after] < size)).all(1)
    sure &= (matte[every, before] > _IN) & (matte[every, after] < _OUT)
    sure &= np.abs(colour[every, before] - colour[every, deep]).max(1) < _ONE_SKIN
    return np.where(sure, ways[at] + 0.5 * _STEP, np.nan)


def _agrees(pixels: Float64Array, ways: Float64Array) -> BoolArray:
    """(N,) which points have their edge about where their neighbours along the outline have it."""
    out = np.zeros(len(ways), np.bool_)
    for index in range(len(ways)):
        near = slice(max(index - _NEIGHBOURS, 0), index + _NEIGHBOURS + 1)
        close = np.linalg.norm(pixels[near] - pixels[index], axis=1) < 3 * _EVERY * _NEIGHBOURS
        beside = ways[near][close & np.isfinite(ways[near])]
        out[index] = (
            len(beside) > _NEIGHBOURS and abs(ways[index] - np.median(beside)) < _STRAY_PIXELS
        )
    return out
