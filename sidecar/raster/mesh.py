# SPDX-License-Identifier: GPL-3.0-or-later
"""A z-buffer for triangle meshes: which face each pixel sees, where in the face, and how far away;
vertex attributes interpolated at the pixels; and normals.

A face covers the pixel centres between its edges' crossings with each row, from the left crossing
on and before the right one. Two faces work out the crossing of an edge that they share by the
same sum, so no centre falls between them and none on both. Not here: any shading (`shade`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray, Int32Array
from ...shared.camera import Camera, camera_axis, camera_centre
from .parallel import run_rows

EMPTY = -1
"""The face index of a pixel that sees no face."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeshFragments:
    """The mesh at each pixel's centre. face: (H, W) int32, `EMPTY` where nothing is seen;
    barycentric: (H, W, 3) float32, perspective-correct weights of the face's corners, 0 where
    nothing is seen; depth: (H, W) float32 metres along the view axis, inf where nothing is seen."""

    face: Int32Array
    barycentric: Float32Array
    depth: Float32Array


class _Triangles(NamedTuple):
    """The parts of the faces that lie beyond the near plane and inside the picture.

    places: (P, 3) x, y in samples and the nearness; corners: (T, 3) into places; face: (T,) the
    face that each belongs to, rising; rows: (T, 2) first row and the row after the last.
    """

    places: Float64Array
    corners: Int32Array
    face: Int32Array
    rows: Int32Array


def rasterise_mesh(vertices: FloatArray, faces: Int32Array, camera: Camera) -> MeshFragments:
    """Finds the nearest face at every pixel centre; among equally near ones the first in `faces`.

    vertices: (V, 3) metres in the world. faces: (F, 3). Both sides of a face are seen. A face
    with a corner that is not finite is left out whole; what is nearer than `camera.near` or past
    `camera.far` is cut off. The number of threads changes no bit.
    """
    faces = np.ascontiguousarray(faces, np.int32)
    screen = project(to_camera(vertices, camera), camera)
    triangles = _prepare(screen, faces, camera, 1)
    shape = (camera.height, camera.width)
    face, nearness = np.empty(shape, np.int32), np.empty(shape, np.float32)
    barycentric, depth = np.empty((*shape, 3), np.float32), np.empty(shape, np.float32)
    least = _least_nearness(camera)

    def draw(first: int, stop: int) -> None:
        _fill(*triangles, least, first, stop, face, nearness)
        _describe(
            screen, faces, face, nearness, camera.orthographic, first, stop, barycentric, depth
        )

    run_rows([draw], camera.height)
    return MeshFragments(face=face, barycentric=barycentric, depth=depth)


def to_camera(vertices: FloatArray, camera: Camera) -> Float64Array:
    """(V, 3) world points -> (V, 3) float64 in the camera's axes (x right, y down, z forward)."""
    points = np.empty((len(vertices), 3))
    pose = np.ascontiguousarray(camera.camera_from_world, np.float64)
    _move(np.ascontiguousarray(vertices), pose, points)
    return points


def project(points: Float64Array, camera: Camera) -> Float64Array:
    """(V, 3) points in the camera's axes -> (V, 4) float64: x * w, y * w, w and z, with x and y
    in pixels. w is z in perspective and 1 in an orthographic view, so that points beside and
    behind the camera have a place too. z is NaN if a coordinate of the point is not finite."""
    screen = np.empty((len(points), 4))
    lens = (camera.focal_x, camera.focal_y, camera.centre_x, camera.centre_y)
    _project(np.ascontiguousarray(points, np.float64), lens, camera.orthographic, screen)
    return screen


def fill(
    screen: Float64Array, faces: Int32Array, camera: Camera, *, samples: int
) -> tuple[Int32Array, Float32Array]:
    """Face index and nearness on a grid of `samples` by `samples` points in each pixel.

    screen: (V, 4) from `project`. Returns (H * samples, W * samples) int32 and float32. The
    nearness is 1 / z, or -z in an orthographic view: it is linear over the screen and grows
    towards the camera. It is undefined where nothing is seen.
    """
    faces = np.ascontiguousarray(faces, np.int32)
    triangles = _prepare(screen, faces, camera, samples)
    shape = (camera.height * samples, camera.width * samples)
    face, nearness = np.empty(shape, np.int32), np.empty(shape, np.float32)
    least = _least_nearness(camera)
    run_rows([lambda first, stop: _fill(*triangles, least, first, stop, face, nearness)], shape[0])
    return face, nearness


def interpolate(values: FloatArray, faces: Int32Array, fragments: MeshFragments) -> Float32Array:
    """Interpolates a vertex attribute (normals, places, colours) at the pixels, with correct
    perspective.

    values: (V, C), any C. faces: (F, 3), those that were rasterised. Returns (H, W, C) float32,
    0 where nothing is seen. Normals come out shorter than 1 between vertices.
    """
    given = np.ascontiguousarray(values, np.float32)
    corners = np.ascontiguousarray(faces, np.int32)
    out = np.zeros((*fragments.face.shape, given.shape[1]), np.float32)

    def fill_rows(first: int, stop: int) -> None:
        _interpolate(given, corners, fragments.face, fragments.barycentric, first, stop, out)

    run_rows([fill_rows], len(out))
    return out


def interpolate_corners(values: FloatArray, fragments: MeshFragments) -> Float32Array:
    """Interpolates an attribute that each corner of a face has for itself, such as UVs with seams.
    values: (F, 3, C). Returns (H, W, C) float32, 0 where nothing is seen."""
    count = len(values)
    corners = np.arange(3 * count, dtype=np.int32).reshape(count, 3)
    return interpolate(np.reshape(values, (3 * count, -1)), corners, fragments)


def vertex_normals(points: Float64Array, faces: Int32Array) -> Float64Array:
    """(V, 3) unit normals, the mean of the faces around weighted by area; faces counter-clockwise
    from outside. Vertices that no face uses get zero."""
    normals = np.zeros_like(points)
    _add_face_normals(points, faces, normals)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / np.where(length > 0, length, 1)


def seen_from_behind(points: FloatArray, faces: Int32Array, camera: Camera) -> BoolArray:
    """(F,) True for faces whose inside the camera sees. points: (V, 3); faces: (F, 3), whose
    corners run counter-clockwise seen from outside."""
    a, b, c = (points[faces[:, k]].astype(np.float64) for k in range(3))
    ray = _rays(a, camera)
    return np.einsum("fk,fk->f", np.cross(b - a, c - a), ray) > 0


def _rays(points: FloatArray, camera: Camera) -> FloatArray:
    """(N, 3) vectors of any length from the camera to points (N, 3)."""
    if camera.orthographic:
        return np.broadcast_to(camera_axis(camera), points.shape)
    return points - camera_centre(camera).astype(points.dtype)


def _least_nearness(camera: Camera) -> np.float32:
    """The float32 just below the nearness at `camera.far`."""
    at_far = np.float32(-camera.far if camera.orthographic else 1.0 / camera.far)
    return np.nextafter(at_far, np.float32(-np.inf))


def _prepare(screen: Float64Array, faces: Int32Array, camera: Camera, samples: int) -> _Triangles:
    crossing = _count_crossing(screen, faces, camera.near)
    places = np.empty((len(screen) + 2 * crossing, 3))
    corners = np.empty((len(faces) + crossing, 3), np.int32)
    face, rows = np.empty(len(corners), np.int32), np.empty((len(corners), 2), np.int32)
    count = _cut_faces(
        screen,
        faces,
        camera.near,
        camera.orthographic,
        samples,
        camera.width * samples,
        camera.height * samples,
        places,
        corners,
        face,
        rows,
    )
    return _Triangles(places, corners[:count], face[:count], rows[:count])


@njit(cache=True, nogil=True, error_model="numpy")
def _move(vertices, pose, out):  # pragma: no cover - compiled
    for index in range(vertices.shape[0]):
        x, y, z = vertices[index, 0], vertices[index, 1], vertices[index, 2]
        for k in range(3):
            out[index, k] = pose[k, 0] * x + pose[k, 1] * y + pose[k, 2] * z + pose[k, 3]


@njit(cache=True, nogil=True, error_model="numpy")
def _project(points, lens, orthographic, out):  # pragma: no cover - compiled
    focal_x, focal_y, centre_x, centre_y = lens
    for index in range(points.shape[0]):
        x, y, z = points[index, 0], points[index, 1], points[index, 2]
        w = 1.0 if orthographic else z
        x, y = focal_x * x + centre_x * w, focal_y * y + centre_y * w
        out[index, 0], out[index, 1], out[index, 2], out[index, 3] = x, y, w, z
        if not np.isfinite(x + y + z):
            out[index, 3] = np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def corner_weights(screen, corners, x, y):  # pragma: no cover - compiled
    """Perspective-correct weights of a face's three corners at the pixel position x, y; within 0 to
    1 even where rounding puts it just outside the face. screen: (V, 4) from `project`."""
    a, b, c = corners[0], corners[1], corners[2]
    ax, ay = screen[a, 0] - x * screen[a, 2], screen[a, 1] - y * screen[a, 2]
    bx, by = screen[b, 0] - x * screen[b, 2], screen[b, 1] - y * screen[b, 2]
    cx, cy = screen[c, 0] - x * screen[c, 2], screen[c, 1] - y * screen[c, 2]
    wa = bx * cy - by * cx
    wb = cx * ay - cy * ax
    wc = ax * by - ay * bx
    sign = 1.0 if wa + wb + wc > 0.0 else -1.0
    wa, wb, wc = max(sign * wa, 0.0), max(sign * wb, 0.0), max(sign * wc, 0.0)
    total = wa + wb + wc
    if not 1e-300 < total < np.inf:  # a face seen edge on, or too large to say where in it
        return 1.0, 0.0, 0.0
    scale = 1.0 / total
    return wa * scale, wb * scale, wc * scale


@njit(cache=True, nogil=True, error_model="numpy")
def _count_crossing(screen, faces, near):  # pragma: no cover - compiled
    """The number of faces that cross the near plane."""
    count = 0
    for index in range(faces.shape[0]):
        za, zb, zc = (
            screen[faces[index, 0], 3],
            screen[faces[index, 1], 3],
            screen[faces[index, 2], 3],
        )
        if min(za, zb, zc) < near and max(za, zb, zc) >= near:
            count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _put(x, y, w, z, orthographic, samples, place):  # pragma: no cover - compiled
    scale = 1.0 / w
    place[0], place[1] = x * scale * samples, y * scale * samples
    place[2] = -z if orthographic else scale


@njit(cache=True, nogil=True, error_model="numpy")
def _cut_edge(screen, inner, outer, near, orthographic, samples, place):  # pragma: no cover
    """Writes the place where an edge meets the near plane. Always computed from the inner end, so
    that both faces of an edge get the same bits."""
    share = (near - screen[inner, 3]) / (screen[outer, 3] - screen[inner, 3])
    x = screen[inner, 0] + share * (screen[outer, 0] - screen[inner, 0])
    y = screen[inner, 1] + share * (screen[outer, 1] - screen[inner, 1])
    _put(x, y, 1.0 if orthographic else near, near, orthographic, samples, place)


@njit(cache=True, nogil=True, error_model="numpy")
def _add(places, a, b, c, index, width, height, count, corners, face, rows):  # pragma: no cover
    """Appends a triangle unless it meets no pixel centre; returns the new count."""
    ax, ay, bx, by = places[a, 0], places[a, 1], places[b, 0], places[b, 1]
    cx, cy = places[c, 0], places[c, 1]
    top = max(np.ceil(min(ay, by, cy) - 0.5), 0.0)
    bottom = min(np.ceil(max(ay, by, cy) - 0.5), height)
    if top >= bottom:
        return count
    # A crossing may be rounded past its edge's end, hence the margin.
    left = max(np.ceil(min(ax, bx, cx) - 0.500001), 0.0)
    if left >= min(np.ceil(max(ax, bx, cx) - 0.499999), width):
        return count
    if (bx - ax) * (cy - ay) == (by - ay) * (cx - ax):
        return count
    corners[count, 0], corners[count, 1], corners[count, 2] = a, b, c
    face[count], rows[count, 0], rows[count, 1] = index, int(top), int(bottom)
    return count + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _cut_faces(
    screen, faces, near, orthographic, samples, width, height, places, corners, face, rows
):  # pragma: no cover - compiled
    """Fills the arrays of `_Triangles`; returns the number of triangles."""
    for vertex in range(screen.shape[0]):
        if screen[vertex, 3] >= near:
            _put(
                screen[vertex, 0],
                screen[vertex, 1],
                screen[vertex, 2],
                screen[vertex, 3],
                orthographic,
                samples,
                places[vertex],
            )
    spare, count = screen.shape[0], 0
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        za, zb, zc = screen[a, 3], screen[b, 3], screen[c, 3]
        if za >= near and zb >= near and zc >= near:
            count = _add(places, a, b, c, index, width, height, count, corners, face, rows)
            continue
        inside = int(za >= near) + int(zb >= near) + int(zc >= near)
        if inside == 0 or np.isnan(za + zb + zc):
            continue
        # Turned so that `a` is the corner that stands alone on its side.
        if (zb >= near) == (inside == 1):
            a, b, c = b, c, a
        elif (zc >= near) == (inside == 1):
            a, b, c = c, a, b
        p, q, spare = spare, spare + 1, spare + 2
        if inside == 1:
            _cut_edge(screen, a, b, near, orthographic, samples, places[p])
            _cut_edge(screen, a, c, near, orthographic, samples, places[q])
            count = _add(places, a, p, q, index, width, height, count, corners, face, rows)
        else:
            _cut_edge(screen, b, a, near, orthographic, samples, places[p])
            _cut_edge(screen, c, a, near, orthographic, samples, places[q])
            count = _add(places, b, c, q, index, width, height, count, corners, face, rows)
            count = _add(places, b, q, p, index, width, height, count, corners, face, rows)
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(
    places, corners, face, rows, least, first, stop, face_out, near_out
):  # pragma: no cover - compiled
    """Fills the rows first .. stop - 1 of the z-buffer. It compares the nearness, which is linear
    over the screen, so that no pixel needs a division."""
    width = float(face_out.shape[1])
    for row in range(first, stop):
        for column in range(face_out.shape[1]):
            face_out[row, column] = EMPTY
            near_out[row, column] = least
    for index in range(corners.shape[0]):
        top, bottom = max(rows[index, 0], first), min(rows[index, 1], stop)
        if top >= bottom:
            continue
        a, b, c = corners[index, 0], corners[index, 1], corners[index, 2]
        # From the upper to the lower corner: an edge's crossings are then the same sum in both
        # of its faces.
        if places[b, 1] < places[a, 1]:
            a, b = b, a
        if places[c, 1] < places[b, 1]:
            b, c = c, b
            if places[b, 1] < places[a, 1]:
                a, b = b, a
        ax, ay, an = places[a, 0], places[a, 1], places[a, 2]
        bx, by, bn = places[b, 0], places[b, 1], places[b, 2]
        cx, cy, cn = places[c, 0], places[c, 1], places[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        scale = 1.0 / area if area != 0.0 else 0.0
        n_dx = ((bn - an) * (cy - ay) - (cn - an) * (by - ay)) * scale
        n_dy = ((cn - an) * (bx - ax) - (bn - an) * (cx - ax)) * scale
        low, high = min(an, bn, cn), max(an, bn, cn)
        long_slope = (cx - ax) / (cy - ay)
        upper_slope = (bx - ax) / (by - ay) if by > ay else 0.0
        lower_slope = (cx - bx) / (cy - by) if cy > by else 0.0
        for row in range(top, bottom):
            y = row + 0.5
            one = ax + (y - ay) * long_slope
            two = ax + (y - ay) * upper_slope if y < by else bx + (y - by) * lower_slope
            if not np.isfinite(one + two):  # corners so far away that the sums overflow
                continue
            # Inside the picture before they become integers.
            left = int(min(max(np.ceil(min(one, two) - 0.5), 0.0), width))
            right = int(min(max(np.ceil(max(one, two) - 0.5), 0.0), width))
            n_row = an + (y - ay) * n_dy + (0.5 - ax) * n_dx
            for column in range(left, right):
                # A sliver's plane is steep and rounds badly: no further than its corners.
                nearness = np.float32(min(max(n_row + n_dx * column, low), high))
                if nearness > near_out[row, column]:
                    near_out[row, column] = nearness
                    face_out[row, column] = face[index]


@njit(cache=True, nogil=True, error_model="numpy")
def _describe(
    screen, faces, face, nearness, orthographic, first, stop, barycentric, depth
):  # pragma: no cover - compiled
    """Writes weights and depth of the rows first .. stop - 1."""
    for row in range(first, stop):
        for column in range(face.shape[1]):
            index = face[row, column]
            wa = wb = wc = 0.0
            far = np.float32(np.inf)
            if index >= 0:
                wa, wb, wc = corner_weights(screen, faces[index], column + 0.5, row + 0.5)
                near = nearness[row, column]
                far = -near if orthographic else np.float32(1.0) / near
            barycentric[row, column, 0] = wa
            barycentric[row, column, 1] = wb
            barycentric[row, column, 2] = wc
            depth[row, column] = far


@njit(cache=True, nogil=True)
def _interpolate(values, faces, face, weight, first, stop, out):  # pragma: no cover - compiled
    channels = values.shape[1]
    for row in range(first, stop):
        for column in range(face.shape[1]):
            index = face[row, column]
            if index < 0:
                continue
            a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
            wa, wb, wc = weight[row, column, 0], weight[row, column, 1], weight[row, column, 2]
            for k in range(channels):
                out[row, column, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]


@njit(cache=True, nogil=True)
def face_cross(points, a, b, c):  # pragma: no cover - compiled
    """The cross product of the edges from corner a to b and to c: outward where the corners run
    counter-clockwise seen from outside, and as long as twice the face's area."""
    ux, uy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
    uz = points[b, 2] - points[a, 2]
    vx, vy = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1]
    vz = points[c, 2] - points[a, 2]
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


@njit(cache=True, nogil=True)
def _add_face_normals(points, faces, normals):  # pragma: no cover - compiled
    """Adds each face's cross product to the normals (V, 3) of its corners."""
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        nx, ny, nz = face_cross(points, a, b, c)
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
