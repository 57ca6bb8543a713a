# SPDX-License-Identifier: GPL-3.0-or-later
"""ARKit takes as other tools write them in JSON: the same weights, whatever the layout."""

import json

import numpy as np
import pytest
from affekt.shared.errors import AffektError, InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.read import decode_motion, decode_take
from fakes.takes import arkit_content, as_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

PLAIN = arkit_content(5, fps=25.0)
ROWS = [dict(zip(ARKIT_NAMES, frame["weights"], strict=True)) for frame in PLAIN["frames"]]


def apple(name: str) -> str:
    return name.replace("Left", "_L").replace("Right", "_R") if len(name) > 10 else name


LAYOUTS = {
    "audio2face": {
        "exportFps": 25.0,
        "trackPath": "x.wav",
        "numPoses": 52,
        "numFrames": 5,
        "facsNames": list(ARKIT_NAMES),
        "weightMat": [list(row.values()) for row in ROWS],
    },
    "dictionaries": {"fps": 25, "frames": [{"blendShapes": row} for row in ROWS]},
    "bare list with times": [
        {"timestamp": i / 25, "blendshapes": row} for i, row in enumerate(ROWS)
    ],
    "frames themselves": [{"time": i / 25} | row for i, row in enumerate(ROWS)],
    "live link's names": {
        "fps": 25,
        "frames": [{k[0].upper() + k[1:]: v for k, v in row.items()} for row in ROWS],
    },
    "apple's raw values": {
        "fps": 25,
        "frames": [{"weights": {apple(k): v for k, v in row.items()}} for row in ROWS],
    },
    "mediapipe": {
        "fps": 25,
        "frames": [
            {
                "categories": [
                    {"index": 0, "score": 0.1, "categoryName": "_neutral"},
                    *({"categoryName": k, "score": v} for k, v in row.items()),
                ]
            }
            for row in ROWS
        ],
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_says_the_same(layout: str) -> None:
    motion = decode_motion(as_bytes(LAYOUTS[layout]), "take.json")
    plain = decode_motion(as_bytes(PLAIN), "take.json")
    np.testing.assert_array_equal(motion.expression, plain.expression)
    assert motion.fps == pytest.approx(25)
    assert motion.space == "arkit"


BAD = {
    "names differ": ([{"blendShapes": ROWS[0]}, {"blendShapes": {"jawOpen": 1}}], "motion.shape"),
    "unknown": ([{"blendShapes": {"jawOpne": 1.0}}], "motion.unknown_weight"),
    "unknown in a frame": ([ROWS[0] | {"jawOpne": 1.0}], "motion.unknown_weight"),
    "text": ([{"blendShapes": {"jawOpen": "1"}}], "motion.not_a_number"),
    "rows": ({"facsNames": ["jawOpen"], "weightMat": 3}, "motion.shape"),
    "row width": ({"facsNames": ["jawOpen"], "weightMat": [[1, 2]]}, "motion.shape"),
    "categories": ([{"categories": [3]}], "file.wrong_kind"),
    "spelt twice": ([{"blendShapes": {"jawOpen": 1, "JawOpen": 1}}], "motion.shape"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_layouts_are_named(kind: str) -> None:
    content, code = BAD[kind]
    with pytest.raises(InputError) as caught:
        decode_motion(as_bytes(content), "take.json")
    assert caught.value.code == code


@given(layout=st.sampled_from(sorted(LAYOUTS)), data=st.data())
@settings(max_examples=200)
def test_mutated_text_gives_a_take_or_an_error_of_ours(layout: str, data: st.DataObject) -> None:
    content = bytearray(as_bytes(LAYOUTS[layout]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        decode_motion(bytes(content), "take")
    except AffektError as error:
        assert error.code  # noqa: PT017


def named(row: dict[str, float], name: str, score: str) -> list[dict]:
    return [{name: k, score: v} for k, v in row.items()]


def nested(layout: str) -> object:
    """The same take in other tools' nesting, at 25 fps."""
    seconds = [i / 25 for i in range(len(ROWS))]
    match layout:
        case "mediapipe in JavaScript":
            faces = [{"categories": named(row, "categoryName", "score")} for row in ROWS]
            frames = [{"faceLandmarks": [], "faceBlendshapes": [face]} for face in faces]
            return {"fps": 25, "results": frames}
        case "mediapipe in Python":
            return [
                {"timestamp_ms": 1000 * t, "face_blendshapes": [named(r, "category_name", "score")]}
                for t, r in zip(seconds, ROWS, strict=True)
            ]
        case "a result inside":
            return [
                {"timestampMs": 1000 * t, "result": {"blendshapes": named(r, "name", "value")}}
                for t, r in zip(seconds, ROWS, strict=True)
            ]
        case "a list of faces":
            return [
                {"time_us": 1e6 * t, "faces": [{"id": 3, "blendshapes": r}]}
                for t, r in zip(seconds, ROWS, strict=True)
            ]
        case "frames by number":
            return {"fps": 25, **{str(i): {"weights": row} for i, row in enumerate(ROWS)}}
        case "columns":
            return {"time": seconds, **{n: [row[n] for row in ROWS] for n in ARKIT_NAMES}}
        case "timecodes":
            return [
                {"timecode": f"07:00:00:{i + 21:02}.000", "blendShapes": r}
                for i, r in enumerate(ROWS[:4])
            ] + [{"timecode": "07:00:01:00.000", "blendShapes": ROWS[4]}]
    raise AssertionError(layout)


@pytest.mark.parametrize(
    "layout",
    [
        "mediapipe in JavaScript",
        "mediapipe in Python",
        "a result inside",
        "a list of faces",
        "frames by number",
        "columns",
        "timecodes",
    ],
)
def test_every_nesting_says_the_same(layout: str) -> None:
    take = decode_take(as_bytes(nested(layout)), "take.json")
    plain = decode_motion(as_bytes(PLAIN), "take.json")
    np.testing.assert_array_equal(take.motion.expression, plain.expression)
    assert (take.motion.fps, take.notes) == (25, ())


def test_lines_of_json() -> None:
    lines = [json.dumps({"t": i / 25, "weights": row}) for i, row in enumerate(ROWS)]
    heading = json.dumps({"fps": 25, "names": list(ARKIT_NAMES)})
    listed = [json.dumps({"weights": list(row.values())}) for row in ROWS]
    plain = decode_motion(as_bytes(PLAIN), "take.json")
    for text in ("\n".join(lines), "\n".join([heading, *listed]), "\r\n".join(lines) + '\n{"t": 1'):
        motion = decode_motion(text.encode(), "take.jsonl")
        np.testing.assert_array_equal(motion.expression, plain.expression)
        assert motion.fps == 25


@pytest.mark.parametrize(
    "lost",
    [
        {"faceBlendshapes": []},
        {"faceBlendshapes": [{"categories": []}]},
        {"faceBlendshapes": None},
        {},
    ],
)
def test_a_frame_without_a_face_is_a_gap(lost: dict) -> None:
    frames = nested("mediapipe in JavaScript")["results"]  # type: ignore[index]
    frames[2] = lost
    take = decode_take(as_bytes({"fps": 25, "frames": frames}), "take.json")
    assert take.notes == ("1 of 5 frames have no face and were filled in (2).",)
    before, after = take.motion.expression[[1, 3]]
    np.testing.assert_allclose(take.motion.expression[2], (before + after) / 2, atol=1e-6)


def test_two_faces_of_which_frames_see_both_one_or_none() -> None:
    """The face that most frames see is the take's, wherever it stands in the lists."""

    def face(place: float, jaw: float) -> dict:
        matrix = [[1, 0, 0, place], [0, 1, 0, 2], [0, 0, 1, -40], [0, 0, 0, 1]]
        return {"blendshapes": {**ROWS[0], "jawOpen": jaw}, "facialTransformationMatrix": matrix}

    seen = [
        [face(-9, 0.1), face(9, 0.9)],
        [face(9, 0.9), face(-9, 0.2)],
        [],
        [face(-9, 0.4)],
        [face(-9, 0.5)],
    ]
    content = {"fps": 25, "frames": [{"faces": faces} for faces in seen]}
    motion = decode_motion(as_bytes(content), "take.json")
    jaw = motion.expression[:, ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_allclose(jaw, [0.1, 0.2, 0.3, 0.4, 0.5], atol=1e-6)


def test_no_face_in_any_frame() -> None:
    with pytest.raises(InputError) as caught:
        decode_motion(as_bytes([{"faceBlendshapes": []}] * 5), "take.json")
    assert caught.value.code == "motion.no_face"


COSINE, SINE = 0.8, 0.6  # a turn by 0.6435 rad about y, of a head 45 cm away
ROW_MAJOR = [[COSINE, 0, SINE, 2.0], [0, 1, 0, 1.0], [-SINE, 0, COSINE, -45.0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    "matrix",
    [
        {"facial_transformation_matrixes": [ROW_MAJOR]},
        {
            "facialTransformationMatrixes": [
                {"rows": 4, "columns": 4, "data": np.array(ROW_MAJOR).T.ravel().tolist()}
            ]
        },
        {"face_transform": np.array(ROW_MAJOR).ravel().tolist()},
        {"transformation_matrix": (np.array(ROW_MAJOR) * [[1, 1, 1, 0.01]] * 1).tolist()},
        {"face_transform": (np.array(ROW_MAJOR) * [[1.3, 1.3, 1.3, 1]]).tolist()},
    ],
    ids=["Python", "JavaScript", "flat", "metres", "a larger head"],
)
@pytest.mark.parametrize("place", ["beside", "around", "inside"])
def test_a_matrix_turns_and_moves_the_head(matrix: dict, place: str) -> None:
    """Beside the weights, around the list of faces, or in a face of its own."""
    frames = [
        {
            "beside": {"blendshapes": row, **matrix},
            "around": {"faces": [{"blendshapes": row}], **matrix},
            "inside": {"faces": [{"blendshapes": row, **matrix}]},
        }[place]
        for row in ROWS
    ]
    motion = decode_motion(as_bytes(frames), "take.json")
    np.testing.assert_allclose(motion.rotation, [[0, 0.6435011, 0]] * 5, atol=1e-6)
    np.testing.assert_allclose(motion.translation, [[0.02, 0.01, -0.45]] * 5, atol=1e-6)


def test_head_angles_beside_the_weights() -> None:
    frames = [
        {"blendShapes": row, "head": {"yaw": 0.1, "pitch": -0.2, "roll": 0.0}} for row in ROWS
    ]
    motion = decode_motion(as_bytes(frames), "take.json")
    np.testing.assert_allclose(motion.rotation[0], [-0.2, 0.1, 0], atol=0.02)
    frames = [row | {"headYaw": 0.1, "headPitch": 0, "headRoll": 0} for row in ROWS]
    motion = decode_motion(as_bytes(frames), "take.json")
    np.testing.assert_allclose(motion.rotation, [[0, 0.1, 0]] * 5, atol=1e-6)


def test_other_names_are_passed_over_and_said() -> None:
    frames = [{"blendShapes": row | {"tongueTipUp": 0.5, "confidence": 0.9}} for row in ROWS]
    take = decode_take(as_bytes(frames), "take.json")
    assert take.notes[0] == "Passed over, for they are no weights: tongueTipUp, confidence."


def test_a_time_counts_before_a_number_that_is_called_t() -> None:
    lines = [{"t": i, "time": round(i / 25, 3), "blendShapes": row} for i, row in enumerate(ROWS)]
    data = b"\xef\xbb\xbf" + b"\r\n".join(as_bytes(line) for line in lines)
    take = decode_take(data, "take.ndjson")
    assert (len(take.motion), take.motion.fps, take.notes) == (5, 25, ())


def test_frames_without_a_face_need_no_time() -> None:
    frames: list[object] = [{"time": i / 25, "blendShapes": row} for i, row in enumerate(ROWS)]
    for lost in (None, {"blendShapes": None}, {"face_detected": False, "blendShapes": None}):
        frames[2] = lost
        take = decode_take(as_bytes(frames), "take.json")
        assert (len(take.motion), take.motion.fps) == (5, pytest.approx(25))
        assert take.notes == ("1 of 5 frames have no face and were filled in (2).",)


@pytest.mark.parametrize("kind", ["text", "frame time"])
def test_times_that_say_seconds_are_no_frame_numbers(kind: str) -> None:
    """One second apart, where plain numbers one apart would count frames."""

    def at(i: int) -> object:
        if kind == "text":
            return f"00:00:{10 + i}"
        return {"frame_number": 30 * i, "sub_frame": 0.0, "numerator": 30, "denominator": 1}

    frames = [{"time": at(i), "blendShapes": ROWS[i % 5]} for i in range(9)]
    with pytest.raises(InputError) as caught:
        decode_take(as_bytes(frames), "take.json")
    assert caught.value.code == "motion.rate"


def test_unreals_frame_times() -> None:
    """A number, a part of it, and a rate as a fraction: 30000 / 1001 a second."""
    frames = [
        {
            "time": {
                "frame_number": 100 + i // 2,
                "sub_frame": 0.5 * (i % 2),
                "numerator": 30_000,
                "denominator": 1001,
            },
            "blendShapes": ROWS[i % 5],
        }
        for i in range(40)
    ]
    take = decode_take(as_bytes(frames), "take.json")
    assert (len(take.motion), take.motion.fps, take.notes) == (40, 59.94, ())


@pytest.mark.parametrize(
    "key", ["head", "headPose", "head_rotation", "rotation", "pose", "eulerAngles"]
)
def test_what_tools_call_the_heads_angles(key: str) -> None:
    """A frame without a face has none."""
    frames: list[dict] = [
        {"blendShapes": row, key: {"pitch": 0.0, "Yaw": 0.1 + i / 20, "roll": 0.0}}
        for i, row in enumerate(ROWS)
    ]
    frames[2] = {"blendShapes": {}}
    motion = decode_motion(as_bytes({"fps": 25, "frames": frames}), "take.json")
    yaw = [0.1, 0.15, 0.2, 0.25, 0.3]
    np.testing.assert_allclose(motion.rotation, [[0, angle, 0] for angle in yaw], atol=1e-6)


def test_angles_in_degrees_by_name() -> None:
    """30 degrees of yaw, which as radians would be five turns, in rows and in columns."""
    angles = {"headYawDeg": 30.0, "headPitchDeg": 0.0, "headRollDeg": 0.0}
    small = {name: 0.05 * value for name, value in angles.items()}  # nothing but the name tells
    for named, turn in ((angles, np.pi / 6), (small, np.pi / 120)):
        frames = {"fps": 25, "frames": [{"weights": row | named} for row in ROWS]}
        columns = {name: [row[name] for row in ROWS] for name in ARKIT_NAMES}
        columns |= {name: [value] * 5 for name, value in named.items()}
        for content in (frames, {"fps": 25, **columns}):
            motion = decode_motion(as_bytes(content), "take.json")
            np.testing.assert_allclose(motion.rotation, [[0, turn, 0]] * 5, atol=1e-6)


def test_a_row_of_columns_without_a_weight_has_no_face() -> None:
    columns: dict[str, object] = {name: [row[name] for row in ROWS] for name in ARKIT_NAMES}
    for values in columns.values():
        values[2] = None  # type: ignore[index]
    take = decode_take(as_bytes({"fps": 25, **columns}), "take.json")
    assert take.notes == ("1 of 5 frames have no face and were filled in (2).",)
    middle = (take.motion.expression[1] + take.motion.expression[3]) / 2
    np.testing.assert_allclose(take.motion.expression[2], middle, atol=1e-6)


def test_numbers_of_frames_count_where_all_have_one() -> None:
    frames = [{"frame": 4 + 2 * i, "weights": row} for i, row in enumerate(ROWS)]
    assert len(decode_motion(as_bytes({"fps": 25, "frames": frames}), "take.json")) == 9
    del frames[3]["frame"]
    assert len(decode_motion(as_bytes({"fps": 25, "frames": frames}), "take.json")) == 5


def test_frame_times_of_unreal_where_a_face_is_lost() -> None:
    def time(i: int) -> dict:
        return {"frame_number": 7 + i, "numerator": 24, "denominator": 1}

    frames: list[dict] = [{"time": time(i), "weights": row} for i, row in enumerate(ROWS)]
    frames[3] = {"time": None, "weights": {}}
    take = decode_take(as_bytes(frames), "take.json")
    assert (len(take.motion), take.motion.fps) == (5, 24)
    assert take.notes == ("1 of 5 frames have no face and were filled in (3).",)


def test_what_the_file_leaves_out_is_zero() -> None:
    few = dict.fromkeys(("jawOpen", "mouthPucker", "cheekPuff"), 0.25)
    for content in ([few] * 3, {name: [value] * 3 for name, value in few.items()}):
        expression = decode_motion(as_bytes(content), "take.json").expression
        assert np.count_nonzero(expression) == 9
        assert (expression[:, [ARKIT_NAMES.index(name) for name in few]] == 0.25).all()


@pytest.mark.parametrize(
    "key", ["fps", "frameRate", "export_fps", "framesPerSecond", "captureRate"]
)
def test_what_tools_call_the_rate(key: str) -> None:
    frames = [{"weights": row} for row in ROWS]
    assert decode_motion(as_bytes({key: 48, "frames": frames}), "a.json").fps == 48
    content = {key: 48, "metadata": {key: 24}, "frames": frames}
    assert decode_motion(as_bytes(content), "a.json").fps == 24
    content = {key: 48, "metadata": {key: None}, "frames": frames}
    assert decode_motion(as_bytes(content), "a.json").fps == 48


def frames_with(*values: object, key: str = "time") -> list[dict]:
    """A frame for each value, which is left out where it is None."""
    return [
        {"weights": ROWS[i % 5], **({} if value is None else {key: value})}
        for i, value in enumerate(values)
    ]


def test_a_time_that_most_frames_lack_is_none() -> None:
    half = decode_take(as_bytes(frames_with(0.0, None, 0.08, None)), "a.json")
    assert (len(half.motion), half.motion.fps) == (4, pytest.approx(25))
    few = decode_take(as_bytes(frames_with(0.0, None, 0.08, None, None)), "a.json")
    assert (len(few.motion), few.motion.fps) == (5, 30)
    assert few.notes[0].startswith("The file does not say its frame rate")


def test_times_in_words() -> None:
    for texts in (
        ("0.0", "0.04", "0.08", "0.12"),
        ("00:00:00.00", "00:00:00.04", "00:00:00,08", "00:00:00.12"),
        ("2024-05-01T12:00:00.00", "2024-05-01T12:00:00.04", "2024-05-01T12:00:00.08",
         "2024-05-01T12:00:00.12"),
    ):  # fmt: skip
        take = decode_take(as_bytes(frames_with(*texts)), "a.json")
        assert (len(take.motion), take.motion.fps) == (4, pytest.approx(25)), texts
    with pytest.raises(InputError) as caught:
        decode_take(as_bytes(frames_with("soon", "later")), "a.json")
    assert caught.value.code == "motion.times"
    assert "the time 'soon', which is neither" in caught.value.message


def test_the_unit_of_a_time_is_in_its_name() -> None:
    for key, step in (("timestamp_ms", 40.0), ("time_us", 40_000), ("elapsed_ns", 40_000_000)):
        frames = frames_with(*(7 * step + i * step for i in range(6)), key=key)
        take = decode_take(as_bytes(frames), "a.json")
        assert (len(take.motion), take.motion.fps, take.notes) == (6, 25, ())


def test_emotions_beside_weights_are_passed_over_and_said() -> None:
    frames = [{"weights": row | {"joy": 0.5, "tongueTip": 1.0}} for row in ROWS]
    take = decode_take(as_bytes({"fps": 25, "frames": frames}), "a.json")
    assert take.notes == ("Passed over, for they are no weights: tongueTip, joy.",)


def test_which_turn_of_the_head_counts() -> None:
    """Angles before a rotation, that before a matrix, and that before the file's own list."""
    matrix = np.eye(4)
    matrix[:3, :3] = [[COSINE, 0, SINE], [0, 1, 0], [-SINE, 0, COSINE]]
    parts = [
        ({"head": {"yaw": 0.1, "pitch": 0, "roll": 0}}, 0.1),
        ({"rotation": [0, 0.2, 0]}, 0.2),
        ({"matrix": matrix.tolist()}, 0.6435011),
        ({}, 0.4),
    ]
    for first in range(4):
        frame: dict = {}
        for part, _ in reversed(parts[first:]):
            frame |= part
        content = {"fps": 25, "head_pose": [[0, 0.4, 0]] * 5}
        content |= {"frames": [{"weights": row, **frame} for row in ROWS]}
        motion = decode_motion(as_bytes(content), "a.json")
        np.testing.assert_allclose(motion.rotation, [[0, parts[first][1], 0]] * 5, atol=1e-6)


@pytest.mark.parametrize("fps", ["25", True, [25], float("nan")])
def test_a_rate_that_is_no_number(fps: object) -> None:
    with pytest.raises(InputError) as caught:
        decode_motion(as_bytes({"fps": fps, "frames": [{"weights": ROWS[0]}] * 3}), "a.json")
    assert caught.value.code == "motion.not_a_number"
