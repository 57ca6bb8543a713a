# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame of an avatar: ARKit weights and a turn of the head in, Gaussians out."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..raster.normals import add_face_normals
from .avatar import Avatar
from .gaussians import Gaussians

STRETCH_RANGE = (1.0, 1.35)
"""How far a Gaussian may shrink or grow with the surface under it. Seen on LAM's avatars: below
1.3 the eye shines through a closed lid, above 1.5 the dark of an open mouth runs over the lips."""


def animate(
    avatar: Avatar,
    arkit: NDArray[np.floating],
    head_rotation: NDArray[np.floating] | None = None,
    *,
    follow_surface: bool = False,
) -> Gaussians:
    """The avatar's Gaussians in one frame.

    arkit: (52,) weights in `ARKIT_NAMES` order. head_rotation: (3,) axis-angle in radians of
    the head against the shoulders, none if absent; the chain of neck and head shares it, and
    Gaussians turn with it. As the face moves they are carried along and widen with the surface
    under them, so that a closing lid has no gaps. follow_surface: they also turn with it. LAM's
    network learned Gaussians that do not: its lids and lips smear with it, so it is off.
    """
    expressed = pose_vertices(avatar, arkit)
    turns = chain_rotations(avatar, head_rotation)
    vertices, quaternions = _skin(
        expressed, avatar.joint_weights, avatar.joint_pivots.astype(np.float64), turns
    )
    surface, stretch = surface_change(avatar.vertices, expressed, avatar.faces)
    if not follow_surface:
        surface[:] = (1.0, 0.0, 0.0, 0.0)
    means = np.empty((len(avatar), 3), np.float32)
    rotations = np.empty((len(avatar), 4), np.float32)
    scales = np.empty((len(avatar), 3), np.float32)
    _place(
        vertices, quaternions, surface, stretch, avatar.anchors, avatar.offsets,
        avatar.quaternions, avatar.scales, means, rotations, scales,
    )  # fmt: skip
    return Gaussians(
        means=means, quaternions=rotations, scales=scales,
        opacities=avatar.opacities, colours=avatar.colours,
    )  # fmt: skip


def pose_vertices(avatar: Avatar, arkit: NDArray[np.floating]) -> NDArray[np.float64]:
    """(V, 3) the neutral mesh with the weighted shapes added, the head not turned."""
    active = np.flatnonzero(arkit)
    shapes = avatar.arkit_shapes.reshape(len(arkit), -1)[active]
    change = arkit[active].astype(np.float32) @ shapes
    return avatar.vertices.astype(np.float64) + change.reshape(-1, 3)


def chain_rotations(
    avatar: Avatar, head_rotation: NDArray[np.floating] | None
) -> NDArray[np.float64]:
    """(J, 4) quaternion of each joint of the chain against its rest, in the body's axes: each
    joint adds its share to those below it, the last one turns by the whole."""
    turn = np.zeros(3) if head_rotation is None else np.asarray(head_rotation, np.float64)
    angle = float(np.linalg.norm(turn))
    axis = turn / angle if angle > 1e-12 else np.array([0.0, 1.0, 0.0])
    half = 0.5 * angle * np.cumsum(avatar.joint_shares, dtype=np.float64)
    return np.concatenate([np.cos(half)[:, None], np.sin(half)[:, None] * axis], 1)


def surface_change(
    rest: NDArray[np.floating], posed: NDArray[np.floating], faces: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How the surface around each vertex turned and stretched from `rest` to `posed`.

    rest, posed: (V, 3). Returns (V, 4) quaternions and (V,) factors of length (the square root
    of the factor of area, within `STRETCH_RANGE`). The rotation takes the rest normal to the
    posed one by the shortest way and then twists about it as best fits the edges around, in the
    least-squares sense.
    """
    count = len(rest)
    before, after = np.zeros((count, 3)), np.zeros((count, 3))
    area_before, area_after = np.zeros(count), np.zeros(count)
    rest64, posed64 = rest.astype(np.float64), posed.astype(np.float64)
    add_face_normals(rest64, faces, before, area_before)
    add_face_normals(posed64, faces, after, area_after)
    swing = np.empty((count, 4))
    _shortest_turns(before, after, swing)
    twist = np.zeros((count, 2))
    _sum_twists(rest64, posed64, faces, swing, after, twist)
    quaternions = np.empty((count, 4))
    _finish_turns(swing, after, twist, quaternions)
    ratio = area_after / np.where(area_before > 0, area_before, 1)
    stretch = np.clip(np.sqrt(np.where(area_before > 0, ratio, 1)), *STRETCH_RANGE)
    return quaternions, stretch


@njit(cache=True, nogil=True)
def multiply(p, q):  # pragma: no cover - compiled
    """The quaternion that turns by q and then by p; both w, x, y, z."""
    return (
        p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
        p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
        p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
        p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
    )


@njit(cache=True, nogil=True)
def turn(q, x, y, z):  # pragma: no cover - compiled
    """The vector x, y, z turned by the unit quaternion q."""
    tx, ty, tz = 2 * (q[2] * z - q[3] * y), 2 * (q[3] * x - q[1] * z), 2 * (q[1] * y - q[2] * x)
    return (
        x + q[0] * tx + q[2] * tz - q[3] * ty,
        y + q[0] * ty + q[3] * tx - q[1] * tz,
        z + q[0] * tz + q[1] * ty - q[2] * tx,
    )


@njit(cache=True, nogil=True)
def _skin(points, weights, pivots, turns):  # pragma: no cover - compiled
    """Linear blend skinning of a chain whose joints turn but do not stretch; also the blended
    rotation of each vertex."""
    joints = pivots.shape[0]
    places = np.empty((joints, 3))
    places[0] = pivots[0]
    for j in range(1, joints):
        arm = pivots[j] - pivots[j - 1]
        x, y, z = turn(turns[j - 1], arm[0], arm[1], arm[2])
        places[j, 0], places[j, 1], places[j, 2] = (
            places[j - 1, 0] + x, places[j - 1, 1] + y, places[j - 1, 2] + z,
        )  # fmt: skip
    out = np.empty_like(points)
    quaternions = np.empty((points.shape[0], 4))
    for i in range(points.shape[0]):
        body = 1.0
        for j in range(joints):
            body -= weights[i, j]
        ox, oy, oz = body * points[i, 0], body * points[i, 1], body * points[i, 2]
        w, qx, qy, qz = body, 0.0, 0.0, 0.0
        for j in range(joints):
            share = weights[i, j]
            if share > 0.0:
                x, y, z = turn(
                    turns[j], points[i, 0] - pivots[j, 0], points[i, 1] - pivots[j, 1],
                    points[i, 2] - pivots[j, 2],
                )  # fmt: skip
                ox += share * (places[j, 0] + x)
                oy += share * (places[j, 1] + y)
                oz += share * (places[j, 2] + z)
                w, qx = w + share * turns[j, 0], qx + share * turns[j, 1]
                qy, qz = qy + share * turns[j, 2], qz + share * turns[j, 3]
        scale = 1.0 / max(np.sqrt(w * w + qx * qx + qy * qy + qz * qz), 1e-12)
        out[i, 0], out[i, 1], out[i, 2] = ox, oy, oz
        quaternions[i, 0], quaternions[i, 1] = w * scale, qx * scale
        quaternions[i, 2], quaternions[i, 3] = qy * scale, qz * scale
    return out, quaternions


@njit(cache=True, nogil=True)
def _shortest_turns(before, after, out):  # pragma: no cover - compiled
    """The shortest rotation from one normal to the other; makes `after` unit length. Opposite or
    missing normals turn by nothing."""
    for i in range(before.shape[0]):
        bx, by, bz = before[i]
        ax, ay, az = after[i]
        length = np.sqrt(bx * bx + by * by + bz * bz) * np.sqrt(ax * ax + ay * ay + az * az)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = 1.0, 0.0, 0.0, 0.0
        if length > 0.0:
            w = 1.0 + (bx * ax + by * ay + bz * az) / length
            if w > 1e-6:
                x, y, z = (
                    (by * az - bz * ay) / length,
                    (bz * ax - bx * az) / length,
                    (bx * ay - by * ax) / length,
                )
                scale = 1.0 / np.sqrt(w * w + x * x + y * y + z * z)
                out[i, 0], out[i, 1], out[i, 2], out[i, 3] = (
                    w * scale,
                    x * scale,
                    y * scale,
                    z * scale,
                )
            scale = 1.0 / np.sqrt(ax * ax + ay * ay + az * az)
            after[i, 0], after[i, 1], after[i, 2] = ax * scale, ay * scale, az * scale


@njit(cache=True, nogil=True)
def _sum_twists(rest, posed, faces, swing, normals, out):  # pragma: no cover - compiled
    """Cosine and sine sums of the edges' twist about each vertex's posed normal."""
    for index in range(faces.shape[0]):
        for corner in range(3):
            i = faces[index, corner]
            nx, ny, nz = normals[i]
            for step in (1, 2):
                j = faces[index, (corner + step) % 3]
                rx, ry, rz = turn(
                    swing[i],
                    rest[j, 0] - rest[i, 0],
                    rest[j, 1] - rest[i, 1],
                    rest[j, 2] - rest[i, 2],
                )
                px, py, pz = (
                    posed[j, 0] - posed[i, 0],
                    posed[j, 1] - posed[i, 1],
                    posed[j, 2] - posed[i, 2],
                )
                out[i, 0] += (
                    rx * px + ry * py + rz * pz
                    - (nx * rx + ny * ry + nz * rz) * (nx * px + ny * py + nz * pz)
                )  # fmt: skip
                out[i, 1] += (
                    nx * (ry * pz - rz * py) + ny * (rz * px - rx * pz) + nz * (rx * py - ry * px)
                )


@njit(cache=True, nogil=True)
def _finish_turns(swing, normals, twist, out):  # pragma: no cover - compiled
    for i in range(swing.shape[0]):
        half = 0.5 * np.arctan2(twist[i, 1], twist[i, 0])
        sine = np.sin(half)
        about = (np.cos(half), sine * normals[i, 0], sine * normals[i, 1], sine * normals[i, 2])
        w, x, y, z = multiply(about, swing[i])
        scale = 1.0 / max(np.sqrt(w * w + x * x + y * y + z * z), 1e-12)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = w * scale, x * scale, y * scale, z * scale


@njit(cache=True, nogil=True)
def _place(
    vertices, head, surface, stretch, anchors, offsets, quaternions, scales,
    means_out, quaternions_out, scales_out,
):  # fmt: skip  # pragma: no cover - compiled
    """Each Gaussian carried along by its vertex."""
    for i in range(anchors.shape[0]):
        v = anchors[i]
        q = multiply(head[v], surface[v])
        x, y, z = turn(q, offsets[i, 0], offsets[i, 1], offsets[i, 2])
        means_out[i, 0] = vertices[v, 0] + x
        means_out[i, 1] = vertices[v, 1] + y
        means_out[i, 2] = vertices[v, 2] + z
        w, qx, qy, qz = multiply(q, quaternions[i])
        quaternions_out[i, 0], quaternions_out[i, 1] = w, qx
        quaternions_out[i, 2], quaternions_out[i, 3] = qy, qz
        for k in range(3):
            scales_out[i, k] = scales[i, k] * stretch[v]
