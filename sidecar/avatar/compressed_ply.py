# SPDX-License-Identifier: GPL-3.0-or-later
"""PlayCanvas' compressed PLY, as SuperSplat exports it: Gaussians in chunks of 256, four words of
32 bits each, and a byte for each harmonic.

A word holds, from the highest bit: position and logarithm of scale 11, 10, 11 bits between the
bounds of the chunk; rotation the number of its largest component (w, x, y, z) in 2 bits and the
other three in 10 bits each between -sqrt(1/2) and sqrt(1/2); colour and opacity 8 bits each, the
colour between the chunk's bounds where there are any (files before 2025 have none).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, Float64Array
from .ply import Columns
from .refusals import broken
from .splats import LEAST_LOG_SCALE, SCENE_LOG_SCALE, Splats, checked, from_smallest_three

PACKED = "packed_position"
"""The property that only Gaussians in this form have."""
_WORDS = (PACKED, "packed_rotation", "packed_scale", "packed_color")
_CHUNK = 256
# Bounds of logarithms of scales; infinite ones are flat axes.
_MAX_LOG_SCALE = 100.0


def decode_compressed_splats(elements: dict[str, Columns], name: str) -> Splats:
    """Decodes Gaussians from a compressed PLY's elements; `name` is what errors call the file.
    Raises InputError `avatar.ply`."""
    vertex, chunk = elements["vertex"], elements.get("chunk", {})
    if any(word not in vertex or vertex[word].dtype != np.uint32 for word in _WORDS):
        raise broken(name, "its packed Gaussians are not whole")
    position, rotation, scale, colour = (vertex[word] for word in _WORDS)
    chunks = len(chunk.get("min_x", ()))
    if chunks != -(-len(position) // _CHUNK):
        raise broken(name, "its chunks are not those of its Gaussians")
    log_scales = _between(chunk, "scale_", "xyz", _unpack_three(scale), name)
    if not (np.abs(log_scales) < _MAX_LOG_SCALE).all() or log_scales.max() > SCENE_LOG_SCALE:
        raise broken(name, "a Gaussian is far too large")
    rgba = colour[:, None] >> np.array([24, 16, 8, 0], np.uint32) & 255
    shares = (rgba / 255).astype(np.float32)
    rgb = shares[:, :3]
    found = Splats(
        means=_between(chunk, "", "xyz", _unpack_three(position), name),
        quaternions=_unpack_rotation(rotation),
        scales=np.exp(log_scales),
        opacities=np.ascontiguousarray(shares[:, 3]),
        colours=_between(chunk, "", "rgb", rgb, name) if "min_r" in chunk else rgb.copy(),
        harmonics=_unpack_harmonics(elements.get("sh", {}), len(position), name),
    )
    return checked(found, name)


def _unpack_three(words: NDArray[np.uint32]) -> Float64Array:
    """(N, 3) 0..1."""
    parts = [(words >> 21) / 2047, (words >> 11 & 1023) / 1023, (words & 2047) / 2047]
    return np.stack(parts, 1).astype(np.float64)


def _between(
    chunk: Columns, kind: str, axes: str, shares: NDArray[np.floating], name: str
) -> Float32Array:
    """(N, 3) values at the shares (N, 3), 0..1, of the way between the bounds of their chunks."""
    values = np.empty((len(shares), len(axes)), np.float32)
    for place, axis in enumerate(axes):
        names = (f"min_{kind}{axis}", f"max_{kind}{axis}")
        if any(bound not in chunk for bound in names):
            raise broken(name, f"its chunks have no {names[0]} or no {names[1]}")
        least, most = (chunk[bound].astype(np.float64) for bound in names)
        if kind:
            least, most = (np.maximum(bound, LEAST_LOG_SCALE) for bound in (least, most))
        # Written so that a value that is no number fails.
        if not (np.abs(np.stack([least, most])) < 1e6).all():
            raise broken(name, "the bounds of a chunk are not numbers, or far too large")
        least, most = (np.repeat(bound, _CHUNK)[: len(shares)] for bound in (least, most))
        share = shares[:, place]
        values[:, place] = least * (1 - share) + most * share
    return values


def _unpack_rotation(words: NDArray[np.uint32]) -> Float32Array:
    """(N, 4) quaternions w, x, y, z."""
    parts = np.stack([words >> 20 & 1023, words >> 10 & 1023, words & 1023], 1)
    return from_smallest_three((parts / 1023 - 0.5) * np.sqrt(2), words >> 30)


def _unpack_harmonics(columns: Columns, count: int, name: str) -> Float32Array | None:
    """(N, K, 3) from a byte each, channel by channel as in 3DGS's PLY, -4 to 4."""
    known = len(columns) // 3
    if not columns:
        return None
    names = [f"f_rest_{k}" for k in range(len(columns))]
    if known not in (3, 8, 15) or any(column not in columns for column in names):
        raise broken(name, f"it has {len(columns)} harmonics; 9, 24 or 45 belong together")
    if any(columns[column].dtype != np.uint8 or len(columns[column]) != count for column in names):
        raise broken(name, "its harmonics are not a byte for each Gaussian")
    shares = (np.arange(256) + 0.5) / 256
    shares[0], shares[255] = 0, 1
    values = ((shares - 0.5) * 8).astype(np.float32)
    rest = np.stack([values[columns[column]] for column in names], 1)
    return np.ascontiguousarray(rest.reshape(count, 3, known).transpose(0, 2, 1))
