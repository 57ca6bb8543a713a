# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.supervisor import SupervisorState
from ..panels import SidebarPanel, draw_sentence
from ..preferences import ADDON, preferences, remote_file
from ..words.sentences import fill, translate
from .session import session


class AFFEKT_PT_sidecar(SidebarPanel, bpy.types.Panel):
    """The program beside Blender that computes heads, bakes and avatars"""

    bl_idname = "AFFEKT_PT_sidecar"
    bl_label = "Sidecar"
    bl_order = 0
    page = "reliability"

    def draw(self, context: bpy.types.Context) -> None:
        state, layout = session.state, self.layout
        if state in _ICONS:
            row = layout.row(align=True)
            if (warming := session.warming) is None:
                row.label(text=_describe(), icon=_ICONS[state])
            else:  # in the same line: no button below moves away from the mouse when it is over
                row.progress(factor=warming.fraction, text=warming.text)
            if session.log_path is not None:
                row.operator("affekt.open_log", text="", icon="TEXT")
            stop_icon = "UNLINKED" if state is SupervisorState.CONNECTED else "X"
            row.operator("affekt.stop_sidecar", text="", icon=stop_icon)
        else:
            _draw_start(layout, context)
        if state is SupervisorState.SILENT:
            draw_sentence(layout, context, session.advice)
        elif state is SupervisorState.RESTARTING and session.error is not None:
            draw_sentence(layout, context, session.error.message)
        elif session.error is not None:
            _draw_error(layout, context)


_ICONS = {
    SupervisorState.STARTING: "SORTTIME",
    SupervisorState.CONNECTED: "LINKED",
    SupervisorState.SILENT: "ERROR",
    SupervisorState.RESTARTING: "FILE_REFRESH",
}
"""States in which there is a sidecar to leave."""


def _describe() -> str:
    said = translate(session.describe())
    is_connected = session.state is SupervisorState.CONNECTED
    return f"{said}, Affekt {session.version}" if is_connected else said


def _draw_start(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    column = layout.column(align=True)
    row = column.row(align=True)
    row.operator("affekt.start_sidecar", icon="PLAY")
    row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = ADDON
    remote = remote_file(preferences(context))
    text = (
        "Connect to a Running One"
        if remote is None
        else fill("Connect by {name}", name=remote.name)
    )
    column.operator("affekt.connect_sidecar", text=text, icon="LINKED")


def _draw_error(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    box = layout.box()
    text = box.column()
    text.alert = True
    draw_sentence(text, context, str(session.error))
    row = box.row(align=True)
    row.operator("affekt.copy_error", icon="COPYDOWN")
    if session.log_path is not None:
        row.operator("affekt.open_log", icon="TEXT")
