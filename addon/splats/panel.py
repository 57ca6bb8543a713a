# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..link.drawing import draw_task
from .adding import OPEN_GAUSSIANS
from .cloud import LEAST_BLENDER, clouds_of, modifier_of
from .group import FOLLOW


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
    modifier = modifier_of(cloud)
    if modifier is None or modifier.node_group is None:
        row.label(text=cloud.name, translate=False, icon="ERROR")
    else:
        sockets = modifier.node_group.interface.items_tree
        follow = next((item for item in sockets if item.name == FOLLOW), None)
        if follow is not None:
            given = getattr(modifier.properties.inputs, follow.identifier)
            row.prop(given, "value", text=FOLLOW)
    row.operator("affekt.bind_splats", text="", icon="FILE_REFRESH")
