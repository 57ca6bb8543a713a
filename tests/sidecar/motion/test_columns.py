# SPDX-License-Identifier: GPL-3.0-or-later
"""What the names of columns mean."""

from __future__ import annotations

import math

import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.columns import (
    is_clock,
    is_header,
    is_number,
    is_time,
    passed_over_note,
    sort_columns,
    unit_of,
)


def test_each_name_has_its_place() -> None:
    names = ["Frame", "timestamp_ms", "EyeBlinkRight", "jaw_open", "HeadRoll", "head_yaw", "Face"]
    names += ["BlendshapeCount", "happy", "tongueWag?", "LeftEyeYaw", "_neutral", "pitch"]
    found = sort_columns(names, "take.csv")
    assert found.numbers == [0]
    assert found.times == {1: 1e-3}
    assert found.weights == {2: ARKIT_NAMES.index("eyeBlinkRight"), 3: ARKIT_NAMES.index("jawOpen")}
    assert found.head == {4: 2, 5: 0, 12: 1}
    assert found.head_unit_rad == 1
    assert (found.faces, found.counts) == ([6], [7])
    assert found.emotions == {8: "happy"}
    assert found.passed_over == ["tongueWag?"]


@pytest.mark.parametrize(
    ("name", "radians"),
    [
        ("HeadYaw", 1.0),
        ("head_pitch_rad", 1.0),
        ("yaw_deg", math.pi / 180),
        ("Roll Degrees", math.pi / 180),
    ],
)
def test_the_unit_of_angles(name: str, radians: float) -> None:
    found = sort_columns([name], "take.csv")
    assert len(found.head) == 1
    assert found.head_unit_rad == pytest.approx(radians)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("time", None),
        ("Time_sec", 1.0),
        ("timestampMs", 1e-3),
        ("elapsed_us", 1e-6),
        ("t_ns", 1e-9),
        ("timestamps", None),  # a plural, not seconds
        ("times", None),
        ("seconds", 1.0),
    ],
)
def test_the_unit_of_times(name: str, unit: float | None) -> None:
    assert is_clock(name)
    assert unit_of(name) == unit


def test_times_and_numbers_of_frames() -> None:
    kinds = {
        name: (is_clock(name), is_number(name), is_time(name)) for name in ("t", "idx", "x", "")
    }
    assert kinds == {
        "t": (True, False, True),
        "idx": (False, True, True),
        "x": (False, False, False),
        "": (False, True, True),
    }


@pytest.mark.parametrize(
    ("names", "is_one"),
    [
        (["jawOpen", "mouthClose", "eyeBlinkLeft"], True),
        (["jawOpen", "mouthClose"], False),
        (["frame", "jawOpen"], True),
        (["time", "jawOpen"], True),
        (["", "jawOpen"], False),  # a first column without a name proves nothing
        (["Timecode", "BlendShapeCount"], True),
        (["BlendShapeCount", "Timecode"], False),
        (["frame", "happy", "sad"], True),
        (["frame", "happy"], False),
        (["happy", "sad"], False),
        ([], False),
    ],
)
def test_what_is_a_header(names: list[str], is_one: bool) -> None:
    assert is_header(names) is is_one


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["jawOpen", "jaw_open"], "motion.shape"),
        (["yaw", "HeadYaw"], "motion.shape"),
        (["jawOpn"], "motion.unknown_weight"),
        (["mouthSmileLeftt"], "motion.unknown_weight"),
    ],
)
def test_names_that_are_refused(names: list[str], code: str) -> None:
    with pytest.raises(InputError) as caught:
        sort_columns(names, "take.csv")
    assert caught.value.code == code


def test_what_was_passed_over_is_said() -> None:
    assert passed_over_note([]) == ()
    assert passed_over_note(["a", "b"]) == ("Passed over, for they are no weights: a, b.",)
    assert passed_over_note(list("abcdef")) == (
        "Passed over, for they are no weights: a, b, c, d and 2 more.",
    )
    assert passed_over_note(["x" * 40])[0].endswith(f": {'x' * 30}.")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "numbers",
            "frame FrameIndex frame_id frameIdx frame_number frameNum frameNo frameCount index idx",
        ),
        ("faces", "face face_id faceIndex face_idx person personId trackID subject_id"),
        ("counts", "BlendShapeCount blendshapesCount"),
    ],
)
def test_what_tools_call_numbers_faces_and_counts(kind: str, said: str) -> None:
    for name in said.split():
        found = sort_columns(["jawOpen", name], "take.csv")
        assert getattr(found, kind) == [1], name
        others = {"numbers", "faces", "counts"} - {kind}
        assert not any(getattr(found, other) for other in others)
        assert not found.passed_over


@pytest.mark.parametrize(
    "name",
    ["time", "timestamp", "frameTime", "t", "timecode", "elapsed", "epoch", "datetime", "ts"],
)
def test_what_tools_call_times(name: str) -> None:
    assert sort_columns(["jawOpen", name], "take.csv").times == {1: None}


@pytest.mark.parametrize(
    ("ending", "unit"),
    [
        ("s", 1.0),
        ("_sec", 1.0),
        ("Seconds", 1.0),
        ("_ms", 1e-3),
        ("_msec", 1e-3),
        (" (milliseconds)", 1e-3),
        ("_us", 1e-6),
        ("Microseconds", 1e-6),
        ("_ns", 1e-9),
        ("_nanoseconds", 1e-9),
    ],
)
def test_the_units_of_times(ending: str, unit: float) -> None:
    for name in ("frameTime", "elapsed", "timecode"):
        assert unit_of(name + ending) == unit, name


@pytest.mark.parametrize("prefix", ["", "head", "HeadRotation", "head_"])
@pytest.mark.parametrize("unit", ["", "_degrees", "Deg", "_radians", " (rad)"])
def test_what_tools_call_the_heads_angles(prefix: str, unit: str) -> None:
    names = [prefix + angle + unit for angle in ("roll", "yaw", "pitch")]
    found = sort_columns(names, "take.csv")
    assert found.head == {0: 2, 1: 0, 2: 1}
    assert found.head_unit_rad == pytest.approx(math.pi / 180 if "eg" in unit else 1)


def test_angles_of_the_eyes_and_the_neutral_face_are_passed_over_in_silence() -> None:
    names = ["_neutral", "LeftEyeYaw", "leftEyePitch", "LeftEyeRoll", "RightEyeYaw"]
    names += ["right_eye_pitch", "RightEyeRoll"]
    found = sort_columns(["jawOpen", *names], "take.csv")
    assert (found.weights, found.head, found.passed_over) == (
        {0: ARKIT_NAMES.index("jawOpen")},
        {},
        [],
    )


def test_a_misspelt_weight_gets_a_hint() -> None:
    with pytest.raises(InputError) as caught:
        sort_columns(["mouthSmileLetf"], "take.csv")
    assert caught.value.message == (
        "take.csv has a weight called 'mouthSmileLetf', which ARKit does not know."
    )
    assert caught.value.remedy == "Did you mean 'mouthSmileLeft'?"
