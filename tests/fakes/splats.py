# SPDX-License-Identifier: GPL-3.0-or-later
"""PLYs of Gaussians in 3DGS's and GaussianAvatars' layouts, made of random numbers."""

import numpy as np
from affekt.shared.arrays import Float32Array
from affekt.shared.npz import encode_npz

from .lam import PROPERTIES, pack_ply


def properties(harmonics: int = 15, *, bound: bool = False) -> tuple[str, ...]:
    """Names in the order of the published code."""
    rest = tuple(f"f_rest_{k}" for k in range(3 * harmonics))
    behind_colour = PROPERTIES.index("f_dc_2") + 1
    binding = ("binding_0",) if bound else ()
    return (*PROPERTIES[:behind_colour], *rest, *PROPERTIES[behind_colour:], *binding)


def table(count: int = 50, harmonics: int = 15, *, faces: int = 0, seed: int = 0) -> Float32Array:
    """(count, properties) of plausible values; bound to faces below `faces` if that is not 0."""
    rng = np.random.default_rng(seed)
    names = properties(harmonics, bound=faces > 0)
    values = rng.normal(0, 0.3, (count, len(names))).astype("<f4")
    values[:, names.index("scale_0") : names.index("scale_0") + 3] -= 5
    if faces:
        values[:, -1] = rng.integers(0, faces, count)
    return values


def splat_ply(count: int = 50, harmonics: int = 15, *, faces: int = 0, seed: int = 0) -> bytes:
    """The whole file."""
    names = properties(harmonics, bound=faces > 0)
    return pack_ply(table(count, harmonics, faces=faces, seed=seed), count, properties=names)


def flame_param(
    vertices: int | None = None, frames: int = 3, seed: int = 0, spread: float = 1
) -> bytes:
    """`flame_param.npz` with a person, so far from the average; static_offset of so many vertices,
    or none."""
    rng = np.random.default_rng(seed)
    arrays = {
        "shape": rng.normal(0, 1, 300) * spread,
        "expr": rng.normal(0, 0.5, (frames, 100)),
        "rotation": rng.normal(0, 0.2, (frames, 3)),
        "neck_pose": rng.normal(0, 0.2, (frames, 3)),
        "jaw_pose": rng.normal(0, 0.1, (frames, 3)),
        "eyes_pose": np.zeros((frames, 6)),
        "translation": rng.normal(0, 0.1, (frames, 3)),
    }
    if vertices is not None:
        arrays["static_offset"] = rng.normal(0, 0.002, (1, vertices, 3))
        arrays["dynamic_offset"] = np.zeros((frames, vertices, 3))
    return encode_npz({key: values.astype("<f4") for key, values in arrays.items()})
