# SPDX-License-Identifier: GPL-3.0-or-later
"""GAGAvatar_track's results: FLAME 2020, 100 expressions, the head's pose as a camera.

A dictionary of frames, `VIDEO_0`, `VIDEO_1` and so on, each with `expcode` (100), `shapecode`
(300), `posecode` (6: three zeros, then the jaw), `eyecode` (6) and `transform_matrix` (3, 4), a
PyTorch3D camera that sees the head five times its size. The tracker itself writes pickles, which
are refused; results saved with torch.save or as npz can be read.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float64Array
from ...shared.errors import InputError
from . import records, rotations
from .raw_take import RawTake
from .records import Record, RecordFormat

_HEAD_SCALE = 5.0
_NUMBERED = ("expcode", "shapecode", "posecode", "eyecode", "transform_matrix")


def _decode(record: Record, name: str) -> RawTake:
    frames = len(records.expression(record, "expcode", name))
    rotation, translation = _head(record, name, frames)
    return records.decode_flame(
        record,
        name,
        "flame2020",
        {"expression": "expcode", "eyes": "eyecode", "shape": "shapecode"},
        jaw=records.pose(record, "posecode", 6, name, frames)[:, 3:],
        rotation=rotation,
        translation=translation,
    )


def stack_frames(content: dict[str, Record], name: str) -> Record:
    """Stacks the dictionary's frames into one record, in the order of their numbers.

    Raises InputError `motion.shape` if a frame lacks a key that the first one has.
    """
    frames = [content[key] for key in sorted(content, key=_number)]
    keys = [key for key in _NUMBERED if key in frames[0]]
    try:
        return {key: np.stack([frame[key] for frame in frames]) for key in keys}
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            "motion.shape",
            f"The frames of {name} do not all hold the same numbers.",
            "Track the video again.",
        ) from error


def _number(key: str) -> tuple[int, str]:
    digits = key.rsplit("_", 1)[-1]
    return (int(digits) if digits.isdecimal() and len(digits) < 12 else -1), key


def _head(record: Record, name: str, frames: int) -> tuple[Float64Array, Float64Array]:
    """Rotation and translation (T, 3) of the head, from the camera of each frame."""
    if "transform_matrix" not in record:
        zeros = np.zeros((frames, 3))
        return zeros, zeros
    values = record["transform_matrix"]
    if values.shape in ((3, 4), (4, 4)):
        values = values[None]
    if values.ndim != 3 or values.shape[0] != frames or values.shape[1:] not in ((3, 4), (4, 4)):
        raise InputError(
            "motion.shape",
            f"In {name}, transform_matrix has the shape {values.shape}, not ({frames}, 3, 4).",
            "Export the take again.",
        )
    flat = records.rows({"transform_matrix": values.reshape(frames, -1)}, "transform_matrix", name)
    cameras = flat.reshape(values.shape).astype(np.float64)
    matrix = rotations.check_rotation(cameras[:, :3, :3], "transform_matrix", name)
    turn, place = rotations.head_from_camera(matrix, cameras[:, :3, 3])
    return turn, place / _HEAD_SCALE


GAGAVATAR = RecordFormat(
    keys=(*_NUMBERED, "fps"),
    matches=lambda keys: {"expcode", "posecode", "transform_matrix"} <= keys,
    decode=_decode,
)
