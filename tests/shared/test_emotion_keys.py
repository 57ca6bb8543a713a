# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion keys: each channel its own curve, and every mistake named with its key."""

import json

import numpy as np
import pytest
from affekt.shared import curves, limits
from affekt.shared.emotion import CHANNELS, CONTROLS, EMOTIONS, usual_value
from affekt.shared.emotion_keys import decode_keys, decode_track, encode_keys
from affekt.shared.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st


def track_of(keys: list, *, frames: int = 61, fps: float = 30.0, **others: object):
    content = {"fps": 30, "keys": keys, **others}
    return decode_track(json.dumps(content).encode(), frames, fps)


def error_of(content: object) -> InputError:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(InputError) as caught:
        decode_track(data, 10, 30.0)
    return caught.value


def weight(track, name: str) -> np.ndarray:
    return track.weights[:, EMOTIONS.index(name)]


def test_the_documented_example() -> None:
    track = track_of([{"frame": 0, "happy": 1.0, "influence": 1.0}, {"frame": 60, "sad": 0.8}])
    assert (weight(track, "happy") == 1).all()  # its only key holds to the end
    assert (weight(track, "sad") == np.float32(0.8)).all()  # its first value holds before it
    for name in ("angry", "fear", "disgust", "surprise"):
        assert not weight(track, name).any()
    for name in CONTROLS:
        assert (getattr(track, name) == (0.5 if name == "keep_closed" else 1)).all()


def test_lips_are_let_go_by_a_key() -> None:
    """Files from before this control existed do not name it: it is 0.5."""
    keys = [{"frame": 0, "surprise": 1.0, "keep_closed": 1.0}, {"frame": 4, "keep_closed": 0.0}]
    assert track_of(keys, frames=6).keep_closed.tolist() == [1, 0.75, 0.5, 0.25, 0, 0]
    assert track_of([{"frame": 0, "surprise": 1.0}], frames=2).keep_closed.tolist() == [0.5, 0.5]


def test_no_keys_is_neutral() -> None:
    track = track_of([])
    assert not track.weights.any()
    assert (track.influence == 1).all()


_VALUES = st.dictionaries(
    st.integers(-20, 80), st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=8
)


@given(
    channels=st.dictionaries(st.sampled_from(CHANNELS), _VALUES, max_size=12),
    kind=st.sampled_from(curves.INTERPOLATIONS),
    mixed=st.randoms(),
)
@settings(max_examples=150)
def test_channels_pass_through_their_keys_and_do_not_touch_each_other(
    channels: dict, kind: str, mixed
) -> None:
    rows: dict[int, dict] = {}
    for name, values in channels.items():
        for frame, value in values.items():
            rows.setdefault(frame, {"frame": frame})[name] = value
    listed = list(rows.values())
    mixed.shuffle(listed)
    track = track_of(listed, interpolation=kind)
    for name in CHANNELS:
        curve = weight(track, name) if name in EMOTIONS else getattr(track, name)
        values = channels.get(name, {0: usual_value(name)})
        first, last = min(values), max(values)
        assert curve.min() >= min(values.values()) - 1e-6  # clamped handles: no overshoot
        assert curve.max() <= max(values.values()) + 1e-6
        for frame, value in values.items():
            if 0 <= frame < len(curve):
                assert curve[frame] == pytest.approx(value, abs=1e-6)
        if first > 0:
            assert curve[0] == pytest.approx(values[first], abs=1e-6)
        if last < len(curve):
            assert curve[-1] == pytest.approx(values[last], abs=1e-6)


def test_keys_between_frames_are_written_where_they_are() -> None:
    listed = [{"frame": 2.25, "happy": 0.5, "sad": 0.125}, {"frame": -1.5, "happy": 1.0}]
    keys = decode_keys(json.dumps({"keys": listed}).encode(), 24.0)
    assert json.loads(encode_keys(keys)) == {
        "fps": 24.0,
        "interpolation": "linear",
        "keys": [{"frame": -1.5, "happy": 1.0}, {"frame": 2.25, "happy": 0.5, "sad": 0.125}],
    }


def test_keys_are_written_by_frame_whatever_they_name() -> None:
    listed = [{"frame": 7, "happy": 0.5}, {"frame": 2, "lower": 1.5, "sad": 0.25}]
    keys = decode_keys(json.dumps({"fps": 25, "keys": listed}).encode(), 24.0)
    written = json.loads(encode_keys(keys))
    assert written["keys"] == [
        {"frame": 2.0, "sad": 0.25, "lower": 1.5},
        {"frame": 7.0, "happy": 0.5},
    ]
    assert written["fps"] == 25


@given(channels=st.dictionaries(st.sampled_from(CHANNELS), _VALUES, max_size=12))
@settings(max_examples=50)
def test_keys_round_trip(channels: dict) -> None:
    listed = [{"frame": f, n: v} for n, values in channels.items() for f, v in values.items()]
    data = json.dumps({"fps": 24, "interpolation": "bezier", "keys": listed}).encode()
    keys = decode_keys(data, 30.0)
    again = decode_keys(encode_keys(keys), 99.0)
    assert (again.fps, again.interpolation) == (24.0, "bezier")
    assert again.channels.keys() == keys.channels.keys()
    for name, (frames, values) in keys.channels.items():
        np.testing.assert_array_equal(again.channels[name][0], frames)
        np.testing.assert_array_equal(again.channels[name][1], values)


@pytest.mark.parametrize("kind", curves.INTERPOLATIONS)
def test_another_frame_rate_is_met_by_time(kind: str) -> None:
    keys = [{"frame": 0, "happy": 0}, {"frame": 30, "happy": 1}, {"frame": 60, "happy": 0.5}]
    plain = track_of(keys, frames=61, interpolation=kind)
    double = track_of(keys, frames=121, fps=60.0, interpolation=kind)
    np.testing.assert_allclose(weight(double, "happy")[::2], weight(plain, "happy"), atol=1e-6)
    assert double.fps == 60


def test_rate_is_the_takes_where_none_is_named() -> None:
    data = json.dumps({"keys": [{"frame": 0, "happy": 0}, {"frame": 10, "happy": 1}]}).encode()
    assert weight(decode_track(data, 11, 24.0), "happy")[5] == 0.5


def test_constant_steps_at_the_key() -> None:
    track = track_of([{"frame": 2, "sad": 0.2}, {"frame": 5, "sad": 1}], interpolation="constant")
    assert weight(track, "sad")[:7].tolist() == [np.float32(0.2)] * 5 + [1.0, 1.0]


def test_two_bezier_keys_ease_in_and_out() -> None:
    track = track_of([{"frame": 0, "sad": 0}, {"frame": 60, "sad": 1}], interpolation="bezier")
    t = np.linspace(0, 1, 61)
    np.testing.assert_allclose(weight(track, "sad"), 3 * t**2 - 2 * t**3, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "emotion.json", "JSON"),
        (b'{"keys": [', "emotion.json", "line 1"),
        (b"[" * 100_000, "emotion.json", "JSON"),
        (b"\xff\xfe\xfa", "emotion.json", "JSON"),
        ([], "emotion.json", "keys"),
        (["keys"], "emotion.json", "no list called 'keys'"),
        (b"3", "emotion.json", "no list called 'keys'"),
        (b'"keys"', "emotion.json", "no list called 'keys'"),
        ({"fps": 30}, "emotion.json", "keys"),
        ({"keys": {}}, "emotion.keys", "not a list"),
        ({"keys": [3]}, "emotion.keys", "Key 0"),
        ({"keys": [{"frame": 0}, {"happy": 1}]}, "emotion.keys", "Key 1"),
        ({"keys": [{"frame": "0", "happy": 1}]}, "emotion.not_a_number", "key 0"),
        ({"keys": [{"frame": True}]}, "emotion.not_a_number", "key 0"),
        ({"keys": [{"frame": 1e9}]}, "emotion.range", "Key 0"),
        ({"keys": [{"frame": 0}, {"frame": -1e9}]}, "emotion.range", "Key 1"),
        ({"keys": [{"frame": 0, "happy": "1"}]}, "emotion.not_a_number", "happy in key 0"),
        ({"keys": [{"frame": 0, "happy": None}]}, "emotion.not_a_number", "happy in key 0"),
        ({"keys": [{"frame": 0, "happy": False}]}, "emotion.not_a_number", "happy in key 0"),
        ({"keys": [{"frame": 0, "happy": float("nan")}]}, "emotion.not_a_number", "key 0"),
        ({"keys": [{"frame": 0, "happy": 10**400}]}, "emotion.not_a_number", "key 0"),
        ({"keys": [{"frame": 0}, {"frame": 1, "sad": -0.1}]}, "emotion.range", "sad in key 1"),
        ({"keys": [{"frame": 0, "sad": 1.6}]}, "emotion.range", "0 to 1.5"),
        ({"keys": [{"frame": 0, "influence": 1.1}]}, "emotion.range", "0 to 1."),
        ({"keys": [{"frame": 0, "sadness": 1}]}, "emotion.unknown_name", "Did you mean 'sad'"),
        ({"keys": [{"frame": 0, "anger": 1}]}, "emotion.unknown_name", "Did you mean 'angry'"),
        ({"keys": [{"frame": 0, "Happy": 1}]}, "emotion.unknown_name", "Did you mean 'happy'"),
        ({"keys": [{"frame": 0, "xyzzy": 1}]}, "emotion.unknown_name", "Known are happy"),
        ({"keys": [], "interpolaton": "linear"}, "emotion.unknown_name", "'interpolation'"),
        ({"keys": [], "interpolation": "cubic"}, "emotion.interpolation", "linear"),
        ({"keys": [], "interpolation": []}, "emotion.interpolation", "linear"),
        ({"keys": [], "fps": 0}, "emotion.range", "fps"),
        ({"keys": [], "fps": "30"}, "emotion.not_a_number", "fps"),
        ({"keys": [{"frame": 3, "sad": 1}, {"frame": 3.0, "sad": 0}]}, "emotion.keys", "Key 1"),
    ],
)
def test_mistakes_are_named(content: object, code: str, said: str) -> None:
    error = error_of(content)
    assert error.code == code
    assert said in str(error)


@pytest.mark.parametrize(
    ("meant", "said"),
    [
        ("happy", "happiness joy smile Joy hapy"),
        ("sad", "sadness sorrow"),
        ("angry", "anger mad"),
        ("fear", "fearful afraid scared"),
        ("disgust", "disgusted"),
        ("surprise", "surprised suprise"),
        ("influence", "strength infuence"),
        ("lower", "lowr"),
        ("appearance", "appearence"),
        ("keep_closed", "keepClosed keep-closed keep"),
    ],
)
def test_other_tools_names_are_understood_and_not_taken(meant: str, said: str) -> None:
    for name in said.split():
        error = error_of({"keys": [{"frame": 0, name: 1}]})
        assert error.code == "emotion.unknown_name"
        assert f"Key 0 names '{name}', which is not known." in error.message
        assert error.remedy.startswith(f"Did you mean '{meant}'? Known are happy, sad, angry, fear")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ({"frame": 1, "happy": 1.51}, "happy in key 1 is 1.51, outside 0 to 1.5."),
        ({"frame": 1, "surprise": -0.01}, "surprise in key 1 is -0.01, outside 0 to 1.5."),
        ({"frame": 1, "influence": 1.01}, "influence in key 1 is 1.01, outside 0 to 1."),
        ({"frame": 1, "keep_closed": 1.01}, "keep_closed in key 1 is 1.01, outside 0 to 1."),
        ({"frame": 1, "upper": 2.01}, "upper in key 1 is 2.01, outside 0 to 2."),
        ({"frame": 1, "lower": 2.01}, "lower in key 1 is 2.01, outside 0 to 2."),
        ({"frame": 1, "geometry": 2.01}, "geometry in key 1 is 2.01, outside 0 to 2."),
        ({"frame": 1, "appearance": 2.01}, "appearance in key 1 is 2.01, outside 0 to 2."),
        ({"frame": 240001, "sad": 1}, "Key 1 is at frame 240001, outside any take."),
        ({"frame": -240001, "sad": 1}, "Key 1 is at frame -240001, outside any take."),
    ],
)
def test_the_ends_of_ranges(key: dict, message: str) -> None:
    error = error_of({"keys": [{"frame": 0}, key]})
    assert (error.code, error.message) == ("emotion.range", message)


def test_the_ends_themselves_are_allowed() -> None:
    largest = {"happy": 1.5, "surprise": 1.5, "influence": 1, "upper": 2, "appearance": 2}
    largest["keep_closed"] = 1
    keys = [{"frame": -240_000, "fear": 0}, {"frame": 240_000, "fear": 0}, {"frame": 3, **largest}]
    for fps in (1, 1000):
        track = track_of(keys, frames=2, fps=fps)
        assert track.weights.tolist() == [[1.5, 0, 0, 0, 0, 1.5]] * 2
        assert track.influence.tolist() == track.keep_closed.tolist() == [1, 1]
        assert track.upper.tolist() == track.appearance.tolist() == [2, 2]
        assert track.lower.tolist() == track.geometry.tolist() == [1, 1]


def test_keys_of_24_frames_a_second_on_a_take_of_30() -> None:
    """Frame 5 of the take is at 1/6 s: frame 4 of the keys, a quarter of the way from 0 to 16."""
    keys = [{"frame": 0, "sad": 0.2, "upper": 2}, {"frame": 16, "sad": 1.0, "upper": 0}]
    data = json.dumps({"fps": 24, "keys": keys}).encode()
    track = decode_track(data, 21, 30.0)
    np.testing.assert_allclose(weight(track, "sad")[[0, 5, 20]], [0.2, 0.4, 1.0], atol=1e-6)
    np.testing.assert_allclose(track.upper[[0, 5, 20]], [2, 1.5, 0], atol=1e-6)
    assert track.fps == 30


def test_a_file_that_is_too_long_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'{"keys": []}'
    monkeypatch.setattr(limits, "MAX_TRACK_BYTES", len(data))
    assert len(decode_track(data, 3, 30.0)) == 3
    assert error_of(data + b" ").code == "emotion.json"


_WHOLE = json.dumps({"fps": 30, "keys": [{"frame": 0, "happy": 1.0}, {"frame": 6, "sad": 0.5}]})


@given(data=st.data())
@settings(max_examples=300)
def test_mutated_files_give_a_track_or_an_error_of_ours(data: st.DataObject) -> None:
    content = bytearray(_WHOLE.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    try:
        track = decode_track(bytes(content), 10, 30.0)
    except InputError:
        return
    assert np.isfinite(track.weights).all()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"keys": [{"frame": 0, "happy": 1.0, "happy": 0.2}]}', "happy"),
        ('{"keys": [{"frame": 0, "frame": 3, "sad": 1.0}]}', "frame"),
        ('{"keys": [], "fps": 30, "fps": 24}', "fps"),
        ('{"fps": 30, "keys": [{"frame": 0, "happy": 1.0}], "keys": []}', "keys"),
    ],
)
def test_a_name_twice_in_one_place_is_refused(text: str, name: str) -> None:
    """JSON's readers would hear the last one alone."""
    error = error_of(text.encode())
    assert error.code == "emotion.keys"
    assert error.message == f"The emotion file names '{name}' twice in one place."


@pytest.mark.parametrize("fps", [1e-300, 0.5, 0, -30, 1001, 1e299])
def test_rates_that_cannot_be(fps: float) -> None:
    error = error_of({"fps": fps, "keys": [{"frame": 0, "happy": 1.0}]})
    assert error.code == "emotion.range"
    assert f"fps is {fps:g}." in error.message


def test_the_rates_that_can_be_are_said() -> None:
    error = error_of({"fps": 1000.5, "keys": []})
    assert error.message == "The emotion file's fps is 1000.5."
    assert error.remedy == "Give a rate from 1 to 1000."


def test_numbers_end_before_those_that_overflow() -> None:
    """A frame is counted in the take's rate, which may be a thousand times the file's."""
    for value, code in ((9.9e299, "emotion.range"), (1e300, "emotion.not_a_number")):
        for sign in (1, -1):
            for key in ({"frame": sign * value}, {"frame": 0, "sad": sign * value}):
                assert error_of({"keys": [key]}).code == code


@pytest.mark.parametrize("name", ["hope", "mouth", "f"])
def test_a_name_that_is_like_none_gets_no_guess(name: str) -> None:
    """Less than half of its letters are a channel's."""
    error = error_of({"keys": [{"frame": 0, name: 1}]})
    assert error.remedy.startswith("Known are happy, sad")


def test_a_takes_own_rate_is_not_the_emotion_files_fault() -> None:
    data = json.dumps({"keys": [{"frame": 0, "happy": 0}, {"frame": 10, "happy": 1}]}).encode()
    assert weight(decode_track(data, 11, 0.5), "happy")[5] == 0.5


def test_the_first_mistake_of_a_channel_is_named() -> None:
    keys = [{"frame": 9 - i, "happy": 0.1 * i} for i in range(6)]
    assert (
        "happy in key 4 is 7"
        in error_of(
            {"keys": [*keys[:4], {"frame": 1, "happy": 7}, {"frame": 0, "happy": 8}]}
        ).message
    )
    again = {"frame": 7, "happy": 0.3}
    assert "Key 6 sets happy at frame 7" in error_of({"keys": [*keys, again, again]}).message


def test_as_many_keys_as_a_take_may_have_frames() -> None:
    """In any order; each at its place."""
    random = np.random.default_rng(8)
    frames = random.permutation(240_000)
    values = random.integers(0, 1001, 240_000) / 1000
    listed = [
        {"frame": frame, "happy": value}
        for frame, value in zip(frames.tolist(), values.tolist(), strict=True)
    ]
    track = track_of(listed, frames=240_000, interpolation="bezier")
    found = weight(track, "happy")
    np.testing.assert_allclose(found[frames], values, atol=1e-6)


def test_where_json_breaks_is_said_if_it_is_known() -> None:
    assert error_of(b'{"keys":\n[,]}').message == (
        "The emotion file is not whole JSON: it breaks in line 2."
    )
    for data in (b"[" * 100_000, b"\xff\xfe\xfa"):
        assert error_of(data).message == "The emotion file is not whole JSON."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (float("nan"), "nan"),
        ("x" * 38, '"' + "x" * 38 + '"'),
        ("y" * 39, '"' + "y" * 36 + "..."),
        ([1, "ä"], '[1, "ä"]'),
        (True, "True"),
    ],
)
def test_what_is_no_number_is_shown(value: object, shown: str) -> None:
    message = error_of({"keys": [{"frame": 0, "sad": value}]}).message
    assert message == f"sad in key 0 is {shown}, not a number."


def test_of_many_keys_that_come_twice_the_first_one_is_named() -> None:
    """A hundred frames, and all of them once more, the last first."""
    listed = [{"frame": frame, "fear": 0.5} for frame in range(100)]
    error = error_of({"keys": [*listed, *listed[::-1]]})
    assert error.message == "Key 100 sets fear at frame 99, which an earlier key has set."


def test_of_a_name_without_end_that_stands_twice_the_beginning_is_told() -> None:
    name = "ab" * 500
    error = error_of(f'{{"keys": [], "{name}": 1, "{name}": 2}}'.encode())
    assert error.message == f"The emotion file names '{'ab' * 20}' twice in one place."
