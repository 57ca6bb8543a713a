# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to change a file that leave no trace where they fail: Edit Mode for as long as bones are
made or moved, and data-blocks that stay only if all is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

_KINDS = ("objects", "meshes", "armatures", "pointclouds", "node_groups", "actions", "materials")


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


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """If anything fails inside, every data-block that was made there is removed. For one step of a
    task, in which nobody else makes any."""
    before = {item.session_uid for item in _data_blocks()}
    try:
        yield
    except BaseException:
        bpy.data.batch_remove([one for one in _data_blocks() if one.session_uid not in before])
        raise


def _data_blocks() -> Iterator[bpy.types.ID]:
    for kind in _KINDS:
        yield from getattr(bpy.data, kind)
