# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of lips and jaw on gaps made by hand, in mm at 30 frames a second."""

import numpy as np
import pytest
from affekt.sidecar.lab.evaluation.lips_kept import (
    correlation,
    gap_jitter,
    held_closures,
    kept,
    speech_closures,
)


def gap_of(*pieces: tuple[int, float]) -> np.ndarray:
    """Stretches of (frames, mm), one after the other."""
    return np.concatenate([np.full(frames, value) for frames, value in pieces])


class TestClosures:
    def test_a_short_meeting_between_openings_is_speech_and_a_long_one_is_held(self):
        gap = gap_of((20, 6.0), (3, 0.2), (20, 5.0), (30, 0.4), (20, 4.0))
        assert set(speech_closures(gap, 30.0)) <= {20, 21, 22}
        assert len(speech_closures(gap, 30.0))
        np.testing.assert_array_equal(held_closures(gap, 30.0), np.arange(43, 73))

    def test_lips_that_never_part_are_held_and_say_nothing(self):
        gap = gap_of((40, 0.0))
        assert not len(speech_closures(gap, 30.0))
        np.testing.assert_array_equal(held_closures(gap, 30.0), np.arange(40))

    def test_a_stretch_counts_as_held_by_its_seconds_not_by_its_frames(self):
        gap = gap_of((9, 5.0), (18, 0.3), (9, 5.0))
        assert len(held_closures(gap, 30.0)) == 18  # 0.6 s
        assert not len(held_closures(gap, 60.0))  # 0.3 s

    @pytest.mark.parametrize("frames", [0, 1, 2])
    def test_takes_that_are_too_short_have_none(self, frames: int):
        gap = np.zeros(frames)
        assert not len(speech_closures(gap, 30.0))
        assert not len(held_closures(gap, 30.0))


class TestKept:
    def test_the_share_of_frames_whose_lips_meet(self):
        gap = np.array([0.2, 3.0, 0.9, 1.1, 9.0])
        assert kept(gap, np.array([0, 1, 2, 3])) == 0.5
        assert kept(gap, np.array([4])) == 0
        assert kept(gap, np.zeros(0, np.intp)) is None


class TestCourse:
    def test_correlation_knows_neither_scale_nor_offset_but_sign(self):
        course = np.sin(np.arange(50) / 3)
        assert correlation(0.2 * course + 4, course) == pytest.approx(1)
        assert correlation(-course, course) == pytest.approx(-1)
        assert correlation(np.zeros(50), course) is None

    def test_an_absolute_correlation(self):
        # By hand: deviations (-2, 0, 2) and (-2, 1, 1): 6 / sqrt(8 * 6).
        found = correlation(np.array([1.0, 3.0, 5.0]), np.array([0.0, 3.0, 3.0]))
        assert found == pytest.approx(6 / np.sqrt(48))


class TestJitter:
    def test_the_ratio_of_mean_third_differences(self):
        # Third differences: of (0, 1, 0, 2, 0) 5 and -7, of (0, 0, 0, 2, 0) 2 and -6.
        found = gap_jitter(np.array([0.0, 1, 0, 2, 0]), np.array([0.0, 0, 0, 2, 0]))
        assert found == pytest.approx(1.5)

    def test_a_smooth_course_has_none_and_a_still_take_no_ratio(self):
        parabola = np.arange(20.0) ** 2
        shaken = parabola + 0.1 * (-1.0) ** np.arange(20)
        assert gap_jitter(parabola, shaken) == pytest.approx(0, abs=1e-9)
        assert gap_jitter(shaken, parabola) is None
        assert gap_jitter(shaken[:3], shaken[:3]) is None
