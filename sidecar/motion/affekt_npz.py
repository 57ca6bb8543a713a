# SPDX-License-Identifier: GPL-3.0-or-later
"""Affekt's motion file: an npz with the fields of `Motion`, never pickled."""

from __future__ import annotations

import numpy as np

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import WIDTHS, Motion
from . import npz
from .raw_take import RawTake

FIRST_FRAME = "first_frame"
_SHAPES = {
    **{name: (npz.FRAMES, width) for name, width in WIDTHS.items()},
    "shape": (300,),
    "fps": (),
    "space": (),
}
_OPTIONAL = {"eyelids": (npz.FRAMES, 2), FIRST_FRAME: ()}


def encode_motion(motion: Motion, first_frame: int = 0) -> bytes:
    """Encodes a motion as npz; the same motion gives the same bytes. first_frame: which frame of a
    longer take its first one is, which is written unless it is 0."""
    arrays = {n: getattr(motion, n) for n in (*_SHAPES, "eyelids") if n not in ("fps", "space")}
    present = {n: np.asarray(v, np.float32) for n, v in arrays.items() if v is not None}
    rest = {FIRST_FRAME: np.array(first_frame)} if first_frame else {}
    about = {"fps": np.array(motion.fps), "space": np.array(motion.space)}
    return npz.encode_npz({**present, **about, **rest})


def decode_affekt(data: bytes, name: str) -> RawTake:
    """Decodes what `encode_motion` wrote, bit for bit.

    Raises InputError `file.damaged`, `file.wrong_kind`, `motion.*`.
    """
    arrays = npz.decode_complete(data, name, "motion file", _SHAPES, _OPTIONAL, ("space",))
    fps, space = float(arrays.pop("fps")), str(arrays.pop("space"))
    first = float(arrays.pop(FIRST_FRAME, 0))
    if not (0 <= first <= limits.MAX_FRAMES and first % 1 == 0):
        raise InputError(
            "motion.shape",
            f"In {name}, first_frame is {first:g}, which is no frame of a take.",
            "Export the take again.",
        )
    rows = {key: npz.to_float32(values) for key, values in arrays.items()}
    shape = rows.pop("shape")
    if len({len(values) for values in rows.values()}) > 1:
        raise InputError(
            "motion.shape",
            f"The arrays of {name} have different numbers of frames.",
            "Export the take again.",
        )
    return RawTake(rows=rows, shape=shape, space=space, fps=fps, ours=True, first_frame=int(first))
