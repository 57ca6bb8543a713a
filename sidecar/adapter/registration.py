# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers a FLAME head's skin to the open head's.

A similarity aligns the heads, then FLAME's skin is deformed onto the other (non-rigid ICP after
Amberg, Romdhani and Vetter 2007, with the thin-plate energy of the displacement in place of their
per-vertex affine maps: 3 unknowns a vertex in place of 12, and one factorisation serves all three).
The weight of the features falls from level to level; a lip only matches the same lip. trimesh's
`nricp_amberg` needs 0.8 s an iteration on FLAME 2023 Open, where this one does 36 in 4 s, and it
cannot keep an upper lip off a lower one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix, diags_array
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from ...shared.arrays import BoolArray, Float64Array, Int64Array
from ...shared.head import HeadModel
from ..raster.mesh import vertex_normals
from .features import Features, find_features, with_landmarks
from .skin import Hits, Skin, SkinTree, mark_sides, point_areas, registration_error, skin_of

_STIFF_M = (0.08, 0.05, 0.03, 0.02, 0.014, 0.010, 0.007, 0.005, 0.004)
"""Length over which the deformation is smooth, level by level."""
_ITERATIONS = 4
_FEATURE_AREA = (4e-4, 1e-6)
"""Weight of a feature at the first level and the last, in square metres of skin."""
_REACH_M = (0.04, 0.006)
"""Largest distance of a nearest point that counts, at the first level and the last."""
FACE_M = 0.07
"""Points this near the nose are the face, on which the registration is checked."""
_LOOSE = 1e-6  # makes the solution unique for a piece that meets nothing
WORST_M, LEAST_FOUND = 0.002, 0.8
"""A face is registered if at least this part of it lies within `WORST_M` of the other. FLAME 2023
Open's surface reaches 0.92: the inside of its mouth and eye sockets is built differently."""
MOST_SCALE = 1.6
"""Largest ratio of the two heads' eye distances; beyond it, the head is not in metres."""
_LEAST_FEATURES = 6  # of the mouth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Registration:
    """source: FLAME's skin (N points); target: the open head's. hits: each source point's place on
    the target. bent (N, 3): the source deformed onto the target, in the target's axes. turn (3, 3),
    scale and shift (3,): open point = scale * turn @ FLAME point + shift."""

    source: Skin
    target: Skin
    hits: Hits
    bent: Float64Array
    turn: Float64Array
    scale: float
    shift: Float64Array


def register(
    flame: HeadModel, open_head: HeadModel, *, least_found: float = LEAST_FOUND
) -> Registration:
    """Registers the two heads at rest. Raises InputError `adapter.registration` if that fails, or
    if less than `least_found` of the face is registered."""
    source, target = skin_of(flame), skin_of(open_head)
    there = _all_features(open_head, target, np.eye(3))
    # The first search finds the rotation; the second one sees the face from the front.
    first = _shared(_all_features(flame, source, _turn_from_eyes(flame, open_head)), there)
    _, turn, _ = _similarity(first[0].places(source), first[1].places(target))
    pair = _shared(_all_features(flame, source, turn), there)
    scale, turn, shift = _similarity(pair[0].places(source), pair[1].places(target))
    source, target = _with_sides(source, flame, pair[0]), _with_sides(target, open_head, pair[1])
    tree = SkinTree.of(target)
    bent = _bend(scale * source.points @ turn.T + shift, source, tree, pair)
    hits = tree.nearest(bent, _normals(bent, source.faces), source.side)
    _check(hits, bent, there.pick(["nose"]).places(target)[0], least_found)
    return Registration(
        source=source, target=target, hits=hits, bent=bent, turn=turn, scale=scale, shift=shift
    )


def _check(hits: Hits, bent: Float64Array, nose: Float64Array, least_found: float) -> None:
    face = np.linalg.norm(bent - nose, axis=1) < FACE_M
    found = (hits.found & (hits.distance < WORST_M))[face].mean() if face.any() else 0.0
    if found < least_found:
        raise registration_error(f"only {found:.0%} of its face lie on it")


def _all_features(head: HeadModel, skin: Skin, turn: Float64Array) -> Features:
    """The features that are found, and the inner iBUG landmarks if the head has them."""
    seen = find_features(head, skin, turn)
    return seen if not head.landmark_weights[17:].any() else with_landmarks(seen, head, skin)


def _shared(here: Features, there: Features) -> tuple[Features, Features]:
    """The features that both heads have, in the same order."""
    names = [name for name in here.names if name in there.names]
    if sum(name.startswith(("mouth", "ibug")) for name in names) < _LEAST_FEATURES:
        raise registration_error("no nose and mouth were found looking at it along the z axis")
    return here.pick(names), there.pick(names)


def _turn_from_eyes(flame: HeadModel, open_head: HeadModel) -> Float64Array:
    """The smallest rotation (3, 3) of the line between FLAME's eyes to the open head's."""
    here, there = (
        np.subtract(*(head.joint_regressor[3:] @ head.template).astype(np.float64))
        for head in (flame, open_head)
    )
    size = np.linalg.norm(here) / np.linalg.norm(there)
    if not 1 / MOST_SCALE < size < MOST_SCALE:
        raise registration_error(
            f"its eyes are {size:.3g} times as far apart as a head's in metres"
        )
    return Rotation.align_vectors(there[None], here[None])[0].as_matrix()


def _similarity(
    source: Float64Array, target: Float64Array
) -> tuple[float, Float64Array, Float64Array]:
    """Scale, rotation (3, 3) and shift (3,) from source to target, least squares (Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, size, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    turn = (u * sign) @ vt
    scale = float((size * sign).sum() / max((a * a).sum(), 1e-18))
    return scale, turn, target.mean(0) - scale * turn @ source.mean(0)


def _with_sides(skin: Skin, head: HeadModel, features: Features) -> Skin:
    """Sets the skin's `side` by the rims of the mouth, else by iBUG's inner lips."""
    rims = {}
    for side, points in (("upper", range(61, 64)), ("lower", range(65, 68))):
        seen = [name for name in features.names if name.startswith(f"mouth.{side}")]
        known = [f"ibug.{point}" for point in points if f"ibug.{point}" in features.names]
        rims[side] = features.pick(seen or known).places(skin)
    if not len(rims["upper"]) or not len(rims["lower"]):
        raise registration_error("its lips were not found")
    return mark_sides(skin, head, rims["upper"], rims["lower"])


def _normals(points: Float64Array, faces: Int64Array) -> Float64Array:
    return vertex_normals(np.ascontiguousarray(points), np.ascontiguousarray(faces, np.int32))


def _bend(
    start: Float64Array, source: Skin, target: SkinTree, pair: tuple[Features, Features]
) -> Float64Array:
    """The source's points deformed onto the target (N, 3), beginning at `start`."""
    area = point_areas(start, source.faces)
    smooth = thin_plate(start, source.faces)
    select = _selector(pair[0], source)
    wanted = pair[1].places(target.skin) - select @ start
    moved = np.zeros_like(start)
    for level, length in enumerate(_STIFF_M):
        share = level / (len(_STIFF_M) - 1)
        feature, reach = (_between(ends, share) for ends in (_FEATURE_AREA, _REACH_M))
        pull = select.T * feature
        hits, held = _meet(start + moved, source, target, reach)
        weight = area * (held + _LOOSE)
        # One factorisation a level: points that lose their match within it stay in place.
        system = splu(csc_matrix(length**4 * smooth + diags_array(weight) + pull @ select))
        for _ in range(_ITERATIONS):
            surface = hits.on(target.skin.points, target.skin.faces) - start
            goal = np.where(held[:, None], surface, moved)
            moved = system.solve(weight[:, None] * goal + pull @ wanted)
            hits, held = _meet(start + moved, source, target, reach)
    return start + moved


def _meet(
    points: Float64Array, source: Skin, target: SkinTree, reach: float
) -> tuple[Hits, BoolArray]:
    """The nearest points on the target, and which of them are found within `reach`."""
    hits = target.nearest(points, _normals(points, source.faces), source.side)
    return hits, hits.found & (hits.distance < reach)


def _between(ends: tuple[float, float], share: float) -> float:
    """Geometric interpolation."""
    return ends[0] ** (1 - share) * ends[1] ** share


def _selector(features: Features, skin: Skin) -> csc_matrix:
    """The matrix (n, N) from the skin's points to the features' positions."""
    rows = np.repeat(np.arange(len(features.faces)), 3)
    columns = skin.faces[features.faces].ravel()
    shape = (len(features.faces), len(skin.points))
    return csc_matrix(coo_matrix((features.weights.ravel(), (rows, columns)), shape))


def thin_plate(points: Float64Array, faces: Int64Array) -> csc_matrix:
    """The quadratic form (N, N) of the integrated squared Laplacian, by cotangent weights (Pinkall
    and Polthier 1993): zero for functions that are linear on the surface."""
    count = len(points)
    laplacian = csc_matrix((count, count))
    for k in range(3):
        i, j, opposite = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        a, b = points[i] - points[opposite], points[j] - points[opposite]
        cross = np.linalg.norm(np.cross(a, b), axis=1)
        weight = 0.5 * np.clip((a * b).sum(1) / np.maximum(cross, 1e-12), -0.5, 5)
        rows, columns = np.concatenate([i, j, i, j]), np.concatenate([j, i, i, j])
        values = np.concatenate([weight, weight, -weight, -weight])
        laplacian += csc_matrix(coo_matrix((values, (rows, columns)), (count, count)))
    mass = np.maximum(point_areas(points, faces), 1e-9)
    return csc_matrix(laplacian.T @ diags_array(1 / mass) @ laplacian)
