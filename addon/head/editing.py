# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit Mode for as long as bones are made or moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy


@contextmanager
def edit_mode(item: bpy.types.Object, context: bpy.types.Context) -> Iterator[None]:
    """Edit Mode of an object, and back to Object Mode with the active object as it was."""
    layer = context.view_layer
    before = layer.objects.active
    layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        yield
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        layer.objects.active = before
