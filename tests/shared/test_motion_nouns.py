# SPDX-License-Identifier: GPL-3.0-or-later
"""`Motion` and `EmotionTrack` refuse what is not a take or a track."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.emotion import CONTROLS, EMOTIONS, EmotionTrack, constant_track
from affekt.shared.errors import InputError
from affekt.shared.motion import WIDTHS, Motion, cut_motion
from fakes.takes import random_motion
from hypothesis import given
from hypothesis import strategies as st


def code_of(function, *args, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        function(*args, **kwargs)
    return caught.value.code


@given(start=st.integers(-3, 12), stop=st.integers(-3, 12))
def test_cut_is_the_slice_or_an_error(start: int, stop: int) -> None:
    motion = random_motion(9)
    if 0 <= start < stop <= 9:
        cut = cut_motion(motion, start, stop)
        assert len(cut) == stop - start
        for name in (*WIDTHS, "eyelids"):
            np.testing.assert_array_equal(getattr(cut, name), getattr(motion, name)[start:stop])
    else:
        assert code_of(cut_motion, motion, start, stop) == "frames.out_of_range"


@pytest.mark.parametrize("name", [*WIDTHS, "eyelids", "shape"])
def test_every_array_of_a_motion_is_checked(name: str) -> None:
    motion = random_motion(5)
    values = getattr(motion, name)
    assert code_of(replace, motion, **{name: values[..., :-1]}) == "motion.shape"
    broken = values.copy()
    broken.flat[0] = np.nan
    assert code_of(replace, motion, **{name: broken}) == "motion.not_finite"


@pytest.mark.parametrize("fps", [0.0, -1.0, 1e-300, 4.9, np.nan, np.inf, 1001.0])
def test_frame_rates_of_a_motion(fps: float) -> None:
    assert code_of(replace, random_motion(5), fps=fps) == "motion.rate"


def test_spaces_and_lengths_of_a_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    motion: Motion = random_motion(5)
    assert code_of(replace, motion, space="flame") == "motion.space"
    assert code_of(replace, motion, expression=motion.expression[:0]) == "motion.shape"
    monkeypatch.setattr(limits, "MAX_FRAMES", 4)
    assert code_of(replace, motion) == "motion.too_long"


def test_every_curve_of_a_track_is_checked() -> None:
    track: EmotionTrack = constant_track(5, 30.0, happy=1.5)
    assert track.weights[0].tolist() == [1.5, 0, 0, 0, 0, 0]
    assert code_of(replace, track, weights=track.weights[:, :5]) == "emotion.shape"
    assert code_of(replace, track, fps=0.0) == "emotion.range"
    for name in CONTROLS:
        values = getattr(track, name)
        assert code_of(replace, track, **{name: values[1:]}) == "emotion.shape"
        assert code_of(replace, track, **{name: values * np.nan}) == "emotion.not_finite"
        assert code_of(replace, track, **{name: values * -1}) == "emotion.range"
        assert code_of(replace, track, **{name: values * 2.1}) == "emotion.range"
    assert code_of(replace, track, influence=track.influence * 1.1) == "emotion.range"
    assert code_of(replace, track, weights=track.weights + 0.1) == "emotion.range"


def test_emotion_names() -> None:
    for column, name in enumerate(EMOTIONS):
        weights = constant_track(1, 30.0, **{name: 1.0}).weights
        assert np.flatnonzero(weights).tolist() == [column]
    assert code_of(constant_track, 3, 30.0, joy=1.0) == "emotion.unknown_name"
