# SPDX-License-Identifier: GPL-3.0-or-later
"""Affekt's motion file: an npz with the fields of `Motion`, never pickled."""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.motion import WIDTHS, Motion
from . import npz
from .raw_take import RawTake

_SHAPES = {
    **{name: (npz.FRAMES, width) for name, width in WIDTHS.items()},
    "shape": (300,),
    "eyelids": (npz.FRAMES, 2),
    "fps": (),
    "space": (),
}


def encode_motion(motion: Motion) -> bytes:
    """Encodes a motion as npz; the same motion gives the same bytes."""
    arrays = {n: getattr(motion, n) for n in _SHAPES if n not in ("fps", "space")}
    present = {n: np.asarray(v, np.float32) for n, v in arrays.items() if v is not None}
    return npz.encode_npz({**present, "fps": np.array(motion.fps), "space": np.array(motion.space)})


def decode_affekt(data: bytes, name: str) -> RawTake:
    """Decodes what `encode_motion` wrote, bit for bit.

    Raises InputError `file.damaged`, `file.wrong_kind`, `motion.*`.
    """
    wanted = {key: shape for key, shape in _SHAPES.items() if key != "eyelids"}
    optional = {"eyelids": _SHAPES["eyelids"]}
    arrays = npz.decode_complete(data, name, "motion file", wanted, optional, ("space",))
    fps, space = float(arrays.pop("fps")), str(arrays.pop("space"))
    rows = {key: npz.to_float32(values) for key, values in arrays.items()}
    shape = rows.pop("shape")
    if len({len(values) for values in rows.values()}) > 1:
        raise InputError(
            "motion.shape",
            f"The arrays of {name} have different numbers of frames.",
            "Export the take again.",
        )
    return RawTake(rows=rows, shape=shape, space=space, fps=fps)
