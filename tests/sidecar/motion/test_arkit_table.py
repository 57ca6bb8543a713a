# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of ARKit's weights, column by column; their spellings are in test_tables."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.arkit_table import decode_arkit_table, is_arkit_table
from affekt.sidecar.motion.raw_take import RawTake


def decode(*lines: str) -> RawTake:
    return decode_arkit_table("\n".join(lines).encode(), "a.csv")


def column(raw: RawTake, name: str) -> list[float]:
    return raw.rows["expression"][:, ARKIT_NAMES.index(name)].tolist()


def test_each_column_goes_where_its_name_says() -> None:
    raw = decode(
        "frame,time,face_id,CheekPuff,HeadRoll,jaw_open,HeadYaw,HeadPitch,mouthPucker,note",
        "4,0.5,bob,0.1,0.3,0.2,0.1,0.2,,x",
        "5,0.6,ann,0.3,0.6,0.4,0.4,0.5,,y",
        "7,0.8,bob,0.5,0.9,0.6,0.7,0.8,,z",
    )
    assert raw.space == "arkit"
    assert column(raw, "cheekPuff") == [0.1, 0.3, 0.5]
    assert column(raw, "jawOpen") == [0.2, 0.4, 0.6]
    assert column(raw, "mouthPucker") == [0, 0, 0], "blank throughout"
    np.testing.assert_allclose(raw.rows["head_angles"], [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6],
                                                         [0.7, 0.8, 0.9]])  # fmt: skip
    assert raw.faces is not None
    assert raw.faces.tolist() == [1, 0, 1], "by the order of their names"
    assert raw.faces.dtype == np.int64
    assert raw.clock.times is not None
    assert raw.clock.numbers is not None
    assert raw.clock.times.tolist() == [0.5, 0.6, 0.8]
    assert raw.clock.numbers.tolist() == [4, 5, 7]
    assert raw.clock.unit_s is None
    assert raw.notes == ("Passed over, for they are no weights: note.",)


def test_a_row_whose_count_is_zero_or_whose_weights_are_blank_has_no_face() -> None:
    """In any of several columns that count; a row that ends early has none either."""
    raw = decode(
        "timestamp_ms,BlendShapeCount,blendshapes_count,jawOpen,cheekPuff,mouthPucker",
        "0,61,52,0.1,0.2,0.3",
        "40,0,52,0.1,0.2,0.3",
        "80,61,0,0.1,0.2,0.3",
        "120,61,52,,,",
        "160,61,52",
        "200,61,52,,0.2,",
    )
    assert raw.seen is not None
    assert raw.seen.tolist() == [True, False, False, False, False, True]
    assert raw.faces is None
    assert raw.clock.unit_s == 1e-3
    whole = decode("jawOpen,cheekPuff,mouthPucker", "0.1,0.2,0.3", "0.4,0.5,0.6")
    assert (whole.clock.times, whole.clock.numbers, whole.notes) == (None, None, ())


def test_emotions_beside_weights_are_said() -> None:
    raw = decode("time,jawOpen,joy,cheekPuff", "0,0.1,1,0.2", "1,0.1,0,0.2")
    assert column(raw, "cheekPuff") == [0.2, 0.2]
    assert raw.notes == (
        "Emotions stand beside the weights: `affekt convert a.csv keys.json --to keys` makes "
        "emotion keys of them.",
    )


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        (
            ("time,joy,grief,anger", "0,1,0,0"),
            "file.wrong_kind",
            "a.csv holds emotions, not motion.",
        ),
        (
            ("Timecode,BlendShapeCount,HeadYaw", "00:00:00:00,61,0"),
            "motion.shape",
            "In a.csv, the header is not a list of ARKit's weight names.",
        ),
        (
            ("time,jawOpen,cheekPuff", "0,1,0", "x,1,0"),
            "motion.times",
            "a.csv has a time that is neither a number nor a timecode, 'x', in row 3, column "
            "'time'.",
        ),
        (
            ("time,jawOpen,cheekPuff", "0,1,0", f"{'y' * 90},1,0"),
            "motion.times",
            f"a.csv has a time that is neither a number nor a timecode, '{'y' * 40}', in row 3, "
            "column 'time'.",
        ),
    ],
)
def test_what_is_wrong_in_which_column_is_said(
    lines: tuple[str, ...], code: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        decode(*lines)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_what_makes_a_table() -> None:
    assert is_arkit_table(b"time,jawOpen\n0,1\n")
    for other in (b"", b"name,age\nA,3\n", b"jawOpen\n0\n", b"\x00\x01\x02"):
        assert not is_arkit_table(other)
