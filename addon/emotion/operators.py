# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on all emotion channels at once, back to neutral, and files of emotion keys."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...shared.emotion import EMOTIONS
from ..browsing import browse_files, remember_file
from ..head.find import need_head
from ..head.polling import HeadOperator
from .exchange import export_emotions, import_emotions
from .pose import key_channels, set_pose


class AFFEKT_OT_key_emotions(HeadOperator, bpy.types.Operator):
    """Key all emotion channels at the current frame"""

    bl_idname = "affekt.key_emotions"
    bl_label = "Key All"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        key_channels(need_head(context), context.scene.frame_current)
        return {"FINISHED"}


class AFFEKT_OT_neutral(HeadOperator, bpy.types.Operator):
    """Set the six emotions to 0 (keys are not touched)"""

    bl_idname = "affekt.neutral"
    bl_label = "Neutral"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        set_pose(need_head(context), dict.fromkeys(EMOTIONS, 0.0))
        return {"FINISHED"}


class AFFEKT_OT_import_emotions(HeadOperator, bpy.types.Operator):
    """Read emotion keys, Affekt's or Audio2Face's (ACE), into a new Action of the head's
    emotions"""

    bl_idname = "affekt.import_emotions"
    bl_label = "Import Emotions"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    filepath: bpy.props.StringProperty(
        name="File",
        description="A file of emotion keys, Affekt's (JSON) or Audio2Face's (JSON, YAML)",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    filter_glob: bpy.props.StringProperty(default="*.json;*.yaml;*.yml", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return browse_files(self, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        remember_file(self)
        path = Path(bpy.path.abspath(self.filepath))
        self.report({"INFO"}, import_emotions(need_head(context), context.scene, path))
        return {"FINISHED"}


class AFFEKT_OT_export_emotions(HeadOperator, bpy.types.Operator):
    """Write the head's emotion keys to a file; frame 0 is the first one of the take"""

    bl_idname = "affekt.export_emotions"
    bl_label = "Export Emotions"

    filepath: bpy.props.StringProperty(
        name="File",
        description="The JSON file that is written",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
    kind: bpy.props.EnumProperty(
        name="Format",
        description="Who will read the file",
        items=(
            ("KEYS", "Emotion Keys", "Affekt's JSON: every channel, as `affekt bake` reads it"),
            ("ACE", "Audio2Face (ACE)", "Emotions with time codes: the six emotions alone"),
        ),
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        head = need_head(context)
        name = bpy.path.clean_name(head.affekt_takes.active or head.name)
        self.filepath = f"{name}_emotions.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        self.report({"INFO"}, export_emotions(need_head(context), context.scene, path, self.kind))
        return {"FINISHED"}
