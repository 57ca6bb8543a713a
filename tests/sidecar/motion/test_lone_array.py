# SPDX-License-Identifier: GPL-3.0-or-later
"""Single arrays, column by column, in takes that are longer than wide; how their order is told is
in test_layouts."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.shared.take_files import APP_ORDER
from affekt.sidecar.motion.lone_array import decode_array, fits


def numbers(*shape: int) -> np.ndarray:
    """All of them different, and none too large for a weight."""
    return (np.arange(np.prod(shape)).reshape(shape) / 1e6).astype("f4")


def test_live_links_61_columns() -> None:
    values = numbers(70, 61)
    raw = decode_array(values, "a.npy")
    assert (raw.space, raw.fps) == ("arkit", None)
    for column, name in enumerate(APP_ORDER):
        found = raw.rows["expression"][:, ARKIT_NAMES.index(name)]
        np.testing.assert_array_equal(found, values[:, column])
    assert not raw.rows["expression"][:, 52:].any()
    np.testing.assert_array_equal(raw.rows["head_angles"], values[:, 52:55])
    assert raw.notes == (
        "One array of 61 columns, read as Live Link's 52 weights and the head's yaw, pitch and "
        "roll; the eyes' angles repeat the weights.",
    )


@pytest.mark.parametrize(
    ("width", "fps", "parts", "said"),
    [
        (103, None, {"expression": (0, 100), "jaw": (100, 103)}, "100 FLAME expressions and the "),
        (
            106,
            25.0,
            {"expression": (0, 100), "rotation": (100, 103), "jaw": (103, 106)},
            "ARTalk's motion at 25 frames a second: 100 FLAME expressions, the head's turn and",
        ),
        (
            112,
            None,
            {"expression": (0, 100), "rotation": (100, 103), "jaw": (103, 106), "eyes": (106, 112)},
            "motion codes: 100 FLAME expressions, the head's turn, the jaw and both eyes.",
        ),
    ],
)
def test_flames_arrays(
    width: int, fps: float | None, parts: dict[str, tuple[int, int]], said: str
) -> None:
    values = numbers(130, width)
    raw = decode_array(values, "a.npy")
    assert (raw.space, raw.fps, sorted(raw.rows)) == ("flame2020", fps, sorted(parts))
    for field, (start, stop) in parts.items():
        np.testing.assert_array_equal(raw.rows[field], values[:, start:stop])
    assert raw.notes[0].startswith(f"One array of {width} columns, read as {said}")


def test_weights_below_zero_tell_the_order_as_others_do() -> None:
    """Both sides of each pair alike, and half of all values negative, in Live Link's order."""
    values = np.zeros((9, 52), "f4")
    for column, name in enumerate(APP_ORDER):
        stem = name.removesuffix("Left").removesuffix("Right")
        sign = -1 if sum(stem.encode()) % 2 else 1
        values[:, column] = sign * (sum(stem.encode()) % 7 + 1) / 20
    raw = decode_array(values, "a.npy")
    assert raw.notes == (
        "One array of 52 columns, read as ARKit's weights in the order of Live Link's CSV.",
    )
    np.testing.assert_array_equal(raw.rows["expression"][:, ARKIT_NAMES.index("jawOpen")],
                                  values[:, APP_ORDER.index("jawOpen")])  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "frames"),
    [
        ((70, 52), 70),
        ((52, 70), 70),  # a row for each weight
        ((61, 52), 61),  # both would do: rows are frames
        ((52, 61), 52),
        ((1, 70, 52), 70),
        ((70, 1, 52), 70),
        ((52,), 1),
    ],
)
def test_which_way_an_array_lies(shape: tuple[int, ...], frames: int) -> None:
    values = numbers(*shape)
    assert fits(values)
    raw = decode_array(values, "a.npy")
    assert len(raw.rows["expression"]) == frames
    table = values.T if shape == (52, 70) else values.reshape(frames, -1)
    jaw = (APP_ORDER if table.shape[1] == 61 else ARKIT_NAMES).index("jawOpen")
    found = raw.rows["expression"][:, ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_array_equal(found, table[:, jaw])


@pytest.mark.parametrize(
    "shape", [(70, 53), (), (52, 70, 3), (70, 52, 2), (3, 3, 3, 52), (0, 52), (52, 0), (51,)]
)
def test_arrays_that_no_take_is(shape: tuple[int, ...]) -> None:
    values = np.zeros(shape, "f4")
    with pytest.raises(InputError) as caught:
        decode_array(values, "a.npy")
    assert caught.value.code == "motion.shape"
    assert caught.value.message == (
        f"a.npy is one array of the shape {shape}; a take has 52, 61, 103, 106 or 112 columns, "
        "and a row for each frame."
    )
    assert fits(values) == (shape in ((0, 52), (52, 0)))
