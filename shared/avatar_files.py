# SPDX-License-Identifier: GPL-3.0-or-later
"""What both sides must know of avatars' files: those that lie in several (LAM's bundle unzipped,
GaussianAvatars' points with the person beside them, PlayCanvas' SOG with its pictures) travel and
are read as the zip that they came in, and some hold Gaussians that nothing moves."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from . import limits
from .errors import InputError

LAM_PARTS = ("skin.glb", "offset.ply")
PERSON_PARTS = ("point_cloud.ply", "flame_param.npz")
"""GaussianAvatars': the points, and the person on FLAME."""
_WHOLES = (LAM_PARTS, PERSON_PARTS)
SOG_META = "meta.json"
# A SOG has seven pictures; more are not of one avatar.
_MAX_PICTURES = 64
# A safetensors' header of an avatar is 3 KB.
_MAX_METADATA_BYTES = 1024 * 1024
_LIKELY = (".zip", ".ply", ".safetensors", ".splat", ".spz", ".ksplat", ".sog")


def pack_folder(folder: Path) -> bytes:
    """The zip of the avatar in the folder or in one of its subfolders.

    Raises InputError `file.folder` if there is none or more than one, `file.too_large`,
    `file.missing`.
    """
    try:
        parts = find_parts(folder)
        if not parts:
            raise _no_avatar(folder)
        return _pack(parts)
    except OSError as error:
        raise InputError(
            "file.missing",
            f"The avatar's folder {folder} cannot be read: {error.strerror or error}.",
            "Check the path and that you may read it.",
        ) from error


def find_parts(folder: Path) -> tuple[Path, ...]:
    """LAM's or GaussianAvatars' two parts, or a SOG's `meta.json` with the pictures beside it, in
    the folder or in one of its subfolders; () if there are none. Raises InputError `file.folder` if
    several subfolders have them, OSError."""
    if here := _parts_in(folder):
        return here
    below = [child for child in sorted(folder.iterdir()) if _may_hold(child)]
    found = [parts for child in below if (parts := _parts_in(child))]
    if len(found) > 1:
        names = ", ".join(parts[0].parent.name for parts in found[:5])
        raise InputError(
            "file.folder",
            f"{folder} is a folder with several avatars: {names}.",
            "Give the folder of one of them.",
        )
    return found[0] if found else ()


def whole_of(part: Path) -> Path | None:
    """The folder of the avatar that the file is a part of, if it lies beside the other parts."""
    is_part = part.name == SOG_META or any(part.name in parts for parts in _WHOLES)
    try:
        folder = part.parent if is_part and part.is_file() else None
        return folder if folder is not None and _parts_in(folder) else None
    except (OSError, ValueError):
        return None


def stands_still(data: bytes) -> bool:
    """Whether the bytes of an avatar's file are Gaussians without a face that a take could move.
    Says nothing of files that are no avatars."""
    if data.startswith(b"PK"):
        moving = tuple(parts[0] for parts in _WHOLES)
        return not any(name.endswith(moving) for name in _names_in(data))
    if data.startswith(b"ply"):
        header = data[: data.find(b"end_header")]
        return b" binding_0" not in header
    return _surface_in(data) in (None, "none")


def _names_in(data: bytes) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            return bundle.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return []


def _surface_in(data: bytes) -> str | None:
    """The surface that Affekt's own avatar file names; None for other files."""
    size = int.from_bytes(data[:8], "little")
    if not 0 < size <= min(_MAX_METADATA_BYTES, len(data) - 8):
        return None
    try:
        header = json.loads(data[8 : 8 + size])
        return str(header["__metadata__"]["surface"])
    except (ValueError, RecursionError, TypeError, KeyError):
        return None


def _may_hold(child: Path) -> bool:
    """Whether it is a folder that may hold an avatar; macOS keeps its own in `__MACOSX`."""
    return child.is_dir() and child.name != "__MACOSX" and not child.name.startswith(".")


def _parts_in(folder: Path) -> tuple[Path, ...]:
    for names in _WHOLES:
        parts = tuple(folder / name for name in names)
        if all(part.is_file() for part in parts):
            return parts
    meta = folder / SOG_META
    pictures = tuple(sorted(folder.glob("*.webp"))) if meta.is_file() else ()
    return (meta, *pictures) if 0 < len(pictures) <= _MAX_PICTURES else ()


def _pack(parts: tuple[Path, ...]) -> bytes:
    size = sum(part.stat().st_size for part in parts)
    if size > limits.MAX_AVATAR_BYTES:
        raise InputError(
            "file.too_large",
            f"The avatar in {parts[0].parent} has {size / 2**20:,.0f} MiB; an avatar has at most "
            f"{limits.MAX_AVATAR_BYTES / 2**20:,.0f} MiB.",
            "Choose another avatar.",
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:  # stored: the parts are packed already
        for part in parts:
            # Without the file's time, so that the same parts give the same bytes.
            bundle.writestr(zipfile.ZipInfo(part.name), part.read_bytes())
    return packed.getvalue()


def _no_avatar(folder: Path) -> InputError:
    likely = [p.name for p in sorted(folder.iterdir()) if p.name.lower().endswith(_LIKELY)][:3]
    remedy = (
        "Give a file, or a folder that holds LAM's skin.glb and offset.ply, GaussianAvatars' "
        "point_cloud.ply, or a SOG's meta.json."
    )
    if likely:
        remedy = f"Give the avatar's file itself; in the folder: {', '.join(likely)}."
    return InputError("file.folder", f"{folder} is a folder without an avatar in it.", remedy)
