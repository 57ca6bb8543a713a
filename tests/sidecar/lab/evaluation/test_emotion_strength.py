# SPDX-License-Identifier: GPL-3.0-or-later
"""Energies and landmarks on displacements made by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.lab.evaluation.emotion_strength import (
    WEIGHTS,
    compare_landmarks,
    energies,
    landmark_motion,
    likeness,
    measure_strength,
    sum_landmarks,
)
from affekt.sidecar.lab.evaluation.measured_face import LANDMARKS, MeasuredFace
from fakes.head import small_head
from scipy.sparse import csr_array

COUNT = sum(len(part) for part in LANDMARKS.values())


class HandMade(MeasuredFace):
    """A face of 4 vertices, 0.2 m high, whose motion's expression is its displacement: component
    0 moves vertex 0 along x, 1 moves vertex 1 along y, and so on, metres."""

    def positions(self, motion: Motion) -> np.ndarray:
        moved = np.zeros((len(motion), 4, 3), np.float32)
        for vertex in range(4):
            moved[:, vertex, vertex % 3] = motion.expression[:, vertex]
        return moved


def hand_made() -> HandMade:
    """The surface is vertices 0 and 2. The first brow landmark is the mean of 0 and 1; the last
    of the mouth is vertex 3; the others are vertex 2."""
    rows = [[0.5, 0.5, 0, 0], *[[0, 0, 1, 0]] * (COUNT - 2), [0, 0, 0, 1]]
    return HandMade(
        subject=small_head(),
        kept=np.arange(4),
        height_m=0.2,
        landmarks=csr_array(np.array(rows, float)),
        surface=np.array([0, 2]),
        upper=np.zeros((5, 3), np.intp),
        lower=np.ones((5, 3), np.intp),
        meeting_mm=np.zeros(5),
    )


def moved_by(*rows: Sequence[float]) -> np.ndarray:
    """(T, 4, 3) with vertices moved by rows of four lengths."""
    still = np.array(rows, np.float32)
    return hand_made().positions(motion_of(still))


def motion_of(rows: np.ndarray) -> Motion:
    expression = np.zeros((len(rows), 100), np.float32)
    expression[:, : rows.shape[1]] = rows
    return make_motion(expression=expression, fps=30.0, space="open")


def test_an_absolute_energy():
    # Vertices 0 and 2 by 30 and 10 mm: (0.0009 + 0.0001) / 2 over 0.2 squared; 1 and 3 are none.
    moved = moved_by((0.03, 0.5, 0.01, 0.5), (0, 0, 0, 0))
    np.testing.assert_allclose(energies(moved, 0 * moved, hand_made()), [0.0125, 0], rtol=1e-5)


def test_an_absolute_landmark():
    moved = moved_by((0.03, 0.01, 0.004, 0.02))
    found = landmark_motion(moved, 0 * moved, hand_made())
    assert found.shape == (1, COUNT, 3)
    np.testing.assert_allclose(found[0, 0], [0.075, 0.025, 0], rtol=1e-5)
    np.testing.assert_allclose(found[0, 1], [0, 0, 0.02], rtol=1e-5)
    np.testing.assert_allclose(found[0, -1], [0.1, 0, 0], rtol=1e-5)


def test_sums_are_lengths_by_part():
    motion = np.zeros((2, COUNT, 3))
    motion[0, 0] = [0.3, 0.4, 0]  # the first of the brows, in one of two frames
    motion[:, -1] = [0, 0, -0.2]
    found = sum_landmarks([motion[:1], motion[1:]])
    assert found == pytest.approx({"all": 0.45, "brows": 0.25, "nose": 0, "eyes": 0, "mouth": 0.2})


def test_comparison_with_the_reference():
    ours, theirs = {"sad": {"all": 0.3, "eyes": 0.1}}, {"sad": {"all": 0.4, "eyes": 0.05}}
    assert compare_landmarks(ours, theirs)["sad"] == pytest.approx({"all": 0.75, "eyes": 2})


def test_likeness_is_the_cosine_of_means():
    def along(*axes: float) -> list[np.ndarray]:
        motion = np.zeros((1, COUNT, 3))
        motion[0, 5] = axes
        return [motion]

    motions = {name: along(1, 0, 0) for name in EMOTIONS}
    motions |= {"disgust": along(3, 4, 0), "surprise": along(0, 2, 0), "sad": along(-2, 0, 0)}
    assert likeness(motions) == pytest.approx(
        {"angry, disgust": 0.6, "fear, surprise": 0, "sad, fear": -1}
    )


def test_strength_by_weight_is_measured_against_weight_1():
    take = motion_of(np.zeros((3, 4), np.float32))

    def perform(take: Motion, state: str, weight: float) -> Motion:
        # Sad grows with the square of its weight, the others with their weight.
        size = 0 if state == "neutral" else weight ** (2 if state == "sad" else 1)
        return motion_of(np.full((len(take), 4), 0.02 * size, np.float32))

    found = measure_strength(hand_made(), [take, take], perform)
    assert found.shares["happy"] == pytest.approx(
        {
            "energy at 0.25": 1 / 16,
            "energy at 0.5": 1 / 4,
            "energy at 0.75": 9 / 16,
            "rms at 0.25": 1 / 4,
            "rms at 0.5": 1 / 2,
            "rms at 0.75": 3 / 4,
            "rms": 0.1,
        }
    )
    assert found.shares["sad"]["energy at 0.5"] == pytest.approx(1 / 16)
    assert WEIGHTS[-1] == 1
    assert [len(rows) for rows in found.landmarks["fear"]] == [3, 3]
    np.testing.assert_allclose(found.landmarks["sad"][1][0, -1], [0.1, 0, 0], rtol=1e-5)
