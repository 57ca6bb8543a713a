# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes geometry nodes as one writes formulas: each call adds a node and returns its output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, TypeGuard

import bpy

Output: TypeAlias = bpy.types.NodeSocket
Value: TypeAlias = "Output | bpy.types.Object | str | float | tuple[float, ...]"
"""What goes into a node: another's output, or a constant."""
Kind = Literal["FLOAT", "INT", "FLOAT_VECTOR", "FLOAT_COLOR", "QUATERNION"]

_COLUMN, _ROW = 190.0, 150.0


def _is_output(value: Value | None) -> TypeGuard[Output]:
    return isinstance(value, bpy.types.NodeSocket)


class Graph:
    """A node tree that grows from left to right."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree
        self._depths: dict[str, int] = {}

    def node(self, kind: str, *values: Value | None, **settings: object) -> bpy.types.Node:
        """A node with these settings, whose inputs in use get the values in order; None leaves one
        as it is."""
        node = self.tree.nodes.new(kind)
        for name, value in settings.items():
            if getattr(node, name) != value:  # each that is set has Blender look at the whole tree
                setattr(node, name, value)
        used = [socket for socket in node.inputs if socket.enabled]
        for socket, value in zip(used, values, strict=False):
            self._put(value, socket)
        self._place(node, values)
        return node

    def first(self, kind: str, *values: Value | None, **settings: object) -> Output:
        """The same, and the first of its outputs in use."""
        node = self.node(kind, *values, **settings)
        return next(socket for socket in node.outputs if socket.enabled)

    def _put(self, value: Value | None, socket: bpy.types.NodeSocket) -> None:
        if _is_output(value):
            self.tree.links.new(value, socket)
        elif value is not None:
            socket.default_value = value

    def _place(self, node: bpy.types.Node, values: Sequence[Value | None]) -> None:
        before = [value.node.name for value in values if _is_output(value)]
        depth = 1 + max((self._depths.get(name, 0) for name in before), default=0)
        self._depths[node.name] = depth

    def lay_out(self) -> None:
        """Closes the nodes and gives them their places, all at once: one by one, Blender would look
        at the whole tree after each."""
        rows: dict[int, int] = {}
        places: list[float] = []
        for node in self.tree.nodes:
            depth = self._depths[node.name]
            row = rows[depth] = rows.get(depth, -1) + 1
            places += [_COLUMN * depth, -_ROW * row / 3]
        self.tree.nodes.foreach_set("location", places)
        self.tree.nodes.foreach_set("hide", [True] * len(self.tree.nodes))

    def math(self, operation: str, *values: Value) -> Output:
        return self.first("ShaderNodeMath", *values, operation=operation)

    def vector(self, operation: str, *values: Value) -> Output:
        """Vector Math whose result is a vector."""
        return self.first("ShaderNodeVectorMath", *values, operation=operation)

    def scaled(self, vector: Value, factor: Value) -> Output:
        node = self.node("ShaderNodeVectorMath", vector, operation="SCALE")
        self._put(factor, node.inputs["Scale"])
        self._place(node, (vector, factor))
        return node.outputs["Vector"]

    def measure(self, operation: Literal["DOT_PRODUCT", "LENGTH"], *values: Value) -> Output:
        """Vector Math whose result is a number."""
        node = self.node("ShaderNodeVectorMath", *values, operation=operation)
        return node.outputs["Value"]

    def total(self, *vectors: Value) -> Output:
        """The sum of vectors."""
        result = self.vector("ADD", vectors[0], vectors[1])
        for one in vectors[2:]:
            result = self.vector("ADD", result, one)
        return result

    def sum(self, numbers: Sequence[Output]) -> Output:
        """The sum of numbers."""
        result = numbers[0]
        for one in numbers[1:]:
            result = self.math("ADD", result, one)
        return result

    def parts(self, vector: Value) -> tuple[Output, Output, Output]:
        x, y, z = self.node("ShaderNodeSeparateXYZ", vector).outputs
        return x, y, z

    def joined(self, x: Value, y: Value, z: Value) -> Output:
        return self.first("ShaderNodeCombineXYZ", x, y, z)

    def named(self, name: str, kind: Kind) -> Output:
        """The attribute of that name; zero where there is none."""
        return self.first("GeometryNodeInputNamedAttribute", name, data_type=kind)

    def sampled(
        self, geometry: Output, value: Output, index: Output, kind: Kind, domain: str = "POINT"
    ) -> Output:
        """The value at a point, or another element, of another geometry."""
        return self.first(
            "GeometryNodeSampleIndex", geometry, value, index, data_type=kind, domain=domain
        )

    def at_point(self, value: Output, index: Output, kind: Kind) -> Output:
        """The value at a point of the same geometry."""
        return self.first("GeometryNodeFieldAtIndex", value, index, data_type=kind, domain="POINT")

    def on_domain(self, value: Output, domain: str, kind: Kind) -> Output:
        return self.first("GeometryNodeFieldOnDomain", value, domain=domain, data_type=kind)

    def captured(
        self, geometry: Output, domain: str, fields: Mapping[str, tuple[str, Output]]
    ) -> tuple[Output, dict[str, Output]]:
        """The geometry with fields (kind and value by name) computed once and all together; and
        what stands for each from there on."""
        node = self.node("GeometryNodeCaptureAttribute", geometry, domain=domain)
        for name, (kind, _) in fields.items():
            node.capture_items.new(kind, name)
        for name, (_, value) in fields.items():
            self.tree.links.new(value, node.inputs[name])
        self._place(node, [geometry, *(value for _, value in fields.values())])
        return node.outputs["Geometry"], {name: node.outputs[name] for name in fields}

    def stored(self, geometry: Output, name: str, value: Output, kind: str) -> Output:
        return self.first(
            "GeometryNodeStoreNamedAttribute",
            geometry,
            None,
            name,
            value,
            data_type=kind,
            domain="POINT",
        )

    def turned(self, vector: Value, rotation: Output) -> Output:
        return self.first("FunctionNodeRotateVector", vector, rotation)

    def quaternion(self, w: Value, vector: Value) -> Output:
        """The rotation of a quaternion of any length."""
        return self.first("FunctionNodeQuaternionToRotation", w, *self.parts(vector))

    def quaternion_parts(self, rotation: Output) -> tuple[Output, Output]:
        """w, and x, y, z."""
        w, x, y, z = self.node("FunctionNodeRotationToQuaternion", rotation).outputs
        return w, self.joined(x, y, z)

    def axes_turn(self, axes: Mapping[str, Output]) -> Output:
        """The rotation that has two axes along two vectors at right angles."""
        (one, along), (other, beside) = axes.items()
        return self.first(
            "FunctionNodeAxesToRotation", along, beside, primary_axis=one, secondary_axis=other
        )

    def grouped(self, tree: bpy.types.NodeTree, *values: Value) -> tuple[Output, ...]:
        """The outputs of a node group."""
        node = self.node("GeometryNodeGroup", node_tree=tree)
        for value, socket in zip(values, node.inputs, strict=True):
            self._put(value, socket)
        self._place(node, values)
        return tuple(node.outputs)

    def after(self, rotation: Value, first: Value) -> Output:
        """The rotation that turns by `first` and then by `rotation`."""
        return self.first("FunctionNodeRotateRotation", first, rotation, rotation_space="GLOBAL")

    def choose(self, condition: Output, yes: Output, no: Output, kind: str) -> Output:
        return self.first("GeometryNodeSwitch", condition, no, yes, input_type=kind)

    def compare(self, operation: str, one: Value, other: Value, kind: str = "FLOAT") -> Output:
        return self.first("FunctionNodeCompare", one, other, data_type=kind, operation=operation)
