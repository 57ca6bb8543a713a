# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads motion files. The format is recognised by content, never by the file's name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import WIDTHS, Motion, ReadOptions, TakeRead, make_motion
from ...shared.take_files import encode_motion
from ..files import read_bytes, refuse_lfs_pointer, too_large
from . import faces, llv, npz, pickled, timeline, torch_file, units
from .affekt_npz import decode_affekt
from .arkit_json import decode_arkit_json, is_arkit_json
from .arkit_table import decode_arkit_table, is_arkit_table
from .folder import ARRAYS, Source, read_folder, siblings
from .formats import KNOWN, format_of
from .imavatar import decode_imavatar, is_imavatar
from .json_values import parse_json
from .lam import decode_lam, is_lam
from .lone_array import decode_array, fits
from .raw_take import RawTake
from .records import with_faceless
from .shelf import Archive, Folder, Shelf, join
from .trees import decode_tree, json_tree

__all__ = ["decode_motion", "decode_take", "encode_motion", "read_motion", "read_take"]

_AFFEKT = frozenset(("space", "jaw"))
_FIELDS = frozenset(WIDTHS)

_OPEN = ReadOptions()


def read_take(path: Path, options: ReadOptions = _OPEN) -> TakeRead:
    """Reads any known motion file, or a folder that holds one, in one file or in one a frame.

    Raises InputError `file.*` if it is no motion file, `motion.*` for a bad take.
    """
    if is_folder(path):
        return _finish(read_folder(Folder(path), _decode_parts), path.name, options)
    data = read_bytes(path, limits.MAX_MOTION_BYTES, "motion file")
    return decode_take(data, path.name, options, beside=lambda: siblings(path))


def decode_take(
    data: bytes, name: str, options: ReadOptions = _OPEN, beside: Callable[[], int] = lambda: 1
) -> TakeRead:
    """Decodes a motion file; `name` is used in errors. beside: how many files are numbered like
    this one. Raises like `read_take`."""
    take = _finish(_decode(data, name), name, options)
    if len(take.motion) > 1:
        return take
    series = beside()
    note = (
        f"{name} is one of {series} files that are numbered alike; if they are the frames of one "
        "take, give their folder."
        if series > 1
        else f"{name} holds one frame; frames in many files are read from their folder or its zip."
    )
    return replace(take, notes=(*take.notes, note))


def read_motion(path: Path, options: ReadOptions = _OPEN) -> Motion:
    """The motion that `read_take` reads."""
    return read_take(path, options).motion


def decode_motion(data: bytes, name: str, options: ReadOptions = _OPEN) -> Motion:
    """The motion that `decode_take` decodes."""
    return decode_take(data, name, options).motion


def _finish(raw: RawTake, name: str, options: ReadOptions) -> TakeRead:
    """Makes frames of a file's rows: keeps those of one face, judges their units, and places them
    on an even grid."""
    one = units.convert(faces.keep_one(raw, name), name, options)
    placed = timeline.place(one, name, options.fps)
    arrays = {key: npz.to_float32(values) for key, values in placed.rows.items()}
    if raw.shape is not None:
        arrays["shape"] = raw.shape
    motion = make_motion(**arrays, fps=placed.fps, space=raw.space)
    notes = dict.fromkeys((*one.notes, *placed.notes, *_overruled(raw.fps, options.fps)))
    kept = tuple(notes)[: limits.MAX_NOTES]
    return TakeRead(motion=motion, notes=kept, first_frame=raw.first_frame)


def _overruled(named: float | None, told: float | None) -> tuple[str, ...]:
    """A note on a rate that the file names and a person overrules."""
    if named is None or told is None or np.isclose(named, told, rtol=1e-6):
        return ()
    return (f"The file names {named:g} fps; {told:g} was taken as told, and nothing is resampled.",)


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
    if data[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"{", b"["):
        return _decode_json(data, name)
    if llv.is_llv(data):
        frames = llv.json_lines(data)
        return llv.decode_llv(data, name) if frames is None else decode_arkit_json(frames, name)
    if data.startswith(npz.NPY_MAGIC) and not npz.holds_objects(data, name):
        return decode_array(npz.decode_npy(data, name), name)
    kind = pickled.kind_of(data)
    if kind is not None:
        return decode_tree(pickled.read(kind, data, name), name)
    if is_arkit_table(data):
        return decode_arkit_table(data, name)
    raise InputError(
        "file.wrong_kind",
        f"{name} is not a motion file that Affekt knows.",
        f"Give one of: {KNOWN}.",
    )


def is_folder(path: Path) -> bool:
    """Whether the path is a folder; False for invalid paths."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _decode_parts(shelf: Shelf, source: Source) -> list[RawTake]:
    """Decodes the files of a source, or its folders with the arrays of one frame, one by one."""
    if source.arrays:
        return [_decode_arrays(shelf, place) for place in source.parts]
    if len(source.parts) > 1 and pickled.kind_of(shelf.read(source.parts[0])):
        files = [(part, shelf.read(part)) for part in source.parts]
        trees = zip(source.parts, pickled.read_all(files, shelf.label), strict=True)
        return with_faceless(
            [decode_tree(t, part) if isinstance(t, dict) or t.size else None for part, t in trees],
            shelf.label,
        )
    return [_decode(shelf.read(part), part) for part in source.parts]


def _decode_arrays(shelf: Shelf, place: str) -> RawTake:
    record: dict[str, np.ndarray] = {}
    inside = shelf.listing(place).files
    for key in ARRAYS:
        if f"{key}.npy" in inside:
            data = shelf.read(join(place, f"{key}.npy"))
            refuse_lfs_pointer(data, f"{key}.npy")
            record[key] = npz.decode_npy(data, f"{place or shelf.label}/{key}.npy")
    form = format_of(frozenset(record))
    if form is None:
        raise InputError(
            "file.wrong_kind",
            f"The folder {place or shelf.label} has no jaw: neither pose.npy nor jawpose.npy is in "
            "it.",
            "Export the take again, with its codes.",
        )
    return form.decode(record, place or shelf.label)


def _decode_zip(data: bytes, name: str) -> RawTake:
    names = npz.member_names(data, name)
    if any(n.rsplit("/", 1)[-1] in ("offset.ply", "skin.glb") for n in names):
        raise InputError(
            "file.wrong_kind",
            f"{name} is an avatar, not a motion.",
            "Give a take; if the avatar has one, it is the file bsData.json in the zip.",
        )
    if "xl/workbook.xml" in names:
        raise InputError(
            "file.wrong_kind", f"{name} is a spreadsheet's file.", "Save the sheet as CSV."
        )
    if torch_file.is_torch(names):
        return decode_tree(torch_file.decode_torch(data, name), name)
    if not any(n.endswith(".npy") and "/" not in n for n in names):
        return read_folder(Archive(data, name), _decode_parts)
    return _decode_npz(data, name, frozenset(n.removesuffix(".npy") for n in names))


def _decode_npz(data: bytes, name: str, keys: frozenset[str]) -> RawTake:
    form = None if keys >= _AFFEKT else format_of(keys)
    if form is not None:
        return form.decode(npz.decode_npz(data, name, dict.fromkeys(form.keys)), name)
    if keys & (_FIELDS | _AFFEKT):
        return decode_affekt(data, name)
    if len(keys) == 1:
        with contextlib.suppress(InputError):  # objects, which may be dictionaries of arrays
            (values,) = npz.decode_npz(data, name, dict.fromkeys(keys)).values()
            if fits(values):
                return decode_array(values, name)
    return decode_tree(pickled.read("npz", data, name), name)


def _decode_json(data: bytes, name: str) -> RawTake:
    content = parse_json(data, name)
    if isinstance(content, dict) and is_lam(content):
        return decode_lam(content, name)
    if isinstance(content, dict) and is_imavatar(content):
        return decode_imavatar(content, name)
    if is_arkit_json(content):
        return decode_arkit_json(content, name)
    tree = json_tree(content, name)
    if tree:
        return decode_tree(tree, name)
    raise InputError(
        "file.wrong_kind", f"{name} is JSON, but {_guess(content)}.", f"Give one of: {KNOWN}."
    )


def _guess(content: object) -> str:
    if not isinstance(content, dict):
        return "no take is in it"
    frames = content.get("frames")
    first = frames[0] if isinstance(frames, list) and frames else None
    if isinstance(first, dict) and "exp_path" in first:
        return (
            "it holds INSTA's cameras, and the expressions beside it have no jaw (metrical-"
            "tracker's folder, which they come from, has it)"
        )
    if "camera_angle_x" in content or "fl_x" in content:
        return "it holds cameras, not motion (the take lies beside it as flame_params.json)"
    if "keys" in content:
        return "it holds emotion keys, not motion"
    return "it is laid out like no take that Affekt knows"
