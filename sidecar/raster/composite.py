# SPDX-License-Identifier: GPL-3.0-or-later
"""Front-to-back compositing of tile lists, sixteen pixels at a time.

A tile of 16 x 16 pixels has sixteen blocks of 4 x 4, and a block's pixels are one SIMD vector.
A tile's list is worked in pieces. Each Gaussian of a piece goes on the lists of the blocks that it
touches. Then each block finds every pixel's share of each Gaussian, and adds up the Gaussians'
channels by these shares. Positions are relative to the tile's first pixel, so float32 is enough
at any picture size.
"""

# numba gives an intrinsic its first argument.
# pyright: reportCallIssue=false
from __future__ import annotations

import numpy as np
from numba import njit

from .simd import (
    LANES,
    absolute,
    broadcast,
    load,
    mask_at_most,
    maximum,
    minimum,
    select_at_most,
    store,
)

TILE = 16
BLOCKS = 16
PIECE = 256
"""Gaussians of a list that are composited at once: their shares in a block fill 16 KiB."""
GROUP = 4
"""Channels that are added up side by side, enough to hide the latency of an addition."""
MAX_ALPHA = 0.999
MIN_ALPHA = 1.0 / 255.0
MIN_OPEN = 1e-4
LIMIT = float(-np.log(MIN_ALPHA))
"""The t at which exp(-t) is the smallest alpha that is drawn."""

# A Gaussian at the pixel offset dx, dy from its centre has the alpha exp(-t), with
# t = (S dx + R dy)^2 + (Q dy)^2 + K.
S, R, Q, K, DEPTH, SHAPE_COLUMNS = range(6)
# The same for one tile, from its first pixel's centre: t = (S x + R y + U)^2 + (Q y + V)^2 + K.
_U, _V, NEAR_COLUMNS = 4, 5, 6

LANE_X = np.arange(LANES, dtype=np.float32) % 4
LANE_Y = np.arange(LANES, dtype=np.float32) // 4


@njit(cache=True, nogil=True, error_model="numpy")
def exponential(t):  # pragma: no cover - compiled
    """exp(-t) for 0 <= t <= LIMIT with a relative error of 2e-6: the eighth power of a polynomial
    that approximates exp(-t / 8) there."""
    e = t * -1.8026728e-07 + 9.7369848e-06
    e = e * t - 3.2431069e-04
    e = e * t + 7.8109963e-03
    e = e * t - 1.2499938e-01
    e = e * t + 1.0
    e = e * e
    e = e * e
    return e * e


@njit(cache=True, nogil=True, error_model="numpy")
def alpha_of(near, i, x, y):  # pragma: no cover - compiled
    """The Gaussian's alpha at the tile's pixels x, y; 0 below the least that is drawn."""
    u = x * near[i, S] + (y * near[i, R] + near[i, _U])
    v = y * near[i, Q] + near[i, _V]
    t = u * u + (v * v + near[i, K])
    alpha = minimum(exponential(maximum(minimum(t, LIMIT), 0.0)), MAX_ALPHA)
    return select_at_most(t, LIMIT, alpha, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def composite_tiles(
    first,
    last,
    columns,
    starts,
    members,
    centres,
    shapes,
    colours,
    colour_out,
    alpha_out,
    depth_out,
):  # pragma: no cover - compiled
    """Composites the tiles first to last - 1 and writes all of their pixels.

    starts: (tiles + 1,) and members: the lists of `project.list_tiles`. centres, shapes: those of
    `project.Ellipses`. colours: (N, C) float32.
    """
    channels = colours.shape[1]
    groups = channels // GROUP + 1
    height, width = alpha_out.shape
    flat_colour, flat_alpha = colour_out.reshape(-1), alpha_out.reshape(-1)
    flat_depth = depth_out.reshape(-1)
    near = np.empty((PIECE, NEAR_COLUMNS), np.float32)
    carried = np.zeros((PIECE, groups * GROUP), np.float32)
    touched = np.empty(PIECE, np.int32)
    listing = np.empty(PIECE, np.int32)
    share = np.empty(PIECE * LANES, np.float32)
    still_open = np.empty(BLOCKS * LANES, np.float32)
    light = np.empty(BLOCKS * groups * GROUP * LANES, np.float32)
    for tile in range(first, last):
        top, left = (tile // columns) * TILE, (tile % columns) * TILE
        if starts[tile] == starts[tile + 1]:
            colour_out[top : top + TILE, left : left + TILE] = 0.0
            alpha_out[top : top + TILE, left : left + TILE] = 0.0
            depth_out[top : top + TILE, left : left + TILE] = np.inf
            continue
        still_open[:] = 1.0
        light[:] = 0.0
        open_blocks = np.int64((1 << BLOCKS) - 1)
        for begin in range(starts[tile], starts[tile + 1], PIECE):
            end, count = min(begin + PIECE, starts[tile + 1]), 0
            for place in range(begin, end):
                index = members[place]
                touched[count] = gather(centres, shapes, index, left, top, near, count)
                count += carry(colours, shapes, index, carried, count) and touched[count] != 0
            for block in range(BLOCKS):
                if open_blocks >> block & 1:
                    listed = pick(touched, count, block, listing)
                    used = _find_shares(near, listing, listed, block, still_open, share)
                    if used < 0:
                        used = -used
                        open_blocks &= ~(1 << block)
                    for group in range(groups):
                        _add_group(carried, listing, used, block, group, groups, share, light)
            if not open_blocks:
                break
        _write(
            top,
            left,
            width,
            height,
            channels,
            groups,
            still_open,
            light,
            flat_colour,
            flat_alpha,
            flat_depth,
        )


@njit(cache=True, nogil=True, error_model="numpy")
def gather(centres, shapes, index, left, top, near, slot):  # pragma: no cover - compiled
    """Writes a Gaussian relative to a tile. Returns a bit for each block that it may touch: where
    the smallest values of t's two squares in the block, each on its own, stay within LIMIT."""
    s, r, q, k = shapes[index, S], shapes[index, R], shapes[index, Q], shapes[index, K]
    dx = np.float32(left + 0.5 - centres[index, 0])
    dy = np.float32(top + 0.5 - centres[index, 1])
    u, v = s * dx + r * dy, q * dy
    near[slot, S], near[slot, R], near[slot, Q], near[slot, K] = s, r, q, k
    near[slot, _U], near[slot, _V] = u, v
    column, row = load(LANE_X, 0) * 4.0 + 1.5, load(LANE_Y, 0) * 4.0 + 1.5
    away_u = absolute(column * s + (row * r + u)) - np.float32(1.5) * (abs(s) + abs(r))
    away_v = absolute(row * q + v) - np.float32(1.5) * q
    away_u, away_v = maximum(away_u, 0.0), maximum(away_v, 0.0)
    return mask_at_most(away_u * away_u + (away_v * away_v + k), LIMIT + 1e-3)


@njit(cache=True, nogil=True, error_model="numpy")
def carry(colours, shapes, index, carried, slot):  # pragma: no cover - compiled
    """Writes the Gaussian's colour and depth. Returns False if one is not finite, which would spoil
    every pixel of the block."""
    channels = colours.shape[1]
    nothing = np.float32(0.0)
    for channel in range(channels):
        carried[slot, channel] = colours[index, channel]
        nothing += colours[index, channel] * np.float32(0.0)
    carried[slot, channels] = shapes[index, DEPTH]
    return nothing == 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def pick(touched, count, block, listing):  # pragma: no cover - compiled
    """Lists the Gaussians that touch the block, without a branch; returns their number."""
    listed = 0
    for i in range(count):
        listing[listed] = i
        listed += (touched[i] >> block) & 1
    return listed


@njit(cache=True, nogil=True, error_model="numpy")
def _find_shares(near, listing, count, block, still_open, share):  # pragma: no cover - compiled
    """Writes each pixel's share of each Gaussian on the block's list. still_open: each pixel's
    transmittance, negative once the pixel has ended. Returns how many Gaussians were composited,
    negated if all pixels have ended."""
    x = load(LANE_X, 0) + np.float32(4 * (block % 4))
    y = load(LANE_Y, 0) + np.float32(4 * (block // 4))
    left = load(still_open, block * LANES)
    for place in range(count):
        given = left * alpha_of(near, listing[place], x, y)
        after = left - given
        store(share, place * LANES, select_at_most(after, MIN_OPEN, 0.0, given))
        left = select_at_most(after, MIN_OPEN, -absolute(left), after)
        if place % 4 == 3 and mask_at_most(left, 0.0) == 0xFFFF:
            store(still_open, block * LANES, left)
            return -(place + 1)
    store(still_open, block * LANES, left)
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _add_group(carried, listing, count, block, group, groups, share, light):  # pragma: no cover
    """Adds the shares of four channels to the block's light, in registers."""
    first = group * GROUP
    where = ((block * groups + group) * GROUP) * LANES
    a, b = load(light, where), load(light, where + LANES)
    c, d = load(light, where + 2 * LANES), load(light, where + 3 * LANES)
    for place in range(count):
        i = listing[place]
        given = load(share, place * LANES)
        a = a + given * carried[i, first]
        b = b + given * carried[i, first + 1]
        c = c + given * carried[i, first + 2]
        d = d + given * carried[i, first + 3]
    store(light, where, a)
    store(light, where + LANES, b)
    store(light, where + 2 * LANES, c)
    store(light, where + 3 * LANES, d)


@njit(cache=True, nogil=True, error_model="numpy")
def _write(
    top, left, width, height, channels, groups, still_open, light, colour_out, alpha_out, depth_out
):  # pragma: no cover - compiled
    """Writes a tile's pixels to the three pictures, which are flat arrays."""
    for block in range(BLOCKS):
        alpha = broadcast(1.0) - absolute(load(still_open, block * LANES))
        first = block * groups * GROUP * LANES
        depth = select_at_most(
            alpha, 0.0, np.inf, load(light, first + channels * LANES) / maximum(alpha, 1e-6)
        )
        store(light, first + channels * LANES, depth)
        store(still_open, block * LANES, alpha)
        y, x = top + 4 * (block // 4), left + 4 * (block % 4)
        for row in range(min(4, height - y)):
            pixel = (y + row) * width + x
            lane = row * 4
            for column in range(min(4, width - x)):
                alpha_out[pixel + column] = still_open[block * LANES + lane + column]
                depth_out[pixel + column] = light[first + channels * LANES + lane + column]
                for channel in range(channels):
                    place = (pixel + column) * channels + channel
                    colour_out[place] = light[first + channel * LANES + lane + column]
