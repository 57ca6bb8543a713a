# SPDX-License-Identifier: GPL-3.0-or-later
"""Live Link Face's CSV: names, timecodes, dropped frames, and what is refused."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import AffektError, InputError
from affekt.shared.motion import ARKIT_NAMES, Motion
from affekt.shared.take_files import APP_ORDER, encode_livelink
from affekt.sidecar.motion.read import decode_motion
from fakes.mutation import mutated
from fakes.takes import arkit_motion, livelink_csv
from hypothesis import given, settings
from hypothesis import strategies as st


def clock(frame: int, fps: int, *, start: int = 0) -> str:
    second = start + frame // fps
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}:{frame % fps:02}.000"


def take(frames: int, fps: float, seed: int) -> Motion:
    return replace(arkit_motion(frames, seed=seed), fps=fps)


@given(
    frames=st.integers(2, 200),
    seed=st.integers(0, 99),
    fps=st.sampled_from([23.976, 24, 25, 29.97, 30, 48, 50, 59.904, 59.94, 60, 120]),
)
@settings(max_examples=25)
def test_round_trip(frames: int, seed: int, fps: float) -> None:
    motion = take(frames, fps, seed)
    again = decode_motion(encode_livelink(motion), "take.csv")
    assert again.fps == fps
    np.testing.assert_array_equal(again.expression, motion.expression)
    np.testing.assert_allclose(again.rotation, motion.rotation, atol=1e-6)


def test_the_apps_order_holds_every_weight() -> None:
    assert sorted(APP_ORDER) == list(ARKIT_NAMES)
    assert APP_ORDER[14:18] == ("jawForward", "jawRight", "jawLeft", "jawOpen")
    assert APP_ORDER[18:23] == (
        *("mouthClose", "mouthFunnel", "mouthPucker"),
        *("mouthRight", "mouthLeft"),  # right first, unlike in a packet
    )


def test_the_apps_header_counts_61() -> None:
    rows = list(csv.reader(io.StringIO(encode_livelink(take(2, 60, 0)).decode())))
    assert rows[0][:5] == [
        "Timecode",
        "BlendShapeCount",
        "EyeBlinkLeft",
        "EyeLookDownLeft",
        "EyeLookInLeft",
    ]
    assert rows[0][9] == "EyeBlinkRight"
    assert rows[0][53:57] == ["TongueOut", "HeadYaw", "HeadPitch", "HeadRoll"]
    assert len(rows[0]) == 63
    assert rows[1][:2] == ["00:00:00:00.000", "61"]


@given(order=st.permutations(range(2, 63)), lower=st.booleans())
@settings(max_examples=20)
def test_columns_are_found_by_name_in_any_case(order: list[int], lower: bool) -> None:
    plain = list(csv.reader(io.StringIO(encode_livelink(take(3, 60, 1)).decode())))
    mixed = [[*row[:2], *(row[i] for i in order)] for row in plain]
    if lower:
        mixed[0] = [cell[0].lower() + cell[1:] for cell in mixed[0]]
    out = io.StringIO()
    csv.writer(out).writerows(mixed)
    motion = decode_motion(b"\xef\xbb\xbf" + out.getvalue().encode(), "take.csv")
    np.testing.assert_array_equal(motion.expression, take(3, 60, 1).expression)


@pytest.mark.parametrize("fps", [24, 25, 30, 48, 50, 60])
def test_rate_follows_from_the_timecodes(fps: int) -> None:
    codes = [clock(i, fps, start=50_000) for i in range(3 * fps)]
    assert decode_motion(livelink_csv(codes), "take.csv").fps == fps


def test_sixty_rows_a_second_under_a_timecode_of_thirty() -> None:
    codes = [f"00:00:{i // 60:02}:{i % 60 // 2:02}.{500 * (i % 2):03}" for i in range(200)]
    assert decode_motion(livelink_csv(codes), "take.csv").fps == 60


def test_midnight_passes() -> None:
    codes = [clock(i, 60, start=86_399) for i in range(60)] + [clock(i, 60) for i in range(60)]
    motion = decode_motion(livelink_csv(codes), "take.csv")
    assert (len(motion), motion.fps) == (120, 60)


def test_dropped_frames_are_filled_between_their_neighbours() -> None:
    whole = [clock(i, 30) for i in range(90)]
    rows = livelink_csv(whole).split(b"\r\n")
    without = b"\r\n".join(row for i, row in enumerate(rows) if i not in (41, 42, 71))
    full, filled = (decode_motion(d, "take.csv") for d in (livelink_csv(whole), without))
    assert (len(filled), filled.fps) == (90, 30)
    kept = [i for i in range(90) if i not in (40, 41, 70)]
    np.testing.assert_array_equal(filled.expression[kept], full.expression[kept])
    between = (full.expression[69] + full.expression[71]) / 2
    np.testing.assert_allclose(filled.expression[70], between, atol=1e-6)


def row_with(cell: str) -> bytes:
    data = livelink_csv([clock(i, 60) for i in range(9)]).decode().split("\r\n")
    data[4] = data[4].rsplit(",", 30)[0] + f",{cell}" + "," + data[4].split(",", 34)[-1]
    return "\r\n".join(data).encode()


def header_with(old: str, new: str) -> bytes:
    return livelink_csv(["00:00:00:00.0"]).replace(old.encode(), new.encode(), 1)


BAD = {
    "no rows": (livelink_csv([]), "motion.shape"),
    "wide": (livelink_csv([clock(0, 60)]).strip() + b",7,8\r\n", "motion.shape"),
    "text": (row_with("much"), "motion.not_a_number"),
    "infinite": (row_with("1e999"), "motion.not_finite"),
    "misspelt": (header_with("JawOpen", "JawOpne"), "motion.unknown_weight"),
    "twice": (header_with("JawOpen", "JawLeft"), "motion.shape"),
    "no weights": (b"Timecode,BlendShapeCount\r\n00:00:00:00,0\r\n", "motion.shape"),
    "clock": (livelink_csv(["1.5 s"]), "motion.times"),
    "clock of text": (livelink_csv(["aa:bb:cc:dd"]), "motion.times"),
    "clock too late": (livelink_csv(["99:00:00:00"]), "motion.times"),
    "backwards": (livelink_csv([clock(i, 60) for i in (99, 3, 4)]), "motion.times"),
    "standing": (livelink_csv([clock(5, 60)] * 3), "motion.times"),
    "hours apart": (livelink_csv([clock(i, 60) for i in (0, 1, 2, 5_000_000)]), "motion.too_long"),
    "not text": (b"Timecode,\xc3\x28\r\n", "file.wrong_kind"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_tables_are_named(kind: str) -> None:
    data, code = BAD[kind]
    with pytest.raises(InputError) as caught:
        decode_motion(data, "take.csv")
    assert caught.value.code == code


def test_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FRAMES", 8)
    with pytest.raises(InputError) as caught:
        decode_motion(livelink_csv([clock(i, 60) for i in range(9)]), "take.csv")
    assert caught.value.code == "motion.too_long"


WHOLE = livelink_csv([clock(i, 30, start=59) for i in range(4)])


@given(data=st.data())
@settings(max_examples=300)
def test_mutated_tables_give_a_take_or_an_error_of_ours(data: st.DataObject) -> None:
    content = mutated(data, WHOLE)
    try:
        motion = decode_motion(content, "take.csv")
    except AffektError:
        return
    assert np.isfinite(motion.expression).all()
    assert motion.expression.shape[1] == 100 > len(ARKIT_NAMES)
