# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of weights as phones, trackers and spreadsheets write them."""

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, ReadOptions
from affekt.sidecar.motion import tables
from affekt.sidecar.motion.columns import (
    is_clock,
    is_header,
    passed_over_note,
    sort_columns,
    unit_of,
)
from affekt.sidecar.motion.read import decode_take
from affekt.sidecar.motion.tables import encoding_of, read_table
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = ["EyeBlinkLeft", "EyeBlinkRight", "JawOpen", "MouthSmileLeft", "CheekPuff"]
FRAMES = 75
JAW = ARKIT_NAMES.index("jawOpen")


def jaw(frame: int) -> float:
    return round(0.3 + 0.25 * np.sin(frame / 9), 5)


def rows(fps: int = 25) -> list[list[str]]:
    header = ["Timecode", "BlendShapeCount", *NAMES]
    body = [
        [f"00:00:{i // fps:02}:{i % fps:02}.000", "61", "0", "0.5", str(jaw(i)), "0.25", "0"]
        for i in range(FRAMES)
    ]
    return [header, *body]


def text(table: list[list[str]], separator: str = ",", end: str = "\r\n") -> str:
    return end.join(separator.join(row) for row in table) + end


def decimal_commas(table: list[list[str]]) -> list[list[str]]:
    return [table[0], *([r[0], *(c.replace(".", ",") for c in r[1:])] for r in table[1:])]


QUOTED = [[f'"{cell}"' for cell in row] for row in decimal_commas(rows())]
SPELLINGS = {
    "plain": text(rows()).encode(),
    "utf-8 with a mark": b"\xef\xbb\xbf" + text(rows()).encode(),
    "utf-16": text(rows(), "\t").encode("utf-16"),
    "utf-16 without a mark": text(rows()).encode("utf-16-le"),
    "semicolons and decimal commas": text(decimal_commas(rows()), ";").encode(),
    "tabs": text(rows(), "\t", "\n").encode(),
    "bars and spaces": text([[f" {c} " for c in row] for row in rows()], "|").encode(),
    "quotes and decimal commas": text(QUOTED).encode(),
    "trailing commas": text([[*row, "", ""] for row in rows()]).encode(),
    "trailing commas below only": text([rows()[0], *([*r, ""] for r in rows()[1:])]).encode(),
    "blank lines": text(rows()).replace("\r\n", "\r\n\r\n").encode() + b",,,,,,\r\n  \r\n",
    "lines before the header": b"sep=;\nTake 4;;\n" + text(rows(), ";").encode(),
    "old line ends": text(rows(), end="\r").encode(),
    "an old code page": text([[*r, "K\xf6ln"] for r in rows()]).replace("K\xf6ln", "Subject", 1)
    .encode("cp1252"),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_says_the_same(spelling: str) -> None:
    take = decode_take(SPELLINGS[spelling], "take.csv")
    assert (len(take.motion), take.motion.fps) == (FRAMES, 25)
    np.testing.assert_allclose(
        take.motion.expression[:, JAW], [jaw(i) for i in range(FRAMES)], atol=1e-7
    )
    blink = take.motion.expression[:, ARKIT_NAMES.index("eyeBlinkRight")]
    assert (blink == 0.5).all()


@given(
    order=st.permutations(range(7)), names=st.sampled_from(["camel", "snake", "apple", "dotted"])
)
@settings(max_examples=40, deadline=None)
def test_columns_in_any_order_and_spelling(order: list[int], names: str) -> None:
    spelt = {
        "camel": ["frame", "time", "eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthSmileLeft"],
        "snake": ["frame_index", "timestamp_ms", "eye_blink_left", "eye_blink_right", "jaw_open",
                  "mouth_smile_left"],
        "apple": ["Frame", "Time (s)", "eyeBlink_L", "eyeBlink_R", "jawOpen", "mouthSmile_L"],
        "dotted": ["", "timeCode", "blendShapes.EyeBlinkLeft", "blendShapes.EyeBlinkRight",
                   "blendShapes.JawOpen", "blendShapes.MouthSmileLeft"],
    }[names]  # fmt: skip
    unit = 1000 if names == "snake" else 1
    table = [
        [*spelt, "cheekPuff"],
        *(
            [str(i), f"{i * unit / 30:.6f}", "0", "0.5", str(jaw(i)), "0.25", "0"]
            for i in range(60)
        ),
    ]
    data = text([[row[i] for i in order] for row in table]).encode()
    take = decode_take(data, "take.csv")
    assert (len(take.motion), take.motion.fps, take.notes) == (60, 30, ())
    np.testing.assert_allclose(
        take.motion.expression[:, JAW], [jaw(i) for i in range(60)], atol=1e-7
    )


def changed(row: int, cells: list[str]) -> bytes:
    table = rows()
    table[row + 1] = cells
    return text(table).encode()


@pytest.mark.parametrize(
    "cells",
    [
        ["00:00:00:10.000", "0"],
        ["00:00:00:10.000", "61", "0", "0"],
        ["00:00:00:10.000", "0", "0", "0", "0", "0", "0"],
        ["00:00:00:10.000", "61", "", "", "", "", ""],
        ["00:00:00:10.000", "61", "nan", "NaN", "nan", "", "null"],
    ],
)
def test_a_row_without_a_face_is_a_gap(cells: list[str]) -> None:
    take = decode_take(changed(10, cells), "take.csv")
    assert take.notes == ("1 of 75 frames have no face and were filled in (10).",)
    assert take.motion.expression[10, JAW] == pytest.approx((jaw(9) + jaw(11)) / 2)


def test_a_blank_cell_is_filled_from_its_neighbours() -> None:
    table = rows()
    table[11][4] = ""
    take = decode_take(text(table).encode(), "take.csv")
    assert take.motion.expression[10, JAW] == pytest.approx((jaw(9) + jaw(11)) / 2)
    assert take.notes == ("1 value was missing and filled in from the frames around.",)


def test_a_blank_column_is_zero() -> None:
    table = rows()
    for row in table[1:]:
        row[6] = ""
    take = decode_take(text(table).encode(), "take.csv")
    assert not take.motion.expression[:, ARKIT_NAMES.index("cheekPuff")].any()
    assert take.notes == ()


def test_other_columns_are_named() -> None:
    table = [[*row, "0.9"] for row in rows()]
    table[0][-1] = " 'tracking_quality' "
    take = decode_take(text(table).encode(), "take.csv")
    assert take.notes == ("Passed over, for they are no weights: tracking_quality.",)


def test_times_of_the_day_and_dates() -> None:
    stamps = ("2024-05-01T12:59:{:09.6f}Z", "2024-05-01 12:59:{:09.6f}+02:00", "12:59:{:09.6f}")
    for stamp in stamps:
        lines = ["timestamp,jawOpen,cheekPuff,mouthPucker"]
        lines += [stamp.format(57 + i / 50) + f",{jaw(i)},0,0" for i in range(100)]
        take = decode_take("\n".join(lines).encode(), "take.csv")
        assert (len(take.motion), take.motion.fps) == (100, 50)


def test_one_weight_beside_a_time_makes_a_table() -> None:
    lines = [f"00:00:{i / 25:06.3f},{i / 100}" for i in range(50)]
    take = decode_take("\n".join(["time,jawOpen", *lines]).encode(), "take.csv")
    assert (len(take.motion), take.motion.fps) == (50, pytest.approx(25))
    jaw = take.motion.expression[:, ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_allclose(jaw, np.arange(50) / 100, atol=1e-6)


def test_a_plain_frame_number_as_timecode() -> None:
    table = rows()
    for i, row in enumerate(table[1:]):
        row[0] = str(i + 1 if i < 20 else i + 3)
    take = decode_take(text(table).encode(), "take.csv")
    assert (len(take.motion), take.motion.fps) == (FRAMES + 2, 30)
    assert decode_take(text(table).encode(), "a", ReadOptions(fps=48)).motion.fps == 48


def test_angles_in_a_table_turn_the_head() -> None:
    table = [[*row, "0.1", "0", "0"] for row in rows()]
    table[0][-3:] = ["head_yaw", "head_pitch", "head_roll"]
    take = decode_take(text(table).encode(), "take.csv")
    np.testing.assert_allclose(take.motion.rotation, [[0, 0.1, 0]] * FRAMES, atol=1e-7)


def test_units_in_the_names_of_angles() -> None:
    table = [[*row, "1.5", "0", "0"] for row in rows()]
    table[0][-3:] = ["Head Yaw (deg)", "Head Pitch (deg)", "Head Roll (deg)"]
    take = decode_take(text(table).encode(), "take.csv")
    np.testing.assert_allclose(take.motion.rotation, [[0, np.radians(1.5), 0]] * FRAMES, atol=1e-7)
    assert take.notes == ()


EMOTIONS_ONLY = b",time_code,emotion_values.joy,emotion_values.grief\n0,0.0,0.5,0\n1,0.03,0.5,0\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (EMOTIONS_ONLY, "file.wrong_kind"),
        (b"Timecode,BlendShapeCount\n00:00:00:00,0\n00:00:00:01,0\n", "motion.shape"),
        (text(rows()).replace("JawOpen", "JawOpne").encode(), "motion.unknown_weight"),
        (text(rows()).replace("JawOpen", "EyeBlinkLeft").encode(), "motion.shape"),
        (text(rows()[:1]).encode(), "motion.shape"),
        (text([*rows(), [*rows()[1], "7"]]).encode(), "motion.shape"),
        (changed(9, ["00:00:00:09", "61", "0", "0", "much", "0", "0"]), "motion.not_a_number"),
        (changed(9, ["00:00:00:09", "61", "0", "0", "inf", "0", "0"]), "motion.not_finite"),
        (b"time,jawOpen,cheekPuff,mouthPucker\nsoon,0,0,0\nlater,0,0,0\n", "motion.times"),
        (b"name,age\nA,3\nB,4\n", "file.wrong_kind"),
    ],
)
def test_bad_tables_are_named(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_take(data, "take.csv")
    assert caught.value.code == code
    assert caught.value.remedy


def wrong(row: int, column: int, cell: str, before: str = "") -> bytes:
    table = rows()
    table[row][column] = cell
    return (before + text(table)).encode()


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        (wrong(5, 4, "abc"), "motion.not_a_number", "'abc', in row 6, column 'JawOpen'"),
        (
            wrong(70, 2, "x", "Take 4\r\n\r\n"),
            "motion.not_a_number",
            "row 73, column 'EyeBlinkLeft'",
        ),
        (wrong(4, 0, "noon"), "motion.times", "'noon' in row 5, column 'Timecode'"),
        (wrong(3, 6, "0,,,7"), "motion.shape", "row 4"),
    ],
)
def test_a_wrong_cell_is_named(data: bytes, code: str, where: str) -> None:
    """By the line in the file, as a spreadsheet shows it, and the column's name."""
    with pytest.raises(InputError) as caught:
        decode_take(data, "take.csv")
    assert caught.value.code == code
    assert where in caught.value.message


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (wrong(5, 4, "abc"), "row 6, column 'JawOpen'"),
        (wrong(47, 3, "abc"), "row 48, column 'EyeBlinkRight'"),
        (wrong(75, 2, "x", "Take 4\r\n\r\n"), "row 78, column 'EyeBlinkLeft'"),
        (wrong(43, 6, "0,,,7"), "row 44"),
    ],
)
def test_a_wrong_cell_of_a_long_table_is_named(
    data: bytes, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read piece by piece."""
    monkeypatch.setattr(tables, "_PIECE", 20)
    with pytest.raises(InputError) as caught:
        decode_take(data, "take.csv")
    assert where in caught.value.message


def test_a_long_table_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = decode_take(text(decimal_commas(rows()), ";").encode(), "take.csv").motion
    monkeypatch.setattr(tables, "_PIECE", 20)
    pieces = decode_take(text(decimal_commas(rows()), ";").encode(), "take.csv").motion
    assert len(pieces) == FRAMES
    np.testing.assert_array_equal(pieces.expression, whole.expression)


def test_a_wrong_time_is_named() -> None:
    table = [["time", *NAMES]] + [[str(i / 25), *"00000"] for i in range(30)]
    table[20][0] = "late"
    with pytest.raises(InputError) as caught:
        decode_take(text(table).encode(), "take.csv")
    assert caught.value.code == "motion.times"
    assert "'late', in row 21, column 'time'" in caught.value.message


@pytest.mark.parametrize(
    ("name", "unit_s"),
    [
        ("Time", None),
        ("t", None),
        ("times", None),
        ("ts", None),
        ("Timestamps", None),
        ("epoch", None),
        ("datetime", None),
        ("Time (s)", None),  # as "times": its steps tell
        ("time_sec", 1.0),
        ("elapsedSeconds", 1.0),
        ("seconds", 1.0),
        ("sec", 1.0),
        ("timestamp_ms", 1e-3),
        ("Time [msec]", 1e-3),
        ("frame time milliseconds", 1e-3),
        ("milliseconds", 1e-3),
        ("ms", 1e-3),
        ("time_us", 1e-6),
        ("timestampMicroseconds", 1e-6),
        ("time_ns", 1e-9),
        ("elapsed_nanoseconds", 1e-9),
    ],
)
def test_units_in_the_names_of_times(name: str, unit_s: float | None) -> None:
    assert is_clock(name)
    assert unit_of(name) == unit_s


def test_a_name_of_radians_is_not_taken_for_degrees() -> None:
    for names in (
        ["Head Yaw (rad)", "Head Pitch (rad)", "Head Roll (rad)"],
        ["headYawRadians", "headPitchRadians", "headRollRadians"],
    ):
        table = [[*row, "0.5", "0", "0"] for row in rows()]
        table[0][-3:] = names
        take = decode_take(text(table).encode(), "take.csv")
        np.testing.assert_allclose(take.motion.rotation, [[0, 0.5, 0]] * FRAMES, atol=1e-7)


def test_what_columns_mean() -> None:
    names = ["idx", "FaceId", "BlendShapeCount", "JawOpen", "joy", "head_roll", "_neutral", "note"]
    found = sort_columns([*names, "HeadYaw", "time_ms", "LeftEyeYaw"], "a.csv")
    assert found.weights == {3: JAW}
    assert found.head == {5: 2, 8: 0}
    assert found.emotions == {4: "joy"}
    assert found.times == {9: 1e-3}
    assert (found.numbers, found.faces, found.counts) == ([0], [1], [2])
    assert found.passed_over == ["note"]
    assert found.head_unit_rad == 1.0


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("jawOpen,cheekPuff,mouthPucker", True),
        ("jawOpen,cheekPuff,x", False),
        ("jawOpen,cheekPuff,frame", True),
        ("jawOpen,time", True),
        ("happy,sad,time", True),
        ("happy,sad", False),
        ("happy,time", False),
        ("timecode,blendshapeCount", True),
        ("blendshapeCount,timecode", False),
        (",jawOpen", False),  # a column without a name counts nothing
    ],
)
def test_what_makes_a_header(header: str, known: bool) -> None:
    assert is_header(header.split(",")) == known


def test_up_to_four_names_are_said() -> None:
    assert passed_over_note([]) == ()
    four = "Passed over, for they are no weights: a, b, c, d"
    assert passed_over_note(["a", "b", "c", "d"]) == (f"{four}.",)
    assert passed_over_note(["a", "b", "c", "d", "e", "f"]) == (f"{four} and 2 more.",)


def test_clock_times_a_second_apart_are_no_frame_numbers() -> None:
    lines = [f"12:59:{50 + i}" + ",0.1,0,0" for i in range(9)]
    data = "\n".join(["time,jawOpen,cheekPuff,mouthPucker", *lines]).encode()
    with pytest.raises(InputError) as caught:
        decode_take(data, "take.csv")
    assert caught.value.code == "motion.rate"


def test_a_percent_sign_and_a_blank_word_in_a_cell() -> None:
    table = rows()
    for row in table[1:]:
        row[4] = f"{100 * jaw(3):.3f}%"
        row[3] = "50 %"
        row[5] = " n/a "
    take = decode_take(text(table).encode(), "take.csv")
    np.testing.assert_allclose(take.motion.expression[:, JAW], jaw(3), atol=1e-5)
    assert not take.motion.expression[:, ARKIT_NAMES.index("mouthSmileLeft")].any()


def test_wide_text_without_a_mark_is_told_by_its_first_letter() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert encoding_of("frame,jawOpen".encode(encoding)) == encoding


def test_a_header_of_many_other_columns() -> None:
    """Of 30 kB; the weights stand at its end."""
    others = [f"tracker_channel_{i:03}" for i in range(1500)]
    table = [["0"] * 1500 + row for row in rows()]
    table[0][:1500] = others
    take = decode_take(text(table).encode(), "take.csv")
    assert take.motion.fps == 25
    np.testing.assert_allclose(take.motion.expression[3, JAW], jaw(3), atol=1e-7)


def test_the_longest_table_and_one_row_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FRAMES", FRAMES)
    assert len(decode_take(text(rows()).encode(), "take.csv").motion) == FRAMES
    with pytest.raises(InputError) as caught:
        decode_take(text([*rows(), rows()[-1]]).encode(), "take.csv")
    assert caught.value.code == "motion.too_long"
    assert caught.value.message == "The take in take.csv has more than 75 frames; 75 are allowed."


def test_cells_texts_and_lines_of_the_columns_that_were_asked_for() -> None:
    data = b"Take 4\na;b;c;d\n1,5;x;-2;7\n\n;y;3\n"
    table = read_table(data, "t.csv", lambda names: names[:1] == ["a"], [2, 0, 3], [1])
    np.testing.assert_array_equal(table.numbers, [[-2, 1.5, 7], [3, np.nan, np.nan]])
    assert table.texts == {1: ["x", "y"]}
    assert table.short.tolist() == [False, True]
    assert (table.lines, table.names) == ([3, 5], ["a", "b", "c", "d"])
    assert (table.cell(1, 2), table.cell(0, 7)) == ("row 5, column 'c'", "row 3, column 8")
    with pytest.raises(InputError) as caught:
        read_table(data, "t.csv", lambda _: False, [0], [])
    assert caught.value.code == "motion.shape"


def test_frame_numbers_with_a_decimal_comma_and_a_blank_time() -> None:
    lines = ["frame;jawOpen;cheekPuff;mouthPucker"]
    lines += [f"{i},0;{jaw(i)};0;0" for i in (4, 5, 8)]
    take = decode_take("\n".join(lines).encode(), "take.csv")
    assert len(take.motion) == 5
    lines = ["time,jawOpen,cheekPuff,mouthPucker"]
    lines += [("" if i == 3 else f"{i / 25}") + f",{jaw(i)},0,0" for i in range(9)]
    take = decode_take("\n".join(lines).encode(), "take.csv")
    assert (len(take.motion), take.motion.fps) == (9, pytest.approx(25))
    np.testing.assert_allclose(
        take.motion.expression[:, JAW], [jaw(i) for i in range(9)], atol=1e-7
    )


@pytest.mark.parametrize("numbers", [["0.5", "1", "2"], ["3", "3", "3"], ["1", "x", "3"], ["1e13"]])
def test_numbers_that_are_no_frames_are_passed_over(numbers: list[str]) -> None:
    lines = ["frame,jawOpen,cheekPuff,mouthPucker", *(f"{n},{jaw(1)},0,0" for n in numbers)]
    take = decode_take("\n".join(lines).encode(), "take.csv")
    assert len(take.motion) == len(numbers)


def test_the_first_column_of_numbers_counts() -> None:
    lines = ["frame,index,jawOpen,cheekPuff", *(f"{2 * i},{5 * i},{jaw(i)},0" for i in range(3))]
    assert len(decode_take("\n".join(lines).encode(), "take.csv").motion) == 5
    lines[1:] = [f"x,{5 * i},{jaw(i)},0" for i in range(3)]
    assert len(decode_take("\n".join(lines).encode(), "take.csv").motion) == 11


@pytest.mark.parametrize("blank", ["", " ", "nan", "NaN", "null", "None", "n/a", "NA", "-"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_what_a_blank_cell_says(blank: str, separator: str) -> None:
    table = rows()
    table[11][4] = blank
    take = decode_take(text(table, separator).encode(), "take.csv")
    assert take.motion.expression[10, JAW] == pytest.approx((jaw(9) + jaw(11)) / 2)
    assert take.notes == ("1 value was missing and filled in from the frames around.",)


@pytest.mark.parametrize(("lines", "found"), [(11, True), (12, False)])
def test_how_many_lines_may_stand_before_the_header(lines: int, found: bool) -> None:
    data = b"Take 4\n" * lines + text(rows()).encode()
    if found:
        assert len(decode_take(data, "take.csv").motion) == FRAMES
    else:
        with pytest.raises(InputError) as caught:
            decode_take(data, "take.csv")
        assert caught.value.code == "file.wrong_kind"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"", "utf-8"),
        ("Köln".encode(), "utf-8"),
        ("Köln".encode("cp1252"), "cp1252"),
        ("Köln".encode("utf-8-sig"), "utf-8-sig"),
        ("Köln".encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + "Köln".encode("utf-16-be"), "utf-16"),
        ("Köln".encode("utf-16-le"), "utf-16-le"),
        ("Köln".encode("utf-16-be"), "utf-16-be"),
        (b"x" * 64 + b"\0", "utf-8"),
    ],
)
def test_the_encoding_of_a_text(data: bytes, encoding: str) -> None:
    assert encoding_of(data) == encoding


def read(lines: str, columns: list[int], texts: list[int] | None = None) -> tables.Table:
    return read_table(lines.encode(), "a.csv", lambda names: "a" in names, columns, texts or [])


def test_rows_of_a_table_of_which_no_column_is_read() -> None:
    found = read("a,b\n1,2\n\n3\n", [])
    assert found.numbers.shape == (2, 0)
    assert found.lines == [2, 4]
    assert found.short.tolist() == [False, False]
    assert found.names == ["a", "b"]


def test_the_rows_that_end_too_early_are_those_that_lack_a_column_that_is_read() -> None:
    lines = "a;b;c\n1;2;3\n4;5\n6\n7;8;\n"
    for columns, texts, short in (
        ([2], [], [0, 1, 1, 0]),
        ([0], [1], [0, 0, 1, 0]),
        ([1], [0], [0, 0, 1, 0]),
        ([0], [], [0, 0, 0, 0]),
    ):
        found = read(lines, columns, texts)
        assert found.short.tolist() == [bool(s) for s in short]
    both = read(lines, [2, 0], [1])
    np.testing.assert_array_equal(both.numbers, [[3, 1], [np.nan, 4], [np.nan, 6], [np.nan, 7]])
    assert both.texts == {1: ["2", "5", "", "8"]}


def test_of_long_names_and_cells_the_beginning_is_told() -> None:
    cell, name = "x" * 90, "b" * 90
    with pytest.raises(InputError) as caught:
        read(f"a,{name}\n1,2\n3,{cell}\n", [0, 1])
    assert caught.value.code == "motion.not_a_number"
    assert caught.value.message == (
        f"a.csv holds something that is not a number, '{'x' * 40}', in row 3, column '{'b' * 40}'."
    )
    with pytest.raises(InputError) as caught:
        read("a,\n1,2\n3,x\n", [0, 1])
    assert caught.value.message.endswith("'x', in row 3, column 2.")
    with pytest.raises(InputError) as caught:
        read("a,b\n1,2,,\n3,4,,5\n", [0, 1])
    assert caught.value.code == "motion.shape"
    assert caught.value.message == "In a.csv, row 3 is not a row of 2 values."
    for empty in ("a,b\n", "no,header\n1,2\n"):
        with pytest.raises(InputError) as caught:
            read(empty, [0])
        assert caught.value.message == (
            "In a.csv, the table is not a header and at least one frame."
        )
