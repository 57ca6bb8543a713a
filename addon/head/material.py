# SPDX-License-Identifier: GPL-3.0-or-later
"""The head's material: colours from the mesh, gloss and softness from its regions."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.arrays import UInt8Array
from ...shared.head import REGIONS
from .. import compat

NAME = "Affekt Skin"
ROUGHNESS = "affekt_roughness"
SUBSURFACE = "affekt_subsurface"

# Roughness and subsurface weight: wet things are smooth, skin lets light through.
_SURFACE = {
    "skin": (0.48, 0.12),
    "brow": (0.75, 0.0),
    "lip": (0.32, 0.15),
    "mouth": (0.35, 0.1),
    "teeth": (0.15, 0.05),
    "tongue": (0.3, 0.15),
    "sclera": (0.06, 0.02),
    "iris": (0.04, 0.0),
    "pupil": (0.04, 0.0),
    "lash": (0.7, 0.0),
}
_SUBSURFACE_SCALE_M = 0.004
_VIEWPORT_COLOUR = (0.62, 0.42, 0.33, 1.0)


def head_material() -> bpy.types.Material:
    """The shared material, made at first use; an animator's changes to it stay."""
    existing = bpy.data.materials.get(NAME)
    if existing is not None:
        return existing
    material = bpy.data.materials.new(NAME)
    compat.enable_material_nodes(material)
    material.diffuse_color = _VIEWPORT_COLOUR
    tree = material.node_tree
    principled = next(n for n in tree.nodes if n.bl_idname == "ShaderNodeBsdfPrincipled")
    colour = tree.nodes.new("ShaderNodeVertexColor")
    colour.layer_name = "affekt_colour"
    colour.location = (-300, 320)
    tree.links.new(colour.outputs["Color"], principled.inputs["Base Color"])
    _add_surface(tree, principled)
    return material


def _add_surface(tree: bpy.types.NodeTree, principled: bpy.types.Node) -> None:
    for number, (name, socket) in enumerate(
        ((ROUGHNESS, "Roughness"), (SUBSURFACE, "Subsurface Weight"))
    ):
        node = tree.nodes.new("ShaderNodeAttribute")
        node.attribute_name = name
        node.location = (-300, 160 - 200 * number)
        tree.links.new(node.outputs["Fac"], principled.inputs[socket])
    principled.inputs["Subsurface Scale"].default_value = _SUBSURFACE_SCALE_M


def add_surface_attributes(mesh: bpy.types.Mesh, region: UInt8Array) -> None:
    """Roughness and subsurface weight of each vertex, from its region (V,)."""
    table = np.array([_SURFACE[name] for name in REGIONS], np.float32)
    for number, name in enumerate((ROUGHNESS, SUBSURFACE)):
        values = np.ascontiguousarray(table[region, number])
        mesh.attributes.new(name, "FLOAT", "POINT").data.foreach_set("value", values)
