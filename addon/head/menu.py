# SPDX-License-Identifier: GPL-3.0-or-later
"""The heads in Blender's Add > Mesh menu."""

from __future__ import annotations

import bpy


def draw_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    layout = menu.layout
    layout.separator()
    layout.operator("affekt.add_head", text="Affekt Head", icon="USER")
    layout.operator("affekt.browse_flame_head", text="FLAME Head", icon="USER")


def add_menu() -> None:
    bpy.types.VIEW3D_MT_mesh_add.append(draw_menu)


def remove_menu() -> None:
    bpy.types.VIEW3D_MT_mesh_add.remove(draw_menu)
