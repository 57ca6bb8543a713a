# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.errors import InputError
from ..browsing import chosen_path, hand_on
from ..flame.operators import VERSIONS
from ..head.find import find_head
from ..head.polling import in_object_mode
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..words.sentences import translate
from .adding import OPEN_GAUSSIANS, ImportOptions, import_steps
from .cloud import LEAST_BLENDER, attach_group, clouds_of, is_cloud, need_splats, need_whole_mesh
from .matching import match_light, release_light

_ENDINGS = ("*.zip", "*.ply", "*.glb", "*.safetensors", "*.spz", "*.splat", "*.ksplat", "*.sog")
PROXIES = (
    ("HIDDEN", "Hidden", "Neither seen nor rendered; it still drives the splats"),
    ("SHADOW", "Shadow Only", "Hidden from the camera; it still casts shadows and reflections"),
    ("KEEP", "As It Is", "Seen and rendered beside the splats"),
)


class AvatarFileProperties:
    """Mix-in: what the file browser asks beside the file."""

    filepath: bpy.props.StringProperty(
        name="Avatar",
        description="A Gaussian avatar: a LAM web bundle (.zip, or skin.glb of an unzipped one), "
        "GaussianAvatars' point_cloud.ply, Affekt's own (.safetensors), Gaussians that stand still "
        "(.ply, .spz, .splat, .ksplat, .sog), or open-gaussians for the open head's own",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    flame: bpy.props.StringProperty(
        name="FLAME File",
        description="Only for an avatar on FLAME: the model file that it was made on. That of a "
        "FLAME head in the scene is taken where none is chosen",
        subtype="FILE_PATH",
    )
    version: bpy.props.EnumProperty(
        name="Version",
        description="Which FLAME the file is: expressions of 2020 and 2023 are not the same",
        items=VERSIONS,
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
        if bpy.app.version < LEAST_BLENDER:
            return True  # the call says why not
        return session.poll(cls)


class AFFEKT_OT_import_avatar(AvatarFileProperties, TaskOperator, bpy.types.Operator):
    """Add a Gaussian avatar as an object of the scene, with the mesh and the rig that move it"""

    bl_idname = "affekt.import_avatar"
    bl_label = "Import Avatar"

    def make_steps(self, context: bpy.types.Context) -> Steps:
        need_splats()
        if not self.filepath:
            raise InputError(
                "option.avatar", "No avatar is chosen.", "Choose its file, or open-gaussians."
            )
        own = self.filepath == OPEN_GAUSSIANS
        options = ImportOptions(
            path=None if own else chosen_path(self.filepath),
            flame=chosen_path(self.flame) if self.flame else None,
            flame_space=None if self.version == "FILE" else self.version.lower(),
            proxy=self.proxy,
        )
        return import_steps(options, context)


class AFFEKT_OT_browse_avatar(AvatarFileProperties, bpy.types.Operator):
    """Choose a Gaussian avatar and add it as an object of the scene, with its mesh and rig"""

    # As for takes: the file browser frees the operator that it has executed.
    bl_idname = "affekt.browse_avatar"
    bl_label = "Import Avatar"

    filter_glob: bpy.props.StringProperty(default=";".join(_ENDINGS), options={"HIDDEN"})

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(self, "proxy")
        layout.prop(self, "flame")
        if self.flame:
            layout.prop(self, "version")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        need_splats()
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = {name: getattr(self, name) for name in ("filepath", "flame", "version", "proxy")}
        return hand_on(self, lambda: bpy.ops.affekt.import_avatar("INVOKE_DEFAULT", **chosen))


class SplatsOperator:
    """Mix-in: for the splats that are meant, which can be undone."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        cls.poll_message_set(translate("Select an avatar's splats, or their head"))
        return bool(_chosen(context))


class AFFEKT_OT_bind_splats(SplatsOperator, bpy.types.Operator):
    """Make the node group that moves the splats anew, where it was edited or lost; what the splats
    are bound to stays"""

    bl_idname = "affekt.bind_splats"
    bl_label = "Bind Again"

    def execute(self, context: bpy.types.Context) -> set[str]:
        need_splats()
        for cloud in _chosen(context):
            need_whole_mesh(cloud)
            attach_group(cloud)
        return {"FINISHED"}


class AFFEKT_OT_match_light(SplatsOperator, bpy.types.Operator):
    """Draw the splats in the colour and brightness of the scene's strongest lamp, and go along with
    it; the light that is baked into them stays"""

    bl_idname = "affekt.match_light"
    bl_label = "Match Key Light"

    def execute(self, context: bpy.types.Context) -> set[str]:
        need_splats()
        for cloud in _chosen(context):
            lamp = match_light(cloud, context.scene)
            self.report({"INFO"}, f"{cloud.name} follows the light of {lamp.name}.")
        return {"FINISHED"}


class AFFEKT_OT_release_light(SplatsOperator, bpy.types.Operator):
    """Draw the splats in their own light again, whatever the scene's lamps do"""

    bl_idname = "affekt.release_light"
    bl_label = "Own Light"

    def execute(self, context: bpy.types.Context) -> set[str]:
        need_splats()
        for cloud in _chosen(context):
            release_light(cloud)
        return {"FINISHED"}


def _chosen(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The active splats, or those of the head that is meant."""
    active, head = getattr(context, "object", None), find_head(context)
    if is_cloud(active):
        return [active]
    return [] if head is None else clouds_of(head)
