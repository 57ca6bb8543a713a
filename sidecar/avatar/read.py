# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads avatars of every kind; a file's content tells its kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np

from ...shared import limits
from ...shared.avatar_files import LAM_PARTS, PERSON_PARTS, SOG_META, pack_folder, whole_of
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ..files import read_bytes, refuse_lfs_pointer
from .affekt_avatar import (
    MAX_HEADER_BYTES,
    decode_affekt_avatar,
    is_affekt_avatar,
    says_how_shapes_move,
)
from .antimatter15 import decode_splat_file, is_splat_file
from .archive import has_entry, read_entry
from .avatar import ArkitRig, Avatar
from .calibration import with_calibration
from .compressed_ply import PACKED, decode_compressed_splats
from .gaussian_avatars import BINDING, COMPANION, decode_gaussian_avatar
from .ksplat import decode_ksplat, is_ksplat
from .lam import decode_lam_avatar, is_lam_offset
from .ply import decode_elements, is_ply
from .seen_bindings import with_seen_bindings
from .sog import decode_sog
from .splats import SCENE_LOG_SCALE, Splats, decode_splats
from .spz import decode_spz, is_spz

# A million frames of 100 expressions would be 400 MB; trainings have thousands.
_MAX_COMPANION_BYTES = 512 * 1024 * 1024
_POINTS = "point_cloud.ply"
_FROM_A_PICTURE = "Make an avatar of it first, with LAM for one, and choose that avatar's file."
_MISTAKEN = (
    (b"\x89PNG\r\n", "a picture", _FROM_A_PICTURE),
    (b"\xff\xd8\xff", "a picture", _FROM_A_PICTURE),
    (b"glTF", "a mesh", "If it is of a LAM avatar, choose the whole zip that it came in."),
)
"""First bytes, what such a file is, and what to do."""
_KINDS = (
    "Choose a LAM web bundle (zip), Gaussians (.ply, .spz, .splat, .ksplat, .sog), or an avatar "
    "file made by Affekt."
)


def read_avatar(path: Path, head: HeadModel | None = None, *, plain_shapes: bool = False) -> Avatar:
    """Reads a LAM web bundle, zipped or not, GaussianAvatars' folder or its `point_cloud.ply`,
    Gaussians of any kind that stand still (3DGS's PLY, compressed PLY, SPZ, `.splat`, `.ksplat`,
    SOG, zipped or not), or Affekt's avatar file. head: the user's FLAME, for avatars that sit on
    it. plain_shapes: an ARKit rig's shapes take weights as they are, uncalibrated, and Gaussians
    stay bound as in the file. Raises InputError `file.*`, `avatar.*`, `motion.shape`,
    `option.missing_extra`."""
    if _is_folder(path):
        points = _points_in(path)
        if points is None:
            name = path.resolve().name
            return decode_avatar(pack_folder(path), name, head, plain_shapes=plain_shapes)
        path = points
    whole = whole_of(path)
    if whole is not None and path.name == SOG_META:
        return decode_avatar(pack_folder(whole), whole.resolve().name, head)
    data = read_bytes(path, limits.MAX_AVATAR_BYTES, "avatar")
    beside, companion = path.parent / COMPANION, None
    if is_ply(data) and beside.is_file():
        companion = read_bytes(beside, _MAX_COMPANION_BYTES, COMPANION)
    try:
        return decode_avatar(data, path.name, head, companion, plain_shapes=plain_shapes)
    except InputError as error:
        if error.code != "avatar.part" or whole is None:
            raise
        remedy = f"Give the whole folder: {whole}"
        raise InputError(error.code, error.message, remedy) from error


def _is_folder(path: Path) -> bool:
    """Whether it is a folder; False where one may not look, of which `read_bytes` says more."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _points_in(folder: Path) -> Path | None:
    """The folder's `point_cloud.ply`, or of a training's output that of its last iteration; None
    where one may not look, of which `pack_folder` says more."""
    here = folder / _POINTS
    try:
        if here.is_file():
            return here
        iterations = list(folder.glob(f"point_cloud/iteration_*/{_POINTS}"))
    except OSError:
        return None
    return max(iterations, key=lambda points: _number(points.parent.name), default=None)


def _number(iteration: str) -> int:
    digits = iteration.rpartition("_")[2]
    return int(digits) if digits.isdecimal() and len(digits) < 10 else -1


def is_affekt_avatar_file(path: Path) -> bool:
    """Whether the file is Affekt's avatar file; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return is_affekt_avatar(file.read(8 + MAX_HEADER_BYTES))
    except (OSError, ValueError):
        return False


def decode_avatar(
    data: bytes,
    name: str,
    head: HeadModel | None = None,
    companion: bytes | None = None,
    *,
    plain_shapes: bool = False,
) -> Avatar:
    """Decodes an avatar as `read_avatar` does. companion: the bytes of `flame_param.npz` beside the
    file; name: what errors call it."""
    avatar = _decode(data, name, head, companion)
    if not isinstance(avatar.surface, ArkitRig):
        return avatar
    if plain_shapes:
        return replace(avatar, surface=replace(avatar.surface, calibration=None))
    if says_how_shapes_move(data):
        return avatar
    return with_calibration(with_seen_bindings(avatar))


def _decode(data: bytes, name: str, head: HeadModel | None, companion: bytes | None) -> Avatar:
    refuse_lfs_pointer(data, name)
    if data.startswith(b"PK"):
        return _decode_zip(data, name, head)
    if is_ply(data):
        return _decode_points(data, name, head, companion)
    if is_affekt_avatar(data):
        return decode_affekt_avatar(data, name, head)
    # What is far too large for single precision is told in a sentence, not in numpy's warning.
    with np.errstate(over="ignore", invalid="ignore"):
        if is_spz(data):
            return _standing(*decode_spz(data, name), name=name)
        if is_ksplat(data):
            return _standing(decode_ksplat(data, name), name=name)
        if is_splat_file(data, name):
            return _standing(decode_splat_file(data, name), name=name)
    raise _wrong_kind(data, name)


def _part(message: str) -> InputError:
    """The error for a file that is only a part of an avatar."""
    remedy = "Give the zip that it came in, or the folder with all of its files."
    return InputError("avatar.part", message, remedy)


def _decode_zip(data: bytes, name: str, head: HeadModel | None) -> Avatar:
    if any(has_entry(data, part, name) for part in LAM_PARTS):
        return decode_lam_avatar(data, name)
    if all(has_entry(data, part, name) for part in PERSON_PARTS):
        points, person = (read_entry(data, part, name, _KINDS) for part in PERSON_PARTS)
        return _decode_points(points, name, head, person)
    if has_entry(data, SOG_META, name):
        return _standing(decode_sog(data, name), name=name)
    raise InputError(
        "avatar.missing_file",
        f"The zip '{name}' holds no avatar: neither LAM's skin.glb nor a SOG's meta.json.",
        "Choose a LAM web bundle or a SOG; unpack any other zip, and choose the file in it.",
    )


def _wrong_kind(data: bytes, name: str) -> InputError:
    """The error for a file that is no avatar; it names the kind of file where that is known."""
    own_name = PurePath(name).name.lower()
    if data.startswith(b"glTF") and own_name == LAM_PARTS[0]:
        return _part(f"{name} is only the mesh of a LAM avatar; its Gaussians are in offset.ply.")
    if data[:1] == b"{" and own_name == SOG_META:
        return _part(f"{name} only describes a SOG; its Gaussians are in the pictures beside it.")
    for start, what, remedy in _MISTAKEN:
        if data.startswith(start):
            return InputError("file.wrong_kind", f"{name} is {what}, not an avatar.", remedy)
    message = f"{name} is not an avatar that Affekt knows, or it is damaged."
    return InputError("file.wrong_kind", message, _KINDS)


def _decode_points(
    data: bytes, name: str, head: HeadModel | None, companion: bytes | None
) -> Avatar:
    elements = decode_elements(data, name)
    columns = elements["vertex"]
    if BINDING in columns:
        return decode_gaussian_avatar(columns, name, companion, head)
    if is_lam_offset(columns, name):
        raise _part(f"{name} is only the Gaussians of a LAM avatar; its mesh is in skin.glb.")
    if PACKED in columns:
        return _standing(decode_compressed_splats(elements, name), name=name)
    return _standing(decode_splats(columns, name, most_log_scale=SCENE_LOG_SCALE), name=name)


def _standing(splats: Splats, notes: tuple[str, ...] = (), *, name: str) -> Avatar:
    """An avatar of Gaussians that nothing moves."""
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
        notes=notes,
    )
