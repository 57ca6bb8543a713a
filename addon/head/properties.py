# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a mesh object one of our heads."""

from __future__ import annotations

import bpy


class AFFEKT_PG_head(bpy.types.PropertyGroup):
    is_head: bpy.props.BoolProperty(name="Is an Affekt head", options={"HIDDEN"})
    model: bpy.props.StringProperty(
        name="Head model",
        description="The sidecar's name or file of the head that this mesh was built from",
        options={"HIDDEN"},
    )
    space: bpy.props.StringProperty(
        name="Expression space", description="Empty for the open head's", options={"HIDDEN"}
    )
    flame_file: bpy.props.StringProperty(
        name="FLAME File",
        description="The FLAME file that this head was made of. The sidecar asks for it again "
        "when its cache has lost it",
        subtype="FILE_PATH",
    )
    is_previewed: bpy.props.BoolProperty(
        name="Is shown live",
        description="The values of its shape keys and bones are Live's, not the take's",
        options={"HIDDEN"},
    )
    expression_names: bpy.props.StringProperty(
        name="Expression shape keys",
        description="Names of the expression shape keys in the model's order, separated by /",
        options={"HIDDEN"},
    )
