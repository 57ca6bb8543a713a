# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads motion files. The format is recognised by content, never by the file's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import Motion, ReadOptions, TakeRead, make_motion
from ..files import read_bytes, refuse_lfs_pointer, too_large
from . import arkit_variants, livelink, metrical, npz, timeline, torch_file, units
from .affekt_npz import decode_affekt, encode_motion
from .arkit import decode_arkit, is_arkit
from .deca import DECA, EMOCA
from .folder import array_files, take_files
from .gagavatar import GAGAVATAR, stack_frames
from .inferno import INFERNO
from .json_values import array, parse_json
from .lam import decode_lam, is_lam
from .raw_take import RawTake, raw_of
from .records import Record, RecordFormat, join_takes
from .smirk import SMIRK
from .smplx import SMPLX
from .vhap import VHAP

__all__ = ["decode_motion", "decode_take", "encode_motion", "read_motion", "read_take"]

FORMATS = (VHAP, GAGAVATAR, INFERNO, DECA, EMOCA, SMIRK, SMPLX)
"""Formats of trackers that write named arrays; the names tell which it is."""

KNOWN = (
    "flame_params.json (LAM), npz or folders of VHAP, GaussianAvatars, DECA, EMOCA, inferno, "
    "SMIRK, GAGAvatar_track and SMPL-X, metrical-tracker's .frame, ARKit takes as JSON or Live "
    "Link CSV, and Affekt's own motion.npz"
)
_AFFEKT = frozenset(("space", "jaw"))
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


_OPEN = ReadOptions()


def read_take(path: Path, options: ReadOptions = _OPEN) -> TakeRead:
    """Reads any known motion file, or a folder in which a tracker wrote a file for each frame.

    Raises InputError `file.*` if it is no motion file, `motion.*` for a bad take.
    """
    if is_folder(path):
        parts = [_read_part(part) for part in take_files(path)]
        return _finish(join_takes(parts), path.name, options)
    return decode_take(read_bytes(path, limits.MAX_MOTION_BYTES, "motion file"), path.name, options)


def decode_take(data: bytes, name: str, options: ReadOptions = _OPEN) -> TakeRead:
    """Decodes a motion file; `name` is used in errors. Raises like `read_take`."""
    return _finish(_decode(data, name), name, options)


def read_motion(path: Path, options: ReadOptions = _OPEN) -> Motion:
    """The motion that `read_take` reads."""
    return read_take(path, options).motion


def decode_motion(data: bytes, name: str, options: ReadOptions = _OPEN) -> Motion:
    """The motion that `decode_take` decodes."""
    return decode_take(data, name, options).motion


def _finish(raw: RawTake, name: str, options: ReadOptions) -> TakeRead:
    """Makes frames of a file's rows: judges their units, and places them on an even grid."""
    placed = timeline.place(units.with_rotation(raw), name, options.fps)
    arrays = {key: npz.to_float32(values) for key, values in placed.rows.items()}
    if raw.shape is not None:
        arrays["shape"] = raw.shape
    motion = make_motion(**arrays, fps=placed.fps, space=raw.space)
    return TakeRead(motion=motion, notes=(*raw.notes, *placed.notes))


def _decode(data: bytes, name: str) -> RawTake:
    if not data:
        raise InputError(
            "file.empty", f"The motion file {name} is empty.", "Export or download it again."
        )
    if len(data) > limits.MAX_MOTION_BYTES:
        raise too_large(name, len(data), limits.MAX_MOTION_BYTES, "motion file")
    refuse_lfs_pointer(data, name)
    if data.startswith(b"PK"):
        return _decode_zip(data, name)
    if livelink.is_livelink(data):
        return livelink.decode_livelink(data, name)
    if data[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"{", b"["):
        return _decode_json(data, name)
    if data.startswith(_PICKLES):
        raise InputError(
            "file.pickled",
            f"{name} is a pickle, which could run code here, so it is not opened.",
            "Save its arrays with numpy.savez where you trust the file, and give the npz.",
        )
    raise InputError("file.wrong_kind", f"{name} {_no_take(data)}.", f"Give one of: {KNOWN}.")


def is_folder(path: Path) -> bool:
    """Whether the path is a folder; False for invalid paths."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _read_part(path: Path) -> RawTake:
    """Reads a file, or a folder with the arrays of one frame."""
    if not path.is_dir():
        return _decode(read_bytes(path, limits.MAX_MOTION_BYTES, "motion file"), path.name)
    record: dict[str, np.ndarray] = {}
    for key, file in array_files(path).items():
        data = read_bytes(file, limits.MAX_MOTION_BYTES, "motion file")
        refuse_lfs_pointer(data, file.name)
        record[key] = npz.decode_npy(data, f"{path.name}/{file.name}")
    form = _format_of(frozenset(record))
    if form is None:
        raise InputError(
            "file.wrong_kind",
            f"The folder {path.name} has no jaw: neither pose.npy nor jawpose.npy is in it.",
            "Export the take again, with its codes.",
        )
    return form.decode(record, path.name)


def _no_take(data: bytes) -> str:
    if data.startswith(npz.NPY_MAGIC):
        return "is one array without names; give the folder that it lies in, or an npz"
    if data.startswith(b"MATLAB 5.0"):
        return "is a MATLAB file; save its arrays with numpy.savez and give the npz"
    return "is not a motion file that Affekt knows"


def _format_of(keys: frozenset[str]) -> RecordFormat | None:
    return next((form for form in FORMATS if form.matches(keys)), None)


def _decode_zip(data: bytes, name: str) -> RawTake:
    names = npz.member_names(data, name)
    if any(n.rsplit("/", 1)[-1] in ("offset.ply", "skin.glb") for n in names):
        raise InputError(
            "file.wrong_kind",
            f"{name} is an avatar, not a motion.",
            "Give a take; if the avatar has one, it is the file bsData.json in the zip.",
        )
    if torch_file.is_torch(names):
        return _decode_torch(data, name)
    if not any(n.endswith(".npy") for n in names):
        raise InputError(
            "file.wrong_kind",
            f"{name} is a zip archive without a motion of Affekt's.",
            f"Unpack it and give one of: {KNOWN}.",
        )
    keys = frozenset(n.removesuffix(".npy") for n in names)
    form = None if keys >= _AFFEKT else _format_of(keys)
    if form is None:
        return raw_of(decode_affekt(data, name))
    return form.decode(npz.decode_npz(data, name, dict.fromkeys(form.keys)), name)


def _decode_torch(data: bytes, name: str) -> RawTake:
    content = torch_file.decode_torch(data, name)
    if metrical.is_metrical(content):
        return metrical.decode_metrical(content, name)
    frames = {k: v for k, v in content.items() if isinstance(v, dict) and _format_of(frozenset(v))}
    if frames and _format_of(frozenset(next(iter(frames.values())))) is GAGAVATAR:
        return GAGAVATAR.decode(stack_frames(_leaves(frames), name), name)
    record = {k: v for k, v in content.items() if isinstance(v, np.ndarray)}
    form = _format_of(frozenset(record))
    if form is None:
        raise InputError(
            "file.wrong_kind",
            f"{name} was saved by torch, but it is laid out like no take that Affekt knows.",
            f"Give one of: {KNOWN}.",
        )
    return form.decode(record, name)


def _leaves(frames: dict[str, torch_file.Tree]) -> dict[str, Record]:
    return {
        key: {k: v for k, v in frame.items() if isinstance(v, np.ndarray)}
        for key, frame in frames.items()
    }


def _decode_json(data: bytes, name: str) -> RawTake:
    content = parse_json(data, name)
    if isinstance(content, dict):
        if is_lam(content):
            return decode_lam(content, name)
        if is_arkit(content):
            return decode_arkit(content, name)
    if arkit_variants.is_variant(content):
        return decode_arkit(arkit_variants.plain_take(content, name), name)
    if isinstance(content, dict):
        form = _format_of(frozenset(content))
        if form is not None:
            record = {key: array(content[key], key, name) for key in form.keys if key in content}
            return form.decode(record, name)
    raise InputError(
        "file.wrong_kind", f"{name} is JSON, but {_guess(content)}.", f"Give one of: {KNOWN}."
    )


def _guess(content: object) -> str:
    if not isinstance(content, dict):
        return "no take is in it"
    if "camera_angle_x" in content or "fl_x" in content:
        return "it holds cameras, not motion (the take lies beside it as flame_params.json)"
    if "keys" in content:
        return "it holds emotion keys, not motion"
    return "it is laid out like no take that Affekt knows"
