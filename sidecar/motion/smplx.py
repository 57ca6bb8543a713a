# SPDX-License-Identifier: GPL-3.0-or-later
"""The head in SMPL-X takes: 10 to 100 expressions, jaw, eyes, and the pose that the body gives it.

SMPL-X's head is FLAME's: its expressions are those of FLAME 2020 (the first ones). FLAME's root
is SMPL-X's neck, FLAME's neck is SMPL-X's head, so the take's `rotation` is the product of the
joints from pelvis to neck and its `neck` is the head joint. `translation` is the body's, since the
file has no joint positions. `betas` are the body's shape, which is not FLAME's.

Two namings: `expression`, `jaw_pose`, `leye_pose`, `reye_pose`, `global_orient`, `body_pose`
(21 joints), `transl`; and AMASS', as in BEAT2: `expressions`, `poses` (55 joints), `trans`,
`mocap_frame_rate`.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array
from . import records, rotations
from .raw_take import RawTake
from .records import Record, RecordFormat

_SPINE = (3, 6, 9)  # joints of the body, the pelvis being 0
_NECK, _HEAD, _JAW, _LEFT_EYE, _RIGHT_EYE = 12, 15, 22, 23, 24
_JOINTS = 55
_PARTS = {
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
"""Key -> its first joint and how many joints it holds."""


def _decode(record: Record, name: str) -> RawTake:
    key = "expression" if "expression" in record else "expressions"
    joints = _joints(record, name, len(records.expression(record, key, name)))
    chain = [joints[:, k] for k in (0, *_SPINE, _NECK)]
    place = "transl" if "transl" in record else "trans"
    return records.decode_flame(
        record,
        name,
        "flame2020",
        {"expression": key, "translation": place},
        jaw=joints[:, _JAW],
        neck=joints[:, _HEAD],
        eyes=joints[:, [_LEFT_EYE, _RIGHT_EYE]].reshape(-1, 6),
        rotation=_compose(chain),
        fps=records.rate(record, "mocap_frame_rate", "mocap_framerate", "fps"),
    )


def _joints(record: Record, name: str, frames: int) -> Float32Array:
    """Axis-angle of all joints (T, 55, 3); zero for those that the file does not hold."""
    if "poses" in record:
        return records.pose(record, "poses", 3 * _JOINTS, name, frames).reshape(frames, _JOINTS, 3)
    joints = np.zeros((frames, _JOINTS, 3), np.float32)
    for key, (first, count) in _PARTS.items():
        if key in record:
            values = records.pose(_flat(record, key), key, 3 * count, name, frames)
            joints[:, first : first + count] = values.reshape(frames, count, 3)
    return joints


def _flat(record: Record, key: str) -> Record:
    """The array (T, joints, 3) as (T, 3 * joints)."""
    values = record[key]
    if values.ndim == 3 and values.shape[1] > 1:
        values = values.reshape(len(values), -1)
    return {key: values}


def _compose(chain: list[Float32Array]) -> Float32Array:
    """The product of rotations (T, 3); a single one keeps its bits."""
    turning = [vectors for vectors in chain if vectors.any()]
    if len(turning) < 2:
        return turning[0] if turning else chain[0]
    if not all(np.isfinite(vectors).all() for vectors in turning):
        return np.full_like(chain[0], np.nan)
    turns = [vectors.astype(np.float64) for vectors in turning]
    return rotations.compose(turns).astype(np.float32)


SMPLX = RecordFormat(
    keys=(
        "expression",
        "expressions",
        "poses",
        *_PARTS,
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
    decode=_decode,
)
