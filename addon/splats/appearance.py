# SPDX-License-Identifier: GPL-3.0-or-later
"""What emotions change in the look of Gaussians: differences of colour, scale and rotation for each
emotion and for a few pairs, weighted by the group's inputs. An avatar without such attributes, as
all are today, stays as it is.

The attributes of a term such as Happy are `affekt_happy_colour` (FLOAT_VECTOR, added to the first
three of `radiance:base`), `affekt_happy_scale` (the logarithm of a factor) and
`affekt_happy_rotation` (axis-angle, in the Gaussian's own axes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...shared.emotion import EMOTIONS
from .graph import Graph, Output
from .names import Attribute

PAIRS = (("happy", "surprise"), ("fear", "surprise"), ("angry", "disgust"), ("sad", "fear"))
"""Emotions whose product has an effect of its own."""
TERMS = tuple(emotion.title() for emotion in EMOTIONS)
"""The group's inputs; products of pairs it makes itself."""

_PARTS = ("colour", "scale", "rotation")


def term_attribute(term: str, part: str) -> str:
    """The name of the attribute that holds a term's change of a part."""
    return f"affekt_{term}_{part}"


def has_look(attributes: Iterable[str]) -> bool:
    """Whether some of the attributes say what an emotion changes."""
    terms = (*EMOTIONS, *("_".join(pair) for pair in PAIRS))
    known = {term_attribute(term, part) for term in terms for part in _PARTS}
    return not known.isdisjoint(attributes)


def changed(g: Graph, cloud: Output, given: Mapping[str, Output]) -> Output:
    """The cloud with the changes. Emotions of which an avatar says nothing cost nothing."""
    strength = given["Appearance"]
    weights = {name: g.math("MULTIPLY", given[name.title()], strength) for name in EMOTIONS}
    for one, other in PAIRS:
        weights[f"{one}_{other}"] = g.math("MULTIPLY", weights[one], given[other.title()])

    def change(part: str) -> Output:
        terms = [
            g.scaled(g.named(term_attribute(term, part), "FLOAT_VECTOR"), weight)
            for term, weight in weights.items()
        ]
        return g.total(*terms)

    colour = with_opacity(g, g.vector("ADD", base_colour(g), change("colour")))
    grown = [g.math("EXPONENT", part) for part in g.parts(change("scale"))]
    scale = g.vector("MULTIPLY", g.named("scale", "FLOAT_VECTOR"), g.joined(*grown))
    turn = change("rotation")
    own = g.first("FunctionNodeAxisAngleToRotation", turn, g.measure("LENGTH", turn))
    rotation = g.after(g.named("rotation", "QUATERNION"), own)
    recoloured = g.stored(cloud, "radiance:base", colour, "FLOAT_COLOR")
    resized = g.stored(recoloured, "scale", scale, "FLOAT_VECTOR")
    return g.stored(resized, "rotation", rotation, "QUATERNION")


def base_colour(g: Graph) -> Output:
    """The three coefficients of colour in `radiance:base`."""
    node = g.node("FunctionNodeSeparateColor", g.named("radiance:base", "FLOAT_COLOR"))
    return g.joined(*node.outputs[:3])


def with_opacity(g: Graph, colour: Output) -> Output:
    """What `radiance:base` becomes with these coefficients. Nodes have no fourth number of a
    vector: the opacity comes from an attribute of its own, and four numbers are kept as a colour,
    which draws the same."""
    opaque = g.named(Attribute.OPACITY, "FLOAT")
    return g.first("FunctionNodeCombineColor", *g.parts(colour), opaque)
