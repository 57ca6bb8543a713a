# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator does to takes that are there."""

from __future__ import annotations

import bpy

from ...shared.limits import LEAST_FPS, MOST_FPS
from ..head.find import need_head
from ..head.polling import TakeOperator
from ..link.task_operator import redraw_sidebars
from .editing import delete_take, duplicate_take, rename_take, trim_take
from .placement import last_frame, stretch, take_times
from .properties import AFFEKT_PG_take
from .retiming import set_rate_of_take, use_rate_of_take
from .takes import find_take

_OPTIONS = {"REGISTER", "UNDO"}


class NamedTake(TakeOperator):
    """Mix-in: an operator on one take or bake."""

    name: bpy.props.StringProperty(
        name="Take",
        description="Name of the take or bake; empty means the one in use",
        options={"SKIP_SAVE"},
    )

    def take(self, context: bpy.types.Context) -> AFFEKT_PG_take:
        """The take that is meant. Raises InputError `motion.no_take`."""
        head = need_head(context)
        return find_take(head, self.name or head.affekt_takes.active)

    def tell(self: bpy.types.Operator, context: bpy.types.Context, sentence: str) -> set[str]:
        """Reports what was done."""
        self.report({"INFO"}, sentence)
        redraw_sidebars(context)
        return {"FINISHED"}


class AFFEKT_OT_rename_take(NamedTake, bpy.types.Operator):
    """Give a take or bake another name, and its Action with it"""

    bl_idname = "affekt.rename_take"
    bl_label = "Rename Take"
    bl_options = _OPTIONS

    new_name: bpy.props.StringProperty(
        name="New Name", description="What it will be called", options={"SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.name = self.new_name = self.take(context).name
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.prop(self, "new_name")

    def execute(self, context: bpy.types.Context) -> set[str]:
        old = self.take(context).name
        rename_take(need_head(context), old, self.new_name)
        return self.tell(context, f"{old} is called {self.new_name.strip()} now.")


class AFFEKT_OT_duplicate_take(NamedTake, bpy.types.Operator):
    """Copy a take or bake with Actions of its own, to try something on"""

    bl_idname = "affekt.duplicate_take"
    bl_label = "Duplicate Take"
    bl_options = _OPTIONS

    def execute(self, context: bpy.types.Context) -> set[str]:
        copy = duplicate_take(need_head(context), self.take(context).name)
        return self.tell(context, f"{copy.name} is in use now.")


class AFFEKT_OT_delete_take(NamedTake, bpy.types.Operator):
    """Delete a take or bake and its Actions; its bakes and the emotion keys stay"""

    bl_idname = "affekt.delete_take"
    bl_label = "Delete Take"
    bl_options = _OPTIONS

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.tell(context, delete_take(need_head(context), self.take(context).name))


class AFFEKT_OT_trim_take(NamedTake, bpy.types.Operator):
    """Cut the keys of a take or bake outside of a range of frames; duplicate it first to keep
    all of them"""

    bl_idname = "affekt.trim_take"
    bl_label = "Trim Take"
    bl_options = _OPTIONS

    first: bpy.props.IntProperty(
        name="First Frame",
        description="First frame of the timeline that stays",
        default=1,
        options={"SKIP_SAVE"},
    )
    last: bpy.props.IntProperty(
        name="Last Frame",
        description="Last frame of the timeline that stays",
        default=250,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        scene, self.name = context.scene, self.take(context).name
        if scene.use_preview_range:
            self.first, self.last = scene.frame_preview_start, scene.frame_preview_end
        else:
            self.first, self.last = scene.frame_start, scene.frame_end
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        head, name = need_head(context), self.take(context).name
        return self.tell(context, trim_take(head, name, context.scene, self.first, self.last))


class AFFEKT_OT_loop_take(NamedTake, bpy.types.Operator):
    """Play only the frames of a take or bake, over and over, by the preview range; again, and all
    of the scene plays"""

    bl_idname = "affekt.loop_take"
    bl_label = "Loop Take"
    bl_options = _OPTIONS

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, take = context.scene, self.take(context)
        first = round(take_times(take, scene)[0] / stretch(scene))
        span = (first, last_frame(take, scene))
        now = (scene.frame_preview_start, scene.frame_preview_end)
        scene.use_preview_range = not (scene.use_preview_range and now == span)
        if not scene.use_preview_range:
            return self.tell(context, "All of the scene plays.")
        scene.frame_preview_start, scene.frame_preview_end = span
        return self.tell(context, f"{take.name} plays, from frame {span[0]} to {span[1]}.")


class AFFEKT_OT_use_take_rate(TakeOperator, bpy.types.Operator):
    """Set the scene's frames per second to those of the take in use; the keys of takes and
    emotions keep their time"""

    bl_idname = "affekt.use_take_rate"
    bl_label = "Set Scene to the Take's Rate"
    bl_options = _OPTIONS

    def execute(self, context: bpy.types.Context) -> set[str]:
        self.report({"INFO"}, use_rate_of_take(need_head(context), context.scene))
        redraw_sidebars(context)
        return {"FINISHED"}


class AFFEKT_OT_set_take_rate(NamedTake, bpy.types.Operator):
    """Say how many frames a second a take was recorded with, where its file did not"""

    bl_idname = "affekt.set_take_rate"
    bl_label = "Set the Take's Rate"
    bl_options = _OPTIONS

    fps: bpy.props.FloatProperty(
        name="Frame Rate",
        description="The take's frames per second",
        default=30,
        min=LEAST_FPS,
        max=MOST_FPS,
        precision=3,
        options={"SKIP_SAVE"},
    )
    with_emotions: bpy.props.BoolProperty(
        name="Emotions Too",
        description="The keys of the head's emotions move with those of the take, if it is in use",
        default=True,
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        take = self.take(context)
        self.name, self.fps = take.name, take.fps
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context: bpy.types.Context) -> None:
        for name in ("fps", "with_emotions"):
            self.layout.prop(self, name)

    def execute(self, context: bpy.types.Context) -> set[str]:
        head, name, fps = need_head(context), self.take(context).name, round(self.fps, 4)
        said = set_rate_of_take(head, name, fps, context.scene, with_emotions=self.with_emotions)
        return self.tell(context, said)
