# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import bpy

from ...shared.limits import MOST_FPS
from ...shared.take_files import WRITERS
from ..browsing import hand_on
from ..head.find import find_head, need_head
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..words.sentences import translate
from .exporting import ExportOptions, export_steps

_FORMATS = (
    ("ARKIT", "ARKit JSON", "52 weights and the head's turn, as LAM's web viewer reads them"),
    ("LIVELINK", "Live Link Face CSV", "52 weights and the head's angles, as the app records them"),
    ("LAM", "LAM (FLAME 2023)", "flame_params.json of takes on a FLAME 2023 head"),
    ("VHAP", "VHAP, GaussianAvatars (FLAME 2023)", "flame_param.npz of takes on a FLAME 2023 head"),
    ("NPZ", "Affekt", "Affekt's own motion.npz, in the take's own space, for `affekt bake`"),
)


class ExportProperties:
    """Mix-in: what the file browser asks beside the file."""

    filepath: bpy.props.StringProperty(
        name="File",
        description="Where the take is written; the format gives the ending",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    format: bpy.props.EnumProperty(
        name="Format", description="Which tool the file is for", items=_FORMATS
    )
    fps: bpy.props.FloatProperty(
        name="Frame Rate",
        description="Frames per second of the file; 0 keeps the take's own",
        default=0,
        min=0,
        max=MOST_FPS,
        precision=3,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        head = find_head(context)
        asked = "Select or add a head first" if head is None else "Import a take first"
        cls.poll_message_set(translate(asked))
        return head is not None and bool(head.affekt_takes.active)

    @property
    def ending(self) -> str:
        """Of the files of the chosen format."""
        return WRITERS[self.format.lower()].ending


class AFFEKT_OT_export_take(ExportProperties, TaskOperator, bpy.types.Operator):
    """Write the take or bake in use, with your edits, into a file for another tool"""

    bl_idname = "affekt.export_take"
    bl_label = "Export Take"
    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender's own form)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        path = bpy.path.abspath(self.filepath)
        options = ExportOptions(
            path=Path(bpy.path.ensure_ext(path, self.ending) if path else ""),
            form=self.format.lower(),
            fps=round(self.fps, 4) or None,  # of 59.94 Blender keeps 59.9399986
        )
        return export_steps(need_head(context), context.scene, options)


class AFFEKT_OT_browse_export(ExportProperties, bpy.types.Operator):
    """Choose a file and write the take or bake in use, with your edits, for another tool"""

    # As with importing: the file browser frees the operator that it has executed, so the export is
    # an operator of its own.
    bl_idname = "affekt.browse_export"
    bl_label = "Export Take"

    filter_glob: bpy.props.StringProperty(default="*.json;*.csv;*.npz", options={"HIDDEN"})

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(self, "format")
        layout.prop(self, "fps")
        hint = layout.row()
        hint.alignment = "RIGHT"
        hint.label(text="0: the take's own rate")

    def check(self, context: bpy.types.Context) -> bool:
        """Keeps the name's ending that of the format."""
        path = Path(self.filepath)
        if path.suffix == self.ending or not path.name:
            return False
        known = {writer.ending for writer in WRITERS.values()}
        bare = path.with_suffix("") if path.suffix in known else path
        self.filepath = f"{bare}{self.ending}"
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        name = bpy.path.clean_name(need_head(context).affekt_takes.active)
        self.filepath = f"{name}{self.ending}"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = {name: getattr(self, name) for name in ExportProperties.__annotations__}
        return hand_on(self, lambda: bpy.ops.affekt.export_take("INVOKE_DEFAULT", **chosen))
