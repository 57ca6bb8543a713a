# SPDX-License-Identifier: GPL-3.0-or-later
"""antimatter15's `.splat`: 32 bytes a Gaussian and nothing else.

Position and standard deviations in single precision, colour and opacity of a byte each, rotation
w, x, y, z as bytes, 128 for 0. There is no header, so a file is known by what its numbers can be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array
from .refusals import broken_pack, check_count
from .splats import MAX_MAGNITUDE, SCENE_LOG_SCALE, Splats, checked

ENDING = ".splat"
_ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])
# A byte is a 128th off; some writers divide by 127 or 255.
_LENGTHS = (0.9, 1.1)
_MOST_STRANGE = 0.05


def is_splat_file(data: bytes, name: str) -> bool:
    """Whether the file's name ends in `.splat`, or its bytes can be such a file: whole rows of
    possible places and sizes, with rotations of length 1 in nearly all of them."""
    if name.lower().endswith(ENDING):
        return True
    if not data or len(data) % _ROW.itemsize:
        return False
    rows = np.frombuffer(data, _ROW)
    with np.errstate(invalid="ignore"):
        if not (np.abs(rows["mean"]) < MAX_MAGNITUDE).all():
            return False
        if not ((rows["scale"] >= 0) & (rows["scale"] < np.exp(SCENE_LOG_SCALE))).all():
            return False
    lengths = np.linalg.norm(_rotations(rows), axis=1)
    strange = (lengths < _LENGTHS[0]) | (lengths > _LENGTHS[1])
    return bool(strange.mean() <= _MOST_STRANGE and rows["scale"].any())


def decode_splat_file(data: bytes, name: str) -> Splats:
    """Decodes the Gaussians; `name` is what errors call the file. Raises InputError
    `avatar.packed`."""
    count, rest = divmod(len(data), _ROW.itemsize)
    if rest:
        raise broken_pack(name, "its last Gaussian is not whole")
    check_count(count, name, broken_pack)
    rows = np.frombuffer(data, _ROW)
    shares = rows["rgba"].astype(np.float32) / np.float32(255)
    found = Splats(
        means=np.ascontiguousarray(rows["mean"], np.float32),
        quaternions=_rotations(rows),
        scales=np.ascontiguousarray(rows["scale"], np.float32),
        opacities=np.ascontiguousarray(shares[:, 3]),
        colours=np.ascontiguousarray(shares[:, :3]),
    )
    return checked(found, name, broken_pack)


def _rotations(rows: NDArray[np.void]) -> Float32Array:
    return (rows["rotation"].astype(np.float32) - np.float32(128)) / np.float32(128)
