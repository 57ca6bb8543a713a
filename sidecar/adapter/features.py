# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds landmarks of any head in FLAME's layout on depth images from the front.

They are the rims of the mouth (rendered with the jaw open), the edges of the lids (where the
eyeball becomes visible), and the tip of the nose. The search is the same for both heads, so its
errors are alike too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from ...shared.arrays import BoolArray, Float64Array, FloatArray, Int64Array
from ...shared.camera import look_at
from ...shared.head import JOINTS, HeadModel
from ..head.forward import HeadLayer
from ..raster.mesh import EMPTY, MeshFragments, rasterise_mesh
from .skin import Skin

JAW_RAD = 0.2
"""Rotation of the jaw at which the rims of the mouth are found."""
_PIXELS, _DISTANCE_M, _VIEW_M = 640, 3.0, 0.2  # a third of a millimetre a pixel
_HOLE_M = 0.008
"""The open mouth is this much deeper than the lips."""
_REACH_M = 0.025
"""Every point of the open mouth is at most this far from both lips."""
_LEAST_PIXELS = 200
_ALONG_MOUTH = np.linspace(-0.8, 0.8, 9)
_ALONG_EYE = np.linspace(-0.7, 0.7, 5)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """Named points of a skin: `faces` (n,) and barycentric `weights` (n, 3). Names are such as
    "nose", "mouth.upper.3", "eye_left.lower.0"."""

    names: tuple[str, ...]
    faces: Int64Array
    weights: Float64Array

    def places(self, skin: Skin) -> Float64Array:
        """Positions on the skin (n, 3) in metres."""
        return np.einsum("nk,nkd->nd", self.weights, skin.points[skin.faces[self.faces]])

    def pick(self, names: list[str]) -> Features:
        """The features with these names, in this order."""
        rows = [self.names.index(name) for name in names]
        return Features(names=tuple(names), faces=self.faces[rows], weights=self.weights[rows])


def open_jaw(head: HeadModel, angle_rad: float) -> Float64Array:
    """Vertices (V, 3) of the head at rest with its jaw opened."""
    layer, pose = HeadLayer(head), torch.zeros(1, 5, 3)
    pose[0, JOINTS.index("jaw"), 0] = angle_rad
    with torch.inference_mode():
        zero = torch.zeros(1, len(head.expression_names))
        return layer(layer.template, zero, pose, torch.zeros(1, 3))[0].double().numpy()


def find_features(head: HeadModel, skin: Skin, turn: Float64Array) -> Features:
    """Finds the features of a head; those that are not visible are left out.

    turn: rotation (3, 3) after which the head looks along +z.
    """
    eyes = (head.joint_regressor @ head.template)[3:].astype(np.float64) @ turn.T
    rest, opened = head.template.astype(np.float64) @ turn.T, open_jaw(head, JAW_RAD) @ turn.T
    nose = _nose(rest[skin.vertex], skin, eyes)
    found = {"nose": nose}
    tip = rest[skin.vertex][skin.faces[nose[0]]].T @ nose[1]
    found |= _mouth(opened[skin.vertex], skin, tip)
    found |= _eyes(head, skin, rest, eyes)
    return Features(
        names=tuple(found),
        faces=np.array([f for f, _ in found.values()], np.int64),
        weights=np.array([w for _, w in found.values()]),
    )


Place = tuple[int, Float64Array]


def _nose(points: Float64Array, skin: Skin, eyes: Float64Array) -> Place:
    """The foremost point of the skin between the eyes, at most their distance below them."""
    apart = np.linalg.norm(eyes[0] - eyes[1])
    middle = eyes.mean(0)
    near = np.abs(points[:, 0] - middle[0]) < 0.35 * apart
    near &= (points[:, 1] < middle[1]) & (points[:, 1] > middle[1] - 1.0 * apart)
    tip = int(np.where(near, points[:, 2], -np.inf).argmax())
    face = int(np.flatnonzero((skin.faces == tip).any(1))[0])
    return face, (skin.faces[face] == tip).astype(np.float64)


def _look(points: Float64Array, faces: NDArray[np.integer], target: Float64Array) -> MeshFragments:
    """Rasterises the mesh from the front, with `target` in the middle of the picture."""
    camera = look_at(
        target=target,
        distance=_DISTANCE_M,
        width=_PIXELS,
        height=_PIXELS,
        fov_y_rad=2 * np.arctan(0.5 * _VIEW_M / _DISTANCE_M),
    )
    return rasterise_mesh(points, np.ascontiguousarray(faces, np.int32), camera)


def _mouth(points: Float64Array, skin: Skin, tip: Float64Array) -> dict[str, Place]:
    """Rims of the mouth; points (N, 3) of the skin with the jaw open, tip (3,) of the nose."""
    view = _look(points, skin.faces, tip)
    pixel = _VIEW_M / _PIXELS
    row, column = _PIXELS // 2, _PIXELS // 2  # the nose's tip
    half, top, bottom = int(0.04 / pixel), row + int(0.012 / pixel), row + int(0.085 / pixel)
    window = (slice(top, min(bottom, _PIXELS)), slice(column - half, column + half))
    depth = np.where(view.face[window] == EMPTY, np.inf, view.depth[window])
    hole = _mouth_hole(depth)
    if hole is None:
        return {}
    return _rims(hole, (window[0].start, window[1].start), view, "mouth", _ALONG_MOUTH)


def _mouth_hole(depth: FloatArray) -> BoolArray | None:
    """The largest region of pixels that is deeper than what lies above and below it."""
    reach = int(_REACH_M * _PIXELS / _VIEW_M)
    above, below = (
        ndimage.minimum_filter1d(depth, reach, axis=0, mode="constant", cval=np.inf, origin=origin)
        for origin in ((reach - 1) // 2, -(reach // 2))
    )
    return _largest_piece(depth > np.maximum(above, below) + _HOLE_M)


def _largest_piece(mask: BoolArray) -> BoolArray | None:
    """The largest connected region of the mask, or None if it is small."""
    label = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, output=label)
    sizes = np.bincount(label.ravel(), minlength=2)
    sizes[0] = 0
    return label == sizes.argmax() if sizes.max() > _LEAST_PIXELS else None


def _eyes(head: HeadModel, skin: Skin, rest: Float64Array, eyes: Float64Array) -> dict[str, Place]:
    """Edges of the lids around the visible part of each eyeball."""
    found: dict[str, Place] = {}
    for joint, centre in ((3, eyes[0]), (4, eyes[1])):
        ball = head.faces[(head.skin_weights[head.faces, joint] > 0.5).all(1)]
        faces = np.concatenate([skin.vertex[skin.faces], ball])
        view = _look(rest, faces, centre)
        pixel = _VIEW_M / _PIXELS
        half = int(0.03 / pixel)
        start = _PIXELS // 2 - half
        window = slice(start, start + 2 * half)
        seen = view.face[window, window] >= len(skin.faces)
        largest = _largest_piece(seen)
        if largest is None:
            continue
        found |= _rims(largest, (start, start), view, JOINTS[joint], _ALONG_EYE)
    return {name: place for name, place in found.items() if place[0] < len(skin.faces)}


def _rims(
    hole: BoolArray, corner: tuple[int, int], view: MeshFragments, name: str, along: Float64Array
) -> dict[str, Place]:
    """Points just above and below a hole, at `along` (-1 to 1) of its width, and at its ends."""
    columns = np.flatnonzero(hole.any(0))
    middle, half = columns.mean(), 0.5 * (columns[-1] - columns[0])
    found: dict[str, Place] = {}

    def keep(label: str, row: int, column: int) -> None:
        row, column = row + corner[0], column + corner[1]
        if view.face[row, column] != EMPTY:
            weights = view.barycentric[row, column].astype(np.float64)
            found[f"{name}.{label}"] = int(view.face[row, column]), weights / weights.sum()

    for index, share in enumerate(along):
        column = round(middle + share * half)
        rows = np.flatnonzero(hole[:, column])
        if len(rows):
            keep(f"upper.{index}", max(rows[0] - 1, 0), column)
            keep(f"lower.{index}", min(rows[-1] + 1, len(hole) - 1), column)
    for label, column, step in (("right", columns[0], -1), ("left", columns[-1], 1)):
        keep(label, round(np.flatnonzero(hole[:, column]).mean()), column + step)
    return found


def with_landmarks(features: Features, head: HeadModel, skin: Skin) -> Features:
    """Adds those of iBUG's landmarks from 17 on that lie on the skin, as "ibug.17" ..."""
    local = np.full(len(head.template), -1)
    local[skin.vertex] = np.arange(len(skin.vertex))
    index = {tuple(sorted(face)): k for k, face in enumerate(skin.faces.tolist())}
    names, faces, weights = list(features.names), list(features.faces), list(features.weights)
    for point in range(17, 68):
        corners = local[head.faces[head.landmark_faces[point]]]
        face = index.get(tuple(sorted(corners.tolist())))
        if face is None or not head.landmark_weights[point].any():
            continue
        order = [corners.tolist().index(corner) for corner in skin.faces[face]]
        names.append(f"ibug.{point}")
        faces.append(face)
        weights.append(head.landmark_weights[point][order].astype(np.float64))
    return Features(names=tuple(names), faces=np.array(faces), weights=np.array(weights))
