# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotions with time codes: what they mean, what is reported, what is refused."""

import json

import numpy as np
import pytest
from affekt.shared.ace_emotions import (
    ACE_EMOTIONS,
    WITHOUT_COUNTERPART,
    decode_ace,
    decode_emotions,
    encode_ace,
)
from affekt.shared.emotion import EMOTIONS, EmotionTrack, constant_track
from affekt.shared.errors import AffektError, InputError
from hypothesis import given, settings
from hypothesis import strategies as st


def ace(*entries: tuple[float, dict], **more: object) -> bytes:
    listed = {
        f"emotion_with_timecode{i + 1}": {"time_code": time, "emotions": emotions}
        for i, (time, emotions) in enumerate(entries)
    }
    return json.dumps({"emotion_with_timecode_list": listed, **more}).encode()


def column(track: EmotionTrack, name: str) -> np.ndarray:
    return track.weights[:, EMOTIONS.index(name)]


@given(seed=st.integers(0, 999), fps=st.sampled_from([24.0, 25.0, 29.97, 30.0, 60.0]))
@settings(max_examples=40)
def test_round_trip_frame_by_frame(seed: int, fps: float) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.random((40, 6)).astype(np.float32) * (rng.random((40, 1)) < 0.5)
    ones = np.ones(40, np.float32)
    track = EmotionTrack(
        weights=weights.astype(np.float32),
        influence=ones,
        upper=ones,
        lower=ones,
        geometry=ones,
        appearance=ones,
        keep_closed=ones / 2,
        fps=fps,
    )
    data, left_out = encode_ace(track)
    again, without = decode_emotions(data, 40, fps)
    assert left_out == without == ()
    np.testing.assert_array_equal(again.weights, track.weights)


def test_entries_hold_until_the_next() -> None:
    track, _ = decode_emotions(ace((0.5, {"joy": 1.0}), (1.0, {"grief": 0.8})), 50, 30.0)
    assert not column(track, "happy")[:15].any()
    assert (column(track, "happy")[15:30] == 1).all()
    assert not column(track, "happy")[30:].any()
    assert (column(track, "sad")[30:] == np.float32(0.8)).all()


def test_transition_is_a_straight_line() -> None:
    data = ace((0.0, {}), (1.0, {"joy": 1.0}), live_transition_time=0.5)
    track, _ = decode_emotions(data, 60, 30.0)
    np.testing.assert_allclose(
        column(track, "happy"), np.clip((np.arange(60) - 30) / 15, 0, 1), atol=1e-5
    )


def test_transition_longer_than_its_entry_still_arrives() -> None:
    data = ace((0.0, {}), (1.0, {"joy": 1.0}), (1.1, {"fear": 1.0}), live_transition_time=0.5)
    track, _ = decode_emotions(data, 60, 30.0)
    assert column(track, "happy").max() > 0.99
    np.testing.assert_allclose(column(track, "fear")[50:], 1)


def test_names_of_both_sides() -> None:
    levels = {name: (i + 1) / 20 for i, name in enumerate(ACE_EMOTIONS)}
    keys, left_out = decode_ace(ace((0.0, levels)), 30.0)
    values = {name: float(levels[0]) for name, (_, levels) in keys.channels.items()}
    assert values == {
        "happy": levels["joy"],
        "sad": max(levels["grief"], levels["sadness"]),
        "angry": levels["anger"],
        "fear": levels["fear"],
        "disgust": levels["disgust"],
        "surprise": levels["amazement"],
    }
    assert left_out == WITHOUT_COUNTERPART


def test_aces_names_are_aces() -> None:
    """Each of ours is written by one of its names, and all of its names are in each entry."""
    weights = {name: (k + 1) / 8 for k, name in enumerate(EMOTIONS)}
    content = json.loads(encode_ace(constant_track(1, 30.0, **weights))[0])
    (entry,) = content["emotion_with_timecode_list"].values()
    assert entry["emotions"] == {
        "amazement": 0.75,
        "anger": 0.375,
        "cheekiness": 0,
        "disgust": 0.625,
        "fear": 0.5,
        "grief": 0,
        "joy": 0.125,
        "outofbreath": 0,
        "pain": 0,
        "sadness": 0.25,
    }


def test_only_what_is_asked_for_is_reported() -> None:
    zero = dict.fromkeys(ACE_EMOTIONS, 0.0)
    assert decode_ace(ace((0.0, zero)), 30.0)[1] == ()
    assert decode_ace(ace((0.0, zero | {"pain": 0.1})), 30.0)[1] == ("pain",)


def test_what_is_written_frame_by_frame() -> None:
    """24 frames a second: the change at frame 3 is at 0.125 s."""
    track = constant_track(5, 24.0, sad=0.25, surprise=0.5)
    track.weights[3:, 0] = 1
    content = json.loads(encode_ace(track)[0])
    zero = dict.fromkeys(ACE_EMOTIONS, 0.0)
    first = {**zero, "sadness": 0.25, "amazement": 0.5}
    assert content == {
        "live_transition_time": 0.0,
        "emotion_with_timecode_list": {
            "emotion_with_timecode1": {"time_code": 0.0, "emotions": first},
            "emotion_with_timecode2": {"time_code": 0.125, "emotions": {**first, "joy": 1.0}},
        },
    }


def test_entries_are_taken_in_the_order_of_time() -> None:
    """And what was before the first is neutral; half a second of 24 frames is twelve."""
    data = ace((2.0, {"anger": 0.5}), (0.5, {"disgust": 0.25, "neutral": 1}))
    track, _ = decode_emotions(data, 60, 24.0)
    assert column(track, "disgust").tolist() == [0] * 12 + [0.25] * 36 + [0] * 12
    assert column(track, "angry").tolist() == [0] * 48 + [0.5] * 12
    assert track.fps == 24


@pytest.mark.parametrize("time", ["time_code", "timeCode", "timecode"])
@pytest.mark.parametrize("emotions", ["emotions", "emotion", "emotion_values"])
def test_each_tools_words(time: str, emotions: str) -> None:
    data = json.dumps([{time: 0.5, emotions: {"fear": 0.5}}]).encode()
    track, _ = decode_emotions(b"\xef\xbb\xbf  " + data, 30, 24.0)
    assert column(track, "fear").tolist() == [0] * 12 + [0.5] * 18


def test_transitions_of_an_hour_and_no_more() -> None:
    for seconds in (0.0, 3600.0):
        decode_ace(ace((0.0, {"joy": 1.0}), live_transition_time=seconds), 30.0)
    with pytest.raises(InputError, match="3601 seconds") as caught:
        decode_ace(ace((0.0, {"joy": 1.0}), live_transition_time=3601), 30.0)
    assert caught.value.code == "emotion.range"
    decode_ace(ace((240_000.0, {"joy": 1.0})), 30.0)
    with pytest.raises(InputError, match="Entry 0 of the emotion file is at 240001 seconds"):
        decode_ace(ace((240_001.0, {"joy": 1.0})), 30.0)


def test_a_transition_begins_where_the_entry_before_it_stood() -> None:
    """0.5 s of 24 frames from 0.25 to 0.75; the next one, 0.25 s on, cuts it off at its end."""
    data = ace(
        (0.0, {"grief": 0.25}),
        (1.0, {"grief": 0.75}),
        (2.0, {"grief": 0.0}),
        (2.25, {"grief": 1.0}),
        live_transition_time=0.5,
    )
    sad = column(decode_emotions(data, 72, 24.0)[0], "sad")
    frames = [0, 24, 30, 36, 48, 51, 60, 66, 71]
    expected = [0.25, 0.25, 0.5, 0.75, 0.75, 0.375, 0.5, 1, 1]
    np.testing.assert_allclose(sad[frames], expected, atol=1e-5)


def test_controls_are_reported() -> None:
    track = constant_track(5, 30.0, influence=0.5, happy=1.0)
    assert encode_ace(track)[1] == ("influence",)
    let_go = constant_track(5, 30.0, keep_closed=0.0, surprise=1.0)
    assert encode_ace(let_go)[1] == ("keep_closed",)


YAML = b"""# Audio2Face
face_parameters:
  upperFaceStrength: 1.0
live_transition_time: 0.0
post_processing_parameters:
  emotion_strength: 0.6
emotion_with_timecode_list:
  emotion_with_timecode1:
    time_code: 0.0 # seconds
    emotions:
      joy: 1.0
      'pain': 0.5

  emotion_with_timecode2:
    time_code: 1
    emotions:
      sadness: 0.25
blendshape_parameters:
  bsWeight: [1, 2]
"""


def test_yaml_configurations_are_read() -> None:
    track, left_out = decode_emotions(YAML, 40, 30.0)
    assert left_out == ("pain",)
    assert (column(track, "happy")[:30] == 1).all()
    assert (column(track, "sad")[30:] == 0.25).all()


def test_grpc_names_in_a_bare_list() -> None:
    data = json.dumps([{"timeCode": 0.0, "emotion": {"joy": 1.0}}]).encode()
    assert (column(decode_emotions(data, 5, 30.0)[0], "happy") == 1).all()


def test_keys_are_still_keys() -> None:
    data = b'{"keys": [{"frame": 0, "happy": 0.5}]}'
    assert (column(decode_emotions(data, 5, 30.0)[0], "happy") == 0.5).all()


BAD = {
    "broken": (ace((0.0, {"joy": 1.0}))[:-3], "emotion.json"),
    "empty": (ace(), "emotion.keys"),
    "not entries": (b'{"emotion_with_timecode_list": [3]}', "emotion.keys"),
    "no time": (b'{"emotion_with_timecode_list": [{"emotions": {}}]}', "emotion.keys"),
    "no emotions": (b'{"emotion_with_timecode_list": [{"time_code": 0}]}', "emotion.keys"),
    "unknown": (ace((0.0, {"happy": 1.0})), "emotion.unknown_name"),
    "text": (ace((0.0, {"joy": "1"})), "emotion.not_a_number"),
    "nan": (ace((0.0, {"joy": float("nan")})), "emotion.not_a_number"),
    "above": (ace((0.0, {"joy": 1.1})), "emotion.range"),
    "before": (ace((-1.0, {"joy": 1.0})), "emotion.range"),
    "late": (ace((1e12, {"joy": 1.0})), "emotion.range"),
    "twice": (ace((1.0, {"joy": 1.0}), (1.0, {"joy": 0.5})), "emotion.keys"),
    "a name twice": (
        b'{"emotion_with_timecode_list": [{"time_code": 0, "emotions": {"joy": 1, "joy": 0}}]}',
        "emotion.keys",
    ),
    "yaml twice": (YAML.replace(b"'pain'", b"'joy'"), "emotion.json"),
    "transition": (ace((1.0, {"joy": 1.0}), live_transition_time=-1), "emotion.range"),
    "deep": (b'{"emotion_with_timecode_list": ' + b"[" * 100_000, "emotion.json"),
    "yaml": (YAML.replace(b"1.0\n      'pain'", b"much\n      'pain'"), "emotion.json"),
    "not utf-8": (b"emotion_with_timecode_list:\n  \xc3\x28", "emotion.json"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_content_is_named(kind: str) -> None:
    data, code = BAD[kind]
    with pytest.raises(InputError) as caught:
        decode_emotions(data, 10, 30.0)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    assert caught.value.remedy


def test_weights_above_one_cannot_be_written() -> None:
    track = constant_track(5, 30.0, happy=0.5)
    track.weights[3:, EMOTIONS.index("disgust")] = 1.25
    with pytest.raises(InputError, match=r"disgust is 1\.25 at frame 3 ") as caught:
        encode_ace(track)
    assert caught.value.code == "emotion.range"


@given(
    whole=st.sampled_from([YAML, ace((0.0, {"joy": 1.0}), (1.0, {"pain": 0.5}))]), data=st.data()
)
@settings(max_examples=300)
def test_mutated_text_gives_a_track_or_an_error_of_ours(whole: bytes, data: st.DataObject) -> None:
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        track, _ = decode_emotions(bytes(content), 20, 30.0)
    except AffektError:
        return
    assert len(track) == 20


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ace((0.0, {}), (1.0, {"joy": 1 + 1 / 3})), "joy in entry 1 is 1.33333, outside 0 to 1."),
        (ace((1.0, {"pain": -0.25})), "pain in entry 0 is -0.25, outside 0 to 1."),
        (
            ace((-1 / 3, {})),
            "Entry 0 of the emotion file is at -0.333333 seconds, outside any take.",
        ),
        (
            ace((1.0, {}), live_transition_time=-1 / 3),
            "The emotion file's live_transition_time is -0.333333 seconds.",
        ),
        (ace((1.0, {"joy": "x" * 90})), f"joy in entry 0 is {'x' * 40}, not a number."),
        (ace((1.0, {"joy": True})), "joy in entry 0 is True, not a number."),
        (ace((1.0, {"x" * 90: 1.0})), f"Entry 0 names '{'x' * 40}', which is no emotion of ACE's."),
        (ace((1.0, {}), (1.0, {})), "Two entries of the emotion file have the same time code."),
    ],
)
def test_what_is_said_of_a_mistake(data: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_ace(data, 24.0)
    assert caught.value.message == message


def test_time_codes_are_written_to_a_billionth() -> None:
    """Frame 1 of 30 is a third of a tenth of a second."""
    track = constant_track(2, 30.0, happy=0.5)
    track.weights[1, 0] = 1
    entries = json.loads(encode_ace(track)[0])["emotion_with_timecode_list"]
    assert [entry["time_code"] for entry in entries.values()] == [0.0, 0.033333333]


def test_a_list_in_a_configuration_of_yaml_is_refused() -> None:
    """Of lists of maps Affekt would read the last entry alone."""
    listed = b"emotion_with_timecode_list:\n- time_code: 0\n- time_code: 1\n"
    inner = b"emotion_with_timecode_list:\n  first:\n    - time_code: 0\n"
    for data in (listed, inner):
        with pytest.raises(InputError) as caught:
            decode_ace(data, 24.0)
        assert caught.value.code == ("emotion.json" if data is inner else "emotion.keys")
