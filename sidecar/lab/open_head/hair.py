# SPDX-License-Identifier: GPL-3.0-or-later
"""Brows and lashes as tapered strands that ride on the surface below them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array, Int64Array
from .parts import BROW, LASH, SKIN, Part, barycentric_carry, region_index

# A brow's middle line in the front view, from the inner end out: metres from the eye's centre,
# outward and up. The widths taper to the tail.
BROW_OUT = np.array([-0.0170, -0.0100, -0.0010, 0.0090, 0.0175, 0.0245])
BROW_UP = np.array([0.0170, 0.0187, 0.0205, 0.0216, 0.0204, 0.0174])
BROW_WIDTH = np.array([0.0062, 0.0078, 0.0074, 0.0062, 0.0044, 0.0020])
# How far the hairs lean outward from straight up, radians, along the brow.
BROW_LEAN = np.array([0.25, 0.7, 1.05, 1.25, 1.4, 1.5])
BROW_PALE = np.array([0.05, 0.0, 0.0, 0.34])
"""Shares of the skin's colour in the four points of a brow's hair: its ends are too fine for the
mesh."""
BROW_EDGE_PALE = 0.25
"""The same, more, in hairs at the upper and lower edge of the brow."""
BROW_LIFT_M = np.array([0.0003, 0.0005, 0.0005, 0.0005])
"""How far the four points stand off the skin: far enough to be seen, and not to stand out of the
forehead's outline."""
LASH_REACH_M = 0.0015
"""A lash's tip follows the part of MakeHuman's strip that is about this near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The triangles that strands stand on. vertices: (N, 3) of the base mesh; faces: (F, 3);
    normals: (F, 3) of the triangles."""

    vertices: Float64Array
    faces: Int64Array
    normals: Float64Array

    @staticmethod
    def of(vertices: Float64Array, faces: Int64Array) -> Surface:
        a, b, c = (vertices[faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        return Surface(vertices=vertices, faces=faces, normals=normal / np.maximum(length, 1e-12))

    def project(self, front: Float64Array) -> tuple[Int64Array, Float64Array]:
        """The frontmost triangle under each (n, 2) point of the front view, and barycentrics."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        ab, ac = (b - a)[:, :2], (c - a)[:, :2]
        area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
        corners, weights = [], []
        for point in front:
            p = point - a[:, :2]
            v = (p[:, 0] * ac[:, 1] - p[:, 1] * ac[:, 0]) / np.where(area == 0, np.inf, area)
            w = (ab[:, 0] * p[:, 1] - ab[:, 1] * p[:, 0]) / np.where(area == 0, np.inf, area)
            inside = (v >= -1e-9) & (w >= -1e-9) & (v + w <= 1 + 1e-9) & (area > 0)
            depth = np.where(inside, a[:, 2] + v * (b - a)[:, 2] + w * (c - a)[:, 2], -np.inf)
            best = int(depth.argmax())
            corners.append(best)
            weights.append([1 - v[best] - w[best], v[best], w[best]])
        return np.array(corners), np.array(weights)


def make_brow(surface: Surface, eye: Float64Array, side: float, strands: int, seed: int) -> Part:
    """Makes one brow above the eye at `eye` (3,). side: +1 on the head's left, else -1.

    A hair is a bent kite of four points: the root, both sides of its middle, and the tip, which
    stands off the skin and is paler, so that the brow's edge is soft."""
    rng = np.random.default_rng(seed)
    root, middle, tip, width, edge = _brow_hairs(rng, strands)
    half = 0.5 * width * _across(tip - root)
    flat = np.stack([root, middle - half, middle + half, tip], 1).reshape(-1, 2)
    flat = flat * [side, 1.0] + eye[:2]
    first = 4 * np.arange(strands)[:, None]
    turned = int(-side)
    faces = np.concatenate([first + corners for corners in ([0, 1, 2], [1, 3, 2])])[:, ::turned]
    shade = rng.uniform(0.75, 1.3, strands)[:, None, None] * BROW
    pale = np.minimum(BROW_PALE + BROW_EDGE_PALE * edge[:, None], 0.8)[:, :, None]
    colour = shade * (1 - pale) + SKIN * pale
    return _ride(
        surface,
        flat,
        np.tile(BROW_LIFT_M, strands),
        faces,
        name=f"brow_{'left' if side > 0 else 'right'}",
        region="brow",
        colour=np.clip(colour, 0, 1).reshape(-1, 3),
    )


def _brow_hairs(
    rng: np.random.Generator, strands: int
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]:
    """Roots, middles and tips (n, 2), widths (n, 1) and nearness to an edge (n,) of a brow's hairs,
    metres outward and up from the eye's centre. Hairs stand dense along the middle line and thin
    out to all sides."""
    along = rng.beta(1.15, 1.15, strands)
    across = np.clip(rng.normal(0, 0.24, strands), -0.5, 0.5)
    edge = np.abs(across) / 0.5
    knots = np.linspace(0, 1, len(BROW_OUT))
    place = np.interp(along, knots, BROW_OUT)
    height = np.interp(along, knots, BROW_UP) + across * np.interp(along, knots, BROW_WIDTH)
    # Hairs of the lower edge rise, those of the upper edge lie down: they meet in the middle.
    lean = np.interp(along, knots, BROW_LEAN) + 0.9 * across * np.clip(along / 0.3, 0, 1)
    lean += rng.normal(0, 0.09, strands)
    length = rng.uniform(0.0050, 0.0080, strands) * np.interp(along, [0, 0.2, 1], [0.75, 1, 0.65])
    length *= 1 - 0.3 * edge
    bend = rng.normal(0.18, 0.07, strands)  # radians by which a hair's halves lean outward
    low, high = _leaning(lean - bend), _leaning(lean + bend)
    root = np.stack([place, height], 1) - 0.4 * length[:, None] * _leaning(lean)
    middle = root + 0.5 * length[:, None] * low
    width = (
        rng.uniform(0.00034, 0.00044, (strands, 1))
        * np.interp(along, [0, 0.12, 0.8, 1], [0.7, 1, 1, 0.7])[:, None]
    )
    return root, middle, middle + 0.5 * length[:, None] * high, width, edge


def _leaning(angle: Float64Array) -> Float64Array:
    """(n, 2) unit vectors, radians outward from straight up."""
    return np.stack([np.sin(angle), np.cos(angle)], 1)


def _across(along: Float64Array) -> Float64Array:
    """(n, 2) unit vectors at right angles to vectors (n, 2)."""
    return _unit(np.stack([along[:, 1], -along[:, 0]], 1))


def _ride(
    surface: Surface,
    front: Float64Array,
    lift: Float64Array,
    faces: Int64Array,
    *,
    name: str,
    region: str,
    colour: Float64Array,
) -> Part:
    triangle, weights = surface.project(front)
    corners = surface.faces[triangle]
    vertices = np.einsum("nk,nkd->nd", weights, surface.vertices[corners])
    vertices = vertices + lift[:, None] * surface.normals[triangle]
    return Part(
        name=name,
        vertices=vertices,
        faces=faces,
        uv=np.zeros((len(faces), 3, 2)),
        region=np.full(len(vertices), region_index(region)),
        colour=colour,
        carry=barycentric_carry(corners, weights),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lashes:
    """One row of lashes: on the upper or lower lid, their number, and the random seed."""

    upper: bool
    name: str
    strands: int
    seed: int


def make_lashes(
    positions: Float64Array, helper: Int64Array, eye: Float64Array, lashes: Lashes
) -> Part:
    """Makes the lashes of one lid from MakeHuman's strip `helper` (n,). eye: (3,) the eye's centre.
    Roots follow the strip's rim at the lid, tips the strip near them."""
    strands, upper = lashes.strands, lashes.upper
    rng = np.random.default_rng(lashes.seed)
    rim = lid_rim(positions[helper] - eye)[:: int(np.sign(eye[0]))]
    weights = np.zeros((strands, len(helper)))
    weights[np.arange(strands)[:, None], rim] = shares_along(
        positions[helper[rim]], strands, (0.10, 0.95)
    )
    root = weights @ positions[helper]
    # The roots stand on the lid's edge, a little in front of the strip's own rim.
    radial = (root - eye) / np.linalg.norm(root - eye, axis=1, keepdims=True)
    root = root + 0.0006 * radial
    along = np.linspace(0, 1, strands)[:, None]
    length = (0.0044 if upper else 0.0022) * rng.uniform(0.8, 1.15, (strands, 1))
    length = length * np.interp(along, [0, 0.3, 0.75, 1], [0.45, 0.9, 1.1, 0.5])
    rise = 1.0 if upper else -1.0
    fan = np.c_[(0.9 * along - 0.3) * np.sign(eye[0]), np.zeros((strands, 2))]
    start = radial + fan + np.array([0, 0.1 * rise, 0.3])
    middle, tip = (
        root + 0.5 * length * start,
        root + length * (1.2 * start + np.array([0, 0.5 * rise, 0])),
    )
    half = (0.00032 if upper else 0.00024) * _unit(np.gradient(root, axis=0))
    points = np.stack([root - half, root + half, middle - 0.6 * half, middle + 0.6 * half, tip], 1)
    vertices = points.reshape(-1, 3)
    pull = _near(positions[helper], tip)
    follow = np.stack([weights, weights, pull, pull, pull], 1).reshape(-1, len(helper))
    return Part(
        name=lashes.name,
        vertices=vertices,
        faces=_strand_faces(strands),
        uv=np.zeros((3 * strands, 3, 2)),
        region=np.full(len(vertices), region_index("lash")),
        colour=np.tile(LASH, (len(vertices), 1)),
        carry=lambda d: follow @ d[helper],
    )


def _strand_faces(strands: int) -> Int64Array:
    """Triangles of strands of five points: two at the root, two at the middle, the tip."""
    first = 5 * np.arange(strands)[:, None]
    return np.concatenate([first + corners for corners in ([0, 1, 3], [0, 3, 2], [2, 3, 4])])


def _unit(vectors: Float64Array) -> Float64Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _near(points: Float64Array, targets: Float64Array) -> Float64Array:
    """(n, N) shares of the `points` (N, 3) by a Gaussian of their distance to each target."""
    distance = np.linalg.norm(targets[:, None] - points[None], axis=2)
    nearest = distance.min(1, keepdims=True)
    share = np.exp(-0.5 * (distance**2 - nearest**2) / LASH_REACH_M**2)
    return share / share.sum(1, keepdims=True)


def lid_rim(strip: Float64Array) -> Int64Array:
    """Indices of a lash strip's vertices (N, 3), from the eye's centre, on the lid: the nearest to
    the ball, in order along x."""
    reach = np.linalg.norm(strip, axis=1)
    rim = np.flatnonzero(reach < np.quantile(reach, 0.185))
    return rim[np.argsort(strip[rim, 0])]


def shares_along(line: Float64Array, count: int, ends: tuple[float, float]) -> Float64Array:
    """(count, n) shares of the points of a line (n, 3) in places spread evenly along it, between
    `ends`, shares of its length."""
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    places = np.linspace(*ends, count) * length[-1]
    return np.stack([np.interp(places, length, row) for row in np.eye(len(line))], 1)
