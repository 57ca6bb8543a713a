# SPDX-License-Identifier: GPL-3.0-or-later
"""What an avatar's network has made of emotions and of mixtures of them: its Gaussians in each.

A mixture that the network was not run for is shown between the looks nearest to it: the shares of
a Delaunay triangulation of all looks and the neutral face in the space of the six weights. Where
there are looks of single emotions alone, the shares are the weights themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, FloatArray
from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError

MOST_STRENGTH = 1.5
"""How far an emotion may be shown; past it the network has learned nothing."""
MOST_LOOKS = 512
"""Of 20,018 Gaussians these are half a gigabyte, and a day of a processor's time."""
_SIZES = {"colours": 3, "offsets": 3, "scales": 3, "opacities": 1, "quaternions": 4}
_SAME = 1e-6
"""Weights of no more difference are the same mixture."""
_BEYOND = 100.0
"""What a share beyond all looks costs; past any sum of squares of weights, so the least of it is
taken that is needed."""
_TIE = 1e-5
"""Where a mixture lies equally near to several sets of looks, all frames take the same one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmotionLooks:
    """K looks of N Gaussians. weights (K, 6): the mixture that each is of, in the order of
    `EMOTIONS`; the first six are the single emotions at 1. colours (K, N, 3) sRGB 0..1, offsets
    (K, N, 3) metres, scales (K, N, 3) metres, above 0, opacities (K, N, 1), quaternions (K, N, 4)
    unit, of the neutral ones' hemisphere. Raises InputError `avatar.shape`, `avatar.not_finite`,
    `avatar.values`, `avatar.too_big`."""

    weights: Float32Array
    colours: Float32Array
    offsets: Float32Array
    scales: Float32Array
    opacities: Float32Array
    quaternions: Float32Array

    def __post_init__(self) -> None:
        looks = len(self.weights)
        count = self.colours.shape[1] if self.colours.ndim > 1 else 0
        sizes = {name: (looks, count, size) for name, size in _SIZES.items()}
        for name, shape in {"weights": (looks, len(EMOTIONS)), **sizes}.items():
            values: Float32Array = getattr(self, name)
            if values.shape != shape:
                raise _broken("avatar.shape", f"{name} of emotions of shape {values.shape}")
            if not np.isfinite(values).all():
                raise _broken("avatar.not_finite", f"values in {name} of emotions")
        if looks > MOST_LOOKS:
            raise _broken("avatar.too_big", f"{looks} looks of emotions, more than {MOST_LOOKS}")
        self._check_values()

    def _check_values(self) -> None:
        singles, mixtures = self.weights[: len(EMOTIONS)], self.weights[len(EMOTIONS) :]
        if not np.array_equal(singles, np.eye(len(EMOTIONS))):
            raise _broken("avatar.values", "no look of each emotion")
        totals = mixtures.sum(1)
        if (mixtures < 0).any() or not ((totals > 0) & (totals <= MOST_STRENGTH + _SAME)).all():
            raise _broken("avatar.values", "looks of mixtures that are none")
        for name in ("colours", "opacities"):
            values: Float32Array = getattr(self, name)
            if values.size and not 0 <= values.min() <= values.max() <= 1:
                raise _broken("avatar.values", f"{name} of emotions outside 0 to 1")
        if (self.scales <= 0).any() or (self.scales > 1).any():
            raise _broken("avatar.values", "Gaussians of emotions not of 0 to 1 m")
        if (np.abs(np.linalg.norm(self.quaternions, axis=2) - 1) > 1e-3).any():
            raise _broken("avatar.values", "rotations of emotions that are none")

    def __len__(self) -> int:
        return self.colours.shape[1]


LOOKS = tuple(entry.name for entry in fields(EmotionLooks))
"""The names of the arrays."""


def shown_strengths(
    emotions: FloatArray, appearance: FloatArray | float, frames: int
) -> Float32Array:
    """(T, 6) how far each emotion is shown. emotions: (T, 6) or (6,) weights; appearance: 0 to 2,
    one for all frames or (T,)."""
    given = np.maximum(np.asarray(emotions, np.float32), 0)
    weights = np.broadcast_to(given, (frames, len(EMOTIONS)))
    strength = np.broadcast_to(np.asarray(appearance, np.float32), frames)
    shown = weights * strength[:, None]
    total = shown.sum(1, keepdims=True)
    return shown * np.minimum(1, MOST_STRENGTH / np.maximum(total, MOST_STRENGTH))


def look_shares(weights: Float32Array, strengths: Float32Array) -> Float32Array:
    """(K,) how much of each look's difference to the neutral face shows strengths (6,). weights
    (K, 6): of the looks. A look's own strengths show it alone."""
    if len(weights) == len(EMOTIONS):
        return np.asarray(strengths, np.float32)
    away = np.abs(weights - strengths).max(1)
    if not strengths.any() or away.min() <= _SAME:
        shares = np.zeros(len(weights), np.float32)
        shares[np.argmin(away)] = strengths.any()
        return shares
    return _shares_between(weights.astype(np.float64), strengths.astype(np.float64))


def _shares_between(weights: Float64Array, strengths: Float64Array) -> Float32Array:
    """The shares of the Delaunay triangulation: those of least sum of squares of their looks'
    weights that make the strengths up. Beyond all looks they go on as straight as they went."""
    from scipy.optimize import (
        linprog,
    )  # here, for most avatars need none, and it takes long to load

    ties = _TIE * (np.arange(len(weights)) * 0.6180339887498949 % 1)
    # Of looks, of neutral, of less than none; so large that ties are far above what counts as 0.
    costs = 1e3 * np.array([*((weights**2).sum(1) + ties), 0.0, _BEYOND])
    sums = np.vstack([weights, np.zeros((2, len(EMOTIONS)))]).T
    ones = np.append(np.ones(len(weights) + 1), -1.0)
    found = linprog(costs, A_eq=np.vstack([sums, ones]), b_eq=np.append(strengths, 1.0))
    shares = np.asarray(found.x[: len(weights)], np.float32)
    return np.where(shares > _SAME, shares, 0)


def _broken(code: str, what: str) -> InputError:
    return InputError(code, f"The avatar has {what}.", "Make the avatar again.")
