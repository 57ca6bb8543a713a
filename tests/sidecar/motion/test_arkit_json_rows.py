# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of ARKit's JSON: whose and of which frame each is, when it was, what a layout lacks."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.arkit_json import decode_arkit_json, is_arkit_json
from fakes.takes import arkit_content

ROWS = [
    dict(zip(ARKIT_NAMES, frame["weights"], strict=True)) for frame in arkit_content(5)["frames"]
]


def of_two(*frames: tuple[dict, ...], **around: object) -> dict:
    """A file of frames with so many faces each."""
    listed = [{"faces": list(faces), **around} for faces in frames]
    return {"fps": 24, "frames": listed}


def a_face(jaw: float, place: float, yaw: float) -> dict:
    matrix = [[1, 0, 0, place], [0, 1, 0, 2], [0, 0, 1, -40], [0, 0, 0, 1]]
    return {
        "blendshapes": {"jawOpen": jaw, "mouthPucker": 0.5, "cheekPuff": 0.25},
        "head": {"yaw": yaw, "pitch": 0.25, "roll": -0.5},
        "facialTransformationMatrix": matrix,
    }


def test_each_face_of_a_frame_has_a_row_of_its_own() -> None:
    """With its own weights and angles; told apart by place, in the frame's own number."""
    left, right = a_face(0.1, -9, 0.3), a_face(0.9, 9, -0.6)
    content = of_two((left, right), (right, left), (), (left,))
    raw = decode_arkit_json(content, "a.json")
    assert raw.faces is not None
    assert raw.faces.tolist() == [0, 1, 1, 0, -1, 0]
    jaw = raw.rows["expression"][:, ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_array_equal(jaw, [0.1, 0.9, 0.9, 0.1, np.nan, 0.1])
    yaw = raw.rows["head_angles"][:, 0]
    np.testing.assert_array_equal(yaw, [0.3, -0.6, -0.6, 0.3, np.nan, 0.3])
    assert raw.rows["head_angles"][1, 1:].tolist() == [0.25, -0.5]
    assert raw.seen is not None
    assert raw.seen.tolist() == [True, True, True, True, False, True]
    assert raw.clock.numbers is not None
    assert raw.clock.numbers.tolist() == [0, 0, 1, 1, 2, 3]
    for number, frame in zip((7, 9, 10, 12), content["frames"], strict=True):
        frame["frame"] = number
    numbered = decode_arkit_json(content, "a.json").clock.numbers
    assert numbered is not None
    assert numbered.tolist() == [7, 7, 9, 9, 10, 12]


def test_one_face_a_frame_is_nobody_in_particular() -> None:
    """Nor has the take a clock of its own, a rate or our units unless the file says so."""
    raw = decode_arkit_json([{"weights": row} for row in ROWS], "a.json")
    assert (raw.faces, raw.seen, raw.fps, raw.ours) == (None, None, None, False)
    assert (raw.clock.numbers, raw.clock.times) == (None, None)
    ours = {"weights": "fraction", "rotation": "axis-angle, radians, x left, y up, z forward"}
    for units, is_ours in ((ours, True), ({**ours, "weights": "percent"}, False), (None, False)):
        content = {"metadata": {"units": units}, "frames": [{"weights": row} for row in ROWS]}
        assert decode_arkit_json(content, "a.json").ours is is_ours


def test_two_frames_that_say_their_numbers() -> None:
    """Beside a number that is the same in both, and one that is none."""
    frames = [
        {"index": 3, "frame_id": "x", "frame": number, "weights": row}
        for number, row in zip((4, 9), ROWS, strict=False)
    ]
    numbers = decode_arkit_json(frames, "a.json").clock.numbers
    assert numbers is not None
    assert numbers.tolist() == [4, 9]
    frames[1]["frame"] = 4
    assert decode_arkit_json(frames, "a.json").clock.numbers is None
    frames[1]["frame"] = 10**12
    assert decode_arkit_json(frames, "a.json").clock.numbers is None


def test_half_of_the_heads_angles_are_none() -> None:
    """A yaw without pitch and roll; whole ones elsewhere in the frame count."""
    frames = [{"weights": row, "head": {"yaw": 0.5}} for row in ROWS]
    assert "head_angles" not in decode_arkit_json(frames, "a.json").rows
    for i, frame in enumerate(frames):
        frame["pose"] = {"headYaw": 0.1 * i, "headPitch": 0.2, "headRoll": 0.3, "yaw": 9}
    angles = decode_arkit_json(frames, "a.json").rows["head_angles"]
    np.testing.assert_allclose(angles, [[0.1 * i, 0.2, 0.3] for i in range(5)])


def test_a_rate_among_other_things_that_a_file_says() -> None:
    frames = [{"weights": row} for row in ROWS]
    content = {"version": 2, "metadata": {"author": "me", "length": 5, "frame_rate": 48}}
    assert decode_arkit_json({**content, "frames": frames}, "a.json").fps == 48
    content = {"version": 2, "metadata": {"author": "me"}, "exportFps": 24, "frames": frames}
    assert decode_arkit_json(content, "a.json").fps == 24
    for wrong, where in (
        ({"metadata": {"fps": "x"}}, "metadata.fps"),
        ({"metadata": 3, "captureRate": "x"}, "captureRate"),
    ):
        with pytest.raises(InputError) as caught:
            decode_arkit_json({**wrong, "frames": frames}, "a.json")
        assert caught.value.message == f"In a.json, {where} is 'x', not a number."


def test_unreals_frame_times_in_seconds() -> None:
    """A part of a frame over one frame a second; without a rate there is no time."""
    times = [
        {"frame_number": 7, "sub_frame": 0.5, "numerator": 1, "denominator": 1},
        {"frame_number": 8, "numerator": 1, "denominator": 2},
        {"frame_number": 9, "sub_frame": 0.25, "numerator": 0, "denominator": 1},
        {"frame_number": "x", "numerator": 24, "denominator": 1},
    ]
    frames = [{"weights": row, "time": time} for row, time in zip(ROWS, times, strict=False)]
    clock = decode_arkit_json(frames, "a.json").clock
    assert clock.times is not None
    np.testing.assert_array_equal(clock.times, [7.5, 16, np.nan, np.nan])
    assert clock.unit_s == 1.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"facsNames": ["jawOpen"], "weightMat": {"a": 1}},
            "In a.json, weightMat is not a list of frames.",
        ),
        (
            {"frames": [{"weights": [0.1, 0.2]}]},
            "In a.json, names is not a list of ARKit's weight names.",
        ),
        (
            {"frames": [{"weights": ROWS[0]}, 3]},
            "In a.json, frames is not a list of frames with weights.",
        ),
        (
            {"frames": [{"weights": ROWS[0]}, {"weights": {"jawOpen": 1, "cheekPuff": 1}}]},
            "In a.json, frames is not a list in which each frame has the same weights.",
        ),
        (
            {"head_pose": [[0, 0, 0]] * 2, "frames": [{"weights": ROWS[0]}] * 3},
            "In a.json, head_pose is not one row for each of its 3 frames.",
        ),
    ],
)
def test_which_part_of_a_layout_is_wrong_is_said(content: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_arkit_json(content, "a.json")
    assert (caught.value.code, caught.value.message) == ("motion.shape", message)


def test_audio2faces_file_has_both_of_its_lists() -> None:
    whole = {"facsNames": ["jawOpen"], "weightMat": [[0.5]]}
    assert is_arkit_json(whole)
    for key in whole:
        assert not is_arkit_json({other: value for other, value in whole.items() if other != key})


@pytest.mark.parametrize(("key", "unit_s"), [("time", None), ("time_ms", 1e-3), ("seconds", 1.0)])
def test_a_clock_has_the_unit_of_its_name(key: str, unit_s: float | None) -> None:
    """Rows without a time have none, beside numbers of their own."""
    frames = [{key: 40 * i, "index": 7 + 2 * i, "weights": row} for i, row in enumerate(ROWS)]
    del frames[3][key]
    clock = decode_arkit_json(frames, "a.json").clock
    assert clock.times is not None
    assert clock.numbers is not None
    np.testing.assert_array_equal(clock.times, [0, 40, 80, np.nan, 160])
    assert clock.numbers.tolist() == [7, 9, 11, 13, 15]
    assert clock.unit_s == unit_s
