# SPDX-License-Identifier: GPL-3.0-or-later
"""The four manners in which Gaussians follow their surface, as geometry nodes: what the sidecar's
`avatar/drive.py` and `avatar/kernels.py` compute, from the rest data that `binding` writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import bpy

from .graph import Graph, Kind, Output, Value
from .names import Attribute

STRETCH_RANGE = (1.0, 1.35)
GROWTH_RANGE = (0.1, 10.0)
"""As in the sidecar's `avatar/drive.py`."""
_ALIKE = 1e-10
"""Squared cosines below this are right angles, as in its kernels."""
_SWEEPS = 4
_AXES = "XYZ"


class Pose(NamedTuple):
    """Fields of a posed Gaussian."""

    place: Output
    rotation: Output
    scale: Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Bones:
    """The bones whose blended turn a vertex takes. has_body: the rest of a vertex's weight stays;
    else there is none."""

    names: tuple[str, ...]
    has_body: bool


class Manners:
    """Builds the manners of one avatar into a graph. mesh: the driving mesh as it is posed;
    armature: the group's input."""

    def __init__(self, graph: Graph, mesh: Output, armature: Output, bones: Bones) -> None:
        self._g, self._mesh, self._bones, self._armature = graph, mesh, bones, armature
        self._position = graph.first("GeometryNodeInputPosition")
        self._offset = graph.named(Attribute.OFFSET, "FLOAT_VECTOR")
        self._rotation = graph.named("rotation", "QUATERNION")
        self._scale = graph.named("scale", "FLOAT_VECTOR")

    def _at(self, name: str, value: Output, kind: Kind = "FLOAT_VECTOR") -> Output:
        return self._g.sampled(self._mesh, value, self._g.named(name, "INT"), kind)

    def _placed(self, place: Output, turn: Output, growth: Output) -> Pose:
        """A Gaussian at the place, turned about it with its offset; its size grows."""
        g = self._g
        return Pose(
            g.vector("ADD", place, g.turned(self._offset, turn)),
            g.after(turn, self._rotation),
            g.scaled(self._scale, growth),
        )

    def _in_frame(self, place: Output, frame: Output, growth: Output, reach: Value = 1.0) -> Pose:
        """A Gaussian at the place as it lies in a frame; its size grows, its offset by `reach`."""
        g, offset = self._g, self._g.named(Attribute.IN_FRAME, "FLOAT_VECTOR")
        return Pose(
            g.vector("ADD", place, g.turned(g.scaled(offset, reach), frame)),
            g.after(frame, g.named(Attribute.TURN_IN_FRAME, "QUATERNION")),
            g.scaled(self._scale, growth),
        )

    def _grown(self, area: Output) -> Output:
        """Factor of length of the area since rest, within `STRETCH_RANGE`."""
        g = self._g
        ratio = g.math("DIVIDE", area, g.named(Attribute.AREA, "FLOAT"))
        return g.first("ShaderNodeClamp", g.math("SQRT", ratio), *STRETCH_RANGE)

    def _bone_turns(self, shares: Sequence[Output]) -> Output:
        """The bones' turns, blended by these shares."""
        g = self._g
        turns = [self._turn_of(name) for name in self._bones.names]
        # What is not a bone's is the body's, which does not turn; heads have bones for all.
        w: Value = g.math("SUBTRACT", 1.0, g.sum(shares)) if self._bones.has_body else 0.0
        vector: Value = (0.0, 0.0, 0.0)
        reference: tuple[Value, Value] = (1.0, (0.0, 0.0, 0.0))
        if not self._bones.has_body:
            reference = turns[0]
        for (one, other), share in zip(turns, shares, strict=True):
            # All in one hemisphere, so that blending does not go the long way round.
            signed = g.math("MULTIPLY", share, self._side(one, other, reference))
            w = g.math("MULTIPLY_ADD", one, signed, w)
            vector = g.vector("ADD", vector, g.scaled(other, signed))
        return g.quaternion(w, vector)

    def _turn_of(self, bone: str) -> tuple[Output, Output]:
        """The bone's turn since rest as a quaternion; one value, no field."""
        info = self._g.node("GeometryNodeBoneInfo", self._armature, bone)
        now, before = (
            self._g.node("FunctionNodeSeparateTransform", info.outputs[name]).outputs["Rotation"]
            for name in ("Pose", "Rest Pose")
        )
        back = self._g.first("FunctionNodeInvertRotation", before)
        return self._g.quaternion_parts(self._g.after(now, back))

    def _side(self, w: Output, vector: Output, reference: tuple[Value, Value]) -> Output:
        """1 for a quaternion on the side of the reference, else -1."""
        g = self._g
        along = g.measure("DOT_PRODUCT", vector, reference[1])
        toward = g.math("MULTIPLY_ADD", w, reference[0], along)
        return g.math("MULTIPLY_ADD", g.math("LESS_THAN", toward, 0.0), -2.0, 1.0)


class VertexManners(Manners):
    """Of Gaussians that are bound to vertices. There, deform is surface."""

    def _anchor(self) -> Output:
        return self._at(Attribute.VERTEX, self._position)

    def still(self) -> Pose:
        return Pose(
            self._g.vector("ADD", self._anchor(), self._offset), self._rotation, self._scale
        )

    def _around(self) -> Output:
        """The posed area around the vertex."""
        area = self._g.first("GeometryNodeInputMeshFaceArea")
        return self._at(Attribute.VERTEX, self._g.on_domain(area, "FACE", "FLOAT"), "FLOAT")

    def _turn(self) -> Output:
        count = range(len(self._bones.names))
        return self._bone_turns([self._g.named(Attribute.SHARE.format(k), "FLOAT") for k in count])

    def stretch(self) -> Pose:
        return self._placed(self._anchor(), self._turn(), self._grown(self._around()))

    def surface(self) -> Pose:
        g = self._g
        a, b, c = (self._at(name, self._position) for name in Attribute.SUPPORTS)
        first = g.vector("SUBTRACT", b, a)
        cross = g.vector("CROSS_PRODUCT", first, g.vector("SUBTRACT", c, a))
        growth = self._grown(self._around())
        return self._in_frame(self._anchor(), g.axes_turn({"X": first, "Y": cross}), growth)


class _Face(NamedTuple):
    """Fields of three vertices of each face: two edges from the first, their cross product, and
    the middle."""

    first: Output
    second: Output
    cross: Output
    middle: Output


class FaceManners(Manners):
    """Of Gaussians that are bound to faces. is_flat: all lie in their face's plane, with the third
    axis along the normal. thin: the axis that most are thinnest along."""

    def __init__(
        self,
        graph: Graph,
        mesh: Output,
        armature: Output,
        bones: Bones,
        *,
        is_flat: bool,
        thin: int,
    ) -> None:
        super().__init__(graph, mesh, armature, bones)
        self._is_flat, self._thin, self._jacobi = is_flat, thin, new_jacobi()
        self._face = self._faces(Attribute.CORNERS)

    def _faces(self, names: Sequence[str]) -> _Face:
        """Of the mesh's faces, which are fewer than the Gaussians on them, by these vertices."""
        g = self._g
        a, b, c = self._at_vertices(names, self._position, "FLOAT_VECTOR")
        first, second = g.vector("SUBTRACT", b, a), g.vector("SUBTRACT", c, a)
        cross = g.vector("CROSS_PRODUCT", first, second)
        return _Face(first, second, cross, g.scaled(g.total(a, b, c), 1 / 3))

    def _at_vertices(self, names: Sequence[str], value: Output, kind: Kind) -> list[Output]:
        """A field of the mesh's points at the vertices that its faces name."""
        g = self._g
        return [g.at_point(value, g.named(name, "INT"), kind) for name in names]

    def _of_face(self, value: Output, kind: Kind = "FLOAT_VECTOR") -> Output:
        """What each Gaussian's face has."""
        index = self._g.named(Attribute.FACE, "INT")
        return self._g.sampled(self._mesh, value, index, kind, "FACE")

    def still(self) -> Pose:
        place = self._g.vector("ADD", self._of_face(self._face.middle), self._offset)
        return Pose(place, self._rotation, self._scale)

    def stretch(self) -> Pose:
        g, face = self._g, self._face
        turns = self._bone_turns([g.named(name, "FLOAT") for name in self._bones.names])
        at_corners = self._at_vertices(Attribute.CORNERS, turns, "QUATERNION")
        corners = [g.quaternion_parts(one) for one in at_corners]
        turn = self._of_face(g.quaternion(*self._mean_turn(corners)), "QUATERNION")
        area = self._of_face(g.measure("LENGTH", face.cross), "FLOAT")
        return self._placed(self._of_face(face.middle), turn, self._grown(area))

    def _mean_turn(self, parts: list[tuple[Output, Output]]) -> tuple[Output, Output]:
        """The sum of quaternions on the side of the first."""
        g, first = self._g, parts[0]
        w, vector = first
        for one, other in parts[1:]:
            side = self._side(one, other, first)
            w = g.math("MULTIPLY_ADD", one, side, w)
            vector = g.vector("ADD", vector, g.scaled(other, side))
        return w, vector

    def surface(self) -> Pose:
        g, face, wide = self._g, self._face, self._faces(Attribute.SUPPORTS)
        frame = self._of_face(g.axes_turn({"X": wide.first, "Y": wide.cross}), "QUATERNION")
        edge = g.measure("LENGTH", face.first)
        height = g.math("DIVIDE", g.measure("LENGTH", face.cross), edge)
        size = self._of_face(g.math("MULTIPLY", g.math("ADD", edge, height), 0.5), "FLOAT")
        ratio = g.math("DIVIDE", size, g.named(Attribute.SIZE, "FLOAT"))
        growth = g.first("ShaderNodeClamp", ratio, *GROWTH_RANGE)
        return self._in_frame(self._of_face(face.middle), frame, growth, growth)

    def deform(self) -> Pose:
        """The ellipsoid of the covariance as the face's linear map changes it, by one-sided Jacobi
        rotations of its axes."""
        g, face = self._g, self._face
        edges = (face.first, face.second, g.vector("NORMALIZE", face.cross))
        basis = [self._of_face(edge) for edge in edges]

        def mapped(name: str) -> Output:
            """What the edges and the normal make of three shares of them."""
            return g.total(*map(g.scaled, basis, g.parts(g.named(name, "FLOAT_VECTOR"))))

        axes = [mapped(name) for name in Attribute.AXES]
        pairs = ((0, 1),) if self._is_flat else ((0, 1), (0, 2), (1, 2)) * _SWEEPS
        for one, other in pairs:
            axes[one], axes[other] = g.grouped(self._jacobi, axes[one], axes[other])
        wide = [k for k in range(3) if k != self._thin]
        rotation = g.axes_turn({_AXES[k]: axes[k] for k in wide})
        lengths = g.joined(*(g.measure("LENGTH", axis) for axis in axes))
        x, y, z = g.parts(self._scale)
        longest = g.math("MAXIMUM", g.math("MAXIMUM", x, y), z)
        most = g.math("MULTIPLY", longest, GROWTH_RANGE[1])
        scale = g.vector("MINIMUM", lengths, g.joined(most, most, most))
        place = g.vector("ADD", self._of_face(face.middle), mapped(Attribute.PLACE))
        return Pose(place, rotation, scale)


def new_jacobi() -> bpy.types.NodeTree:
    """A group that turns two vectors in their own plane until they are at right angles, as columns
    of a matrix are by a one-sided Jacobi rotation (Demmel and Veselić 1992)."""
    tree = bpy.data.node_groups.new("Affekt Jacobi Rotation", "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        for name in ("A", "B"):
            tree.interface.new_socket(name, in_out=direction, socket_type="NodeSocketVector")
    g = Graph(tree)
    a, b = g.node("NodeGroupInput").outputs[:2]
    aa, bb, ab = (g.measure("DOT_PRODUCT", p, q) for p, q in ((a, a), (b, b), (a, b)))
    d, two = g.math("SUBTRACT", bb, aa), g.math("ADD", ab, ab)
    root = g.math("SQRT", g.math("MULTIPLY_ADD", d, d, g.math("MULTIPLY", two, two)))
    tangent = g.math("DIVIDE", two, g.math("ADD", g.math("ABSOLUTE", d), root))
    side = g.math("MULTIPLY_ADD", g.math("LESS_THAN", d, 0.0), -2.0, 1.0)
    least = g.math("MULTIPLY", g.math("MULTIPLY", aa, bb), _ALIKE)
    is_askew = g.math("GREATER_THAN", g.math("MULTIPLY", ab, ab), least)
    t = g.math("MULTIPLY", g.math("MULTIPLY", tangent, side), is_askew)
    c = g.math("INVERSE_SQRT", g.math("MULTIPLY_ADD", t, t, 1.0))
    s = g.math("MULTIPLY", c, t)
    one = g.vector("SUBTRACT", g.scaled(a, c), g.scaled(b, s))
    other = g.vector("ADD", g.scaled(a, s), g.scaled(b, c))
    g.node("NodeGroupOutput", one, other)
    g.lay_out()
    return tree
