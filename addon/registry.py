# SPDX-License-Identifier: GPL-3.0-or-later
"""Every class that Blender knows from us, in the order in which it must learn them."""

from __future__ import annotations

import bpy

from .emotion import operators as emotion_operators
from .emotion import panel as emotion_panel
from .emotion import properties as emotion_properties
from .head import properties as head_properties
from .motion import properties as motion_properties

CLASSES: tuple[type, ...] = (
    head_properties.AFFEKT_PG_head,
    motion_properties.AFFEKT_PG_take,
    motion_properties.AFFEKT_PG_takes,
    emotion_properties.AFFEKT_PG_emotion,
    emotion_operators.AFFEKT_OT_key_emotions,
    emotion_operators.AFFEKT_OT_neutral,
    emotion_panel.AFFEKT_PT_emotion,
    emotion_panel.AFFEKT_PT_emotion_strengths,
)

PROPERTIES: tuple[tuple[type, str, type], ...] = (
    (bpy.types.Object, "affekt_head", head_properties.AFFEKT_PG_head),
    (bpy.types.Object, "affekt_takes", motion_properties.AFFEKT_PG_takes),
    (bpy.types.Object, "affekt_emotion", emotion_properties.AFFEKT_PG_emotion),
)
"""Owner, attribute and property group of what we hang on Blender's own types."""


def register() -> None:
    for item in CLASSES:
        bpy.utils.register_class(item)
    for owner, name, group in PROPERTIES:
        setattr(owner, name, bpy.props.PointerProperty(type=group))


def unregister() -> None:
    for owner, name, _ in reversed(PROPERTIES):
        delattr(owner, name)
    for item in reversed(CLASSES):
        bpy.utils.unregister_class(item)
