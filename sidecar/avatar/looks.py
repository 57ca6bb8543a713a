# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that come and go with an expression, as a photo shows them: folds that its smile draws,
a lid's crease that a shut eye smooths, the line between lips that shadow makes while they meet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import Float32Array, FloatArray, Int32Array
from .splats import Splats

NUMBERS = 103
"""Of a take: expression, then jaw."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looks:
    """M changes of Gaussians' colours by D drivers.

    drivers (D, NUMBERS + 1): how much of each driver's changes there is, as weights of a take's
    numbers and, last, what it begins with; eased, within 0 and 1. gaussian, driver (M,): indices,
    a Gaussian once; colours (M, 3): what is added to the Gaussian's sRGB when all of it is there.
    """

    drivers: Float32Array
    gaussian: Int32Array
    driver: Int32Array
    colours: Float32Array


def look_shares(looks: Looks, numbers: FloatArray) -> Float32Array:
    """(T, D) 0 to 1, how much of each driver's changes frames of numbers (T, NUMBERS) show."""
    given = np.asarray(numbers, np.float32)
    share = np.clip(given @ looks.drivers[:, :-1].T + looks.drivers[:, -1], 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def rest_shares(looks: Looks) -> Float32Array:
    """(D,) the same of the head at rest."""
    return look_shares(looks, np.zeros((1, NUMBERS), np.float32))[0]


def with_looks(gaussians: Splats, looks: Looks, shares: Float32Array) -> Splats:
    """The avatar's Gaussians with what an expression shows. shares: (D,)."""
    if not shares.any():
        return gaussians
    colours = gaussians.colours.copy()
    added = colours[looks.gaussian] + shares[looks.driver, None] * looks.colours
    colours[looks.gaussian] = np.clip(added, 0, 1)
    return replace(gaussians, colours=colours)
