# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAME's forward pass, slow and plain, vertex by vertex in float64."""

import numpy as np
from affekt.shared.head import PARENTS, HeadModel
from affekt.shared.motion import Motion
from scipy.linalg import expm


def rotation(vector: np.ndarray) -> np.ndarray:
    x, y, z = np.asarray(vector, np.float64)
    return expm(np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))


def pose_head(
    head: HeadModel, shape: np.ndarray, expression: np.ndarray, pose: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Vertices (V, 3) for one frame; pose (5, 3) of root, neck, jaw, left eye, right eye."""
    turns = [rotation(row) for row in pose]
    shaped = head.template.astype(np.float64)
    for k, weight in enumerate(shape[: head.shape_basis.shape[2]]):
        shaped = shaped + float(weight) * head.shape_basis[:, :, k]
    joints = head.joint_regressor.astype(np.float64) @ shaped
    bent = shaped.copy()
    for k, weight in enumerate(expression):
        bent += float(weight) * head.expression_basis[:, :, k]
    for k, weight in enumerate(np.concatenate([(t - np.eye(3)).ravel() for t in turns[1:]])):
        bent += float(weight) * head.pose_basis[:, :, k]
    worlds = []
    for joint, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = turns[joint]
        local[:3, 3] = joints[joint] - (joints[parent] if parent >= 0 else 0)
        worlds.append(worlds[parent] @ local if parent >= 0 else local)
    out = np.zeros_like(bent)
    for joint, world in enumerate(worlds):
        moved = (bent - joints[joint]) @ world[:3, :3].T + world[:3, 3]
        out += head.skin_weights[:, joint : joint + 1] * moved
    return out + shift


def pose_frame(head: HeadModel, motion: Motion, frame: int) -> np.ndarray:
    """Vertices (V, 3) of one frame of a motion."""
    pose = np.stack(
        [
            motion.rotation[frame],
            motion.neck[frame],
            motion.jaw[frame],
            motion.eyes[frame, :3],
            motion.eyes[frame, 3:],
        ]
    )
    return pose_head(head, motion.shape, motion.expression[frame], pose, motion.translation[frame])
