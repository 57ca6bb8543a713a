# SPDX-License-Identifier: GPL-3.0-or-later
"""Where MediaPipe's landmarks lie on a head: found by looking at pictures of it.

The head is drawn with random people's faces from a few sides, MediaPipe looks at the pictures, and
what it says is lifted onto the surface. So its habits are known and no table is made by hand.
Points of the lips are found on an open mouth, where those of the upper and the lower lip do not
fall on each other, and points of lids on wide eyes. The lips' outlines are lines of the head:
in a picture of it MediaPipe takes the shade inside a lip for its edge, in a photo the edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray, Int32Array
from ...shared.camera import Camera, look_at
from ...shared.errors import InputError
from ...shared.head import JOINTS, REGIONS, HeadModel
from ...shared.motion import ARKIT_NAMES, make_motion
from ..avatar.drive import Actor
from ..avatar.open_avatar import open_avatar
from ..raster.gaussians import rasterise_gaussians
from ..raster.mesh import interpolate, rasterise_mesh
from .seeing import LANDMARK_COUNT, find_faces

UPPER_LIP = (
    185, 40, 39, 37, 0, 267, 269, 270, 409, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    183, 42, 41, 38, 12, 268, 271, 272, 407, 191, 80, 81, 82, 13, 312, 311, 310, 415,
)  # fmt: skip
LOWER_LIP = (
    146, 91, 181, 84, 17, 314, 405, 321, 375, 77, 90, 180, 85, 16, 315, 404, 320, 307,
    96, 89, 179, 86, 15, 316, 403, 319, 325, 95, 88, 178, 87, 14, 317, 402, 318, 324,
)  # fmt: skip
LIP_CORNERS = (61, 76, 62, 78, 291, 306, 292, 308)
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88,
              95)  # fmt: skip
"""The outline of the mouth's opening, in order."""
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40,
              185)  # fmt: skip
"""The outline of the lips' red, in order."""
RIGHT_LIDS = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_LIDS = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
"""The outlines of the eyes' openings, in order."""
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
RIGHT_IRIS, LEFT_IRIS = tuple(range(468, 473)), tuple(range(473, 478))
"""The subject's irises: middle, then four of its rim."""
LIP_RINGS = (
    (*UPPER_LIP[:9], *LOWER_LIP[:9], 61, 291),
    (*UPPER_LIP[9:18], *LOWER_LIP[9:18], 76, 306),
    (*UPPER_LIP[18:27], *LOWER_LIP[18:27], 62, 292),
    (*UPPER_LIP[27:], *LOWER_LIP[27:], 78, 308),
)
"""The lips from their outline, in four rings, to the mouth's opening."""
NOSE_BASE = 2
CHIN = (136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365)
"""The lower part of the face's outline."""
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67,
        109)  # fmt: skip
"""The outline of the face, in order."""

_EARS_BEHIND_EYES_M, _THROAT_BEHIND_EYES_M = 0.035, 0.004
"""What lies further behind the eyeballs' middles shows no landmark: where one lies just outside the
face's outline, the nearest pixel may show an ear or the throat."""
_PIXELS, _FOV_RAD, _DISTANCE_M = 512, 0.42, 0.62
_PEOPLE = 10
_YAWS = (-14.0, -7.0, 0.0, 7.0, 14.0)
_REACH_PIXELS = 20
_PAPER = 0.8
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadLandmarks:
    """MediaPipe's landmarks on a head. faces: (478,); weights: (478, 3) of the face's corners."""

    faces: Int32Array
    weights: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Look:
    """One picture of the head and its landmarks lifted. points: (478, 3) on the template, NaN where
    nothing was hit; faces, weights: as in `HeadLandmarks`."""

    points: Float64Array
    faces: Int32Array
    weights: Float64Array


def find_landmarks(head: HeadModel) -> HeadLandmarks:
    """Finds MediaPipe's landmarks on the head, which takes some seconds. Raises InputError
    `head.no_face` if no face is seen in its pictures, and those of `seeing`."""
    parts = _landmark_parts(head)
    looks = {opened: list(_look_at(head, parts, opened=opened)) for opened in (False, True)}
    if min(len(found) for found in looks.values()) < _PEOPLE // 2:
        raise _no_face()
    on_open = np.zeros(LANDMARK_COUNT, bool)
    on_open[[*UPPER_LIP, *LOWER_LIP, *LIP_CORNERS, *RIGHT_LIDS, *LEFT_LIDS]] = True
    faces = np.zeros(LANDMARK_COUNT, np.int32)
    weights = np.zeros((LANDMARK_COUNT, 3))
    for index in range(LANDMARK_COUNT):
        chosen = looks[bool(on_open[index])]
        points = np.array([look.points[index] for look in chosen])
        if np.isnan(points).all():
            raise _no_face()
        best = int(np.nanargmin(np.linalg.norm(points - np.nanmedian(points, 0), axis=1)))
        faces[index], weights[index] = chosen[best].faces[index], chosen[best].weights[index]
    return HeadLandmarks(faces=faces, weights=weights)


def _no_face() -> InputError:
    return InputError(
        "head.no_face", "No face is seen in pictures of the head.", "Choose another head."
    )


def landmark_vertices(
    head: HeadModel, found: HeadLandmarks, vertices: FloatArray | None = None
) -> Float64Array:
    """(478, 3) the landmarks on the head's template, or on vertices (V, 3)."""
    points = head.template if vertices is None else vertices
    corners = points[head.faces[found.faces]].astype(np.float64)
    return np.einsum("nk,nkc->nc", found.weights, corners)


def _landmark_parts(head: HeadModel) -> Mapping[str, BoolArray]:
    """(F,) which faces each kind of landmark may lie on."""
    region, faces = head.region, head.faces
    skin = np.isin(region[faces], [REGIONS.index("skin"), REGIONS.index("lip")]).all(1)
    eye = np.isin(region[faces], [REGIONS.index(n) for n in ("sclera", "iris", "pupil")]).all(1)
    jaw = head.skin_weights[:, JOINTS.index("jaw")][faces].mean(1) > 0.5
    depth = head.template[faces, 2].mean(1) - (head.joint_regressor @ head.template)[3:, 2].mean()
    face = skin & (depth > -_EARS_BEHIND_EYES_M)
    lower = skin & jaw & (depth > -_THROAT_BEHIND_EYES_M)
    parts = {"skin": face, "eye": eye, "upper": face & ~jaw, "lower": lower}
    return {kind: np.asarray(part, np.bool_) for kind, part in parts.items()}


def _kinds() -> dict[str, Int32Array]:
    iris = (*RIGHT_IRIS, *LEFT_IRIS)
    lower = (*LOWER_LIP, *CHIN)  # a chin's outline would else be found on the neck behind it
    rest = set(range(LANDMARK_COUNT)) - {*iris, *UPPER_LIP, *lower}
    kinds = {"eye": iris, "upper": UPPER_LIP, "lower": lower, "skin": tuple(sorted(rest))}
    return {kind: np.array(places, np.int32) for kind, places in kinds.items()}


def _look_at(head: HeadModel, parts: Mapping[str, BoolArray], *, opened: bool) -> Iterator[_Look]:
    """Looks at random people's heads. opened: with open mouths and wide eyes."""
    generator = np.random.default_rng(7)
    avatar = open_avatar(head)
    for person in range(_PEOPLE):
        shape = np.zeros(head.shape_basis.shape[2], np.float32)
        shape[:30] = generator.normal(0, 0.8, min(30, len(shape)))[: len(shape[:30])]
        expression, jaw = np.zeros((1, 100), np.float32), np.zeros((1, 3), np.float32)
        if opened:
            jaw[0] = 0.4 * head.arkit_jaw[:, ARKIT_NAMES.index("jawOpen")]
            for name, weight in (("jawOpen", 0.4), ("eyeWideLeft", 0.4), ("eyeWideRight", 0.4)):
                expression[0] += weight * _component(head, name)
        pose = make_motion(expression=expression, fps=30, space=head.space, jaw=jaw)
        posed = Actor(replace(avatar, shape=shape), pose).pose(0)
        camera = look_at(
            target=np.array([0.0, -0.01, 0.0]),
            distance=_DISTANCE_M,
            yaw_rad=float(np.radians(_YAWS[person % len(_YAWS)])),
            width=_PIXELS,
            height=_PIXELS,
            fov_y_rad=_FOV_RAD,
        )
        image = rasterise_gaussians(posed.gaussians.seen_by(camera), camera)
        drawn = image.colour + (1 - image.alpha[..., None]) * _PAPER
        picture = np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8)
        seen = find_faces(picture)
        if not seen:
            continue
        assert posed.vertices is not None
        marked = seen[0].landmarks
        if opened:
            marked = _on_lip_lines(head, posed.vertices, camera, marked)
        yield _lift(head, parts, posed.vertices, camera, marked)


def _component(head: HeadModel, name: str) -> Float32Array:
    out = np.zeros(100, np.float32)
    column = head.arkit_expression[:, ARKIT_NAMES.index(name)]
    out[: len(column)] = column
    return out


def _on_lip_lines(
    head: HeadModel, vertices: Float32Array, camera: Camera, marked: Float64Array
) -> Float64Array:
    """(478, 2) landmarks of a picture of an open mouth, those of the lips moved so that their outer
    ring lies on the outline of the red, the inner one on the edge of the opening, and those between
    by their part of it."""
    hit = rasterise_mesh(vertices, head.faces, camera)
    region = np.stack(
        [head.region == REGIONS.index("lip"),
         np.isin(head.region, [REGIONS.index(n) for n in ("mouth", "teeth", "tongue")])], 1
    )  # fmt: skip
    lip, inside = (interpolate(region.astype(np.float32), head.faces, hit) > _MOSTLY).transpose(
        2, 0, 1
    )
    ends = [
        _nearest(_border(area), marked[list(ring)])
        for area, ring in ((lip | inside, LIP_RINGS[0]), (inside, LIP_RINGS[-1]))
    ]
    outer, inner = (marked[list(ring)] for ring in (LIP_RINGS[0], LIP_RINGS[-1]))
    wide = np.maximum(np.linalg.norm(inner - outer, axis=1, keepdims=True), 1e-6)
    moved = marked.copy()
    for ring in LIP_RINGS:
        part = np.linalg.norm(marked[list(ring)] - outer, axis=1, keepdims=True) / wide
        part = np.clip(part, 0, 1)
        moved[list(ring)] += (1 - part) * (ends[0] - outer) + part * (ends[1] - inner)
    return moved


def _border(area: BoolArray) -> BoolArray:
    """(H, W) the pixels of an area that have others beside them."""
    core = cv2.erode(area.astype(np.uint8), np.ones((3, 3), np.uint8))
    return area & (core == 0)


def _nearest(area: BoolArray, pixels: Float64Array) -> Float64Array:
    """(N, 2) the middle of the area's pixel next to each of the pixels (N, 2); those stay that have
    none near."""
    rows, columns = np.nonzero(area)
    middles = np.stack([columns, rows], 1) + 0.5
    if not len(middles):
        return pixels
    away, index = cKDTree(middles).query(pixels)
    return np.where(away[:, None] < _REACH_PIXELS, middles[index], pixels)


def _lift(
    head: HeadModel,
    parts: Mapping[str, BoolArray],
    vertices: Float32Array,
    camera: Camera,
    marked: Float64Array,
) -> _Look:
    """Lifts the landmarks (478, 2) of one picture onto the surface."""
    points = np.full((LANDMARK_COUNT, 3), np.nan)
    faces = np.zeros(LANDMARK_COUNT, np.int32)
    weights = np.zeros((LANDMARK_COUNT, 3))
    for kind, places in _kinds().items():
        chosen = np.flatnonzero(parts[kind])
        hit = rasterise_mesh(vertices, head.faces[chosen], camera)
        rows, columns = np.nonzero(hit.face >= 0)
        pixels = np.stack([columns, rows], 1) + 0.5
        away, nearest = cKDTree(pixels).query(marked[places])
        near = away < _REACH_PIXELS
        places, row, column = places[near], rows[nearest[near]], columns[nearest[near]]
        faces[places] = chosen[hit.face[row, column]]
        weights[places] = hit.barycentric[row, column]
        corners = head.template[head.faces[faces[places]]]
        points[places] = np.einsum("nk,nkc->nc", weights[places], corners)
    return _Look(points=points, faces=faces, weights=weights)
