# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an avatar's file is kept: never in the place of another file."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from ...shared.errors import InputError, not_writable
from ...shared.replacement import try_writing

ENDING = ".safetensors"


def find_place(photo: Path, blend: Path | None) -> Path:
    """A new file's path beside the photo, else in the folder of the blend file, `blend`. Raises
    InputError `file.not_writable` where neither folder may be written."""
    refused: OSError | None = None
    for folder in filter(None, (photo.parent, blend)):
        try:
            try_writing(folder)
            return _free(folder, photo.stem)
        except OSError as error:
            refused = refused or error
    assert refused is not None
    raise not_writable(photo.with_suffix(ENDING), refused) from refused


def check_new(path: Path) -> None:
    """Raises InputError `file.exists` where there is a file already, `file.not_writable` where
    its folder is missing or may not be written."""
    if os.path.lexists(path):
        raise InputError(
            "file.exists",
            f"There is a file {path.name} in that folder already.",
            "Choose another name, or move that file away.",
        )
    try:
        try_writing(path.parent)
    except OSError as error:
        raise not_writable(path.parent, error) from error


def _free(folder: Path, stem: str) -> Path:
    """NAME.safetensors, or the first of NAME.001.safetensors and so on that is not there."""
    names = (f"{stem}.{number:03d}{ENDING}" if number else f"{stem}{ENDING}" for number in count())
    return next(path for name in names if not os.path.lexists(path := folder / name))
