# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of emotions become emotion keys."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.shared.emotion_keys import decode_track
from affekt.shared.errors import InputError
from affekt.sidecar import cli
from affekt.sidecar.motion.emotions import decode_emotion_keys, decode_emotions

SMOOTHED = (
    ",time_code,emotion_values.amazement,emotion_values.grief,emotion_values.joy,"
    "emotion_values.sadness,emotion_values.pain\n"
)
HAPPY, SAD, SURPRISE = (EMOTIONS.index(n) for n in ("happy", "sad", "surprise"))


def smoothed(frames: int = 61) -> bytes:
    body = [f"{i},{i / 30:.6f},0.0,0.1,{i / 60},0.4,0.0" for i in range(frames)]
    return (SMOOTHED + "\n".join(body)).encode()


def test_audio2face_emotions_meet_the_take_by_time() -> None:
    track, left_out = decode_emotions(smoothed(), "e.csv", 121, 60.0)
    assert left_out == ()
    np.testing.assert_allclose(track.weights[:, HAPPY], np.arange(121) / 120, atol=1e-4)
    assert (track.weights[:, SAD] == np.float32(0.4)).all()
    assert not track.weights[:, SURPRISE].any()
    assert (track.influence == 1).all()


def test_values_that_stay_need_no_keys() -> None:
    keys, _ = decode_emotion_keys(smoothed(), "e.csv", 30.0)
    assert keys.channels["sad"][0].tolist() == [0, 60]
    assert set(keys.channels) == {"happy", "sad"}


def test_what_has_no_counterpart_is_named() -> None:
    data = smoothed(3).replace(b"0.4,0.0", b"0.4,0.3", 1)  # in one row alone
    assert decode_emotion_keys(data, "e.csv", 30.0)[1] == ("pain",)


def beside_weights(start: int = 0) -> bytes:
    lines = ["Timecode,BlendShapeCount,JawOpen,CheekPuff,MouthPucker,happy,surprise"]
    lines += [
        f"07:00:{(start + i) // 25:02}:{(start + i) % 25:02},61,0.2,0,0,{i / 100},1"
        for i in range(51)
    ]
    return "\n".join(lines).encode()


@pytest.mark.parametrize("start", [0, 40])
def test_columns_beside_weights_begin_with_the_take(start: int) -> None:
    track, _ = decode_emotions(beside_weights(start), "t.csv", 51, 25.0)
    np.testing.assert_allclose(track.weights[:, HAPPY], np.arange(51) / 100, atol=1e-6)
    assert (track.weights[:, SURPRISE] == 1).all()


def test_beside_weights_seconds_count_from_the_takes_first_row() -> None:
    """Without weights they count from the sound's beginning."""
    rows = [f"{2.5 + i / 10:.1f},0.2,{i / 50}" for i in range(11)]
    beside = "\n".join(["time,JawOpen,happy", *rows]).encode()
    keys, _ = decode_emotion_keys(beside, "t.csv", 30.0)
    assert keys.channels["happy"][0].tolist() == [3 * i for i in range(11)]
    alone = "\n".join(["time,sad,happy", *rows]).encode()
    keys, _ = decode_emotion_keys(alone, "e.csv", 30.0)
    assert keys.channels["happy"][0].tolist() == [75 + 3 * i for i in range(11)]


def test_rare_keys_in_seconds_and_percent() -> None:
    data = b"time;joy;anger\n0;0;0\n10,5;80;0\n20;80;50\n"
    track, _ = decode_emotions(data, "e.csv", 601, 30.0)
    assert track.weights[315, HAPPY] == pytest.approx(0.8)
    assert track.weights[600, EMOTIONS.index("angry")] == pytest.approx(0.5)


def test_milliseconds_by_name() -> None:
    data = b"time_ms,happy,sad\n0,0,0\n1000,1,0\n"
    track, _ = decode_emotions(data, "e.csv", 31, 30.0)
    assert track.weights[15, HAPPY] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"time,happy,sad\n0,-0.5,0\n1,1,0\n", "emotion.range"),
        (b"time,happy,sad\n0,400,0\n1,1,0\n", "emotion.range"),
        (b"time,happy,sad\n0,80,-5\n1,1,0\n", "emotion.range"),
        (b"Timecode,BlendShapeCount,JawOpen\n00:00:00:00,61,0\n", "emotion.keys"),
        (b"time,happy,sad\n0,much,0\n", "motion.not_a_number"),
    ],
)
def test_bad_tables_are_named(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_emotion_keys(data, "e.csv", 30.0)
    assert caught.value.code == code
    if b"400" in data or b"-0.5" in data:
        assert "row 2, column 'happy' is " in caught.value.message


def test_convert_and_bake_take_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take, keys = tmp_path / "take.csv", tmp_path / "keys.json"
    take.write_bytes(beside_weights())
    assert cli.run(["convert", str(take), str(keys), "--to", "keys", "--fps", "25"]) == 0
    track = decode_track(keys.read_bytes(), 51, 25.0)
    np.testing.assert_allclose(track.weights[:, HAPPY], np.arange(51) / 100, atol=1e-6)
    assert cli.run(["convert", str(take), str(tmp_path / "take.npz")]) == 0
    assert "affekt convert take.csv keys.json --to keys" in capsys.readouterr().out
    arguments = ["--motion", take, "--emotions", take, "--out", tmp_path / "out", "--frames", "0-3"]
    assert cli.run(["bake", *map(str, arguments)]) == 0


def places(times: list[float], header: str = "time", fps: float = 30.0) -> list[float]:
    lines = [f"{header},happy,sad", *(f"{t},{i / 100},0" for i, t in enumerate(times))]
    keys, _ = decode_emotion_keys("\n".join(lines).encode(), "e.csv", fps)
    return keys.channels["happy"][0].tolist()


@pytest.mark.parametrize(
    ("times", "frames"),
    [
        ([0, 1, 2.5], [0, 30, 75]),
        ([599.0, 600.0], [17970, 18000]),
        ([601.0, 602.0], [0, 30]),  # a day's clock: the take begins with it
        (list(range(0, 40, 5)), [i * 0.15 for i in range(8)]),  # 8 rows 5 apart: milliseconds
        (list(range(0, 32, 4)), [i * 120 for i in range(8)]),  # 4 apart: seconds
        (list(range(0, 280, 40)), [i * 1200 for i in range(7)]),  # 7 rows: seconds
        ([*range(0, 280, 40), 280.5], [*(i * 1200 for i in range(7)), 8415]),
    ],
)
def test_when_keys_are(times: list[float], frames: list[float]) -> None:
    found = places(times)
    assert found[0] == pytest.approx(frames[0])
    assert found[-1] == pytest.approx(frames[-1])


def test_frame_numbers_are_of_the_given_rate() -> None:
    assert places([3, 9], "frame", 24.0) == [3, 9]
    track, _ = decode_emotions(b"frame,happy,sad\n0,0,0\n10,1,0\n", "e.csv", 11, 24.0)
    assert track.weights[4, HAPPY] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("level", "weight"), [(1.0, 1.0), (1.5, 1.5), (1.6, 0.016), (100.0, 1.0), (100.5, None)]
)
def test_the_ends_of_an_emotions_values(level: float, weight: float | None) -> None:
    data = f"time,happy,sad\n0,{level},0\n1,0,0\n".encode()
    if weight is None:
        with pytest.raises(
            InputError, match=r"row 2, column 'happy' is 100\.5, outside 0 to 1\.5"
        ) as caught:
            decode_emotion_keys(data, "e.csv", 30.0)
        assert caught.value.code == "emotion.range"
    else:
        keys, _ = decode_emotion_keys(data, "e.csv", 30.0)
        assert keys.channels["happy"][1][0] == pytest.approx(weight)


def test_keys_that_are_needed_and_those_that_are_not() -> None:
    data = b"time,happy,sad\n0,0.2,0\n1,0.2,0\n2,0.2,0\n3,0.8,0\n4,0.8,0\n5,0.3,0\n"
    keys, _ = decode_emotion_keys(data, "e.csv", 10.0)
    frames, levels = keys.channels["happy"]
    assert frames.tolist() == [0, 20, 30, 40, 50]
    np.testing.assert_allclose(levels, [0.2, 0.2, 0.8, 0.8, 0.3])


def test_two_columns_of_one_emotion_give_the_stronger() -> None:
    data = b"time,joy,happy,sad\n0,0.2,0.7,0\n1,0.6,0.1,0\n2,,0.3,0\n"
    keys, _ = decode_emotion_keys(data, "e.csv", 30.0)
    np.testing.assert_allclose(keys.channels["happy"][1], [0.7, 0.6, 0.3])


def test_a_key_without_a_time_lies_between_its_neighbours() -> None:
    data = b"time,happy,sad\n1,0.2,0\n,0.9,0\n4,0.4,0\n"
    keys, _ = decode_emotion_keys(data, "e.csv", 10.0)
    assert keys.channels["happy"][0].tolist() == [10, 25, 40]
    alone, _ = decode_emotion_keys(b"time,happy,sad\n3,0.2,0\n", "e.csv", 10.0)
    assert alone.channels["happy"][0].tolist() == [30]


def test_of_rows_at_one_time_the_first_counts_and_blank_cells_say_nothing() -> None:
    data = b"frame,happy,sad\n0,0.1,0\n2,0.2,0\n2,0.9,0\n4,,1\n6,0.3,1\n"
    keys, _ = decode_emotion_keys(data, "e.csv", 25.0)
    assert keys.channels["happy"][0].tolist() == [0, 2, 6]
    assert keys.channels["happy"][1].tolist() == [0.1, 0.2, 0.3]
    assert keys.channels["sad"][0].tolist() == [0, 2, 4, 6]


def test_timecodes_of_milliseconds_and_of_frames() -> None:
    codes = ("00:00:01:250", "00:00:01:500", "00:00:02:250")
    lines = ["Timecode,frame,happy,sad", *(f"{c},0,{i / 4},0" for i, c in enumerate(codes))]
    keys, _ = decode_emotion_keys("\n".join(lines).encode(), "e.csv", 24.0)
    assert keys.channels["happy"][0].tolist() == [0, 6, 24]
    codes = ("00:00:09:23", "00:00:10:00", "00:00:11:12")
    lines = ["Timecode,frame,happy,sad", *(f"{c},0,{i / 4},0" for i, c in enumerate(codes))]
    keys, _ = decode_emotion_keys("\n".join(lines).encode(), "e.csv", 24.0)
    assert keys.channels["happy"][0].tolist() == [0, 1, 37]


def test_emotion_keys_and_aces_are_told_apart() -> None:
    own = b'{"fps": 50, "keys": [{"frame": 5, "happy": 0.5}]}'
    keys, left_out = decode_emotion_keys(own, "k.json", 30.0)
    assert (keys.fps, left_out) == (50, ())
    assert keys.channels["happy"][0].tolist() == [5]
    with pytest.raises(InputError) as caught:
        decode_emotion_keys(b'{"keys": 3}', "k.json", 30.0)
    assert caught.value.code == "emotion.keys"
    assert caught.value.message.startswith("k.json: In the emotion file")


def test_blank_cells_hide_no_value_and_ask_for_nothing() -> None:
    """A value out of range is told though others are blank, percent are divided, and an emotion
    without any value is not one that has no counterpart."""
    rows = ["time,joy,grief,pain", "0,,0.25,", "1,0.5,,", "2,170,0.5,"]
    with pytest.raises(InputError) as caught:
        decode_emotion_keys("\n".join(rows).encode(), "e.csv", 30.0)
    assert caught.value.code == "emotion.range"
    assert caught.value.message == "In e.csv, row 4, column 'joy' is 170, outside 0 to 1.5."
    rows[3] = "2,70,50,"
    keys, left_out = decode_emotion_keys("\n".join(rows).encode(), "e.csv", 30.0)
    assert left_out == ()
    assert [axis.tolist() for axis in keys.channels["happy"]] == [[30, 60], [0.005, 0.7]]
    assert [axis.tolist() for axis in keys.channels["sad"]] == [[0, 60], [0.0025, 0.5]]
    rows[1] = "0,,-0.5,"
    with pytest.raises(InputError, match=r"row 2, column 'grief' is -0\.5"):
        decode_emotion_keys("\n".join(rows).encode(), "e.csv", 30.0)
