# SPDX-License-Identifier: GPL-3.0-or-later
"""A sentence for the animator from code that no operator runs, such as what follows a load."""

from __future__ import annotations

import bpy

from .guard import guard_call


def say(sentence: str) -> None:
    """Shows the sentence in the status bar and the Info editor once a window is there; prints it
    in a Blender without one."""
    if bpy.app.background:
        print(f"Affekt: {sentence}")
        return

    def report() -> None:
        guard_call(lambda: bpy.ops.affekt.say(sentence=sentence), "Showing a sentence")

    bpy.app.timers.register(report, first_interval=0.5)


class AFFEKT_OT_say(bpy.types.Operator):
    """Show a sentence in the status bar"""

    bl_idname = "affekt.say"
    bl_label = "Say"
    bl_options = {"INTERNAL"}  # noqa: RUF012 (Blender's own form)

    sentence: bpy.props.StringProperty(
        name="Sentence", description="What is shown", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        self.report({"INFO"}, self.sentence)
        return {"FINISHED"}
