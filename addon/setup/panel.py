# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.errors import LinkError
from ..link.session import session
from ..panels import SidebarPanel, draw_sentence
from ..preferences import known_command, preferences
from .drawing import LABEL, draw_set_up, needs_update, progress_of_set_up
from .running import last_error


class AFFEKT_PT_set_up(SidebarPanel, bpy.types.Panel):
    """What is still to be installed; shown only while there is something"""

    bl_idname = "AFFEKT_PT_set_up"
    bl_label = "Set Up"
    bl_order = -1
    page = "setup"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if progress_of_set_up() is not None:
            return True
        settings = preferences(context)
        return not session.is_there and (_lacks_sidecar(context) or needs_update(settings))

    def draw(self, context: bpy.types.Context) -> None:
        settings, layout = preferences(context), self.layout
        if (error := last_error()) is not None:
            told = layout.box().column()
            told.alert = True
            draw_sentence(told, context, str(error))
        lacks = _lacks_sidecar(context)
        if progress_of_set_up() is not None:
            draw_sentence(layout, context, "Go on working: the sidecar starts when it is ready.")
        elif lacks:
            draw_sentence(layout, context, "The sidecar, which computes, is not installed yet.")
        elif needs_update(settings):
            draw_sentence(layout, context, "The sidecar is of another version than this add-on.")
        draw_set_up(
            layout,
            settings,
            lambda text: draw_sentence(layout, context, text),
            LABEL if lacks else "Update Sidecar",
        )


def _lacks_sidecar(context: bpy.types.Context) -> bool:
    return isinstance(known_command(preferences(context)), LinkError)
