# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a face moves for an emotion: displacement energies and the motion of landmarks.

Everything is a share of the face's height, so that heads of all sizes compare. A displacement is
between the take in an emotion and the same frame of the same take in neutral.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float32Array, Float64Array
from ....shared.emotion import EMOTIONS
from ....shared.motion import Motion
from .measured_face import LANDMARKS, MeasuredFace

WEIGHTS = (0.25, 0.5, 0.75, 1.0)
"""Emotion weights at which strength is measured."""
NEAR_PAIRS = (("angry", "disgust"), ("fear", "surprise"), ("sad", "fear"))
"""Emotions that strangers take for one another."""

Perform = Callable[[Motion, str, float], Motion]
"""(take in space "open", emotion or "neutral", weight) -> the take in it, in the face's space."""


def energies(moved: Float32Array, neutral: Float32Array, face: MeasuredFace) -> Float64Array:
    """(T,) mean square of the skin's displacement, as a share of the face's squared height.
    moved, neutral: (T, K, 3) of `MeasuredFace.positions`."""
    apart = (moved - neutral)[:, face.surface].astype(np.float64)
    return (apart**2).sum(2).mean(1) / face.height_m**2


def landmark_motion(moved: Float32Array, neutral: Float32Array, face: MeasuredFace) -> Float64Array:
    """(T, 51, 3) displacement of each landmark as a share of the face's height. moved, neutral:
    (T, K, 3) of `MeasuredFace.positions`."""
    apart = (moved - neutral).astype(np.float64) / face.height_m
    frames, count, _ = apart.shape
    flat = face.landmarks @ apart.transpose(1, 0, 2).reshape(count, -1)
    return flat.reshape(-1, frames, 3).transpose(1, 0, 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strength:
    """shares: by emotion, `energy at W` and `rms at W`, the mean energy at weight W over that at
    weight 1, and the same of the root of the energy; `rms`, that root at weight 1. landmarks: by
    emotion, `landmark_motion` at weight 1, one array a take."""

    shares: dict[str, dict[str, float]]
    landmarks: dict[str, list[Float64Array]]


def measure_strength(face: MeasuredFace, takes: Sequence[Motion], perform: Perform) -> Strength:
    """Performs the takes in each emotion at each of `WEIGHTS`, and measures the face's motion."""
    neutrals = [face.positions(perform(take, "neutral", 1.0)) for take in takes]
    shares, landmarks = {}, {}
    for emotion in EMOTIONS:
        sums, moved = np.zeros((len(WEIGHTS), 2)), neutrals
        for row, weight in enumerate(WEIGHTS):
            moved = [face.positions(perform(take, emotion, weight)) for take in takes]
            for pair in zip(moved, neutrals, strict=True):
                energy = energies(*pair, face)
                sums[row] += energy.mean(), np.sqrt(energy).mean()
        shares[emotion] = _strength(sums, len(takes))
        both = zip(moved, neutrals, strict=True)
        landmarks[emotion] = [landmark_motion(*pair, face) for pair in both]
    return Strength(shares=shares, landmarks=landmarks)


def _strength(sums: Float64Array, takes: int) -> dict[str, float]:
    shares = sums / np.maximum(sums[-1], 1e-12)
    out = {f"energy at {w:g}": float(s) for w, s in zip(WEIGHTS[:-1], shares[:, 0], strict=False)}
    out |= {f"rms at {w:g}": float(s) for w, s in zip(WEIGHTS[:-1], shares[:, 1], strict=False)}
    return out | {"rms": float(sums[-1, 1]) / max(takes, 1)}


def sum_landmarks(motions: Sequence[Float64Array]) -> dict[str, float]:
    """Mean over frames of the landmarks' summed path lengths, by part of the face and as "all".
    motions: of `landmark_motion`, any number of frames each."""
    lengths = np.linalg.norm(np.concatenate(motions), axis=2).mean(0)
    ends = np.cumsum([len(part) for part in LANDMARKS.values()])
    parts = np.split(lengths, ends[:-1])
    shares = {name: float(part.sum()) for name, part in zip(LANDMARKS, parts, strict=True)}
    return {"all": float(lengths.sum())} | shares


def compare_landmarks(
    sums: Mapping[str, Mapping[str, float]], reference: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Each emotion's motion by part over the reference face's."""
    return {
        emotion: {part: value / max(reference[emotion][part], 1e-9) for part, value in row.items()}
        for emotion, row in sums.items()
    }


def likeness(motions: Mapping[str, Sequence[Float64Array]]) -> dict[str, float]:
    """For each of `NEAR_PAIRS` the cosine of the two emotions' mean landmark displacements; 1 is
    the same motion. motions: by emotion, of `landmark_motion`."""
    means = {name: np.concatenate(rows).mean(0).ravel() for name, rows in motions.items()}
    return {f"{a}, {b}": _cosine(means[a], means[b]) for a, b in NEAR_PAIRS}


def _cosine(a: Float64Array, b: Float64Array) -> float:
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12))
