# SPDX-License-Identifier: GPL-3.0-or-later
"""SMIRK's parameters: FLAME 2020, 50 expressions, eyelids as two blendshapes (left, right)."""

from __future__ import annotations

import numpy as np

from ...shared.motion import Motion, make_motion
from . import records
from .records import Record, RecordFormat


def decode_smirk(record: Record, name: str) -> Motion:
    """Eyelids are held to 0..1. Raises InputError `motion.*`."""
    expression = records.expression(record, "expression_params", name)
    frames = len(expression)
    others = {"shape": records.shape(record, "shape_params", name)}
    if "eyelid_params" in record:
        others["eyelids"] = np.clip(records.pose(record, "eyelid_params", 2, name, frames), 0, 1)
    return make_motion(
        expression=expression,
        jaw=records.pose(record, "jaw_params", 3, name, frames),
        rotation=records.pose(record, "pose_params", 3, name, frames),
        fps=records.rate(record, "fps"),
        space="flame2020",
        **others,
    )


SMIRK = RecordFormat(
    title="SMIRK",
    keys=("expression_params", "jaw_params", "pose_params", "shape_params", "eyelid_params", "fps"),
    matches=lambda keys: {"expression_params", "jaw_params"} <= keys,
    decode=decode_smirk,
)
