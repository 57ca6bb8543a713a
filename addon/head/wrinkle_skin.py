# SPDX-License-Identifier: GPL-3.0-or-later
"""What wrinkles look like in a material: a node group that lays the patterns of
`shared.wrinkle_patterns` onto the face's front, as hard as the object's drivers press them
(`wrinkles`).

The patterns are pictures that are packed into the file. They are read by Environment Texture nodes:
Blender's exporters of glTF and USD take any Image Texture that they find on the way to a colour for
that colour. Projected as a mirror ball such a node reads its picture as a flat one, within the disc
that fits into it.
"""

from __future__ import annotations

import struct
import zlib

import bpy
import numpy as np

from ...shared.arrays import BoolArray, Float64Array, UInt16Array
from ...shared.pressing import WRINKLES
from ...shared.wrinkle_patterns import NAMES, draw_pattern
from ..splats.graph import Graph, Output
from .wrinkles import APPEARANCE, FACE, PRESSED

NAME = "Affekt Wrinkles"
MIDDLE_MM, RADIUS_MM = (22.0, 0.0), 95.0
"""The disc of the face's left side that the pictures show."""
PIXELS, _BLOCK = 384, 8
_TINT = (0.72, 1.02, 1.26)
"""How much each channel darkens: valleys redden, by the sidecar's formula for this skin."""
_SHADE = 1.0
"""The share of a pattern that is colour. Patterns say what the eye sees of a fold without light of
its own; here the surface bends too, and colours are linear."""
_NONE, _FULL, _RANGE = 32768, 65535, 2.0
"""A picture's number for no change, the largest, and by how much they differ."""
_RIM = 0.98
"""Within this squared distance, in radii, the disc is read."""


def wrinkle_group() -> bpy.types.NodeTree:
    """A new node group: by how much the skin's colour is multiplied, and how high it stands, in
    units of a pattern at full strength; at rest 1 and 0."""
    tree = bpy.data.node_groups.new(NAME, "ShaderNodeTree")
    tree.interface.new_socket("Colour", in_out="OUTPUT", socket_type="NodeSocketColor")
    tree.interface.new_socket("Height", in_out="OUTPUT", socket_type="NodeSocketFloat")
    shade = tree.interface.new_socket("Shade", in_out="INPUT", socket_type="NodeSocketFloat")
    shade.default_value, shade.min_value, shade.max_value = _SHADE, 0, 4
    shade.description = "How dark the folds are, besides what the light does in them"
    g = Graph(tree)
    x, y, is_skin = g.parts(_attribute(g, FACE).outputs["Vector"])
    pressed = _pressed(g)
    pictures = wrinkle_pictures()
    sides = [
        _side(g, g.math("MULTIPLY", x, sign), y, pictures, pressed[number : len(WRINKLES) : 2])
        for number, sign in enumerate((1.0, -1.0))
    ]
    strength = g.math("MULTIPLY", _appearance(g, pressed[len(WRINKLES)]), is_skin)
    change = g.math("MULTIPLY", g.sum(sides), strength)
    shaded = g.math("MULTIPLY", change, g.node("NodeGroupInput").outputs["Shade"])
    parts = (g.math("EXPONENT", g.math("MULTIPLY", shaded, part)) for part in _TINT)
    g.node("NodeGroupOutput", g.joined(*parts), change)
    return tree


def _attribute(g: Graph, name: str, kind: str = "GEOMETRY") -> bpy.types.Node:
    return g.node("ShaderNodeAttribute", attribute_name=name, attribute_type=kind)


def _pressed(g: Graph) -> list[Output]:
    """The numbers in `PRESSED`."""
    numbers: list[Output] = []
    for name in PRESSED:
        node = _attribute(g, name, "OBJECT")
        numbers += [*g.parts(node.outputs["Vector"]), node.outputs["Alpha"]]
    return numbers


def _appearance(g: Graph, kept: Output) -> Output:
    """The head's slider, or what was kept of it where Blender has no such slider."""
    node = _attribute(g, APPEARANCE, "OBJECT")
    is_there = g.math("GREATER_THAN", node.outputs["Alpha"], 0.5)
    change = g.math("SUBTRACT", node.outputs["Fac"], kept)
    return g.math("ADD", kept, g.math("MULTIPLY", change, is_there))


def _side(
    g: Graph, x: Output, y: Output, pictures: list[bpy.types.Image], pressed: list[Output]
) -> Output:
    """The change of log colour by one side's patterns. x: to the outside of that side."""
    across, up = (
        g.math("DIVIDE", g.math("SUBTRACT", value, 1e-3 * middle), 1e-3 * RADIUS_MM)
        for value, middle in zip((x, y), MIDDLE_MM, strict=True)
    )
    squared = g.math("ADD", g.math("MULTIPLY", across, across), g.math("MULTIPLY", up, up))
    place = _on_ball(g, across, up, g.math("MINIMUM", squared, _RIM))
    parts = []
    for number, picture in enumerate(pictures):
        read = g.first(
            "ShaderNodeTexEnvironment",
            place,
            image=picture,
            projection="MIRROR_BALL",
            interpolation="Cubic",
        )
        change = g.scaled(g.vector("SUBTRACT", read, (_NONE / _FULL,) * 3), _RANGE)
        own = [*pressed[3 * number : 3 * number + 3], 0.0, 0.0][:3]
        parts.append(g.measure("DOT_PRODUCT", change, g.joined(*own)))
    return g.math("MULTIPLY", g.sum(parts), g.math("LESS_THAN", squared, _RIM))


def _on_ball(g: Graph, across: Output, up: Output, squared: Output) -> Output:
    """The direction that a mirror ball shows there: a ray along y, met by the ball's surface, whose
    depth is d, goes to (across, (1 - 2 d^2) / 2 d, up)."""
    deep = g.math("SUBTRACT", 1.0, squared)
    depth = g.math("SQRT", deep)
    along = g.math(
        "DIVIDE",
        g.math("SUBTRACT", 1.0, g.math("MULTIPLY", deep, 2.0)),
        g.math("MULTIPLY", depth, 2.0),
    )
    return g.joined(across, along, up)


def wrinkle_pictures() -> list[bpy.types.Image]:
    """New pictures, packed into the file."""
    made = []
    for number, pixels in enumerate(draw_pictures()):
        data = _png(pixels)
        picture = bpy.data.images.new(f"{NAME} {number + 1}", PIXELS, PIXELS, is_data=True)
        picture.pack(data=data, data_len=len(data))
        picture.source = "FILE"
        made.append(picture)
    return made


def draw_pictures() -> UInt16Array:
    """(pictures, PIXELS, PIXELS, 3) the left side's patterns, three in each, from the top down:
    `_NONE` where there is none, `_RANGE` of change on `_FULL` steps."""
    steps = (2 * np.arange(PIXELS) + 1) / PIXELS - 1
    at = MIDDLE_MM + RADIUS_MM * np.stack(np.meshgrid(steps, -steps), 2)
    pictures = np.full((-(-len(NAMES) // 3), PIXELS, PIXELS, 3), _NONE, np.uint16)
    for index, name in enumerate(NAMES):
        near = _near(name, at)
        change = draw_pattern(name, at[near], np.zeros(near.sum()))
        pictures[index // 3, near, index % 3] = np.rint(_NONE + change / _RANGE * _FULL)
    return pictures


def _near(name: str, at: Float64Array) -> BoolArray:
    """(H, W) where places (H, W, 2) may have something of the pattern: in blocks at whose middle,
    or at a neighbour's, there is some. Patterns are wider than a block."""
    half = _BLOCK // 2
    middles = at[half::_BLOCK, half::_BLOCK]
    some = draw_pattern(name, middles.reshape(-1, 2), np.zeros(middles.size // 2)) != 0
    around = np.pad(some.reshape(middles.shape[:2]), 1)
    near = np.lib.stride_tricks.sliding_window_view(around, (3, 3)).any((2, 3))
    return near.repeat(_BLOCK, 0).repeat(_BLOCK, 1)


def _png(pixels: UInt16Array) -> bytes:
    """A PNG of 16 bits of pixels (H, W, 3), whose rows are written as differences to the left."""
    height, width, _ = pixels.shape
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    rows[:, 6:] -= rows[:, :-6].copy()
    lines = np.concatenate([np.ones((height, 1), np.uint8), rows], 1)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
