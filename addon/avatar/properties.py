# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared import limits
from .. import compat


class AFFEKT_PG_avatar(bpy.types.PropertyGroup):
    """What to render, and where to; kept with the scene."""

    file: bpy.props.StringProperty(
        name="Avatar",
        description="Gaussian avatar (a LAM bundle, zip)",
        subtype="FILE_PATH",
        options=compat.PATH_OPTIONS,
    )
    size: bpy.props.IntProperty(
        name="Size", description="Width and height of the pictures in pixels",
        default=512, min=16, max=limits.MAX_IMAGE_EDGE, soft_max=2048, subtype="PIXEL",
    )  # fmt: skip
    folder: bpy.props.StringProperty(
        name="Frames", description="Folder for the pictures; // is the blend file's own folder",
        default="//affekt_render/", subtype="DIR_PATH",
        options={"OUTPUT_PATH", *compat.PATH_OPTIONS},
    )  # fmt: skip
