# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy
import numpy as np

from .. import compat
from ..link import requests
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..words.sentences import translate
from .around import step_aside, uncover
from .build import build_head
from .find import find_head, is_flame, is_head, need_head, need_object_mode
from .identity import has_identity, open_sliders, turn_sliders, values_of
from .polling import in_object_mode

OPEN_HEAD = "open"
"""The sidecar's name of the embedded head."""


class AFFEKT_OT_add_head(TaskOperator, bpy.types.Operator):
    """Add a head with expression shape keys, a rig and colours at the 3D cursor"""

    bl_idname = "affekt.add_head"
    bl_label = "Add Head"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return in_object_mode(cls, context) and session.poll(cls)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        return self._add(context, is_first=not any(map(is_head, context.scene.objects)))

    def _add(self, context: bpy.types.Context, *, is_first: bool) -> Steps:
        model = yield from requests.fetch_head(session.need_line(), OPEN_HEAD)
        need_object_mode(context)
        head = build_head(model, OPEN_HEAD, context, sliders=open_sliders(), wrinkles=True)
        return (
            f"Added {head.name}: {len(model.template):,} vertices, "
            f"{len(model.expression_names)} expression shape keys."
            f"{show_head(head, context, is_first=is_first)}"
        )


def _word(name: str, description: str, least: float = -1.0) -> bpy.props.FloatProperty:
    return bpy.props.FloatProperty(
        name=name,
        description=description,
        soft_min=least,
        soft_max=1,
        min=-2,
        max=2,
        subtype="FACTOR",
        options={"SKIP_SAVE"},
    )


class AFFEKT_OT_shape_head(bpy.types.Operator):
    """Shape the face by age, weight and the like; shape keys, bones and takes go along"""

    bl_idname = "affekt.shape_head"
    bl_label = "Identity"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    gender: _word("Gender", "-1 is a woman's face, 1 a man's")
    age: _word("Age", "0 is a young adult's face, 1 an old one's", -0.3)
    weight: _word("Weight", "-1 is a thin face, 1 a fat one")
    african: _word("African", "1 is MakeHuman's African face, 0 the mean of three ancestries", -0.5)
    asian: _word("Asian", "1 is MakeHuman's Asian face, 0 the mean of three ancestries", -0.5)
    jaw: _word("Jaw", "-1 is a narrow jaw, 1 a wide one")
    nose: _word("Nose", "-1 is a small nose, 1 a big one")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = find_head(context)
        if head is None or is_flame(head) or not has_identity(head):
            cls.poll_message_set(translate("Select a head that Add Head made first"))
            return False
        return in_object_mode(cls, context)

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        for name in open_sliders().names:
            column.prop(self, name.lower(), slider=True)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        values = values_of(need_head(context))
        for name, value in zip(open_sliders().names, values, strict=True):
            setattr(self, name.lower(), value)
        return context.window_manager.invoke_props_popup(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        values = [getattr(self, name.lower()) for name in open_sliders().names]
        turn_sliders(need_head(context), np.array(values, np.float32), context)
        return {"FINISHED"}


def show_head(head: bpy.types.Object, context: bpy.types.Context, *, is_first: bool) -> str:
    """Lets whoever pressed the button in a 3D view see the new head: of a scene's first one from
    the front in its colours, since a head of 25 cm is lost in a view made for a cube of 2 m; a
    further one does not stand inside another. A script's stays at the cursor. Returns what is to be
    said of it."""
    area = context.area
    if area is None or area.type != "VIEW_3D":
        return uncover(head, context)
    beside = "" if is_first else step_aside(head, context)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with context.temp_override(area=area, region=region):
        if is_first:
            compat.show_vertex_colours(context.space_data.shading)
            bpy.ops.view3d.view_axis(type="FRONT")
            bpy.ops.view3d.view_selected()
        elif beside:
            _view_heads(head, context)
    return beside + uncover(head, context)


def _view_heads(head: bpy.types.Object, context: bpy.types.Context) -> None:
    """Moves the view until it has all heads; only the new one stays selected."""
    heads = [item for item in context.visible_objects if is_head(item)]
    for item in heads:
        item.select_set(True)
    bpy.ops.view3d.view_selected()
    for item in heads:
        item.select_set(item == head)
