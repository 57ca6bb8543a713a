# SPDX-License-Identifier: GPL-3.0-or-later
"""The head in SMPL-X takes: 10 to 100 expressions, jaw, eyes, and the pose that the body gives it.

SMPL-X's head is FLAME's: its expressions are those of FLAME 2020 (the first ones). FLAME's root
is SMPL-X's neck, FLAME's neck is SMPL-X's head, so the take's `rotation` is the product of the
joints from pelvis to neck and its `neck` is the head joint. `translation` is the body's, since the
file has no joint positions. `betas` are the body's shape, which is not FLAME's.

Two namings: `expression`, `jaw_pose`, `leye_pose`, `reye_pose`, `global_orient`, `body_pose`
(21 joints), `transl`; and AMASS', as in BEAT2: `expressions`, `poses` (55 joints), `trans`,
`mocap_frame_rate`. AMASS' own files have no expressions, and those of SMPL and SMPL-H (`poses` 72
or 156) no jaw either: the head moves, the face stands still.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array
from . import records, rotations
from .raw_take import RawTake
from .records import Record, RecordFormat

_RATES = ("mocap_frame_rate", "mocap_framerate", "fps")
_SPINE = (3, 6, 9)  # joints of the body, the pelvis being 0
_NECK, _HEAD, _JAW, _LEFT_EYE, _RIGHT_EYE = 12, 15, 22, 23, 24
_JOINTS = 55
_BODY_JOINTS = 22  # the same ones in SMPL, SMPL-H and SMPL-X
_BODIES = (66, 72, 156)
"""Numbers of a frame of bodies without a face: those 22 joints alone, SMPL, SMPL-H."""
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
    key = next((key for key in ("expression", "expressions") if key in record), None)
    record, note = (record, None) if key else _with_still_face(record, name)
    key = key or "expression"
    joints = _joints(record, name, len(records.expression(record, key, name)))
    chain = [joints[:, k] for k in (0, *_SPINE, _NECK)]
    place = "transl" if "transl" in record else "trans"
    raw = records.decode_flame(
        record,
        name,
        "flame2020",
        {"expression": key, "translation": place},
        jaw=joints[:, _JAW],
        neck=joints[:, _HEAD],
        eyes=joints[:, [_LEFT_EYE, _RIGHT_EYE]].reshape(-1, 6),
        rotation=_compose(chain),
        fps=records.rate(record, *_RATES),
    )
    return raw if note is None else replace(raw, notes=(note,))


def _with_still_face(record: Record, name: str) -> tuple[Record, str]:
    """The record with expressions that are zero, and the note that says so."""
    key = next(key for key in ("poses", *_PARTS) if key in record)
    values = record[key]
    frames = 1 if values.ndim < 2 else len(values)
    still = np.zeros((frames, 100), np.float32)
    jaw = [record[key] for key in ("jaw_pose", "pose_jaw") if key in record]
    jaw += [record["poses"][..., 66:69]] if "poses" in record and _width(values) == 165 else []
    moves = any(part.dtype.kind in "fiu" and part.any() for part in jaw)
    part = "the jaw moves, the rest of the face stands" if moves else "the face stands"
    return {**record, "expression": still}, (
        f"{name} holds the pose of a body without expressions: the head turns, {part} still."
    )


def _width(values: NDArray[np.generic]) -> int:
    """Numbers in each frame."""
    return math.prod(values.shape[1:]) if values.ndim > 1 else values.size


def _joints(record: Record, name: str, frames: int) -> Float32Array:
    """Axis-angle of all joints (T, 55, 3); zero for those that the file does not hold."""
    joints = np.zeros((frames, _JOINTS, 3), np.float32)
    if "poses" in record:
        width = _width(record["poses"])
        count = width // 3 if width in _BODIES else _JOINTS
        values = records.pose(_flat(record, "poses"), "poses", 3 * count, name, frames)
        held = _JOINTS if count == _JOINTS else _BODY_JOINTS  # hands come earlier without a face
        joints[:, :held] = values.reshape(frames, count, 3)[:, :held]
        return joints
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
    whole = np.logical_and.reduce(np.isfinite(np.concatenate(turning, 1)), axis=1)
    turns = [np.where(whole[:, None], vectors, 0).astype(np.float64) for vectors in turning]
    product = rotations.compose(turns).astype(np.float32)
    product[~whole] = np.nan
    return product


SMPLX = RecordFormat(
    keys=("expression", "expressions", "poses", *_PARTS, "transl", "trans", "betas", *_RATES),
    matches=lambda keys: (
        bool({"expression", "expressions"} & keys and {"jaw_pose", "pose_jaw", "poses"} & keys)
        or bool("poses" in keys and {"trans", "betas", *_RATES} & keys)
        or {"root_orient", "pose_body"} <= keys
        or {"global_orient", "body_pose"} <= keys
    ),
    decode=_decode,
)
