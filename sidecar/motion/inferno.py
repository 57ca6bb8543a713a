# SPDX-License-Identifier: GPL-3.0-or-later
"""inferno's codes (EMICA, EMOCA 2): FLAME 2020, up to 100 expressions, 300 shapes.

In memory `expcode`, `jawpose`, `globalpose`, `shapecode`; on disk one folder for each frame with
`exp.npy`, `jawpose.npy`, `globalpose.npy`, `shape.npy`.
"""

from __future__ import annotations

from . import records
from .raw_take import RawTake
from .records import Record, RecordFormat


def _decode(record: Record, name: str) -> RawTake:
    suffix = "code" if "expcode" in record else ""
    keys = {"expression": f"exp{suffix}", "shape": f"shape{suffix}"}
    keys |= {"jaw": "jawpose", "rotation": "globalpose"}
    return records.decode_flame(record, name, "flame2020", keys)


INFERNO = RecordFormat(
    keys=("exp", "expcode", "jawpose", "globalpose", "shape", "shapecode", "fps"),
    matches=lambda keys: "jawpose" in keys and bool({"exp", "expcode"} & keys),
    decode=_decode,
)
