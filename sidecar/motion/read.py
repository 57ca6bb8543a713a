# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files in, `Motion` out. The format is found by content, never by the file's name."""

from __future__ import annotations

from pathlib import Path

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import Motion
from ..files import read_bytes, refuse_lfs_pointer, too_large, write_whole
from . import npz
from .arkit import decode_arkit, is_arkit
from .lam import decode_lam, is_lam
from .own import decode_own, encode_motion
from .tables import parse_json

__all__ = ["decode_motion", "encode_motion", "read_motion", "write_motion"]

KNOWN = "flame_params.json (LAM, VHAP), ARKit takes as JSON, and Affekt's own motion.npz"


def read_motion(path: Path) -> Motion:
    """Reads any known motion file.

    Raises InputError `file.*` for what is no motion file, `motion.*` for a bad take.
    """
    return decode_motion(read_bytes(path, limits.MAX_MOTION_BYTES, "motion file"), path.name)


def decode_motion(data: bytes, name: str) -> Motion:
    """The same for a file's content; `name` stands in errors. Raises as `read_motion`."""
    if not data:
        raise InputError(
            "file.empty", f"The motion file {name} is empty.", "Export or download it again."
        )
    if len(data) > limits.MAX_MOTION_BYTES:
        raise too_large(name, len(data), limits.MAX_MOTION_BYTES, "motion file")
    refuse_lfs_pointer(data, name)
    if data.startswith(b"PK"):
        return _decode_zip(data, name)
    if data[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"{", b"["):
        return _decode_json(data, name)
    raise InputError(
        "file.wrong_kind",
        f"{name} is not a motion file that Affekt knows.",
        f"Give one of: {KNOWN}.",
    )


def write_motion(motion: Motion, path: Path) -> None:
    """Writes Affekt's own npz, whole or not at all. Raises InputError `file.not_writable`."""
    write_whole(path, encode_motion(motion))


def _decode_zip(data: bytes, name: str) -> Motion:
    names = npz.member_names(data, name)
    if any(n.rsplit("/", 1)[-1] in ("offset.ply", "skin.glb") for n in names):
        raise InputError(
            "file.wrong_kind",
            f"{name} is an avatar, not a motion.",
            "Give a take; if the avatar has one, it is the file bsData.json in the zip.",
        )
    if not any(n.endswith(".npy") for n in names):
        raise InputError(
            "file.wrong_kind",
            f"{name} is a zip archive without a motion of Affekt's.",
            f"Unpack it and give one of: {KNOWN}.",
        )
    return decode_own(data, name)


def _decode_json(data: bytes, name: str) -> Motion:
    content = parse_json(data, name)
    if isinstance(content, dict):
        if is_lam(content):
            return decode_lam(content, name)
        if is_arkit(content):
            return decode_arkit(content, name)
    raise InputError(
        "file.wrong_kind",
        f"{name} is JSON, but {_guess(content)}.",
        f"Give one of: {KNOWN}.",
    )


def _guess(content: object) -> str:
    if not isinstance(content, dict):
        return "no take is in it"
    if "camera_angle_x" in content or "fl_x" in content:
        return "it holds cameras, not motion (the take lies beside it as flame_params.json)"
    if "keys" in content:
        return "it holds emotion keys, not motion"
    return "it is laid out like no take that Affekt knows"
