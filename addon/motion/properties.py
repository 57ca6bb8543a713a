# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes and bakes of a head. Blender keeps the pointers to Actions valid by itself."""

from __future__ import annotations

import bpy


class AFFEKT_PG_take_part(bpy.types.PropertyGroup):
    """What moves the shape keys of a further mesh of a character; its name is the part's."""

    name: bpy.props.StringProperty(name="Part")
    mesh: bpy.props.PointerProperty(type=bpy.types.Object, name="Mesh")
    action: bpy.props.PointerProperty(type=bpy.types.Action, name="Shape keys")


class AFFEKT_PG_take(bpy.types.PropertyGroup):
    """One take or bake: the Action on the armature and the one on the shape keys, which from
    Blender 4.4 on are two slots of the same Action."""

    name: bpy.props.StringProperty(name="Name")
    kind: bpy.props.EnumProperty(
        name="Kind",
        items=(
            ("TAKE", "Take", "The performance as it was imported"),
            ("BAKE", "Bake", "A take with emotion baked in"),
        ),
    )
    source: bpy.props.StringProperty(
        name="Source", description="Name of the take that a bake was made from"
    )
    rig_action: bpy.props.PointerProperty(type=bpy.types.Action, name="Bones")
    keys_action: bpy.props.PointerProperty(type=bpy.types.Action, name="Shape keys")
    parts: bpy.props.CollectionProperty(type=AFFEKT_PG_take_part)
    mapping: bpy.props.StringProperty(
        name="Mapping", description="What a character made of the take's weights"
    )
    first_frame: bpy.props.FloatProperty(name="First frame", description="As the keys were placed")
    frames: bpy.props.IntProperty(name="Frames", min=0)
    fps: bpy.props.FloatProperty(name="Frames per second of the take", precision=3)
    placed_fps: bpy.props.FloatProperty(
        name="Frames per second of the keys",
        description="For which rate of the scene the keys were placed; 0 in older files",
        precision=3,
    )
    notes: bpy.props.StringProperty(
        name="Notes", description="What was noticed when the file was read, a sentence a line"
    )


class AFFEKT_PG_takes(bpy.types.PropertyGroup):
    items: bpy.props.CollectionProperty(type=AFFEKT_PG_take)
    active: bpy.props.StringProperty(name="In use", description="Name of the take that is in use")
