# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import textwrap

import bpy

from ..panels import SidebarPanel
from ..preferences import ADDON
from .session import LinkState, session
from .tasks import running_task


class AFFEKT_PT_sidecar(SidebarPanel, bpy.types.Panel):
    bl_idname = "AFFEKT_PT_sidecar"
    bl_label = "Sidecar"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        if session.state is LinkState.CONNECTED:
            row = layout.row()
            row.label(text=f"Connected, Affekt {session.version()}", icon="LINKED")
            row.operator("affekt.stop_sidecar", text="", icon="UNLINKED")
        elif session.state is LinkState.STARTING:
            row = layout.row()
            row.label(text="Starting ...", icon="SORTTIME")
            row.operator("affekt.stop_sidecar", text="", icon="X")
        else:
            column = layout.column(align=True)
            row = column.row(align=True)
            row.operator("affekt.start_sidecar", icon="PLAY")
            row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = ADDON
            column.operator("affekt.connect_sidecar", icon="LINKED")
        if session.error is not None:
            _draw_error(layout, context)


def _draw_error(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    box = layout.box()
    width = max(20, int(context.region.width / (7.5 * context.preferences.system.ui_scale)))
    column = box.column(align=True)
    column.scale_y = 0.85
    column.alert = True
    for line in textwrap.wrap(str(session.error), width):
        column.label(text=line)
    box.operator("affekt.copy_error", icon="COPYDOWN")


def draw_task(layout: bpy.types.UILayout, label: str, *, scale: float = 1.0) -> bool:
    """Draws the running task's progress if it is the one called `label`; whether it was."""
    task = running_task()
    if task is None or task.label != label:
        return False
    row = layout.row(align=True)
    row.scale_y = scale
    row.progress(factor=task.progress.fraction, text=task.progress.text)
    row.operator("affekt.cancel", text="", icon="X")
    return True
