# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers the open head's labels to another head mesh: the open head is deformed onto it, and
each vertex takes the label of the nearest point.

Landmarks (nose, lids, rims of the mouth with the jaw open) guide the deformation
(`adapter.registration`). Eyeballs are found as separate pieces of the mesh, not by nearness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import Float32Array, Float64Array, IndexArray, Int32Array, UInt8Array
from ...shared.connection import default_cache_folder
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint
from ...shared.head import JOINTS, REGIONS, HeadModel
from ...shared.motion import ARKIT_NAMES
from ..adapter.registration import register
from ..adapter.skin import SkinTree
from ..files import are_indices, are_shaped, kept_arrays
from ..memory import remembered
from ..raster.mesh import vertex_normals
from .avatar import ArkitRig

EYE_RADIUS_M = (0.007, 0.022)
"""The range of an eyeball's radius in heads of all sizes."""
_ROUND = 0.2
"""How far the distance of an eyeball's points from its middle may spread, as a share of it: the
cornea bulges, and often the back is missing."""
_JAW_BEHIND, _JAW_BELOW = 0.9, 0.6
"""How far FLAME's jaw hinge is behind and below the eyes, in distances between the eyes."""
_LEAST_FOUND = 0.6
"""The least part of the open head's face that must lie on the other's. The inside of its mouth, a
fifth of it, has no counterpart on most heads; LAM's reach 0.75."""
_JAW_OPEN = ARKIT_NAMES.index("jawOpen")
_VERSION = 1
"""Goes up whenever the same surface gets another alignment."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alignment:
    """The open head's points nearest to V vertices. label: (V,) index into `REGIONS`. place: (V, 3)
    on the open head at rest, metres, and vertex: (V,) its own nearest one. distance: (V,) from this
    head's vertices to the laid-on open head, metres.
    open_from_metres: the open head's size over this head's."""

    label: UInt8Array
    place: Float32Array
    vertex: IndexArray
    distance: Float64Array
    open_from_metres: float


@remembered
def head_key(head: HeadModel) -> str:
    """The fingerprint of a head, for names in the cache folder."""
    return fingerprint(head)


@remembered
def align(surface: ArkitRig | HeadModel, open_head: HeadModel) -> Alignment:
    """Lays the open head onto a surface at rest: takes a few seconds, once on this machine, and is
    then read from the cache folder. Vertices that the surface itself labels as other than skin keep
    their label.

    Raises InputError `avatar.regions` if its face is not found."""
    if isinstance(surface, HeadModel):
        seen, count = head_key(surface), len(surface.template)
    else:
        seen, count = _seen_of(surface), len(surface.vertices)
    name = fingerprint(_VERSION, head_key(open_head), seen)
    arrays = kept_arrays(
        default_cache_folder() / "alignments" / f"{name}.kept",
        lambda found: _fit(found, count, len(open_head.template)),
        lambda: _lay(surface, open_head),
    )
    return Alignment(
        label=arrays["label"],
        place=arrays["place"],
        vertex=arrays["vertex"].astype(np.intp),
        distance=arrays["distance"],
        open_from_metres=float(arrays["open_from_metres"][0]),
    )


def _seen_of(rig: ArkitRig) -> tuple[NDArray, NDArray, NDArray]:
    """All of a rig that `_as_head` reads."""
    return rig.vertices, rig.faces, rig.arkit_shapes[_JAW_OPEN]


def _fit(arrays: Mapping[str, NDArray], count: int, points: int) -> bool:
    """Whether kept arrays are an alignment of `count` vertices to a head of so many points."""
    wanted = {
        "label": (np.uint8, (count,)),
        "place": (np.float32, (count, 3)),
        "vertex": (np.int32, (count,)),
        "distance": (np.float64, (count,)),
        "open_from_metres": (np.float64, (1,)),
    }
    if not are_shaped(arrays, wanted):
        return False
    known = arrays["label"].max(initial=0) < len(REGIONS)
    return bool(known) and are_indices(arrays["vertex"], points)


def _lay(surface: ArkitRig | HeadModel, open_head: HeadModel) -> dict[str, NDArray]:
    """The arrays of `Alignment`."""
    head = surface if isinstance(surface, HeadModel) else _as_head(surface, open_head)
    try:
        found = register(open_head, head, least_found=_LEAST_FOUND)
    except InputError as error:
        raise _not_found("the open head could not be laid onto it") from error
    bent = replace(found.source, points=found.bent)
    points = head.template.astype(np.float64)
    normals = vertex_normals(points, np.ascontiguousarray(head.faces, np.int32))
    side = np.zeros(len(points), np.int8)
    side[found.target.vertex] = found.target.side
    hits = SkinTree.of(bent).nearest(points, normals, side)
    vertex = found.source.vertex[hits.corner(bent.faces)]
    label = open_head.region[vertex]
    return {
        "label": np.where(head.region == REGIONS.index("skin"), label, head.region),
        "place": hits.on(found.source.points, bent.faces).astype(np.float32),
        "vertex": vertex.astype(np.int32),
        "distance": hits.distance,
        "open_from_metres": np.array([1 / found.scale]),
    }


def open_alignment(open_head: HeadModel) -> Alignment:
    """The open head laid onto itself."""
    count = len(open_head.template)
    return Alignment(
        label=open_head.region,
        place=open_head.template,
        vertex=np.arange(count),
        distance=np.zeros(count),
        open_from_metres=1.0,
    )


def mesh_pieces(faces: NDArray[np.integer], count: int) -> Int32Array:
    """(V,) the number of each vertex's connected piece; pieces are numbered from the largest."""
    edges = faces.ravel(), np.roll(faces, 1, 1).ravel()
    graph = coo_matrix((np.ones(faces.size, np.int8), edges), (count, count))
    piece = connected_components(graph, directed=False)[1]
    rank = np.argsort(np.argsort(-np.bincount(piece), kind="stable"), kind="stable")
    return rank[piece].astype(np.int32)


def find_eyeballs(vertices: Float64Array, pieces: Int32Array) -> tuple[int, int] | None:
    """Finds the pieces that are the left and right eyeball of a head that faces +z, or None."""
    balls: list[tuple[int, Float64Array]] = []
    for piece in range(1, min(int(pieces.max()) + 1, 64)):
        points = vertices[pieces == piece]
        centre, radius, spread = fit_sphere(points)
        if len(points) > 30 and EYE_RADIUS_M[0] < radius < EYE_RADIUS_M[1] and spread < _ROUND:
            balls.append((piece, centre))
    pairs = [
        (abs(a[1][1] - b[1][1]) + abs(a[1][2] - b[1][2]), a[0], b[0])
        for a in balls
        for b in balls
        if 0.03 < a[1][0] - b[1][0] < 0.12
    ]
    return min(pairs)[1:] if pairs else None


def fit_sphere(points: Float64Array) -> tuple[Float64Array, float, float]:
    """Fits a sphere to points (n, 3) by least squares of |p|^2 = 2 p.c + d; returns its centre, its
    radius, and the relative spread of the points about it."""
    system = np.concatenate([2 * points, np.ones((len(points), 1))], 1)
    solution = np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0]
    distance = np.linalg.norm(points - solution[:3], axis=1)
    return solution[:3], float(distance.mean()), float(distance.std() / max(distance.mean(), 1e-9))


def _as_head(rig: ArkitRig, open_head: HeadModel) -> HeadModel:
    """The rig at rest as a head with what registration reads: skin and eyeballs as regions, the
    eyes' joints, and a jaw that turns what `jawOpen` moves. The rest is zero or the open head's."""
    count, components = len(rig.vertices), len(open_head.expression_names)
    pieces = mesh_pieces(rig.faces, count)
    eyes = find_eyeballs(rig.vertices.astype(np.float64), pieces)
    if eyes is None:
        raise _not_found("it has no two eyeballs that are pieces of their own")
    opened = np.linalg.norm(rig.arkit_shapes[_JAW_OPEN], axis=1)
    if opened.max() < 1e-4:
        raise _not_found("its shape jawOpen moves nothing")
    region = np.full(count, REGIONS.index("skin"), np.uint8)
    region[np.isin(pieces, eyes)] = REGIONS.index("sclera")
    jaw = JOINTS.index("jaw")
    weights = np.zeros((count, len(JOINTS)), np.float32)
    weights[:, jaw] = opened / opened.max()
    weights[:, 0] = 1 - weights[:, jaw]
    regressor = np.zeros((len(JOINTS), count), np.float32)
    for joint, eye in enumerate(eyes, JOINTS.index("eye_left")):
        mine = pieces == eye
        weights[mine] = np.eye(len(JOINTS), dtype=np.float32)[joint]
        regressor[joint, mine] = 1 / mine.sum()
    centres = regressor[3:] @ rig.vertices
    apart = np.linalg.norm(centres[0] - centres[1])
    hinge = centres.mean(0) - np.array([0, _JAW_BELOW, _JAW_BEHIND], np.float32) * apart
    regressor[jaw, cKDTree(rig.vertices).query(hinge)[1]] = 1
    return replace(
        open_head,
        template=rig.vertices,
        faces=rig.faces,
        region=region,
        skin_weights=weights,
        joint_regressor=regressor,
        shape_basis=np.zeros((count, 3, 1), np.float32),
        expression_basis=np.zeros((count, 3, components), np.float32),
        pose_basis=np.zeros((count, 3, 36), np.float32),
        uv=np.zeros((len(rig.faces), 3, 2), np.float32),
        landmark_weights=np.zeros((68, 3), np.float32),
        upper=np.zeros(count, np.float32),
        colour=np.zeros((count, 3), np.float32),
    )


def _not_found(why: str) -> InputError:
    return InputError(
        "avatar.regions",
        f"The parts of this avatar's face are not found: {why}.",
        "Render it without the pass 'mask'.",
    )
