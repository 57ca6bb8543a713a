# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys: a head's expression components, at rest."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.head import HeadModel
from .. import axes

KEY_RANGE = 2.0
"""Sliders of expressions run from -2 to 2; `motion.curves` widens one when a take needs more."""


def add_expressions(head: bpy.types.Object, model: HeadModel) -> None:
    """The basis, and one key for each expression component, named as the model names it."""
    head.shape_key_add(name="Basis", from_mix=False)
    template = model.template.astype(np.float64)
    for column, name in enumerate(model.expression_names):
        add_shape_key(head, name, template + model.expression_basis[..., column])


def add_shape_key(head: bpy.types.Object, name: str, vertices: np.ndarray) -> bpy.types.ShapeKey:
    """A relative shape key, off, whose vertices (V, 3) are in FLAME's axes, metres."""
    key = head.shape_key_add(name=name, from_mix=False)
    key.points.foreach_set("co", axes.to_blender(vertices).astype(np.float32).ravel())
    key.slider_min, key.slider_max = -KEY_RANGE, KEY_RANGE
    key.value = 0
    return key
