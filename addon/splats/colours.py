# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of Gaussians as nodes change them."""

from __future__ import annotations

from .binding import DC
from .graph import Graph, Output
from .names import Attribute

_BLACK = -0.5 / DC


def multiplied(g: Graph, cloud: Output, factor: Output, harmonics: int, toe: float = 0.0) -> Output:
    """The cloud whose colours (c + toe) are multiplied by a field, and its harmonics with them;
    nothing below black. harmonics: how many coefficients it has beside the colour."""
    cloud, found = g.captured(cloud, "POINT", {"Factor": ("VECTOR", factor)})
    k, base = found["Factor"], ((0.5 + toe) / DC,) * 3
    raised = g.vector("MULTIPLY", g.vector("ADD", _base_colour(g), base), k)
    colour = g.vector("MAXIMUM", g.vector("SUBTRACT", raised, base), (_BLACK,) * 3)
    cloud = g.stored(cloud, "radiance:base", _with_opacity(g, colour), "FLOAT_COLOR")
    for number in range(harmonics):
        name = f"radiance:sh_{number}"
        part = g.vector("MULTIPLY", g.named(name, "FLOAT_VECTOR"), k)
        cloud = g.stored(cloud, name, part, "FLOAT_VECTOR")
    return cloud


def _base_colour(g: Graph) -> Output:
    """The three coefficients of colour in `radiance:base`."""
    node = g.node("FunctionNodeSeparateColor", g.named("radiance:base", "FLOAT_COLOR"))
    return g.joined(*node.outputs[:3])


def _with_opacity(g: Graph, colour: Output) -> Output:
    """What `radiance:base` becomes with these coefficients. Nodes have no fourth number of a
    vector: the opacity comes from an attribute of its own, and four numbers are kept as a colour,
    which draws the same."""
    opaque = g.named(Attribute.OPACITY, "FLOAT")
    return g.first("FunctionNodeCombineColor", *g.parts(colour), opaque)
