# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a task, as every panel draws it."""

from __future__ import annotations

import bpy

from .tasks import running_task


def draw_task(
    layout: bpy.types.UILayout, label: str, *, scale: float = 1.0, text: str | None = None
) -> bool:
    """Draws the running task's progress if it is the one called `label`; whether it was. text: in
    the bar, where what the task says of itself is too long for it."""
    task = running_task()
    if task is None or task.label != label:
        return False
    row = layout.row(align=True)
    row.scale_y = scale
    row.progress(factor=task.progress.fraction, text=task.progress.text if text is None else text)
    row.operator("affekt.cancel", text="", icon="X")
    return True
