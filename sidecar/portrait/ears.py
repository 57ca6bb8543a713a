# SPDX-License-Identifier: GPL-3.0-or-later
"""Ears where the photo has them: no landmark says how high a person's ears are, or how far they
stand off; the outline of the person does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from ...shared.arrays import BoolArray, Float32Array, Float64Array
from ...shared.head import REGIONS, HeadModel
from ..raster.mesh import rasterise_mesh
from . import landmarks as marks
from .fit import Fit, posed_vertices
from .framing import EYE_PIXELS, Frame, polygon

_MIDDLE_M, _SIZE_M = np.array([0.074, -0.002, -0.051]), np.array([0.030, 0.030, 0.019])
"""Where the left ear of the head's template lies, and half its size."""
_FADES = 0.7
"""What lies so many half sizes further off does not move with the ear."""
_SKULL_M = 0.069
"""An ear is laid on towards this distance from the head's middle."""
_RISES_M = (0.0, 0.003, 0.006, 0.009, 0.012, 0.015)
_FLATS = (0.0, 0.45, 0.9)
_RISE_COST, _FLAT_COST = 3.0, 25.0
"""Pixels outside the person that a millimetre, and an ear laid on wholly, have to save."""
_BARE_GAIN, _SKIN_APART, _HUE_APART = 0.5, 0.3, 0.03
"""Pixels outside the person that a pixel of the face's colour, shown by the ear, makes up for; and
how far, of 1, its colour and its channels' shares may be from the face's median."""
_FREE = 0.35
_AROUND_PIXELS = 19


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shown:
    """What the ears are tried on: the frame, where in it (H, W) the face's colour is, and the
    head's vertices (V, 3), at rest and as in the photo."""

    frame: Frame
    skin: BoolArray
    rest: Float32Array
    posed: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tried:
    """A place of an ear: what it costs, how vertices (V, 3) move there, and where (H, W) it is
    seen."""

    cost: float
    move: Float32Array
    seen: BoolArray


def fit_ears(
    head: HeadModel, fit: Fit, change: Float32Array, frame: Frame
) -> tuple[Float32Array, BoolArray]:
    """The person's displacement (V, 3) with ears that stay within the person's outline, and (H, W)
    where in the picture ears may be that no hair covers. Each ear is moved up and laid on as little
    as that takes; one that hair covers goes under it."""
    around = np.zeros(frame.person.shape, bool)
    weights = {side: ear_weight(head, side) for side in (1.0, -1.0)}
    rest = head.template + change + head.shape_basis[..., : len(fit.shape)] @ fit.shape
    shown = _Shown(
        frame=frame,
        skin=_skin_like(frame),
        rest=rest.astype(np.float32),
        posed=posed_vertices(head, fit, change),
    )
    others = weights[1.0] + weights[-1.0]
    faces = head.faces[others[head.faces].max(1) == 0]
    beside = frame.inside & (rasterise_mesh(shown.posed, faces, frame.camera).face < 0)
    rows = np.arange(len(beside))[:, None]
    brows, nose = frame.landmarks[list(marks.BROWS), 1].min(), frame.landmarks[marks.NOSE_BASE, 1]
    beside &= (rows > brows) & (rows < nose)
    for side, weight in weights.items():  # they share no vertex, and neither hides the other
        tried = list(_places(head, shown, side, weight))
        change = change + min(tried, key=lambda place: place.cost).move
        seen = np.any([place.seen for place in tried], axis=0)
        kernel = np.ones((2 * _AROUND_PIXELS + 1,) * 2, np.uint8)
        near = cv2.dilate(seen.astype(np.uint8), kernel) > 0
        if _is_free(near & beside, shown.skin):
            around |= near
    return change, around


def ear_weight(head: HeadModel, side: float) -> Float64Array:
    """(V,) 0 to 1, how much each vertex is the ear's of one side, 1 the left, -1 the right."""
    away = np.linalg.norm((head.template * [side, 1, 1] - _MIDDLE_M) / _SIZE_M, axis=1)
    skin = head.region == REGIONS.index("skin")
    return np.clip((1 + _FADES - away) / _FADES, 0, 1) * skin


def moved_ear(
    points: Float32Array, weight: Float64Array, side: float, rise_m: float, flat: float
) -> Float64Array:
    """(V, 3) how vertices (V, 3) move: up, and towards the skull by a share of what they stand
    off."""
    off = np.maximum(side * points[:, 0] - _SKULL_M, 0)
    return weight[:, None] * np.stack([-side * flat * off, np.full(len(off), rise_m), 0 * off], 1)


def _places(head: HeadModel, shown: _Shown, side: float, weight: Float64Array) -> Iterator[_Tried]:
    """Tries each place of an ear."""
    frame = shown.frame
    faces = head.faces[weight[head.faces].min(1) > 0]
    others = head.faces[weight[head.faces].max(1) == 0]
    free = rasterise_mesh(shown.posed, others, frame.camera).face < 0
    outside, bare = frame.person < 0.5, free & shown.skin
    for rise_m, flat in product(_RISES_M, _FLATS):
        move = moved_ear(shown.rest, weight, side, rise_m, flat).astype(np.float32)
        # No expression moves or turns an ear: it moves in the photo as it does at rest.
        seen = rasterise_mesh(shown.posed + move, faces, frame.camera).face >= 0
        cost = float((seen & outside).sum()) - _BARE_GAIN * float((seen & bare).sum())
        cost += _RISE_COST * 1e3 * rise_m + _FLAT_COST * flat
        yield _Tried(cost=cost, move=move, seen=seen)


def _is_free(beside: BoolArray, skin: BoolArray) -> bool:
    """Whether what the person shows beside the head, where an ear may be, is an ear, not hair over
    it: mostly of the face's colour."""
    return bool(beside.any() and skin[beside].mean() > _FREE)


def _skin_like(frame: Frame) -> BoolArray:
    """(H, W) the person's pixels of about the face's colour."""
    face = polygon(frame, marks.OVAL, -int(0.12 * EYE_PIXELS))
    if not face.any():
        return np.zeros_like(face)
    colour = np.median(frame.picture[face], 0)
    apart = np.abs(frame.picture - colour).max(2)
    hue = frame.picture / np.maximum(frame.picture.sum(2, keepdims=True), 1e-3)
    other = np.abs(hue - colour / max(float(colour.sum()), 1e-3)).max(2)
    return (apart < _SKIN_APART) & (other < _HUE_APART) & frame.inside
