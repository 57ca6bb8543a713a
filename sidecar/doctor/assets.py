# SPDX-License-Identifier: GPL-3.0-or-later
"""What ships with Affekt: whole, and the bytes that were published."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .finding import Finding, missing, ok

ASSETS = Path(__file__).resolve().parent.parent / "assets"
HEAD = "open_head.safetensors"
MODULATOR = "geometry_modulator.safetensors"
SHA256 = {
    HEAD: "f2b09951d67415890852d86ab14a63ac9750042d1e3a722caf109ccf6695f729",
    MODULATOR: "679d0f36ae5796ff2c0b55f9d3364f816e26cd9b21d63dc024d86c65e98d5005",
}
"""Who makes an asset anew changes its line here; a test says so."""
_LFS_POINTER = b"version https://git-lfs"


def check_head(folder: Path = ASSETS) -> Finding:
    return _check("open head", folder / HEAD)


def check_modulator(folder: Path = ASSETS) -> Finding:
    return _check("modulator", folder / MODULATOR)


def _check(name: str, path: Path) -> Finding:
    again = "Download or clone Affekt again, and install it from there"
    try:
        with path.open("rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                return missing(name, f"{path.name} is a pointer of Git LFS", "git lfs pull")
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        return missing(name, f"{path}: {error.strerror}", again)
    if sha256 != SHA256[path.name]:
        return missing(name, f"{path} is damaged: it has other bytes than were published", again)
    return ok(name, f"{path.name}, {size / 1e6:.1f} MB, SHA-256 {sha256[:12]}…")
