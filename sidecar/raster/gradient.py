# SPDX-License-Identifier: GPL-3.0-or-later
"""Gradients of compositing, from a picture's back to the ellipses that made it.

In a block the list is composited again, this time remembering each pixel's opening before each
Gaussian and its alpha, and then walked from the back. What a pixel says about a Gaussian's alpha
becomes moments over the pixels' offsets, from which every parameter's gradient follows
(`project_gradient`). Each entry of the tile lists has a row of its own, so threads never meet.
"""

# numba gives an intrinsic its first argument.
# pyright: reportCallIssue=false
from __future__ import annotations

import numpy as np
from numba import njit

from .composite import (
    _LANE_X,
    _LANE_Y,
    _NEAR_COLUMNS,
    BLOCKS,
    GROUP,
    LANES,
    MAX_ALPHA,
    MIN_OPEN,
    TILE,
    alpha_of,
    carry,
    gather,
    pick,
)
from .simd import bits_at_most, load, magnitude, splat, store, where_at_most

MOMENTS = 6
"""Sums over pixels of dL/dt times 1, dx, dy, dx dx, dx dy, dy dy; t as in `composite`."""


@njit(cache=True, nogil=True, error_model="numpy")
def composite_gradient(
    first, last, columns, starts, members, centres, shapes, colours, alpha, depth,
    colour_gradient, alpha_gradient, depth_gradient, rows,
):  # fmt: skip  # pragma: no cover - compiled
    """Writes the rows of the tiles first to last - 1: MOMENTS, C colours, depth.

    alpha, depth: what `composite_tiles` gave; the gradients are the pictures' own. rows: (pairs,
    MOMENTS + C + 1) float32.
    """
    channels = colours.shape[1]
    padded = (channels // GROUP + 1) * GROUP
    longest = 0
    for tile in range(first, last):
        longest = max(longest, starts[tile + 1] - starts[tile])
    near = np.empty((longest, _NEAR_COLUMNS), np.float32)
    carried = np.zeros((longest, padded), np.float32)
    touched = np.empty(longest, np.int32)
    entries = np.empty(longest, np.int64)
    listing = np.empty(longest, np.int32)
    before = np.empty(longest * LANES, np.float32)
    alphas = np.empty(longest * LANES, np.float32)
    vectors = -(-(channels + 1) // LANES)
    sums = np.empty((1 + vectors) * LANES * longest, np.float32)
    bases = offsets_of_blocks()
    flow = np.zeros(LANES * vectors * LANES, np.float32)
    turned = np.zeros(vectors * LANES * LANES, np.float32)
    flow_alpha, end = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    for tile in range(first, last):
        top, left = (tile // columns) * TILE, (tile % columns) * TILE
        count = 0
        for entry in range(starts[tile], starts[tile + 1]):
            rows[entry] = 0.0
            touched[count] = gather(centres, shapes, members[entry], left, top, near, count)
            entries[count] = entry
            usable = carry(colours, shapes, members[entry], carried, count)
            count += usable and touched[count] != 0
        sums[: count * (1 + vectors) * LANES] = 0.0
        for block in range(BLOCKS):
            listed = pick(touched, count, block, listing)
            if listed == 0:
                continue
            _read_flow(
                top + 4 * (block // 4),
                left + 4 * (block % 4),
                alpha,
                depth,
                colour_gradient,
                alpha_gradient,
                depth_gradient,
                vectors,
                flow,
                turned,
                flow_alpha,
            )
            used = _remember(near, listing, listed, block, before, alphas, end)
            _walk_back(
                carried,
                listing,
                used,
                block,
                channels,
                vectors,
                end,
                flow,
                turned,
                flow_alpha,
                bases,
                before,
                alphas,
                sums,
            )
        _write_rows(centres, members, entries, count, left, top, channels, vectors, sums, rows)


@njit(cache=True, nogil=True)
def offsets_of_blocks():  # pragma: no cover - compiled
    """For each block, for each of its pixels: 1, x, y, x x, x y, y y from the tile's first pixel,
    filled up to sixteen."""
    bases = np.zeros(BLOCKS * LANES * LANES, np.float32)
    for block in range(BLOCKS):
        for lane in range(LANES):
            x, y = 4 * (block % 4) + lane % 4, 4 * (block // 4) + lane // 4
            place = (block * LANES + lane) * LANES
            bases[place], bases[place + 1], bases[place + 2] = 1, x, y
            bases[place + 3], bases[place + 4], bases[place + 5] = x * x, x * y, y * y
    return bases


@njit(cache=True, nogil=True, error_model="numpy")
def _read_flow(
    y, x, alpha, depth, colour_gradient, alpha_gradient, depth_gradient, vectors, flow, turned,
    flow_alpha,
):  # fmt: skip  # pragma: no cover - compiled
    """A block's gradients: flow by pixel, then channel; turned by channel, then pixel. The last
    channel is the sum of depth that was divided by alpha."""
    channels = colour_gradient.shape[2]
    flow[:] = 0.0
    turned[:] = 0.0
    flow_alpha[:] = 0.0
    for lane in range(LANES):
        row, column = y + lane // 4, x + lane % 4
        if row < alpha.shape[0] and column < alpha.shape[1] and alpha[row, column] > 0:
            of_sum = depth_gradient[row, column] / alpha[row, column]
            flow_alpha[lane] = alpha_gradient[row, column] - of_sum * depth[row, column]
            for channel in range(channels):
                flow[lane * vectors * LANES + channel] = colour_gradient[row, column, channel]
            flow[lane * vectors * LANES + channels] = of_sum
            for channel in range(channels + 1):
                turned[channel * LANES + lane] = flow[lane * vectors * LANES + channel]


@njit(cache=True, nogil=True, error_model="numpy")
def _remember(near, listing, count, block, before, alphas, end):  # pragma: no cover - compiled
    """Composites as `composite` does. end: what stayed open. Returns how many were worked."""
    x = load(_LANE_X, 0) + np.float32(4 * (block % 4))
    y = load(_LANE_Y, 0) + np.float32(4 * (block // 4))
    left = splat(1.0)
    used = 0
    while used < count:
        alpha = alpha_of(near, listing[used], x, y)
        after = left - left * alpha
        store(before, used * LANES, left)
        store(alphas, used * LANES, where_at_most(after, MIN_OPEN, 0.0, alpha))
        left = where_at_most(after, MIN_OPEN, -magnitude(left), after)
        used += 1
        if used % 4 == 0 and bits_at_most(left, 0.0) == 0xFFFF:
            break
    store(end, 0, magnitude(left))
    return used


@njit(cache=True, nogil=True, error_model="numpy")
def _walk_back(
    carried, listing, used, block, channels, vectors, end, flow, turned, flow_alpha, bases,
    before, alphas, sums,
):  # fmt: skip  # pragma: no cover - compiled
    """Adds each Gaussian's moments and channels over the block. `behind` is what all that lies
    behind a Gaussian gives to the loss: it is seen through the Gaussian."""
    behind = -(load(end, 0) * load(flow_alpha, 0))
    for place in range(used - 1, -1, -1):
        i = listing[place]
        alpha, opened = load(alphas, place * LANES), load(before, place * LANES)
        worth = load(turned, 0) * carried[i, 0]
        for channel in range(1, channels + 1):
            worth = worth + load(turned, channel * LANES) * carried[i, channel]
        share = alpha * opened
        change = alpha * behind / (splat(1.0) - alpha) - share * worth
        behind = behind + share * worth
        store(before, place * LANES, share)
        # The alpha's clamp lets nothing through.
        store(alphas, place * LANES, where_at_most(splat(MAX_ALPHA), alpha, 0.0, change))
    for place in range(used):
        first = listing[place] * (1 + vectors) * LANES
        total = load(sums, first)
        for lane in range(LANES):
            basis = load(bases, (block * LANES + lane) * LANES)
            total = total + basis * alphas[place * LANES + lane]
        store(sums, first, total)
        for vector in range(vectors):
            total = load(sums, first + (1 + vector) * LANES)
            for lane in range(LANES):
                given = load(flow, (lane * vectors + vector) * LANES)
                total = total + given * before[place * LANES + lane]
            store(sums, first + (1 + vector) * LANES, total)


@njit(cache=True, nogil=True, error_model="numpy")
def _write_rows(
    centres, members, entries, count, left, top, channels, vectors, sums, rows
):  # pragma: no cover - compiled
    """Moments about the tile's first pixel -> about the Gaussian's centre."""
    for i in range(count):
        first = i * (1 + vectors) * LANES
        row, index = rows[entries[i]], members[entries[i]]
        x, y = left + 0.5 - centres[index, 0], top + 0.5 - centres[index, 1]
        m, mx, my = (
            np.float64(sums[first]),
            np.float64(sums[first + 1]),
            np.float64(sums[first + 2]),
        )
        row[0] = m
        row[1], row[2] = mx + x * m, my + y * m
        row[3] = sums[first + 3] + 2.0 * x * mx + x * x * m
        row[4] = sums[first + 4] + x * my + y * mx + x * y * m
        row[5] = sums[first + 5] + 2.0 * y * my + y * y * m
        for channel in range(channels + 1):
            row[MOMENTS + channel] = sums[first + LANES + channel]


@njit(cache=True, nogil=True)
def add_rows(first, last, members, rows, totals):  # pragma: no cover - compiled
    """totals (N, columns) float64 of the Gaussians first to last - 1: their rows' sums, in the
    lists' order."""
    for entry in range(members.shape[0]):
        index = members[entry]
        if first <= index < last:
            for column in range(rows.shape[1]):
                totals[index, column] += rows[entry, column]
