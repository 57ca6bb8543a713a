# SPDX-License-Identifier: GPL-3.0-or-later
"""SMIRK's parameters: FLAME 2020, 50 expressions, eyelids as two blendshapes (left, right)."""

from __future__ import annotations

from . import records
from .records import RecordFormat

_KEYS = {
    "expression": "expression_params",
    "jaw": "jaw_params",
    "rotation": "pose_params",
    "shape": "shape_params",
    "eyelids": "eyelid_params",
}
SMIRK = RecordFormat(
    keys=(*_KEYS.values(), "fps"),
    matches=lambda keys: {"expression_params", "jaw_params"} <= keys,
    decode=lambda record, name: records.decode_flame(record, name, "flame2020", _KEYS),
)
