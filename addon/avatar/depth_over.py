# SPDX-License-Identifier: GPL-3.0-or-later
"""The node group that lays an avatar into a rendered set by depth.

Blender's Z Combine cannot do it (4.2 and 5.2 alike): without "Use Alpha" a half transparent hair
replaces the set behind it, with it the premultiplied colour is multiplied by alpha once more and
hair edges turn dark. So both orders are composited with Alpha Over, which is right on
premultiplied colours, and the nearer depth chooses between them, pixel by pixel.
"""

from __future__ import annotations

import bpy

from .. import compat

NAME = "Affekt Depth Over"

FAR_M = 60000.0
"""Stands for "nothing there", which files write as infinity. A GPU compositor may keep depths in
16 bits, which end at 65,504."""
_SPREAD_PX = 64
"""How far the avatar's depth is carried past its outline: as far as motion blur may smear it."""

_INPUTS = (
    ("Set", "NodeSocketColor", (0.0, 0.0, 0.0, 0.0), ""),
    ("Set Depth", "NodeSocketFloat", 1e10, ""),
    ("Avatar", "NodeSocketColor", (0.0, 0.0, 0.0, 0.0), "Premultiplied by alpha"),
    ("Avatar Depth", "NodeSocketFloat", 0.0, ""),
    ("Occlusion", "NodeSocketFloat", 1.0, "1: nearer things of the set hide the avatar; 0: none"),
)


def depth_over_group() -> bpy.types.NodeTree:
    """The node group, made at its first use; an animator's changes to it stay."""
    found = next((g for g in bpy.data.node_groups if g.get("affekt_depth_over")), None)
    if found is not None:
        return found
    tree = bpy.data.node_groups.new(NAME, "CompositorNodeTree")
    tree["affekt_depth_over"] = True
    for name, kind, default, description in _INPUTS:
        socket = tree.interface.new_socket(
            name, description=description, in_out="INPUT", socket_type=kind
        )
        socket.default_value = default
        if name == "Occlusion":
            socket.subtype, socket.min_value, socket.max_value = "FACTOR", 0.0, 1.0
    for name, kind in (("Image", "NodeSocketColor"), ("Depth", "NodeSocketFloat")):
        tree.interface.new_socket(name, in_out="OUTPUT", socket_type=kind)
    _wire(tree)
    return tree


def _wire(tree: bpy.types.NodeTree) -> None:
    given, result = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    given.location, result.location = (-1100, 0), (900, 0)
    put, take = given.outputs, result.inputs
    mask = _front_mask(tree, put["Avatar Depth"], put["Set Depth"], put["Occlusion"])
    in_front = _over(tree, back=put["Set"], front=put["Avatar"], place=(440, 160))
    behind = _over(tree, back=put["Avatar"], front=put["Set"], place=(440, -60))
    factor, first, second, mixed = compat.new_colour_mix(tree, (660, 60))
    for source, target in ((mask, factor), (behind, first), (in_front, second)):
        tree.links.new(source, target)
    tree.links.new(mixed, take["Image"])
    nearest = _math(tree, "MINIMUM", (660, -220), put["Avatar Depth"], put["Set Depth"])
    tree.links.new(nearest, take["Depth"])


def _front_mask(
    tree: bpy.types.NodeTree,
    avatar: bpy.types.NodeSocket,
    behind: bpy.types.NodeSocket,
    occlusion: bpy.types.NodeSocket,
) -> bpy.types.NodeSocket:
    """A mask, 1 where the avatar is nearer than the set, smoothed along the set's edges only: the
    avatar's depth is carried past its own outline first, where its alpha already is smooth."""
    is_there = _math(tree, "LESS_THAN", (-880, 240), avatar, FAR_M)
    finite = _math(tree, "MINIMUM", (-880, 60), avatar, FAR_M)
    spread = tree.nodes.new("CompositorNodeDilateErode")
    spread.location = (-660, -60)
    compat.set_node_option(spread, "distance", "Size", -_SPREAD_PX)
    tree.links.new(finite, spread.inputs["Mask"])
    own = _math(tree, "SUBTRACT", (-440, 120), finite, spread.outputs["Mask"])
    depth = _math(tree, "MULTIPLY_ADD", (-220, 160), is_there, own, spread.outputs["Mask"])
    nearer = _math(tree, "LESS_THAN", (0, 160), depth, behind)
    smooth = tree.nodes.new("CompositorNodeAntiAliasing")
    smooth.location = (0, -40)
    tree.links.new(nearer, smooth.inputs["Image"])
    ignored = _math(tree, "SUBTRACT", (0, -220), 1.0, occlusion)
    return _math(tree, "MAXIMUM", (220, 60), smooth.outputs["Image"], ignored)


def _over(
    tree: bpy.types.NodeTree,
    *,
    back: bpy.types.NodeSocket,
    front: bpy.types.NodeSocket,
    place: tuple[int, int],
) -> bpy.types.NodeSocket:
    node = tree.nodes.new("CompositorNodeAlphaOver")
    node.location = place
    background, foreground = compat.alpha_over_inputs(node)
    tree.links.new(back, node.inputs[background])
    tree.links.new(front, node.inputs[foreground])
    return node.outputs["Image"]


def _math(
    tree: bpy.types.NodeTree,
    operation: str,
    place: tuple[int, int],
    *values: bpy.types.NodeSocket | float,
) -> bpy.types.NodeSocket:
    node = tree.nodes.new(compat.MATH_NODE)
    node.operation, node.location = operation, place
    for socket, value in zip(node.inputs, values, strict=False):
        if isinstance(value, float):
            socket.default_value = value
        else:
            tree.links.new(value, socket)
    return node.outputs[0]
