# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes and bakes of a head. Blender keeps the pointers to Actions valid by itself."""

from __future__ import annotations

import bpy

from ...shared.emotion import CHANNELS
from ..compat import OVERRIDABLE


class AFFEKT_PG_take_part(bpy.types.PropertyGroup):
    """What moves the shape keys of a further mesh of a character; its name is the part's."""

    name: bpy.props.StringProperty(
        name="Part", description="Which further mesh of the character", override=OVERRIDABLE
    )
    mesh: bpy.props.PointerProperty(
        type=bpy.types.Object,
        name="Mesh",
        description="Mesh whose shape keys move",
        override=OVERRIDABLE,
    )
    action: bpy.props.PointerProperty(
        type=bpy.types.Action,
        name="Shape Keys",
        description="Action that moves this mesh's shape keys",
        override=OVERRIDABLE,
    )


class AFFEKT_PG_take(bpy.types.PropertyGroup):
    """One take or bake: the Action on the armature and the one on the shape keys, which from
    Blender 4.4 on are two slots of the same Action."""

    name: bpy.props.StringProperty(
        name="Name", description="What the take or bake is called", override=OVERRIDABLE
    )
    kind: bpy.props.EnumProperty(
        name="Kind",
        description="Whether it was performed or baked",
        items=(
            ("TAKE", "Take", "The performance as it was imported"),
            ("BAKE", "Bake", "A take with emotion baked in"),
        ),
        override=OVERRIDABLE,
    )
    source: bpy.props.StringProperty(
        name="Source",
        description="Name of the take that a bake was made from",
        override=OVERRIDABLE,
    )
    rig_action: bpy.props.PointerProperty(
        type=bpy.types.Action,
        name="Bones",
        description="Action that moves the bones",
        override=OVERRIDABLE,
    )
    keys_action: bpy.props.PointerProperty(
        type=bpy.types.Action,
        name="Shape Keys",
        description="Action that moves the shape keys",
        override=OVERRIDABLE,
    )
    first_frame: bpy.props.FloatProperty(
        name="First Frame",
        description="Frame of the timeline on which the first key was placed",
        override=OVERRIDABLE,
    )
    frames: bpy.props.IntProperty(
        name="Frames", description="How many frames were recorded", min=0, override=OVERRIDABLE
    )
    fps: bpy.props.FloatProperty(
        name="Frame Rate",
        description="Frames per second with which the take was recorded",
        precision=3,
        override=OVERRIDABLE,
    )
    parts: bpy.props.CollectionProperty(
        name="Further Meshes",
        description="What moves a character's teeth, tongue, brows and the like",
        type=AFFEKT_PG_take_part,
        override={"LIBRARY_OVERRIDABLE", "USE_INSERTION"},
    )
    mapping: bpy.props.StringProperty(
        name="Mapping",
        description="What a character made of the take's weights",
        override=OVERRIDABLE,
    )
    placed_fps: bpy.props.FloatProperty(
        name="Rate of the Keys",
        description="The scene's frames per second for which the keys were placed; 0 in older "
        "files",
        precision=3,
        override=OVERRIDABLE,
    )
    over_rig: bpy.props.PointerProperty(
        type=bpy.types.Action,
        name="Other Bone Action",
        description="What an animator let move the bones beside the take when it was baked",
        override=OVERRIDABLE,
    )
    over_keys: bpy.props.PointerProperty(
        type=bpy.types.Action,
        name="Other Shape Key Action",
        description="What an animator let move the shape keys beside the take when it was baked",
        override=OVERRIDABLE,
    )
    baked_keys: bpy.props.StringProperty(
        name="Keys as Baked",
        description="A bake's fingerprint: where its keys have another, they were edited since",
        override=OVERRIDABLE,
    )
    emotions: bpy.props.PointerProperty(
        type=bpy.types.Action,
        name="Emotions",
        description="The take's own emotions, while another take is in use",
        override=OVERRIDABLE,
    )
    emotion_values: bpy.props.FloatVectorProperty(
        name="Emotion Values",
        description="The take's own sliders, each a factor, while another take is in use",
        size=len(CHANNELS),
        override=OVERRIDABLE,
    )
    emotion_units: bpy.props.StringProperty(
        name="Unit Values",
        description="The take's own action units, while another take is in use",
        override=OVERRIDABLE,
    )
    notes: bpy.props.StringProperty(
        name="Notes",
        description="What was noticed when the file was read, a sentence a line",
        override=OVERRIDABLE,
    )


class AFFEKT_PG_takes(bpy.types.PropertyGroup):
    items: bpy.props.CollectionProperty(
        name="Takes",
        description="The takes and bakes of this head",
        type=AFFEKT_PG_take,
        override={"LIBRARY_OVERRIDABLE", "USE_INSERTION"},
    )
    active: bpy.props.StringProperty(
        name="In Use", description="Name of the take that is in use", override=OVERRIDABLE
    )
    own_emotions: bpy.props.BoolProperty(
        name="Emotions per Take",
        description="Each take keeps emotion keys and sliders of its own: they change with it. A "
        "take that has none yet begins with a copy of those that are there",
        override=OVERRIDABLE,
    )
