# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of frames as an image sequence in the scene's own picture, in its compositor.

    Affekt Avatar (Image) ─ [Affekt Motion Blur, muted] ─┐
    Render Layers, or what the output showed so far ─────┴─ Affekt Depth Over ─ output

A further head's nodes go between the output and those that are there, so that any number of
avatars cover one another by depth. Every node is an ordinary one that the animator may move, rewire
or delete. They are found again by their role and their head, never by their names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from .. import compat
from .depth_over import FAR_M, depth_over_group

IMAGE, OVER, BLUR = "Affekt Avatar", "Affekt Depth Over", "Affekt Motion Blur"
_MARK, _HEAD = "affekt_avatar", "affekt_head"
"""Properties of our nodes: the role, and the head whose avatar it is."""
_ROOM = 560
"""Space for our nodes before the output, in the editor's units."""
_SAME_SOCKET = {"Image": "Combined", "Combined": "Image"}
"""The new name of the picture's socket after a change between PNG and multilayer EXR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """An image sequence of a head's avatar. files: EXR or PNG, in the order of the scene's frames,
    whose numbers end their names. has_occlusion: whether nearer things of the set hide the
    avatar."""

    head: bpy.types.Object
    files: tuple[Path, ...]
    has_occlusion: bool


def show_sequence(scene: bpy.types.Scene, sequence: Sequence) -> bpy.types.Image:
    """Brings the frames into the compositor. A second call for the same head replaces the pictures
    and leaves the nodes as the animator has placed them; links from passes that are still there
    stay."""
    tree = compat.compositor_tree(scene)
    _adopt_nodes(tree, sequence.head)
    node, over = (_find(tree, role, sequence.head) for role in (IMAGE, OVER))
    is_new = node is None
    if node is None:
        _make_room(tree)
        node = _add_node(tree, "CompositorNodeImage", IMAGE, (-820, -380), sequence.head)
    image = _replace_image(node, sequence)
    if is_new and over is None:
        over = _add_over(tree, node)
    if over is not None:
        _set_occlusion(scene, tree, node, over, sequence)
        if is_new and "Vector" in node.outputs:
            _add_blur(tree, node, over)
    return image


def find_nodes(scene: bpy.types.Scene, head: bpy.types.Object) -> list[bpy.types.Node]:
    """The nodes of the head's avatar in the scene's compositor; none if it has none."""
    tree = compat.find_compositor_tree(scene)
    return [] if tree is None else [node for node in tree.nodes if _owner(node) == head]


def _owner(node: bpy.types.Node) -> bpy.types.Object | None:
    """The head whose avatar the node is of; None for a node of before, and for a head that was
    deleted: the property alone keeps it."""
    head = node.get(_HEAD)
    return head if head is not None and head.users_scene else None


def _adopt_nodes(tree: bpy.types.NodeTree, head: bpy.types.Object) -> None:
    """Nodes of files made before say no head, nor do those whose head was deleted; the first head
    without nodes that is rendered takes them over."""
    marked = [node for node in tree.nodes if node.get(_MARK)]
    if any(_owner(node) == head for node in marked):
        return
    free = {node[_MARK]: node for node in reversed(marked) if _owner(node) is None}
    for node in free.values():  # one of each role
        node[_HEAD] = head


def _find(tree: bpy.types.NodeTree, role: str, head: bpy.types.Object) -> bpy.types.Node | None:
    marked = (node for node in tree.nodes if node.get(_MARK) == role)
    return next((node for node in marked if _owner(node) == head), None)


def _make_room(tree: bpy.types.NodeTree) -> None:
    """Moves the output to the right if our nodes would lie on the nodes before it."""
    output = compat.compositor_output(tree)
    if not output.inputs[0].links:
        return
    shown = output.inputs[0].links[0].from_node
    moved = max(shown.location[0] + shown.width + _ROOM - output.location[0], 0)
    for node in (output, *(n for n in tree.nodes if n.bl_idname == "CompositorNodeViewer")):
        node.location = (node.location[0] + moved, node.location[1])


def _add_node(
    tree: bpy.types.NodeTree, kind: str, role: str, offset: tuple[int, int], head: bpy.types.Object
) -> bpy.types.Node:
    """A node of ours, placed in relation to the output."""
    node = tree.nodes.new(kind)
    node[_MARK], node[_HEAD] = role, head
    node.label = node.name = role
    x, y = compat.compositor_output(tree).location
    node.location = (x + offset[0], y + offset[1])
    return node


def _replace_image(node: bpy.types.Node, sequence: Sequence) -> bpy.types.Image:
    image = bpy.data.images.load(str(sequence.files[0]), check_existing=False)
    image.name = IMAGE
    image.source = "SEQUENCE"
    links = [(link.from_socket.name, link.to_socket) for o in node.outputs for link in o.links]
    old, node.image = node.image, image
    _restore_links(node, links)
    first, last = (int(sequence.files[at].stem.rpartition("_")[2]) for at in (0, -1))
    node.frame_start, node.frame_duration = first, last - first + 1
    # A sequence shows the file numbered `frame - frame_start + 1 + frame_offset`.
    node.frame_offset = first - 1
    node.use_auto_refresh = True
    if old is not None and not old.users:
        bpy.data.images.remove(old)
    return image


def _restore_links(node: bpy.types.Node, links: list[tuple[str, bpy.types.NodeSocket]]) -> None:
    """Links the node's sockets again: they come and go with the passes of its picture."""
    for name, target in links:
        source = node.outputs.get(name) or node.outputs.get(_SAME_SOCKET.get(name, ""))
        if source is not None and not target.is_linked:
            node.id_data.links.new(source, target)


def _add_over(tree: bpy.types.NodeTree, node: bpy.types.Node) -> bpy.types.Node:
    """Adds the depth group between the output and the node that it showed so far."""
    output = compat.compositor_output(tree)
    shown = output.inputs[0].links[0].from_socket if output.inputs[0].links else None
    over = _add_node(tree, "CompositorNodeGroup", OVER, (-240, 0), node[_HEAD])
    over.node_tree = depth_over_group()
    if shown is not None:
        tree.links.new(shown, over.inputs["Set"])
    tree.links.new(_picture(node), over.inputs["Avatar"])
    tree.links.new(over.outputs["Image"], output.inputs[0])
    if not any(n.bl_idname == "CompositorNodeViewer" for n in tree.nodes):
        viewer = tree.nodes.new("CompositorNodeViewer")
        viewer.location = (output.location[0], output.location[1] - 160)
        tree.links.new(over.outputs["Image"], viewer.inputs["Image"])
    return over


def _picture(node: bpy.types.Node) -> bpy.types.NodeSocket:
    return node.outputs.get("Combined") or node.outputs["Image"]


def _set_occlusion(
    scene: bpy.types.Scene,
    tree: bpy.types.NodeTree,
    node: bpy.types.Node,
    over: bpy.types.Node,
    sequence: Sequence,
) -> None:
    """Switches the comparison of depths on or off if the rendering before had it otherwise; else
    the animator's own setting stays."""
    if over.get("affekt_occlusion") == sequence.has_occlusion:
        return
    over["affekt_occlusion"] = sequence.has_occlusion
    over.inputs["Occlusion"].default_value = float(sequence.has_occlusion)
    if not sequence.has_occlusion:
        return
    if not over.inputs["Avatar Depth"].is_linked:
        tree.links.new(node.outputs["Depth"], over.inputs["Avatar Depth"])
    depth = _depth_of(over.inputs["Set"], scene)
    if depth is not None and not over.inputs["Set Depth"].is_linked:
        tree.links.new(depth, over.inputs["Set Depth"])


def _depth_of(socket: bpy.types.NodeSocket, scene: bpy.types.Scene) -> bpy.types.NodeSocket | None:
    """The depth of what the socket's picture comes from: the nearest of an avatar and all before
    it, or a Render Layers node's."""
    seen, waiting = set(), [link.from_node for link in socket.links]
    while waiting:
        node = waiting.pop(0)
        if node.bl_idname == "CompositorNodeRLayers":
            owner = node.scene or scene
            owner.view_layers[node.layer].use_pass_z = True
            return node.outputs["Depth"]
        if node.get(_MARK) == OVER and node.inputs["Avatar Depth"].is_linked:
            return node.outputs["Depth"]
        if node.name not in seen:
            seen.add(node.name)
            waiting += [link.from_node for put in node.inputs for link in put.links]
    return None


def _add_blur(tree: bpy.types.NodeTree, node: bpy.types.Node, over: bpy.types.Node) -> None:
    """Adds Vector Blur between the avatar and the depth group, muted until the animator wants
    it."""
    blur = _add_node(tree, "CompositorNodeVecBlur", BLUR, (-500, -420), node[_HEAD])
    blur.mute = True
    # 4.2 turns infinite depths into pixels that are no numbers.
    finite = tree.nodes.new(compat.MATH_NODE)
    finite.operation, finite.label, finite.hide = "MINIMUM", "Finite Depth", True
    finite.location = (blur.location[0], blur.location[1] - 240)
    finite.inputs[1].default_value = FAR_M
    tree.links.new(node.outputs["Depth"], finite.inputs[0])
    tree.links.new(finite.outputs[0], compat.socket_of(blur, "Z"))
    tree.links.new(node.outputs["Vector"], blur.inputs["Speed"])
    tree.links.new(_picture(node), blur.inputs["Image"])
    tree.links.new(blur.outputs["Image"], over.inputs["Avatar"])
