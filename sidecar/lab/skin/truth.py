# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth of a made-up person's wrinkles on the face's chart, drawn at twice its resolution, and
of the blood in their skin."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import cv2
import numpy as np

from ....shared.arrays import Float32Array, Float64Array
from ....shared.wrinkle_patterns import Shade, Stroke, draw_stroke
from ...avatar.face_chart import EDGE, TEXEL_MM, texel_places_mm
from ...avatar.skin_zones import FOLDS, fold_zones
from .wrinkle_identity import Strokes

_FINER = 2
_REACH = 3.6
"""Widths of a stroke beyond which nothing of it is left."""


def draw_heights(
    folds: Mapping[str, Strokes], drawn: tuple[Mapping[str, Strokes], Float32Array] | None = None
) -> Float32Array:
    """(folds, E, E) heights in millimetres at full pressing, valleys below 0, within the zones
    where each fold may lie. drawn: folds and their heights; those that are the same are taken."""
    out = np.empty((len(FOLDS), EDGE, EDGE), np.float32)
    fine = np.empty((EDGE * _FINER, EDGE * _FINER), np.float32)
    zones = fold_zones()
    for index, name in enumerate(FOLDS):
        if drawn is not None and drawn[0][name] is folds[name]:
            out[index] = drawn[1][index]
            continue
        fine[:] = 0
        for stroke in folds[name]:
            _draw(stroke, fine)
        cv2.resize(fine, (EDGE, EDGE), out[index], interpolation=cv2.INTER_AREA)
        out[index] *= zones[index]
    return out


def _draw(stroke: Stroke, heights: Float32Array) -> None:
    """Presses a stroke into the part of a finer chart that it reaches."""
    x, y = _axes_mm()
    middle, reach = _extent(stroke)
    low, high = middle.min(0) - reach, middle.max(0) + reach
    columns = np.flatnonzero((x > low[0]) & (x < high[0]))
    rows = np.flatnonzero((y > low[1]) & (y < high[1]))
    if not len(columns) or not len(rows):
        return
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    at = np.stack(np.meshgrid(x[columns], y[rows]), 2).reshape(-1, 2)
    lost = draw_stroke(stroke, at, np.full(len(at), 0.5 * TEXEL_MM))
    heights[part] -= lost.reshape(heights[part].shape).astype(np.float32)


@functools.cache
def _axes_mm() -> tuple[Float64Array, Float64Array]:
    """x of the finer chart's columns and y of its rows."""
    x, y = texel_places_mm(_FINER)
    return x[0].astype(np.float64), y[:, 0].astype(np.float64)


def _extent(stroke: Stroke) -> tuple[Float64Array, Float64Array]:
    """(n, 2) places of a stroke and (2,) how far it reaches around them, mm."""
    if isinstance(stroke, Shade):
        return np.array([stroke.middle]), _REACH * np.array(stroke.size)
    return np.array(stroke.points, np.float64), np.full(2, _REACH * stroke.width_mm + 1.0)
