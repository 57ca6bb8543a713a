# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..link.drawing import draw_task
from .adding import OPEN_GAUSSIANS
from .cloud import LEAST_BLENDER, Inputs, clouds_of, inputs_of, modifier_of
from .group import APPEARANCE, FOLLOW
from .light import CASTER, COLOUR, EXPOSURE, SHADOW
from .matching import is_matched


def draw_importing(layout: bpy.types.UILayout) -> None:
    """The way to an avatar as an object of the scene, in Blenders that draw Gaussians."""
    if bpy.app.version >= LEAST_BLENDER and not draw_task(layout, "Import Avatar"):
        layout.operator("affekt.browse_avatar", icon="OUTLINER_OB_POINTCLOUD")


def draw_splats(layout: bpy.types.UILayout, head: bpy.types.Object) -> None:
    """What the head's panel has of its Gaussians, or how it gets some."""
    if bpy.app.version < LEAST_BLENDER:
        return
    clouds = clouds_of(head)
    for cloud in clouds:
        _draw_cloud(layout, cloud)
    if not clouds and head.affekt_head.model == "open" and not head.affekt_character.is_character:
        own = layout.operator(
            "affekt.import_avatar", text="Show as Splats", icon="OUTLINER_OB_POINTCLOUD"
        )
        own.filepath = OPEN_GAUSSIANS


def _draw_cloud(layout: bpy.types.UILayout, cloud: bpy.types.Object) -> None:
    row = layout.row(align=True)
    given = inputs_of(modifier_of(cloud))
    if FOLLOW in given:
        row.prop(given[FOLLOW], "value", text=FOLLOW)
    else:
        row.label(text=cloud.name, translate=False, icon="ERROR")
    row.operator("affekt.bind_splats", text="", icon="FILE_REFRESH")
    if APPEARANCE in given:
        layout.prop(given[APPEARANCE], "value", text=APPEARANCE)
    if given:
        _draw_light(layout, cloud, given)


def _draw_light(layout: bpy.types.UILayout, cloud: bpy.types.Object, given: Inputs) -> None:
    header, body = layout.panel("affekt_splats_light", default_closed=True)
    header.label(text="Light")
    if body is None:
        return
    row = body.row(align=True)
    row.operator("affekt.match_light", icon="LIGHT")
    if is_matched(cloud, given):
        row.operator("affekt.release_light", text="", icon="X")
    for name in (EXPOSURE, COLOUR, CASTER, SHADOW):
        if name in given:
            body.prop(given[name], "value", text=name)
