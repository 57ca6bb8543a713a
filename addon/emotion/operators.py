# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on all emotion channels at once, back to neutral, and files of emotion keys."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...shared.emotion import CHANNELS, EMOTIONS
from ...shared.units import UNIT_CHANNELS
from ..browsing import browse_files, remember_file
from ..head.find import need_head
from ..head.polling import HeadOperator
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..motion.placement import curve_frame
from ..words.sentences import translate
from .describing import describe_steps
from .exchange import export_emotions, import_emotions
from .pose import key_channels, set_pose
from .units import clear_unit, list_unit, unit_of_number, units_in_use


class AFFEKT_OT_key_emotions(HeadOperator, bpy.types.Operator):
    """Key all emotion channels, and the action units that are listed, at the current frame"""

    bl_idname = "affekt.key_emotions"
    bl_label = "Key All"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = need_head(context)
        key_channels(head, curve_frame(context.scene), (*CHANNELS, *units_in_use(head)))
        return {"FINISHED"}


class AFFEKT_OT_neutral(HeadOperator, bpy.types.Operator):
    """Set the six emotions and all action units to 0 (keys are not touched)"""

    bl_idname = "affekt.neutral"
    bl_label = "Neutral"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        set_pose(need_head(context), dict.fromkeys((*EMOTIONS, *UNIT_CHANNELS), 0.0))
        return {"FINISHED"}


class UnitProperty:
    """Mix-in: the action unit that is meant."""

    number: bpy.props.IntProperty(
        name="Action Unit",
        description="FACS's number of the action unit, no factor and no frame",
        options={"SKIP_SAVE"},
    )


class AFFEKT_OT_add_unit(UnitProperty, HeadOperator, bpy.types.Operator):
    """List a slider for this action unit"""

    bl_idname = "affekt.add_unit"
    bl_label = "Add Action Unit"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    @classmethod
    def description(cls, _: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return translate(unit_of_number(properties.number).says)

    def execute(self, context: bpy.types.Context) -> set[str]:
        list_unit(need_head(context), unit_of_number(self.number))
        return {"FINISHED"}


class AFFEKT_OT_split_unit(UnitProperty, HeadOperator, bpy.types.Operator):
    """List a slider for each side of this action unit too"""

    bl_idname = "affekt.split_unit"
    bl_label = "Each Side"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        unit = unit_of_number(self.number)
        list_unit(need_head(context), unit, unit.channels)
        return {"FINISHED"}


class AFFEKT_OT_clear_unit(UnitProperty, HeadOperator, bpy.types.Operator):
    """Set this action unit to 0, remove its keys and take it off the list"""

    bl_idname = "affekt.clear_unit"
    bl_label = "Remove Action Unit"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        clear_unit(need_head(context), unit_of_number(self.number))
        return {"FINISHED"}


class AFFEKT_OT_describe(HeadOperator, TaskOperator, bpy.types.Operator):
    """Key what the words say from the present frame on; keys elsewhere stay, and the panel lists
    which words set what"""

    bl_idname = "affekt.describe"
    bl_label = "Describe"

    text: bpy.props.StringProperty(
        name="Words",
        description="What the face shall show; those in the panel if empty",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and session.poll(cls)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        head = need_head(context)
        return describe_steps(head, context.scene, self.text or head.affekt_emotion.words)


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
