# SPDX-License-Identifier: GPL-3.0-or-later
"""The rest data of Gaussians on a surface, as attributes of a point cloud, in Blender's axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float64Array, FloatArray, Int32Array
from ...shared.avatar_messages import AvatarRead
from .. import axes
from .harmonics import turned_harmonics
from .names import Attribute

DC = 0.28209479177387814
"""The zeroth spherical harmonic: colour = 0.5 + DC * what a splat's attribute holds."""
_FLAT = 1e-5
"""A Gaussian whose axes lie so near to its face's plane and normal is flat on it."""
Columns: TypeAlias = Mapping[str, NDArray[np.generic]]
"""Values (N,) or (N, K) by the attribute's name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RestMesh:
    """The surface at rest: vertices (V, 3), metres, FLAME's axes; faces (F, 3)."""

    vertices: Float64Array
    faces: Int32Array


def gaussian_columns(avatar: AvatarRead, rest: RestMesh | None) -> Columns:
    """What Blender draws: place, size, rotation, colour and opacity, and harmonics."""
    places = avatar.offsets.astype(np.float64)
    if rest is not None and avatar.binding == "vertex":
        places = places + rest.vertices[avatar.anchors]
    elif rest is not None:
        places = places + rest.vertices[rest.faces].mean(1)[avatar.anchors]
    base = np.concatenate([(avatar.colours - 0.5) / DC, avatar.opacities[:, None]], 1)
    columns: dict[str, NDArray[np.generic]] = {
        "position": axes.to_blender(places),
        "scale": avatar.scales,
        "rotation": _multiplied(_QUARTER, avatar.quaternions.astype(np.float64)),
        "radiance:base": base,
        Attribute.OPACITY: avatar.opacities,
    }
    if avatar.harmonics is not None:
        turned = turned_harmonics(avatar.harmonics)
        columns |= {f"radiance:sh_{k}": turned[:, k] for k in range(turned.shape[1])}
    return columns


def binding_columns(avatar: AvatarRead, rest: RestMesh) -> Columns:
    """What the node group needs to move the Gaussians with the surface."""
    if avatar.binding == "vertex":
        return _vertex_columns(avatar, rest)
    return _face_columns(avatar, rest)


def supports_of(avatar: AvatarRead, rest: RestMesh) -> Int32Array:
    """(A, 3) by which three vertices the turn of each face, or of each vertex, is told: what the
    sidecar says, or for one of before 3.8 a face's own corners, for a vertex of any face at it."""
    if avatar.supports is not None:
        return avatar.supports
    if avatar.binding == "face":
        return rest.faces
    out = np.repeat(np.arange(len(rest.vertices), dtype=np.int32)[:, None], 3, 1)
    for corner in rest.faces.T:
        out[corner] = rest.faces
    return out


def _vertex_columns(avatar: AvatarRead, rest: RestMesh) -> Columns:
    corners = rest.vertices[rest.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat, count = rest.faces.ravel(), len(rest.vertices)
    around = np.maximum(np.bincount(flat, minlength=count), 1)
    areas = np.repeat(0.5 * np.linalg.norm(cross, axis=1), 3)
    area = np.bincount(flat, areas, minlength=count) / around
    offsets = axes.to_blender(avatar.offsets.astype(np.float64))
    supports = supports_of(avatar, rest)[avatar.anchors]
    return {
        Attribute.VERTEX: avatar.anchors,
        **{name: supports[:, k] for k, name in enumerate(Attribute.SUPPORTS)},
        Attribute.OFFSET: offsets,
        Attribute.AREA: area[avatar.anchors],
        **_in_frame(offsets, _turns(avatar), _Triangles(rest, supports).frames),
        **_shares(avatar),
    }


class _Triangles:
    """Of N triangles (N, 3) at rest, in Blender's axes: two edges from the first corner, normal
    (unit), all (N, 3), twice the area (N,), and frames (N, 3, 3): first edge, normal and their
    cross product in columns, unit."""

    def __init__(self, rest: RestMesh, triangles: Int32Array) -> None:
        corners = axes.to_blender(rest.vertices)[triangles]
        self.first, self.second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        cross = np.cross(self.first, self.second)
        self.area, self.normal = np.linalg.norm(cross, axis=1), _unit(cross)
        along = _unit(self.first)
        self.frames = np.stack([along, self.normal, np.cross(along, self.normal)], 2)

    def duals(self) -> Float64Array:
        """(N, 3, 3) in rows: their products with the edges are 1 and 0, and 0 with the normal; last
        the normal."""
        over = np.maximum(self.area, 1e-30)[:, None]
        one, other = np.cross(self.second, self.normal), np.cross(self.normal, self.first)
        return np.stack([one / over, other / over, self.normal], 1)


def _turns(avatar: AvatarRead) -> Float64Array:
    """(N, 3, 3) the Gaussians' rotations at rest."""
    return _matrices(_multiplied(_QUARTER, avatar.quaternions.astype(np.float64)))


def _in_frame(offsets: FloatArray, turns: Float64Array, frame: Float64Array) -> Columns:
    """Offset and rotation in axes (N, 3, 3)."""
    return {
        Attribute.IN_FRAME: np.einsum("nji,nj->ni", frame, offsets),
        Attribute.TURN_IN_FRAME: _quaternions(np.einsum("nji,njk->nik", frame, turns)),
    }


def _shares(avatar: AvatarRead) -> Columns:
    """How far each Gaussian's vertex goes along with the avatar's own joints."""
    if avatar.joint_weights is None:
        return {}
    weights = avatar.joint_weights[avatar.anchors]
    return {Attribute.SHARE.format(k): weights[:, k] for k in range(weights.shape[1])}


def _face_columns(avatar: AvatarRead, rest: RestMesh) -> Columns:
    own = _Triangles(rest, rest.faces[avatar.anchors])
    supports = _Triangles(rest, supports_of(avatar, rest)[avatar.anchors])
    edge = np.linalg.norm(own.first, axis=1)
    offsets = axes.to_blender(avatar.offsets.astype(np.float64))
    turns = _turns(avatar)
    duals = own.duals()
    shares = _axes_in(duals, turns, avatar)
    return {
        Attribute.FACE: avatar.anchors,
        Attribute.OFFSET: offsets,
        Attribute.AREA: own.area,
        Attribute.SIZE: 0.5 * (edge + own.area / np.maximum(edge, 1e-30)),
        **_in_frame(offsets, turns, supports.frames),
        Attribute.PLACE: np.einsum("nij,nj->ni", duals, offsets),
        **{name: shares[:, :, k] for k, name in enumerate(Attribute.AXES)},
    }


def _axes_in(duals: Float64Array, turns: Float64Array, avatar: AvatarRead) -> Float64Array:
    """(N, 3, 3) the Gaussians' axes, in columns, as shares of their face's edges and normal."""
    return np.einsum("nij,njk->nik", duals, turns * avatar.scales[:, None, :])


def are_flat(avatar: AvatarRead, rest: RestMesh) -> bool:
    """Whether every Gaussian lies in its face's plane with its third axis along the normal."""
    duals = _Triangles(rest, rest.faces[avatar.anchors]).duals()
    first, second, third = _axes_in(duals, _turns(avatar), avatar).transpose(2, 0, 1)
    size = np.abs(np.stack([first, second])).max()
    across = np.abs(np.concatenate([first[:, 2], second[:, 2]])).max()
    thick = np.abs(third[:, 2]).max()
    return bool(across < _FLAT * thick and np.abs(third[:, :2]).max() < _FLAT * size)


_QUARTER = np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0])
"""The turn from FLAME's axes to Blender's."""


def _unit(vectors: Float64Array) -> Float64Array:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def _multiplied(p: Float64Array, q: Float64Array) -> Float64Array:
    """(N, 4) quaternions that turn by q and then by p; w, x, y, z."""
    p = np.broadcast_to(p, q.shape)
    w = p[:, 0] * q[:, 0] - np.sum(p[:, 1:] * q[:, 1:], 1)
    cross = np.cross(p[:, 1:], q[:, 1:])
    vector = p[:, :1] * q[:, 1:] + q[:, :1] * p[:, 1:] + cross
    return np.concatenate([w[:, None], vector], 1)


def _matrices(quaternions: Float64Array) -> Float64Array:
    """(N, 3, 3) of unit quaternions (N, 4)."""
    w, x, y, z = quaternions.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def _quaternions(matrices: Float64Array) -> Float64Array:
    """(N, 4) of rotations (N, 3, 3): of the four ways to divide, the one by the largest."""
    xx, yy, zz = (matrices[:, k, k] for k in range(3))
    a, b, c = (matrices[:, j, i] - matrices[:, i, j] for i, j in ((1, 2), (2, 0), (0, 1)))
    d, e, f = (matrices[:, j, i] + matrices[:, i, j] for i, j in ((0, 1), (0, 2), (1, 2)))
    ways = np.array(
        [
            [1 + xx + yy + zz, a, b, c],
            [a, 1 + xx - yy - zz, d, e],
            [b, d, 1 - xx + yy - zz, f],
            [c, e, f, 1 - xx - yy + zz],
        ]
    )
    sizes = ways[range(4), range(4)]
    chosen = np.moveaxis(ways, 2, 0)[np.arange(len(matrices)), sizes.argmax(0)]
    return _unit(chosen)
