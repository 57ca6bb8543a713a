# SPDX-License-Identifier: GPL-3.0-or-later
"""How deep hair lies that hangs beside a head: where the photo shows it over a cheek's rim, and
where it begins behind that."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter1d

from ...shared.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from ..raster.mesh import MeshFragments
from .framing import Frame

HIGHEST_M = 0.014
"""Hair before the head lies at most so far off it."""
_FORWARD, _FORWARD_ON_TOP = 0.4, 5.0
_TEMPLE_M, _CROWN_M = 0.060, 0.120
"""Hair beside the head comes forward from the head's rim by at most so much of its way outwards,
below the temple and from the crown on: a head that has turned by 60 degrees shows its cheek."""
_RIM_ROWS, _RIM_INNER_PIXELS, _RIM_BEFORE_M = 6.0, 2, 0.025
"""The rim's depth is smoothed over so many rows, is the deepest of so many pixels at its end, and
lies at most so far before the ears: what is seen through the hole of an ear is none."""
_CURTAIN_PIXELS, _CURTAIN_LEAST_PIXELS, _CURTAIN_ROWS, _CURTAIN_SURE = 18, 2, 9, 0.35
"""Hair falls over a cheek's rim where it covers so much of the cheek, on so many rows."""
_CURTAIN_BEFORE_M, CURTAIN_OFF_M, _CURTAIN_RISES_M = 0.035, 0.025, 0.0012
"""How far before the ears it lies at most, and before the skin; what a row above it lies behind."""


def hanging(near: MeshFragments, solid: BoolArray, plane: float) -> Float64Array:
    """(2, H) the depth of hair that falls over the rim of a cheek, left and right in the picture:
    that of the skin where it begins, below as above, and the further back the higher above;
    infinite where there is none. It hangs straight to the side, or it would wind around the cheek
    with the skin, which is steep there."""
    out = np.full((2, len(solid)), np.inf)
    on = near.face >= 0
    for side, (head, hair, depth) in enumerate(
        ((on, solid, near.depth), (on[:, ::-1], solid[:, ::-1], near.depth[:, ::-1]))
    ):
        rows = np.flatnonzero(head.any(1))
        first = head[rows].argmax(1)
        window = np.minimum(first[:, None] + np.arange(_CURTAIN_PIXELS + 1), head.shape[1] - 1)
        over = np.logical_and.accumulate(hair[rows[:, None], window], 1).sum(1)
        held = (over >= _CURTAIN_LEAST_PIXELS) & (over <= _CURTAIN_PIXELS)
        if held.sum() < _CURTAIN_ROWS:
            continue
        found, weight = np.zeros(len(solid)), np.zeros(len(solid))
        begins = depth[rows, window[np.arange(len(rows)), np.minimum(over, _CURTAIN_PIXELS)]]
        found[rows[held]], weight[rows[held]] = begins[held], 1
        weight = gaussian_filter1d(weight, _CURTAIN_ROWS)
        found = gaussian_filter1d(found, _CURTAIN_ROWS) / np.maximum(weight, 1e-9)
        known = np.flatnonzero(weight > _CURTAIN_SURE)
        if not len(known):
            continue
        above = np.searchsorted(known, np.arange(len(solid)), "right") - 1
        straight = found[known[np.maximum(above, 0)]].clip(plane - _CURTAIN_BEFORE_M, plane)
        over_it = np.maximum(known[0] - np.arange(len(solid)), 0)
        out[side] = straight + _CURTAIN_RISES_M * over_it
    return out


def depth_beside(
    near: MeshFragments, height: Float32Array, frame: Frame, plane: float, curtains: Float64Array
) -> Float64Array:
    """(H, W) the least depth of hair beside the head, from that of the head's rim in the nearest
    row, so that hair which hangs beside a cheek lies behind it. near: the head without its ears;
    height: (H, W) of what it shows on the template, metres; plane: the depth of the ears, which is
    the deepest; curtains: see `hanging`."""
    on = near.face >= 0
    if not on.any():
        return np.full(on.shape, -np.inf)
    depth = np.where(on, near.depth, -np.inf).astype(np.float64)
    away, (row, column) = nearest(on)
    rows = np.flatnonzero(on.any(1))
    first, last = on[rows].argmax(1), on.shape[1] - 1 - on[rows, ::-1].argmax(1)
    rims = np.zeros((2, on.shape[0]))
    for side, end, step in ((0, first, 1), (1, last, -1)):
        within = np.clip(end[:, None] + step * np.arange(_RIM_INNER_PIXELS), first[:, None],
                         last[:, None])  # fmt: skip
        ends_depth = depth[rows[:, None], within].max(1).clip(plane - _RIM_BEFORE_M, plane)
        rims[side, rows] = gaussian_filter1d(ends_depth, _RIM_ROWS)
    rims = np.minimum(rims, curtains)
    middle = np.zeros(on.shape[0])
    middle[rows] = 0.5 * (first + last)
    rim = rims[(column > middle[row]).astype(int), row]
    top = np.clip((height[row, column] - _TEMPLE_M) / (_CROWN_M - _TEMPLE_M), 0, 1) ** 2
    forward = _FORWARD + (_FORWARD_ON_TOP - _FORWARD) * top
    return rim - top * HIGHEST_M - forward * away * rim / frame.camera.focal_x


def nearest(mask: BoolArray) -> tuple[Float64Array, Int64Array]:
    """(H, W) pixels to the nearest one of the mask, and (2, H, W) its row and column."""
    found = distance_transform_edt(~mask, return_indices=True)
    assert isinstance(found, tuple)
    away, index = found
    return away, index.astype(np.int64)
