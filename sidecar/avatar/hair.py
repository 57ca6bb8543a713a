# SPDX-License-Identifier: GPL-3.0-or-later
"""Which points of an avatar are hair: those where hair grows, and those near by that look alike.

Where hair grows is told by the direction from the middle of the head, on the open head's scale;
whether it does at all, by the scalp's colour against the cheeks' and by how far it stands off.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float32Array, FloatArray
from ...shared.head import REGIONS, HeadModel

MIDDLE_M = np.array([0.0, 0.02, -0.035])
"""The middle of the open head's skull."""
_AROUND_DEG = np.array([0.0, 45.0, 70.0, 90.0, 115.0, 140.0, 180.0])
_HAIRLINE_DEG = np.array([38.0, 32.0, 16.0, 14.0, 12.0, -38.0, -45.0])
"""How far up the hairline is seen from the middle, by the angle around from the face: brow to
temple, over the ear, and down behind it to the nape. Of the open head, measured on it."""
_SURE_DEG = np.array([30.0, 28.0, 20.0, 12.0, 8.0, 8.0, 8.0])
"""This far above the hairline is scalp: foreheads are high and low."""
_PERHAPS_DEG = np.array([14.0, 16.0, 45.0, 70.0, 70.0, 30.0, 25.0])
"""So far below it hair may hang: as far as the brow in front, past the ears at the sides."""
_FACE = (50.0, -35.0, 12.0)
"""Degrees: within the first around, and between the others up, is bare skin in a face."""
_APART = 1.5
"""Deviations that the scalp's colour must differ from the face's to be hair by that alone."""
_STANDS_OFF_M = 0.008
"""What stands off the open head's skull by this, in the middle of the scalp, is hair."""
_FOREHEAD_DEG = 60.0
_BROW_M = 0.005
_LEAST_POINTS = 50
_JUST_SEEN = 2.0
"""The least spread of a colour, in steps of CIE Lab: what an eye can just tell apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """P points on the open head's scale. places: (P, 3) of the surface there, or of the Gaussians
    where none is; stood: (P, 3) of the Gaussians, off the surface; colours (P, 3) sRGB; skin
    (P,) True where the surface is skin."""

    places: FloatArray
    stood: FloatArray
    colours: Float32Array
    skin: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hair:
    """(P,) each. grows: where hair grows. hangs: like hair, where it may hang or may not have
    begun yet. brow: of the brows."""

    grows: BoolArray
    hangs: BoolArray
    brow: BoolArray


def find_hair(given: Placed, open_head: HeadModel) -> Hair:
    """Hair of the head and of the brows."""
    around, up, _ = _polar(given.places)
    line = np.interp(around, _AROUND_DEG, _HAIRLINE_DEG)
    scalp = up > line + np.interp(around, _AROUND_DEG, _SURE_DEG)
    perhaps = ~scalp & (up > line - np.interp(around, _AROUND_DEG, _PERHAPS_DEG))
    face = (around < _FACE[0]) & (up > _FACE[1]) & (up < _FACE[2]) & given.skin
    nowhere = np.zeros(len(around), bool)
    if min(face.sum(), scalp.sum()) < _LEAST_POINTS:
        return Hair(grows=nowhere, hangs=nowhere, brow=nowhere)
    lab = cv2.cvtColor(np.clip(given.colours, 0, 1)[None], cv2.COLOR_RGB2LAB)[0]
    stands_off = _polar(given.stood)[2] - _skull(given.stood, open_head)
    looks = np.column_stack([lab, 1e3 * stands_off])
    toward, middle, _ = _tell_apart(looks[face], looks[scalp])
    colour_apart = _tell_apart(lab[face], lab[scalp])[2]
    if colour_apart < _APART and np.median(stands_off[scalp]) < _STANDS_OFF_M:
        return Hair(grows=nowhere, hangs=nowhere, brow=nowhere)
    # How far a forehead stands off is a matter of whose it is.
    halfway = 0.5 * (np.median(looks[face, 3]) + np.median(looks[scalp, 3]))
    looks[around < _FOREHEAD_DEG, 3] = halfway
    like_hair = looks @ toward > middle
    bare = np.median(lab[face, 0])
    darker = lab[:, 0] < bare - max(1.48 * np.median(np.abs(lab[face, 0] - bare)), 5.0)
    return Hair(
        grows=scalp & given.skin,
        hangs=perhaps & like_hair & given.skin,
        brow=_on_brow(given.places, open_head) & darker & given.skin,
    )


def _tell_apart(a: FloatArray, b: FloatArray) -> tuple[FloatArray, float, float]:
    """Fisher's discriminant of two groups (n, K): the direction (K,), the threshold halfway
    between their middles along it, and how many deviations those are apart."""
    middle_a, middle_b = np.median(a, 0), np.median(b, 0)
    spread = 0.5 * (_covariance(a - middle_a) + _covariance(b - middle_b))
    toward = np.linalg.solve(spread, middle_b - middle_a)
    apart = np.sqrt(max(float((middle_b - middle_a) @ toward), 0.0))
    return toward, float(0.5 * (middle_a + middle_b) @ toward), apart


def _covariance(values: FloatArray) -> FloatArray:
    # Outliers beyond three robust deviations would else set the scale.
    limit = 3 * np.maximum(1.48 * np.median(np.abs(values), 0), _JUST_SEEN)
    clipped = np.clip(values, -limit, limit)
    return clipped.T @ clipped / len(clipped) + _JUST_SEEN**2 * np.eye(values.shape[1])


def _polar(places: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Degrees around from the face, degrees up, and metres from the middle. (N,) each"""
    x, y, z = (places - MIDDLE_M).T
    reach = np.sqrt(x * x + y * y + z * z)
    around = np.degrees(np.arctan2(np.abs(x), z))
    return around, np.degrees(np.arcsin(y / np.maximum(reach, 1e-9))), reach


def _skull(places: FloatArray, open_head: HeadModel) -> FloatArray:
    """(N,) how far the open head's skin is from its middle in each place's direction."""
    skin = open_head.template[open_head.region == REGIONS.index("skin")] - MIDDLE_M
    reach = np.linalg.norm(skin, axis=1)
    direction = places - MIDDLE_M
    direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    return reach[cKDTree(skin / reach[:, None]).query(direction)[1]]


def _on_brow(places: FloatArray, open_head: HeadModel) -> BoolArray:
    brow = open_head.template[open_head.region == REGIONS.index("brow")]
    if not len(brow):
        return np.zeros(len(places), bool)
    return cKDTree(brow).query(places)[0] < _BROW_M
