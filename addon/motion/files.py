# SPDX-License-Identifier: GPL-3.0-or-later
"""A take's file as the bytes that are sent, and a tracker's folder of files as one zip of them."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ...shared import limits
from ...shared.errors import InputError
from ...shared.wording import say_count
from ..link.requests import FileBytes

ENDINGS = (
    ".csv",
    ".frame",
    ".gesichter",
    ".json",
    ".jsonl",
    ".mat",
    ".npy",
    ".npz",
    ".pkl",
    ".pt",
    ".pth",
    ".tsv",
    ".txt",
    ".zip",
)
"""Endings of takes' files; what a file is, the sidecar finds from its content."""
_GENERIC = (
    "",
    "canonical_flame_param",
    "code",
    "coeffs",
    "exp",
    "expression",
    "final",
    "flame",
    "flame_param",
    "flame_params",
    "motion",
    "output",
    "param",
    "params",
    "result",
    "results",
    "smplx_params",
    "tracked",
    "tracked_flame_params",
    "tracking",
)
"""Names that trackers give every take, without numbers: the folder around says which it is."""
_MOST_DEPTH = 3
"""Folders below the one that was chosen: trackers write TAKE/flame_param/00000.npz, or a folder of
arrays for each frame."""


def name_of(path: Path) -> str:
    """What a take is called: as its file or folder; where trackers call all of them alike, or by
    numbers alone, as the folder around."""
    name = path.name if path.is_dir() else path.stem
    while _is_generic(name) and path.parent.name:
        path = path.parent
        name = path.name
    return name


def _is_generic(name: str) -> bool:
    plain = re.sub(r"[\d_\- ]+", "_", name.lower()).strip("_")
    return plain in _GENERIC


def read_file(path: Path, largest: int) -> FileBytes:
    """The file's bytes and name. Raises InputError `file.*`."""
    try:
        if not path.is_file():
            raise InputError("file.missing", f"There is no file at {path}.", "Choose another file.")
        if path.stat().st_size > largest:
            raise InputError(
                "file.too_large",
                f"{path.name} is too large for what it should be.",
                "Choose another file.",
            )
        return FileBytes(name=path.name, data=path.read_bytes())
    except OSError as error:  # asking alone may be refused, in a folder of another user's
        raise _unreadable(path, error) from error


def read_source(path: Path) -> FileBytes:
    """A take's file, or its folder as a zip. Raises InputError `file.*`, `motion.too_long`."""
    if not path.is_dir():
        return read_file(path, limits.MAX_MOTION_BYTES)
    files = [file for file in _walk(path, _MOST_DEPTH) if file.suffix.lower() in ENDINGS]
    if not files:
        raise InputError(
            "file.folder",
            f"There is no take in the folder {path.name}.",
            "Choose a file, or the folder in which a tracker wrote one for each frame.",
        )
    return pack(path, files)


def numbered_files(path: Path) -> list[Path]:
    """The files beside this one whose names differ from its own by their numbers alone, itself
    included. Raises InputError `file.unreadable`."""
    pattern = _pattern(path)
    return [file for file in _walk(path.parent, 1) if _pattern(file) == pattern]


def pack(folder: Path, files: list[Path]) -> FileBytes:
    """Files below the folder as a zip that is called like it. Raises InputError `file.too_large`,
    `file.unreadable`, `motion.too_long`."""
    archive = io.BytesIO()
    try:
        if sum(file.stat().st_size for file in files) > limits.MAX_MOTION_BYTES:
            raise InputError(
                "file.too_large",
                f"The files in {folder.name} are too large for a take.",
                "Choose one of its files, or cut the take into parts.",
            )
        with zipfile.ZipFile(archive, "w") as packed:
            for file in files:
                # Without the time of day: the same files give the same bytes.
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
                packed.writestr(entry, file.read_bytes())
    except OSError as error:
        raise _unreadable(folder, error) from error
    return FileBytes(name=folder.name, data=archive.getvalue())


def _pattern(path: Path) -> str:
    """The name with a # for each number."""
    return re.sub(r"\d+", "#", path.name)


def _walk(folder: Path, depth: int) -> list[Path]:
    """The files of a folder and of those in it, in the order of their names, without what is
    hidden. Raises InputError `file.unreadable`, `motion.too_long`."""
    found: list[Path] = []
    for path in _entries(folder):
        if path.is_dir():
            found += _walk(path, depth - 1) if depth > 1 else []
        elif path.is_file():
            found.append(path)
        if len(found) > limits.MAX_FRAMES:
            raise InputError(
                "motion.too_long",
                f"There are more than {say_count(limits.MAX_FRAMES, 'file')} in {folder.name}.",
                "Choose the folder that holds the take alone.",
            )
    return found


def _entries(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise _unreadable(folder, error) from error
    return (folder / name for name in names)


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        "file.unreadable",
        f"{path.name[:100]} cannot be read: {error.strerror}.",
        "Check who may read it.",
    )
