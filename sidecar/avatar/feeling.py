# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar's Gaussians in a mixture of emotions, where its network has made looks of them.

Between the looks they are interpolated: colours, opacities, offsets and the logarithms of sizes by
share, turns by share and made unit again. That is not what the network would make of the mixture,
which takes a run of its own (`affekt avatar create --exact`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...shared.arrays import Float32Array
from .emotion_looks import EmotionLooks, look_shares
from .rest_pose import HungGaussians

_TINY = 1e-12


def felt(hung: HungGaussians, looks: EmotionLooks, strengths: Float32Array) -> HungGaussians:
    """The Gaussians with the look of these strengths (6,): themselves where none is shown, and a
    look's own where it is shown alone, both to the last bit."""
    shares = look_shares(looks.weights, strengths)
    shown = np.flatnonzero(shares)
    if not len(shown):
        return hung
    if len(shown) == 1 and shares[shown[0]] == 1:
        return _look(hung, looks, int(shown[0]))

    def mixed(own: Float32Array, values: Float32Array) -> Float32Array:
        out = own * (1 - shares[shown].sum())
        for index in shown:
            out += shares[index] * values[index]
        return out

    before = np.maximum(hung.scales, _TINY)
    grown = sum(shares[k] * np.log(looks.scales[k] / before) for k in shown)
    return replace(
        hung,
        colours=np.clip(mixed(hung.colours, looks.colours), 0, 1),
        offsets=mixed(hung.offsets, looks.offsets),
        scales=(hung.scales * np.exp(grown)).astype(np.float32),
        opacities=np.clip(mixed(hung.opacities[:, None], looks.opacities)[:, 0], 0, 1),
        quaternions=_unit(mixed(hung.quaternions, looks.quaternions), hung.quaternions),
    )


def _unit(turned: Float32Array, own: Float32Array) -> Float32Array:
    """Quaternions (N, 4) of length 1; `own` where turns have cancelled each other out."""
    lengths = np.sqrt(np.einsum("nc,nc->n", turned, turned))
    turned /= np.maximum(lengths, _TINY)[:, None]
    gone = lengths < _TINY
    turned[gone] = own[gone]
    return turned


def _look(hung: HungGaussians, looks: EmotionLooks, index: int) -> HungGaussians:
    return replace(
        hung,
        colours=looks.colours[index],
        offsets=looks.offsets[index],
        scales=looks.scales[index],
        opacities=looks.opacities[index, :, 0],
        quaternions=looks.quaternions[index],
    )
