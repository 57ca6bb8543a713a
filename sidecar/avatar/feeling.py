# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar as it looks in a mixture of emotions, where its network has made looks of them.

Between the emotions that the network was run for, its Gaussians are interpolated: colours,
opacities, offsets and the logarithms of sizes by weight, turns by weight and made unit again. That
is not what the network would make of the mixture, which takes a run of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...shared.arrays import FloatArray
from .avatar import Avatar

_TINY = 1e-12


def felt(avatar: Avatar, strengths: FloatArray) -> Avatar:
    """The avatar at rest with the looks of these strengths (6,); itself, to the last bit, where
    none is shown or it has no looks."""
    looks = avatar.emotion_looks
    if looks is None or not strengths.any():
        return avatar
    shown = np.flatnonzero(strengths)
    weights = strengths[shown].astype(np.float32)

    def change(values: np.ndarray) -> np.ndarray:
        return np.einsum("k,knc->nc", weights, values[shown])

    turned = avatar.quaternions + change(looks.quaternions)
    lengths = np.linalg.norm(turned, axis=1, keepdims=True)
    opacities = avatar.opacities + change(looks.opacities)[:, 0]
    turned = np.where(lengths > _TINY, turned / np.maximum(lengths, _TINY), avatar.quaternions)
    return replace(
        avatar,
        colours=np.clip(avatar.colours + change(looks.colours), 0, 1).astype(np.float32),
        offsets=(avatar.offsets + change(looks.offsets)).astype(np.float32),
        scales=(avatar.scales * np.exp(change(looks.log_scales))).astype(np.float32),
        opacities=np.clip(opacities, 0, 1).astype(np.float32),
        quaternions=turned.astype(np.float32),
    )
