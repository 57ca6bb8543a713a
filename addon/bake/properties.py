# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a bake: the operator's, and those that a head's panel keeps."""

from __future__ import annotations

from pathlib import Path

import bpy

from .. import compat
from .options import BakeOptions

_OPTIONS = {"SKIP_SAVE"}
"""A script that does not say an option gets its default, whatever was chosen before."""


class BakeProperties:
    """Mix-in: what can be chosen of a bake."""

    frame_range: bpy.props.EnumProperty(
        name="Frames",
        description="What is baked",
        items=(
            ("TAKE", "Take", "The take, from its first key to its last, or as its strips play it"),
            ("SCENE", "Scene", "The scene's frame range"),
            ("PREVIEW", "Preview", "The timeline's preview range"),
            ("OWN", "Own", "The frames given here"),
        ),
        options=_OPTIONS,
    )
    first: bpy.props.IntProperty(
        name="First", description="First frame of the timeline", default=1, options=_OPTIONS
    )
    last: bpy.props.IntProperty(
        name="Last", description="Last frame of the timeline", default=250, options=_OPTIONS
    )
    step: bpy.props.IntProperty(
        name="Step",
        description="A key on each so many-th frame, straight lines between them",
        default=1,
        min=1,
        soft_max=10,
        max=1000,
        options=_OPTIONS,
    )
    target: bpy.props.EnumProperty(
        name="Into",
        description="Where the bake goes",
        items=(
            (
                "UPDATE",
                "Same Action",
                "The take's bake in use, or its last one, is baked again; one that you have "
                "edited since is kept, unless you say otherwise",
            ),
            ("NEW", "New Action", "Every bake is a new Action"),
        ),
        options=_OPTIONS,
    )
    overwrite: bpy.props.BoolProperty(
        name="Overwrite Edits",
        description="A bake that was edited by hand is baked again too, and the edits are lost",
        default=False,
        options=_OPTIONS,
    )
    simplify_mm: bpy.props.FloatProperty(
        name="Simplify",
        description="How far the face may be off, in millimetres, for the sake of fewer keys; "
        "0 keeps a key on each frame",
        default=0,
        min=0,
        soft_max=1,
        max=10,
        step=1,
        precision=3,
        options=_OPTIONS,
    )
    cache: bpy.props.StringProperty(
        name="Mesh Cache",
        description="File (PC2) into which the moving mesh is written as well; empty for none",
        subtype="FILE_PATH",
        options=_OPTIONS | compat.PATH_OPTIONS,
    )
    as_strip: bpy.props.BoolProperty(
        name="NLA Strip",
        description="The bake becomes a strip in the NLA editor in place of the active Action",
        default=False,
        options=_OPTIONS,
    )

    def bake_options(self) -> BakeOptions:
        """What is chosen."""
        return BakeOptions(
            frame_range=self.frame_range,
            first=self.first,
            last=self.last,
            step=self.step,
            target=self.target,
            overwrite=self.overwrite,
            simplify_mm=self.simplify_mm,
            cache=Path(bpy.path.abspath(self.cache)) if self.cache else None,
            as_strip=self.as_strip,
        )


NAMES = tuple(BakeProperties.__annotations__)


class AFFEKT_PG_bake(BakeProperties, bpy.types.PropertyGroup):
    """The options that the panel shows for a head."""
