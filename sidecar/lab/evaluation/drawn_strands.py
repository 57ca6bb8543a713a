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
_HAIRLINE_Z = np.array([-0.15, -0.10, -0.075, -0.065, -0.035, -0.022, -0.008, 0.012, 0.03, 0.045, 0.06])
_HAIRLINE_Y = np.array([-0.045, -0.045, -0.02, 0.03, 0.03, 0.012, 0.045, 0.064, 0.083, 0.09, 0.10])
"""The lower edge of the scalp, seen from the side."""
_EAR_FROM_M = 0.0715
_COUNT, _POINTS, _WIDTH_M = 9000, 10, 0.0011
_BEARD_COUNT, _BEARD_WIDTH_M = 3600, 0.0007
_CROWN = np.array([0.0, 0.098, -0.128])
_BUN_M, _BUN_COUNT = 0.036, 1400


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
    """Where strands begin: places (n, 3), normals (n, 3), and rest (n, 3) on the head's template."""

    places: Float64Array
    normals: Float64Array
    rest: Float64Array


def on_scalp(rest: Float64Array) -> BoolArray:
    """(N,) whether points of the template (N, 3) bear hair."""
    above = rest[:, 1] > np.interp(rest[:, 2], _HAIRLINE_Z, _HAIRLINE_Y)
    ear = (np.abs(rest[:, 0]) > _EAR_FROM_M) & (rest[:, 1] < 0.034) & (rest[:, 2] > -0.075)
    return above & ~ear


def on_beard(rest: Float64Array) -> Float64Array:
    """(N,) 0 to 1, how densely a beard grows at points of the template (N, 3)."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    # From below the ears along the cheeks to the upper lip, and down to the throat.
    edge = np.interp(x, [0.0, 0.02, 0.03, 0.045, 0.062, 0.075], [-0.023, -0.026, -0.042, -0.030, 0.0, 0.01])
    grown = np.clip((edge - y) / 0.006, 0, 1) * np.clip((y + 0.108) / 0.01, 0, 1)
    return grown * np.clip((z + 0.028) / 0.008, 0, 1) * on_moustache_gap(rest)


def on_moustache_gap(rest: Float64Array) -> Float64Array:
    """(N,) 0 where lips are, 1 elsewhere."""
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    away = np.hypot(x / 0.026, (y + 0.047) / 0.0125)
    return np.clip((away - 1) / 0.12, 0, 1)


def scatter(head: HeadModel, vertices: Float64Array, wanted: Float64Array, count: int, seed: int) -> Roots:
    """Roots spread over the skin. wanted: (F,) share of each face."""
    rng = np.random.default_rng(seed)
    corners = vertices[head.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    skin = head.region[head.faces[:, 0]] == REGIONS.index("skin")
    share = area * wanted * skin
    chosen = rng.choice(len(share), count, p=share / share.sum())
    weights = rng.dirichlet([1, 1, 1], count)
    normals = vertex_normals(vertices, head.faces)
    return Roots(
        places=np.einsum("nk,nkc->nc", weights, corners[chosen]),
        normals=_unit(np.einsum("nk,nkc->nc", weights, normals[head.faces[chosen]])),
        rest=np.einsum("nk,nkc->nc", weights, head.template[head.faces[chosen]].astype(np.float64)),
    )


def grow_hair(head: HeadModel, vertices: Float64Array, hair: Strands, seed: int) -> list[Piece]:
    """Hair on the head at rest, vertices (V, 3)."""
    middle = head.template[head.faces].mean(1).astype(np.float64)
    roots = scatter(head, vertices, on_scalp(middle).astype(np.float64), _COUNT, seed)
    rng = np.random.default_rng(seed + 1)
    length = hair.length * rng.uniform(0.75, 1.1, len(roots.places))
    forward = (roots.rest[:, 2] > -0.02) & (roots.rest[:, 1] > 0.075)
    comb, lift, weight = _combed(hair, roots, forward)
    if hair.style == "fringe":
        length = np.where(forward, 0.055, length)
    if hair.style == "bun":
        tied = _ribbons(_tied(roots, rng), hair.colour, _WIDTH_M, rng)
        return [tied, _bun(hair, rng)]
    path = _grow(roots, comb, lift, length, weight, hair.wave, rng)
    return [_ribbons(path, hair.colour, _WIDTH_M, rng)]


def grow_beard(head: HeadModel, vertices: Float64Array, beard: Strands, seed: int) -> Piece:
    """A beard on the posed head, vertices (V, 3): it goes with the skin."""
    middle = head.template[head.faces].mean(1).astype(np.float64)
    wanted = on_beard(middle)
    if beard.only == "lip":
        wanted = wanted * (np.abs(middle[:, 0]) < 0.032) * (middle[:, 1] > -0.048)
    roots = scatter(head, vertices, wanted, _BEARD_COUNT if beard.only is None else 900, seed + 2)
    rng = np.random.default_rng(seed + 3)
    side = np.sign(roots.rest[:, :1]) * (np.abs(roots.rest[:, :1]) < 0.035) * (roots.rest[:, 1:2] > -0.045)
    comb = np.array([0.0, -1.0, 0.15]) + side * np.array([1.2, 0.3, 0.0])
    length = beard.length * rng.uniform(0.5, 1.1, len(roots.places))
    path = _grow(roots, comb, np.full(len(comb), 0.55), length, 0.5, beard.wave, rng, skull=False)
    return _ribbons(path, beard.colour, _BEARD_WIDTH_M, rng)


def _combed(hair: Strands, roots: Roots, forward: BoolArray) -> tuple[Float64Array, Float64Array, float]:
    """Where each strand is combed to (n, 3), how far it stands off (n,), and how much it hangs."""
    count = len(roots.places)
    side = np.sign(roots.rest[:, :1])
    back = forward[:, None] * np.array([0.0, 0.3, -1.3])  # out of the face
    ways = {
        "back": (np.tile([0.0, 0.15, -1.0], (count, 1)), 0.18, 0.35),
        "side": (np.where(roots.rest[:, :1] > 0.025, 1, -1) * [1.0, 0, 0] + [0, -0.2, -0.35], 0.25, 0.6),
        "fringe": (side * [0.3, 0, 0] + [0, -1.0, -0.2], 0.3, 0.6),
        "round": (roots.normals, 1.0, 0.0),
        "long": (side * [0.8, 0, 0] + [0, -0.6, -0.5] + back, 0.2, 1.0),
        "bob": (side * [0.8, 0, 0] + [0, -0.6, -0.4] + back, 0.2, 1.0),
        "bun": (_CROWN - roots.places, 0.0, 0.0),
    }
    comb, lift, weight = ways[hair.style]
    if hair.style == "fringe":
        comb = np.where(forward[:, None], roots.rest * [4.0, 0, 0] + [0, -0.5, 1.0], comb)
    return comb, np.full(count, lift), weight


def _grow(
    roots: Roots,
    comb: Float64Array,
    lift: Float64Array,
    length: Float64Array,
    weight: float,
    wave: float,
    rng: np.random.Generator,
    *,
    skull: bool = True,
) -> Float64Array:
    """(n, P, 3) the strands' points: combed along the skin, lifted off it, hanging by their weight,
    outside the skull."""
    count = len(roots.places)
    along = comb - (comb * roots.normals).sum(1, keepdims=True) * roots.normals
    way = _unit(_unit(along) + lift[:, None] * roots.normals)
    step = length[:, None] / (_POINTS - 1)
    phase, turn = rng.uniform(0, 2 * np.pi, (count, 1)), np.clip(rng.standard_normal((count, 3)), -1.4, 1.4)
    points = [roots.places]
    room = 1.0 + rng.uniform(0.0, 0.05, count)
    for number in range(1, _POINTS):
        bend = wave * 0.12 * (np.sin(phase + 1.3 * number) * turn + 0.4 * rng.standard_normal((count, 3)))
        way = _unit(way + bend + weight * 0.6 * np.array([0.0, -1.0, 0.0]))
        place = points[-1] + step * way
        points.append(_outside(place, room) if skull else place)
    return np.stack(points, 1)


def _tied(roots: Roots, rng: np.random.Generator) -> Float64Array:
    """(n, P, 3) strands drawn tight over the skull to the crown."""
    first, last = ((places - SKULL) / SKULL_HALF for places in (roots.places, _CROWN))
    start = np.linalg.norm(first, axis=1, keepdims=True)
    end = 1.0 + rng.uniform(0.02, 0.06, (len(start), 1))
    rows = []
    for share in np.linspace(0, 1, _POINTS):
        way = _unit((1 - share) * first / start + share * last)
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
    axis = _unit(rng.standard_normal((_BUN_COUNT, 3)) * [0.3, 1.0, 1.0])
    first = _unit(np.cross(axis, rng.standard_normal((_BUN_COUNT, 3))))
    second = np.cross(axis, first)
    angle = np.linspace(0, 2.4, _POINTS)[None, :, None]
    ring = np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None]
    size = _BUN_M * rng.uniform(0.8, 1.0, (_BUN_COUNT, 1, 1))
    middle = _CROWN + [0.0, 0.018, -0.012]
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
    along = _unit(np.gradient(path, axis=1))
    outward = _unit(path - middle)
    across = np.cross(along, _unit(outward + 0.8 * rng.standard_normal((count, 1, 3))))
    taper = np.linspace(1.0, 0.35, points)[None, :, None]
    half = 0.5 * width * taper * _unit(across)
    vertices = np.stack([path - half, path + half], 2).reshape(-1, 3)
    # A band is lit as the round strand that it stands for, mostly by where it lies on the head.
    normals = _unit(outward - 0.6 * (outward * along).sum(2, keepdims=True) * along)
    shade = rng.uniform(0.7, 1.25, (count, 1, 1)) * np.linspace(0.6, 1.0, points)[None, :, None] ** 0.5
    tint = shade * np.array(colour)
    first = (2 * points * np.arange(count)[:, None] + 2 * np.arange(points - 1)[None]).reshape(-1, 1)
    faces = np.concatenate([first + [0, 1, 2], first + [1, 3, 2]]).astype(np.int32)
    return Piece(
        vertices=vertices,
        faces=faces,
        normals=np.repeat(normals.reshape(-1, 3), 2, 0),
        colour=np.repeat(np.clip(tint.reshape(-1, 3), 0, 1), 2, 0),
        gloss=0.10,
    )


def make_glasses(head: HeadModel, vertices: Float64Array, colour: Colour) -> Piece:
    """A frame before the eyes, with temples to the ears; its lenses are clear."""
    eyes = head.joint_regressor[3:5].astype(np.float64) @ vertices
    tubes = []
    angle = np.linspace(0, 2 * np.pi, 41)
    for eye in eyes:
        square = 1 / np.maximum(np.abs(np.cos(angle)) ** 5 + np.abs(np.sin(angle)) ** 5, 1e-9) ** 0.2
        ring = eye + np.stack(
            [0.0255 * square * np.cos(angle), -0.003 + 0.0195 * square * np.sin(angle), 0.029 - 0.05 * (np.abs(eye[0] + 0.0255 * square * np.cos(angle)) - 0.03) ** 2 / 0.03], 1
        )
        tubes.append(_tube(ring, 0.0016))
        out = np.sign(eye[0])
        hinge = eye + [out * 0.027, 0.006, 0.026]
        ear = np.array([out * 0.080, eye[1] + 0.006, -0.045])
        tubes.append(_tube(np.linspace(hinge, [ear[0], hinge[1], 0.02], 6), 0.0016))
        tubes.append(_tube(np.linspace([ear[0], hinge[1], 0.02], ear, 8), 0.0016))
    bridge = np.linspace(eyes[0] + [-0.0255, 0.002, 0.0275], eyes[1] + [0.0255, 0.002, 0.0275], 9)
    bridge[:, 2] += 0.004 * np.sin(np.linspace(0, np.pi, 9))
    bridge[:, 1] += 0.002 * np.sin(np.linspace(0, np.pi, 9))
    tubes.append(_tube(bridge, 0.0016))
    return _joined(tubes, colour, gloss=0.4)


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


def _tube(line: Float64Array, radius: float, sides: int = 8) -> tuple[Float64Array, Int32Array, Float64Array]:
    along = _unit(np.gradient(line, axis=0))
    helper = np.array([0.13, 0.97, 0.21])
    first = _unit(np.cross(along, helper))
    second = np.cross(along, first)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    normals = np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None]
    vertices = line[:, None] + radius * normals
    return vertices.reshape(-1, 3), _grid_faces(len(line), sides + 1), normals.reshape(-1, 3)


def _joined(tubes: list[tuple[Float64Array, Int32Array, Float64Array]], colour: Colour, gloss: float) -> Piece:
    starts = np.cumsum([0, *(len(vertices) for vertices, _, _ in tubes)])
    vertices = np.concatenate([vertices for vertices, _, _ in tubes])
    return Piece(
        vertices=vertices,
        faces=np.concatenate([f + s for (_, f, _), s in zip(tubes, starts[:-1], strict=True)]).astype(np.int32),
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
    return np.concatenate([first + [0, 1, columns], first + [1, columns + 1, columns]]).astype(np.int32)


def _unit(vectors: Float64Array) -> Float64Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
