# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a task, as every panel draws it."""

from __future__ import annotations

import bpy

from .tasks import running_task


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
