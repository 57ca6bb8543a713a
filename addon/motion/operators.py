# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.limits import MOST_FPS
from ...shared.motion import ReadOptions
from ..browsing import browse_files, chosen_path, hand_on, remember_file
from ..head.find import find_head, need_head
from ..head.polling import HeadOperator, TakeOperator
from ..link.session import session
from ..link.task_operator import TaskOperator, redraw_sidebars
from ..link.tasks import Steps
from ..words.sentences import translate
from .files import ENDINGS
from .importing import ImportOptions, import_steps
from .retiming import fit_takes
from .takes import use_take


class TakeFileProperties:
    """Mix-in: what the file browser asks beside the file."""

    filepath: bpy.props.StringProperty(
        name="File",
        description="The take: a tracker's or a recorder's file, one of its numbered files, or "
        "their folder",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    adapter: bpy.props.StringProperty(
        name="Adapter",
        description="Adapter file (npz) for a take in a FLAME space; empty for other takes, and "
        "for the adapter that the preferences remember",
        subtype="FILE_PATH",
    )
    fps: bpy.props.FloatProperty(
        name="Frame Rate",
        description="The take's frames per second; 0 takes what the file says, and 30 where it "
        "does not. Trackers' files never say",
        default=0,
        min=0,
        max=MOST_FPS,
        precision=3,
        options={"SKIP_SAVE"},
    )
    angles: bpy.props.EnumProperty(
        name="Angles",
        description="Unit of the head's angles in the file",
        items=(
            ("FILE", "As in the File", "What the file says, or its numbers prove"),
            ("RADIANS", "Radians", "A full turn is 6.283"),
            ("DEGREES", "Degrees", "A full turn is 360"),
        ),
        options={"SKIP_SAVE"},
    )
    axes: bpy.props.EnumProperty(
        name="Axes",
        description="Axes of the head's rotation and place in the file",
        items=(
            ("FILE", "As in the File", "What the file's format says"),
            ("OPENGL", "OpenGL", "x right, y up, z towards the viewer"),
            ("OPENCV", "OpenCV", "x right, y down, z forward: for a head that hangs upside down"),
            ("BLENDER", "Blender", "x right, y forward, z up"),
        ),
        options={"SKIP_SAVE"},
    )
    first_frame: bpy.props.IntProperty(
        name="Start at", description="Scene frame of the take's first frame", default=1
    )
    sets_range: bpy.props.BoolProperty(
        name="Fit Frame Range",
        description="The scene then starts and ends with the take",
        default=True,
    )
    with_identity: bpy.props.BoolProperty(
        name="Identity",
        description="A FLAME head takes over the shape of the performer's face, if the take has it",
        default=True,
    )
    with_sound: bpy.props.BoolProperty(
        name="Sound",
        description="Put the wav file that lies beside the take into the sequencer",
        default=True,
    )

    def reading(self) -> ReadOptions:
        """What is said by hand of the file. Raises InputError `motion.rate`."""
        return ReadOptions(
            fps=round(self.fps, 4) or None,  # of 59.94 Blender keeps 59.9399986
            angles=None if self.angles == "FILE" else self.angles.lower(),
            axes=None if self.axes == "FILE" else self.axes.lower(),
        )

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        if find_head(context) is None:
            cls.poll_message_set(translate("Select or add a head first"))
            return False
        return session.poll(cls)


class AFFEKT_OT_import_take(TakeFileProperties, TaskOperator, bpy.types.Operator):
    """Import a take of facial motion into a new Action on the head"""

    bl_idname = "affekt.import_take"
    bl_label = "Import Take"

    def make_steps(self, context: bpy.types.Context) -> Steps:
        options = ImportOptions(
            take=chosen_path(self.filepath),
            adapter=chosen_path(self.adapter) if self.adapter else None,
            first_frame=self.first_frame,
            sets_range=self.sets_range,
            with_sound=self.with_sound,
            with_identity=self.with_identity,
            reading=self.reading(),
        )
        return import_steps(need_head(context), context.scene, options)


class AFFEKT_OT_browse_take(TakeFileProperties, bpy.types.Operator):
    """Choose a take of facial motion and import it into a new Action on the head"""

    # The file browser frees the operator that it has executed, so that one may not go on
    # under a timer: the import is an operator of its own.
    bl_idname = "affekt.browse_take"
    bl_label = "Import Take"

    filter_glob: bpy.props.StringProperty(
        default=";".join(f"*{ending}" for ending in ENDINGS), options={"HIDDEN"}
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        for name in ("first_frame", "sets_range", "with_sound", "with_identity", "adapter"):
            layout.prop(self, name)
        box = layout.box()
        box.label(text="If the file is silent or wrong", icon="QUESTION")
        box.prop(self, "fps")
        hint = box.row()
        hint.alignment = "RIGHT"
        hint.label(text="0: what the file says")
        for name in ("angles", "axes"):
            box.prop(self, name)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return browse_files(self, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        remember_file(self)
        chosen = {name: getattr(self, name) for name in TakeFileProperties.__annotations__}
        return hand_on(self, lambda: bpy.ops.affekt.import_take("INVOKE_DEFAULT", **chosen))


class AFFEKT_OT_use_take(HeadOperator, bpy.types.Operator):
    """Let this take or bake move the head"""

    bl_idname = "affekt.use_take"
    bl_label = "Use Take"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    name: bpy.props.StringProperty(name="Take", description="Name of the take or bake to use")

    def execute(self, context: bpy.types.Context) -> set[str]:
        use_take(need_head(context), self.name)
        return {"FINISHED"}


class AFFEKT_OT_fit_takes(TakeOperator, bpy.types.Operator):
    """Move the takes' keys so that they play as performed at the scene's present rate"""

    bl_idname = "affekt.fit_takes"
    bl_label = "Fit to Scene Rate"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    with_emotions: bpy.props.BoolProperty(
        name="Emotions Too",
        description="The keys of the head's emotions move with those of the take in use",
        default=True,
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        head, scene = need_head(context), context.scene
        self.report({"INFO"}, fit_takes(head, scene, with_emotions=self.with_emotions))
        redraw_sidebars(context)
        return {"FINISHED"}
