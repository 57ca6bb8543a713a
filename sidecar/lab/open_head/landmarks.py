# SPDX-License-Identifier: GPL-3.0-or-later
"""The 68 iBUG landmarks on the open head, as points of its triangles."""

from __future__ import annotations

import numpy as np

from ....shared.arrays import BoolArray, Float64Array, Int64Array
from .assemble import Assembly
from .hair import BROW_OUT, BROW_UP, Surface

_BROW_ABOVE_M = 0.0005
"""iBUG's annotators put a brow's points above its middle, toward the upper edge."""


def find_landmarks(assembly: Assembly, lower_lip: BoolArray) -> tuple[Int64Array, Float64Array]:
    """Finds faces (68,) and barycentric weights (68, 3). lower_lip: (V,) mask of its vertices.

    Points are found in the front view, then put on the frontmost triangle: brows from the line of
    their hairs, eyes and mouth from the outline of their openings, the jaw from the silhouette of
    the face.
    """
    skin = assembly.slice_of("skin")
    surface = Surface.of(assembly.vertices, _faces_within(assembly, skin))
    points = np.concatenate(
        [
            _jaw(assembly.vertices[skin]),
            _brows(assembly),
            _nose(assembly.vertices[skin]),
            _eyes(assembly, surface),
            _mouth(assembly, lower_lip),
        ]
    )
    return surface.project(points)


def _faces_within(assembly: Assembly, vertices: Int64Array) -> Int64Array:
    """The faces (n, 3) all of whose corners are among `vertices`."""
    return assembly.faces[np.isin(assembly.faces, vertices).all(1)]


def _centre(assembly: Assembly, side: str) -> Float64Array:
    return assembly.vertices[assembly.slice_of(f"eye_{side}")].mean(0)


def _jaw(skin: Float64Array) -> Float64Array:
    """17 points from the right ear round the chin to the left: the widest skin at each height."""
    chin = skin[(np.abs(skin[:, 0]) < 0.004) & (skin[:, 2] > 0.03) & (skin[:, 1] > -0.1)]
    low = chin[:, 1].min() + 0.004
    high = 0.012
    sideways = []
    for height in np.linspace(high, low, 9)[:-1]:
        band = skin[(np.abs(skin[:, 1] - height) < 0.004) & (skin[:, 2] > -0.012)]
        share = (high - height) / (high - low)
        # Further down the outline lies further in front.
        front = band[band[:, 2] > -0.012 + 0.05 * share]
        sideways.append([-(front[:, 0].max()) * 0.985, height])
    sideways.append([0.0, low])
    right = np.array(sideways)
    return np.concatenate([right, right[-2::-1] * [-1, 1]])


def _brows(assembly: Assembly) -> Float64Array:
    knots = np.linspace(0, 1, 5)
    grid = np.linspace(0, 1, len(BROW_OUT))
    up = np.interp(knots, grid, BROW_UP) + _BROW_ABOVE_M
    line = np.stack([np.interp(knots, grid, BROW_OUT), up], 1)
    left = _centre(assembly, "left")[:2] + line
    right = _centre(assembly, "right")[:2] + line * [-1, 1]
    return np.concatenate([right[::-1], left])


def _nose(skin: Float64Array) -> Float64Array:
    tip = skin[skin[:, 2].argmax()]
    bridge = np.linspace(0.022, tip[1], 4)
    base = tip[1] - 0.009
    wing = skin[
        (np.abs(skin[:, 1] - base) < 0.006)
        & (skin[:, 2] > tip[2] - 0.028)
        & (np.abs(skin[:, 0]) < 0.024)
    ]
    width = 0.72 * wing[:, 0].max()
    across = np.linspace(-width, width, 5)
    drop = 0.0015 * np.cos(np.linspace(-np.pi / 2, np.pi / 2, 5))
    return np.concatenate([np.c_[np.zeros(4), bridge], np.c_[across, base - drop]])


def _eyes(assembly: Assembly, skin: Surface) -> Float64Array:
    """Each eye: outer or inner corner first as iBUG orders them, six points clockwise."""
    points = []
    for side, sign in (("right", -1.0), ("left", 1.0)):
        upper = _rim(assembly, f"lash_upper_{side}", sign)
        lower = _rim(assembly, f"lash_lower_{side}", sign)
        inner, outer = 0.5 * (upper[0] + lower[0]), 0.5 * (upper[-1] + lower[-1])
        thirds = inner + (outer - inner) * np.array([[1 / 3], [2 / 3]])
        ups, downs = (
            [rim[np.abs(rim[:, 0] - x).argmin()] for x in thirds[:, 0]] for rim in (upper, lower)
        )
        ball = Surface.of(
            assembly.vertices, _faces_within(assembly, assembly.slice_of(f"eye_{side}"))
        )
        # The lashes end short of the corners: there the ball, not the lids, lies in front.
        inner = _reach_skin(inner, np.array([-sign, 0.0]), skin, ball)
        outer = _reach_skin(outer, np.array([sign, 0.0]), skin, ball)
        if sign < 0:
            points += [outer, ups[1], ups[0], inner, downs[0], downs[1]]
        else:
            points += [inner, ups[0], ups[1], outer, downs[1], downs[0]]
    return np.array(points)


def _reach_skin(
    start: Float64Array, direction: Float64Array, skin: Surface, ball: Surface
) -> Float64Array:
    """The first point (2,) of the front view from `start` on, in `direction`, where the skin lies
    before the eyeball."""
    path = start + np.arange(0, 0.008, 0.0002)[:, None] * direction
    return path[int((_depth(skin, path) > _depth(ball, path)).argmax())]


def _depth(surface: Surface, front: Float64Array) -> Float64Array:
    """(n,) z of the surface at points (n, 2) of the front view; minus infinity beside it."""
    triangle, weights = surface.project(front)
    depth = np.einsum("nk,nk->n", weights, surface.vertices[surface.faces[triangle], 2])
    return np.where((weights >= -1e-6).all(1), depth, -np.inf)


def _rim(assembly: Assembly, part: str, sign: float) -> Float64Array:
    """Lash roots of one lid in the front view, from the nose outward."""
    roots = assembly.vertices[assembly.slice_of(part)].reshape(-1, 5, 3)[:, :2].mean(1)
    return roots[np.argsort(sign * roots[:, 0])][:, :2]


def _mouth(assembly: Assembly, lower_lip: BoolArray) -> Float64Array:
    """12 outer and 8 inner points, from the head's right corner over the upper lip."""
    from .parts import region_index

    skin = assembly.parts[0]
    lip = np.flatnonzero(skin.region == region_index("lip"))
    places = assembly.vertices[lip]
    front = places[:, 2] > places[:, 2].max() - 0.022
    lips, below = places[front], lower_lip[lip[front]]
    corner = lips[:, 0].max()
    middle = np.abs(lips[:, 0]) < 0.006
    # Closed lips meet between the lowest of the upper and the highest of the lower one.
    meet = middle & (lips[:, 2] > lips[middle, 2].max() - 0.008)
    line = 0.5 * (lips[meet & ~below, 1].min() + lips[meet & below, 1].max())
    middle = lips[middle]
    top, bottom = middle[:, 1].max(), middle[:, 1].min()
    x = corner * np.array([-1, -0.62, -0.22, 0, 0.22, 0.62, 1])
    upper = line + (top - line) * np.array([0, 0.72, 1.0, 0.93, 1.0, 0.72, 0]) * 0.97
    lower = line + (bottom - line) * np.array([0, 0.70, 0.97, 1.0, 0.97, 0.70, 0]) * 0.97
    outer = np.concatenate([np.c_[x, upper], np.c_[x[5:0:-1], lower[5:0:-1]]])
    inner_x = corner * np.array([-0.85, -0.35, 0, 0.35, 0.85])
    inner_upper = line + np.array([0, 0.0012, 0.0012, 0.0012, 0])
    inner = np.concatenate(
        [np.c_[inner_x, inner_upper], np.c_[inner_x[3:0:-1], line - 0.0012 * np.ones(3)]]
    )
    return np.concatenate([outer, inner])
