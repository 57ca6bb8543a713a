# SPDX-License-Identifier: GPL-3.0-or-later
"""inferno's codes (EMICA, EMOCA 2): FLAME 2020, up to 100 expressions, 300 shapes.

In memory `expcode`, `jawpose`, `globalpose`, `shapecode`; on disk one folder for each frame with
`exp.npy`, `jawpose.npy`, `globalpose.npy`, `shape.npy`.
"""

from __future__ import annotations

from ...shared.motion import Motion, make_motion
from . import records
from .records import Record, RecordFormat


def decode_inferno(record: Record, name: str) -> Motion:
    """Raises InputError `motion.*`."""
    suffix = "code" if "expcode" in record else ""
    expression = records.expression(record, f"exp{suffix}", name)
    frames = len(expression)
    return make_motion(
        expression=expression,
        jaw=records.pose(record, "jawpose", 3, name, frames),
        rotation=records.pose(record, "globalpose", 3, name, frames),
        shape=records.shape(record, f"shape{suffix}", name),
        fps=records.rate(record, "fps"),
        space="flame2020",
    )


INFERNO = RecordFormat(
    title="inferno",
    keys=("exp", "expcode", "jawpose", "globalpose", "shape", "shapecode", "fps"),
    matches=lambda keys: "jawpose" in keys and bool({"exp", "expcode"} & keys),
    decode=decode_inferno,
)
