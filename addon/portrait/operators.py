# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import bpy

from ...shared import limits
from ...shared.errors import InputError
from ...shared.portrait_messages import CAPABILITY
from ..browsing import browse_files, chosen_path, hand_on, remember_file
from ..head.polling import in_object_mode
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..splats.cloud import LEAST_BLENDER
from ..splats.operators import PROXIES
from ..words.sentences import translate
from .creating import LACKS, CreateOptions, create_steps, offers_lam, selected_flame
from .places import ENDING

LABEL = "Create Avatar from Photo"
_ENDINGS = ("*.jpg", "*.jpeg", "*.png", "*.webp", "*.tif", "*.tiff", "*.bmp")

_BACKBONES = (
    (
        "AFFEKT",
        "Affekt",
        "Affekt's own stages: of one photo or more, on the open head or on your FLAME head",
    ),
    (
        "LAM",
        "LAM",
        "LAM's network with the weights in the add-on's preferences: of one photo, on a FLAME head "
        "of its own; some minutes of a processor",
    ),
)


class PhotoProperties:
    """Mix-in: what the file browser asks beside the file."""

    filepath: bpy.props.StringProperty(
        name="Photo",
        description="A photo of a face from the front, sharp and evenly lit, with 60 pixels or "
        "more between the eyes: JPEG, PNG, WebP, TIFF or BMP",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    face: bpy.props.IntProperty(
        name="Face",
        description="The so many-th of several faces by size; 1 is the largest",
        default=1,
        min=1,
        max=limits.MAX_FACES,
        options={"SKIP_SAVE"},
    )
    more: bpy.props.CollectionProperty(
        name="Further Photos",
        description="Further photos of the same person, from the sides and with any expression, "
        "beside the first unless you name their folder: they show what the first does not",
        type=bpy.types.OperatorFileListElement,
        options={"SKIP_SAVE"},
    )
    backbone: bpy.props.EnumProperty(
        name="Backbone",
        description="What makes the avatar",
        items=_BACKBONES,
        default="AFFEKT",
        options={"SKIP_SAVE"},
    )
    on_flame: bpy.props.BoolProperty(
        name="On the FLAME Head",
        description="Make the avatar on the selected FLAME head, whose takes then move it as they "
        "are; else it sits on the open head",
        default=True,
        options={"SKIP_SAVE"},
    )
    out: bpy.props.StringProperty(
        name="Keep As",
        description="The new file that keeps the avatar, beside the photo if you name no folder; "
        "leave it empty for the photo's name",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    proxy: bpy.props.EnumProperty(
        name="Driving Mesh",
        description="What becomes of the mesh that moves the splats",
        items=PROXIES,
    )

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        if not in_object_mode(cls, context):
            return False
        if session.lacks(CAPABILITY):
            cls.poll_message_set(translate(LACKS).removesuffix("."))
            return False
        return session.poll(cls)


class AFFEKT_OT_create_avatar(PhotoProperties, TaskOperator, bpy.types.Operator):
    """Make a Gaussian avatar of the person in a photo and add it with the rig that moves it"""

    bl_idname = "affekt.create_avatar"
    bl_label = LABEL
    # Not REGISTER: a change in the box of the last operation would make it all over again.
    bl_options = {"UNDO"}  # noqa: RUF012 (Blender's own form)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        if not self.filepath:
            raise InputError("option.avatar", "No photo is chosen.", "Choose its file.")
        photo, out = chosen_path(self.filepath), bpy.path.abspath(self.out)
        options = CreateOptions(
            photo=photo,
            face=self.face,
            more=tuple(photo.parent / bpy.path.abspath(one.name) for one in self.more),
            on_flame=self.on_flame,
            backbone="lam" if self.backbone == "LAM" else "affekt",
            out=photo.parent / bpy.path.ensure_ext(out, ENDING) if out else None,
            proxy=self.proxy,
        )
        return create_steps(options, context)


class AFFEKT_OT_browse_photo(PhotoProperties, bpy.types.Operator):
    """Choose a photo of a face and make a Gaussian avatar of it, with the rig that moves it. Of \
several that are selected the active one is the photo from the front"""

    # As for takes: the file browser frees the operator that it has executed.
    bl_idname = "affekt.browse_photo"
    bl_label = LABEL

    filter_glob: bpy.props.StringProperty(default=";".join(_ENDINGS), options={"HIDDEN"})
    files: bpy.props.CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"}
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(self, "face")
        if offers_lam(context):
            layout.prop(self, "backbone")
        if self.backbone == "AFFEKT" and selected_flame(context) is not None:
            layout.prop(self, "on_flame")
        layout.prop(self, "out")
        if bpy.app.version >= LEAST_BLENDER:  # before, the mesh is all that is added
            layout.prop(self, "proxy")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return browse_files(self, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        remember_file(self)
        names = [name for name in PhotoProperties.__annotations__ if name != "more"]
        chosen = {name: getattr(self, name) for name in names}
        first = Path(self.filepath).name
        chosen["more"] = [{"name": file.name} for file in self.files if file.name != first]
        return hand_on(self, lambda: bpy.ops.affekt.create_avatar("INVOKE_DEFAULT", **chosen))
