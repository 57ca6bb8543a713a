# SPDX-License-Identifier: GPL-3.0-or-later
"""Binds Gaussians on a mesh's vertices to the skin that they are seen on.

Networks that make an avatar of one picture may paint a brow with any Gaussian: LAM's lie 12 mm from
their own vertex in the median and up to 100 mm, and two thirds of what is seen of a brow belongs to
vertices of the skull and the eyes, which no expression moves. The front layer went along with a
scowl and the rest stayed: what was seen moved a third as far as the mesh. Lids, lips and what lies
behind them stay as they were bound: the networks' own blinks and closures work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float32Array, Float64Array, Int32Array
from ...shared.camera import Camera, camera_centre, look_at
from ...shared.connection import default_cache_folder
from ...shared.errors import InputError
from ...shared.head import REGIONS
from ..files import are_indices, kept_arrays
from ..head.read import OPEN, read_head
from ..raster.mesh import interpolate, rasterise_mesh
from .alignment import Alignment, align
from .avatar import ArkitRig, Avatar, content_key
from .picture_shares import picture_shares
from .rest_pose import rest_gaussians
from .splats import Splats

_VERSION = 1
"""Goes up whenever the same avatar gets other bindings."""
_VIEWS = ((-30.0, 0.5), (0.0, 1.0), (30.0, 0.5))
"""Degrees of yaw, and what a view counts: portraits are made to be seen from the front."""
_PIXELS, _DISTANCE_M, _MARGIN = 384, 1.5, 1.15
_FAR_M = 0.006
"""A vertex that lies further off the laid-on open head than this is none of its skin."""
_UNSEEN = 1e-3
"""Pixels: a Gaussian that has less than that in all views keeps its binding."""
_MOSTLY = 0.5
"""The part of what is seen of a Gaussian that must lie on moving skin."""
_STANDS_OFF_M = 0.006
"""A Gaussian that stands so far before the skin is hair: a fringe does not go along with brows."""
_FRONT_M = 0.02
"""The face's front lies before this on the open head."""
_EYES_MM = ((30.0, 19.0), (15.0, 8.0))
"""Middle and half axes of the ellipse around an eye's lids on the open head, x to its outside."""
_MOUTH_MM = (24.0, (-60.0, -37.0))
"""Half width of the lips' box on the open head, and from where to where it goes in y."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """Of N Gaussians in all views: how much is seen (N,), how much of that on skin that may move
    them (N,), pixels; and the mean place there (N, 3), metres."""

    total: Float64Array
    on_skin: Float64Array
    place: Float64Array


def with_seen_bindings(avatar: Avatar) -> Avatar:
    """The avatar, bound anew where it is on a rig's vertices; found once on this machine and then
    read from the cache folder. The rest pose stays as it is. An avatar on something else, or one
    whose face is not found, stays as it was."""
    if not isinstance(avatar.surface, ArkitRig) or avatar.binding != "vertex":
        return avatar
    kept = default_cache_folder() / "bindings" / f"{content_key(avatar, _VERSION)}.kept"

    def fit(arrays: Mapping[str, NDArray]) -> bool:
        anchors = arrays.get("anchors")
        if anchors is None or anchors.shape != avatar.anchors.shape:
            return False
        return are_indices(anchors, len(avatar.vertices))

    try:
        anchors = kept_arrays(kept, fit, lambda: {"anchors": _anchors_of(avatar)})["anchors"]
    except InputError:
        return avatar  # for now: the next time may find what was missing
    unchanged = anchors == avatar.anchors
    if unchanged.all():
        return avatar
    offsets = avatar.means - avatar.vertices[anchors]
    offsets[unchanged] = avatar.offsets[unchanged]
    return replace(avatar, anchors=anchors, offsets=offsets)


def _anchors_of(avatar: Avatar) -> Int32Array:
    """`find_bindings`, or the avatar's own where its face is not found."""
    try:
        return find_bindings(avatar)
    except InputError as error:
        if error.code != "avatar.regions":
            raise
        return avatar.anchors  # its calibration says what was not found


def find_bindings(avatar: Avatar) -> Int32Array:
    """(N,) the vertex to which each Gaussian should be bound; takes seconds. Keeps nothing. Raises
    InputError `avatar.regions` if the rig's face is not found."""
    assert isinstance(avatar.surface, ArkitRig)
    found = align(avatar.surface, read_head(OPEN))
    moving = _moving_skin(found)
    seen = _look_at(avatar, moving, found)
    skin = np.flatnonzero(moving)
    nearest = skin[cKDTree(avatar.vertices[skin]).query(seen.place)[1]]
    bound_anew = (seen.total > _UNSEEN) & (seen.on_skin > _MOSTLY * seen.total)
    return np.where(bound_anew, nearest, avatar.anchors).astype(np.int32)


def _moving_skin(found: Alignment) -> BoolArray:
    """(V,) the vertices of the face's skin but for lids and lips."""
    names = [REGIONS.index(name) for name in ("skin", "brow", "lash")]
    x, y, z = np.abs(1e3 * found.place[:, 0]), 1e3 * found.place[:, 1], found.place[:, 2]
    (middle_x, middle_y), (half_x, half_y) = _EYES_MM
    on_lids = ((x - middle_x) / half_x) ** 2 + ((y - middle_y) / half_y) ** 2 < 1
    half_width, (lowest, highest) = _MOUTH_MM
    on_lips = (x < half_width) & (y > lowest) & (y < highest)
    skin = np.isin(found.label, names) & (found.distance < _FAR_M)
    return skin & (z > 0) & ~on_lids & ~on_lips


def _look_at(avatar: Avatar, moving: BoolArray, found: Alignment) -> _Seen:
    face = avatar.vertices[moving & (found.place[:, 2] > _FRONT_M)]
    low, high = face.min(0), face.max(0)
    rest, size = rest_gaussians(avatar), _MARGIN * float((high - low)[:2].max())
    known = np.concatenate([avatar.vertices, moving[:, None]], 1, dtype=np.float32)
    sums = np.zeros((len(avatar), 5))
    for yaw_deg, counts in _VIEWS:
        camera = look_at(
            target=0.5 * (low + high).astype(np.float64),
            distance=_DISTANCE_M,
            yaw_rad=np.radians(yaw_deg),
            pitch_rad=0.0,
            width=_PIXELS,
            height=_PIXELS,
            fov_y_rad=2 * np.arctan(0.5 * size / _DISTANCE_M),
        )
        pixels = _pixels(avatar, known, camera)
        shares = picture_shares(rest, pixels, camera).astype(np.float64)
        shares[_before_skin(rest, shares, camera)] *= (0, 0, 0, 0, 1)
        sums += counts * shares
    place = sums[:, :3] / np.maximum(sums[:, 3:4], 1e-12)
    return _Seen(total=sums[:, 4], on_skin=sums[:, 3], place=place)


def _pixels(avatar: Avatar, known: Float32Array, camera: Camera) -> Float32Array:
    """(H, W, 5) where a pixel shows moving skin: the skin's place, and 1; everywhere another 1.
    known: (V, 4) each vertex's place, and 1 where it is moving skin."""
    fragments = rasterise_mesh(avatar.vertices, avatar.faces, camera)
    shown = interpolate(known, avatar.faces, fragments)
    on_skin = (fragments.face >= 0) & (shown[..., 3] > 0.5)
    out = np.zeros((camera.height, camera.width, 5), np.float32)
    out[on_skin, :3], out[on_skin, 3], out[..., 4] = shown[on_skin, :3], 1, 1
    return out


def _before_skin(gaussians: Splats, shares: Float64Array, camera: Camera) -> BoolArray:
    """(N,) the Gaussians that stand off the skin that they are seen on, towards the camera."""
    place = shares[:, :3] / np.maximum(shares[:, 3:4], 1e-12)
    eye = camera_centre(camera)
    nearer = np.linalg.norm(place - eye, axis=1) - np.linalg.norm(gaussians.means - eye, axis=1)
    return (shares[:, 3] > 0) & (nearer > _STANDS_OFF_M)
