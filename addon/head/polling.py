# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators need before they can be pressed."""

from __future__ import annotations

import bpy

from ..words.sentences import translate
from .find import find_head


def in_object_mode(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For an operator's `poll`: whether it is Object Mode; if not, tells Blender so."""
    if context.mode == "OBJECT":
        return True
    operator.poll_message_set(translate("Go to Object Mode first"))
    return False


class HeadOperator:
    """Mix-in: an operator that does something to the head that the animator means."""

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        cls.poll_message_set(translate("Select or add a head first"))
        return find_head(context) is not None


class TakeOperator:
    """Mix-in: an operator that does something to a head's takes."""

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        head = find_head(context)
        asked = (
            "Select or add a head first" if head is None else "Import a take onto the head first"
        )
        cls.poll_message_set(translate(asked))
        return head is not None and bool(head.affekt_takes.items)
