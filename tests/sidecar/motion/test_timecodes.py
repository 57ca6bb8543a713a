# SPDX-License-Identifier: GPL-3.0-or-later
"""Timecodes in all their spellings say the same frames."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.timecodes import write_timecodes
from affekt.sidecar.motion.raw_take import Clock, RawTake
from affekt.sidecar.motion.timecodes import Counted, clock_seconds, interpret, read_timecodes
from affekt.sidecar.motion.timeline import Placed, place
from hypothesis import given, settings
from hypothesis import strategies as st


def code(frame: int, base: int, digits: str = "000", mark: str = ":") -> str:
    second, within = divmod(frame, base)
    point = f".{digits}" if digits else ""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}{mark}{within:02}{point}"


def placed(codes: list[str], fps: float | None = None) -> Placed:
    rows = np.repeat(np.arange(float(len(codes)))[:, None], 100, 1)
    clock = Clock(timecodes=read_timecodes(codes, "take.csv"))
    raw = RawTake(rows={"expression": rows}, space="flame2020", clock=clock)
    return place(raw, "take.csv", fps)


def said(codes: list[str]) -> tuple[int, float, int]:
    """Frames, rate and number of notes."""
    out = placed(codes)
    return len(out.rows["expression"]), out.fps, len(out.notes)


@pytest.mark.parametrize("fps", [12, 15, 24, 25, 30, 48, 50, 60, 75, 120])
@pytest.mark.parametrize("start", [0, 1, 37, 500_003])
def test_whole_numbers_that_carry_at_the_rate(fps: int, start: int) -> None:
    frames = range(start, start + 4 * fps)
    for digits in ("", "000", "5"):
        assert said([code(i, fps, digits) for i in frames]) == (4 * fps, fps, 0)


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("frames", [90, 1100, 2500])
def test_digits_that_count_frames_modulo_1000(fps: int, first: int, frames: int) -> None:
    codes = [code(i, fps, f"{i % 1000:03}") for i in range(first, first + frames)]
    assert said(codes) == (frames, fps, 0)
    clock = 7 * 3600 * fps + 13  # the code is the time of day, the digits count the recording
    codes = [code(clock + i, fps, f"{i % 1000:03}") for i in range(first, first + frames)]
    assert said(codes) == (frames, fps, 0)


def test_counted_digits_with_frames_dropped() -> None:
    kept = [i for i in range(1, 1101) if i not in (50, 51, 999, 1000)]
    out = placed([code(i, 30, f"{i % 1000:03}") for i in kept])
    assert (len(out.rows["expression"]), out.fps) == (1100, 30)
    assert out.notes == ("4 of 1100 frames were missing and were filled in (49-50, 998-999).",)


def test_unpadded_count_and_seconds_that_carry_at_30() -> None:
    assert said([code(i, 60, str(i)) for i in range(1500)]) == (1500, 60, 0)
    fields = [[(i // 30**k) % 30 for k in (3, 2, 1, 0)] for i in range(1, 2001)]
    codes = [
        ":".join(f"{f:02}" for f in row) + f".{i % 1000:03}" for i, row in enumerate(fields, 1)
    ]
    assert said(codes) == (2000, 30, 0)


def test_milliseconds_behind_the_point_or_in_place_of_frames() -> None:
    assert said([code(i, 25, f"{i % 25 * 40:03}") for i in range(100)]) == (100, 25, 0)
    seconds = [divmod(round(i * 1000 / 30), 1000) for i in range(90)]
    codes = [f"00:00:{s:02}:{ms:03}.{i:03}" for i, (s, ms) in enumerate(seconds)]
    assert said(codes) == (90, 30, 0)


def test_parts_of_a_frame_at_a_phones_rate() -> None:
    def phone(i: int) -> str:
        place_ = i * 60 / 59.904 + 0.25 + 60 * 25_000
        return code(int(place_), 60, f"{int(place_ % 1 * 1000):03}")

    assert said([phone(i) for i in range(1856)]) == (1856, 59.904, 0)
    assert said([phone(i) for i in range(1856) if i not in (7, 700)]) == (1856, 59.904, 1)
    assert said([phone(i) for i in range(200)])[0] == 200


def test_random_digits_leave_even_numbers_alone() -> None:
    digits = np.random.default_rng(0).integers(0, 1000, 300)
    out = placed([code(i, 30, f"{d:03}") for i, d in enumerate(digits)])
    assert (len(out.rows["expression"]), out.fps, out.notes) == (300, 30, ())


def drop_frame(count: int, base: int) -> str:
    """SMPTE's code of a frame, counted from midnight."""
    skipped = base // 15
    minutes, ten = 0, 600 * base - 9 * skipped
    tens, rest = divmod(count, ten)
    if rest >= 60 * base:
        minutes = 1 + (rest - 60 * base) // (60 * base - skipped)
    return code(count + skipped * (9 * tens + minutes), base, "", ";")


@pytest.mark.parametrize(("base", "fps"), [(30, 29.97), (60, 59.94)])
@pytest.mark.parametrize("start", [0, 1700, 17_900, 107_000])
def test_drop_frame_codes_skip_numbers_not_frames(base: int, fps: float, start: int) -> None:
    frames = range(start, start + 3 * 60 * base)
    assert said([drop_frame(i, base) for i in frames]) == (180 * base, fps, 0)


def test_drop_frame_example() -> None:
    assert drop_frame(1799, 30) == "00:00:59;29"
    assert drop_frame(1800, 30) == "00:01:00;02"
    assert drop_frame(17_982, 30) == "00:10:00;00"


def test_several_rows_a_code() -> None:
    codes = [code(i // 2, 30) for i in range(301)]
    assert said(codes) == (301, 60, 0)
    assert said([code(i * 24 // 60, 24) for i in range(300)]) == (300, 60, 0)


def test_midnight() -> None:
    day = 24 * 3600 * 25
    assert said([code(i % day, 25) for i in range(day - 30, day + 30)]) == (60, 25, 0)


def test_a_rate_by_hand_says_how_many_frames_a_second_has() -> None:
    codes = [code(i, 30) for i in range(20) if i != 4]
    assert placed(codes).fps == 60  # no second ends here
    assert "60 fps were assumed" in placed(codes).notes[0]
    out = placed(codes, 30)
    assert (len(out.rows["expression"]), out.fps) == (20, 30)
    assert "assumed" not in "".join(out.notes)


def test_numbers_that_were_computed() -> None:
    """A clock that adds up 1000 / 30 ms: some frames lie a hair below their number."""
    clock = np.cumsum(np.full(150, 1 / 30 * 1000)) - 1 / 30 * 1000
    codes = [f"00:00:{int(ms // 1000):02}:{float(ms % 1000 * 30 / 1000)!r}" for ms in clock]
    assert any("e-" in code for code in codes)
    assert any("29.999" in code for code in codes)
    assert said(codes) == (150, pytest.approx(30, abs=1e-4), 0)


@pytest.mark.parametrize(
    "text", ["", "1:2:3", "aa:00:00:00", "99:00:00:00", "00:61:00:00", "0:0:0:0:0"]
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_timecodes([text], "take.csv")
    assert caught.value.code == "motion.times"


@given(
    fps=st.one_of(
        st.sampled_from([23.976, 29.97, 30000 / 1001, 59.904, 59.94, 119.88]),
        st.floats(8, 240).map(lambda f: round(f, 3)),
    ),
    seconds=st.floats(2.2, 30),
)
@settings(max_examples=150, deadline=None)
def test_written_codes_hold_any_rate(fps: float, seconds: float) -> None:
    frames = int(seconds * fps) + 2
    out = placed(write_timecodes(frames, fps))
    assert len(out.rows["expression"]) == frames
    assert out.fps == pytest.approx(fps, rel=2e-5)
    assert out.notes == ()


def test_written_codes_by_example() -> None:
    assert write_timecodes(3, 25.0) == ["00:00:00:24.000", "00:00:01:00.000", "00:00:01:01.000"]
    assert write_timecodes(2, 59.904) == ["00:00:00:00.000000", "00:00:00:01.001603"]
    assert write_timecodes(61, 60.0)[60] == "00:00:01:00.000"
    assert write_timecodes(26, 25.0)[0] == "00:00:00:00.000"
    # A whole second and no more: had it begun with the second, nothing would tell its rate.
    second = write_timecodes(25, 25.0)
    assert (second[0], second[24]) == ("00:00:00:24.000", "00:00:01:23.000")
    assert placed(second).fps == 25


def test_rows_that_begin_within_a_code() -> None:
    assert said([code(i // 2, 30) for i in range(1, 301)]) == (300, 60, 0)
    assert said([code(i // 4, 25) for i in range(3, 399)]) == (396, 100, 0)


def test_a_broken_rate_by_hand_counts_whole_numbers() -> None:
    codes = [code(i, 30) for i in range(95) if i != 70]
    out = placed(codes, 29.97)
    assert (len(out.rows["expression"]), out.fps) == (95, 29.97)
    assert out.notes == ("1 of 95 frames were missing and were filled in (70).",)


def test_a_blank_code_repeats_the_one_before_and_no_other_does() -> None:
    codes = read_timecodes(["01:02:03:04.500", "  ", "01:02:03:05"], "take.csv")
    assert codes.seconds.tolist() == [3723, 3723, 3723]
    assert codes.frames.tolist() == [4, 4, 5]
    assert codes.fractions.tolist() == [0.5, 0.5, 0]
    assert codes.digits.tolist() == [500, 500, 0]
    for texts in (["", "01:02:03:04"], ["01:02:03:04", "then"], ["01:02:03:04", "-"]):
        with pytest.raises(InputError) as caught:
            read_timecodes(texts, "take.csv")
        assert caught.value.code == "motion.times"


def test_the_latest_hour() -> None:
    assert read_timecodes(["47:59:59:00"], "take.csv").seconds.tolist() == [172_799]
    with pytest.raises(InputError):
        read_timecodes(["48:00:00:00"], "take.csv")


def test_a_count_within_a_second_leaves_the_rate_open() -> None:
    out = placed([code(i, 30, f"{i:03}") for i in range(1, 21)])
    assert (len(out.rows["expression"]), out.fps) == (20, 60)
    assert "60 fps were assumed" in out.notes[0]


def test_a_frame_that_is_missing_at_the_only_seconds_end() -> None:
    """30 frames a second are likelier than 29; at the same place in each second they are not."""
    out = placed([code(i, 30) for i in range(10, 50) if i != 29])
    assert (len(out.rows["expression"]), out.fps) == (40, 30)
    assert out.notes == ("1 of 40 frames were missing and were filled in (19).",)
    assert said([code(i, 29) for i in range(10, 130)]) == (120, 29, 0)


@pytest.mark.parametrize("fps", [24, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240])
def test_a_seconds_only_end_without_its_last_frame_tells_a_rate_that_cameras_have(fps: int) -> None:
    out = placed([code(i, fps) for i in range(fps - 6, fps + 7) if i != fps - 1])
    assert (len(out.rows["expression"]), out.fps) == (13, fps)


def test_two_ends_of_seconds_tell_a_rate_that_no_camera_has() -> None:
    """29 frames each, without a gap, are likelier than 30 of which the last is missing twice."""
    assert said([code(i, 29) for i in range(10, 80)]) == (70, 29, 0)


def test_parts_that_go_up_by_a_thousandth_are_no_running_count() -> None:
    """A phone at 60000 / 1001 whose first frame came a quarter late: .250, .251, .252."""
    ticks = [250 + 1001 * i for i in range(200)]
    codes = [code(tick // 1000, 60, f"{tick % 1000:03}") for tick in ticks]
    assert codes[:2] == ["00:00:00:00.250", "00:00:00:01.251"]
    assert said(codes) == (200, 59.94, 0)


def test_parts_of_a_code_that_counts_faster_than_the_video() -> None:
    """25 frames a second under 60 numbers: each is 2.4 numbers after the one before. Written under
    25 numbers, 30 a second are five sixths of one apart."""
    codes = [code(i * 12 // 5, 60, f"{i * 12 % 5 * 200:03}") for i in range(75)]
    assert codes[:3] == ["00:00:00:00.000", "00:00:00:02.400", "00:00:00:04.800"]
    assert said(codes) == (75, 25, 0)
    codes = [code(i * 5 // 6, 25, f"{round(i * 5 % 6 * 1000 / 6):03}") for i in range(90)]
    assert said(codes) == (90, 30, 0)


def test_a_recording_that_was_paused_has_the_rate_of_its_other_seconds() -> None:
    """The digits count on over ten seconds that the clock went on alone."""
    clock = [*range(5, 50), *range(367, 412)]
    out = placed([code(at, 30, f"{i % 1000:03}") for i, at in enumerate(clock)])
    assert (len(out.rows["expression"]), out.fps, out.notes) == (90, 30, ())


def test_rows_under_one_code_are_counted_on() -> None:
    codes = read_timecodes([code(i // 2, 30, "") for i in range(57, 63)], "take.csv")
    counted = interpret(codes, 30.0)
    assert isinstance(counted, Counted)
    assert counted.numbers.tolist() == [57, 58, 59, 60, 61, 62]
    assert counted.fps == 60


def test_spaces_around_a_code() -> None:
    codes = read_timecodes(["\t01:02:03:04 ", "  00:00:01:2.0000000000000004  "], "take.csv")
    assert codes.seconds.tolist() == [3723, 1]
    assert codes.frames.tolist() == [4, 2]


def test_a_computed_number_with_a_decimal_comma() -> None:
    codes = read_timecodes(["00:00:01:2,2500000000000004", "00:00:02;1,36e-14"], "take.csv")
    assert codes.frames.tolist() == [2, 0]
    assert codes.digits.tolist() == [250_000, 0]
    assert codes.fractions.tolist() == [0.25, 0]
    assert (codes.places, codes.drop) == (6, False)


def test_times_of_the_day() -> None:
    """A blank one is not known; numbers alone are none."""
    found = clock_seconds([" 12:00:00,5 ", "  ", "1:00:01.25", "01:30"])
    np.testing.assert_array_equal(found, [43_200.5, np.nan, 3601.25, 90])
    assert clock_seconds(["5", "6.5"]) is None
    assert clock_seconds(["12:00:00", "noon"]) is None
    assert clock_seconds(["1:00:00:00"]) is None
    assert clock_seconds(["1970-01-02 00:00:00.5", "1970-01-01T00:01:00-01:00"]).tolist() == [
        86_400.5,
        3660,
    ]


def test_milliseconds_in_place_of_frames_need_a_number_that_no_frame_has() -> None:
    texts = ["00:00:01:000", "00:00:01:125", "00:00:01:250"]
    found = interpret(read_timecodes(texts, "take.csv"))
    assert not isinstance(found, Counted)
    assert found.tolist() == [1.0, 1.125, 1.25]
    assert isinstance(interpret(read_timecodes([*texts[:2], "00:00:01:249"], "a")), Counted)


def test_where_a_wrong_code_is() -> None:
    with pytest.raises(InputError, match=r"take\.csv has the timecode 'then' in frame 2, not"):
        read_timecodes(["01:02:03:04", "", "then"], "take.csv")
