# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between Blender 4.2 and 5.3, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import bpy

if TYPE_CHECKING:
    from bpy.types import (
        ID,
        Action,
        ActionChannelbag,
        ActionSlot,
        AnimData,
        FCurve,
        Material,
        NlaStrip,
        NlaTrack,
        Node,
        NodeSocket,
        NodeTree,
        Scene,
        StripsTopLevel,
        View3DShading,
    )

LAYERED_ACTIONS = bpy.app.version >= (4, 4, 0)
"""From 4.4 on an Action has slots, and one Action can move both the bones and the shape keys."""
GROUP_COMPOSITOR = bpy.app.version >= (5, 0, 0)
"""From 5.0 on a scene's compositor is a node group with a group output."""

PATH_OPTIONS = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (5, 0, 0) else set()
"""Options of a path property that may start with //, which 5.0 wants to be told."""

OVERRIDABLE = {"LIBRARY_OVERRIDABLE"}
"""Option of a property that a library override keeps: of any other it forgets the value."""

Part = str
"""Which data-block of a head a curve moves: 'OBJECT' the armature, 'KEY' the shape keys of the head
itself, and what `add_keys_part` gives those of a further mesh."""


class CurveList(Protocol):
    """What an Action of 4.2 and a channelbag of 4.4+ have in common."""

    def find(self, data_path: str, *, index: int = 0) -> FCurve | None: ...
    def remove(self, fcurve: FCurve) -> None: ...
    def __iter__(self) -> Iterator[FCurve]: ...
    def __len__(self) -> int: ...


def new_take_actions(name: str) -> dict[Part, Action]:
    """New, empty Actions for a head's armature and shape keys: the same one twice where slots
    exist, else two."""
    if not LAYERED_ACTIONS:
        rig, keys = bpy.data.actions.new(f"{name} bones"), bpy.data.actions.new(f"{name} shapes")
        rig.id_root, keys.id_root = "OBJECT", "KEY"
        return {"OBJECT": rig, "KEY": keys}
    action = bpy.data.actions.new(name)
    strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
    for part, label in (("OBJECT", "Head bones"), ("KEY", "Head shapes")):
        strip.channelbag(action.slots.new(id_type=part, name=label), ensure=True)
    return {"OBJECT": action, "KEY": action}


def add_keys_part(actions: dict[Part, Action], name: str) -> Part:
    """Adds to a take's new Actions what moves the shape keys of one more mesh, called `name`: a
    slot of its own where slots exist, else an Action."""
    if not LAYERED_ACTIONS:
        part = f"KEY:{len(actions)}"
        actions[part] = bpy.data.actions.new(f"{actions['KEY'].name} {name}")
        actions[part].id_root = "KEY"
        return part
    action = actions["KEY"]
    slot = action.slots.new(id_type="KEY", name=name)
    action.layers[0].strips[0].channelbag(slot, ensure=True)
    part = f"KEY:{slot.handle}"
    actions[part] = action
    return part


def push_down(owner: ID, action: Action) -> None:
    """Makes the Action in use of `owner` a strip of its NLA, where another Action can lie over
    it."""
    data = owner.animation_data
    slot = data.action_slot if LAYERED_ACTIONS else None
    track = data.nla_tracks.new()
    track.name = action.name
    _lay(track, action.name, action, slot, action.frame_range[0])


def _slot(action: Action, part: Part) -> ActionSlot | None:
    if ":" in part:
        handle = int(part.partition(":")[2])
        return next((slot for slot in action.slots if slot.handle == handle), None)
    return next((slot for slot in action.slots if slot.target_id_type == part), None)


def _channelbag(action: Action, slot: ActionSlot) -> ActionChannelbag | None:
    for layer in action.layers:
        for strip in layer.strips:
            if (bag := strip.channelbag(slot)) is not None:
                return bag
    return None


def curves_of(action: Action, part: Part) -> CurveList | tuple[()]:
    """The F-curves of an Action that move that kind of data-block."""
    if not LAYERED_ACTIONS:
        return action.fcurves
    slot = _slot(action, part)
    bag = None if slot is None else _channelbag(action, slot)
    return () if bag is None else bag.fcurves


def all_curves(action: Action) -> Iterator[FCurve]:
    """Every F-curve of an Action, whatever it moves."""
    if not LAYERED_ACTIONS:
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                yield from bag.fcurves


def holds_curves(action: Action, part: Part) -> bool:
    """Whether `new_curve` can add to the Action: it still has what `new_take_actions` made."""
    if not LAYERED_ACTIONS:
        return True
    slot = _slot(action, part)
    return slot is not None and _channelbag(action, slot) is not None


def new_curve(action: Action, part: Part, path: str, index: int, group: str) -> FCurve:
    """A new F-curve in a group, in Actions made by `new_take_actions`."""
    if not LAYERED_ACTIONS:
        return action.fcurves.new(path, index=index, action_group=group)
    bag = _channelbag(action, _slot(action, part))
    assert bag is not None  # `new_take_actions` made it
    curve = bag.fcurves.new(path, index=index)
    curve.group = bag.groups.get(group) or bag.groups.new(group)
    return curve


def assign_action(owner: ID, action: Action | None, part: Part) -> None:
    """Makes `action` drive `owner`, through the slot for its kind where there are slots."""
    data = owner.animation_data or owner.animation_data_create()
    data.action = action
    if LAYERED_ACTIONS and action is not None:
        data.action_slot = _slot(action, part)


def new_own_action(owner: ID, name: str) -> Action:
    """A new, empty Action that drives `owner`, whatever drove it before."""
    action = bpy.data.actions.new(name)
    data = owner.animation_data or owner.animation_data_create()
    data.action = action
    if LAYERED_ACTIONS:
        data.action_slot = action.slots.new(id_type=owner.id_type, name=owner.name)
    else:
        action.id_root = owner.id_type
    return action


def copy_for(holder: AnimData | NlaStrip, name: str) -> Action:
    """Puts a copy of the holder's Action in the Action's place; where there are slots, the copy
    has the holder's slot alone."""
    slot = holder.action_slot if LAYERED_ACTIONS else None
    handle = None if slot is None else slot.handle
    copy = holder.action.copy()
    copy.name = name
    holder.action = copy
    if LAYERED_ACTIONS:
        for other in [slot for slot in copy.slots if slot.handle != handle]:
            copy.slots.remove(other)
        holder.action_slot = copy.slots[0] if len(copy.slots) else None
    return copy


def slot_of(holder: AnimData | NlaStrip) -> ActionSlot | None:
    """The slot of its Action through which the holder is driven, where there are slots."""
    return holder.action_slot if LAYERED_ACTIONS else None


def remove_curves(action: Action, slot: ActionSlot | None, prefix: str) -> None:
    """Takes the slot with all its curves out of the Action; where there are no slots, the curves
    whose data path begins with `prefix`."""
    if slot is not None:
        action.slots.remove(slot)
    if LAYERED_ACTIONS:
        return
    for curve in [curve for curve in action.fcurves if curve.data_path.startswith(prefix)]:
        action.fcurves.remove(curve)


def keep_curves(action: Action, prefix: str) -> None:
    """Where there are no slots, removes all curves but those whose path begins with `prefix`."""
    if LAYERED_ACTIONS:
        return
    for curve in [curve for curve in action.fcurves if not curve.data_path.startswith(prefix)]:
        action.fcurves.remove(curve)


def new_strip(track: NlaTrack, name: str, action: Action, part: Part, first: float) -> NlaStrip:
    """A strip of the Action's curves for that kind of data-block, which begins at `first`."""
    return _lay(track, name, action, _slot(action, part) if LAYERED_ACTIONS else None, first)


def _lay(
    track: NlaTrack, name: str, action: Action, slot: ActionSlot | None, first: float
) -> NlaStrip:
    strip = track.strips.new(name, math.floor(first), action)
    if slot is not None:
        strip.action_slot = slot
    # Of an Action with slots a new strip may have as few frames as a strip can have.
    low, high = action.frame_range
    strip.action_frame_start = min(low, strip.action_frame_start)
    strip.action_frame_end = max(high, low + 1)
    strip.action_frame_start, strip.frame_start_ui = low, first
    return strip


def active_curves(owner: ID) -> CurveList | tuple[()]:
    """The F-curves that drive `owner` now, or none."""
    data = owner.animation_data
    if data is None or data.action is None:
        return ()
    if not LAYERED_ACTIONS:
        return data.action.fcurves
    if data.action_slot is None:
        return ()
    bag = _channelbag(data.action, data.action_slot)
    return () if bag is None else bag.fcurves


def find_curve(curves: CurveList | tuple[()], path: str, index: int = 0) -> FCurve | None:
    """The F-curve on that property, or None."""
    return None if isinstance(curves, tuple) else curves.find(path, index=index)


def compositor_tree(scene: Scene) -> NodeTree:
    """The scene's compositor, made if there is none, with render layers wired to the output."""
    if GROUP_COMPOSITOR:
        if scene.compositing_node_group is None:
            scene.compositing_node_group = _new_compositor_group(scene)
        return scene.compositing_node_group
    if not scene.use_nodes:
        scene.use_nodes = True
    return scene.node_tree


def find_compositor_tree(scene: Scene) -> NodeTree | None:
    """The scene's compositor, or None if it has none."""
    return scene.compositing_node_group if GROUP_COMPOSITOR else scene.node_tree


def _new_compositor_group(scene: Scene) -> NodeTree:
    tree = bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    layers = tree.nodes.new("CompositorNodeRLayers")
    layers.scene = scene
    layers.location = (-300, 0)
    output = tree.nodes.new("NodeGroupOutput")
    output.location = (500, 0)
    tree.links.new(layers.outputs["Image"], output.inputs[0])
    return tree


def compositor_output(tree: NodeTree) -> Node:
    """The node whose first input is the scene's picture, made if there is none."""
    kind = "NodeGroupOutput" if GROUP_COMPOSITOR else "CompositorNodeComposite"
    node = next((node for node in tree.nodes if node.bl_idname == kind), None)
    if node is None:
        node = tree.nodes.new(kind)
        node.location = (500, 0)
        if GROUP_COMPOSITOR and not len(node.inputs):
            tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return node


def alpha_over_inputs(node: Node) -> tuple[int, int]:
    """Indices of an Alpha Over node's background and foreground inputs."""
    return (0, 1) if GROUP_COMPOSITOR else (1, 2)


MATH_NODE = "ShaderNodeMath" if GROUP_COMPOSITOR else "CompositorNodeMath"
"""The compositor's Math node; from 5.0 on it is the one of materials."""


def set_node_option(node: Node, option: str, socket: str, value: float) -> None:
    """Sets what is a property of a compositor node in one Blender and an input in another."""
    if option in node.bl_rna.properties:
        setattr(node, option, value)
    else:
        node.inputs[socket].default_value = value


def socket_of(node: Node, identifier: str) -> NodeSocket:
    """The node's input that has this identifier, whatever it is called."""
    return next(socket for socket in node.inputs if socket.identifier == identifier)


def new_colour_mix(
    tree: NodeTree, place: tuple[int, int]
) -> tuple[NodeSocket, NodeSocket, NodeSocket, NodeSocket]:
    """Adds a node that mixes two colours; its inputs factor, first, second, and its output."""
    if not GROUP_COMPOSITOR:
        node = tree.nodes.new("CompositorNodeMixRGB")
        node.location = place
        return (*node.inputs[:3], node.outputs[0])
    node = tree.nodes.new("ShaderNodeMix")
    node.data_type, node.location = "RGBA", place
    named = {socket.identifier: socket for socket in (*node.inputs, *node.outputs)}
    return (named["Factor_Float"], named["A_Color"], named["B_Color"], named["Result_Color"])


def sound_strips(scene: Scene) -> StripsTopLevel:
    """The collection of the scene's sequencer that has `new_sound`."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    return editor.strips if LAYERED_ACTIONS else editor.sequences


def enable_material_nodes(material: Material) -> None:
    """From 5.0 on every material has nodes, and asking for them warns."""
    if not GROUP_COMPOSITOR:
        material.use_nodes = True


def show_vertex_colours(shading: View3DShading) -> None:
    """Shows the mesh's colours in a solid viewport that still shows materials."""
    if shading.type == "SOLID" and shading.color_type == "MATERIAL":
        shading.color_type = "VERTEX"
