# SPDX-License-Identifier: GPL-3.0-or-later
"""Spherical harmonics of degree 1 to 3, in 3DGS's order and signs, turned into Blender's axes."""

from __future__ import annotations

import functools

import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from .. import axes

_DIRECTIONS = 64


def turned_harmonics(harmonics: Float32Array) -> Float32Array:
    """Coefficients (N, K, 3) for directions in FLAME's axes as those for directions in Blender's:
    the colours seen stay the same."""
    turn = _turn(harmonics.shape[1])
    return np.einsum("jk,nkc->njc", turn, harmonics).astype(np.float32)


@functools.cache
def _turn(count: int) -> Float64Array:
    """(K, K): exact, since a turn maps the harmonics of one degree onto themselves."""
    directions = np.random.default_rng(0).normal(size=(_DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turned = axes.to_blender(directions).astype(np.float64)
    here, there = _basis(directions)[:, :count], _basis(turned)[:, :count]
    return np.asarray(np.linalg.lstsq(there, here, rcond=None)[0], np.float64)


def _basis(directions: Float64Array) -> Float64Array:
    """(D, 15) the harmonics' values in unit directions (D, 3)."""
    x, y, z = directions.T
    return np.stack(
        [
            -0.4886025119029199 * y,
            0.4886025119029199 * z,
            -0.4886025119029199 * x,
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (2 * z * z - x * x - y * y),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
            -0.5900435899266435 * y * (3 * x * x - y * y),
            2.890611442640554 * x * y * z,
            -0.4570457994644658 * y * (4 * z * z - x * x - y * y),
            0.3731763325901154 * z * (2 * z * z - 3 * x * x - 3 * y * y),
            -0.4570457994644658 * x * (4 * z * z - x * x - y * y),
            1.445305721320277 * z * (x * x - y * y),
            -0.5900435899266435 * x * (x * x - 3 * y * y),
        ],
        1,
    )
