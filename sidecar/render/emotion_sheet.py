# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar with each emotion, from a few sides, in one picture."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import UInt8Array
from ...shared.camera import look_at
from ...shared.emotion import EMOTIONS
from ...shared.preset_portraits import HELD, hold_preset, still_take
from ...shared.presets import Preset
from ..avatar.avatar import Avatar
from ..avatar.drive import Actor
from ..modulation.modulator import Modulator, modulate
from .drawer import draw_splats
from .sheets import contact_sheet
from .shot import motion_for

YAWS_DEG = (0.0, 20.0, 40.0)
_APPEARANCE = 0.5
_DISTANCE_M, _ROOM = 1.2, 1.12


def draw_emotions(avatar: Avatar, modulator: Modulator, size: int) -> UInt8Array:
    """(H, W, 3) sRGB: a row for each of `YAWS_DEG`, a column for neutral and each emotion in full,
    silent. avatar: on the open head. size: pixels of a picture's edges."""
    names = ("neutral", *EMOTIONS)
    rows: list[list[UInt8Array]] = [[] for _ in YAWS_DEG]
    still = still_take()
    means = avatar.means.astype(np.float64)
    low, high = means.min(0), means.max(0)
    middle, height = np.append(0.5 * (low + high)[:2], 0), _ROOM * float(high[1] - low[1])
    for name in names:
        values = {} if name == "neutral" else {name: 1.0}
        shown = modulate(still, hold_preset(Preset(name=name, values=values)), modulator)
        posed = Actor(avatar, motion_for(avatar, shown, None), appearance=_APPEARANCE).pose(HELD)
        for row, yaw in zip(rows, YAWS_DEG, strict=True):
            camera = look_at(
                target=middle,
                distance=_DISTANCE_M,
                yaw_rad=float(np.radians(yaw)),
                width=size,
                height=size,
                fov_y_rad=2 * float(np.arctan(0.5 * height / _DISTANCE_M)),
            )
            row.append(draw_splats(posed.gaussians, camera))
    labels = [*names] + [""] * len(names) * (len(YAWS_DEG) - 1)
    return contact_sheet([picture for row in rows for picture in row], labels, len(names))
