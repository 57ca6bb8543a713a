# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin that wrinkles, as nodes: the driving mesh's motion presses each wrinkle by the formulas of
`shared.pressing`, and each Gaussian that shows skin darkens by its share of them, as the sidecar's
`avatar/wrinkles.py` has it where no emotion is known to have made the motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bpy
import numpy as np

from ...shared.avatar_messages import AvatarRead
from ...shared.pressing import (
    PLACES,
    WIDTH,
    WIDTH_OF,
    WRINKLES,
    Operation,
    evaluate,
    pressing_terms,
)
from .colours import multiplied
from .graph import Graph, Output, Value
from .names import Attribute

_MATH: dict[Operation, str] = {
    "add": "ADD",
    "subtract": "SUBTRACT",
    "multiply": "MULTIPLY",
    "most": "MAXIMUM",
    "least": "MINIMUM",
    "power": "POWER",
    "exp": "EXPONENT",
}


def fold_columns(avatar: AvatarRead) -> Mapping[str, np.ndarray]:
    """(N, 3) of each of `Attribute.FOLDS`: three wrinkles' change of log colour, of the cloud; none
    for an avatar whose skin does not fold."""
    if avatar.fold_patterns is None or avatar.fold_gaussians is None:
        return {}
    patterns = np.zeros((3 * len(Attribute.FOLDS), len(avatar)), np.float32)
    patterns[: len(WRINKLES), avatar.fold_gaussians] = avatar.fold_patterns
    threes = patterns.reshape(len(Attribute.FOLDS), 3, -1)
    return {name: three.T for name, three in zip(Attribute.FOLDS, threes, strict=True)}


def write_places(mesh: bpy.types.Mesh, avatar: AvatarRead) -> None:
    """Gives the driving mesh what the node group reads of its motion: three places' shares a vector
    in `Attribute.MOTIONS`, and the mesh at rest."""
    if avatar.fold_places is None:
        return
    shares = np.zeros((3 * len(Attribute.MOTIONS), len(mesh.vertices)), np.float32)
    shares[: len(PLACES)] = avatar.fold_places
    rest = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", rest)
    threes = shares.reshape(len(Attribute.MOTIONS), 3, -1)
    columns = {name: three.T for name, three in zip(Attribute.MOTIONS, threes, strict=True)}
    for name, values in {**columns, Attribute.REST: rest}.items():
        attribute = mesh.attributes.get(name) or mesh.attributes.new(name, "FLOAT_VECTOR", "POINT")
        attribute.data.foreach_set("vector", np.ascontiguousarray(values, np.float32).ravel())


def folded(
    g: Graph,
    cloud: Output,
    mesh: Output,
    given: Mapping[str, Output],
    head_bone: str,
    tint: Sequence[float],
    harmonics: int,
) -> Output:
    """The cloud as its skin folds. head_bone: what the whole head turns with. harmonics: how many
    coefficients the cloud has beside the colour."""
    rows = _rows(g, mesh, given["Armature"], head_bone)
    pressed: list[Value] = [*g.grouped(_new_pressing(list(rows)), *rows.values())]
    pressed += [0.0] * (3 * len(Attribute.FOLDS) - len(pressed))
    parts = [
        g.measure("DOT_PRODUCT", g.named(name, "FLOAT_VECTOR"), g.joined(*pressed[k : k + 3]))
        for name, k in zip(Attribute.FOLDS, range(0, len(pressed), 3), strict=True)
    ]
    change = g.math("MULTIPLY", g.sum(parts), given["Appearance"])
    factor = g.joined(*(g.math("EXPONENT", g.math("MULTIPLY", change, part)) for part in tint))
    return multiplied(g, cloud, factor, harmonics)


def _new_pressing(rows: Sequence[str]) -> bpy.types.NodeTree:
    """A group of the formulas: rows -> how far each wrinkle is pressed. Each node that is added has
    Blender look at the whole tree, so that two trees are made sooner than one of both."""
    tree = bpy.data.node_groups.new("Affekt Wrinkles", "GeometryNodeTree")
    for direction, names in (("INPUT", rows), ("OUTPUT", WRINKLES)):
        for name in names:
            tree.interface.new_socket(name, in_out=direction, socket_type="NodeSocketFloat")
    g = Graph(tree)

    def number(value: float) -> Value:
        return value

    def apply(operation: Operation, values: Sequence[Value]) -> Value:
        return g.math(_MATH[operation], *values)

    given: dict[str, Value] = dict(zip(rows, g.node("NodeGroupInput").outputs, strict=False))
    g.node("NodeGroupOutput", *evaluate(pressing_terms(), given, number, apply))
    g.lay_out()
    return tree


def _rows(g: Graph, mesh: Output, armature: Output, head_bone: str) -> dict[str, Value]:
    """The motion of the face's places since rest, in mm, as the head's own axes see it."""
    info = g.node("GeometryNodeBoneInfo", armature, head_bone)
    back = g.first("FunctionNodeInvertMatrix", info.outputs["Pose"])
    still = g.first("FunctionNodeMatrixMultiply", info.outputs["Rest Pose"], back)
    own = g.first("FunctionNodeTransformPoint", g.first("GeometryNodeInputPosition"), still)
    across, _, up = g.parts(g.vector("SUBTRACT", own, g.named(Attribute.REST, "FLOAT_VECTOR")))
    shares = [g.named(name, "FLOAT_VECTOR") for name in Attribute.MOTIONS]

    def sums(share: Output, moved: Output) -> tuple[Output, Output, Output]:
        value = g.scaled(share, moved)
        kind = "GeometryNodeAttributeStatistic"
        node = g.node(kind, mesh, None, value, data_type="FLOAT_VECTOR", domain="POINT")
        total = next(out for out in node.outputs if out.enabled and out.name == "Sum")
        return g.parts(total)

    ups = [part for share in shares for part in sums(share, up)]
    rows: dict[str, Value] = {f"{name}:y": ups[k] for k, name in enumerate(PLACES)}
    first = PLACES.index(WIDTH_OF[0]), PLACES.index(WIDTH_OF[1])
    apart = sums(shares[first[0] // 3], across)
    rows[WIDTH] = g.math("SUBTRACT", apart[first[0] % 3], apart[first[1] % 3])
    return rows
