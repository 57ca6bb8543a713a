# SPDX-License-Identifier: GPL-3.0-or-later
"""`Motion` and `EmotionTrack` refuse what is not a take or a track."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.emotion import (
    CONTROLS,
    EMOTIONS,
    EmotionTrack,
    check_length,
    constant_track,
    kept_level,
    kept_shares,
)
from affekt.shared.errors import InputError
from affekt.shared.motion import (
    ARKIT_NAMES,
    WIDTHS,
    Motion,
    ReadOptions,
    cut_motion,
    make_motion,
    name_weights,
    numbers_of,
)
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


def test_the_slowest_and_the_fastest_takes() -> None:
    for fps in (5.0, 59.94, 1000.0):
        assert replace(random_motion(5), fps=fps).fps == fps
        assert ReadOptions(fps=fps).fps == fps
    for fps in (4.99, 1000.1, 0.0):
        assert code_of(ReadOptions, fps=fps) == "motion.rate"


def test_what_may_be_said_of_a_file() -> None:
    for angles in ("radians", "degrees", None):
        assert ReadOptions(angles=angles).angles == angles
    for axes in ("opengl", "opencv", "blender", None):
        assert ReadOptions(axes=axes).axes == axes
    assert code_of(ReadOptions, angles="opencv") == "motion.options"
    assert code_of(ReadOptions, axes="degrees") == "motion.options"


def test_a_motion_of_what_is_named() -> None:
    expression, jaw = np.full((3, 100), 0.25), np.arange(9.0).reshape(3, 3)
    motion = make_motion(expression=expression, fps=24.0, space="arkit", jaw=jaw)
    assert (motion.fps, motion.space, motion.eyelids, len(motion)) == (24.0, "arkit", None, 3)
    assert motion.jaw.tolist() == jaw.tolist()
    for name, width in (("neck", 3), ("eyes", 6), ("rotation", 3), ("translation", 3)):
        assert getattr(motion, name).tolist() == [[0.0] * width] * 3
    assert motion.shape.tolist() == [0.0] * 300
    assert {getattr(motion, name).dtype for name in WIDTHS} == {np.dtype(np.float32)}
    numbers = numbers_of(motion)
    assert numbers.shape == (3, 103)
    assert numbers[1].tolist() == [0.25] * 100 + [3, 4, 5]


def test_the_first_frame_that_is_no_number_is_named() -> None:
    motion = random_motion(5)
    for name in ("neck", "eyelids"):
        broken = getattr(motion, name).copy()
        broken[2:4, 1] = np.inf
        with pytest.raises(InputError, match=f"The take's {name} is not a number at frame 2"):
            replace(motion, **{name: broken})


def test_frames_outside_are_named_as_they_count() -> None:
    with pytest.raises(InputError) as caught:
        cut_motion(random_motion(9), 4, 11)
    said = "Frames 4 to 10 are not all in the take, which has frames 0 to 8."
    assert caught.value.message == said


def test_the_names_of_arkits_shapes() -> None:
    """Apple's 52, in the order of the alphabet, as takes and adapters count them."""
    assert list(ARKIT_NAMES) == sorted(ARKIT_NAMES)
    assert len(set(ARKIT_NAMES)) == 52
    places = {"browInnerUp": 2, "eyeBlinkLeft": 8, "jawOpen": 24, "mouthSmileRight": 44}
    assert {name: ARKIT_NAMES.index(name) for name in places} == places
    sides = {name.removesuffix("Left") for name in ARKIT_NAMES if name.endswith("Left")}
    assert sides == {name.removesuffix("Right") for name in ARKIT_NAMES if name.endswith("Right")}


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
    for name in ("influence", "keep_closed"):
        assert code_of(replace, track, **{name: track.influence * 1.1}) == "emotion.range"
    assert code_of(replace, track, weights=track.weights + 0.1) == "emotion.range"


def test_the_ends_of_a_tracks_ranges() -> None:
    track = constant_track(3, 24.0, influence=0.25, sad=0.5)
    assert track.weights.tolist() == [[0, 0.5, 0, 0, 0, 0]] * 3
    assert track.influence.tolist() == [0.25] * 3
    assert constant_track(2, 24.0, keep_closed=0.75).keep_closed.tolist() == [0.75] * 2
    assert track.keep_closed.tolist() == [0.5] * 3
    for name in ("upper", "lower", "geometry", "appearance"):
        assert getattr(track, name).tolist() == [1.0] * 3
        replace(track, **{name: np.array([0, 2, 1], np.float32)})
    for name in ("influence", "keep_closed"):
        replace(track, **{name: np.array([0, 1, 0.5], np.float32)})
    with pytest.raises(InputError) as caught:
        replace(track, upper=np.array([0.5, 2.1, 1], np.float32))
    said = "The emotion curve upper runs from 0.5 to 2.1, outside 0 to 2."
    assert caught.value.message == said
    with pytest.raises(InputError, match="lower is not a number at frame 1"):
        replace(track, lower=np.array([0.5, np.nan, np.inf], np.float32))


def test_only_surprise_opens_held_lips_unless_they_may_all_or_none_may() -> None:
    controls = np.array([0.0, 0.25, 0.5, 0.75, 1.0], np.float32)
    shares = kept_shares(controls)
    assert shares[:, 0].tolist() == shares[:, 3].tolist() == [0, 0.5, 1, 1, 1]
    assert shares[:, 5].tolist() == [0, 0, 0, 0.5, 1]
    weights = np.zeros((5, 6))
    assert kept_level(weights, controls).tolist() == [0, 0.5, 1, 1, 1]
    weights[:, 1], weights[:, 5] = 0.25, 0.75
    assert kept_level(weights, controls).tolist() == [0, 0.125, 0.25, 0.625, 1]
    barely = np.array([0, 0, 0, 0, 0, 0.025])
    assert kept_level(barely, np.float32(0.5)) == pytest.approx(0.75)


def test_a_track_is_as_long_as_its_take() -> None:
    check_length(constant_track(3, 24.0), 3)
    for frames in (2, 4):
        assert code_of(check_length, constant_track(3, 24.0), frames) == "emotion.shape"


def test_emotion_names() -> None:
    assert EMOTIONS == ("happy", "sad", "angry", "fear", "disgust", "surprise")
    assert CONTROLS == ("influence", "upper", "lower", "geometry", "appearance", "keep_closed")
    for column, name in enumerate(EMOTIONS):
        weights = constant_track(1, 30.0, **{name: 1.0}).weights
        assert np.flatnonzero(weights).tolist() == [column]
    assert code_of(constant_track, 3, 30.0, joy=1.0) == "emotion.unknown_name"


def said_of(function, *arguments: object, **options: object) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    return caught.value.message, caught.value.remedy


def test_what_is_said_of_a_record_that_is_none() -> None:
    motion, track = random_motion(5), constant_track(3, 24.0, sad=0.25)
    for rate, said in ((1000 + 1 / 3, "1000.33"), (5 - 1 / 3, "4.66667")):
        assert said_of(replace, motion, fps=rate) == (
            f"A take cannot have {said} frames a second.",
            "Give a rate from 5 to 1000.",
        )
    assert said_of(replace, motion, jaw=motion.jaw[:4])[0] == (
        "The take's jaw has the shape (4, 3), not (5, 3)."
    )
    assert said_of(replace, motion, shape=motion.shape[:7])[0] == (
        "The take's shape has the shape (7,), not (300,)."
    )
    assert said_of(replace, track, weights=track.weights[:, :5])[0] == (
        "Emotion weights have the shape (3, 5), not (frames, 6)."
    )
    assert said_of(replace, track, upper=track.upper[:2])[0] == (
        "The curve upper has the shape (2,) for 3 frames."
    )
    one = constant_track(1, 24.0)
    assert said_of(replace, one, lower=track.lower)[0] == (
        "The curve lower has the shape (3,) for 1 frame."
    )
    assert said_of(replace, track, fps=-0.5) == ("The frame rate is -0.5.", "Give a rate above 0.")
    assert said_of(check_length, track, 7)[0] == "The emotion track has 3 frames and the take 7."
    assert said_of(constant_track, 3, 24.0, joy=1.0) == (
        "There is no emotion called 'joy'.",
        "Use one of happy, sad, angry, fear, disgust, surprise.",
    )


def test_weights_show_as_far_as_they_are_put_in() -> None:
    """Influence by geometry, at most wholly: at strength 0 the take is seen, which is no emotion's
    (influence 0 in the first frame, geometry 0 in the second)."""
    track = replace(
        constant_track(4, 24.0, sad=0.5, fear=1.5),
        influence=np.float32([0, 1, 0.5, 0.75]),
        geometry=np.float32([2, 0, 0.5, 2]),
    )
    wanted = np.zeros((4, 6))
    wanted[2, [1, 3]], wanted[3, [1, 3]] = (0.125, 0.375), (0.5, 1.5)
    np.testing.assert_allclose(track.shown_weights(), wanted, atol=1e-7)
    assert track.weights[0].tolist() == [0, 0.5, 0, 1.5, 0, 0]


def test_a_cut_keeps_what_belongs_to_its_frames() -> None:
    """Frames 2 and 3 of five; the person and the rate are the whole take's."""
    motion = random_motion(5)
    for with_lids in (True, False):
        whole = motion if with_lids else replace(motion, eyelids=None)
        part = cut_motion(whole, 2, 4)
        for name in WIDTHS:
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[2:4])
        np.testing.assert_array_equal(part.shape, whole.shape)
        assert (part.fps, part.space, len(part)) == (whole.fps, whole.space, 2)
        assert (part.eyelids is None) is not with_lids
        if part.eyelids is not None:
            np.testing.assert_array_equal(part.eyelids, motion.eyelids[2:4])
    assert len(cut_motion(motion, 0, 5)) == 5
    for start, stop in ((-1, 3), (2, 2), (3, 2), (4, 6)):
        assert code_of(cut_motion, motion, start, stop) == "frames.out_of_range"


def test_weights_by_name_stand_in_arkits_columns() -> None:
    rows = name_weights([{"jawOpen": 0.3, "tongueOut": 1.0}, {}, {"browDownLeft": -0.2}])
    wanted = np.zeros((3, 100), np.float32)
    wanted[0, 24], wanted[0, 51], wanted[2, 0] = 0.3, 1, -0.2
    np.testing.assert_array_equal(rows, wanted)
