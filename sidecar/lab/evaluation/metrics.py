# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures that compare one output with its synchronised truth.

Every figure is one sum over clips divided by another, so that shares of frames, ratios of two
means and plain means (denominator 1 for each clip) are stored, summed and resampled alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float32Array, Float64Array, IndexArray
from ..anchors.channels import mirrored_columns
from .data import Clip
from .measured_head import MeasuredHead

FIGURES = (
    "aed",
    "apd",
    "lve_mm",
    "face_mm",
    "closures_kept",
    "jerk_ratio",
    "overshoot_mm",
    "jaw_correlation",
    "gap_correlation",
    "gap_size",
    "asymmetry_kept",
    "asymmetry_size",
)
"""Names of the figures, in the order of every (…, F, 2) array of numerators and denominators."""
CLOSED_MM = 1.0
"""Lips that stand no further apart than this, at their widest place, count as closed."""
MUST_CLOSE = 0.95
"""Closure level above which the lips must meet."""

Share = tuple[float, float]
"""Numerator and denominator."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceMotion:
    """A take's numbers (T, 103), the vertices (T, n, 3) in mm that they give, and the gap between
    the lips (T, 5) in mm."""

    numbers: Float32Array
    vertices: Float32Array
    gap: Float32Array


def face_motion(measured: MeasuredHead, numbers: Float32Array, shape: Float32Array) -> FaceMotion:
    """The take on the identity `shape` (300,)."""
    vertices = measured.vertices(numbers, shape)
    return FaceMotion(numbers=numbers, vertices=vertices, gap=measured.gap(vertices))


def measure_clip(
    output: FaceMotion, truth: FaceMotion, clip: Clip, measured: MeasuredHead
) -> Float64Array:
    """(F, 2) numerator and denominator of each of `FIGURES`."""
    error = np.abs(output.numbers - truth.numbers)
    closed = clip.closure > MUST_CLOSE
    rows: dict[str, Share] = {
        "aed": (float(error[:, :100].mean()), 1),
        "apd": (float(error[:, 100:].mean()), 1),
        "lve_mm": (lip_vertex_error(output.vertices, truth.vertices, measured.lips), 1),
        "face_mm": (face_error(output.vertices, truth.vertices, measured.face), 1),
        "closures_kept": closures(output.gap, closed),
        "jerk_ratio": (
            jerk(output.vertices[:, measured.face]),
            jerk(truth.vertices[:, measured.face]),
        ),
        "overshoot_mm": (float((output.gap - truth.gap).max()), 1),
        "jaw_correlation": correlation(output.numbers[:, 100], truth.numbers[:, 100]),
        "gap_correlation": correlation(output.gap.mean(1), truth.gap.mean(1)),
        "gap_size": slope(_centred(output.gap.mean(1)), _centred(truth.gap.mean(1))),
        "asymmetry_kept": slope(asymmetry(output.numbers), asymmetry(clip.source)),
        "asymmetry_size": (_size(asymmetry(output.numbers)), _size(asymmetry(truth.numbers))),
    }
    return np.array([rows[name] for name in FIGURES], np.float64)


def lip_vertex_error(output: Float32Array, truth: Float32Array, lips: IndexArray) -> float:
    """Largest distance of a lip vertex from the truth in a frame, mean over frames (LVE:
    Richard et al. 2021, MeshTalk, section 4; Fan et al. 2022, FaceFormer, section 4.2)."""
    return float(np.linalg.norm(output[:, lips] - truth[:, lips], axis=2).max(1).mean())


def face_error(output: Float32Array, truth: Float32Array, face: IndexArray) -> float:
    """Mean distance of the face's vertices from the truth."""
    return float(np.linalg.norm(output[:, face] - truth[:, face], axis=2).mean())


def closures(gap: Float32Array, closed: BoolArray) -> Share:
    """Frames whose lips (T, 5) are within `CLOSED_MM` of meeting, of those that must."""
    return float((gap[closed].max(1, initial=-np.inf) <= CLOSED_MM).sum()), float(closed.sum())


def jerk(vertices: Float32Array) -> float:
    """Mean length of the third difference over time, mm a frame cubed; (T, n, 3), T above 3."""
    return float(np.linalg.norm(np.diff(vertices, 3, axis=0), axis=2).mean())


def correlation(output: Float32Array, truth: Float32Array) -> Share:
    """Pearson's correlation over time; a constant curve has none and does not count."""
    a, b = _centred(output), _centred(truth)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return (float(a @ b) / length, 1) if length > 1e-6 else (0, 0)


def slope(output: Float32Array, reference: Float32Array) -> Share:
    """The least-squares factor k in output = k x reference, as numerator and denominator."""
    a, b = output.astype(np.float64), reference.astype(np.float64)
    return float((a * b).sum()), float((b * b).sum())


def asymmetry(numbers: Float32Array) -> Float32Array:
    """(T, P) left minus right of every paired shape but the eyes' directions."""
    left, right = np.array(mirrored_columns(("eyeLook",))).T
    return numbers[:, left] - numbers[:, right]


def _centred(values: Float32Array) -> Float32Array:
    return values - values.mean()


def _size(values: Float32Array) -> float:
    return float(np.abs(values).mean())
