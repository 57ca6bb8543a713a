# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar with each emotion, from a few sides, in one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ...shared.arrays import UInt8Array
from ...shared.camera import Camera, look_at
from ...shared.emotion import EMOTIONS
from ...shared.motion import Motion
from ...shared.preset_portraits import HELD, hold_preset, still_take
from ...shared.presets import Preset
from ..avatar.avatar import Avatar
from ..avatar.drive import Actor
from ..memory import remembered
from ..modulation.modulator import Modulator, modulate
from ..motion.adapter import LinearAdapter
from .drawer import draw_splats
from .sheets import contact_sheet
from .shot import motion_for

YAWS_DEG = (0.0, 20.0, 40.0)
STATES = ("neutral", *EMOTIONS)
_APPEARANCE = 0.5
_DISTANCE_M, _ROOM = 1.2, 1.12


def draw_emotions(
    avatar: Avatar, modulator: Modulator, size: int, adapter: LinearAdapter | None = None
) -> UInt8Array:
    """(H, W, 3) sRGB: a row for each of `YAWS_DEG`, a column for neutral and each emotion in full,
    silent. avatar: on the open head, or on a FLAME head with this adapter. size: pixels of a
    picture's edges."""
    means = avatar.means.astype(np.float64)
    low, high = means.min(0), means.max(0)
    middle, height = np.append(0.5 * (low + high)[:2], 0), _ROOM * float(high[1] - low[1])
    cameras = [
        look_at(
            target=middle,
            distance=_DISTANCE_M,
            yaw_rad=float(np.radians(yaw)),
            width=size,
            height=size,
            fov_y_rad=2 * float(np.arctan(0.5 * height / _DISTANCE_M)),
        )
        for yaw in YAWS_DEG
    ]
    takes = ((name, emotion_take(name, modulator)) for name in STATES)
    pictures = draw_rows(avatar, takes, HELD, cameras, adapter)
    labels = [*STATES] + [""] * len(STATES) * (len(YAWS_DEG) - 1)
    return contact_sheet(pictures, labels, len(STATES))


@remembered
def emotion_take(name: str, modulator: Modulator) -> Motion:
    """A silent second in neutral or an emotion in full; its frame `HELD` is the one to look at."""
    values = {} if name == "neutral" else {name: 1.0}
    return modulate(still_take(), hold_preset(Preset(name=name, values=values)), modulator)


def draw_rows(
    avatar: Avatar,
    takes: Iterable[tuple[str, Motion]],
    frame: int,
    cameras: Sequence[Camera],
    adapter: LinearAdapter | None = None,
) -> list[UInt8Array]:
    """(H, W, 3) sRGB pictures of that frame, row by row: a row for each camera, a column for each
    take. takes: each with its name, and where that is an emotion's the skin shows it too. Raises
    InputError as `motion_for` does."""
    rows: list[list[UInt8Array]] = [[] for _ in cameras]
    for name, take in takes:
        motion = motion_for(avatar, take, adapter)
        shown = np.array([float(name == emotion) for emotion in EMOTIONS])
        posed = Actor(avatar, motion, appearance=_APPEARANCE, emotions=shown).pose(frame)
        for row, camera in zip(rows, cameras, strict=True):
            row.append(draw_splats(posed.gaussians, camera))
    return [picture for row in rows for picture in row]
