# SPDX-License-Identifier: GPL-3.0-or-later
"""The light of the scene on Gaussians, whose own is baked in: a gain for all of them, and the
shadow that an object throws on them. No node lights a Gaussian; these change its colour.

A Gaussian's colour c is drawn as sRGB. From the curve's toe on c' = k (c + 0.055) - 0.055 is, in
linear light, k ** 2.4 times as bright, and what changes with the direction of view goes along by k.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import bpy

from .colours import multiplied
from .graph import Graph, Output

EXPOSURE, COLOUR = "Exposure", "Light Colour"
LAMP, IS_SUN, SIZE = "Key Light", "Is a Sun", "Light Size"
CASTER, SHADOW = "Shadow Caster", "Shadow"
SUN_M = 100.0
"""So far away a sun stands for its shadows."""
_GAMMA = 1 / 2.4
_TOE = 0.055
_RAYS = 12
"""To so many points all over the lamp, the same for each Gaussian: points by chance look like dirt
on the skin."""
_KINDS = {
    EXPOSURE: "Float",
    COLOUR: "Color",
    CASTER: "Object",
    SHADOW: "Float",
    LAMP: "Object",
    IS_SUN: "Bool",
    SIZE: "Float",
}
_SAID = {
    EXPOSURE: "How many stops brighter the splats are drawn",
    COLOUR: "Colour of the light: what is white in the avatar gets this colour",
    CASTER: "An object that throws its shadow on the splats, from the key light",
    SHADOW: "How much of the light the shadow takes away",
    LAMP: "The lamp that the shadow is from",
    IS_SUN: "Whether the key light's direction counts, not its place",
    SIZE: "Radius of the key light: a larger one has softer shadows",
}


def add_light_sockets(face: bpy.types.NodeTreeInterface) -> None:
    """Adds the group's inputs about light, which change nothing as they are."""
    panel = face.new_panel("Light", default_closed=True)
    made = {
        name: face.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}", parent=panel)
        for name, kind in _KINDS.items()
    }
    for name, socket in made.items():
        socket.description = _SAID[name]
    exposure, shadow, size = made[EXPOSURE], made[SHADOW], made[SIZE]
    exposure.min_value, exposure.max_value = -10, 10
    made[COLOUR].default_value = (1, 1, 1, 1)
    shadow.subtype, shadow.default_value, shadow.min_value, shadow.max_value = "FACTOR", 0.7, 0, 1
    size.subtype, size.default_value, size.min_value = "DISTANCE", 0.05, 0


def lit(g: Graph, cloud: Output, given: Mapping[str, Output], harmonics: int) -> Output:
    """The posed cloud in the scene's light. harmonics: how many coefficients it has beside the
    colour. As long as the inputs are at rest it costs nothing."""
    white = g.compare("EQUAL", given[COLOUR], (1.0, 1.0, 1.0, 1.0), "RGBA")
    level = g.compare("EQUAL", given[EXPOSURE], 0.0)
    shape = g.node("GeometryNodeObjectInfo", given[CASTER], transform_space="ORIGINAL")
    caster = shape.outputs["Geometry"]
    size = g.node("GeometryNodeAttributeDomainSize", caster, component="MESH")
    alone = g.compare("EQUAL", size.outputs["Face Count"], 0, "INT")
    plain = g.first("FunctionNodeBooleanMath", white, level, operation="AND")
    at_rest = g.first("FunctionNodeBooleanMath", plain, alone, operation="AND")
    shaded = g.first("GeometryNodeSwitch", alone, _shade(g, caster, given), 1.0, input_type="FLOAT")
    gained = multiplied(g, cloud, _gain(g, given, shaded), harmonics, _TOE)
    return g.choose(at_rest, cloud, gained, "GEOMETRY")


def _gain(g: Graph, given: Mapping[str, Output], shade: Output) -> Output:
    """k of the three channels."""
    light = g.scaled(given[COLOUR], g.math("POWER", 2.0, given[EXPOSURE]))
    all_alike = g.vector("POWER", light, (_GAMMA,) * 3)
    return g.scaled(all_alike, g.math("POWER", shade, _GAMMA))


def _shade(g: Graph, caster: Output, given: Mapping[str, Output]) -> Output:
    """How much of the key light comes past the caster to each Gaussian."""
    lamp = g.node("GeometryNodeObjectInfo", given[LAMP], transform_space="RELATIVE")
    placed = g.node("GeometryNodeObjectInfo", given[CASTER], transform_space="RELATIVE")
    back = g.first("FunctionNodeInvertMatrix", placed.outputs["Transform"])
    position = g.first("GeometryNodeInputPosition")
    sunward = g.turned((0.0, 0.0, SUN_M), lamp.outputs["Rotation"])
    far = g.vector("ADD", position, sunward)
    middle = g.choose(given[IS_SUN], far, lamp.outputs["Location"], "VECTOR")
    start = g.first("FunctionNodeTransformPoint", position, back)
    ray = _new_ray()
    hits: list[Output] = []
    for point in _points():
        hits += g.grouped(ray, caster, start, middle, given[SIZE], back, point)
    share = g.math("MULTIPLY", g.sum(hits), 1 / len(hits))
    return g.math("SUBTRACT", 1.0, g.math("MULTIPLY", share, given[SHADOW]))


def _new_ray() -> bpy.types.NodeTree:
    """A group that tells whether the caster lies between a place and a point of the lamp: one node
    for each ray instead of six, which are as many to make at every import."""
    tree = bpy.data.node_groups.new("Affekt Shadow Ray", "GeometryNodeTree")
    kinds = {"Caster": "Geometry", "Start": "Vector", "Lamp": "Vector", "Size": "Float"}
    for name, kind in (kinds | {"Into Caster": "Matrix", "Point": "Vector"}).items():
        tree.interface.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}")
    tree.interface.new_socket("Is Hit", in_out="OUTPUT", socket_type="NodeSocketFloat")
    g = Graph(tree)
    caster, start, lamp, size, into, point = g.node("NodeGroupInput").outputs[:6]
    place = g.vector("ADD", lamp, g.scaled(point, size))
    way = g.vector("SUBTRACT", g.first("FunctionNodeTransformPoint", place, into), start)
    g.node("NodeGroupOutput", _hit(g, caster, start, way))
    g.lay_out()
    return tree


def _hit(g: Graph, caster: Output, start: Output, way: Output) -> Output:
    """Whether the caster lies on the way."""
    node = g.node("GeometryNodeRaycast", caster, data_type="FLOAT")
    values = {
        "Source Position": start,
        "Ray Direction": way,
        "Ray Length": g.measure("LENGTH", way),
    }
    for name, value in values.items():
        g.tree.links.new(value, node.inputs[name])
    return node.outputs["Is Hit"]


def _points() -> list[tuple[float, float, float]]:
    """Even on the sphere of radius 1, along a spiral (Swinbank and Purser 2006)."""
    told = []
    for number in range(_RAYS):
        up, turn = 1 - (2 * number + 1) / _RAYS, number * math.pi * (3 - math.sqrt(5))
        out = math.sqrt(1 - up * up)
        told.append((out * math.cos(turn), out * math.sin(turn), up))
    return told
