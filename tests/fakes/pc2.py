# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads PC2 files as Blender does."""

import struct
from pathlib import Path

import numpy as np


def read_pc2(path: Path) -> np.ndarray:
    """(samples, points, 3) float32, mapped from the file, not loaded. Raises AssertionError for a
    file that is not whole."""
    with path.open("rb") as file:
        magic, version, points, _, _, samples = struct.unpack("<12siiffi", file.read(32))
    assert (magic, version) == (b"POINTCACHE2\0", 1)
    assert path.stat().st_size == 32 + samples * points * 12
    return np.memmap(path, "<f4", "r", 32, (samples, points, 3))
