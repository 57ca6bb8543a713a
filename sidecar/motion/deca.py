# SPDX-License-Identifier: GPL-3.0-or-later
"""DECA's and EMOCA's codes: FLAME 2020, 50 expressions, `pose` holds rotation and jaw.

DECA names them `exp`, `pose`, `shape`; EMOCA `expcode`, `posecode`, `shapecode` in memory and
`exp.npy`, `pose.npy`, `shape.npy` in one folder for each frame. Neither has neck, eyes or
translation (the camera is a weak perspective). The identity is estimated anew in each frame.
"""

from __future__ import annotations

from functools import partial

from . import records
from .raw_take import RawTake
from .records import Record, RecordFormat


def _decode(record: Record, name: str, suffix: str) -> RawTake:
    keys = {"expression": f"exp{suffix}", "shape": f"shape{suffix}"}
    frames = len(records.expression(record, keys["expression"], name))
    both = records.pose(record, f"pose{suffix}", 6, name, frames)
    return records.decode_flame(
        record, name, "flame2020", keys, rotation=both[:, :3], jaw=both[:, 3:]
    )


DECA = RecordFormat(
    keys=("exp", "pose", "shape", "fps"),
    matches=lambda keys: {"exp", "pose"} <= keys,
    decode=partial(_decode, suffix=""),
)
EMOCA = RecordFormat(
    keys=("expcode", "posecode", "shapecode", "fps"),
    matches=lambda keys: {"expcode", "posecode"} <= keys and "transform_matrix" not in keys,
    decode=partial(_decode, suffix="code"),
)
