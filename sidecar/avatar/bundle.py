# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files inside a user's zip in memory; nothing is ever unpacked to disk."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from pathlib import PurePosixPath

from ...shared.errors import InputError

# LAM bundles have 6 to 12 entries; a directory of more than this is not an avatar.
_MAX_ENTRIES = 10_000
# Floats never pack better than this, but a zip bomb does.
_MAX_RATIO = 200


def read_zip_entry(data: bytes, entry: str, *, most_bytes: int, name: str) -> bytes:
    """Reads the file called `entry`, in any folder of the zip.

    Skips what macOS adds (`__MACOSX`, `._*`); takes the file nearest the top if several have the
    name. Raises InputError `avatar.zip`, `avatar.missing_file` or
    `avatar.too_big`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            found = _find(bundle.infolist(), entry, name)
            if found.file_size > most_bytes or found.file_size > _MAX_RATIO * max(
                found.compress_size, 1024
            ):
                raise _too_big(entry, name, most_bytes)
            with bundle.open(found) as file:
                content = file.read(most_bytes + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        ValueError,
    ) as error:
        raise InputError(
            "avatar.zip",
            f"The avatar bundle '{name}' is damaged or locked: {error}.",
            "Download or export it again, without a password.",
        ) from error
    if len(content) > most_bytes:
        raise _too_big(entry, name, most_bytes)
    return content


def _find(infos: list[zipfile.ZipInfo], entry: str, name: str) -> zipfile.ZipInfo:
    if len(infos) > _MAX_ENTRIES:
        raise InputError(
            "avatar.too_big",
            f"The avatar bundle '{name}' lists {len(infos)} files.",
            "Choose the zip of one avatar.",
        )
    matches = [
        info
        for info in infos
        if PurePosixPath(info.filename).name == entry
        and "__MACOSX" not in PurePosixPath(info.filename).parts
        and not info.is_dir()
    ]
    if not matches:
        raise InputError(
            "avatar.missing_file",
            f"The avatar bundle '{name}' has no {entry}.",
            "Choose a LAM web bundle: a zip with skin.glb and offset.ply.",
        )
    matches.sort(key=lambda info: len(PurePosixPath(info.filename).parts))
    depths = [len(PurePosixPath(info.filename).parts) for info in matches[:2]]
    if len(depths) == 2 and depths[0] == depths[1]:
        raise InputError(
            "avatar.zip",
            f"The avatar bundle '{name}' has several files called {entry}.",
            "Choose the zip of one avatar.",
        )
    return matches[0]


def _too_big(entry: str, name: str, most_bytes: int) -> InputError:
    return InputError(
        "avatar.too_big",
        f"{entry} in the avatar bundle '{name}' is larger than an avatar's can be "
        f"({most_bytes // 2**20} MiB, or packed more tightly than its kind of data can be).",
        "Choose the zip of one avatar.",
    )
