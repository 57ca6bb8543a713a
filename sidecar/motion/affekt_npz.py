# SPDX-License-Identifier: GPL-3.0-or-later
"""Affekt's motion file: an npz with the fields of `Motion`, never pickled."""

from __future__ import annotations

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import WIDTHS
from ...shared.take_files import FIRST_FRAME
from . import npz
from .raw_take import RawTake

_SHAPES = {
    **{name: (npz.FRAMES, width) for name, width in WIDTHS.items()},
    "shape": (300,),
    "fps": (),
    "space": (),
}
_OPTIONAL = {"eyelids": (npz.FRAMES, 2), FIRST_FRAME: ()}


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
