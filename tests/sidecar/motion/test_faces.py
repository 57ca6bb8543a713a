# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people in a file are never one take."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.faces import keep_one
from affekt.sidecar.motion.head_matrix import matrix_in, place_of
from affekt.sidecar.motion.raw_take import Clock, RawTake
from affekt.sidecar.motion.read import decode_take
from affekt.sidecar.motion.timecodes import read_timecodes
from fakes.takes import as_bytes

JAW = ARKIT_NAMES.index("jawOpen")
LEFT, RIGHT = 0.2, 0.7  # jawOpen of the person on either side


def mediapipe(*faces: tuple[float, float]) -> dict:
    """A frame with faces of (jawOpen, place)."""
    names = ("jawOpen", "mouthPucker", "cheekPuff")
    return {
        "faceBlendshapes": [
            {"categories": [{"categoryName": n, "score": jaw} for n in names]} for jaw, _ in faces
        ],
        "facialTransformationMatrixes": [
            {"rows": 4, "columns": 4, "data": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, 0, -50, 1]}
            for _, x in faces
        ],
    }


def table(rows: list[tuple[int, int, float]], header: str = "frame,face_id") -> bytes:
    lines = [f"{header},jawOpen,mouthPucker,cheekPuff"]
    lines += [f"{frame},{face},{jaw},{jaw},{jaw}" for frame, face, jaw in rows]
    return "\n".join(lines).encode()


def test_faces_that_change_their_order_are_followed_by_place() -> None:
    left, right = (LEFT, -10.0), (RIGHT, 12.0)
    frames = [mediapipe(*((left, right) if i % 3 else (right, left))) for i in range(20)]
    frames[7] = mediapipe(right)
    take = decode_take(as_bytes(frames), "take.json")
    np.testing.assert_allclose(take.motion.expression[:, JAW], RIGHT)
    np.testing.assert_allclose(take.motion.translation[:, 0], 0.12, atol=1e-6)
    assert len(take.motion) == 20
    assert take.notes[:-1] == (
        "2 faces are in the file; the one that is in most frames was taken (20 frames).",
    )


def test_matrices_around_a_list_of_faces_say_whose_they_are() -> None:
    """The same file with each face's weights in a list of faces and all matrices beside it."""
    left, right = (LEFT, -10.0), (RIGHT, 12.0)
    frames = []
    for i in range(20):
        frame = mediapipe(*((left, right) if i % 3 else (right, left))[: 1 if i == 9 else 2])
        shapes = frame.pop("faceBlendshapes")
        frames.append({"faces": [{"blendshapes": s["categories"]} for s in shapes], **frame})
    take = decode_take(as_bytes(frames), "take.json")
    np.testing.assert_allclose(take.motion.expression[:, JAW], RIGHT)
    np.testing.assert_allclose(take.motion.translation[:, 0], 0.12, atol=1e-6)


def test_frames_in_which_only_the_other_is_seen_are_gaps() -> None:
    left, right = (LEFT, -10.0), (RIGHT, 12.0)
    frames = [mediapipe(left, right) for _ in range(20)]
    for i in (0, 5, 6, 19):
        frames[i] = mediapipe(left)
    frames[8] = frames[9] = frames[10] = frames[11] = frames[12] = mediapipe(right)
    take = decode_take(as_bytes(frames), "take.json")
    np.testing.assert_allclose(take.motion.expression[:, JAW], RIGHT)
    assert "4 of 20 frames have no face and were filled in (0, 5-6, 19)." in take.notes


def test_faces_without_a_place_are_refused_where_their_number_changes() -> None:
    frames = [mediapipe((LEFT, 0), (RIGHT, 0)) for _ in range(9)]
    frames[4] = mediapipe((RIGHT, 0))
    for frame in frames:
        del frame["facialTransformationMatrixes"]
    with pytest.raises(InputError) as caught:
        decode_take(as_bytes(frames), "take.json")
    assert caught.value.code == "motion.faces"
    del frames[4]
    take = decode_take(as_bytes(frames), "take.json")
    np.testing.assert_allclose(take.motion.expression[:, JAW], LEFT)


def test_a_column_says_whose_the_rows_are() -> None:
    rows = [(i, face, (LEFT, RIGHT)[face]) for i in range(30) for face in (0, 1) if face or i % 4]
    take = decode_take(table(rows), "take.csv")
    np.testing.assert_allclose(take.motion.expression[:, JAW], RIGHT)
    assert len(take.motion) == 30


def test_two_rows_a_frame_that_do_not_say_whose_they_are() -> None:
    rows = [(i, face, (LEFT, RIGHT)[face] + i / 1000) for i in range(30) for face in (0, 1)]
    with pytest.raises(InputError) as caught:
        decode_take(table(rows, "frame,confidence"), "take.csv")
    assert caught.value.code == "motion.faces"


def test_two_rows_a_frame_of_one_face_are_twice_the_rate() -> None:
    codes = [f"00:00:{i // 60:02}:{i % 60 // 2:02}" for i in range(120)]
    lines = ["Timecode,BlendShapeCount,JawOpen,MouthPucker,CheekPuff"]
    lines += [f"{code},61,{i / 200},0,0" for i, code in enumerate(codes)]
    take = decode_take("\n".join(lines).encode(), "take.csv")
    assert (len(take.motion), take.motion.fps) == (120, 60)


def several(faces: list[int], clock: Clock, seen: list[bool] | None = None) -> RawTake:
    """Rows whose expression is their number."""
    rows = np.repeat(np.arange(float(len(faces)))[:, None], 100, 1)
    return RawTake(
        rows={"expression": rows},
        space="arkit",
        faces=np.array(faces),
        clock=clock,
        seen=None if seen is None else np.array(seen),
    )


def test_the_chosen_faces_rows_and_the_times_at_which_only_others_were() -> None:
    """Face 7 has four rows, face 3 three; at 0.3 s there is face 3 alone, at 0.4 s nobody."""
    clock = Clock(
        times=np.array([0, 0, 0.1, 0.2, 0.2, 0.3, 0.4, 0.5]),
        numbers=np.array([10, 10, 11, 12, 12, 13, 14, 15]),
        unit_s=1.0,
    )
    take = several([3, 7, 7, 3, 7, 3, -1, 7], clock, [True] * 4 + [False] + [True] * 3)
    kept = keep_one(take, "take")
    assert kept.rows["expression"][:, 0].tolist() == [1, 2, 4, 5, 6, 7]
    assert kept.seen is not None
    assert kept.seen.tolist() == [True, True, False, False, False, True]
    assert kept.clock.times is not None
    assert kept.clock.numbers is not None
    assert kept.clock.times.tolist() == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert kept.clock.numbers.tolist() == [10, 11, 12, 13, 14, 15]
    assert (kept.clock.unit_s, kept.faces) == (1.0, None)
    assert kept.notes == (
        "2 faces are in the file; the one that is in most frames was taken (4 frames).",
    )


def test_of_two_faces_in_as_many_frames_the_first_is_taken() -> None:
    kept = keep_one(several([9, 2, 9, 2], Clock(numbers=np.array([0, 0, 1, 1]))), "take")
    assert kept.rows["expression"][:, 0].tolist() == [0, 2]


def test_without_a_clock_only_the_chosen_faces_rows_stay() -> None:
    kept = keep_one(several([5, 3, 5, -1, 3, 5], Clock()), "take")
    assert kept.rows["expression"][:, 0].tolist() == [0, 2, 5]
    assert kept.seen is not None
    assert kept.seen.tolist() == [True] * 3
    assert (kept.clock.numbers, kept.clock.times) == (None, None)
    assert kept.notes == (
        "2 faces are in the file; the one that is in most frames was taken (3 frames).",
    )


def test_values_that_are_missing_do_not_hide_a_second_face() -> None:
    rows = np.tile([[0.0], [0.9]], (10, 100))
    rows[[3, 8], 40:] = np.nan
    clock = Clock(times=np.repeat(np.arange(10.0), 2) / 25)
    with pytest.raises(InputError) as caught:
        keep_one(RawTake(rows={"expression": rows}, space="arkit", clock=clock), "take")
    assert caught.value.code == "motion.faces"


def test_timecodes_of_one_face_keep_all_that_they_say() -> None:
    texts = [f"00:00:0{i // 2};0{i % 2}.25" for i in (1, 1, 2, 3, 3)]
    clock = Clock(timecodes=read_timecodes(texts, "take"))
    codes = keep_one(several([0, 1, 0, 1, 0], clock), "take").clock.timecodes
    assert codes is not None
    assert (codes.seconds.tolist(), codes.frames.tolist()) == ([0, 1, 1], [1, 0, 1])
    assert (codes.fractions.tolist(), codes.digits.tolist()) == ([0.25] * 3, [25] * 3)
    assert (codes.places, codes.drop) == (2, True)


def test_timecodes_whose_parts_have_the_same_sum_are_other_times() -> None:
    """The second face is there alone in the fourth row; its time is no other row's."""
    texts = ["00:00:01:05", "00:00:01:05", "00:00:02:03", "00:00:02:04"]
    clock = Clock(timecodes=read_timecodes(texts, "take"))
    codes = keep_one(several([0, 1, 0, 1], clock, [True, True, True, False]), "take").clock
    assert codes.timecodes is not None
    assert codes.timecodes.seconds.tolist() == [1, 2, 2]
    assert codes.timecodes.frames.tolist() == [5, 3, 4]


def test_few_rows_prove_no_second_face() -> None:
    rows = [(i, face, (LEFT, RIGHT)[face]) for i in range(3) for face in (0, 1)]
    take = decode_take(table(rows, "frame,confidence"), "take.csv")
    assert "were repeated" in take.notes[-1] or len(take.motion) == 6
    rows = [(i, face, (LEFT, RIGHT)[face]) for i in range(4) for face in (0, 1)]
    with pytest.raises(InputError) as caught:
        decode_take(table(rows, "frame,confidence"), "take.csv")
    assert caught.value.code == "motion.faces"


def test_each_face_of_a_frame_has_its_own_matrix_and_landmarks() -> None:
    first, second = np.eye(4), np.eye(4)
    first[:3, 3], second[:3, 3] = (1, 2, 3), (4, 5, 6)
    both = {"facialTransformationMatrixes": [first.tolist(), second.T.ravel().tolist()]}
    assert matrix_in(both, 2) is None
    for index, place in ((0, [1, 2, 3]), (1, [4, 5, 6])):
        found = place_of(both, index)
        assert found is not None
        assert found.tolist() == place
    points = [[{"x": 0.0, "y": 0.5}, {"x": 1.0, "y": 0.7}], [{"x": 0.2, "y": 0.1}]]
    for index, place in ((0, [0.5, 0.6]), (1, [0.2, 0.1])):
        found = place_of({"faceLandmarks": points}, index)
        assert found is not None
        np.testing.assert_allclose(found, place)
    for frame in ({"faceLandmarks": []}, {"faceLandmarks": [{"a": 1}]}, {}):
        assert place_of(frame, 0) is None


def test_two_rows_a_time_are_told_by_the_times_where_numbers_run_on() -> None:
    values = np.repeat([[LEFT], [RIGHT]], 1, 1)
    rows = np.tile(values, (10, 100)) + np.arange(20)[:, None] / 1000
    clock = Clock(times=np.repeat(np.arange(10.0), 2) / 25, numbers=np.arange(20))
    with pytest.raises(InputError) as caught:
        keep_one(RawTake(rows={"expression": rows}, space="arkit", clock=clock), "take")
    assert caught.value.code == "motion.faces"


@pytest.mark.parametrize(("within", "refused"), [(0.019, False), (0.021, True)])
def test_two_rows_a_time_that_differ_twice_as_much_as_the_times(
    within: float, refused: bool
) -> None:
    """From one time to the next each of the two moves by 0.01."""
    rows = np.arange(20.0)[:, None] // 2 * 0.01 + np.tile([[0.0], [within]], (10, 100))
    clock = Clock(times=np.repeat(np.arange(10.0), 2) / 25)
    take = RawTake(rows={"expression": rows}, space="arkit", clock=clock)
    if refused:
        with pytest.raises(InputError) as caught:
            keep_one(take, "take")
        assert caught.value.code == "motion.faces"
    else:
        assert keep_one(take, "take") is take


@pytest.mark.parametrize(
    ("stamps", "refused"),
    [
        (np.repeat(np.arange(10), 2), True),
        (np.append(np.repeat(np.arange(8), 2), np.arange(8, 12)), True),  # most of them twice
        (np.append(np.repeat(np.arange(4), 2), np.arange(4, 16)), False),
        (np.append([0, 0], np.arange(1, 19)), False),
        (np.repeat(np.arange(7), 3)[:20], False),
    ],
)
def test_most_times_stand_twice_where_two_faces_alternate(
    stamps: np.ndarray, refused: bool
) -> None:
    """Two rows after each other differ by far in all of these."""
    rows = np.tile([[0.0], [0.9]], (10, 100))
    take = RawTake(rows={"expression": rows}, space="arkit", clock=Clock(times=stamps / 25))
    if refused:
        with pytest.raises(InputError) as caught:
            keep_one(take, "take")
        assert caught.value.code == "motion.faces"
    else:
        assert keep_one(take, "take") is take
