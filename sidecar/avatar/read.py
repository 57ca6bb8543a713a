# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads avatars of every kind; a file's content tells its kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...shared import limits
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ..files import read_bytes, refuse_lfs_pointer
from .affekt_avatar import MAX_HEADER_BYTES, decode_affekt_avatar, is_affekt_avatar
from .avatar import Avatar
from .gaussian_avatars import BINDING, COMPANION, decode_gaussian_avatar
from .lam import decode_lam_avatar
from .ply import decode_ply
from .splats import SCENE_LOG_SCALE, decode_splats

# A million frames of 100 expressions would be 400 MB; trainings have thousands.
_MAX_COMPANION_BYTES = 512 * 1024 * 1024
_POINTS = "point_cloud.ply"
_FROM_A_PICTURE = "Make an avatar of it first, with LAM for one, and choose that avatar's file."
_MISTAKEN = (
    (b"\x89PNG\r\n", "a picture", _FROM_A_PICTURE),
    (b"\xff\xd8\xff", "a picture", _FROM_A_PICTURE),
    (b"glTF", "a mesh", "If it is LAM's skin.glb, choose the whole zip that it came in."),
)
"""First bytes, what such a file is, and what to do."""


def read_avatar(path: Path, head: HeadModel | None = None) -> Avatar:
    """Reads a LAM web bundle, GaussianAvatars' folder or its `point_cloud.ply`, a 3DGS PLY (its
    Gaussians stand still), or Affekt's avatar file. head: the user's FLAME, for avatars that sit
    on it. Raises InputError `file.*`, `avatar.*`, `motion.shape`."""
    if path.is_dir() and (path / _POINTS).is_file():
        path = path / _POINTS
    data = read_bytes(path, limits.MAX_AVATAR_BYTES, "avatar")
    beside, companion = path.parent / COMPANION, None
    if data.startswith(b"ply") and beside.is_file():
        companion = read_bytes(beside, _MAX_COMPANION_BYTES, COMPANION)
    return decode_avatar(data, path.name, head, companion)


def is_affekt_avatar_file(path: Path) -> bool:
    """Whether the file is Affekt's avatar file; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return is_affekt_avatar(file.read(8 + MAX_HEADER_BYTES))
    except (OSError, ValueError):
        return False


def decode_avatar(
    data: bytes, name: str, head: HeadModel | None = None, companion: bytes | None = None
) -> Avatar:
    """Decodes an avatar as `read_avatar` does. companion: the bytes of `flame_param.npz` beside the
    file; name: what errors call it."""
    refuse_lfs_pointer(data, name)
    if data.startswith(b"PK"):
        return decode_lam_avatar(data, name)
    if data.startswith((b"ply\n", b"ply\r\n")):
        return _decode_points(data, name, head, companion)
    if is_affekt_avatar(data):
        return decode_affekt_avatar(data, name, head)
    raise _wrong_kind(data, name)


def _wrong_kind(data: bytes, name: str) -> InputError:
    """The error for a file that is no avatar; it names the kind of file where that is known."""
    for start, what, remedy in _MISTAKEN:
        if data.startswith(start):
            return InputError("file.wrong_kind", f"{name} is {what}, not an avatar.", remedy)
    return InputError(
        "file.wrong_kind",
        f"{name} is not an avatar that Affekt knows, or it is damaged.",
        "Choose a LAM web bundle (zip), a PLY of Gaussians, or an avatar file made by Affekt.",
    )


def _decode_points(
    data: bytes, name: str, head: HeadModel | None, companion: bytes | None
) -> Avatar:
    columns = decode_ply(data, name)
    if BINDING in columns:
        return decode_gaussian_avatar(columns, name, companion, head)
    splats = decode_splats(columns, name, most_log_scale=SCENE_LOG_SCALE)
    return Avatar(
        name=name,
        surface=None,
        binding="none",
        follow="still",
        anchors=np.zeros(len(splats.means), np.int32),
        offsets=splats.means,
        quaternions=splats.quaternions,
        scales=splats.scales,
        opacities=splats.opacities,
        colours=splats.colours,
        harmonics=splats.harmonics,
    )
