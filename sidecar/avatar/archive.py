# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of zips that hold an avatar in several files. Nothing is unpacked to disk: names that
climb out of the folder are only names, and links are only bytes."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from pathlib import PurePosixPath

from ...shared.errors import InputError
from ...shared.wording import say_count

_MAX_PART_BYTES = 256 * 1024 * 1024
# LAM bundles have 6 to 12 entries, a SOG 9; a directory of more than this is not an avatar.
_MAX_ENTRIES = 10_000
# Floats never pack better than this, but a zip bomb does.
_MAX_RATIO = 200
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)


def has_entry(data: bytes, entry: str, name: str) -> bool:
    """Whether the zip has a file called `entry` in any folder. Raises InputError `avatar.zip`,
    `avatar.too_big`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            return bool(_paths_of(bundle.infolist(), entry, name))
    except (*_ZIP_ERRORS, OSError, RuntimeError, ValueError) as error:
        raise _damaged(name, error) from error


def read_entry(data: bytes, entry: str, name: str, remedy: str) -> bytes:
    """Reads the file called `entry`, in any folder of the zip, the one nearest the top. remedy:
    what to do where it is missing. Raises InputError `avatar.missing_file`, `avatar.zip`,
    `avatar.too_big`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            found = _find_entry(bundle.infolist(), entry, name, remedy)
            most_bytes = min(_MAX_PART_BYTES, _MAX_RATIO * max(found.compress_size, 1024))
            if found.file_size > most_bytes:
                raise _too_big(entry, name)
            with bundle.open(found) as file:
                content = file.read(_MAX_PART_BYTES + 1)
    except (*_ZIP_ERRORS, OSError, RuntimeError, ValueError) as error:
        raise _damaged(name, error) from error
    if len(content) > _MAX_PART_BYTES:
        raise _too_big(entry, name)
    return content


def _find_entry(
    infos: list[zipfile.ZipInfo], entry: str, name: str, remedy: str
) -> zipfile.ZipInfo:
    matches = _paths_of(infos, entry, name)
    if not matches:
        raise InputError(
            "avatar.missing_file", f"The avatar bundle '{name}' has no {entry}.", remedy
        )
    top = min(depth for depth, _ in matches)
    nearest = [info for depth, info in matches if depth == top]
    if len(nearest) > 1:
        raise InputError(
            "avatar.zip",
            f"The avatar bundle '{name}' has several files called {entry}.",
            "Choose the zip of one avatar.",
        )
    return nearest[0]


def _paths_of(
    infos: list[zipfile.ZipInfo], entry: str, name: str
) -> list[tuple[int, zipfile.ZipInfo]]:
    """The files called `entry` with their depths, but for macOS's own (`__MACOSX`, `._*`)."""
    if len(infos) > _MAX_ENTRIES:
        raise InputError(
            "avatar.too_big",
            f"The avatar bundle '{name}' lists {say_count(len(infos), 'file')}.",
            "Choose the zip of one avatar.",
        )
    paths = [(PurePosixPath(info.filename), info) for info in infos if not info.is_dir()]
    return [
        (len(path.parts), info)
        for path, info in paths
        if path.name == entry and "__MACOSX" not in path.parts
    ]


def _damaged(name: str, error: Exception) -> InputError:
    return InputError(
        "avatar.zip",
        f"The avatar bundle '{name}' is damaged or locked: {error}.",
        "Download or export it again, without a password.",
    )


def _too_big(entry: str, name: str) -> InputError:
    return InputError(
        "avatar.too_big",
        f"{entry} in the avatar bundle '{name}' is larger than an avatar's can be "
        f"({_MAX_PART_BYTES // 2**20} MiB, or packed more tightly than its kind of data can be).",
        "Choose the zip of one avatar.",
    )
