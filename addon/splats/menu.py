# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars in Blender's File > Import menu."""

from __future__ import annotations

import bpy


def draw_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator("affekt.browse_avatar", text="Gaussian Avatar (Affekt)")
    menu.layout.operator("affekt.browse_photo", text="Gaussian Avatar from Photo (Affekt)")


def add_menu() -> None:
    bpy.types.TOPBAR_MT_file_import.append(draw_menu)


def remove_menu() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(draw_menu)
