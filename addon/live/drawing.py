# SPDX-License-Identifier: GPL-3.0-or-later
"""Live's button and what it says, as the Bake panel shows them."""

from __future__ import annotations

import bpy

from ..panels import draw_sentence
from ..words.sentences import fill, translate
from .live_head import State
from .running import avatar_of, live_of


def draw_button(layout: bpy.types.UILayout, head: bpy.types.Object) -> None:
    """The button, pressed while the head is live."""
    layout.operator("affekt.live", icon="RADIOBUT_ON", depress=live_of(head) is not None)


def draw_avatar_button(
    layout: bpy.types.UILayout, context: bpy.types.Context, head: bpy.types.Object
) -> None:
    """The button that shows the avatar in camera views, and what that waits for."""
    view = avatar_of(head)
    layout.operator("affekt.show_avatar", icon="VIEW_CAMERA", depress=view is not None)
    if view is not None and view.why:
        column = layout.column()
        column.alert = view.has_failed
        draw_sentence(column, context, fill("The avatar waits: {why}", why=view.why))


def draw_state(
    layout: bpy.types.UILayout, context: bpy.types.Context, head: bpy.types.Object
) -> None:
    """How far it is: live, catching up, or what it waits for; nothing while it is off."""
    live = live_of(head)
    if live is None:
        return
    state, share, why = live.describe()
    if state is State.WAITING:
        column = layout.column()
        column.alert = live.has_failed
        draw_sentence(column, context, fill("Live waits: {why}", why=why))
    elif state is State.CATCHING_UP:
        layout.progress(factor=share / 100, text=fill("Catching up: {share} %", share=share))
    else:
        layout.label(text=translate(state.value), icon=_ICONS[state])


_ICONS = {State.READING: "SORTTIME", State.LIVE: "RADIOBUT_ON"}
