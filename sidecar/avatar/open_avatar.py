# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the open head a Gaussian avatar: every face carries a few flat Gaussians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]
from scipy.spatial.transform import Rotation

from ...shared.arrays import BoolArray, Float32Array, Float64Array, Int32Array
from ...shared.head import REGIONS, HeadModel
from ...shared.motion import make_motion
from ..memory import remembered
from ..raster import occlusion
from ..raster.colour import linear_to_srgb, srgb_to_linear
from ..raster.mesh import vertex_normals
from .avatar import Avatar

OPEN_GAUSSIANS = "open-gaussians"
"""Name of this avatar where an avatar's path may stand."""

OVERLAP = 2.25
"""Standard deviations of a Gaussian over those of its piece of the face: below 2.1 what
is behind shows as dots where corners meet, above 2.4 lips and lids blur."""
_OVERLAPS = {"brow": 1.0, "lash": 0.6, "teeth": 1.9}
"""The same for hair, which may have holes and must stay thin, and for teeth, whose gaps show."""
_RIM_OVERLAP, _RIM_M = 1.1, 0.0018
"""The same for the lids' rims, skin this near to an eyeball: as wide as other skin they cover the
eye's edge, and neutral looks sleepy. What shows between them is the eye's white."""
_CUT_M, _CUT_TWICE_M = 0.005, 0.012
"""Skin faces with a longer edge are cut in four, or in sixteen: uncut, edges against the
background are soft."""
_CUT = ("skin", "lip")
THICKNESS_M = 2e-4
OPACITY = 0.995
_SKY_RAYS, _LAMP_RAYS = 64, 12
_LAMP = np.array([0.35, 0.55, 0.76])
"""Direction to a large soft lamp before the face, above and to its left."""
_LAMP_HALF_ANGLE_RAD = 0.5
_SKY, _GROUND, _LAMP_LIGHT = 0.50, 0.22, 0.62
_MOUTH_LIT_M, _MOUTH_FADE_M = 0.02, 0.022
"""The mouth is lit this far behind the lips' middle, and fades to 1 / e over this length."""
_WRAP = 0.25
"""How far the lamp's light goes round into the shade, as in skin."""
_LEAST = {"teeth": 0.6, "tongue": 0.6, "mouth": 0.6, "sclera": 0.85, "iris": 0.9, "pupil": 0.9}
_LEAST_SKIN = 0.05
"""Least light on these regions and on all others: they move, their baked shade does not."""
_EYE = ("sclera", "iris", "pupil")
_GLINT_M, _GLINT_LIFT_M = 0.0009, 0.0003
"""Standard deviation of a catch light, and its height above the cornea."""
_LID_MOVES_M = 0.004
"""Skin that a blink moves this far is lit as in the blink, which unfolds it."""


@remembered
def open_avatar(head: HeadModel) -> Avatar:
    """Makes Gaussians on every face of the head, coloured as under a soft light that turns with it.

    Large faces are cut in four or sixteen; a piece becomes a disc with the piece's second
    moments, `OVERLAP` times as wide, so that neighbours leave no holes."""
    light = baked_light(head)
    colours = srgb_to_linear(np.clip(head.colour.astype(np.float64), 0, 1)) * light[:, None]
    anchors, corners, weights = _pieces(head)
    points = np.einsum("ncw,nwk->nck", weights, head.template[corners].astype(np.float64))
    middle = points.mean(1)
    offsets = middle - head.template[head.faces].mean(1)[anchors]
    overlap = np.array([_OVERLAPS.get(n, OVERLAP) for n in REGIONS])[head.region[corners[:, 0]]]
    overlap = np.where(_on_rim(head, corners, middle), _RIM_OVERLAP, overlap)
    scales, quaternions = discs(points - middle[:, None], overlap)
    seen = np.einsum("nw,nwk->nk", weights.mean(1), colours[corners])
    glints = _catch_lights(head)
    anchors = np.concatenate([anchors, glints.anchors])
    return Avatar(
        name=OPEN_GAUSSIANS,
        surface=head,
        binding="face",
        anchors=anchors,
        offsets=np.concatenate([offsets, glints.offsets]).astype(np.float32),
        quaternions=np.concatenate([quaternions, glints.quaternions]),
        scales=np.concatenate([scales, glints.scales]),
        opacities=np.full(len(anchors), OPACITY, np.float32),
        colours=np.clip(
            linear_to_srgb(np.clip(np.concatenate([seen, glints.colours]), 0, 1)), 0, 1
        ).astype(np.float32),
        follow="deform",  # a lid's faces unfold as it closes: discs that only grew left gaps
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Glints:
    """The lamp's mirror images on the corneas: fields of `Avatar`, colours linear."""

    anchors: Int32Array
    offsets: Float64Array
    scales: Float32Array
    quaternions: Float32Array
    colours: Float64Array


def _catch_lights(head: HeadModel) -> _Glints:
    """One disc on each cornea, where a viewer in front sees the lamp mirrored."""
    points = head.template.astype(np.float64)
    cornea = np.isin(head.region[head.faces], _numbers(("iris", "pupil"))).all(1) & _whole(head)
    half = _LAMP / np.linalg.norm(_LAMP) + [0, 0, 1]
    anchors = []
    for side in (1, -1):
        faces = np.flatnonzero(cornea & (side * points[head.faces, 0] > 0).all(1))
        if len(faces):
            toward = _face_normals(points[head.faces[faces]]) @ half
            anchors.append(faces[toward.argmax()])
    corners = points[head.faces[np.array(anchors, np.int32)]]
    count = len(anchors)
    normals = _face_normals(corners)
    _, quaternions = discs(corners - corners.mean(1, keepdims=True), np.ones(count))
    return _Glints(
        anchors=np.array(anchors, np.int32),
        offsets=_GLINT_LIFT_M * normals,
        scales=np.tile(np.array([_GLINT_M, _GLINT_M, THICKNESS_M], np.float32), (count, 1)),
        quaternions=quaternions,
        colours=np.ones((count, 3)),
    )


def _on_rim(head: HeadModel, corners: Int32Array, middle: Float64Array) -> BoolArray:
    """(N,) whether a piece is skin that lies on an eyeball: the lids' rims."""
    eye = head.template[np.isin(head.region, _numbers(_EYE))]
    skin = np.isin(head.region[corners], _numbers(("skin",))).any(1)
    if not len(eye):
        return np.zeros(len(corners), np.bool_)
    return skin & (cKDTree(eye).query(middle, distance_upper_bound=_RIM_M)[0] < _RIM_M)


def _whole(head: HeadModel) -> BoolArray:
    """(F,) whether a face has an area."""
    a, b, c = (head.template[head.faces[:, k]].astype(np.float64) for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-12


def _face_normals(corners: Float64Array) -> Float64Array:
    """(N, 3) unit normals of triangles (N, 3, 3)."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _pieces(head: HeadModel) -> tuple[Int32Array, Int32Array, Float64Array]:
    """Cuts faces into N pieces: the face (N,) of each, its corners (N, 3), and the piece's corners
    as weights of these (N, 3, 3). Leaves out faces without area."""
    a, b, c = (head.template[head.faces[:, k]].astype(np.float64) for k in range(3))
    whole = _whole(head)
    longest = np.max([np.linalg.norm(p - q, axis=1) for p, q in ((a, b), (b, c), (c, a))], 0)
    skin = np.isin(head.region[head.faces[:, 0]], _numbers(_CUT))
    cuts = np.where(skin, (longest > _CUT_M).astype(int) + (longest > _CUT_TWICE_M), 0)
    anchors, weights = [], []
    for times in range(3):
        faces, pieces = np.flatnonzero(whole & (cuts == times)), quartered(times)
        anchors.append(np.repeat(faces, len(pieces)))
        weights.append(np.tile(pieces, (len(faces), 1, 1)))
    chosen = np.concatenate(anchors).astype(np.int32)
    return chosen, head.faces[chosen], np.concatenate(weights)


def quartered(times: int) -> Float64Array:
    """(4 ** times, 3, 3): the corners of a triangle's pieces, as weights of its own."""
    one, half = np.eye(3), 0.5 * (np.ones((3, 3)) - np.eye(3))
    quarters = np.array(
        [[one[0], half[1], half[2]], [half[0], one[1], half[2]], [half[0], half[1], one[2]], half]
    )
    pieces = one[None]
    for _ in range(times):
        pieces = np.einsum("qab,pbc->qpac", quarters, pieces).reshape(-1, 3, 3)
    return pieces


def _numbers(names: tuple[str, ...]) -> list[int]:
    return [REGIONS.index(name) for name in names]


def discs(corners: Float64Array, overlap: Float64Array) -> tuple[Float32Array, Float32Array]:
    """Scales (N, 3) and quaternions (N, 4) of discs with the second moments of triangles
    (N, 3, 3) about their middles, `overlap` (N,) times as wide; the last axis is the thin one."""
    normal = _face_normals(corners)
    moments = np.einsum("nck,ncj->nkj", corners, corners) / 12
    values, vectors = np.linalg.eigh(moments)  # ascending: the first is the normal's
    wide = vectors[:, :, 2]
    axes = np.stack([wide, np.cross(normal, wide), normal], 2)
    deviations = overlap[:, None] * np.sqrt(np.maximum(values, 0))
    across = deviations[:, 1]
    thin = np.full(len(corners), THICKNESS_M)
    scales = np.stack([deviations[:, 2], across, thin], 1)
    quaternions = np.roll(Rotation.from_matrix(axes).as_quat(), 1, 1)
    return scales.astype(np.float32), quaternions.astype(np.float32)


@remembered
def baked_light(head: HeadModel) -> Float64Array:
    """(V,) linear light on each vertex from a soft sky and one soft lamp. What a pose uncovers is
    lit as in that pose: the inside of an open mouth, the skin of shut lids."""
    points = head.template.astype(np.float64)
    light = _light_on(points, head.faces)
    inside = np.isin(head.region, _numbers(("mouth", "teeth", "tongue")))
    lips = np.isin(head.region, _numbers(("lip",)))
    least = np.array([_LEAST.get(name, _LEAST_SKIN) for name in REGIONS])[head.region]
    if not (inside.any() and lips.any()):
        return np.maximum(light, least)
    posed = _uncovered(head)
    light_open = _light_on(posed, head.faces)
    # A lip's inner side, dark while it touches the other, is seen when they part.
    light = np.where(lips, 0.4 * light + 0.6 * np.maximum(light, light_open), light)
    skin, eye = (np.isin(head.region, _numbers(names)) for names in (("skin",), _EYE))
    lid = np.clip(np.linalg.norm(posed - points, axis=1) / _LID_MOVES_M, 0, 1)
    lid *= skin & (points[:, 1] > points[lips, 1].max())  # the jaw moves the skin below
    light = light + lid * np.maximum(light_open - light, 0)
    light = np.maximum(np.where(inside, light_open, light), least)
    behind = np.linalg.norm(posed[inside] - posed[lips].mean(0), axis=1)
    light[inside] *= np.exp(-np.maximum(behind - _MOUTH_LIT_M, 0) / _MOUTH_FADE_M)
    if eye.any() and skin.any():
        light[eye] *= occlusion.lid_shade(points, eye, skin, np.array([0.0, 1.0, 0.0]))
    return light


def _uncovered(head: HeadModel) -> Float64Array:
    """Vertices (V, 3) with the mouth open and the eyes shut."""
    from ..head.forward import layer_of  # torch, which other avatars do without

    expression = np.zeros((1, 100), np.float32)
    for side in ("Left", "Right"):
        if f"eyeBlink{side}" in head.expression_names:
            expression[0, head.expression_names.index(f"eyeBlink{side}")] = 1
    jaw = np.array([[0.35, 0, 0]], np.float32)
    pose = make_motion(expression=expression, fps=30, space=head.space, jaw=jaw)
    return layer_of(head).vertices(pose, 0, 1)[0].astype(np.float64)


def _light_on(points: Float64Array, faces: Int32Array) -> Float64Array:
    normals = vertex_normals(points, faces)
    directions = occlusion.sphere_directions(_SKY_RAYS)
    facing = np.maximum(directions @ normals.T, 0)  # (D, V)
    colour = _GROUND + (_SKY - _GROUND) * (0.5 + 0.5 * directions[:, 1, None])
    seen = occlusion.visibility(points, faces, directions)
    sky = (seen * facing * colour).sum(0) / np.maximum(facing.sum(0), 1e-9)
    lamp = occlusion.cone_directions(_LAMP, _LAMP_HALF_ANGLE_RAD, _LAMP_RAYS)
    reach = occlusion.visibility(points, faces, lamp).mean(0)
    toward = normals @ (_LAMP / np.linalg.norm(_LAMP))
    diffuse = np.maximum(toward + _WRAP, 0) / (1 + _WRAP) ** 2
    both = np.stack([sky, reach], 1).astype(np.float32)
    smooth = occlusion.neighbour_mean(both, faces)
    return smooth[:, 0] + _LAMP_LIGHT * 1.4 * diffuse * smooth[:, 1]
