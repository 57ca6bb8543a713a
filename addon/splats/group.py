# SPDX-License-Identifier: GPL-3.0-or-later
"""The node group *Affekt Splats*: it moves a point cloud's Gaussians with their driving mesh, and
needs no add-on to do so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

import bpy

from ...shared.avatar_messages import Binding
from ...shared.pictures import FOLLOWS, Follow
from .appearance import folded
from .graph import Graph, Output
from .light import add_light_sockets, lit
from .manners import Bones, FaceManners, Pose, VertexManners

LABEL = "Affekt Splats"
MESH, ARMATURE, FOLLOW, APPEARANCE = "Driving Mesh", "Armature", "Follow", "Appearance"
_CHANGED = (
    "The driving mesh has other vertices than when this avatar was imported: its splats stand "
    "still. Undo that, or switch off the mesh's modifiers that add or remove vertices."
)
_GONE = "The driving mesh is gone: the splats stand still. Choose it in this modifier."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the group must know of an avatar. vertices, faces: of its mesh; bones: see `Bones`;
    is_flat, thin: see `FaceManners`. follow: how it was made to follow. head_bone, tint: see
    `folded`; without a tint the skin does not fold."""

    binding: Binding
    follow: Follow
    vertices: int
    faces: int
    bones: tuple[str, ...]
    has_body: bool
    is_flat: bool = False
    thin: int = 2
    head_bone: str = ""
    tint: tuple[float, ...] = ()

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Plan:
        """What other versions of Affekt keep beside it is left out."""
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in json.loads(text).items() if name in known}
        several = {name: tuple(kept[name]) for name in ("bones", "tint") if name in kept}
        return cls(**{**kept, **several})


def new_group(plan: Plan, *, harmonics: int) -> bpy.types.NodeTree:
    """A new group for one avatar: nobody else's is changed, and an edited one never used again.
    harmonics: how many coefficients its cloud has beside the colour."""
    tree = bpy.data.node_groups.new(LABEL, "GeometryNodeTree")
    tree.is_modifier = True
    sockets = _add_sockets(tree, folds=bool(plan.tint))
    g = Graph(tree)
    given = {socket.name: socket for socket in g.node("NodeGroupInput").outputs}
    info = g.node("GeometryNodeObjectInfo", given[MESH], transform_space="ORIGINAL")
    mesh = info.outputs["Geometry"]
    cloud = given["Geometry"]
    posed = _in_manner(g, plan, mesh, given)
    if plan.tint:
        is_on = g.compare("GREATER_THAN", given[APPEARANCE], 0.0)
        wrinkled = folded(g, posed, mesh, given, plan.head_bone, plan.tint, harmonics)
        posed = g.choose(is_on, wrinkled, posed, "GEOMETRY")
    right = g.choose(_is_right(g, plan, mesh), posed, cloud, "GEOMETRY")
    g.node("NodeGroupOutput", lit(g, right, given, harmonics))
    g.lay_out()
    sockets[FOLLOW].default_value = plan.follow.title()
    return tree


def _add_sockets(
    tree: bpy.types.NodeTree, *, folds: bool
) -> dict[str, bpy.types.NodeTreeInterfaceSocket]:
    """That of the appearance comes last, so that the others' identifiers never change."""
    face = tree.interface
    face.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    kinds = {"Geometry": "Geometry", MESH: "Object", ARMATURE: "Object", FOLLOW: "Menu"}
    made = {
        name: face.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}")
        for name, kind in kinds.items()
    }
    add_light_sockets(face)
    made[MESH].description = "The mesh that the splats sit on"
    made[ARMATURE].description = "The armature that turns that mesh"
    made[FOLLOW].description = "How the splats follow the mesh"
    if folds:
        one = face.new_socket(APPEARANCE, in_out="INPUT", socket_type="NodeSocketFloat")
        one.default_value, one.min_value, one.max_value = 1, 0, 2
        one.description = "How much the skin wrinkles with the expression"
    return made


def _in_manner(g: Graph, plan: Plan, mesh: Output, given: dict[str, Output]) -> Output:
    """The cloud, posed in the manner that is chosen; the others are not computed."""
    bones = Bones(names=plan.bones, has_body=plan.has_body)
    ways: dict[str, Callable[[], Pose]]
    if plan.binding == "vertex":
        on_vertices = VertexManners(g, mesh, given[ARMATURE], bones)
        ways = {
            "still": on_vertices.still,
            "stretch": on_vertices.stretch,
            "surface": on_vertices.surface,
        }
    else:
        on_faces = FaceManners(
            g, mesh, given[ARMATURE], bones, is_flat=plan.is_flat, thin=plan.thin
        )
        ways = {
            "still": on_faces.still,
            "stretch": on_faces.stretch,
            "surface": on_faces.surface,
            "deform": on_faces.deform,
        }
    posed = {name: _posed(g, given["Geometry"], way()) for name, way in ways.items()}
    node = g.node("GeometryNodeMenuSwitch", data_type="GEOMETRY")
    node.enum_items.clear()
    for name in FOLLOWS:
        node.enum_items.new(name.title())
    g.tree.links.new(given[FOLLOW], node.inputs[0])
    for socket, name in zip(node.inputs[1:], FOLLOWS, strict=False):
        g.tree.links.new(posed.get(name, posed["surface"]), socket)
    return node.outputs[0]


def _posed(g: Graph, cloud: Output, pose: Pose) -> Output:
    """The cloud with the pose's values. All are captured before the first is stored: a second
    store would read what the first has written."""
    fields = {
        "Place": ("VECTOR", pose.place),
        "Rotation": ("ROTATION", pose.rotation),
        "Scale": ("VECTOR", pose.scale),
    }
    kept, found = g.captured(cloud, "POINT", fields)
    moved = g.first("GeometryNodeSetPosition", kept, None, found["Place"])
    turned = g.stored(moved, "rotation", found["Rotation"], "QUATERNION")
    return g.stored(turned, "scale", found["Scale"], "FLOAT_VECTOR")


def _is_right(g: Graph, plan: Plan, mesh: Output) -> Output:
    """Whether the mesh has the vertices that it should have; warns if not."""
    size = g.node("GeometryNodeAttributeDomainSize", mesh, component="MESH")
    count = size.outputs["Point Count"]
    is_none = g.compare("EQUAL", count, 0, "INT")
    has_vertices = g.compare("EQUAL", count, plan.vertices, "INT")
    has_faces = g.compare("EQUAL", size.outputs["Face Count"], plan.faces, "INT")
    is_right = g.first("FunctionNodeBooleanMath", has_vertices, has_faces, operation="AND")
    is_other = g.first("FunctionNodeBooleanMath", is_right, is_none, operation="NOR")
    gone = g.first("GeometryNodeWarning", is_none, _GONE, warning_type="ERROR")
    other = g.first("GeometryNodeWarning", is_other, _CHANGED, warning_type="ERROR")
    said = g.first("FunctionNodeBooleanMath", gone, other, operation="OR")
    return g.first("FunctionNodeBooleanMath", said, operation="NOT")
