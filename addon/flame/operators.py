# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy
import numpy as np

from ..browsing import browse_files, chosen_path, hand_on, remember_file
from ..head.find import find_head, is_flame, need_head
from ..head.identity import SLIDERS, turn_sliders, values_of
from ..head.polling import in_object_mode
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..words.sentences import fill, translate
from .adding import add_steps

_ENDINGS = (".pkl", ".npz", ".safetensors")
VERSIONS = (
    ("FILE", "As in the File", "FLAME 2023 Open is known by its content; others do not tell"),
    ("FLAME2023", "FLAME 2023", "flame2023.pkl, flame2023_no_jaw.pkl, or a copy in another format"),
    ("FLAME2020", "FLAME 2020", "generic_model.pkl of FLAME 2020, or a copy in another format"),
)
_WIDEST = 5.0


class FlameFileProperties:
    """Mix-in: what the file browser asks beside the file."""

    filepath: bpy.props.StringProperty(
        name="FLAME File",
        description="FLAME's model file, from its own site: a pickle, npz or safetensors. It is "
        "read as data, never run",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    version: bpy.props.EnumProperty(
        name="Version",
        description="Which FLAME the file is: expressions of 2020 and 2023 are not the same",
        items=VERSIONS,
    )

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        return in_object_mode(cls, context) and session.poll(cls)


class AFFEKT_OT_add_flame_head(FlameFileProperties, TaskOperator, bpy.types.Operator):
    """Add a FLAME head with expression shape keys, pose correctives and a rig at the 3D cursor"""

    bl_idname = "affekt.add_flame_head"
    bl_label = "Add FLAME Head"

    def make_steps(self, context: bpy.types.Context) -> Steps:
        space = None if self.version == "FILE" else self.version.lower()
        return add_steps(chosen_path(self.filepath), space, context)


class AFFEKT_OT_browse_flame_head(FlameFileProperties, bpy.types.Operator):
    """Choose your FLAME file and add its head at the 3D cursor"""

    # As for takes: the file browser frees the operator that it has executed.
    bl_idname = "affekt.browse_flame_head"
    bl_label = "Add FLAME Head"

    filter_glob: bpy.props.StringProperty(
        default=";".join(f"*{ending}" for ending in _ENDINGS), options={"HIDDEN"}
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(self, "version")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return browse_files(self, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        remember_file(self)
        chosen = {"filepath": self.filepath, "version": self.version}
        return hand_on(self, lambda: bpy.ops.affekt.add_flame_head("INVOKE_DEFAULT", **chosen))


class AFFEKT_OT_set_identity(bpy.types.Operator):
    """Shape the face with the first ten components of FLAME's identity"""

    bl_idname = "affekt.set_identity"
    bl_label = "Identity"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    values: bpy.props.FloatVectorProperty(
        name="Components",
        description="In standard deviations of FLAME's people; 0 is the average",
        size=SLIDERS,
        soft_min=-_WIDEST / 2,
        soft_max=_WIDEST / 2,
        min=-_WIDEST,
        max=_WIDEST,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = find_head(context)
        if head is None or not is_flame(head):
            cls.poll_message_set(translate("Select a FLAME head first"))
            return False
        return in_object_mode(cls, context)

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        for number in range(SLIDERS):
            column.prop(
                self,
                "values",
                index=number,
                text=fill("Shape {number}", number=number + 1),
                slider=True,
            )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.values = values_of(need_head(context))
        return context.window_manager.invoke_props_popup(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        turn_sliders(need_head(context), np.array(self.values, np.float32), context)
        return {"FINISHED"}
