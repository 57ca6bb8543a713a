# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes whose rows grow by 1 a frame, with any clock, and what becomes of them."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.raw_take import Clock, RawTake
from affekt.sidecar.motion.timeline import Placed, place


def ramp(rows: list[int] | np.ndarray) -> np.ndarray:
    """(R, 100) expressions that grow by 1 a frame and differ between the columns."""
    return np.asarray(rows, np.float64)[:, None] + np.arange(100) / 1000


def take(rows: list[int] | np.ndarray, clock: Clock, fps: float | None = None) -> RawTake:
    """A take in whose row r stands frame `rows[r]`."""
    return RawTake(rows={"expression": ramp(rows)}, space="flame2020", clock=clock, fps=fps)


def at(times: object, unit_s: float | None = None) -> Clock:
    """A clock of times alone."""
    return Clock(times=np.asarray(times, np.float64), unit_s=unit_s)


def uneven() -> RawTake:
    """200 rows at about 24 fps, 8.6 s."""
    times = np.append(0, np.cumsum(np.repeat([0.8, 1.2, 0.8, 1.6], 50) / 25.5))
    return take(range(201), at(times, 1.0))


def assert_frames(placed: Placed, frames: int) -> None:
    """So many frames, and in each what belongs there."""
    np.testing.assert_allclose(placed.rows["expression"], ramp(range(frames)), atol=1e-6)


def refusal(raw: RawTake, fps: float | None = None) -> str:
    """The code of the error, which says what to do."""
    with pytest.raises(InputError) as caught:
        place(raw, "take.json", fps)
    assert caught.value.remedy
    return caught.value.code


def code(raw: RawTake, fps: float | None = None) -> str:
    """The error's code, or nothing."""
    try:
        place(raw, "take.json", fps)
    except InputError as error:
        return error.code
    return ""
