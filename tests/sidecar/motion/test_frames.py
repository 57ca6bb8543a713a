# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `--frames`."""

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.frames import parse_frames


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        (None, range(40)),
        ("0", range(1)),
        ("7", range(7, 8)),
        ("39", range(39, 40)),
        ("3-12", range(3, 13)),
        (" 5 - 5 ", range(5, 6)),
        ("0-39", range(40)),
        ("007-009", range(7, 10)),
    ],
)
def test_both_ends_are_included(text: str | None, frames: range) -> None:
    assert parse_frames(text, 40) == frames


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("40", "frames.out_of_range"),
        ("0-40", "frames.out_of_range"),
        ("12-3", "frames.out_of_range"),
        ("123456789", "frames.out_of_range"),
        ("1234567890", "frames.syntax"),
        ("", "frames.syntax"),
        ("-3", "frames.syntax"),
        ("3-", "frames.syntax"),
        ("3-5-7", "frames.syntax"),
        ("3:5", "frames.syntax"),
        ("1.5", "frames.syntax"),
        ("٣", "frames.syntax"),
        ("²", "frames.syntax"),
    ],
)
def test_what_is_no_range_of_the_take(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_frames(text, 40)
    assert caught.value.code == code
