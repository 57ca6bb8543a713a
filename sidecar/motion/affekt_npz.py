# SPDX-License-Identifier: GPL-3.0-or-later
"""Affekt's own motion file: an npz with the fields of `Motion`, never pickled."""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.motion import WIDTHS, Motion
from . import npz

_SHAPES = {
    **{name: (npz.FRAMES, width) for name, width in WIDTHS.items()},
    "shape": (300,),
    "eyelids": (npz.FRAMES, 2),
    "fps": (),
    "space": (),
}
_OPTIONAL = ("eyelids",)


def encode_motion(motion: Motion) -> bytes:
    """The motion as npz; the same motion gives the same bytes."""
    arrays = {n: getattr(motion, n) for n in _SHAPES if n not in ("fps", "space")}
    present = {n: np.asarray(v, np.float32) for n, v in arrays.items() if v is not None}
    return npz.encode_npz({**present, "fps": np.array(motion.fps), "space": np.array(motion.space)})


def decode_own(data: bytes, name: str) -> Motion:
    """Reads what `encode_motion` wrote.

    Raises InputError `file.damaged`, `file.wrong_kind`, `motion.*`.
    """
    arrays = npz.decode_npz(data, name, _SHAPES)
    missing = [n for n in _SHAPES if n not in arrays and n not in _OPTIONAL]
    if missing:
        raise InputError(
            "file.wrong_kind",
            f"{name} is not a motion file of Affekt: it has no {', '.join(missing[:4])}.",
            "Give a motion.npz that Affekt wrote, or a take in another known format.",
        )
    if arrays["space"].dtype.kind != "U" or any(
        values.dtype.kind == "U" for key, values in arrays.items() if key != "space"
    ):
        raise InputError(
            "file.wrong_kind", f"{name} holds text where numbers belong.", "Write the file again."
        )
    fps, space = float(arrays.pop("fps")), str(arrays.pop("space"))
    numbers = {key: to_float32(values) for key, values in arrays.items()}
    return Motion(**numbers, fps=fps, space=space)


def to_float32(values: np.ndarray) -> np.ndarray:
    """Numbers too large for float32 become infinite, which `Motion` then names by frame."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values, np.float32)
