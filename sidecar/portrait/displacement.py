# SPDX-License-Identifier: GPL-3.0-or-later
"""The person's own skin: what the head's identities cannot say, as a smooth displacement.

    min over d of  stiff |L L d|^2 + tense |L d|^2 + |A d - r|^2

L is the umbrella Laplacian of the skin and lips, A takes the vertices to the landmarks, r is what
the fit left over, in the camera's x and y; depth stays the model's. Points of the outline of cheeks
and jaw ask along its normal for the photo's (`outline.py`). The inside of the mouth, the
teeth and the eyeballs have no say: they follow the skin next to them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix, diags_array, identity, vstack
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import Float32Array, Float64Array, FloatArray, IndexArray, Int32Array
from ...shared.head import REGIONS, HeadModel
from ...shared.personal_head import personal_head
from . import landmarks as marks
from .fit import Fit, landmarks_facing, posed_vertices
from .framing import Frame
from .landmarks import HeadLandmarks, landmark_vertices
from .outline import find_outline, missing_at_outline
from .seeing import SeenFace
from .smile import smile_of

_STIFF, _TENSE, _HOLD = 36.0, 0.12, 1e-5
_FAR_HOLD, _FAR_M = 3e-3, 0.012
"""Skin that lies further from all landmarks than this stays more and more with the model."""
_PASSES = 2
_URGENT = 4.0
"""Weight of the landmarks of lips and lids, which meet; the others have 1."""
_OF_OUTLINE = 0.7
"""Weight of each point of the outline, of which there are more."""
_DEPTH_HOLD = 0.02
"""How firmly the model holds a landmark's depth, against a photo that shows it."""
_MOST_M = 0.012
"""A landmark asks for no more than this; one that does is wrong."""
_THINNER, _DRAWN_M = 0.4, 0.009
"""A smile makes the head's lips thinner than a person's: what was fitted to a full one is so much
too thick at rest. How far skin is drawn along."""
_LINING_M, _NARROWER = 0.003, 0.12
_DEEPER_M = np.array([0.0, 0.0, 0.004])
"""From this distance to the lips on, and in full at twice it, the mouth's lining is narrowed by a
share of its width, and moved so far back."""
_LIP_NEIGHBOURS, _EYE_NEIGHBOURS = 8, 80


def displace(
    head: HeadModel,
    found: HeadLandmarks,
    seen: SeenFace,
    fit: Fit,
    more: Sequence[tuple[SeenFace, Fit]] = (),
    frame: Frame | None = None,
) -> Float32Array:
    """(V, 3) metres that the person's template differs by from the head's with the fitted
    identity. more: other photos of the person, which say where a landmark lies in depth; frame: the
    person's outline."""
    skin = np.flatnonzero(np.isin(head.region, [REGIONS.index("skin"), REGIONS.index("lip")]))
    place = np.full(len(head.template), -1)
    place[skin] = np.arange(len(skin))
    rest = head.template + head.shape_basis[..., : len(fit.shape)] @ fit.shape
    used = np.flatnonzero((place[head.faces[found.faces]] >= 0).all(1))
    whole = np.zeros(head.template.shape, np.float32)
    outline = None if frame is None else find_outline(head, posed_vertices(head, fit, whole), frame)
    asks, urgent = _asks(head, place, found, used), _urgency(seen)[used]
    if outline is not None:
        count = len(outline.edge)
        asks = csc_matrix(vstack([asks, _asks(head, place, outline.points, np.arange(count))]))
        urgent = np.append(urgent, np.full(count, _OF_OUTLINE))
    faces = place[head.faces]
    smooth = _umbrella(rest[skin].astype(np.float64), faces[(faces >= 0).all(1)].astype(np.int32))
    pulls = asks.T @ diags_array(urgent)
    away = cKDTree(landmark_vertices(head, found, rest)).query(rest[skin])[0]
    hold = _HOLD + _FAR_HOLD * np.clip((away - _FAR_M) / _FAR_M, 0, 1)
    solver = splu(csc_matrix(_bending(smooth) + pulls @ asks + diags_array(hold)))
    change = np.zeros((len(skin), 3))
    for _ in range(_PASSES):
        missing = _missing_in_all(head, found, [(seen, fit), *more], whole)[used]
        if frame is not None and outline is not None:
            posed = posed_vertices(head, fit, whole)
            missing = np.vstack([missing, missing_at_outline(head, outline, posed, frame)])
        right = pulls @ (asks @ change + missing)
        change = solver.solve(right)
        whole = _with_the_rest(head, rest, skin, change)
    points = (rest + whole).astype(np.float64)
    marked, thinner = landmark_vertices(head, found, points), _THINNER * smile_of(seen)
    whole[skin] += _thinner_lips(marked, points, thinner)[skin]
    return whole


def _asks(
    head: HeadModel, place: IndexArray, points: HeadLandmarks, used: IndexArray
) -> csc_matrix:
    """(N, S) from the skin's vertices to the used ones of the points on it. place: (V,) where the
    skin has each vertex."""
    columns = place[head.faces[points.faces[used]]].ravel()
    rows = np.repeat(np.arange(len(used)), 3)
    shape = (len(used), int(place.max()) + 1)
    return csc_matrix(coo_matrix((points.weights[used].ravel(), (rows, columns)), shape))


def _urgency(seen: SeenFace) -> Float64Array:
    """(478,) weights of the landmarks."""
    urgent = np.ones(len(seen.landmarks))
    urgent[[*marks.UPPER_LIP, *marks.LOWER_LIP, *marks.RIGHT_LIDS, *marks.LEFT_LIDS]] = _URGENT
    return urgent


def _thinner_lips(marked: Float64Array, points: Float64Array, share: float) -> Float32Array:
    """(V, 3) what takes a share of their thickness from the lips, from their outline inwards, and
    draws the skin around along. marked: (478, 3) the landmarks, points: (V, 3), both at rest."""
    inner: list[int] = list(marks.INNER_LIPS)
    outer: list[int] = list(marks.OUTER_LIPS)
    half = len(inner) // 2 + 1  # each begins at a corner; the inner one above, the outer one below
    x, y = points[:, 0], points[:, 1]

    def height(line: list[int]) -> Float64Array:
        along = marked[line][np.argsort(marked[line, 0])]
        return np.interp(x, along[:, 0], along[:, 1])

    middle = 0.5 * (height(inner[:half]) + height([*inner[half - 1 :], inner[0]]))
    upper, lower = height([*outer[half - 1 :], outer[0]]), height(outer[:half])
    reach = np.clip(y - middle, np.minimum(lower - middle, 0), np.maximum(upper - middle, 0))
    beyond = np.abs(y - middle - reach)
    corners = marked[[outer[0], outer[half - 1]]]
    near = (x > corners[:, 0].min()) & (x < corners[:, 0].max())
    near &= points[:, 2] > corners[:, 2].min() - _LINING_M
    move = np.zeros(points.shape, np.float32)
    move[:, 1] = -share * reach * np.exp(-((beyond / _DRAWN_M) ** 2)) * near
    return move


def _missing_in_all(
    head: HeadModel,
    found: HeadLandmarks,
    sights: Sequence[tuple[SeenFace, Fit]],
    change: Float32Array,
) -> Float64Array:
    """(478, 3) what all photos together ask for: each across its line of sight, by how surely it
    shows a landmark (least squares)."""
    asked = [_missing(head, found, seen, fit, change) for seen, fit in sights]
    if len(asked) == 1:
        return asked[0]
    matrix, right = (
        np.tile(_DEPTH_HOLD * np.eye(3), (len(asked[0]), 1, 1)),
        np.zeros(asked[0].shape),
    )
    for (_, fit), missing in zip(sights, asked, strict=True):
        turn = fit.camera.camera_from_world[:3, :3]
        sure = landmarks_facing(head, found, turn)[:, None]
        matrix += sure[..., None] * (np.eye(3) - np.outer(turn[2], turn[2]))
        right += sure * missing
    return np.asarray(np.linalg.solve(matrix, right[..., None])[..., 0], np.float64)


def _missing(
    head: HeadModel, found: HeadLandmarks, seen: SeenFace, fit: Fit, change: Float32Array
) -> Float64Array:
    """(478, 3) metres, world: how far each landmark is from where it is seen, across the line of
    sight."""
    points = landmark_vertices(head, found, posed_vertices(head, fit, change))
    camera = fit.camera
    turn, place = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    seen_points = points @ turn.T + place
    depth = seen_points[:, 2:]
    pixels = camera.focal_x * seen_points[:, :2] / depth + [camera.centre_x, camera.centre_y]
    across = (seen.landmarks - pixels) * depth / camera.focal_x
    length = np.linalg.norm(across, axis=1, keepdims=True)
    across *= np.minimum(1, _MOST_M / np.maximum(length, 1e-12))
    return np.column_stack([across, np.zeros(len(across))]) @ turn


def as_in_photo(head: HeadModel, fit: Fit, change: Float32Array) -> Float32Array:
    """The change (V, 3) at which a person whose movements are shorter than the head's is as in the
    photo: it was found with the head's."""
    person = personal_head(head, change, fit.shape)
    expression = fit.motion.expression[0, : len(head.expression_names)]
    lacks = (head.expression_basis - person.expression_basis) @ expression
    return (change + lacks).astype(np.float32)


def _bending(smooth: csc_matrix) -> csc_matrix:
    """(N, N) what bending and stretching cost. smooth: (N, N) the umbrella Laplacian."""
    bent = smooth @ smooth
    return csc_matrix(_STIFF * bent.T @ bent + _TENSE * smooth.T @ smooth)


def _umbrella(points: Float64Array, faces: Int32Array) -> csc_matrix:
    """(N, N) each vertex less its neighbours' mean, weighted by 1 / length."""
    edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1), axis=0)
    weight = 1 / np.maximum(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1), 1e-5)
    rows = np.concatenate([edges[:, 0], edges[:, 1]])
    columns = np.concatenate([edges[:, 1], edges[:, 0]])
    count = len(points)
    near = csc_matrix(coo_matrix((np.tile(weight, 2), (rows, columns)), (count, count)))
    total = np.maximum(np.asarray(near.sum(1)).ravel(), 1e-12)
    return csc_matrix(identity(count) - diags_array(1 / total) @ near)


def _with_the_rest(
    head: HeadModel, rest: FloatArray, skin: IndexArray, change: Float64Array
) -> Float32Array:
    """(V, 3) the skin's displacement carried to what is under and on it."""
    out = np.zeros(head.template.shape)
    out[skin] = change
    lips = np.flatnonzero(head.region == REGIONS.index("lip"))
    for name in ("mouth", "brow", "lash"):
        others = np.flatnonzero(head.region == REGIONS.index(name))
        near = lips if name == "mouth" else skin
        away, index = cKDTree(rest[near]).query(rest[others], _LIP_NEIGHBOURS)
        weight = 1 / np.maximum(away, 1e-4) ** 2
        weight /= weight.sum(1, keepdims=True)
        out[others] = np.einsum("nk,nkc->nc", weight, out[near[index]])
    inside = np.flatnonzero(head.region == REGIONS.index("mouth"))
    away = cKDTree(rest[lips]).query(rest[inside])[0]
    deep = np.clip((away - _LINING_M) / _LINING_M, 0, 1)[:, None]
    out[inside] -= deep * _DEEPER_M  # a thinner cheek than the head's would let it through
    out[inside, 0] -= deep[:, 0] * _NARROWER * rest[inside, 0]
    for name in ("teeth", "tongue"):
        out[head.region == REGIONS.index(name)] = out[lips].mean(0)
    eyes = np.isin(head.region, [REGIONS.index(n) for n in ("sclera", "iris", "pupil")])
    tree = cKDTree(rest[skin])
    for side in (rest[:, 0] > 0, rest[:, 0] <= 0):
        ball = np.flatnonzero(eyes & side)
        if len(ball):
            near = tree.query(rest[ball].mean(0), _EYE_NEIGHBOURS)[1]
            out[ball] = out[skin[near]].mean(0)
    return out.astype(np.float32)
