# SPDX-License-Identifier: GPL-3.0-or-later
"""How *Set Up Sidecar* is drawn, in the preferences and in the sidebar."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ..glance import glance
from ..link.drawing import draw_task
from ..link.tasks import Progress, running_task
from .environment import LOG
from .plan import is_outdated, shipped_wheel
from .properties import SetUpProperties, read_choices

LABEL = "Set Up Sidecar"


def needs_update(settings: SetUpProperties | None) -> bool:
    """Whether the sidecar that was set up is of another build than this extension."""
    folder = read_choices(settings).data_folder
    return glance(("outdated", folder), lambda: is_outdated(folder, shipped_wheel))


def progress_of_set_up() -> Progress | None:
    """How far the set-up under way is; None if none is."""
    task = running_task()
    return task.progress if task is not None and task.label == LABEL else None


def stays_offline(settings: SetUpProperties | None) -> bool:
    """Whether set-up needs a network that Blender may not use yet."""
    return read_choices(settings).wheels is None and not bpy.app.online_access


def draw_set_up(
    layout: bpy.types.UILayout,
    settings: SetUpProperties | None,
    say: Callable[[str], None],
    text: str = LABEL,
) -> None:
    """The button, or its progress while it works, and its log. say: draws a sentence, which is too
    long for a bar. text: on the button."""
    if (done := progress_of_set_up()) is not None:
        draw_task(layout, LABEL, scale=1.4, text=f"{done.fraction:.0%}")
        say(done.text)
    else:
        row, is_offline = layout.row(), stays_offline(settings)
        row.scale_y, row.enabled = 1.4, not is_offline
        row.operator("affekt.plan_set_up", text=text, icon="IMPORT")
        if is_offline:  # below, so that the button above stays where it is once it is allowed
            say("Set-up downloads packages, and Blender stays offline until you allow it.")
            layout.operator(
                "extensions.userpref_allow_online", text="Allow Online Access", icon="INTERNET"
            )
    log = read_choices(settings).data_folder / LOG
    if glance(("log", log), log.is_file):
        layout.operator("affekt.open_set_up_log", icon="TEXT")


def draw_settings(layout: bpy.types.UILayout, settings: SetUpProperties) -> None:
    """What set-up can be told."""
    column = layout.column()
    column.use_property_split = True
    for name in ("device", "python", "folder", "wheels", "index", "torch_index"):
        column.prop(settings, f"setup_{name}")
