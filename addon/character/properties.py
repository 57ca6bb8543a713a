# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a mesh object the face of a character of the animator's own. Other objects are held
by pointers, keys and bones by name, as Blender itself holds them."""

from __future__ import annotations

import bpy

from ...shared.character_bones import ROLES
from ..compat import OVERRIDABLE


def _mark_chosen(line: AFFEKT_PG_character_line, context: bpy.types.Context) -> None:
    line.is_chosen = True


def _apply(character: AFFEKT_PG_character, context: bpy.types.Context) -> None:
    from .applying import apply_quietly  # which needs this module

    apply_quietly(character.id_data, context.scene)


def _is_armature(_: bpy.types.PropertyGroup, item: bpy.types.Object) -> bool:
    return item.type == "ARMATURE"


def _has_keys(_: bpy.types.PropertyGroup, item: bpy.types.Object) -> bool:
    return item.type == "MESH" and item.data.shape_keys is not None


class AFFEKT_PG_character_line(bpy.types.PropertyGroup):
    """One of ARKit's shapes and a key that it moves. A shape has a line for each of its keys, and
    one with an empty key if it has none."""

    name: bpy.props.StringProperty(name="Shape", options={"HIDDEN"}, override=OVERRIDABLE)
    mesh: bpy.props.PointerProperty(
        name="Mesh",
        description="Mesh whose shape key moves; empty for the face itself",
        type=bpy.types.Object,
        poll=_has_keys,
        update=_mark_chosen,
        override=OVERRIDABLE,
    )
    key: bpy.props.StringProperty(
        name="Shape Key",
        description="The shape key that ARKit's shape moves; empty if the character has none",
        update=_mark_chosen,
        override=OVERRIDABLE,
    )
    strength: bpy.props.FloatProperty(
        name="Strength",
        description="Factor on what a take gives this shape; the first line of a shape counts",
        default=1,
        min=0,
        max=4,
        soft_max=2,
        override=OVERRIDABLE,
    )
    is_chosen: bpy.props.BoolProperty(
        name="Chosen by hand", options={"HIDDEN"}, override=OVERRIDABLE
    )


def _bone(role: str) -> bpy.props.StringProperty:
    spoken = " ".join(reversed(role.split("_")))  # eye_left: the left eye
    return bpy.props.StringProperty(
        name=spoken.title(),
        description=f"Bone that a take turns as the {spoken}; empty to leave it",
        override=OVERRIDABLE,
    )


class AFFEKT_PG_character(bpy.types.PropertyGroup):
    __annotations__ = {
        "is_character": bpy.props.BoolProperty(
            name="Is a character", options={"HIDDEN"}, override=OVERRIDABLE
        ),
        "lines": bpy.props.CollectionProperty(
            name="Shapes",
            description="ARKit's shapes and the shape keys that they move",
            type=AFFEKT_PG_character_line,
            override={"LIBRARY_OVERRIDABLE", "USE_INSERTION"},
        ),
        "active_line": bpy.props.IntProperty(
            name="Shape", options={"HIDDEN"}, override=OVERRIDABLE
        ),
        "armature": bpy.props.PointerProperty(
            name="Armature",
            description="Armature whose bones a take turns",
            type=bpy.types.Object,
            poll=_is_armature,
            override=OVERRIDABLE,
        ),
        **{role: _bone(role) for role in ROLES},
        "axes": bpy.props.FloatVectorProperty(
            name="Axes of the face",
            description="The face's left, up and front in the mesh's own axes, row by row",
            size=9,
            options={"HIDDEN"},
            override=OVERRIDABLE,
        ),
        "notes": bpy.props.StringProperty(
            name="Notes",
            description="What was noticed, a sentence a line",
            options={"HIDDEN"},
            override=OVERRIDABLE,
        ),
        "calibration": bpy.props.StringProperty(
            name="Calibration", options={"HIDDEN"}, override=OVERRIDABLE
        ),
        "uses_calibration": bpy.props.BoolProperty(
            name="Calibrated",
            description="A take's weights become what moves this face as far as Affekt's own "
            "head; off, the keys get the weights as they are",
            default=True,
            update=_apply,
            override=OVERRIDABLE,
        ),
    }
