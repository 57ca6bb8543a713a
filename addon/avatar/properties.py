# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared import limits
from .. import compat

SUBJECTS = (
    ("FILE", "Avatar File", "A Gaussian avatar from a file"),
    ("GAUSSIANS", "Head as Gaussians", "The head itself, as Gaussians bound to its surface"),
    ("MESH", "Head as Mesh", "The head itself, as a lit mesh"),
)
CAMERAS = (
    ("SCENE", "Scene Camera", "The scene's camera, resolution and aspect, frame by frame"),
    ("PORTRAIT", "Portrait", "A still camera before the face, whatever the scene looks like"),
)
FORMATS = (
    ("EXR", "Multilayer EXR", "Scene-linear colour and the passes, depth always among them"),
    ("PNG", "PNG", "Colour and alpha only, no occlusion by depth"),
)
DEPTHS = (
    ("HALF", "Float (Half)", "16 bits a channel; depth, position and vectors have 32 anyway"),
    ("FLOAT", "Float (Full)", "32 bits a channel"),
)
CODECS = (
    ("ZIP", "ZIP", "By blocks of 16 rows of pixels"),
    ("ZIPS", "ZIPS", "By single rows of pixels, for programs that read parts of a picture"),
    ("RLE", "RLE", "In half of ZIP's time into files half as large again"),
    ("PIZ", "PIZ", "By wavelets, for grainy pictures; slower than ZIP"),
    ("NONE", "Uncompressed", "The fastest to write and the largest"),
)
# Name in the panel, name of the pass.
PASSES = (
    ("normal", "Normal", "Directions of the surface, in the world's axes"),
    ("position", "Position", "Places of the surface in the world, metres"),
    ("mask", "Masks", "Coverage of skin, lips, eyes, teeth, mouth and hair, a pass each"),
    ("index", "Object Index", "A number where the avatar is"),
    ("uv", "UV", "Texture coordinates"),
    ("vector", "Vector", "Motion between frames, for Vector Blur"),
)
FOLLOWS = (
    ("AUTO", "As Trained", "Whatever the avatar's format was trained for"),
    ("STILL", "Still", "Gaussians move and keep their direction and size, as in LAM's viewer"),
    ("STRETCH", "Stretch", "Gaussians grow with the surface where it stretches"),
    ("SURFACE", "Surface", "Gaussians turn and stretch with the surface they sit on"),
    ("DEFORM", "Deform", "Gaussians change with the surface as if printed on it"),
)
FRAMES = (
    ("SCENE", "Scene", "The scene's frames, at its frame step"),
    ("CURRENT", "This Frame", "The frame that the scene is on; pictures of other frames stay"),
)
HEAD_MESHES = (
    ("SHADOW", "Shadow Only", "Hidden from the camera; it still casts shadows and reflections"),
    ("HIDDEN", "Hidden", "Not rendered at all"),
    ("KEEP", "As It Is", "Leave the head's render visibility alone"),
)


def hand_down_settings(scene: bpy.types.Scene, heads: list[bpy.types.Object]) -> None:
    """Gives heads the settings that files of before kept with the scene; what a head has stays."""
    if not heads:
        return
    before = scene.affekt_avatar
    for name in (p.identifier for p in before.bl_rna.properties if not p.is_readonly):
        if before.is_property_set(name):
            for head in heads:
                if not head.affekt_avatar.is_property_set(name):
                    setattr(head.affekt_avatar, name, getattr(before, name))
            before.property_unset(name)


class AFFEKT_PG_avatar(bpy.types.PropertyGroup):
    """The settings of a head's avatar, which are kept with the head."""

    subject: bpy.props.EnumProperty(
        name="Subject",
        description="What is drawn with the head's motion",
        items=SUBJECTS,
        default="GAUSSIANS",
        override=compat.OVERRIDABLE,
    )
    file: bpy.props.StringProperty(
        name="Avatar",
        description="A Gaussian avatar: a LAM web bundle (.zip, or skin.glb of an unzipped one), "
        "Affekt's own (.safetensors), or Gaussians that stand still (.ply, .spz, .splat, .ksplat, "
        ".sog). An avatar on FLAME, such as GaussianAvatars', first becomes one file with its "
        "head: affekt avatar convert --avatar FOLDER --head FLAME_FILE --embed-head --out "
        "mine.safetensors",
        subtype="FILE_PATH",
        options=compat.PATH_OPTIONS,
        override=compat.OVERRIDABLE,
    )
    adapter: bpy.props.StringProperty(
        name="Adapter",
        description="Only for an avatar on FLAME: the adapter (.npz) between the open head and "
        "that FLAME, made by: affekt adapter build --flame FLAME_FILE --out flame.npz",
        subtype="FILE_PATH",
        options=compat.PATH_OPTIONS,
        override=compat.OVERRIDABLE,
    )
    camera: bpy.props.EnumProperty(
        name="Camera",
        description="Where the pictures are seen from",
        items=CAMERAS,
        override=compat.OVERRIDABLE,
    )
    frame_range: bpy.props.EnumProperty(
        name="Range",
        description="Which frames are rendered",
        items=FRAMES,
        override=compat.OVERRIDABLE,
    )
    size: bpy.props.IntProperty(
        name="Size",
        description="Width and height of the pictures in pixels",
        default=512,
        min=16,
        max=limits.MAX_IMAGE_EDGE,
        soft_max=2048,
        subtype="PIXEL",
        override=compat.OVERRIDABLE,
    )
    head_mesh: bpy.props.EnumProperty(
        name="Head Mesh",
        items=HEAD_MESHES,
        description="What becomes of the head's own mesh in the scene's rendering, so that it "
        "does not stand where the avatar does",
        override=compat.OVERRIDABLE,
    )
    format: bpy.props.EnumProperty(
        name="Format",
        description="File format of the pictures",
        items=FORMATS,
        override=compat.OVERRIDABLE,
    )
    depth: bpy.props.EnumProperty(
        name="Colour Depth",
        description="Precision of the EXR's channels",
        items=DEPTHS,
        override=compat.OVERRIDABLE,
    )
    codec: bpy.props.EnumProperty(
        name="Codec",
        description="How the EXR is compressed, always without a loss",
        items=CODECS,
        override=compat.OVERRIDABLE,
    )
    passes: bpy.props.EnumProperty(
        name="Passes",
        description="What the EXR holds beside colour and depth",
        items=PASSES,
        options={"ENUM_FLAG"},
        default={"mask"},
        override=compat.OVERRIDABLE,
    )
    antialiased: bpy.props.BoolProperty(
        name="Antialiased",
        default=True,
        description="Draw the avatar finer, and average, where Gaussians are finer than pixels, "
        "so that a small head neither swells nor fades",
        override=compat.OVERRIDABLE,
    )
    follow: bpy.props.EnumProperty(
        name="Follow",
        description="How Gaussians follow the surface",
        items=FOLLOWS,
        override=compat.OVERRIDABLE,
    )
    reuse: bpy.props.BoolProperty(
        name="Reuse Frames",
        description="Keep pictures of an earlier or cancelled rendering that would come out the "
        "same. Off: render all of them again",
        default=True,
        override=compat.OVERRIDABLE,
    )
    folder: bpy.props.StringProperty(
        name="Frames",
        description="Folder for the pictures; // is the blend file's own folder, {head} the name "
        "of the head",
        default="//affekt_render/{head}/",
        subtype="DIR_PATH",
        options={"OUTPUT_PATH", *compat.PATH_OPTIONS},
        override=compat.OVERRIDABLE,
    )
    is_explained: bpy.props.BoolProperty(
        name="Explained",
        description="Whether it was said how the view transform changes the colours",
        options={"HIDDEN"},
        override=compat.OVERRIDABLE,
    )
