# SPDX-License-Identifier: GPL-3.0-or-later
"""Gradients of compositing and of the projection: from a picture back to its Gaussians.

Each block's list is composited again. This time each pixel's transmittance before each Gaussian
and the Gaussian's alpha are stored, and the list is walked from back to front. The gradient of a
Gaussian's alpha at the pixels is summed up as moments over the pixels' offsets, from which every
parameter's gradient follows (`project_gradient`). Each entry of the tile lists has a row of its
own, so that no two threads write the same number.
"""

# numba gives an intrinsic its first argument.
# pyright: reportCallIssue=false
from __future__ import annotations

import numpy as np
from numba import njit

from .composite import (
    BLOCKS,
    GROUP,
    LANE_X,
    LANE_Y,
    LANES,
    MAX_ALPHA,
    MIN_OPEN,
    NEAR_COLUMNS,
    TILE,
    alpha_of,
    carry,
    gather,
    pick,
)
from .project import HIDDEN, LOW_PASS, reach_of_rays
from .simd import absolute, broadcast, load, mask_at_most, select_at_most, store

MOMENTS = 6
"""Sums over pixels of dL/dt times 1, dx, dy, dx dx, dx dy, dy dy; t as in `composite`."""


@njit(cache=True, nogil=True, error_model="numpy")
def composite_gradient(
    first,
    last,
    columns,
    starts,
    members,
    centres,
    shapes,
    colours,
    alpha,
    depth,
    colour_gradient,
    alpha_gradient,
    depth_gradient,
    rows,
):  # pragma: no cover - compiled
    """Writes the rows of the tiles first to last - 1.

    alpha, depth: the pictures of `composite_tiles`; *_gradient: the loss's gradients by the three
    pictures. rows: (entries, MOMENTS + C + 1) float32: moments, C colours, depth.
    """
    channels = colours.shape[1]
    padded = (channels // GROUP + 1) * GROUP
    longest = 0
    for tile in range(first, last):
        longest = max(longest, starts[tile + 1] - starts[tile])
    near = np.empty((longest, NEAR_COLUMNS), np.float32)
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
    """1, x, y, x x, x y, y y of each pixel of each block, from the tile's first pixel, padded with
    zeros to sixteen values."""
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
    y,
    x,
    alpha,
    depth,
    colour_gradient,
    alpha_gradient,
    depth_gradient,
    vectors,
    flow,
    turned,
    flow_alpha,
):  # pragma: no cover - compiled
    """Reads the gradients at a block's pixels into flow (pixel, channel), turned (channel, pixel)
    and flow_alpha (pixel). The last channel is the sum of depths before its division by alpha."""
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
    """Composites as `composite` does and stores each step. end: the transmittance at the end.
    Returns how many Gaussians were composited."""
    x = load(LANE_X, 0) + np.float32(4 * (block % 4))
    y = load(LANE_Y, 0) + np.float32(4 * (block // 4))
    left = broadcast(1.0)
    used = 0
    while used < count:
        alpha = alpha_of(near, listing[used], x, y)
        after = left - left * alpha
        store(before, used * LANES, left)
        store(alphas, used * LANES, select_at_most(after, MIN_OPEN, 0.0, alpha))
        left = select_at_most(after, MIN_OPEN, -absolute(left), after)
        used += 1
        if used % 4 == 0 and mask_at_most(left, 0.0) == 0xFFFF:
            break
    store(end, 0, absolute(left))
    return used


@njit(cache=True, nogil=True, error_model="numpy")
def _walk_back(
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
):  # pragma: no cover - compiled
    """Adds each Gaussian's moments and channel gradients over the block to `sums`. `behind` is
    what everything behind a Gaussian, seen through it, contributes to the loss."""
    behind = -(load(end, 0) * load(flow_alpha, 0))
    for place in range(used - 1, -1, -1):
        i = listing[place]
        alpha, opened = load(alphas, place * LANES), load(before, place * LANES)
        worth = load(turned, 0) * carried[i, 0]
        for channel in range(1, channels + 1):
            worth = worth + load(turned, channel * LANES) * carried[i, channel]
        share = alpha * opened
        change = alpha * behind / (broadcast(1.0) - alpha) - share * worth
        behind = behind + share * worth
        store(before, place * LANES, share)
        # The alpha's clamp lets nothing through.
        store(alphas, place * LANES, select_at_most(broadcast(MAX_ALPHA), alpha, 0.0, change))
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
    """Writes the rows of a tile, with moments about the Gaussian's centre instead of the tile's
    first pixel."""
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
    """Sums the rows of each of the Gaussians first to last - 1 into totals (N, columns) float64,
    in the lists' order."""
    for entry in range(members.shape[0]):
        index = members[entry]
        if first <= index < last:
            for column in range(rows.shape[1]):
                totals[index, column] += rows[entry, column]


@njit(cache=True, nogil=True, error_model="numpy")
def project_gradient(
    first,
    last,
    means,
    quaternions,
    scales,
    opacities,
    pose,
    lens,
    keys,
    totals,
    mean_out,
    quaternion_out,
    scale_out,
    opacity_out,
):  # pragma: no cover - compiled
    """Writes the gradients of the Gaussians first to last - 1 and leaves those of Gaussians that
    are not drawn. totals: (N, MOMENTS + C + 1) float64 from `add_rows`."""
    most_x, least_x = reach_of_rays(lens.focal_x, lens.centre_x, lens.width)
    most_y, least_y = reach_of_rays(lens.focal_y, lens.centre_y, lens.height)
    turn = np.empty((3, 3))
    turn_gradient = np.empty((3, 3))
    rows = np.empty((2, 3))
    row_gradient = np.empty((2, 3))
    seen = np.empty((2, 3))
    point = np.empty(3)
    for i in range(first, last):
        if keys[i] == HIDDEN:
            continue
        for axis in range(3):
            point[axis] = pose[axis, 3]
            for k in range(3):
                point[axis] += pose[axis, k] * means[i, k]
        inverse = 1.0 if lens.orthographic else 1.0 / point[2]
        ray_x, ray_y = point[0] * inverse, point[1] * inverse
        slope_x, slope_y = min(max(ray_x, least_x), most_x), min(max(ray_y, least_y), most_y)
        if lens.orthographic:
            slope_x = slope_y = 0.0
        scale_x, scale_y = lens.focal_x * inverse, lens.focal_y * inverse
        length = rotation(quaternions[i], turn)
        xx = xy = yy = 0.0
        for k in range(3):
            rows[0, k] = scale_x * (pose[0, k] - slope_x * pose[2, k])
            rows[1, k] = scale_y * (pose[1, k] - slope_y * pose[2, k])
        for k in range(3):
            for axis in range(2):
                seen[axis, k] = 0.0
                for j in range(3):
                    seen[axis, k] += rows[axis, j] * turn[j, k]
            squared = np.float64(scales[i, k]) ** 2
            xx += squared * seen[0, k] * seen[0, k]
            xy += squared * seen[0, k] * seen[1, k]
            yy += squared * seen[1, k] * seen[1, k]
        of_xx, of_xy, of_yy, opacity_out[i], a, b, c = covariance_gradient(
            totals[i], xx, xy, yy, cross_squared(seen, scales[i]), opacities[i], lens.antialiased
        )
        row_gradient[:] = 0.0
        for k in range(3):
            size = np.float64(scales[i, k])
            of_first = 2.0 * of_xx * seen[0, k] + of_xy * seen[1, k]
            of_second = 2.0 * of_yy * seen[1, k] + of_xy * seen[0, k]
            scale_out[i, k] = size * (of_first * seen[0, k] + of_second * seen[1, k])
            of_first, of_second = of_first * size * size, of_second * size * size
            for j in range(3):
                row_gradient[0, j] += of_first * turn[j, k]
                row_gradient[1, j] += of_second * turn[j, k]
                turn_gradient[j, k] = of_first * rows[0, j] + of_second * rows[1, j]
        rotation_gradient(quaternions[i], length, turn_gradient, quaternion_out[i])
        # A centre to the right moves every offset to the left.
        of_x = -lens.focal_x * (a * totals[i, 1] + b * totals[i, 2])
        of_y = -lens.focal_y * (b * totals[i, 1] + c * totals[i, 2])
        of_inverse = of_slope_x = of_slope_y = 0.0
        if not lens.orthographic:
            for k in range(3):
                of_inverse += row_gradient[0, k] * rows[0, k] / inverse
                of_inverse += row_gradient[1, k] * rows[1, k] / inverse
                of_slope_x -= scale_x * row_gradient[0, k] * pose[2, k]
                of_slope_y -= scale_y * row_gradient[1, k] * pose[2, k]
            of_x += of_slope_x if least_x < ray_x < most_x else 0.0
            of_y += of_slope_y if least_y < ray_y < most_y else 0.0
            of_inverse += of_x * point[0] + of_y * point[1]
        of_z = totals[i, totals.shape[1] - 1] - inverse * inverse * of_inverse
        for k in range(3):
            mean_out[i, k] = inverse * (of_x * pose[0, k] + of_y * pose[1, k]) + of_z * pose[2, k]


@njit(cache=True, nogil=True, error_model="numpy")
def covariance_gradient(
    totals, xx, xy, yy, squared_area, opacity, antialiased
):  # pragma: no cover - compiled
    """Gradients by the covariance before the low-pass (xx, xy, yy) and by the opacity, and the
    conic a, b, c of t = (a dx dx + c dy dy) / 2 + b dx dy - ln opacity."""
    m, mxx, mxy, myy = totals[0], 0.5 * totals[3], 0.5 * totals[4], 0.5 * totals[5]
    determinant = squared_area + LOW_PASS * (xx + yy) + LOW_PASS * LOW_PASS
    wide_xx, wide_yy = xx + LOW_PASS, yy + LOW_PASS
    a, b, c = wide_yy / determinant, -xy / determinant, wide_xx / determinant
    # An inverse's gradient: -C G C.
    of_xx = -(a * a * mxx + 2.0 * a * b * mxy + b * b * myy)
    of_xy = -2.0 * (a * b * mxx + (a * c + b * b) * mxy + b * c * myy)
    of_yy = -(b * b * mxx + 2.0 * b * c * mxy + c * c * myy)
    if antialiased:
        half = 0.5 * m
        of_xx -= half * (yy / squared_area - a)
        of_yy -= half * (xx / squared_area - c)
        of_xy += m * (xy / squared_area + b)
    return of_xx, of_xy, of_yy, -m / opacity, a, b, c


@njit(cache=True, nogil=True, error_model="numpy")
def cross_squared(seen, scales):  # pragma: no cover - compiled
    """The covariance's determinant before the low-pass."""
    total = 0.0
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        area = seen[0, i] * seen[1, j] - seen[0, j] * seen[1, i]
        total += (area * np.float64(scales[i]) * np.float64(scales[j])) ** 2
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def rotation(quaternion, out):  # pragma: no cover - compiled
    """Writes the quaternion's rotation matrix into out; returns the quaternion's length."""
    w, x = np.float64(quaternion[0]), np.float64(quaternion[1])
    y, z = np.float64(quaternion[2]), np.float64(quaternion[3])
    squared = w * w + x * x + y * y + z * z
    n = 2.0 / squared
    out[0, 0], out[0, 1] = 1 - n * (y * y + z * z), n * (x * y - w * z)
    out[0, 2], out[1, 0] = n * (x * z + w * y), n * (x * y + w * z)
    out[1, 1], out[1, 2] = 1 - n * (x * x + z * z), n * (y * z - w * x)
    out[2, 0], out[2, 1] = n * (x * z - w * y), n * (y * z + w * x)
    out[2, 2] = 1 - n * (x * x + y * y)
    return np.sqrt(squared)


@njit(cache=True, nogil=True, error_model="numpy")
def rotation_gradient(quaternion, length, g, out):  # pragma: no cover - compiled
    """Writes the gradient by the quaternion, from that by its matrix, g (3, 3). It is 0 along the
    quaternion itself, whose length does not matter."""
    w, x = quaternion[0] / length, quaternion[1] / length
    y, z = quaternion[2] / length, quaternion[3] / length
    gw = x * (g[2, 1] - g[1, 2]) + y * (g[0, 2] - g[2, 0]) + z * (g[1, 0] - g[0, 1])
    gx = y * (g[0, 1] + g[1, 0]) + z * (g[0, 2] + g[2, 0]) + w * (g[2, 1] - g[1, 2])
    gx -= 2.0 * x * (g[1, 1] + g[2, 2])
    gy = x * (g[0, 1] + g[1, 0]) + z * (g[1, 2] + g[2, 1]) + w * (g[0, 2] - g[2, 0])
    gy -= 2.0 * y * (g[0, 0] + g[2, 2])
    gz = x * (g[0, 2] + g[2, 0]) + y * (g[1, 2] + g[2, 1]) + w * (g[1, 0] - g[0, 1])
    gz -= 2.0 * z * (g[0, 0] + g[1, 1])
    along = w * gw + x * gx + y * gy + z * gz
    scale = 2.0 / length
    out[0], out[1] = scale * (gw - along * w), scale * (gx - along * x)
    out[2], out[3] = scale * (gy - along * y), scale * (gz - along * z)
