# SPDX-License-Identifier: GPL-3.0-or-later
"""The map of a rig's weights: known maps come back, and lips and lids do as they should."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.calibration import (
    PARTNERS,
    SHAPES,
    Calibration,
    Effects,
    Options,
    calibrated,
    mirrored_shapes,
    shape_indices,
    soft_ceiling,
    solve_calibration,
)
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES

EXACT = Options(ridge=1e-9, restored=1.0, gains=(0.2, 4.0))


def index(name: str) -> int:
    return ARKIT_NAMES.index(name)


def random_effects(seed: int = 3) -> Effects:
    """A face of 60 rows, 30 on each side, on which both sides' shapes do the same."""
    rng = np.random.default_rng(seed)
    mirror = np.r_[30:60, 0:30]
    own = rng.normal(size=(60, SHAPES))
    own = own + own[mirror][:, mirrored_shapes()]  # alike on both sides
    return Effects(
        own=own,
        poses=np.eye(SHAPES),
        wanted=own.copy(),
        row_weights=rng.uniform(0.5, 2, 60),
        pose_weights=np.ones(SHAPES),
        closing_rows=np.arange(60) < 0,
        mirror=mirror,
        mirror_signs=np.ones(60),
    )


def known_map() -> np.ndarray:
    """Gains of .4 to 1.2 and helpers, the same on both sides."""
    rng = np.random.default_rng(8)
    gains = rng.uniform(0.4, 1.2, SHAPES)
    gains = 0.5 * (gains + gains[mirrored_shapes()])
    for name in ("jawOpen", "mouthClose", "tongueOut"):
        gains[index(name)] = 1
    gains[[k for k, n in enumerate(ARKIT_NAMES) if n.startswith(("eyeLook", "eyeBlink"))]] = 1
    out = np.diag(gains)
    for side in ("Left", "Right"):
        out[index(f"mouthDimple{side}"), index(f"mouthSmile{side}")] = 0.35
        out[index(f"cheekSquint{side}"), index(f"mouthSmile{side}")] = 0.2
        out[index(f"browDown{side}"), index("browInnerUp")] = 0.15
    return out


def test_a_known_map_comes_back() -> None:
    effects = random_effects()
    wanted = effects.own @ known_map()
    found = solve_calibration(replace(effects, wanted=wanted), EXACT)
    np.testing.assert_allclose(found.map, known_map(), atol=1e-3)
    np.testing.assert_allclose(found.reach[:, 1], 1, atol=1e-3)
    held = solve_calibration(replace(effects, wanted=wanted))
    np.testing.assert_allclose(held.map, known_map(), atol=0.05)


def test_a_rig_like_the_open_head_keeps_its_weights() -> None:
    found = solve_calibration(random_effects())
    np.testing.assert_allclose(found.map, np.eye(SHAPES), atol=0.03)
    np.testing.assert_allclose(found.reach, 1, atol=1e-6)


def test_both_sides_go_as_far() -> None:
    """Where one side's skin folds first both stop between, unless the sides are no twins."""
    effects, most = random_effects(), np.full(SHAPES, 3.0)
    left, right = index("mouthUpperUpLeft"), index("mouthUpperUpRight")
    most[left], most[right] = 1.4, 2.0
    found = solve_calibration(replace(effects, most=most))
    np.testing.assert_allclose(found.most[[left, right]], 1.7, atol=1e-6)
    own = effects.own.copy()
    own[:, left] = np.random.default_rng(1).normal(size=60)
    other = solve_calibration(replace(effects, own=own, most=most))
    np.testing.assert_allclose(other.most[[left, right]], [1.4, 2.0], atol=1e-6)


def test_one_shape_by_hand() -> None:
    """The rig's squint moves a lid by 2 and a cheek by 1, the wanted one by 1 and 1: least squares
    gives 3/5, whose motion is 1.342 long and not 1.414; the rest comes back as a factor."""
    own = np.zeros((2, SHAPES))
    wanted = np.zeros((2, SHAPES))
    left = index("eyeSquintLeft")
    own[:, left], wanted[:, left] = (2, 1), (1, 1)
    effects = Effects(
        own=own,
        poses=np.eye(SHAPES),
        wanted=wanted,
        row_weights=np.ones(2),
        pose_weights=np.ones(SHAPES),
        closing_rows=np.zeros(2, bool),
        mirror=np.arange(2),
        mirror_signs=np.ones(2),
    )
    fitted = solve_calibration(effects, Options(ridge=0, restored=1))
    assert fitted.map[left, left] == pytest.approx(3 / 5, abs=1e-6)
    restored = solve_calibration(effects, Options(ridge=0))
    factor = np.sqrt(2) / (3 / 5 * np.sqrt(5))
    assert restored.map[left, left] == pytest.approx(3 / 5 * factor, abs=1e-6)
    assert fitted.reach[left, 0] == pytest.approx(np.sqrt(5 / 2), abs=1e-6)
    np.testing.assert_array_equal(fitted.map[left + 1], np.eye(SHAPES)[left + 1])  # it has none


def test_both_sides_are_alike_unless_the_shapes_are_not() -> None:
    effects = random_effects()
    left, right = index("mouthFrownLeft"), index("mouthFrownRight")
    wanted = effects.wanted.copy()
    wanted[:, left] *= 1.4  # what is wanted of one side alone goes to both
    both = solve_calibration(replace(effects, wanted=wanted)).map
    assert both[left, left] == pytest.approx(both[right, right], abs=1e-5)
    own = effects.own.copy()
    own[:, left] *= 0.4
    single = solve_calibration(replace(effects, own=own), EXACT).map
    assert single[left, left] == pytest.approx(2.5, abs=0.01)
    assert single[right, right] == pytest.approx(1.0, abs=0.01)


def test_a_helper_that_differs_between_the_sides_helps_by_its_own_size() -> None:
    """Of two smiles that are alike, each with a dimple: the left one does two fifths as
    much, so more of it is wanted."""
    effects = random_effects()
    wanted, own = effects.own @ known_map(), effects.own.copy()
    left, right = index("mouthDimpleLeft"), index("mouthDimpleRight")
    own[:, left] *= 0.4
    free = replace(EXACT, most_helped=2.0)
    found = solve_calibration(replace(effects, own=own, wanted=wanted), free).map
    assert found[left, index("mouthSmileLeft")] == pytest.approx(0.875, abs=2e-3)
    assert found[right, index("mouthSmileRight")] == pytest.approx(0.35, abs=2e-3)


def test_helpers_help_their_own_side() -> None:
    for name, helpers in PARTNERS.items():
        assert shape_indices(name), name
        assert all(shape_indices(helper) for helper in helpers)
    wanted = random_effects().own @ known_map()
    found = solve_calibration(replace(random_effects(), wanted=wanted)).map
    for k, name in enumerate(ARKIT_NAMES):
        for j in np.flatnonzero(found[:, k]):
            sides = {n[-4:] for n in (name, ARKIT_NAMES[j]) if n.endswith(("Left", "ight"))}
            assert len(sides) < 2, (name, ARKIT_NAMES[j])


def plain(**changes: np.ndarray) -> Calibration:
    whole = {
        "map": np.eye(SHAPES, dtype=np.float32),
        "most": np.full(SHAPES, 3, np.float32),
        "gaps": np.zeros((2, SHAPES), np.float32),
        "reach": np.ones((SHAPES, 2), np.float32),
    }
    return Calibration(**(whole | changes))


def test_weights_are_mapped_row_by_row() -> None:
    rng = np.random.default_rng(1)
    weights = rng.uniform(0, 1, (9, SHAPES)).astype(np.float32)
    calibration = plain(map=known_map().astype(np.float32))
    out = calibrated(weights, calibration)
    np.testing.assert_array_equal(out[4:5], calibrated(weights[4:5], calibration))
    np.testing.assert_array_equal(calibrated(0 * weights, calibration), 0)
    smile = np.zeros((1, SHAPES), np.float32)
    smile[0, index("mouthSmileLeft")] = 0.5
    assert calibrated(smile, calibration)[0, index("mouthDimpleLeft")] == pytest.approx(0.175)


def test_a_ceiling_is_soft_but_never_below_one() -> None:
    values = np.array([1.0, 1.5, 2.0, 9.0, 1.0, 5.0])
    most = np.array([2.0, 2.0, 2.0, 2.0, 1.06, 1.0])
    out = soft_ceiling(values, most)
    np.testing.assert_allclose(out, [1, 1.5, 1.5 + 0.5 * np.tanh(1), 2, 1, 1], atol=1e-9)


def test_lips_part_no_further_than_the_open_heads() -> None:
    gaps = np.zeros((2, SHAPES), np.float32)
    smile, lift, close = index("mouthSmileLeft"), index("mouthUpperUpLeft"), index("mouthClose")
    gaps[0, smile], gaps[1, smile] = 0.01, 0.04
    gaps[0, lift], gaps[1, lift] = 0.02, 0.02
    gaps[:, close] = -0.3
    weights = np.zeros((2, SHAPES), np.float32)
    weights[0, smile] = 1
    weights[1, [smile, lift]] = 1
    out = calibrated(weights, plain(gaps=gaps))
    assert out[0, close] == pytest.approx(0.03 / 0.3, abs=1e-6)
    # What opens the lips gives back three tenths first: .006 of the .03 that are too much.
    assert out[1, lift] == pytest.approx(0.7, abs=1e-6)
    assert out[1, close] == pytest.approx(0.024 / 0.3, abs=1e-6)
    np.testing.assert_allclose((out @ gaps[1])[:2], [0.01, 0.03], atol=1e-6)


def test_lips_that_are_pressed_need_only_be_shut() -> None:
    """The open head's lips sink into one another; the rig's touch, and that is enough."""
    gaps = np.zeros((2, SHAPES), np.float32)
    smile, press, close = index("mouthSmileLeft"), index("mouthPressLeft"), index("mouthClose")
    gaps[0, smile], gaps[1, smile] = 0.01, 0.04
    gaps[0, press] = -0.05
    gaps[:, close] = -0.3
    weights = np.zeros((2, SHAPES), np.float32)
    weights[:, press] = 1
    weights[1, smile] = 1
    out = calibrated(weights, plain(gaps=gaps))
    assert out[0, close] == 0
    assert out[1, close] == pytest.approx(0.04 / 0.3, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("map", np.full((SHAPES, SHAPES), -0.1, np.float32)),
        ("map", np.zeros((SHAPES, 51), np.float32)),
        ("most", np.full(SHAPES, np.nan, np.float32)),
        ("gaps", np.full((2, SHAPES), np.inf, np.float32)),
        ("reach", np.full((SHAPES, 2), 1e9, np.float32)),
    ],
)
def test_damaged_calibrations_are_refused(name: str, value: np.ndarray) -> None:
    with pytest.raises(InputError) as caught:
        plain(**{name: value})
    assert caught.value.code == "avatar.calibration_values"
