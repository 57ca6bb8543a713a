# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a `Motion` in Affekt's format or one that other tools read."""

from __future__ import annotations

from pathlib import Path

from ...shared.motion import Motion
from ...shared.take_files import encode_take
from ..files import write_whole


def write_motion(motion: Motion, path: Path, form: str = "npz") -> tuple[str, ...]:
    """Writes the file atomically; returns what the format cannot hold (see `TakeFile`).

    Raises InputError `option.format`, `space.no_adapter`, `file.not_writable`.
    """
    file = encode_take(motion, form)
    write_whole(path, file.data)
    return file.left_out
