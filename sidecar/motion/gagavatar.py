# SPDX-License-Identifier: GPL-3.0-or-later
"""GAGAvatar_track's results: FLAME 2020, 100 expressions, the head's pose as a camera.

A dictionary of frames, `VIDEO_0`, `VIDEO_1` and so on, each with `expcode` (100), `shapecode`
(300), `posecode` (6: neck or global turn, always zero, then jaw), `eyecode` (6) and
`transform_matrix` (3, 4), a PyTorch3D camera that sees the head five times its size. The tracker
itself writes pickles, which are refused; saved with torch.save or as npz they are read.
"""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.motion import Motion, make_motion
from . import records, rotations
from .records import Record, RecordFormat

_HEAD_SCALE = 5.0
_NUMBERED = ("expcode", "shapecode", "posecode", "eyecode", "transform_matrix")


def decode_gagavatar(record: Record, name: str) -> Motion:
    """Raises InputError `motion.*`."""
    expression = records.expression(record, "expcode", name)
    frames = len(expression)
    both = records.pose(record, "posecode", 6, name, frames)
    rotation, translation = _head(record, name, frames)
    return make_motion(
        expression=expression,
        jaw=both[:, 3:],
        eyes=records.pose(record, "eyecode", 6, name, frames),
        rotation=rotation,
        translation=translation,
        shape=records.shape(record, "shapecode", name),
        fps=records.rate(record, "fps"),
        space="flame2020",
    )


def stack_frames(content: dict[str, Record], name: str) -> Record:
    """The dictionary of frames as one record, in the order of the frames' numbers.

    Raises InputError `motion.shape` where a frame lacks a key that the first one has.
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


def _head(record: Record, name: str, frames: int) -> tuple[np.ndarray, np.ndarray]:
    if "transform_matrix" not in record:
        zeros = np.zeros((frames, 3))
        return zeros, zeros
    values = record["transform_matrix"]
    if values.shape == (3, 4) or (values.shape == (4, 4)):
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
    title="GAGAvatar_track",
    keys=(*_NUMBERED, "fps"),
    matches=lambda keys: {"expcode", "posecode", "transform_matrix"} <= keys,
    decode=decode_gagavatar,
)
