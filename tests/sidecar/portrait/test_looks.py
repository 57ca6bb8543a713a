# SPDX-License-Identifier: GPL-3.0-or-later
"""What drives the looks of a photo's expression, each by one example whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.sidecar.avatar.looks import NUMBERS
from affekt.sidecar.portrait.looks import _as_in_photo, _Edges, _joined, look_from_photo
from affekt.sidecar.raster.colour import srgb_to_linear


def at(driver: np.ndarray, **numbers: float) -> float:
    given = np.zeros(NUMBERS + 1)
    given[-1] = 1
    for name, value in numbers.items():
        given[int(name[1:])] = value
    return float(driver @ given)


def test_a_lids_look_goes_as_the_eye_shuts_further_than_in_the_photo() -> None:
    """An eye 10 mm high, which number 4 shuts and number 9 moves to the side."""
    rest, moves = np.zeros((4, 3)), np.zeros((NUMBERS, 4, 3))
    rest[1, 1], rest[3, 1] = 0.01, 0.01
    moves[4, [1, 3], 1] = -0.010, -0.006  # an outer and an inner part of the lid
    moves[9, :, 0] = 0.004
    photo = np.zeros(NUMBERS)
    photo[4] = 0.25
    driver = _Edges(rest, moves).while_open(((1, 0), (3, 2)), photo)
    # 0.8 of its height at 1: the photo's is 0.2 shut, and the look goes from 0.25 to 0.7.
    assert at(driver, n4=0.3125, n9=5) == pytest.approx(1)
    assert at(driver, n4=0.875) == pytest.approx(0)
    assert at(driver) > 1


def test_a_lips_look_goes_as_they_part() -> None:
    rest, moves = np.zeros((2, 3)), np.zeros((NUMBERS, 2, 3))
    moves[100, 1] = (0, -0.05, 0.03)  # the jaw, of a radian
    driver = _Edges(rest, moves).while_closed(((0, 1),), np.zeros(NUMBERS))
    assert at(driver, n100=0.01) == pytest.approx(1)
    assert at(driver, n100=0.035) == pytest.approx(0.5)
    assert at(driver, n100=0.06) == pytest.approx(0)


def test_a_fold_comes_as_far_as_skin_moves_as_in_the_photo() -> None:
    """Number 7 lifts two pieces, 8 moves them across; 6 lifts one, that counts a third."""
    moves = np.zeros((NUMBERS, 3, 3))
    moves[7, :, 1], moves[8, :, 0], moves[6, 0, 1] = 0.01, 0.02, 0.01
    pieces = SimpleNamespace(
        weights=np.array([[1, 0, 0], [0, 0.5, 0.5], [1, 0, 0]]), corners=np.tile([0, 1, 2], (3, 1))
    )
    photo = np.zeros(NUMBERS)
    photo[7] = 0.5
    canvas = SimpleNamespace(pieces=pieces)
    driver = _as_in_photo(canvas, moves, np.array([0.5, 1.0, 0.0]), photo)
    assert driver is not None
    assert at(driver, n7=0.5, n8=3) == pytest.approx(1)
    assert at(driver, n7=0.2) == pytest.approx(0.4)
    assert at(driver, n6=0.5) == pytest.approx(1 / 3)
    assert at(driver) == 0
    photo[7] = 0.01
    assert _as_in_photo(canvas, moves, np.ones(3), photo) is None


def test_parts_without_a_driver_are_left_out() -> None:
    change = np.arange(12, dtype=np.float32).reshape(4, 3) / 12
    driver = np.arange(NUMBERS + 1.0)
    first, second, third = (np.arange(4) == one for one in (3, 1, 2))
    found = _joined([(first, None), (second | third, driver), (first & ~first, driver)], change)
    assert found is not None
    np.testing.assert_array_equal(found.gaussian, [1, 2])
    np.testing.assert_array_equal(found.driver, [0, 0])
    np.testing.assert_array_equal(found.colours, change[1:3])
    assert _joined([(first, None)], change) is None


def test_what_looks_sideways_is_the_photos_from_its_side_alone() -> None:
    """Twenty pieces in a row, of which the first two are as the photo shows them from anywhere."""
    means = np.zeros((20, 3), np.float32)
    means[:, 0] = np.arange(20) - 10.5  # the last eighteen around the origin
    rim = np.full(20, 0.5, np.float32)
    rim[0] = 0
    plain = np.full((20, 3), 0.2, np.float32)
    shown = plain.copy()
    shown[[0, *range(2, 20)]] = srgb_to_linear(np.array([0.1, 0.7, 0.9]))
    sight = SimpleNamespace(posed=SimpleNamespace(gaussians=SimpleNamespace(means=means)))
    frame = SimpleNamespace(
        camera=look_at(
            target=np.zeros(3), distance=30.0, yaw_rad=0.4, width=8, height=8, fov_y_rad=1.0
        )
    )
    found = look_from_photo(SimpleNamespace(rim=rim), (plain, shown), sight, frame)
    assert found is not None
    np.testing.assert_array_equal(found.gaussian, np.arange(2, 20))
    grey = 1.055 * 0.2 ** (1 / 2.4) - 0.055
    np.testing.assert_allclose(found.colours, [0.5 * (np.array([0.1, 0.7, 0.9]) - grey)] * 18,
                               atol=1e-5)  # fmt: skip
    np.testing.assert_allclose(found.toward, [np.sin(0.4), 0, np.cos(0.4)], atol=1e-5)
    shown[5:] = plain[5:]  # too few to tell how a head has turned
    assert look_from_photo(SimpleNamespace(rim=rim), (plain, shown), sight, frame) is None
