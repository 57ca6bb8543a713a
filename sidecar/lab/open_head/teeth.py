# SPDX-License-Identifier: GPL-3.0-or-later
"""Teeth and gums, made along the dental arches of MakeHuman's crude helper teeth.

Crown widths are Wheeler's means (Dental Anatomy) in mm, scaled to fill each arch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array, Int64Array
from .parts import GUM, TOOTH, Part, affine_carry, region_index

# From the midline back: two incisors, canine, two premolars, two molars.
UPPER_WIDTHS = (8.5, 6.5, 7.5, 7.0, 7.0, 10.0, 9.0)
LOWER_WIDTHS = (5.3, 5.7, 7.0, 7.0, 7.0, 10.5, 10.0)
CROWN_DEPTH_MM = (5.5, 5.0, 6.5, 7.5, 7.5, 9.0, 9.0)
EDGE_DEPTH = (0.25, 0.28, 0.35, 0.75, 0.75, 0.9, 0.9)  # of the crown's depth, at the edge
CROWN_LENGTH = (1.0, 0.9, 1.03, 0.85, 0.8, 0.72, 0.7)  # of the central incisor's
LEVELS, AROUND = 6, 10
CONTACT = 1.03
"""Width of a crown as a share of its place in the arch: neighbours touch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arch:
    """One dental arch. points (K, 3): labial outline at the cutting edge from the far right
    molar round to the far left one, metres; up: +1 where crowns grow upward from the edge
    (upper jaw), -1 (lower jaw); length: of a central incisor's crown in metres."""

    points: Float64Array
    up: float
    length: float
    widths: tuple[float, ...]


def make_teeth(
    positions: Float64Array, helper: Int64Array, *, upper: bool, inset: float, lift: float
) -> Part:
    """Makes crowns and gum of one jaw. inset, lift: metres that the arch moves inward and up, so
    that the upper incisors bite in front of the lower ones."""
    outline = _outline(positions[helper], upper=upper)
    outline = outline + np.array([0, lift, 0]) - inset * _outward(outline)
    arch = Arch(
        points=_resample(outline, 400),
        up=1.0 if upper else -1.0,
        length=0.0102 if upper else 0.0088,
        widths=UPPER_WIDTHS if upper else LOWER_WIDTHS,
    )
    pieces = [*_crowns(arch), _gum(arch)]
    counts = np.cumsum([0] + [len(v) for v, _, _ in pieces])
    vertices = np.concatenate([v for v, _, _ in pieces])
    faces = np.concatenate([f + c for (_, f, _), c in zip(pieces, counts[:-1], strict=True)])
    colour = np.concatenate([c for _, _, c in pieces])
    uv = np.zeros((len(faces), 3, 2))
    return Part(
        name="teeth_upper" if upper else "teeth_lower",
        vertices=vertices,
        faces=faces,
        uv=uv,
        region=np.full(len(vertices), region_index("teeth")),
        colour=colour,
        carry=affine_carry(positions, helper, vertices),
    )


def _outline(points: Float64Array, *, upper: bool) -> Float64Array:
    """(17, 3) the helper's cutting edges from the head's right to its left, made symmetric."""
    row = points[np.argsort(points[:, 1] if upper else -points[:, 1])[:17]]
    row = row[np.argsort(np.arctan2(row[:, 0], row[:, 2] - 0.085))]
    return 0.5 * (row + row[::-1] * np.array([-1, 1, 1]))


def _outward(outline: Float64Array) -> Float64Array:
    tangent = np.gradient(outline, axis=0)
    normal = np.cross(tangent, [0.0, 1.0, 0.0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return normal * np.sign((normal * (outline - [0, 0, 0.085])).sum(1, keepdims=True))


def _resample(outline: Float64Array, count: int) -> Float64Array:
    """Points at equal arc length on a smooth curve through the outline."""
    from scipy.interpolate import make_smoothing_spline

    step = np.linalg.norm(np.diff(outline, axis=0), axis=1)
    arc = np.concatenate([[0], np.cumsum(step)])
    grid = np.linspace(0, arc[-1], count)
    columns = [make_smoothing_spline(arc, outline[:, k], lam=1e-8)(grid) for k in range(3)]
    return np.stack(columns, 1)


def _crowns(arch: Arch) -> list[tuple[Float64Array, Int64Array, Float64Array]]:
    half = 0.5 * np.linalg.norm(np.diff(arch.points, axis=0), axis=1).sum()
    scale = half / sum(arch.widths)
    outward = _outward(arch.points)
    crowns = []
    for side in (-1, 1):
        begin = 0.0
        for tooth, width in enumerate(arch.widths):
            middle = side * (begin + 0.5 * width) * scale / half  # -1..1 along the arch
            place = round((0.5 + 0.5 * middle) * (len(arch.points) - 1))
            frame = (arch.points[place], outward[place])
            crowns.append(_crown(arch, frame, tooth, 0.5 * width * scale * CONTACT))
            begin += width
    return crowns


def _crown(
    arch: Arch, frame: tuple[Float64Array, Float64Array], tooth: int, half_width: float
) -> tuple[Float64Array, Int64Array, Float64Array]:
    """Makes a crown of rounded rectangles from the cutting edge (t = 0) into the gum."""
    origin, outward = frame
    along = np.cross([0.0, 1.0, 0.0], outward)
    depth = 1e-3 * CROWN_DEPTH_MM[tooth]
    length = arch.length * CROWN_LENGTH[tooth] + 0.003  # the last 3 mm are inside the gum
    t = np.array([0.0, 0.06, 0.2, 0.45, 0.75, 1.0])
    round_edge = np.array([0.86, 0.96, 1.0, 1.0, 0.95, 0.86])
    thick = EDGE_DEPTH[tooth] + (1 - EDGE_DEPTH[tooth]) * np.sin(
        0.5 * np.pi * np.minimum(1, t / 0.8)
    )
    thick[0] *= 0.6
    # The labial face curves: it leans back toward the cutting edge and toward the gum.
    lean = -0.0009 * (1 - t) ** 2 - 0.0012 * t**2
    theta = np.linspace(0, 2 * np.pi, AROUND, endpoint=False) + np.pi / AROUND
    c, s = np.cos(theta), np.sin(theta)
    square_c, square_s = np.sign(c) * np.abs(c) ** 0.55, np.sign(s) * np.abs(s) ** 0.7
    rings = [
        origin
        + arch.up * length * t[k] * np.array([0.0, 1.0, 0.0])
        + np.outer(half_width * round_edge[k] * square_c, along)
        + np.outer(0.5 * depth * thick[k] * (square_s - 1) + lean[k], outward)
        for k in range(LEVELS)
    ]
    tip = rings[0].mean(0)
    vertices = np.concatenate([*rings, [tip]])
    faces = _tube_faces(LEVELS, AROUND, closed=False)
    i = np.arange(AROUND)
    cap = np.stack([np.full(AROUND, len(vertices) - 1), i, (i + 1) % AROUND], 1)
    faces = np.concatenate([faces, cap])
    # Toward the gum enamel is thin and yellow dentine shows; back teeth lie in the mouth's shade.
    neck = np.concatenate([np.repeat(t, AROUND), [0.0]])[:, None]
    colour = TOOTH * (1 - neck * np.array([0.05, 0.08, 0.16])) * (1 - 0.05 * tooth)
    return vertices, _oriented(vertices, faces), colour


def _gum(arch: Arch) -> tuple[Float64Array, Int64Array, Float64Array]:
    """Makes the gum: a tube along the arch in which the crowns stand."""
    count, around = 41, 10
    place = np.linspace(0, len(arch.points) - 1, count).round().astype(int)
    outward = _outward(arch.points)[place]
    theta = np.linspace(0, 2 * np.pi, around, endpoint=False)
    height, depth = 0.0055, 0.0052
    middle = (
        arch.points[place] + arch.up * np.array([0, arch.length + 0.0042, 0]) - 0.0042 * outward
    )
    rings = (
        middle[:, None]
        + height * np.cos(theta)[None, :, None] * np.array([0.0, 1.0, 0.0])
        + depth * np.sin(theta)[None, :, None] * outward[:, None]
    )
    vertices = rings.reshape(-1, 3)
    faces = _tube_faces(count, around, closed=False)
    return vertices, _oriented(vertices, faces), np.tile(GUM, (len(vertices), 1))


def _tube_faces(rings: int, around: int, *, closed: bool) -> Int64Array:
    i = np.arange(around)
    j = (i + 1) % around
    faces = []
    for r in range(rings if closed else rings - 1):
        a, b = r * around, ((r + 1) % rings) * around
        faces += [np.stack([a + i, b + i, b + j], 1), np.stack([a + i, b + j, a + j], 1)]
    return np.concatenate(faces)


def _oriented(vertices: Float64Array, faces: Int64Array) -> Int64Array:
    """Turns the faces outward: then the closed surface has a positive volume."""
    a, b, c = (vertices[faces[:, k]] - vertices.mean(0) for k in range(3))
    return faces if np.einsum("nd,nd->", a, np.cross(b, c)) > 0 else faces[:, ::-1]
