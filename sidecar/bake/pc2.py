# SPDX-License-Identifier: GPL-3.0-or-later
"""PC2 point caches, which Blender's Mesh Cache modifier plays.

Little endian: "POINTCACHE2\\0", int32 version 1, int32 points, float32 start frame, float32
sample rate, int32 samples; then samples x points x 3 float32, in metres.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.errors import InputError

_HEADER = struct.Struct("<12siiffi")
_MAGIC = b"POINTCACHE2\0"


def pc2_header(points: int, samples: int, start: int) -> bytes:
    """What stands before `samples` x `points` x 3 float32."""
    return _HEADER.pack(_MAGIC, 1, points, float(start), 1.0, samples)


def write_pc2(
    file: BinaryIO, chunks: Iterator[Float32Array], *, points: int, samples: int, start: int
) -> None:
    """Writes chunks of (n, points, 3), `samples` in all, as they come."""
    file.write(pc2_header(points, samples, start))
    written = 0
    for chunk in chunks:
        if chunk.shape[1:] != (points, 3):
            raise ValueError(f"a chunk of {chunk.shape} among {points} points")
        file.write(np.ascontiguousarray(chunk, "<f4").data)
        written += len(chunk)
    if written != samples:
        raise ValueError(f"{written} samples instead of {samples}")


def read_pc2(path: Path) -> Float32Array:
    """(samples, points, 3), mapped from the file, not loaded. Raises InputError `file.damaged`."""
    try:
        with path.open("rb") as file:
            header = _HEADER.unpack(file.read(_HEADER.size))
    except (OSError, struct.error) as error:
        raise _damaged(path) from error
    magic, version, points, _, _, samples = header
    size = _HEADER.size + samples * points * 12
    if magic != _MAGIC or version != 1 or min(points, samples) <= 0 or size != path.stat().st_size:
        raise _damaged(path)
    return np.memmap(path, "<f4", "r", _HEADER.size, (samples, points, 3))


def _damaged(path: Path) -> InputError:
    return InputError(
        "file.damaged", f"{path.name} is not a whole PC2 point cache.", "Bake it again."
    )
