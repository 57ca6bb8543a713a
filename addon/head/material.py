# SPDX-License-Identifier: GPL-3.0-or-later
"""The head's material: colours from the mesh, gloss and softness from its regions; skin has
blotches and pores that are computed, and folds where the head's drivers press it."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.arrays import UInt8Array
from ...shared.head import REGIONS
from .. import compat
from .wrinkle_skin import wrinkle_group

NAME = "Affekt Skin"
COLOUR = "affekt_colour"
ROUGHNESS = "affekt_roughness"
SUBSURFACE = "affekt_subsurface"
PORES = "affekt_pores"

# Roughness, subsurface weight and depth of the pores: wet things are smooth, skin lets light
# through.
_SURFACE = {
    "skin": (0.47, 0.20, 1.0),
    "brow": (0.75, 0.0, 0.0),
    "lip": (0.34, 0.20, 0.35),
    "mouth": (0.35, 0.1, 0.0),
    "teeth": (0.15, 0.10, 0.0),
    "tongue": (0.3, 0.15, 0.3),
    "sclera": (0.06, 0.02, 0.0),
    "iris": (0.04, 0.0, 0.0),
    "pupil": (0.04, 0.0, 0.0),
    "lash": (0.7, 0.0, 0.0),
}
_SUBSURFACE_SCALE_M = 0.005
_BLOTCHES, _BLOTCH_RANGE = 11.0, (0.90, 1.07)
"""How many cells of noise the head's box has along an edge, and how dark and light they are."""
_PORES, _PORE_DEPTH_M = 210.0, 0.00015
_FOLD_DEPTH_M = 0.0015
"""How far skin sinks where a pattern changes its log colour by 1."""
_COLOUR_SOCKETS = (6, 7, 2)
"""Of a Mix node its two colours and its product, which have names that others have too."""
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
    # What an exporter writes that knows no colours of a mesh, or not by such nodes.
    principled.inputs["Base Color"].default_value = _VIEWPORT_COLOUR
    colour = _new(tree, "ShaderNodeAttribute", (-300, 520))
    colour.attribute_name = COLOUR
    _add_surface(tree, principled)
    _add_skin(tree, principled, colour)
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


def _add_skin(tree: bpy.types.NodeTree, principled: bpy.types.Node, colour: bpy.types.Node) -> None:
    """Blotches in the colour and pores in the surface, as far as the mesh says that it is skin."""
    skin = _new(tree, "ShaderNodeGroup", (-1100, -300))
    skin.node_tree = _pores()
    place = _new(tree, "ShaderNodeTexCoord", (-1100, 0))
    blotch = _new(tree, "ShaderNodeMapRange", (-700, 420))
    for name, value in zip(("From Min", "From Max"), (0.3, 0.7), strict=True):
        blotch.inputs[name].default_value = value
    for name, value in zip(("To Min", "To Max"), _BLOTCH_RANGE, strict=True):
        blotch.inputs[name].default_value = value
    tree.links.new(_noise(tree, place, _BLOTCHES, (-900, 420)), blotch.inputs["Value"])
    light = _new(tree, "ShaderNodeMix", (-520, 420))  # its first inputs: factor, A, B
    light.inputs[2].default_value = 1.0
    tree.links.new(skin.outputs[0], light.inputs[0])
    tree.links.new(blotch.outputs["Result"], light.inputs[3])
    folds = _new(tree, "ShaderNodeGroup", (-900, 120))
    folds.node_tree = wrinkle_group()
    folded = _new(tree, "ShaderNodeVectorMath", (-340, 420))
    folded.operation = "SCALE"
    tree.links.new(folds.outputs["Colour"], folded.inputs["Vector"])
    tree.links.new(light.outputs[0], folded.inputs["Scale"])
    # Blender's glTF exporter knows a colour of the mesh by just this: a product that ends in the
    # base colour.
    shown = _new(tree, "ShaderNodeMix", (-160, 320))
    shown.data_type, shown.blend_type = "RGBA", "MULTIPLY"
    shown.inputs["Factor"].default_value = 1.0
    first, second, product = _COLOUR_SOCKETS
    tree.links.new(colour.outputs["Color"], shown.inputs[first])
    tree.links.new(folded.outputs["Vector"], shown.inputs[second])
    tree.links.new(shown.outputs[product], principled.inputs["Base Color"])
    bump = _new(tree, "ShaderNodeBump", (-300, -300))
    bump.inputs["Distance"].default_value = _PORE_DEPTH_M
    tree.links.new(skin.outputs[0], bump.inputs["Strength"])
    tree.links.new(_noise(tree, place, _PORES, (-900, -100)), bump.inputs["Height"])
    tree.links.new(_bent(tree, folds), bump.inputs["Normal"])
    tree.links.new(bump.outputs["Normal"], principled.inputs["Normal"])


def _bent(tree: bpy.types.NodeTree, folds: bpy.types.Node) -> bpy.types.NodeSocket:
    """The surface's normal in the folds."""
    bump = _new(tree, "ShaderNodeBump", (-520, -120))
    bump.label = "Folds"
    bump.inputs["Distance"].default_value = _FOLD_DEPTH_M
    bump.inputs["Strength"].default_value = 1.0
    tree.links.new(folds.outputs["Height"], bump.inputs["Height"])
    return bump.outputs["Normal"]


def _pores() -> bpy.types.NodeTree:
    """How far the surface is skin, in a group: Blender's USD exporter takes any attribute that it
    finds on the way to a normal for the normal itself, but does not look into groups."""
    tree = bpy.data.node_groups.new(f"{NAME} Pores", "ShaderNodeTree")
    tree.interface.new_socket("Pores", in_out="OUTPUT", socket_type="NodeSocketFloat")
    pores = _new(tree, "ShaderNodeAttribute", (-200, 0))
    pores.attribute_name = PORES
    tree.links.new(pores.outputs["Fac"], _new(tree, "NodeGroupOutput", (0, 0)).inputs[0])
    return tree


def _noise(
    tree: bpy.types.NodeTree, place: bpy.types.Node, cells: float, location: tuple[int, int]
) -> bpy.types.NodeSocket:
    """Noise that sticks to the face at rest."""
    node = _new(tree, "ShaderNodeTexNoise", location)
    node.inputs["Scale"].default_value = cells
    node.inputs["Detail"].default_value = 3.0
    tree.links.new(place.outputs["Generated"], node.inputs["Vector"])
    return node.outputs[0]


def _new(tree: bpy.types.NodeTree, kind: str, location: tuple[int, int]) -> bpy.types.Node:
    node = tree.nodes.new(kind)
    node.location = location
    return node


def add_surface_attributes(mesh: bpy.types.Mesh, region: UInt8Array) -> None:
    """Roughness, subsurface weight and pores of each vertex, from its region (V,)."""
    table = np.array([_SURFACE[name] for name in REGIONS], np.float32)
    for number, name in enumerate((ROUGHNESS, SUBSURFACE, PORES)):
        values = np.ascontiguousarray(table[region, number])
        mesh.attributes.new(name, "FLOAT", "POINT").data.foreach_set("value", values)
