# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import bpy

from ...shared.errors import AffektError
from ..head.find import find_head, need_head
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from .importing import ImportOptions, import_steps
from .takes import use_take


class TakeFileProperties:
    """Mix-in: what the file browser asks beside the file."""

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    adapter: bpy.props.StringProperty(
        name="Adapter",
        description="Adapter file (npz) for a take in a FLAME space; empty for other takes",
        subtype="FILE_PATH",
    )
    first_frame: bpy.props.IntProperty(
        name="Start at", description="Scene frame of the take's first frame", default=1
    )
    sets_range: bpy.props.BoolProperty(
        name="Set Frame Range",
        description="The scene then starts and ends with the take",
        default=True,
    )
    with_sound: bpy.props.BoolProperty(
        name="Sound",
        description="Put the wav file that lies beside the take into the sequencer",
        default=True,
    )

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        if find_head(context) is None:
            cls.poll_message_set("Select or add a head first")
            return False
        return session.poll(cls)


class AFFEKT_OT_import_take(TakeFileProperties, TaskOperator, bpy.types.Operator):
    """Import a take of facial motion into a new Action on the head"""

    bl_idname = "affekt.import_take"
    bl_label = "Import Take"

    def make_steps(self, context: bpy.types.Context) -> Steps:
        options = ImportOptions(
            take=Path(bpy.path.abspath(self.filepath)),
            adapter=Path(bpy.path.abspath(self.adapter)) if self.adapter else None,
            first_frame=self.first_frame,
            sets_range=self.sets_range,
            with_sound=self.with_sound,
        )
        return import_steps(need_head(context).name, context.scene.name, options)


class AFFEKT_OT_browse_take(TakeFileProperties, bpy.types.Operator):
    """Choose a take of facial motion and import it into a new Action on the head"""

    # The file browser frees the operator that it has executed, so that one may not go on
    # under a timer: the import is an operator of its own.
    bl_idname = "affekt.browse_take"
    bl_label = "Import Take"

    filter_glob: bpy.props.StringProperty(
        default="*.json;*.jsonl;*.csv;*.tsv;*.txt;*.gesichter;*.npz;*.npy;*.pkl;*.mat;*.frame;*.pt;"
        "*.pth;*.zip",
        options={"HIDDEN"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        names = ("filepath", "adapter", "first_frame", "sets_range", "with_sound")
        try:
            bpy.ops.affekt.import_take("INVOKE_DEFAULT", **{n: getattr(self, n) for n in names})
        except RuntimeError as error:  # how Blender hands on what the import reported
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}
        return {"FINISHED"}


class AFFEKT_OT_use_take(bpy.types.Operator):
    """Let this take or bake move the head"""

    bl_idname = "affekt.use_take"
    bl_label = "Use Take"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    name: bpy.props.StringProperty(name="Name")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("Select or add a head first")
        return find_head(context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            use_take(need_head(context), self.name)
        except AffektError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}
