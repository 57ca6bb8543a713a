# SPDX-License-Identifier: GPL-3.0-or-later
"""The slow, plain twin of `sidecar.avatar.drive`: double precision, one formula after the other."""

import numpy as np
from affekt.shared.arrays import Float64Array
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.avatar.avatar import ArkitRig
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def wxyz(rotation: Rotation) -> Float64Array:
    """(…, 4) quaternions, w first."""
    return np.roll(rotation.as_quat(), 1, -1)


def rotation_of(quaternions: NDArray) -> Rotation:
    """From w, x, y, z."""
    return Rotation.from_quat(np.roll(quaternions, -1, -1))


def covariances(quaternions: NDArray, scales: NDArray) -> Float64Array:
    matrix = rotation_of(quaternions).as_matrix() * np.asarray(scales, np.float64)[:, None]
    return matrix @ matrix.transpose(0, 2, 1)


def arkit_motion(weights: NDArray, head_rotation: tuple[float, float, float] = (0, 0, 0)) -> Motion:
    """A take of ARKit weights (T, 52) or (52,), the head turned in every frame."""
    weights = np.atleast_2d(weights)
    expression = np.zeros((len(weights), 100), np.float32)
    expression[:, :52] = weights
    neck = np.tile(np.asarray(head_rotation, np.float32), (len(weights), 1))
    return make_motion(expression=expression, fps=30, space="arkit", neck=neck)


def pose_rig(
    rig: ArkitRig, weights: NDArray, head_rotation: NDArray
) -> tuple[Float64Array, Rotation]:
    """Vertices (V, 3) and each one's turn by the bones."""
    expressed = rig.vertices + np.einsum(
        "k,kvc->vc", np.asarray(weights, np.float64), rig.arkit_shapes
    )
    out = np.zeros_like(expressed)
    blend = np.zeros((len(expressed), 4))
    left, place, parent = np.ones(len(expressed)), None, Rotation.identity()
    for joint, share in enumerate(np.cumsum(rig.joint_shares)):
        turn = Rotation.from_rotvec(share * np.asarray(head_rotation, np.float64))
        pivot = rig.joint_pivots[joint].astype(np.float64)
        place = pivot if joint == 0 else place + parent.apply(pivot - rig.joint_pivots[joint - 1])
        weight = rig.joint_weights[:, joint, None]
        out += weight * (place + turn.apply(expressed - pivot))
        blend += weight * wxyz(turn)
        left = left - weight[:, 0]
        parent = turn
    blend[:, 0] += left
    return out + left[:, None] * expressed, rotation_of(blend)


def ring_frames(points: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """Unit normals (V, 3) and twice the area around each vertex (V,)."""
    points = np.asarray(points, np.float64)
    a, b, c = (points[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    normals, areas = np.zeros_like(points), np.zeros(len(points))
    for corner in range(3):
        np.add.at(normals, faces[:, corner], cross)
        np.add.at(areas, faces[:, corner], np.linalg.norm(cross, axis=1))
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / np.where(length > 0, length, 1), areas


def support_turns(rest: NDArray, posed: NDArray, supports: NDArray) -> Rotation:
    """The turns of triangles (N, 3) from their frames at rest to the posed ones."""
    turns = [face_frame(posed[one])[1] @ face_frame(rest[one])[1].T for one in supports]
    return Rotation.from_matrix(np.array(turns))


def face_frame(corners: NDArray) -> tuple[NDArray, NDArray, float]:
    """Middle (3,), axes (3, 3) in columns and size of a face's frame (GaussianAvatars, 3.2)."""
    a, b, c = np.asarray(corners, np.float64)
    edge = b - a
    normal = np.cross(edge, c - a)
    height = np.linalg.norm(normal) / np.linalg.norm(edge)
    edge_unit, normal_unit = edge / np.linalg.norm(edge), normal / np.linalg.norm(normal)
    axes = np.stack([edge_unit, normal_unit, np.cross(edge_unit, normal_unit)], 1)
    return (a + b + c) / 3, axes, 0.5 * (np.linalg.norm(edge) + height)
