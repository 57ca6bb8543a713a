# SPDX-License-Identifier: GPL-3.0-or-later
"""The person's head in pieces, each to become one Gaussian, and what the photo shows of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import (
    BoolArray,
    Float32Array,
    Float64Array,
    FloatArray,
    IndexArray,
    Int32Array,
)
from ...shared.head import REGIONS, HeadModel
from ..avatar.avatar import Avatar
from ..avatar.drive import Actor, PosedAvatar
from ..avatar.open_avatar import discs
from ..avatar.supports import edges_of
from ..raster.mesh import rasterise_mesh
from ..raster.project import to_pixels
from .fit import Fit
from .framing import Frame
from .teeth import near_gaps

_EDGE_M = {"skin": 0.00176, "lip": 0.0011, "sclera": 0.0018}
_GAP_EDGE_M = 0.0009
"""Edges of the pieces, and of those beside gaps between teeth; other parts are not cut."""
_COARSE_EDGE_M, _THROAT_EDGE_M, _THROAT_DEPTH_M = 0.0050, 0.0024, -0.05
"""The same for skin beside the face, and for the front of the neck."""
_CHEEK_EDGE_M, _CHEEK_DEPTH_M = 0.0028, -0.055
"""The same for what lies between face and ears, which is seen from the side."""
_SCALP_EDGE_M, _SCALP_HIGH_M, _SCALP_BEHIND_M = 0.008, 0.02, -0.03
"""The same for what lies so high and so far back, where hair covers it."""
_MOST_CUTS, _MOST_HALVINGS = 9, 12
_HALVED = 1.75
"""Longest edges of pieces that come of halving, in the edges of equal ones of their size."""
FADE_M, _FADE_WIDTH_M = 0.032, 0.0035
"""How long the neck takes to fade, and how wide its Gaussians are there: round and even, or a fade
shows each of them, like fur."""
_TOOTH_BACK = -0.25
"""Teeth whose normals look further back than this are seen from inside the mouth alone."""
_OVERLAP = {"skin": 2.0, "lip": 2.0, "teeth": 1.7}
_OVERLAP_ELSEWHERE, _OVERLAP_LARGE, _LARGE_M = 2.1, 2.4, 0.002
"""Large pieces carry no detail that a wider Gaussian would blur, and leave no holes so."""
_LEFT_OUT = ("brow", "lash")
"""A photo's own brows and lashes are in its skin."""
_OPACITY = 0.995
FACE_LOW_M, _FACE_HIGH_M, _FACE_DEPTH_M = -0.095, 0.088, -0.012
"""Where the face ends on the head's template: the neck begins below it."""
_HIDDEN_M = 0.004
_FLAT, _FACING = 0.15, 0.5
_FLAT_NECK, _FACING_NECK = 0.25, 0.55
"""Cosines of the angle of view at which a piece begins to count, and counts in full."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """The person's head in N pieces. avatar: with grey colours; region: (N,) index into `REGIONS`;
    places: (N, 3) on the head's own template, metres, which is the same for all people; normals:
    (N, 3) at rest; corners, weights: (N, 3) vertices of each piece's face and its middle in it;
    areas: (N,) square metres; from_end: (N,) metres to the neck's end, infinite in the face."""

    avatar: Avatar
    region: Int32Array
    places: Float64Array
    normals: Float64Array
    corners: Int32Array
    weights: Float64Array
    areas: Float64Array
    from_end: Float64Array

    def of(self, *names: str) -> BoolArray:
        """(N,) which pieces are of these regions."""
        return np.isin(self.region, [REGIONS.index(name) for name in names])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """What the photo shows of N Gaussians. posed: as in the photo; pixels: (N, 2) where each is;
    seen: (N,) 0 to 1, how well: 0 from behind, hidden, or outside the picture; free: (N,) which of
    them are neither hidden nor outside."""

    posed: PosedAvatar
    pixels: Float64Array
    seen: Float32Array
    free: BoolArray


def cut_head(
    head: HeadModel, shape: Float32Array, change: Float32Array, *, hairy: bool = False
) -> Pieces:
    """Cuts the person's head into pieces of about one size, finer in the face. hairy: whether hair
    will cover the scalp, which is then cut more coarsely."""
    rest = head.template + change + head.shape_basis[..., : len(shape)] @ shape
    anchors, weights = _cut(head, rest.astype(np.float64), hairy=hairy)
    corners = head.faces[anchors]
    points = np.einsum("ncw,nwk->nck", weights, rest[corners].astype(np.float64))
    middle = points.mean(1)
    region = head.region[corners[:, 0]].astype(np.int32)
    overlap = np.array([_OVERLAP.get(n, _OVERLAP_ELSEWHERE) for n in REGIONS])[region]
    normals = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    twice_area = np.linalg.norm(normals, axis=1, keepdims=True)
    normals /= twice_area
    large = np.sqrt(twice_area[:, 0]) > _LARGE_M
    overlap = np.where(large, _OVERLAP_LARGE, overlap)
    places = np.einsum("nw,nwk->nk", weights.mean(1), head.template[corners].astype(np.float64))
    from_end, below = _from_end(head, places), places[:, 1] < FACE_LOW_M
    scales, quaternions = discs(points - middle[:, None], overlap)
    # Round, or the edges of clothes look like fur.
    scales[below, :2] = np.sqrt(scales[below, :2].prod(1, keepdims=True))
    scales[from_end < FADE_M, :2] = _FADE_WIDTH_M
    inner = weights.mean(1)
    count = len(anchors)
    avatar = Avatar(
        name="portrait",
        surface=head,
        binding="face",
        anchors=anchors,
        offsets=(middle - rest[head.faces].mean(1)[anchors]).astype(np.float32),
        quaternions=quaternions,
        scales=scales,
        opacities=np.full(count, _OPACITY, np.float32),
        colours=np.full((count, 3), 0.5, np.float32),
        shape=shape,
        template_change=change,
        follow="deform",
    )
    return Pieces(avatar=avatar, region=region, places=places, normals=normals, corners=corners,
                  weights=inner, areas=0.5 * twice_area[:, 0], from_end=from_end)  # fmt: skip


def _cut(head: HeadModel, rest: Float64Array, *, hairy: bool) -> tuple[Int32Array, Float64Array]:
    """The face (N,) of each piece, and its corners as weights of the face's (N, 3, 3)."""
    a, b, c = (rest[head.faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    area = 0.5 * np.linalg.norm(normal, axis=1)
    region = head.region[head.faces[:, 0]].astype(np.int32)
    middle = head.template[head.faces].mean(1)
    edge = np.where(near_gaps(head), _GAP_EDGE_M, _edges(region, middle, hairy=hairy))
    side = np.sqrt(4 / np.sqrt(3) * np.maximum(area, 1e-12))
    times = np.clip(np.rint(side / edge), 1, _MOST_CUTS).astype(int)
    kept = (area > 1e-12) & ~np.isin(region, [REGIONS.index(name) for name in _LEFT_OUT])
    kept &= ~_behind_ball(head, region, middle)
    kept &= (region != REGIONS.index("teeth")) | (normal[:, 2] > 2 * _TOOTH_BACK * area)
    halved = kept & (edge > _EDGE_M["skin"]) & (region == REGIONS.index("skin"))
    faces = np.flatnonzero(halved)
    owner, shares = _halved(rest[head.faces[faces]], _HALVED * edge[faces])
    anchors, weights = [faces[owner]], [shares]
    for count in range(1, _MOST_CUTS + 1):
        faces, pieces = np.flatnonzero(kept & ~halved & (times == count)), _divided(count)
        anchors.append(np.repeat(faces, len(pieces)))
        weights.append(np.tile(pieces, (len(faces), 1, 1)))
    return np.concatenate(anchors).astype(np.int32), np.concatenate(weights)


def _halved(corners: Float64Array, longest_m: Float64Array) -> tuple[IndexArray, Float64Array]:
    """Halves triangles (F, 3, 3) across their longest edge until none is longer than (F,) allows:
    slivers become pieces that are about as wide as long. Returns whose each piece is (N,), and its
    corners as weights of that one's (N, 3, 3)."""
    owner = np.arange(len(corners))
    weights = np.broadcast_to(np.eye(3), (len(corners), 3, 3)).copy()
    for _ in range(_MOST_HALVINGS):
        points = weights @ corners[owner]
        edges = np.linalg.norm(np.roll(points, -1, 1) - points, axis=2)
        first = edges.argmax(1)
        long = edges.max(1) > longest_m[owner]
        if not long.any():
            break
        turned = np.take_along_axis(weights, ((first[:, None] + [0, 1, 2]) % 3)[..., None], 1)
        a, b, c = turned[long].transpose(1, 0, 2)
        middle = 0.5 * (a + b)
        halves = np.stack([np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)], 1)
        owner = np.concatenate([owner[~long], np.repeat(owner[long], 2)])
        weights = np.concatenate([weights[~long], halves.reshape(-1, 3, 3)])
    return owner, weights


def _edges(region: Int32Array, middle: FloatArray, *, hairy: bool) -> Float64Array:
    """(F,) metres, how long the edges of each face's pieces shall be. middle: (F, 3)."""
    edge = np.array([_EDGE_M.get(name, 1.0) for name in REGIONS])[region]
    _, y, z = middle.T
    beside = (y < FACE_LOW_M) | (y > _FACE_HIGH_M) | (z < _FACE_DEPTH_M)
    throat = (y < FACE_LOW_M) & (z > _THROAT_DEPTH_M)
    coarse = np.where(throat, _THROAT_EDGE_M, _COARSE_EDGE_M)
    cheek = (y > FACE_LOW_M) & (y < _SCALP_HIGH_M) & (z > _CHEEK_DEPTH_M)
    coarse = np.where(cheek, _CHEEK_EDGE_M, coarse)
    if hairy:
        scalp = (y > _SCALP_HIGH_M) & (z < _SCALP_BEHIND_M)
        coarse = np.where(scalp, _SCALP_EDGE_M, coarse)
    return np.where(beside & (region == REGIONS.index("skin")), coarse, edge)


def neck_fade(pieces: Pieces) -> Float64Array:
    """(N,) 0 to 1, the opacities of a head whose neck fades out towards its end: each piece's,
    which together leave the smooth fade that a piece of its own would not."""
    share = np.minimum(pieces.from_end / FADE_M, 1)
    layers = 2 * np.pi * _FADE_WIDTH_M**2 / np.maximum(pieces.areas, 1e-12)
    return 1 - (1 - share * share * (3 - 2 * share)) ** (1 / layers)


def _from_end(head: HeadModel, places: Float64Array) -> Float64Array:
    """(N,) metres from places on the head's template to the neck's end; infinite in the face."""
    skin = head.faces[head.region[head.faces[:, 0]] == REGIONS.index("skin")]
    edges, count = edges_of(skin)
    end = np.unique(edges[count == 1])
    end = head.template[end[head.template[end, 1] < FACE_LOW_M]]
    if not len(end):
        return np.full(len(places), np.inf)
    return np.where(places[:, 1] < FACE_LOW_M, cKDTree(end).query(places)[0], np.inf)


def _divided(times: int) -> Float64Array:
    """(times ** 2, 3, 3): the corners of a triangle's equal pieces, as weights of its own."""
    pieces = []
    for i in range(times):
        for j in range(times - i):
            pieces.append([(i, j), (i + 1, j), (i, j + 1)])
            if i + j + 1 < times:
                pieces.append([(i + 1, j), (i + 1, j + 1), (i, j + 1)])
    second_third = np.array(pieces) / times
    return np.concatenate([1 - second_third.sum(2, keepdims=True), second_third], 2)


def _behind_ball(head: HeadModel, region: Int32Array, middle: Float64Array) -> BoolArray:
    """(F,) faces of the eyeballs' backs, which nobody ever sees."""
    ball = np.isin(region, [REGIONS.index(n) for n in ("sclera", "iris", "pupil")])
    depth = (head.joint_regressor @ head.template)[3:, 2].mean()
    return ball & (middle[:, 2] < depth - 0.003)


def look_at_pieces(pieces: Pieces, fit: Fit, frame: Frame) -> Sight:
    """Says what the photo shows of the pieces."""
    posed = Actor(pieces.avatar, fit.motion).pose(0)
    means = posed.gaussians.means
    below = pieces.places[:, 1] < FACE_LOW_M
    pixels = to_pixels(means, frame.camera)[:, :2].astype(np.float64)
    inside = (pixels > 0) & (pixels < [frame.camera.width, frame.camera.height])
    free = inside.all(1) & ~hidden(pieces, posed, means, frame)
    seen = (facing(posed.normals, means, frame, below) * free).astype(np.float32)
    return Sight(posed=posed, pixels=pixels, seen=seen, free=free)


def facing(
    normals: Float32Array, means: Float32Array, frame: Frame, below: BoolArray
) -> Float64Array:
    """(N,) 0 to 1, how much surfaces face the camera. below: (N,) those of the neck, which no
    landmark holds: at its outline the photo may show what is beside it."""
    eye = np.linalg.inv(frame.camera.camera_from_world)[:3, 3]
    toward = eye - means
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    flat, full = np.where(below, _FLAT_NECK, _FLAT), np.where(below, _FACING_NECK, _FACING)
    return np.clip(((normals * toward).sum(1) - flat) / (full - flat), 0, 1)


def hidden(pieces: Pieces, posed: PosedAvatar, means: Float32Array, frame: Frame) -> BoolArray:
    """(N,) whether something of the head lies before these points."""
    surface = pieces.avatar.surface
    assert isinstance(surface, HeadModel)
    left_out = [REGIONS.index(name) for name in _LEFT_OUT]
    faces = surface.faces[~np.isin(surface.region[surface.faces[:, 0]], left_out)]
    depth = rasterise_mesh(posed.vertices, faces, frame.camera).depth
    nearest = cv2.erode(np.minimum(depth, 1e3), np.ones((3, 3), np.uint8))
    at = to_pixels(means, frame.camera)
    column = np.clip(at[:, 0].astype(int), 0, depth.shape[1] - 1)
    row = np.clip(at[:, 1].astype(int), 0, depth.shape[0] - 1)
    pose = frame.camera.camera_from_world
    return (means @ pose[2, :3] + pose[2, 3]) > nearest[row, column] + _HIDDEN_M
