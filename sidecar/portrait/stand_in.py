# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's FLAME head as the portrait's stages need one, and the way of their avatar back onto it.

The stages know the open head: where its ears and its neck lie, which parts it has, ARKit's shapes
by their names. A stand-in has the FLAME head's own mesh, identities and joints, laid where the open
head is; its parts and colours come from the registration of the two (`adapter.registration`), its
expressions are the 52 shapes of its adapter, and the open head's mouth and teeth, which FLAME has
not, are added to the mesh. An avatar that was made on it is laid back, and what sits on the added
faces is bound to those of FLAME that carry it most nearly so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]
from scipy.spatial.transform import Rotation

from ...shared.arrays import BoolArray, Float32Array, Float64Array, Int32Array, UInt8Array
from ...shared.camera import Camera
from ...shared.connection import default_cache_folder
from ...shared.fingerprint import fingerprint
from ...shared.head import JOINTS, REGIONS, HeadModel
from ...shared.motion import ARKIT_NAMES, FLAME_SPACES, make_motion
from ..adapter.kept import adapter_of
from ..adapter.registration import register
from ..adapter.skin import SKIN
from ..avatar import kernels
from ..avatar.avatar import Avatar, anchor_points
from ..avatar.looks import Looks
from ..avatar.side_look import in_turned_axes
from ..files import kept_arrays
from ..head.forward import layer_of
from ..head.read import OPEN, read_head
from ..memory import remembered
from .fit import Fit

_VERSION = 4
"""Goes up whenever the same head gets other parts or colours."""
_SPREAD = 0.6
"""FLAME's identities in a fit, in standard deviations of its people: landmarks err together, and
with 1 the depth that no photo shows was a caricature's."""
_MOUTH = ("mouth", "teeth", "tongue")
_HAIRS_M = {"brow": 0.0022, "lash": 0.0014}
"""Skin this near to the open head's brows and lashes gets their colour: faces without are found
less well."""
_OF_ONE_JAW, _CUTS = 0.5, 2
_ISLAND = 0.25
"""Pieces of a part with fewer points than this share of its largest one's are mistakes of the
registration, which inside of the mouth is poor: skin there would shine between the teeth."""
_AT_VERTICES = ("template", "shape_basis", "expression_basis", "pose_basis", "skin_weights",
                "upper", "colour")  # fmt: skip
_LEAST_OF_SHAPES = 0.02
"""Of the largest: what FLAME's expressions hardly make of ARKit's shapes drives no looks."""
_STILL_M, _WHOLE = 3e-4, 0.97
"""What none of ARKit's shapes moves further, and the neck's joint so nearly alone, is the skull, to
which hair is bound: in FLAME's shapes everything moves a little."""
_ON_NECK = np.eye(len(JOINTS))[JOINTS.index("neck")]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StandIn:
    """head: what the stages work on, its first V vertices FLAME's; flame: the user's. faces: (F,)
    FLAME's face that each of the head's lies in, -1 for those of the added mouth. A point of
    FLAME's is at scale * turn @ point + shift, turn (3, 3), shift (3,) metres. expression: (E, 52)
    FLAME's for each of the stand-in's."""

    head: HeadModel
    flame: HeadModel
    faces: Int32Array
    turn: Float64Array
    scale: float
    shift: Float64Array
    expression: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Laid:
    """A FLAME head on the open head: the similarity, and of each vertex the shares of the parts
    `SKIN` (V, 3), all zero on eyes, and the colour (V, 3)."""

    turn: Float64Array
    place: Float64Array  # (4,) scale, then shift
    shares: Float64Array
    colour: Float32Array


def needs_stand_in(head: HeadModel) -> bool:
    """Whether it is a FLAME head, which the stages do not know."""
    return head.space in FLAME_SPACES


@remembered
def stand_in_of(flame: HeadModel) -> StandIn:
    """The stand-in of a FLAME head. The first time on a machine takes half a minute. Raises
    InputError `adapter.*` for a head that cannot be laid onto the open head."""
    open_head = read_head(OPEN)
    adapter, laid = adapter_of(flame, open_head), _laid(flame, open_head)
    scale, shift = float(laid.place[0]), laid.place[1:]
    of_arkit, components = adapter.space_from_arkit, len(flame.expression_names)
    expression = of_arkit[:components]
    move = scale * laid.turn
    shown = np.einsum("ij,vjs->vis", move, flame.expression_basis @ expression)
    skull = np.abs(shown).max((1, 2)) < _STILL_M
    skull &= flame.skin_weights[:, JOINTS.index("neck")] > _WHOLE
    own = replace(
        flame,
        expression_names=ARKIT_NAMES,
        template=_f32(flame.template @ move.T + shift),
        shape_basis=_f32(_SPREAD * np.einsum("ij,vjs->vis", move, flame.shape_basis)),
        expression_basis=_f32(np.where(skull[:, None, None], 0, shown)),
        pose_basis=_turned_correctives(flame.pose_basis, move, laid.turn),
        skin_weights=_f32(np.where(skull[:, None], _ON_NECK, flame.skin_weights)),
        colour=laid.colour,
        arkit_expression=np.eye(len(ARKIT_NAMES), dtype=np.float32),
        arkit_jaw=_f32(laid.turn @ of_arkit[100:]),
        arkit_eyes=open_head.arkit_eyes,
    )
    finer, faces = _with_parts(own, laid.shares)
    whole = _with_mouth(finer, open_head)
    return StandIn(
        head=whole,
        flame=flame,
        faces=np.pad(faces, (0, len(whole.faces) - len(faces)), constant_values=-1),
        turn=laid.turn,
        scale=scale,
        shift=shift,
        expression=expression,
    )


def avatar_on_flame(avatar: Avatar, stand_in: StandIn) -> Avatar:
    """The avatar, made on the stand-in, on the FLAME head itself."""
    flame, turn, scale = stand_in.flame, stand_in.turn, stand_in.scale
    change = avatar.template_change
    own = None if change is None else _f32(change[: len(flame.template)] @ turn / scale)
    quaternions = Rotation.from_quat(np.roll(avatar.quaternions, -1, 1)).as_quat()
    turned = (Rotation.from_matrix(turn.T) * Rotation.from_quat(quaternions)).as_quat()
    moved = replace(
        avatar,
        surface=flame,
        shape=None if avatar.shape is None else _f32(_SPREAD * avatar.shape),
        template_change=own,
        anchors=_carried_by(stand_in, avatar),
        quaternions=_f32(np.roll(turned, 1, 1)),
        scales=_f32(avatar.scales / scale),
        looks=None if avatar.looks is None else _looks_on_flame(avatar.looks, stand_in),
    )
    if avatar.side_look is not None:
        moved = replace(moved, side_look=in_turned_axes(avatar.side_look, turn.T))
    at = (avatar.means.astype(np.float64) - stand_in.shift) @ turn / scale
    middles = anchor_points(moved.vertices, flame.faces, moved.anchors, "face")
    return replace(moved, offsets=_f32(at - middles))


def _looks_on_flame(looks: Looks, stand_in: StandIn) -> Looks:
    """The looks, driven by FLAME's numbers: of its expressions those that make the stand-in's
    shapes most nearly, and its jaw."""
    of_shapes, of_jaw = looks.drivers[:, : len(ARKIT_NAMES)], looks.drivers[:, 100:103]
    drivers = np.zeros_like(looks.drivers)
    back = np.linalg.pinv(stand_in.expression, rcond=_LEAST_OF_SHAPES)
    drivers[:, : len(stand_in.expression)] = of_shapes @ back
    drivers[:, 100:103], drivers[:, 103] = of_jaw @ stand_in.turn, looks.drivers[:, 103]
    return replace(looks, drivers=drivers)


def fit_on_flame(fit: Fit, stand_in: StandIn) -> Fit:
    """The fit of the stand-in as one of the FLAME head: its numbers, the camera in its space."""
    turn = stand_in.turn
    weights, components = fit.motion.expression[0, : len(ARKIT_NAMES)], len(stand_in.expression)
    expression = np.zeros((1, 100), np.float32)
    expression[0, :components] = stand_in.expression @ weights
    motion = make_motion(
        expression=expression,
        fps=fit.motion.fps,
        space=stand_in.flame.space,
        jaw=_f32(fit.motion.jaw @ turn),
        eyes=_f32((fit.motion.eyes.reshape(2, 3) @ turn).reshape(1, 6)),
    )
    shape = _f32(_SPREAD * fit.shape)
    return replace(fit, shape=shape, motion=motion, camera=camera_on_flame(fit.camera, stand_in))


def camera_on_flame(camera: Camera, stand_in: StandIn) -> Camera:
    """The camera that sees the FLAME head as this one sees the stand-in."""
    pose = camera.camera_from_world.copy()
    pose[:3, 3] = (pose[:3, :3] @ stand_in.shift + pose[:3, 3]) / stand_in.scale
    pose[:3, :3] = pose[:3, :3] @ stand_in.turn
    return replace(camera, camera_from_world=pose)


def _f32(values: np.ndarray) -> Float32Array:
    return np.ascontiguousarray(values, np.float32)


def _turned_correctives(
    basis: Float32Array, move: Float64Array, turn: Float64Array
) -> Float32Array:
    """(V, 3, 36) pose correctives on R - I of joints whose turns are seen turned by (3, 3)."""
    rows = basis.reshape(-1, 3, 4, 3, 3).astype(np.float64)
    turned = np.einsum("ij,vjnab,ka,lb->vinkl", move, rows, turn, turn, optimize=True)
    return _f32(turned.reshape(basis.shape))


def _laid(flame: HeadModel, open_head: HeadModel) -> _Laid:
    """What the registration to the open head says, kept for the next time."""
    key = fingerprint(_VERSION, flame.template, flame.faces, flame.skin_weights, open_head.template)
    place = default_cache_folder() / "portrait" / f"{key}.kept"
    wanted = {"turn": (3, 3), "place": (4,), "shares": (len(flame.template), len(SKIN)),
              "colour": flame.colour.shape}  # fmt: skip

    def fit(arrays: Mapping[str, np.ndarray]) -> bool:
        return {name: values.shape for name, values in arrays.items()} == wanted

    return _Laid(**kept_arrays(place, fit, lambda: _lay(flame, open_head)))


def _lay(flame: HeadModel, open_head: HeadModel) -> dict[str, np.ndarray]:
    found = register(flame, open_head)
    source, target, hits = found.source, found.target, found.hits
    colour, shares = flame.colour.copy(), np.zeros((len(flame.template), len(SKIN)))
    of = np.array(SKIN) == open_head.region[target.vertex][:, None]
    shares[source.vertex] = hits.on(of.astype(np.float64), target.faces)
    shares = _without_islands(shares, flame.faces)
    own = open_head.colour[target.vertex].astype(np.float64)
    colour[source.vertex] = hits.on(own, target.faces)
    on_open = hits.on(target.points, target.faces)
    for name, near_m in _HAIRS_M.items():
        hairs = np.flatnonzero(open_head.region == REGIONS.index(name))
        away, index = cKDTree(open_head.template[hairs]).query(on_open)
        near = (away < near_m) & (shares[source.vertex, SKIN.index(REGIONS.index("skin"))] > 0.5)
        colour[source.vertex[near]] = open_head.colour[hairs[index[near]]]
    return {
        "turn": found.turn,
        "place": np.append(found.scale, found.shift),
        "shares": shares,
        "colour": colour,
    }


def _without_islands(shares: Float64Array, faces: Int32Array) -> Float64Array:
    """The shares of parts (V, 3) with small pieces of a part given to those around them."""
    count, part, skin = len(shares), shares.argmax(1), shares.max(1) > 0
    a, b = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    a, b = np.concatenate([a, b]), np.concatenate([b, a])
    same = part[a] == part[b]
    links = coo_matrix((np.ones(same.sum()), (a[same], b[same])), (count, count))
    piece = connected_components(links, directed=False)[1]
    size = np.bincount(piece[skin], minlength=count)[piece]
    most = np.array([size[skin & (part == one)].max(initial=0) for one in range(len(SKIN))])
    known = skin & (size >= _ISLAND * most[part])
    out = np.where(known[:, None], shares, 0)
    while True:
        near = known[b] & ~known[a] & skin[a]
        if not near.any():
            return out
        total = np.zeros((count, 1 + len(SKIN)))
        np.add.at(total, a[near], np.column_stack([np.ones(near.sum()), out[b[near]]]))
        found = total[:, 0] > 0
        out[found] = total[found, 1:] / total[found, :1]
        known |= found


def _with_parts(own: HeadModel, shares: Float64Array) -> tuple[HeadModel, Int32Array]:
    """The head with its parts by their shares (V, 3), and the old face (F,) of each of its faces:
    those that parts share are cut, since FLAME's are so large that the lips' border is jagged."""
    old = np.arange(len(own.faces), dtype=np.int32)
    for _ in range(_CUTS):
        mixed = np.ptp(shares.argmax(1)[own.faces], 1) > 0
        own, shares, old = _quartered(own, shares, old, mixed)
    skin = shares.any(1)
    region = np.where(skin, np.array(SKIN)[shares.argmax(1)], own.region).astype(np.uint8)
    return replace(own, region=region, faces=_by_part(own.faces, shares, region)), old


def _quartered(
    own: HeadModel, shares: Float64Array, old: Int32Array, chosen: BoolArray
) -> tuple[HeadModel, Float64Array, Int32Array]:
    """The head, its shares and its old faces with each of the chosen faces (F,) cut in four."""
    a, b, c = own.faces[chosen].T
    sides = np.sort(np.stack([a, b, b, c, c, a], 1).reshape(-1, 2), 1)
    ends, index = np.unique(sides, axis=0, return_inverse=True)
    ab, bc, ca = index.reshape(-1, 3).T + len(own.template)
    pieces = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], 1).reshape(-1, 3)
    order = np.concatenate([np.flatnonzero(~chosen), np.repeat(np.flatnonzero(chosen), 4)])

    def with_middles(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[ends].mean(1)]).astype(values.dtype)

    finer = replace(
        own,
        faces=np.concatenate([own.faces[~chosen], pieces]).astype(np.int32),
        joint_regressor=np.pad(own.joint_regressor, ((0, 0), (0, len(ends)))),
        region=np.concatenate([own.region, own.region[ends[:, 0]]]),
        uv=own.uv[order],  # like FLAME's landmarks, which no stage asks for, of the old faces
        **{name: with_middles(getattr(own, name)) for name in _AT_VERTICES},
    )
    return finer, with_middles(shares), old[order]


def _by_part(faces: Int32Array, shares: Float64Array, region: UInt8Array) -> Int32Array:
    """(F, 3) the faces, each turned so that its first corner is of the part which has most of it:
    a face is of its first corner's part. shares: (V, 3) of `SKIN` in each vertex."""
    part = np.array(SKIN)[shares[faces].sum(1).argmax(1)]
    first = (region[faces] == part[:, None]).argmax(1)
    turned = np.take_along_axis(faces, (first[:, None] + [0, 1, 2]) % 3, 1)
    return np.ascontiguousarray(turned, np.int32)


def _with_mouth(own: HeadModel, open_head: HeadModel) -> HeadModel:
    """The head with the open head's mouth, teeth and tongue, each moved as skull or jaw are, at the
    middle of its lips."""
    numbers = [REGIONS.index(name) for name in _MOUTH]
    inner = np.isin(open_head.region, numbers)
    faces = open_head.faces[inner[open_head.faces].all(1)]
    used, local = np.unique(faces, return_inverse=True)
    lips = own.region == REGIONS.index("lip")
    open_lips = open_head.template[open_head.region == REGIONS.index("lip")]
    away = own.template[lips].mean(0) - open_lips.mean(0)
    count, shapes = len(used), own.shape_basis.shape[2]
    identity = np.broadcast_to(own.shape_basis[lips].mean(0), (count, 3, shapes))

    def longer(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.concatenate([first, second]), first.dtype)

    def still(basis: Float32Array) -> Float32Array:
        return longer(basis, np.zeros((count, *basis.shape[1:]), np.float32))

    added = local.reshape(-1, 3) + len(own.template)
    corners = np.flatnonzero(inner[open_head.faces].all(1))
    return replace(
        own,
        template=longer(own.template, open_head.template[used] + away),
        faces=longer(own.faces, added),
        shape_basis=longer(own.shape_basis, identity),
        expression_basis=still(own.expression_basis),
        pose_basis=still(own.pose_basis),
        joint_regressor=np.pad(own.joint_regressor, ((0, 0), (0, count))),
        skin_weights=longer(own.skin_weights, open_head.skin_weights[used]),
        uv=longer(own.uv, open_head.uv[corners]),
        region=longer(own.region, open_head.region[used]),
        upper=longer(own.upper, open_head.upper[used]),
        colour=longer(own.colour, open_head.colour[used]),
    )


def _carried_by(stand_in: StandIn, avatar: Avatar) -> Int32Array:
    """(N,) faces of FLAME for the avatar's Gaussians: their own, or for those of the added mouth
    one for what moves with the skull and one for what moves with the jaw."""
    head, anchors = stand_in.head, stand_in.faces[avatar.anchors]
    corners = head.faces[avatar.anchors]
    jaw = head.skin_weights[:, JOINTS.index("jaw")]
    added = anchors < 0
    low = jaw[corners].mean(1) > _OF_ONE_JAW
    for of_jaw in (False, True):
        chosen = added & (low == of_jaw)
        if chosen.any():
            anchors[chosen] = _carrier(stand_in, avatar, np.unique(corners[chosen]))
    return anchors


def _carrier(stand_in: StandIn, avatar: Avatar, vertices: Int32Array) -> int:
    """The face of FLAME's skin that in each of ARKit's shapes carries these of the stand-in's
    vertices (N,) most nearly as they move."""
    head, faces = stand_in.head, stand_in.flame.faces
    shapes = len(ARKIT_NAMES)
    expression = np.zeros((shapes + 1, 100), np.float32)
    expression[1:, :shapes] = np.eye(shapes)
    jaw = np.zeros((shapes + 1, 3), np.float32)
    jaw[1:] = head.arkit_jaw.T
    pose = make_motion(expression=expression, fps=30, space=head.space, jaw=jaw)
    posed = layer_of(head).vertices(pose, 0, shapes + 1)
    skin = np.flatnonzero((head.region[faces] == REGIONS.index("skin")).all(1))
    chosen = np.ascontiguousarray(faces[skin])
    rest = np.ascontiguousarray(posed[0])
    middle = rest[vertices].mean(0)
    arms = middle - rest[chosen].mean(1)
    spread = float(np.linalg.norm(rest[vertices] - middle, axis=1).mean())
    worst, maps = np.zeros(len(skin)), np.empty((len(skin), 3, 3), np.float32)
    for points in posed[1:]:
        moved = np.ascontiguousarray(points)
        kernels.face_maps(rest, moved, chosen, maps)
        at = moved[chosen].mean(1) + np.einsum("fij,fj->fi", maps, arms)
        wanted = _turn_of(rest[vertices], moved[vertices])
        error = np.linalg.norm(at - moved[vertices].mean(0), axis=1)
        error += spread * np.linalg.norm(maps - wanted, axis=(1, 2))
        worst = np.maximum(worst, error)
    return int(skin[worst.argmin()])


def _turn_of(before: Float32Array, after: Float32Array) -> Float64Array:
    """(3, 3) the turn of points (N, 3), least squares."""
    a, b = (points - points.mean(0) for points in (before, after))
    return Rotation.align_vectors(b, a)[0].as_matrix()
