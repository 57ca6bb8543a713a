# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the files of a take in a folder in which a tracker wrote one file or folder a frame.

VHAP's export (`flame_param/00000.npz`), metrical-tracker's `checkpoint/00000.frame`, EMOCA's and
inferno's folder of arrays for each frame, and VHAP's own output, of which the last epoch is taken.
Only names with numbers are frames, so `canonical_flame_param.npz` is none.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...shared import limits
from ...shared.errors import InputError
from ..files import too_large

_INSIDE = ("flame_param", "checkpoint")
_EPOCHS = "tracked_flame_params"
_ARRAYS = ("exp", "pose", "shape", "jawpose", "globalpose")
_ENDINGS = (".npz", ".frame")


def take_files(folder: Path) -> list[Path]:
    """The take's files in frame order: one for each frame, a single one, or folders of arrays (see
    `array_files`).

    Raises InputError `file.folder` if there is no take, `motion.too_long`, `file.too_large`.
    """
    inner = next((folder / n for n in _INSIDE if (folder / n).is_dir()), folder)
    try:
        found = [path for path in inner.iterdir() if not path.name.startswith(".")]
        chosen = _choose(inner, found)
        size = sum(path.stat().st_size for path in chosen if path.is_file())
    except OSError as error:
        raise InputError(
            "file.missing",
            f"The folder {folder} cannot be read: {error.strerror}.",
            "Check the path and that you may read it.",
        ) from error
    if not chosen:
        raise InputError(
            "file.folder",
            f"{folder} is a folder without a take.",
            "Give a take, or the folder in which a tracker wrote one file for each frame.",
        )
    if len(chosen) > limits.MAX_FRAMES:
        raise InputError(
            "motion.too_long",
            f"{folder} has {len(chosen)} frames; {limits.MAX_FRAMES} are allowed.",
            "Cut the take into parts.",
        )
    if size > limits.MAX_MOTION_BYTES:
        raise too_large(folder.name, size, limits.MAX_MOTION_BYTES, "take")
    return chosen


def array_files(folder: Path) -> dict[str, Path]:
    """The npy files of one frame's arrays by name."""
    return {n: folder / f"{n}.npy" for n in _ARRAYS if (folder / f"{n}.npy").is_file()}


def _choose(folder: Path, found: list[Path]) -> list[Path]:
    epochs = [path for path in found if path.name.startswith(_EPOCHS) and path.suffix == ".npz"]
    if epochs:
        return [max(epochs, key=order)]
    for ending in _ENDINGS:
        frames = [p for p in found if p.suffix == ending and re.search(r"\d", p.stem)]
        if frames:
            return sorted(frames, key=order)
    if "exp" in array_files(folder):
        return [folder]
    return sorted((p for p in found if p.is_dir() and "exp" in array_files(p)), key=order)


def order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that compares numbers in names by value: frame 10 comes after frame 9."""
    parts = re.split(r"(\d{1,18})", path.name)
    return [(1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts], path.name
