# SPDX-License-Identifier: GPL-3.0-or-later
"""Grids by themselves, and where repeated frames go; whole takes are in
`test_timeline.py` and its neighbours."""

import numpy as np
import pytest
from affekt.sidecar.motion.grid import (
    Grid,
    fit_grid,
    fit_step,
    largest_rounding,
    quantum,
    spread,
    tidy_rate,
)


@pytest.mark.parametrize(
    ("frames", "expected", "kept"),
    [
        ([4, 5, 7], [4, 5, 7], [1, 1, 1]),
        ([4, 4, 6], [4, 5, 6], [1, 1, 1]),  # the next one is free
        ([2, 4, 4, 5], [2, 3, 4, 5], [1, 1, 1, 1]),  # the one before
        ([3, 4, 4, 5], [3, 4, 4, 5], [1, 1, 0, 1]),  # neither
        ([4, 4, 5], [4, 4, 5], [1, 0, 1]),  # nothing lies before the first
        ([4, 5, 5], [4, 5, 6], [1, 1, 1]),  # the last may move on
        ([4, 4], [4, 5], [1, 1]),
        ([0, 0, 1, 1], [0, 0, 1, 2], [1, 0, 1, 1]),  # frame -1 is none
        ([1, 4, 4, 4, 9], [1, 3, 4, 5, 9], [1, 1, 1, 1, 1]),
    ],
)
def test_repeated_frames(frames: list[int], expected: list[int], kept: list[int]) -> None:
    out, has_own = spread(np.array(frames, np.int64))
    assert out.tolist() == expected
    assert has_own.tolist() == [bool(k) for k in kept]


def grid_of(times: list[float]) -> Grid:
    found = fit_grid(np.array(times))
    assert found is not None
    return found


def test_the_grid_of_times_with_a_gap_and_a_repeat() -> None:
    grid = grid_of([2.0, 2.1, 2.2, 2.4, 2.4, 2.5, 2.6])
    assert grid.frames.tolist() == [0, 1, 2, 4, 4, 5, 6]
    assert grid.step == pytest.approx(0.1)
    assert grid.start == pytest.approx(2.0)
    assert grid.worst == pytest.approx(0, abs=1e-9)
    assert (grid.flaws, grid.even) == (2, True)


def test_how_far_the_worst_time_is_off_its_place() -> None:
    """In steps: the line through the five passes 0.04, 0.08 and 0.12 of a step from the third."""
    grid = grid_of([0.0, 1.0, 2.2, 3.0, 4.0])
    assert grid.frames.tolist() == [0, 1, 2, 3, 4]
    assert grid.step == pytest.approx(1)
    assert grid.start == pytest.approx(0.04)
    assert grid.worst == pytest.approx(0.16)


def test_times_on_no_grid() -> None:
    assert fit_grid(np.array([3.0])) is None
    assert fit_grid(np.array([3.0, 3.0, 3.0])) is None
    assert fit_grid(np.cumsum(np.repeat([1, 1.5, 1, 2], 50))) is None


@pytest.mark.parametrize(("worst", "even"), [(0.35, True), (0.36, False)])
def test_a_grid_is_even_up_to_a_third_of_a_step(worst: float, even: bool) -> None:
    assert Grid(frames=np.arange(3), step=1.0, worst=worst).even is even


def test_places_on_a_grid_whose_step_is_known() -> None:
    """The mean phase counts, so a first time that is late moves nothing else."""
    grid = fit_step(np.array([10.2, 10.5, 11.0, 11.5, 13.0, 13.5]), 0.5)
    assert grid.frames.tolist() == [0, 1, 2, 3, 6, 7]
    assert grid.step == 0.5
    assert grid.worst == pytest.approx(0.4 * 5 / 6, abs=0.05)


@pytest.mark.parametrize(
    "away",
    [
        (0.3, 0.0, -0.25, 0.0, 0.1, 0.0, 0.0),  # the third seems 1.45 steps after the first
        (-0.3, 0.0, 0.0, 0.25, 0.0, 0.0, -0.1),  # the fourth seems 3.55 steps after it
        (0.3, 0.0, 0.0, 0.0, 0.0, 0.1, -0.25),
        (-0.25, 0.3, 0.0, 0.1, 0.0, 0.0, 0.0),
    ],
)
def test_a_first_time_that_is_off_moves_no_others(away: tuple[float, ...]) -> None:
    """Times that are so many steps off their frames, on a grid whose step is known."""
    frames = [0, 1, 2, 3, 5, 6, 7]
    times = 10 + 0.5 * (np.array(frames) + away)
    grid = fit_step(times, 0.5)
    assert grid.even
    assert grid.frames.tolist() == frames


def test_frames_of_a_known_step_count_from_the_first_row() -> None:
    """Which is 0.6 of a step early, so that the others' phase puts it at frame -1."""
    times = np.array([4.4, 6.0, 7.0, 8.0, 9.0, 11.0, 12.0])
    grid = fit_step(times, 1.0)
    assert grid.frames.tolist() == [0, 2, 3, 4, 5, 7, 8]
    late = fit_step(times[1:] + 0.25, 1.0)
    assert late.frames.tolist() == [0, 1, 2, 3, 5, 6]
    assert late.worst == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("times", "part"),
    [
        ([7.3, 8.3, 10.3], 1.0),
        ([7.35, 7.45, 7.75], 0.1),
        ([0.0, 0.04, 0.08], 0.01),
        ([5.0005, 5.0335, 5.0675], 0.001),
        ([0.0, 0.0333333, 0.0666667], 0.0),
    ],
)
def test_the_part_of_a_second_to_which_times_are_rounded(times: list[float], part: float) -> None:
    assert quantum(np.array(times)) == part


def test_what_rounding_may_move() -> None:
    """Half of the part, and a little; a tenth of a step on a grid of exact times."""
    assert largest_rounding(0.01, 0.04) == pytest.approx(0.1375)
    assert largest_rounding(0.001, 0.04) == 0.1
    assert largest_rounding(0.0, 0.04) == 0.1


@pytest.mark.parametrize(
    ("step", "frames", "worst", "rate"),
    [
        (1 / 29.999, 100, 0.01, 30.0),  # half a hundredth of a step over the take
        (1 / 29.97003, 2000, 1e-6, 29.97),  # off by 1e-6 of itself: as it is written
        (1 / 59.904, 1000, 1e-5, 59.904),
        (1 / 24.5, 1000, 1e-5, 24.5),
        (0.0166667, 10**5, 1e-6, 60.0),
        (1 / 29.9412345, 10**6, 1e-9, 29.9412345),
    ],
)
def test_the_plainest_rate_that_meets_the_times(
    step: float, frames: int, worst: float, rate: float
) -> None:
    found = tidy_rate(Grid(frames=np.array([0, frames]), step=step, worst=worst))
    assert found == pytest.approx(rate, abs=1e-9)


def test_two_times_that_are_almost_one_are_on_no_grid() -> None:
    assert fit_grid(np.array([0.0, 1e-310, 4.0])) is None
