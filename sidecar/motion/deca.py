# SPDX-License-Identifier: GPL-3.0-or-later
"""DECA's and EMOCA's codes: FLAME 2020, 50 expressions, `pose` = global turn and jaw.

DECA names them `exp`, `pose`, `shape`; EMOCA `expcode`, `posecode`, `shapecode` in memory and
`exp.npy`, `pose.npy`, `shape.npy` in one folder for each frame. Neither has neck, eyes or a place
in space (its camera is a weak perspective). Identity is estimated anew in each frame.
"""

from __future__ import annotations

from ...shared.motion import Motion, make_motion
from . import records
from .records import Record, RecordFormat


def _decode(record: Record, name: str, suffix: str) -> Motion:
    expression = records.expression(record, f"exp{suffix}", name)
    both = records.pose(record, f"pose{suffix}", 6, name, len(expression))
    return make_motion(
        expression=expression,
        rotation=both[:, :3],
        jaw=both[:, 3:],
        shape=records.shape(record, f"shape{suffix}", name),
        fps=records.rate(record, "fps"),
        space="flame2020",
    )


def decode_deca(record: Record, name: str) -> Motion:
    """Raises InputError `motion.*`."""
    return _decode(record, name, "")


def decode_emoca(record: Record, name: str) -> Motion:
    """Raises InputError `motion.*`."""
    return _decode(record, name, "code")


DECA = RecordFormat(
    title="DECA and EMOCA",
    keys=("exp", "pose", "shape", "fps"),
    matches=lambda keys: {"exp", "pose"} <= keys,
    decode=decode_deca,
)
EMOCA = RecordFormat(
    title="EMOCA",
    keys=("expcode", "posecode", "shapecode", "fps"),
    matches=lambda keys: {"expcode", "posecode"} <= keys and "transform_matrix" not in keys,
    decode=decode_emoca,
)
