# SPDX-License-Identifier: GPL-3.0-or-later
"""Closes the lips: MakeHuman's stand a millimetre apart, and its mouthClose leaves a gap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ....shared.arrays import BoolArray, Float64Array

# Metres by which closed lips press into each other, so that no light falls through.
OVERLAP = 0.0004
# At jawOpen the upper lip's corners drop by 10 mm and the lower's by 14, of 34 in the middle.
LOWER_LIP_DROP = 0.36
# Metres over which the displacement fades from the line of the lips.
REACH_Y, REACH_Z = 0.0085, 0.010


def below_mouth(jaw_open: Float64Array, lip: BoolArray) -> BoolArray:
    """(n,) mask of vertices that jawOpen's displacement (n, 3) moves as far as the lower lip."""
    drop = -jaw_open[:, 1]
    return drop > LOWER_LIP_DROP * drop[lip].max()


def seal_lips(
    positions: Float64Array, posed: Float64Array, lip: BoolArray, lower: BoolArray
) -> Float64Array:
    """Displacement (N, 3) that closes the gap which the lips have in `posed`.

    positions, posed: (N, 3) metres at rest and in the pose to be sealed. lip: (N,) vertices of
    the lips; lower: (N,) those below the line. Each lip goes half the way.
    """
    rim = lip & _in_front(positions, lip & lower)
    corner = np.abs(positions[lip, 0]).max()
    x = np.clip(np.abs(positions[:, 0]) / corner, 0, 1)
    taper = np.clip((1 - x) / 0.06, 0, 1)
    upper, below = rim & ~lower, rim & lower
    middle = np.zeros(1)
    gap = _edge(posed, upper, lowest=True)(middle) - _edge(posed, below, lowest=False)(middle)
    # Toward the corners the lips' inner folds hide their edges, so the middle's gap is taken all
    # along: too much only presses them together.
    gap = np.maximum(gap + OVERLAP, 0) * taper * taper * (3 - 2 * taper)
    rest_line = 0.5 * (
        _edge(positions, upper, lowest=True)(x) + _edge(positions, below, lowest=False)(x)
    )
    near = lip & (np.abs(positions[:, 1] - rest_line) < 0.003)
    depth = np.polyval(np.polyfit(x[near], positions[near, 2], 2), x)
    away = np.minimum(np.abs(positions[:, 1] - rest_line) / REACH_Y, 1)
    behind = np.minimum(np.abs(positions[:, 2] - depth) / REACH_Z, 1)
    fade = (1 - away**2) ** 2 * (1 - behind**2) ** 2 * (np.abs(positions[:, 0]) < corner)
    displacement = np.zeros_like(positions)
    displacement[:, 1] = np.where(lower, 0.5, -0.5) * gap * fade
    return displacement


def _in_front(positions: Float64Array, lower_lip: BoolArray) -> BoolArray:
    """(N,) mask of the vertices at most 3 mm behind the front of the lower lip, where closed lips
    meet as seen from the front."""
    side = np.abs(positions[:, 0])
    strip = np.round(side[lower_lip] / 0.003).astype(int)
    depth = positions[lower_lip, 2]
    front = [depth[strip == k].max() for k in np.unique(strip)]
    return positions[:, 2] > np.interp(side, 0.003 * np.unique(strip), front) - 0.003


def _edge(
    positions: Float64Array, rim: BoolArray, *, lowest: bool
) -> Callable[[Float64Array], Float64Array]:
    """Height of one lip's free edge over |x| / corner: the even quartic that almost all of its
    vertices lie above (`lowest`) or below (asymmetric least squares, Newey and Powell 1987)."""
    side = np.abs(positions[rim, 0]) / np.abs(positions[rim, 0]).max()
    height = positions[rim, 1]
    powers = np.stack([side**0, side**2, side**4], 1)
    weight = np.ones(len(side))
    fit = np.zeros(3)
    for _ in range(50):
        root = np.sqrt(weight)[:, None]
        fit = np.linalg.lstsq(powers * root, height * root[:, 0], rcond=None)[0]
        outside = height < powers @ fit if lowest else height > powers @ fit
        weight = np.where(outside, 1.0, 0.01)
    return lambda x: fit[0] + fit[1] * x**2 + fit[2] * x**4
