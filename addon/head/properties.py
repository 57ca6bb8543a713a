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
    expression_names: bpy.props.StringProperty(
        name="Expression shape keys",
        description="Names of the expression shape keys in the model's order, separated by /",
        options={"HIDDEN"},
    )
