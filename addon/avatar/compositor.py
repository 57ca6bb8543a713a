# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of frames as an image sequence over the scene's own picture, in its compositor."""

from __future__ import annotations

from pathlib import Path

import bpy

from .. import compat

NODE = "Affekt Avatar"


def show_sequence(scene: bpy.types.Scene, files: list[Path], first_frame: int) -> bpy.types.Image:
    """Loads the numbered PNGs as one image sequence that starts at the scene's `first_frame` and
    lays it over the compositor's picture. A second call replaces the pictures and leaves the
    nodes as the animator has placed them."""
    image = bpy.data.images.load(str(files[0]), check_existing=False)
    image.name = NODE
    image.source = "SEQUENCE"
    tree = compat.compositor_tree(scene)
    node = next((n for n in tree.nodes if n.get("affekt_avatar")), None) or _add_nodes(tree)
    old, node.image = node.image, image
    node.frame_start = first_frame
    node.frame_duration = len(files)
    # A sequence shows the file numbered `frame - frame_start + 1 + frame_offset`.
    node.frame_offset = int(files[0].stem.rpartition("_")[2]) - 1
    node.use_auto_refresh = True
    if old is not None and not old.users:
        bpy.data.images.remove(old)
    return image


def _add_nodes(tree: bpy.types.NodeTree) -> bpy.types.Node:
    """An Image node and an Alpha Over between the output and what it showed so far."""
    output = compat.compositor_output(tree)
    shown = output.inputs[0].links[0].from_socket if output.inputs[0].links else None
    node = tree.nodes.new("CompositorNodeImage")
    node["affekt_avatar"] = True
    node.label = node.name = NODE
    over = tree.nodes.new("CompositorNodeAlphaOver")
    x, y = output.location
    node.location, over.location = (x - 520, y - 190), (x - 220, y)
    background, foreground = compat.alpha_over_inputs(over)
    if shown is not None:
        tree.links.new(shown, over.inputs[background])
    tree.links.new(node.outputs["Image"], over.inputs[foreground])
    tree.links.new(over.outputs["Image"], output.inputs[0])
    if not any(n.bl_idname == "CompositorNodeViewer" for n in tree.nodes):
        viewer = tree.nodes.new("CompositorNodeViewer")
        viewer.location = (x, y - 190)
        tree.links.new(over.outputs["Image"], viewer.inputs["Image"])
    return node
