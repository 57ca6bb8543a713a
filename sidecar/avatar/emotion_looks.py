# SPDX-License-Identifier: GPL-3.0-or-later
"""What an avatar's network has made of each emotion: how every Gaussian differs from the neutral
one."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...shared.arrays import Float32Array, FloatArray
from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError

MOST_STRENGTH = 1.5
"""How far an emotion may be shown; past it the network has learned nothing."""
_SIZES = {"colours": 3, "offsets": 3, "log_scales": 3, "opacities": 1, "quaternions": 4}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmotionLooks:
    """Differences of N Gaussians at weight 1 of each emotion, in the order of `EMOTIONS`, to the
    neutral ones: colours (6, N, 3) sRGB, offsets (6, N, 3) metres, log_scales (6, N, 3), opacities
    (6, N, 1), quaternions (6, N, 4) of the same hemisphere. Raises InputError `avatar.shape`,
    `avatar.not_finite`."""

    colours: Float32Array
    offsets: Float32Array
    log_scales: Float32Array
    opacities: Float32Array
    quaternions: Float32Array

    def __post_init__(self) -> None:
        count = self.colours.shape[1] if self.colours.ndim > 1 else 0
        for name, size in _SIZES.items():
            values: Float32Array = getattr(self, name)
            if values.shape != (len(EMOTIONS), count, size):
                raise _broken("avatar.shape", f"{name} of emotions of shape {values.shape}")
            if not np.isfinite(values).all():
                raise _broken("avatar.not_finite", f"values in {name} of emotions")

    def __len__(self) -> int:
        return self.colours.shape[1]


LOOKS = tuple(entry.name for entry in fields(EmotionLooks))
"""The names of the arrays."""


def shown_strengths(
    emotions: FloatArray, appearance: FloatArray | float, frames: int
) -> FloatArray:
    """(T, 6) how far each emotion's look is shown. emotions: (T, 6) or (6,) weights; appearance: 0
    to 2, one for all frames or (T,)."""
    given = np.maximum(np.asarray(emotions, np.float32), 0)
    weights = np.broadcast_to(given, (frames, len(EMOTIONS)))
    strength = np.broadcast_to(np.asarray(appearance, np.float32), frames)
    shown = weights * strength[:, None]
    total = shown.sum(1, keepdims=True)
    return shown * np.minimum(1, MOST_STRENGTH / np.maximum(total, MOST_STRENGTH))


def _broken(code: str, what: str) -> InputError:
    return InputError(code, f"The avatar has {what}.", "Make the avatar again.")
