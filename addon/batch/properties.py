# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a row of a batch: the operator's, and those that a scene's panel keeps."""

from __future__ import annotations

import bpy

from .. import compat

_OPTIONS = {"SKIP_SAVE"}
"""A script that does not say an option gets its default, whatever was chosen before."""
OUTPUTS = (
    ("BAKE", "Bake", "The motion with its emotion, motion.npz"),
    ("CACHE", "Mesh Cache", "The moving mesh too, vertices.pc2"),
    ("PNG", "PNG", "Pictures of the avatar with alpha, and their depth"),
    ("EXR", "Multilayer EXR", "Pictures of the avatar with the passes that its Output names"),
    ("MP4", "Video", "A video of the avatar"),
    ("ARKIT", "ARKit JSON", "52 weights and the head's turn, as LAM's web viewer reads them"),
    ("LIVELINK", "Live Link Face CSV", "52 weights and the head's angles, as the app records them"),
    ("VHAP", "VHAP (FLAME 2023)", "flame_param.npz of takes on a FLAME 2023 head"),
    ("LAM", "LAM (FLAME 2023)", "flame_params.json of takes on a FLAME 2023 head"),
    ("PLY", "PLY", "A file of the avatar's Gaussians a frame"),
    ("COMPRESSED", "Compressed PLY", "A small file of the avatar's Gaussians a frame"),
    ("SPZ", "SPZ", "A file of the avatar's Gaussians a frame, as Niantic's programs do"),
    ("USD", "USD", "The avatar's Gaussians over time in one file"),
    ("BLENDER", "By Blender", "Pictures of the avatar's Gaussians that Blender 5.3 draws"),
    ("GLB", "Character (GLB)", "The character's own file with an animation of its shape keys"),
)
"""What a sheet's column outputs may hold, as the panel calls it."""


class BatchProperties:
    """Mix-in: what can be chosen of a row."""

    sheet: bpy.props.StringProperty(
        name="Sheet",
        description="Table (.csv) to which the row is added; it is made if it is not there. // is "
        "the blend file's own folder",
        default="//batch.csv",
        subtype="FILE_PATH",
        options=_OPTIONS | compat.PATH_OPTIONS,
    )
    outputs: bpy.props.EnumProperty(
        name="Outputs",
        description="What the row makes",
        items=OUTPUTS,
        default={"BAKE", "MP4"},
        options={"ENUM_FLAG"} | _OPTIONS,
    )
    character: bpy.props.StringProperty(
        name="Character",
        description="The character's own GLB with ARKit's shapes, which the output Character "
        "(GLB) animates",
        subtype="FILE_PATH",
        options=_OPTIONS | compat.PATH_OPTIONS,
    )


NAMES = tuple(BatchProperties.__annotations__)


class AFFEKT_PG_batch(BatchProperties, bpy.types.PropertyGroup):
    """The options that the panel shows for a scene."""
