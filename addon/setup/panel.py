# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.errors import LinkError
from ..link.session import session
from ..link.tasks import running_task
from ..panels import SidebarPanel, draw_sentence
from ..preferences import preferences, sidecar_command
from .drawing import LABEL, draw_set_up, needs_update, stays_offline
from .running import last_error

_OFFLINE = "Set-up downloads packages, and Blender stays offline until you allow it."


class AFFEKT_PT_set_up(SidebarPanel, bpy.types.Panel):
    """What is still to be installed; shown only while there is something"""

    bl_idname = "AFFEKT_PT_set_up"
    bl_label = "Set Up"
    bl_order = -1
    page = "setup"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _is_setting_up():
            return True
        settings = preferences(context)
        return not session.is_there and (_lacks_sidecar(context) or needs_update(settings))

    def draw(self, context: bpy.types.Context) -> None:
        settings, layout = preferences(context), self.layout
        if (error := last_error()) is not None:
            told = layout.box().column()
            told.alert = True
            draw_sentence(told, context, str(error))
        if _is_setting_up():
            draw_sentence(layout, context, "Go on working: the sidecar starts when it is ready.")
            draw_set_up(layout, settings)
            return
        if stays_offline(settings):
            draw_sentence(layout, context, _OFFLINE)
        if _lacks_sidecar(context):
            draw_sentence(layout, context, "The sidecar, which computes, is not installed yet.")
            draw_set_up(layout, settings)
            return
        if needs_update(settings):
            draw_sentence(layout, context, "The sidecar is of another version than this add-on.")
        draw_set_up(layout, settings, "Update Sidecar")


def _is_setting_up() -> bool:
    task = running_task()
    return task is not None and task.label == LABEL


def _lacks_sidecar(context: bpy.types.Context) -> bool:
    try:
        sidecar_command(preferences(context))
    except LinkError:
        return True
    return False
