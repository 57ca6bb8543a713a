# SPDX-License-Identifier: GPL-3.0-or-later
"""flame-head-tracker's files: FLAME 2020, 100 expressions, one npz for each frame.

Its `head_pose` stays zero: the head's turn is in `cam`, the Euler angles and place of a camera of
its own making, which are not read.
"""

from __future__ import annotations

from dataclasses import replace

from . import records
from .raw_take import RawTake
from .records import Record, RecordFormat

_KEYS = {
    "expression": "exp",
    "jaw": "jaw_pose",
    "neck": "neck_pose",
    "eyes": "eye_pose",
    "rotation": "head_pose",
    "shape": "shape",
}


def _decode(record: Record, name: str) -> RawTake:
    raw = records.decode_flame(record, name, "flame2020", _KEYS)
    if "cam" not in record or raw.rows["rotation"].any():
        return raw
    note = "The head does not turn: its tracker keeps that as a camera, cam, which is not read."
    return replace(raw, notes=(*raw.notes, note))


HEAD_TRACKER = RecordFormat(
    keys=(*_KEYS.values(), "cam", "fps"),
    matches=lambda keys: {"exp", "jaw_pose"} <= keys,
    decode=_decode,
)
