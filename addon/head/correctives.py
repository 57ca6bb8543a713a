# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose correctives: shape keys that drivers turn with the bones (FLAME, eq. 4)."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.head import JOINTS, HeadModel
from .. import axes
from .controls import read_turn
from .shape_keys import add_shape_key

PREFIX = "pose "


def add_correctives(head: bpy.types.Object, rig: bpy.types.Object, model: HeadModel) -> None:
    """One driven shape key for each column of `pose_basis` that is not all zero. The columns are
    the elements of R - I of neck, jaw, left eye and right eye, row by row."""
    template = model.template.astype(np.float64)
    for column in np.flatnonzero(np.abs(model.pose_basis).max((0, 1)) > 0):
        joint, element = divmod(int(column), 9)
        row, line = divmod(element, 3)
        bone = JOINTS[joint + 1]
        name = f"{PREFIX}{bone} {row + 1}{line + 1}"
        key = add_shape_key(head, name, template + model.pose_basis[..., column])
        _drive(key, rig, bone, axes.corrective_expression(row, line))


def _drive(key: bpy.types.ShapeKey, rig: bpy.types.Object, bone: str, expression: str) -> None:
    driver = key.driver_add("value").driver
    for letter in "wxyz":
        if letter in expression:
            read_turn(driver, letter, rig, bone)
    driver.expression = expression
