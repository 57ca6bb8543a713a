# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around a new head, which would not be seen for it."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..words.sentences import fill
from .find import is_head, rig_of

_CUBE_SIDE = 2.0
"""Metres of the cube of Blender's new scenes."""
_CUBE_VERTICES = 8
_GAP_M = 0.05
"""Between two heads, so that their ears do not touch."""


def step_aside(head: bpy.types.Object, context: bpy.types.Context) -> str:
    """Moves a new head to the right until it is in no other head's place. A sentence that says so,
    or ""."""
    context.view_layer.update()
    low, high = _box(head)
    # Hidden ones too: an avatar's head is hidden under its splats.
    others = [item for item in context.scene.objects if is_head(item) and item != head]
    boxes = [(*_box(item), item.name) for item in others]
    beside = ""
    for other_low, other_high, name in sorted(boxes, key=lambda box: box[0][0]):
        if (low < other_high).all() and (high > other_low).all():
            step = other_high[0] + _GAP_M - low[0]
            rig_of(head).location.x += step
            low[0], high[0], beside = low[0] + step, high[0] + step, name
    return " " + fill("It stands beside {name}.", name=beside) if beside else ""


def uncover(head: bpy.types.Object, context: bpy.types.Context) -> str:
    """Hides the untouched cube of a new scene, in renders too, if the head is inside it. A sentence
    that says so, or that names another mesh around the head, or ""."""
    context.view_layer.update()
    low, high = _box(head)
    for other in context.visible_objects:
        if other.type == "MESH" and other != head:
            outer_low, outer_high = _box(other)
            if (outer_low < low).all() and (outer_high > high).all():
                return " " + _say(other)
    return ""


def _say(other: bpy.types.Object) -> str:
    if is_new_cube(other):
        other.hide_set(True)
        other.hide_render = True
        return fill("{name}, which was around it, is hidden.", name=other.name)
    return fill("It is inside {name}: hide or delete that to see it.", name=other.name)


def is_new_cube(item: bpy.types.Object) -> bool:
    """Whether it is the cube of a new scene, which nobody has touched."""
    if len(item.data.vertices) != _CUBE_VERTICES:
        return False
    places = np.array([vertex.co for vertex in item.data.vertices])
    return bool(
        (np.abs(places) == _CUBE_SIDE / 2).all()
        and item.matrix_world == Matrix()
        and not (item.modifiers or item.constraints or item.children or item.parent)
        and item.animation_data is None
        and item.data.shape_keys is None
    )


def _box(item: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest world coordinates, (3,) each."""
    corners = np.array([item.matrix_world @ Vector(corner) for corner in item.bound_box])
    return corners.min(0), corners.max(0)
