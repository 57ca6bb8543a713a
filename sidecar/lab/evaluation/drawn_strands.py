# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair, beards, glasses and a shirt for drawn people, as meshes beside the head's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float64Array, Int32Array
from ....shared.head import REGIONS, HeadModel
from ...raster.mesh import vertex_normals
from .people import Colour, Strands

SKULL, SKULL_HALF = np.array([0.0, 0.036, -0.042]), np.array([0.083, 0.094, 0.102])
"""Middle and half axes of the ellipsoid that no hair goes into."""
_HAIRLINE_Z = np.array(
    [-0.15, -0.10, -0.075, -0.065, -0.035, -0.022, -0.008, 0.012, 0.03, 0.045, 0.06]
)
_HAIRLINE_Y = np.array([-0.045, -0.045, -0.02, 0.03, 0.03, 0.012, 0.045, 0.064, 0.083, 0.09, 0.10])
"""The lower edge of the scalp, seen from the side."""
_EAR_FROM_M = 0.0715
_PARTING_M = 0.025
_BEARD_X = np.array([0.0, 0.02, 0.03, 0.045, 0.062, 0.075])
_BEARD_Y = np.array([-0.023, -0.026, -0.042, -0.030, 0.0, 0.01])
"""The upper edge of a beard, seen from the front."""
_COUNT, _POINTS, _WIDTH_M = 9000, 10, 0.0011
_FRINGE_M = 0.055
_BEARD_COUNT, _MOUSTACHE_COUNT, _BEARD_WIDTH_M = 3600, 900, 0.0007
_CROWN = np.array([0.0, 0.098, -0.128])
_BUN_M, _BUN_COUNT = 0.036, 1400
_BUN_AWAY_M = np.array([0.0, 0.018, -0.012])
"""From the crown to a bun's middle."""
_FRAME_M, _RIM_M = 0.0016, (0.0255, 0.0195)
"""How thick a frame of glasses is, and half the width and height of its rims."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A mesh with its own look: vertices (V, 3) metres, faces (F, 3), normals (V, 3) that it is lit
    by, colour (V, 3) sRGB, gloss: how strongly it mirrors the lamp."""

    vertices: Float64Array
    faces: Int32Array
    normals: Float64Array
    colour: Float64Array
    gloss: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roots:
    """Where strands begin: places (n, 3), normals (n, 3), and rest (n, 3) on the template."""

    places: Float64Array
    normals: Float64Array
    rest: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combing:
    """way (n, 3): where each strand is combed to; lift: how far it stands off the skin, 1 by 45
    degrees; weight: how much it hangs; wave: how much it turns on its way; skull: whether it stays
    outside the skull."""

    way: Float64Array
    lift: float
    weight: float
    wave: float
    skull: bool = True


def on_scalp(rest: Float64Array) -> BoolArray:
    """(N,) whether points of the template (N, 3) bear hair."""
    above = rest[:, 1] > np.interp(rest[:, 2], _HAIRLINE_Z, _HAIRLINE_Y)
    ear = (np.abs(rest[:, 0]) > _EAR_FROM_M) & (rest[:, 1] < 0.034) & (rest[:, 2] > -0.075)
    return above & ~ear


def on_beard(rest: Float64Array) -> Float64Array:
    """(N,) 0 to 1, how densely a beard grows at points of the template (N, 3)."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    # From below the ears along the cheeks to the upper lip, and down to the throat.
    edge = np.interp(x, _BEARD_X, _BEARD_Y)
    grown = np.clip((edge - y) / 0.006, 0, 1) * np.clip((y + 0.108) / 0.01, 0, 1)
    return grown * np.clip((z + 0.028) / 0.008, 0, 1) * off_lips(rest)


def off_lips(rest: Float64Array) -> Float64Array:
    """(N,) 0 where lips are, 1 elsewhere."""
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    away = np.hypot(x / 0.026, (y + 0.047) / 0.0125)
    return np.clip((away - 1) / 0.12, 0, 1)


def scatter(
    head: HeadModel, vertices: Float64Array, wanted: Float64Array, count: int, seed: int
) -> Roots:
    """Roots spread over the skin. wanted: (F,) share of each face."""
    rng = np.random.default_rng(seed)
    corners = vertices[head.faces]
    edges = corners[:, 1:] - corners[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    share = area * wanted * (head.region[head.faces[:, 0]] == REGIONS.index("skin"))
    chosen = rng.choice(len(share), count, p=share / share.sum())
    weights = rng.dirichlet([1, 1, 1], count)
    normals = vertex_normals(vertices, head.faces)
    return Roots(
        places=np.einsum("nk,nkc->nc", weights, corners[chosen]),
        normals=unit(np.einsum("nk,nkc->nc", weights, normals[head.faces[chosen]])),
        rest=np.einsum("nk,nkc->nc", weights, head.template[head.faces[chosen]].astype(np.float64)),
    )


def grow_hair(head: HeadModel, vertices: Float64Array, hair: Strands, seed: int) -> list[Piece]:
    """Hair on the head at rest, vertices (V, 3)."""
    middle = head.template[head.faces].mean(1).astype(np.float64)
    roots = scatter(head, vertices, on_scalp(middle).astype(np.float64), _COUNT, seed)
    rng = np.random.default_rng(seed + 1)
    length = hair.length * rng.uniform(0.75, 1.1, len(roots.places))
    forward = (roots.rest[:, 2] > -0.02) & (roots.rest[:, 1] > 0.075)
    if hair.style == "fringe":
        length = np.where(forward, _FRINGE_M, length)
    if hair.style == "bun":
        tied = _ribbons(_tied(roots, rng), hair.colour, _WIDTH_M, rng)
        return [tied, _bun(hair, rng)]
    path = _grow(roots, _combed(hair, roots, forward), length, rng)
    return [_ribbons(path, hair.colour, _WIDTH_M, rng)]


def grow_beard(head: HeadModel, vertices: Float64Array, beard: Strands, seed: int) -> Piece:
    """A beard on the posed head, vertices (V, 3): it goes with the skin."""
    middle = head.template[head.faces].mean(1).astype(np.float64)
    wanted = on_beard(middle)
    if beard.only == "lip":
        wanted = wanted * (np.abs(middle[:, 0]) < 0.032) * (middle[:, 1] > -0.048)
    count = _BEARD_COUNT if beard.only is None else _MOUSTACHE_COUNT
    roots = scatter(head, vertices, wanted, count, seed + 2)
    rng = np.random.default_rng(seed + 3)
    x, y = roots.rest[:, :1], roots.rest[:, 1:2]
    aside = np.sign(x) * (np.abs(x) < 0.035) * (y > -0.045)  # a moustache parts under the nose
    way = np.array([0.0, -1.0, 0.15]) + aside * np.array([1.2, 0.3, 0.0])
    combing = Combing(way=way, lift=0.55, weight=0.5, wave=beard.wave, skull=False)
    length = beard.length * rng.uniform(0.5, 1.1, count)
    return _ribbons(_grow(roots, combing, length, rng), beard.colour, _BEARD_WIDTH_M, rng)


def _combed(hair: Strands, roots: Roots, forward: BoolArray) -> Combing:
    """How the hair of a style lies. forward: (n,) roots above the forehead."""
    side, front = np.sign(roots.rest[:, :1]), forward[:, None]
    aside, back = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.3, -1.3])
    over = np.where(roots.rest[:, :1] > _PARTING_M, 1.0, -1.0) * aside
    brow = roots.rest * np.array([4.0, 0.0, 0.0]) + np.array([0.0, -0.5, 1.0])
    hanging = 0.8 * side * aside + np.array([0.0, -0.6, -0.45]) + front * back
    fringed = 0.3 * side * aside + np.array([0.0, -1.0, -0.2])
    ways: dict[str, tuple[Float64Array, float, float]] = {
        "back": (np.tile([0.0, 0.15, -1.0], (len(side), 1)), 0.18, 0.35),
        "side": (over + np.array([0.0, -0.2, -0.35]), 0.25, 0.6),
        "fringe": (np.where(front, brow, fringed), 0.3, 0.6),
        "round": (roots.normals, 1.0, 0.0),
        "long": (hanging, 0.2, 1.0),
        "bob": (hanging, 0.2, 1.0),
    }
    way, lift, weight = ways[hair.style]
    return Combing(way=way, lift=lift, weight=weight, wave=hair.wave)


def _grow(
    roots: Roots, combing: Combing, length: Float64Array, rng: np.random.Generator
) -> Float64Array:
    """(n, P, 3) the strands' points. length: (n,) metres."""
    count = len(roots.places)
    along = combing.way - (combing.way * roots.normals).sum(1, keepdims=True) * roots.normals
    way = unit(unit(along) + combing.lift * roots.normals)
    step = length[:, None] / (_POINTS - 1)
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    turn = np.clip(rng.standard_normal((count, 3)), -1.4, 1.4)
    points = [roots.places]
    room = 1.0 + rng.uniform(0.0, 0.05, count)
    for number in range(1, _POINTS):
        bend = np.sin(phase + 1.3 * number) * turn + 0.4 * rng.standard_normal((count, 3))
        fall = np.array([0.0, -0.6 * combing.weight, 0.0])
        way = unit(way + 0.12 * combing.wave * bend + fall)
        place = points[-1] + step * way
        points.append(_outside(place, room) if combing.skull else place)
    return np.stack(points, 1)


def _tied(roots: Roots, rng: np.random.Generator) -> Float64Array:
    """(n, P, 3) strands drawn tight over the skull to the crown."""
    first, last = ((places - SKULL) / SKULL_HALF for places in (roots.places, _CROWN))
    start = np.linalg.norm(first, axis=1, keepdims=True)
    end = 1.0 + rng.uniform(0.02, 0.06, (len(start), 1))
    rows = []
    for share in np.linspace(0, 1, _POINTS):
        way = unit((1 - share) * first / start + share * last)
        reach = start + min(3 * share, 1.0) * (np.maximum(end, start) - start)
        rows.append(SKULL + way * reach * SKULL_HALF)
    return np.stack(rows, 1)


def _outside(places: Float64Array, room: Float64Array) -> Float64Array:
    away = (places - SKULL) / SKULL_HALF
    far = np.linalg.norm(away, axis=1)
    scale = np.where(far < room, room / np.maximum(far, 1e-9), 1.0)
    return SKULL + away * scale[:, None] * SKULL_HALF


def _bun(hair: Strands, rng: np.random.Generator) -> Piece:
    """A ball of strands wound about the crown."""
    axis = unit(rng.standard_normal((_BUN_COUNT, 3)) * [0.3, 1.0, 1.0])
    first = unit(np.cross(axis, rng.standard_normal((_BUN_COUNT, 3))))
    second = np.cross(axis, first)
    angle = np.linspace(0, 2.4, _POINTS)[None, :, None]
    ring = np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None]
    size = _BUN_M * rng.uniform(0.8, 1.0, (_BUN_COUNT, 1, 1))
    middle = _CROWN + _BUN_AWAY_M
    return _ribbons(middle + size * ring, hair.colour, _WIDTH_M, rng, middle=middle)


def _ribbons(
    path: Float64Array,
    colour: Colour,
    width: float,
    rng: np.random.Generator,
    *,
    middle: Float64Array = SKULL,
) -> Piece:
    """Flat bands along strands (n, P, 3), darker at their roots."""
    count, points = path.shape[:2]
    along = unit(np.gradient(path, axis=1))
    outward = unit(path - middle)
    across = np.cross(along, unit(outward + 0.8 * rng.standard_normal((count, 1, 3))))
    taper = np.linspace(1.0, 0.35, points)[None, :, None]
    half = 0.5 * width * taper * unit(across)
    vertices = np.stack([path - half, path + half], 2).reshape(-1, 3)
    # A band is lit as the round strand that it stands for, mostly by where it lies on the head.
    normals = unit(outward - 0.6 * (outward * along).sum(2, keepdims=True) * along)
    shade = (
        rng.uniform(0.7, 1.25, (count, 1, 1)) * np.linspace(0.6, 1.0, points)[None, :, None] ** 0.5
    )
    tint = shade * np.array(colour)
    first = (2 * points * np.arange(count)[:, None] + 2 * np.arange(points - 1)[None]).reshape(
        -1, 1
    )
    faces = np.concatenate([first + np.array(corners) for corners in ((0, 1, 2), (1, 3, 2))])
    return Piece(
        vertices=vertices,
        faces=faces.astype(np.int32),
        normals=np.repeat(normals.reshape(-1, 3), 2, 0),
        colour=np.repeat(np.clip(tint.reshape(-1, 3), 0, 1), 2, 0),
        gloss=0.10,
    )


def make_glasses(head: HeadModel, vertices: Float64Array, colour: Colour) -> Piece:
    """A frame before the eyes, with temples to the ears; its lenses are clear."""
    eyes = head.joint_regressor[3:5].astype(np.float64) @ vertices
    lines = [_bridge(eyes)]
    for eye in eyes:
        side = float(np.sign(eye[0]))
        hinge = eye + np.array([side * 0.027, 0.006, 0.026])
        bend = np.array([side * 0.080, hinge[1], 0.02])
        ear = bend + np.array([0.0, 0.0, -0.065])
        lines += [_rim(eye), np.linspace(hinge, bend, 6), np.linspace(bend, ear, 8)]
    return _joined([_tube(line, _FRAME_M) for line in lines], colour, gloss=0.4)


def _rim(eye: Float64Array) -> Float64Array:
    """(P, 3) a rounded square before an eye's middle (3,), bent around the face."""
    angle = np.linspace(0, 2 * np.pi, 41)
    round_corner = (np.abs(np.cos(angle)) ** 5 + np.abs(np.sin(angle)) ** 5) ** -0.2
    x = eye[0] + _RIM_M[0] * round_corner * np.cos(angle)
    y = eye[1] - 0.003 + _RIM_M[1] * round_corner * np.sin(angle)
    return np.stack([x, y, eye[2] + 0.029 - 1.7 * (np.abs(x) - 0.03) ** 2], 1)


def _bridge(eyes: Float64Array) -> Float64Array:
    """(P, 3) between the rims, over the nose. eyes: (2, 3), the left one first."""
    inner = np.array([[-_RIM_M[0], 0.002, 0.0275], [_RIM_M[0], 0.002, 0.0275]])
    line = np.linspace(eyes[0] + inner[0], eyes[1] + inner[1], 9)
    arch = np.sin(np.linspace(0, np.pi, 9))[:, None]
    return line + arch * np.array([0.0, 0.002, 0.004])


def make_shirt(colour: Colour) -> Piece:
    """Shoulders under the neck's end."""
    angle = np.linspace(0, 2 * np.pi, 49)[None]
    down = np.linspace(0, 1, 12)[:, None]
    wide, deep = 0.064 + 0.15 * down**0.8, 0.060 + 0.05 * down
    x, z = wide * np.cos(angle), -0.068 + deep * np.sin(angle)
    fall = 0.06 * down**1.6 + 0.16 * down**6
    y = -0.118 - fall - 0.022 * np.clip(np.sin(angle), 0, 1) * (1 - down) + 0 * angle
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    return _grid(vertices, 12, 49, colour, gloss=0.0)


def _tube(
    line: Float64Array, radius: float, sides: int = 8
) -> tuple[Float64Array, Int32Array, Float64Array]:
    along = unit(np.gradient(line, axis=0))
    helper = np.array([0.13, 0.97, 0.21])
    first = unit(np.cross(along, helper))
    second = np.cross(along, first)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    normals = np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None]
    vertices = line[:, None] + radius * normals
    return vertices.reshape(-1, 3), _grid_faces(len(line), sides + 1), normals.reshape(-1, 3)


def _joined(
    tubes: list[tuple[Float64Array, Int32Array, Float64Array]], colour: Colour, gloss: float
) -> Piece:
    starts = np.cumsum([0, *(len(vertices) for vertices, _, _ in tubes)])
    vertices = np.concatenate([vertices for vertices, _, _ in tubes])
    return Piece(
        vertices=vertices,
        faces=np.concatenate(
            [f + s for (_, f, _), s in zip(tubes, starts[:-1], strict=True)]
        ).astype(np.int32),
        normals=np.concatenate([normals for _, _, normals in tubes]),
        colour=np.tile(np.array(colour), (len(vertices), 1)),
        gloss=gloss,
    )


def _grid(vertices: Float64Array, rows: int, columns: int, colour: Colour, gloss: float) -> Piece:
    faces = _grid_faces(rows, columns)
    normals = vertex_normals(vertices, faces)
    outward = vertices - [0, vertices[:, 1].mean() - 0.2, vertices[:, 2].mean()]
    normals = normals * np.sign((normals * outward).sum(1, keepdims=True))
    tint = np.tile(np.array(colour), (len(vertices), 1))
    return Piece(vertices=vertices, faces=faces, normals=normals, colour=tint, gloss=gloss)


def _grid_faces(rows: int, columns: int) -> Int32Array:
    first = (columns * np.arange(rows - 1)[:, None] + np.arange(columns - 1)[None]).reshape(-1, 1)
    quads = ((0, 1, columns), (1, columns + 1, columns))
    return np.concatenate([first + np.array(corners) for corners in quads]).astype(np.int32)


def unit(vectors: Float64Array) -> Float64Array:
    """Vectors (..., 3) at length one; those without a length stay so."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
