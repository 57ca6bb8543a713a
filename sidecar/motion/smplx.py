# SPDX-License-Identifier: GPL-3.0-or-later
"""The head in SMPL-X takes: expressions 10 to 100, jaw, eyes, and how the body carries the head.

SMPL-X's head is FLAME's: its expressions are those of FLAME 2020 (the first ones). FLAME's root
sits at SMPL-X's neck, FLAME's neck at SMPL-X's head, so the take's `rotation` is the chain from
pelvis to neck and its `neck` is the head joint. `translation` is the body's, since the joints'
places are not in the file. `betas` are the body's shape and say nothing about FLAME's.

Two namings: `expression`, `jaw_pose`, `leye_pose`, `reye_pose`, `global_orient`, `body_pose`
(21 joints), `transl`; and AMASS', as in BEAT2: `expressions`, `poses` (55 joints), `trans`,
`mocap_frame_rate`.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.motion import Motion, make_motion
from . import records, rotations
from .records import Record, RecordFormat

_SPINE = (3, 6, 9)  # joints of the body, the pelvis being 0
_NECK, _HEAD, _JAW, _LEFT_EYE, _RIGHT_EYE = 12, 15, 22, 23, 24
_JOINTS = 55


def decode_smplx(record: Record, name: str) -> Motion:
    """Raises InputError `motion.*`."""
    key = "expression" if "expression" in record else "expressions"
    expression = records.expression(record, key, name)
    joints = _joints(record, name, len(expression))
    chain = [joints[:, k] for k in (0, *_SPINE, _NECK)]
    place = "transl" if "transl" in record else "trans"
    return make_motion(
        expression=expression,
        jaw=joints[:, _JAW],
        neck=joints[:, _HEAD],
        eyes=joints[:, [_LEFT_EYE, _RIGHT_EYE]].reshape(-1, 6),
        rotation=_compose(chain),
        translation=records.pose(record, place, 3, name, len(expression)),
        fps=records.rate(record, "mocap_frame_rate", "mocap_framerate", "fps"),
        space="flame2020",
    )


def _joints(record: Record, name: str, frames: int) -> Float32Array:
    """(T, 55, 3) axis-angle; joints that the file does not hold are zero."""
    if "poses" in record:
        return records.pose(record, "poses", 3 * _JOINTS, name, frames).reshape(frames, _JOINTS, 3)
    joints = np.zeros((frames, _JOINTS, 3), np.float32)
    parts = {
        "global_orient": (0, 1),
        "root_orient": (0, 1),
        "body_pose": (1, 21),
        "pose_body": (1, 21),
        "jaw_pose": (_JAW, 1),
        "pose_jaw": (_JAW, 1),
        "leye_pose": (_LEFT_EYE, 1),
        "reye_pose": (_RIGHT_EYE, 1),
        "pose_eye": (_LEFT_EYE, 2),
        "neck_pose": (_NECK, 1),
        "head_pose": (_HEAD, 1),
    }
    for key, (first, count) in parts.items():
        if key in record:
            values = records.pose(_flat(record, key), key, 3 * count, name, frames)
            joints[:, first : first + count] = values.reshape(frames, count, 3)
    return joints


def _flat(record: Record, key: str) -> Record:
    """(T, joints, 3) as (T, 3 joints)."""
    values = record[key]
    if values.ndim == 3 and values.shape[1] > 1:
        values = values.reshape(len(values), -1)
    return {key: values}


def _compose(chain: list[Float32Array]) -> Float32Array:
    """(T, 3) of the product; a lone turn keeps its bits."""
    turning = [vectors for vectors in chain if vectors.any()]
    if len(turning) < 2:
        return turning[0] if turning else chain[0]
    if not all(np.isfinite(vectors).all() for vectors in turning):
        return np.full_like(chain[0], np.nan)
    product = rotations.matrix_from_axis_angle(turning[0].astype(np.float64))
    for vectors in turning[1:]:
        product = product @ rotations.matrix_from_axis_angle(vectors.astype(np.float64))
    return rotations.axis_angle_from_matrix(product).astype(np.float32)


SMPLX = RecordFormat(
    title="SMPL-X",
    keys=(
        "expression",
        "expressions",
        "poses",
        "jaw_pose",
        "pose_jaw",
        "leye_pose",
        "reye_pose",
        "pose_eye",
        "global_orient",
        "root_orient",
        "body_pose",
        "pose_body",
        "neck_pose",
        "head_pose",
        "transl",
        "trans",
        "mocap_frame_rate",
        "mocap_framerate",
        "fps",
    ),
    matches=lambda keys: (
        bool({"expression", "expressions"} & keys)
        and bool({"jaw_pose", "pose_jaw", "poses"} & keys)
    ),
    decode=decode_smplx,
)
