# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of program does what its name says, for many draws."""

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.sidecar.lab.anchors import programs
from affekt.sidecar.lab.anchors.programs import held_program, make_program, pairs_of

FRAMES, FPS = 240, 30.0


def drawn(kind: str, count: int = 60, **options: object) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    made = [make_program(kind, FRAMES, FPS, rng, **options) for _ in range(count)]
    for program in made:
        assert program.shape == (FRAMES, 6)
        assert program.min() >= 0
        assert program.max() <= 1.2
    return made


def moving(program: np.ndarray) -> np.ndarray:
    """(T, n) the columns that are not 0 throughout."""
    return program[:, program.any(0)]


def test_neutral_and_held() -> None:
    assert not any(program.any() for program in drawn("neutral"))
    steady = drifting = 0
    for program in drawn("held"):
        (column,) = moving(program).T
        assert column.min() >= 0.6 * 0.35 - 1e-9
        assert column.min() >= 0.6 * column.max() - 1e-9
        steady += bool(np.ptp(column) == 0)
        drifting += bool(np.ptp(column) > 0.1)
        assert np.abs(np.diff(column)).max() < 1.2 * 0.2 * 2 * np.pi * 0.6 / FPS + 1e-9
    assert min(steady, drifting) > 10
    assert held_program(4, 0.75, 3).tolist() == [[0, 0, 0, 0, 0.75, 0]] * 3
    ones = sum(program.max() == 1 for program in drawn("held", 200))
    assert 25 < ones < 60  # a fifth: what animators key most


def test_rise_and_pulse() -> None:
    """One emotion that comes or goes once, and one that comes and goes."""
    ways = set()
    for program in drawn("rise"):
        (column,) = moving(program).T
        steps = np.diff(column)
        way = np.sign(column[-1] - column[0])
        assert (way * steps >= -1e-12).all()
        assert min(column[0], column[-1]) == 0
        assert max(column[0], column[-1]) >= 0.35
        ways.add(float(way))
    assert ways == {-1, 1}
    for program in drawn("pulse"):
        (column,) = moving(program).T
        apex = column.argmax()
        assert column[0] == column[-1] == 0 or column[[0, -1]].max() < 0.5 * column.max()
        assert (np.diff(column[: apex + 1]) >= -1e-12).all()
        assert (np.diff(column[apex:]) <= 1e-12).all()


def test_transition_blend_pair_and_alternation() -> None:
    for program in drawn("transition"):
        columns = moving(program)
        first, second = columns.T if columns[0, 0] > 0 else columns.T[::-1]
        assert (first[-1], second[0]) == (0, 0)
        np.testing.assert_allclose(first / first[0] + second / second[-1], 1, atol=1e-9)
    for program in drawn("blend"):
        first, second = moving(program).T
        assert np.ptp(first) == np.ptp(second) == 0
        assert 0.25 * 0.35 <= first[0] + second[0] <= 1.2
        assert first[0] <= 0.75 * 1.2
    for program in drawn("pair"):
        assert moving(program).shape[1] == 2
        assert moving(program).min() >= 0.6 * 0.6 - 1e-9
    for program in drawn("alternation"):
        first, second = moving(program).T
        turns = second / second.max() if first[0] > 0 else first / first.max()
        other = first / first.max() if first[0] > 0 else second / second.max()
        np.testing.assert_allclose(turns + other, 1, atol=1e-9)
        changes = np.flatnonzero(np.diff((turns > 0.5).astype(int)))
        assert (np.diff(changes) >= 0.4 * FPS - 2).all()
        assert (np.diff(changes) <= 1.2 * FPS + 2).all()
        assert len(changes) >= 5


def test_only_pairs_that_may_meet_do() -> None:
    kept_back = {frozenset(pair) for pair in
                 (("happy", "fear"), ("sad", "disgust"), ("angry", "surprise"))}  # fmt: skip

    def named(split: str | None) -> set[frozenset[str]]:
        return {frozenset(EMOTIONS[k] for k in pair) for pair in pairs_of(split)}

    assert named("held-out") == kept_back
    assert len(named(None)) == 15
    assert named("train") == named(None) - kept_back
    for split in ("held-out", "train"):
        seen = {
            frozenset(EMOTIONS[k] for k in np.flatnonzero(program.any(0)))
            for program in drawn("transition", 200, pairs=pairs_of(split))
        }
        assert seen == named(split)
    assert max(p.max() for p in drawn("held", strongest=0.5)) == 0.5


def test_a_ramp_by_hand() -> None:
    """Of 8 frames around frame 10: a quarter of the way in is .15625 of the height."""
    ramp = programs._ramp(20, 10.0, 8.0)
    np.testing.assert_allclose(ramp[[0, 6, 8, 10, 12, 14, 19]], [0, 0, 0.15625, 0.5, 0.84375, 1, 1])


@pytest.mark.parametrize("kind", programs.KINDS)
def test_a_draw_can_be_made_again(kind: str) -> None:
    one, other = (make_program(kind, 50, 24.0, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
