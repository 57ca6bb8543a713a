# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a bake's moving mesh."""

from __future__ import annotations

from pathlib import Path

from ...shared.errors import InputError


def check_place(path: Path) -> None:
    """Raises InputError `file.place` or `bake.cache` for a path that no mesh cache can have,
    before anything is baked."""
    if path.suffix.lower() != ".pc2":
        raise InputError(
            "bake.cache",
            f"A mesh cache is a PC2 file, and {path.name or 'this folder'} is none.",
            "Choose a name that ends in .pc2.",
        )
    if not path.parent.is_dir():
        raise InputError(
            "file.place",
            f"There is no folder {path.parent}.",
            "Make it, or choose another place for the mesh cache.",
        )
