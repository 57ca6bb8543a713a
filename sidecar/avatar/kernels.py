# SPDX-License-Identifier: GPL-3.0-or-later
"""The loops behind a moving avatar, in single precision, a few passes over memory each.

Nothing here starts threads or depends on how many there are; all release Python's lock.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..raster.mesh import face_cross

BLOCK = 192
"""Values (64 vertices) that are summed at a time; shapes that move none of them are skipped."""


@njit(cache=True, nogil=True)
def multiply(p, q):  # pragma: no cover - compiled
    """The quaternion that turns by q and then by p; both w, x, y, z."""
    return (
        p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
        p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
        p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
        p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
    )


@njit(cache=True, nogil=True)
def turn(q, x, y, z):  # pragma: no cover - compiled
    """The vector x, y, z turned by the unit quaternion q."""
    two = np.float32(2)
    tx, ty = two * (q[2] * z - q[3] * y), two * (q[3] * x - q[1] * z)
    tz = two * (q[1] * y - q[2] * x)
    return (
        x + q[0] * tx + q[2] * tz - q[3] * ty,
        y + q[0] * ty + q[3] * tx - q[1] * tz,
        z + q[0] * tz + q[1] * ty - q[2] * tx,
    )


@njit(cache=True, nogil=True)
def unit(x, y, z):  # pragma: no cover - compiled
    """The vector at length 1, or as it is where it has none; and its length."""
    length = np.sqrt(x * x + y * y + z * z)
    scale = np.float32(1) / length if length > 0 else np.float32(1)
    return x * scale, y * scale, z * scale, length


# Contracted to fused multiply-adds, never reordered: the same sums in every run.
@njit(cache=True, nogil=True, fastmath={"contract"})
def express(rest, shapes, used, active, weights, out):  # pragma: no cover - compiled
    """rest (3 V) plus the weighted rows `active` of shapes (K, 3 V), into out (3 V). used
    (K, blocks): whether a shape moves anything in a block."""
    count = len(rest)
    for block in range(used.shape[1]):
        low, high = block * BLOCK, min((block + 1) * BLOCK, count)
        for i in range(low, high):
            out[i] = rest[i]
        for k in range(len(active)):
            if used[active[k], block]:
                row, weight = shapes[active[k]], weights[k]
                for i in range(low, high):
                    out[i] += weight * row[i]


@njit(cache=True, nogil=True)
def skin_chain(points, weights, transforms, quaternions, turns):  # pragma: no cover - compiled
    """Skins points (V, 3) in place by the chain's weights (V, J), transforms (J, 3, 4); the rest
    of the weight stays. turns (V, 4): each vertex's blended rotation."""
    one, joints = np.float32(1), transforms.shape[0]
    for i in range(points.shape[0]):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        body = one
        for j in range(joints):
            body -= weights[i, j]
        x, y, z = body * px, body * py, body * pz
        w, qx, qy, qz = body, np.float32(0), np.float32(0), np.float32(0)
        for j in range(joints):
            share = weights[i, j]
            if share > 0:
                m = transforms[j]
                x += share * (m[0, 0] * px + m[0, 1] * py + m[0, 2] * pz + m[0, 3])
                y += share * (m[1, 0] * px + m[1, 1] * py + m[1, 2] * pz + m[1, 3])
                z += share * (m[2, 0] * px + m[2, 1] * py + m[2, 2] * pz + m[2, 3])
                w, qx = w + share * quaternions[j, 0], qx + share * quaternions[j, 1]
                qy, qz = qy + share * quaternions[j, 2], qz + share * quaternions[j, 3]
        points[i, 0], points[i, 1], points[i, 2] = x, y, z
        scale = one / max(np.sqrt(w * w + qx * qx + qy * qy + qz * qz), np.float32(1e-12))
        turns[i, 0], turns[i, 1], turns[i, 2], turns[i, 3] = (
            w * scale,
            qx * scale,
            qy * scale,
            qz * scale,
        )


@njit(cache=True, nogil=True)
def vertex_rings(points, faces, out):  # pragma: no cover - compiled
    """out (V, 4): the unit normal of each vertex, the mean of the faces around weighted by area,
    and twice the area around it. Zero where no face is."""
    out[:] = 0
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        nx, ny, nz = face_cross(points, a, b, c)
        area = np.sqrt(nx * nx + ny * ny + nz * nz)
        for corner in (a, b, c):
            out[corner, 0] += nx
            out[corner, 1] += ny
            out[corner, 2] += nz
            out[corner, 3] += area
    for i in range(out.shape[0]):
        out[i, 0], out[i, 1], out[i, 2], _ = unit(out[i, 0], out[i, 1], out[i, 2])


@njit(cache=True, nogil=True)
def _unit_quaternion(w, x, y, z):  # pragma: no cover - compiled
    length = np.sqrt(w * w + x * x + y * y + z * z)
    scale = np.float32(1) / max(length, np.float32(1e-12))
    return w * scale, x * scale, y * scale, z * scale


@njit(cache=True, nogil=True)
def _matrix(q, out):  # pragma: no cover - compiled
    one, two = np.float32(1), np.float32(2)
    w, x, y, z = q
    out[0, 0], out[0, 1] = one - two * (y * y + z * z), two * (x * y - w * z)
    out[0, 2], out[1, 0] = two * (x * z + w * y), two * (x * y + w * z)
    out[1, 1], out[1, 2] = one - two * (x * x + z * z), two * (y * z - w * x)
    out[2, 0], out[2, 1] = two * (x * z - w * y), two * (y * z + w * x)
    out[2, 2] = one - two * (x * x + y * y)


@njit(cache=True, nogil=True)
def face_middles(points, faces, out):  # pragma: no cover - compiled
    """out (F, 3): the mean of each face's corners."""
    third = np.float32(1) / np.float32(3)
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        for k in range(3):
            out[index, k] = third * (points[a, k] + points[b, k] + points[c, k])


@njit(cache=True, nogil=True)
def face_frames(points, faces, axes, sizes):  # pragma: no cover - compiled
    """axes (F, 3, 3): in columns the first edge, the normal and their cross product, unit; sizes
    (F, 2): the mean of that edge's length and of the height over it, and twice the area.

    Source: Qian et al. 2024, GaussianAvatars, section 3.2. A face without area has size 0."""
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        nx, ny, nz = face_cross(points, a, b, c)
        nx, ny, nz, area = unit(nx, ny, nz)
        ex, ey, ez, edge = unit(
            points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        )
        axes[index, 0, 0], axes[index, 1, 0], axes[index, 2, 0] = ex, ey, ez
        axes[index, 0, 1], axes[index, 1, 1], axes[index, 2, 1] = nx, ny, nz
        axes[index, 0, 2] = ey * nz - ez * ny
        axes[index, 1, 2] = ez * nx - ex * nz
        axes[index, 2, 2] = ex * ny - ey * nx
        whole = area > np.float32(0) and edge > np.float32(0)
        height = area / edge if whole else np.float32(0)
        sizes[index, 0] = np.float32(0.5) * (edge + height) if whole else np.float32(0)
        sizes[index, 1] = area if whole else np.float32(0)


@njit(cache=True, nogil=True)
def turns_between(before, after, sizes, out):  # pragma: no cover - compiled
    """out (F, 4): the rotation from frames `before` to `after` (F, 3, 3); the identity where a
    size (F, 2) is 0."""
    m = np.empty((3, 3), np.float32)
    for index in range(before.shape[0]):
        if sizes[index, 0] == 0:
            out[index, 0], out[index, 1], out[index, 2], out[index, 3] = 1, 0, 0, 0
            continue
        p, q = after[index], before[index]
        for row in range(3):
            for column in range(3):
                m[row, column] = (
                    p[row, 0] * q[column, 0] + p[row, 1] * q[column, 1] + p[row, 2] * q[column, 2]
                )
        _quaternion(m, out[index])


@njit(cache=True, nogil=True)
def place(
    anchors, points, normals, turns, stretch, reach, rest, out
):  # pragma: no cover - compiled
    """Moves N Gaussians with their anchors: points (A, 3), normals (A, 3 or more), turns (A, 4),
    stretch (A,) of scales and reach (A,) of offsets. rest: offsets (N, 3), quaternions (N, 4) and
    scales (N, 3); out: means (N, 3), quaternions, scales and normals (N, 3)."""
    offsets, quaternions, scales = rest
    means_out, quaternions_out, scales_out, normals_out = out
    for i in range(anchors.shape[0]):
        a = anchors[i]
        q, factor, far = turns[a], stretch[a], reach[a]
        x, y, z = turn(q, far * offsets[i, 0], far * offsets[i, 1], far * offsets[i, 2])
        means_out[i, 0] = points[a, 0] + x
        means_out[i, 1] = points[a, 1] + y
        means_out[i, 2] = points[a, 2] + z
        w, qx, qy, qz = multiply(q, quaternions[i])
        quaternions_out[i, 0], quaternions_out[i, 1] = w, qx
        quaternions_out[i, 2], quaternions_out[i, 3] = qy, qz
        for k in range(3):
            scales_out[i, k] = scales[i, k] * factor
            normals_out[i, k] = normals[a, k]


@njit(cache=True, nogil=True)
def face_maps(rest, posed, faces, out):  # pragma: no cover - compiled
    """out (F, 3, 3): the linear map of each rest face's edges and unit normal to the posed one's;
    the identity where one of the two has no area."""
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        nx, ny, nz = face_cross(rest, a, b, c)
        mx, my, mz = face_cross(posed, a, b, c)
        nx, ny, nz, area = unit(nx, ny, nz)
        mx, my, mz, after = unit(mx, my, mz)
        m = out[index]
        if area == 0 or after == 0:
            m[:] = 0
            m[0, 0] = m[1, 1] = m[2, 2] = 1
            continue
        normal, side = (nx, ny, nz), (mx, my, mz)
        ux, uy, uz = rest[b, 0] - rest[a, 0], rest[b, 1] - rest[a, 1], rest[b, 2] - rest[a, 2]
        vx, vy, vz = rest[c, 0] - rest[a, 0], rest[c, 1] - rest[a, 1], rest[c, 2] - rest[a, 2]
        # The edges' dual vectors in the plane: their products with the edges are 1 and 0.
        du = ((vy * nz - vz * ny) / area, (vz * nx - vx * nz) / area, (vx * ny - vy * nx) / area)
        dv = ((ny * uz - nz * uy) / area, (nz * ux - nx * uz) / area, (nx * uy - ny * ux) / area)
        for row in range(3):
            p, q = posed[b, row] - posed[a, row], posed[c, row] - posed[a, row]
            for column in range(3):
                m[row, column] = p * du[column] + q * dv[column] + side[row] * normal[column]


@njit(cache=True, nogil=True)
def place_deformed(
    start, stop, anchors, points, normals, maps, limit, rest, out
):  # pragma: no cover - compiled
    """Moves and deforms the Gaussians start..stop-1 by their faces' maps (F, 3, 3): the ellipsoid
    of the mapped covariance, by one-sided Jacobi rotations (Demmel and Veselić 1992). No axis
    grows by more than `limit` over the longest one at rest. rest, out: as for `place`."""
    offsets, quaternions, scales = rest
    means_out, quaternions_out, scales_out, normals_out = out
    r, m = np.empty((3, 3), np.float32), np.empty((3, 3), np.float32)
    one = np.float32(1)
    for i in range(start, stop):
        face = anchors[i]
        j = maps[face]
        q = quaternions[i]
        _matrix((q[0], q[1], q[2], q[3]), r)
        longest = max(scales[i, 0], scales[i, 1], scales[i, 2])
        for row in range(3):
            means_out[i, row] = points[face, row] + (
                j[row, 0] * offsets[i, 0] + j[row, 1] * offsets[i, 1] + j[row, 2] * offsets[i, 2]
            )
            normals_out[i, row] = normals[face, row]
            for k in range(3):
                m[row, k] = scales[i, k] * (
                    j[row, 0] * r[0, k] + j[row, 1] * r[1, k] + j[row, 2] * r[2, k]
                )
        for _ in range(4):
            turned = False
            for a, b in ((0, 1), (0, 2), (1, 2)):
                aa = m[0, a] * m[0, a] + m[1, a] * m[1, a] + m[2, a] * m[2, a]
                bb = m[0, b] * m[0, b] + m[1, b] * m[1, b] + m[2, b] * m[2, b]
                ab = m[0, a] * m[0, b] + m[1, a] * m[1, b] + m[2, a] * m[2, b]
                if ab * ab <= np.float32(1e-10) * aa * bb:
                    continue
                turned = True
                zeta = (bb - aa) / (ab + ab)
                sign = one if zeta >= 0 else -one
                t = sign / (abs(zeta) + np.sqrt(one + zeta * zeta))
                c = one / np.sqrt(one + t * t)
                s = c * t
                for row in range(3):
                    x, y = m[row, a], m[row, b]
                    m[row, a], m[row, b] = c * x - s * y, s * x + c * y
            if not turned:
                break
        for k in range(3):
            length = np.sqrt(m[0, k] * m[0, k] + m[1, k] * m[1, k] + m[2, k] * m[2, k])
            scale = one / max(length, np.float32(1e-20))
            for row in range(3):
                r[row, k] = m[row, k] * scale
            scales_out[i, k] = min(length, limit * longest)
        # The map keeps the side, so the axes stay right-handed up to rounding.
        _quaternion(r, quaternions_out[i])


@njit(cache=True, nogil=True)
def _quaternion(m, out):  # pragma: no cover - compiled
    """The quaternion of a rotation matrix, by Shepperd's method, which is stable at every angle."""
    one = np.float32(1)
    xx, yy, zz = m[0, 0], m[1, 1], m[2, 2]
    if xx + yy + zz > 0:
        w = one + xx + yy + zz
        x, y, z = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    elif xx >= yy and xx >= zz:
        x = one + xx - yy - zz
        w, y, z = m[2, 1] - m[1, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]
    elif yy >= zz:
        y = one - xx + yy - zz
        w, x, z = m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 2] + m[2, 1]
    else:
        z = one - xx - yy + zz
        w, x, y = m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    out[0], out[1], out[2], out[3] = _unit_quaternion(w, x, y, z)


@njit(cache=True, nogil=True)
def smooth_normals(anchors, shares, faces, rings, out):  # pragma: no cover - compiled
    """Replaces the faces' normals in out (N, 3) by the corners' (rings (V, 4)), weighted by each
    Gaussian's shares (N, 3) in its face; keeps one where these cancel or point the other way."""
    for i in range(anchors.shape[0]):
        face = anchors[i]
        x, y, z = np.float32(0), np.float32(0), np.float32(0)
        for k in range(3):
            corner, share = faces[face, k], shares[i, k]
            x += share * rings[corner, 0]
            y += share * rings[corner, 1]
            z += share * rings[corner, 2]
        x, y, z, length = unit(x, y, z)
        toward = x * out[i, 0] + y * out[i, 1] + z * out[i, 2]
        if length > np.float32(1e-6) and toward > 0:
            out[i, 0], out[i, 1], out[i, 2] = x, y, z
