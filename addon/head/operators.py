# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from .. import compat
from ..link import requests
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from .build import build_head
from .find import is_head, need_object_mode

OPEN_HEAD = "open"
"""The sidecar's name of the embedded head."""


class AFFEKT_OT_add_head(TaskOperator, bpy.types.Operator):
    """Add a head with expression shape keys, a rig and colours at the 3D cursor"""

    bl_idname = "affekt.add_head"
    bl_label = "Add Head"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to Object Mode first")
            return False
        return session.poll(cls)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        return self._add(context, is_first=not any(map(is_head, context.scene.objects)))

    def _add(self, context: bpy.types.Context, *, is_first: bool) -> Steps:
        model = yield from requests.fetch_head(session.need_line(), OPEN_HEAD)
        need_object_mode(context)
        head = build_head(model, OPEN_HEAD, context)
        if is_first:
            show_head(context)
        return (
            f"Added {head.name}: {len(model.template):,} vertices, "
            f"{len(model.expression_names)} expression shape keys.{say_hidden(head, context)}"
        )


def say_hidden(head: bpy.types.Object, context: bpy.types.Context) -> str:
    """A sentence that names the mesh around the head, such as a new scene's cube, or ""."""
    context.view_layer.update()
    low, high = _box(head)
    for other in context.visible_objects:
        if other.type == "MESH" and other != head:
            outer_low, outer_high = _box(other)
            if (outer_low < low).all() and (outer_high > high).all():
                return f" It is inside {other.name}: hide or delete that to see it."
    return ""


def _box(item: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest world coordinates, (3,) each."""
    corners = np.array([item.matrix_world @ Vector(corner) for corner in item.bound_box])
    return corners.min(0), corners.max(0)


def show_head(context: bpy.types.Context) -> None:
    """Turns the 3D view to the front of the new head and shows its colours: a head of 25 cm
    is lost in a view made for a cube of 2 m."""
    area = context.area
    if area is None or area.type != "VIEW_3D":
        return
    compat.show_vertex_colours(context.space_data.shading)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with context.temp_override(area=area, region=region):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
