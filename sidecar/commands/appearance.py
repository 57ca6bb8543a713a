# SPDX-License-Identifier: GPL-3.0-or-later
"""The options `--appearance`, how much an avatar's skin shows of the expression, and `--emotions`,
by which it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...shared.arrays import Float32Array
    from ...shared.emotion import EmotionTrack
    from ...shared.motion import TakeRead


def appearance_rows(given: float, frames: int, track: EmotionTrack | None = None) -> Float32Array:
    """(frames,) the option times the curve of the track's last frames, held within its range.
    Raises InputError `option.appearance`."""
    import numpy as np

    from ...shared.emotion import largest_value
    from ...shared.errors import InputError

    most = largest_value("appearance")
    if not 0 <= given <= most:  # nor is it what is no number
        raise InputError(
            "option.appearance",
            f"--appearance is {given:g}, outside 0 to {most:g}.",
            "Give 0 for skin as it is at rest, 1 for its wrinkles, more for stronger ones.",
        )
    curve = np.ones(frames, np.float32) if track is None else track.appearance[-frames:]
    return np.minimum(given * curve, most).astype(np.float32)


def read_track(emotions: Path | None, take: TakeRead) -> EmotionTrack | None:
    """The keys of the file at the frames of the performance up to the take's last one; None without
    a file. Raises InputError `file.*`, `emotion.*`."""
    from ...shared import limits
    from ..files import read_bytes
    from ..motion.emotions import decode_emotions

    if emotions is None:
        return None
    data = read_bytes(emotions, limits.MAX_MOTION_BYTES, "emotion file")
    frames = take.first_frame + len(take.motion)
    return decode_emotions(data, emotions.name, frames, take.motion.fps)[0]
