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
from scipy.optimize import lsq_linear

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


@pytest.mark.parametrize("flip", [1.0, -1.0])
@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [(1.0, 0.55, True), (0.55, 1.0, True), (1.0, 0.45, False), (0.45, 1.0, False)],
)
def test_twins_may_differ_by_half_of_the_larger_one(
    flip: float, left: float, right: float, alike: bool
) -> None:
    """One row a side, which sees the other one's motion with the other sign or not. Twins end at
    the mean of both ends, others each at its own."""
    own, most = np.zeros((2, SHAPES)), np.full(SHAPES, 3.0)
    sides = [index("noseSneerLeft"), index("noseSneerRight")]
    own[0, sides[0]], own[1, sides[1]] = left, flip * right
    most[sides] = 1.0, 2.0
    effects = replace(
        by_hand(own, own.copy()), mirror=np.array([1, 0]), mirror_signs=np.full(2, flip), most=most
    )
    found = solve_calibration(effects)
    assert found.most[sides].tolist() == ([1.5, 1.5] if alike else [1.0, 2.0])
    turned = solve_calibration(replace(effects, mirror_signs=np.full(2, -flip)))
    assert turned.most[sides].tolist() == [1.0, 2.0]


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


HELPERS = """
mouthSmile: mouthDimple mouthUpperUp cheekSquint mouthStretch
mouthFrown: mouthStretch mouthShrugLower mouthLowerDown
mouthPress: mouthRollUpper mouthRollLower
mouthDimple: mouthStretch cheekSquint
mouthPucker: mouthFunnel
mouthFunnel: mouthPucker
mouthUpperUp: noseSneer mouthShrugUpper
mouthShrugUpper: mouthUpperUp
noseSneer: mouthUpperUp eyeSquint browInnerUp
browInnerUp: browOuterUp browDown
browOuterUp: browInnerUp
browDown: noseSneer
eyeSquint: cheekSquint
cheekSquint: eyeSquint
jawForward: mouthShrugLower
mouthClose: mouthRollLower
"""


def test_each_helper_helps_what_it_is_there_for() -> None:
    """Each open shape in turn wants as much of every other rig's shape as of its own: it gets
    those that may help it and no others."""
    own = np.eye(SHAPES)
    effects = by_hand(own, np.ones((SHAPES, SHAPES)))
    found = solve_calibration(effects, Options(ridge=1e-9, restored=1.0)).map
    wanted = dict(line.split(": ") for line in HELPERS.split("\n") if line)
    for k, name in enumerate(ARKIT_NAMES):
        side = next((s for s in ("Left", "Right") if name.endswith(s)), "")
        helpers = wanted.get(name.removesuffix(side), "").split()
        both = {f"{one}{s}" for one in helpers for s in ((side,) if side else ("Left", "Right"))}
        here = {one for one in {*both, *helpers} if one in ARKIT_NAMES}
        assert {ARKIT_NAMES[j] for j in np.flatnonzero(found[:, k])} == {name, *here}
    assert shape_indices("jawOpen") == (index("jawOpen"),)
    assert shape_indices("browDown") == (index("browDownLeft"), index("browDownRight"))


def test_a_shapes_twin_is_on_the_other_side() -> None:
    twins = {ARKIT_NAMES[k]: ARKIT_NAMES[j] for k, j in enumerate(mirrored_shapes())}
    assert (twins["browDownLeft"], twins["browDownRight"]) == ("browDownRight", "browDownLeft")
    assert (twins["jawLeft"], twins["jawRight"]) == ("jawRight", "jawLeft")
    assert (twins["mouthLeft"], twins["mouthRight"]) == ("mouthRight", "mouthLeft")
    assert (twins["jawOpen"], twins["eyeLookInRight"]) == ("jawOpen", "eyeLookInLeft")


def by_hand(own: np.ndarray, wanted: np.ndarray, shut: tuple[int, ...] = ()) -> Effects:
    """Rows that all count alike, each of them its own mirror image."""
    rows = len(own)
    return Effects(
        own=own,
        poses=np.eye(SHAPES),
        wanted=wanted,
        row_weights=np.ones(rows),
        pose_weights=np.ones(SHAPES),
        closing_rows=np.isin(np.arange(rows), shut),
        mirror=np.arange(rows),
        mirror_signs=np.ones(rows),
    )


def effects_of(own: dict[str, tuple[float, ...]], wanted: dict[str, tuple[float, ...]]) -> Effects:
    """By shapes' names, rows of their motions; all others do nothing."""
    count = len(next(iter(own.values())))
    arrays = np.zeros((2, count, SHAPES))
    for array, named in zip(arrays, (own, wanted), strict=True):
        for name, motion in named.items():
            array[:, index(name)] = motion
    return by_hand(arrays[0], arrays[1])


def test_the_map_is_that_of_the_sum_in_the_module() -> None:
    """Against an ordinary solver of bounded least squares, with rows, poses and both sides of
    unlike weight; some bounds hold, and half of the rows are seen from the other side."""
    effects, tied = small_effects()
    options = Options(ridge=0.1, most_helped=0.25, gains=(0.6, 1.1), restored=1.0, tolerance=1e-12)
    found = solve_calibration(effects, replace(options, sweeps=3000))
    wanted, at_bounds = plain_map(effects, tied, options)
    np.testing.assert_allclose(found.map, wanted, atol=2e-6)
    assert 1 < at_bounds < len(tied) - 3


def small_effects() -> tuple[Effects, list[list[tuple[int, int]]]]:
    """A face of few shapes in 24 rows, its poses single and mixed, and the entries of its map that
    are free, those of both sides together."""
    rng = np.random.default_rng(12)
    mirror, signs = np.r_[12:24, 0:12], np.tile(np.r_[-np.ones(5), np.ones(7)], 2)
    sided, middle = ("mouthSmile", "mouthDimple", "cheekSquint", "browDown"), ("browInnerUp",)
    kept = [k for one in (*sided, *middle) for k in shape_indices(one)]
    own = np.zeros((24, SHAPES))
    own[:, kept] = rng.normal(size=(24, len(kept)))
    own = own + own[mirror][:, mirrored_shapes()] * signs[:, None]
    mixed = np.zeros((SHAPES, 3))
    mixed[kept] = rng.uniform(0, 1, (len(kept), 3)) * rng.integers(0, 2, (len(kept), 3))
    poses = np.concatenate([np.eye(SHAPES), mixed], 1)
    free = known_map()
    free[index("browInnerUp"), index("browInnerUp")] = 1.4
    effects = Effects(
        own=own,
        poses=poses,
        wanted=own @ free @ poses + rng.normal(0, 0.4, (24, SHAPES + 3)) * (poses.sum(0) > 0),
        row_weights=rng.uniform(0.3, 3, 24),
        pose_weights=np.r_[rng.uniform(0.5, 2, SHAPES), 4.0, 2.0, 3.0],
        closing_rows=np.zeros(24, bool),
        mirror=mirror,
        mirror_signs=signs,
    )
    effects.wanted[:, [k for k in range(SHAPES) if k not in kept]] = 0
    pairs = [(one, one) for one in sided]
    pairs += [("mouthDimple", "mouthSmile"), ("cheekSquint", "mouthSmile")]
    pairs += [("cheekSquint", "mouthDimple")]
    tied = [list(zip(*map(shape_indices, pair), strict=True)) for pair in pairs]
    inner, (left, right) = index("browInnerUp"), shape_indices("browDown")
    return effects, [*tied, [(inner, inner)], [(left, inner), (right, inner)]]


def plain_map(
    effects: Effects, tied: list[list[tuple[int, int]]], options: Options
) -> tuple[np.ndarray, int]:
    """(52, 52) the map, and how many of its groups end at a bound."""
    counts = np.sqrt(np.outer(effects.row_weights, effects.pose_weights)).ravel()
    rows = effects.own * np.sqrt(effects.row_weights)[:, None]
    poses = effects.poses * np.sqrt(effects.pose_weights)
    curved = np.outer((rows**2).sum(0), (poses**2).sum(1))
    wanted, start = effects.wanted * np.sqrt(effects.row_weights)[:, None], np.eye(SHAPES)
    for group in tied:
        for j, k in group:
            shown = np.abs(wanted[:, k]) >= 0.5 * np.abs(wanted[:, k]).max()
            ratio = np.linalg.norm(wanted[shown, k]) / np.linalg.norm(rows[shown, k])
            start[j, k] = np.clip(ratio, *options.gains) if j == k else 0
        where = tuple(np.transpose(group))
        start[where] = start[where].mean()
    columns, goals = [], [(effects.wanted.ravel() * counts)]
    goals += [np.sqrt(options.ridge * curved[j, k]) * start[j, k] for g in tied for j, k in g]
    entries = [(i, j, k) for i, group in enumerate(tied) for j, k in group]
    for i, group in enumerate(tied):
        moved = sum(np.outer(effects.own[:, j], effects.poses[k]) for j, k in group)
        held = [np.sqrt(options.ridge * curved[j, k]) * (g == i) for g, j, k in entries]
        columns.append(np.concatenate([moved.ravel() * counts, held]))
    helps = [g[0][0] != g[0][1] for g in tied]
    low = np.where(helps, 0, options.gains[0])
    high = np.where(helps, options.most_helped, options.gains[1])
    solved = lsq_linear(np.stack(columns, 1), np.hstack(goals), (low, high), tol=1e-14)
    out = start.copy()
    for group, value in zip(tied, solved.x, strict=True):
        out[tuple(np.transpose(group))] = value
    return out, int((np.isclose(solved.x, low) | np.isclose(solved.x, high)).sum())


def test_a_jaw_gets_the_ratio_of_what_shows_it_most_and_nothing_else() -> None:
    """Of the rows that move by half of the largest or more: .05 and .025 for .1 and .075."""
    jaw = index("jawOpen")
    wanted = (0.05, -0.025, 0.024)
    found = solve_calibration(effects_of({"jawOpen": (0.1, 0.075, 0.9)}, {"jawOpen": wanted}))
    assert found.map[jaw, jaw] == pytest.approx(np.sqrt(5) / 5)
    small = effects_of({"jawOpen": (0.02, 0.01, 0.9)}, {"jawOpen": wanted})
    assert solve_calibration(small).map[jaw, jaw] == pytest.approx(1.2)  # never restored
    assert solve_calibration(small).reach[jaw] == pytest.approx(
        np.array([1, 1.2]) * np.linalg.norm([0.02, 0.01, 0.9]) / np.linalg.norm(wanted)
    )


@pytest.mark.parametrize(("size", "gain"), [(0.1, 1.2 * 1.55), (0.75, 4 / 3), (1, 1), (9, 0.3)])
def test_how_far_a_shape_alone_is_fitted(size: float, gain: float) -> None:
    """Its gain from .3 to 1.2, and up to 1.55 times as much to bring back its size."""
    puff = index("cheekPuff")
    found = solve_calibration(effects_of({"cheekPuff": (size,)}, {"cheekPuff": (1,)}))
    assert found.map[puff, puff] == pytest.approx(gain, abs=1e-6)


def test_how_far_a_shape_is_helped() -> None:
    """The pucker wants a funnel of 1 beside it. Its own gain is 1, drawn by the ridge of .02 to the
    ratio of both sizes, which ends at 1.2."""
    pucker, funnel = index("mouthPucker"), index("mouthFunnel")
    effects = effects_of(
        {"mouthPucker": (1, 0), "mouthFunnel": (0, 1)},
        {"mouthPucker": (1, 1), "mouthFunnel": (0, 1)},
    )
    found = solve_calibration(effects, Options(restored=1)).map
    assert found[pucker, pucker] == pytest.approx((1 + 0.02 * 1.2) / 1.02, abs=1e-5)
    assert found[funnel, pucker] == pytest.approx(0.6, abs=1e-6)
    assert found[pucker, funnel] == 0
    whole = solve_calibration(effects).map  # the size comes back to both of them
    back = np.sqrt(2) / np.hypot(found[pucker, pucker], 0.6)
    np.testing.assert_allclose(
        whole[[pucker, funnel], pucker], back * found[[pucker, funnel], pucker]
    )


def test_what_one_of_the_two_lacks_stays_as_it_is() -> None:
    """A smile that the rig lacks is not put together of dimples; one that the open head lacks gets
    none; dimples that the rig lacks cannot help. And a blink and a gaze stay."""
    three = {
        "mouthSmileLeft": (1.0, 0, 0),
        "mouthDimpleLeft": (0, 1.0, 0),
        "eyeBlinkLeft": (0, 0, 2),
    }
    wanted = {
        "mouthSmileLeft": (1.0, 1, 0),
        "mouthDimpleLeft": (1, 1, 0),
        "eyeBlinkLeft": (0, 0, 1),
    }
    blink = index("eyeBlinkLeft")
    for rig_lacks, head_lacks in (("Smile", ""), ("", "Smile"), ("Dimple", "")):
        own = {n: m for n, m in three.items() if rig_lacks == "" or rig_lacks not in n}
        goal = {n: m for n, m in wanted.items() if head_lacks == "" or head_lacks not in n}
        effects = effects_of(own, goal)
        # A pose of both, so that a shape that the open head lacks is still seen.
        effects.wanted[:2, index("mouthSmileRight")] = 1
        effects.poses[index("mouthSmileLeft"), index("mouthSmileRight")] = 1
        found = solve_calibration(effects, Options(restored=1)).map
        lost = index(f"mouth{rig_lacks or head_lacks}Left")
        np.testing.assert_array_equal(found[lost], np.eye(SHAPES)[lost])
        smile = index("mouthSmileLeft")
        assert np.flatnonzero(found[:, smile]).tolist() == [smile]
        assert found[blink, blink] == 1


def test_what_shuts_the_lips_is_fitted_to_that_alone() -> None:
    """Four fifths shut the lips, though the rest of the face asks for a third. Gaps are the means
    of the lips' rows, however much these count."""
    close, smile = index("mouthClose"), index("mouthSmileLeft")
    own, wanted = np.zeros((4, SHAPES)), np.zeros((4, SHAPES + 1))
    own[:, close], wanted[:, close] = (-0.5, -0.5, 3, 9), (-0.4, -0.4, 1, 3)
    own[:2, smile], wanted[:2, smile] = (0.125, 0.25), (0.0625, 0)
    wanted[:, SHAPES] = 7
    effects = replace(
        by_hand(own, wanted, shut=(0, 1)),
        poses=np.concatenate([np.eye(SHAPES), np.zeros((SHAPES, 1))], 1),
        pose_weights=np.ones(SHAPES + 1),
        row_weights=np.array([4.0, 4, 1, 1]),
    )
    found = solve_calibration(effects, Options(ridge=0))
    assert found.map[close, close] == pytest.approx(0.8, abs=1e-6)
    assert found.gaps[:, smile].tolist() == pytest.approx([0.03125, 0.1875])
    assert found.gaps[:, close].tolist() == pytest.approx([-0.4, -0.5])
    wide = solve_calibration(replace(effects, own=-9 * own), Options(ridge=0))
    assert wide.gaps[1, [close, smile]].tolist() == [1, -1]


def test_a_reach_ends_where_numbers_do() -> None:
    found = solve_calibration(
        effects_of({"cheekPuff": (5e3,), "jawOpen": (1,)}, {"cheekPuff": (1,)})
    )
    assert found.reach[index("cheekPuff"), 0] == 99
    assert found.reach[index("jawOpen")].tolist() == [0, 0]  # the open head has none


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


def test_each_gap_is_measured_by_its_own_weights() -> None:
    """The take's on the open head, the mapped ones on the rig; of these .125 of the lift's .5 shut
    what it opens."""
    gaps = np.zeros((2, SHAPES), np.float32)
    smile, lift, close = index("mouthSmileLeft"), index("mouthUpperUpLeft"), index("mouthClose")
    gaps[:, smile], gaps[:, lift], gaps[:, close] = (0.01, 0.04), (0.5, 0.02), (-0.7, -0.25)
    helped = np.eye(SHAPES, dtype=np.float32)
    helped[smile, smile], helped[lift, smile] = 0.75, 0.5
    weights = np.zeros((2, SHAPES), np.float32)
    weights[:, smile] = 1, 0.5
    out = calibrated(weights, plain(gaps=gaps, map=helped))
    # .04 * .75 + .02 * .5 - .01 = .03 too far, of which three tenths of .01 are the lift's.
    assert out[0, [smile, lift, close]].tolist() == pytest.approx([0.75, 0.35, 0.027 / 0.25])
    assert out[1, [smile, lift, close]].tolist() == pytest.approx([0.375, 0.175, 0.0135 / 0.25])
    # Where little is too much, the openers give all of it back.
    gaps[1, smile], gaps[0, smile] = 0.01, 0.015
    out = calibrated(weights, plain(gaps=gaps, map=helped))
    assert out[0, [lift, close]].tolist() == pytest.approx([0.5 * 0.75, 0])


@pytest.mark.parametrize(
    "opener", ["mouthLowerDownLeft", "mouthUpperUpRight", "mouthShrugUpper", "jawOpen"]
)
def test_lips_that_gape_are_shut_by_half_at_most(opener: str) -> None:
    """And a lip gives three tenths, the jaw nothing; what closes lips by itself never gives."""
    gaps = np.zeros((2, SHAPES), np.float32)
    k, close, roll = index(opener), index("mouthClose"), index("mouthUpperUpLeft")
    gaps[1, k], gaps[1, roll] = 0.5, gaps[1, roll] or -0.01
    gaps[1, close] = -0.25
    weights = np.zeros((1, SHAPES), np.float32)
    weights[0, [k, roll]] = 1, 0.25
    out = calibrated(weights, plain(gaps=gaps))[0]
    assert out[k] == pytest.approx(1 if opener == "jawOpen" else 0.7)
    assert out[roll] == 0.25
    assert out[close] == pytest.approx(0.5)
    gaps[1, close] = 0.25  # on this rig it closes nothing
    assert calibrated(weights, plain(gaps=gaps))[0, close] == 0


def test_a_lip_that_closes_takes_nothing_from_what_others_give_back() -> None:
    """.5 - .25 is .01 more than was wanted, a fiftieth of what opens."""
    gaps = np.zeros((2, SHAPES), np.float32)
    left, right = index("mouthLowerDownLeft"), index("mouthLowerDownRight")
    gaps[:, left], gaps[:, right] = (0.24, 0.5), (0, -0.25)
    weights = np.zeros((1, SHAPES), np.float32)
    weights[0, [left, right]] = 1
    out = calibrated(weights, plain(gaps=gaps))[0]
    assert out[[left, right]].tolist() == pytest.approx([0.98, 1], abs=1e-6)


def test_weights_end_at_their_largest_before_the_lips_are_looked_at() -> None:
    gaps, most = np.zeros((2, SHAPES), np.float32), np.full(SHAPES, 3, np.float32)
    smile, close = index("mouthSmileLeft"), index("mouthClose")
    gaps[1, [smile, close]], most[smile] = (0.01, -0.25), 1.0
    weights = np.zeros((1, SHAPES), np.float32)
    weights[0, smile] = 2.5
    out = calibrated(weights, plain(gaps=gaps, most=most))[0]
    assert out[[smile, close]].tolist() == pytest.approx([1, 0.01 / 0.25])


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


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("map", (0, 99.9), (-0.01, 100)),
        ("most", (0, 99.9), (-0.01, 100)),
        ("gaps", (-10, 99.9), (-10.1, 100)),
        ("reach", (0, 99.9), (-0.01, 100)),
    ],
)
def test_how_large_a_calibrations_numbers_may_be(
    name: str, good: tuple[float, ...], bad: tuple[float, ...]
) -> None:
    whole = getattr(plain(), name)
    for value in (*good, *bad):
        changed = whole.copy()
        changed[-1] = value
        if value in good:
            assert getattr(plain(**{name: changed}), name) is changed
            continue
        with pytest.raises(InputError, match=f"has a {name} that is none"):
            plain(**{name: changed})
    with pytest.raises(InputError, match=f"has a {name} that is none"):
        plain(**{name: whole[:-1]})
