# SPDX-License-Identifier: GPL-3.0-or-later
"""The measures see a way that turns back, a middle that collapses and a mouth that opens; and the
default that ships has none of these."""

import numpy as np
import pytest
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.synchronised import Synchronised, closure_frame, vowel_frame
from affekt.sidecar.lab.evaluation.interpolation import (
    STEPS,
    Way,
    blend_weights,
    closure_kept,
    measure_way,
    progress,
    travel,
    walk,
    walk_in_time,
    wrong_way,
)
from affekt.sidecar.lab.evaluation.performances import (
    STATES,
    speak_held_out,
    state_weights,
    track_of,
)
from affekt.sidecar.lab.training.linear_head import LinearHead, linearise_head
from affekt.sidecar.modulation.modulator import load_modulator, modulate

HEAD = read_head("open")
MODULATOR = load_modulator()
SURFACE = linearise_head(HEAD, 200)
SHARES = np.linspace(0, 1, STEPS)


@pytest.fixture(scope="module")
def spoken() -> Synchronised:
    return speak_held_out(1, 17, HEAD)[0]


def path_of(curve: np.ndarray) -> np.ndarray:
    """(STEPS, 3, 52) that move one weight along `curve` and hold the others."""
    arkit = np.full((STEPS, 3, 52), 0.2, np.float32)
    arkit[..., 7] = curve[:, None]
    return arkit


class TestMeasures:
    def test_a_straight_way_runs_nowhere_wrong(self):
        assert wrong_way(path_of(SHARES)) == (0.0, 0.0)
        assert wrong_way(path_of(1 - SHARES)) == (0.0, 0.0)

    def test_a_way_past_the_end_and_back_counts_what_it_takes_back(self):
        there_and_back = np.interp(SHARES, [0, 0.5, 1], [0, 1.25, 1])
        assert wrong_way(path_of(there_and_back))[0] == pytest.approx(0.25, abs=1e-6)

    def test_a_weight_that_hardly_differs_between_the_ends_says_nothing(self):
        assert wrong_way(path_of(0.3 * np.sin(np.pi * SHARES))) == (0.0, 0.0)

    def test_a_middle_that_falls_back_to_neutral_is_a_collapse(self):
        rng = np.random.default_rng(0)
        first, last = rng.normal(0, 1, (2, 12, 103)).astype(np.float32)
        straight = np.stack([(1 - s) * first + s * last for s in SHARES]).astype(np.float32)
        sagging = straight * (1 - 0.8 * np.sin(np.pi * SHARES))[:, None, None].astype(np.float32)
        arkit = path_of(SHARES)
        neutral, closure = np.zeros((12, 103), np.float32), np.zeros(12, np.float32)
        figures = [
            measure_way(Way(numbers=n, arkit=arkit), neutral, SURFACE, closure)
            for n in (straight, sagging)
        ]
        assert figures[0].collapse == pytest.approx(1, abs=1e-5)
        assert figures[1].collapse == pytest.approx(0.2, abs=1e-3)

    def test_a_closure_opened_on_one_step_is_lost(self):
        surface = LinearHead(
            basis=np.zeros((103, 3), np.float32),
            gap=np.ones((103, 5), np.float32),
            upper_share=np.zeros(103, np.float32),
        )
        closure = np.array([0, 1, 1, 0], np.float32)
        numbers = np.zeros((STEPS, 4, 103), np.float32)
        assert closure_kept(numbers, closure, surface) == 1
        numbers[4, 1, 0] = 2  # mm
        assert closure_kept(numbers, closure, surface) == 0.5
        numbers[:, [0, 3], 0] = 9  # no closures there
        assert closure_kept(numbers, closure, surface) == 0.5

    def test_progress_is_0_at_the_first_and_1_at_the_last(self):
        first, last = np.zeros((5, 103), np.float32), np.ones((5, 103), np.float32)
        middle = 0.25 * last
        assert np.allclose(progress(middle, first, last), 0.25)
        assert np.allclose(progress(last, first, last), 1)


def test_blends_are_linear_in_the_tracks_weights():
    assert np.allclose(blend_weights("happy", "sad", 0.25), [0.75, 0.25, 0, 0, 0, 0])
    assert np.allclose(blend_weights("neutral", "fear", 0.5), 0.5 * state_weights("fear"))


def test_a_vowel_is_open_and_a_closure_closed(spoken: Synchronised):
    assert spoken.closure[closure_frame(spoken)] > 0.95
    assert spoken.closure[vowel_frame(spoken)] < 0.05
    assert len(spoken.targets) == len(spoken.sources) == len(STATES)


@pytest.mark.parametrize("pair", [("happy", "sad"), ("angry", "surprise"), ("neutral", "disgust")])
def test_the_default_goes_straight_keeps_its_strength_and_its_speech(
    spoken: Synchronised, pair: tuple[str, str]
):
    take = spoken.sources[0]
    still = modulate(take, track_of(np.zeros((len(take), 6)), take.fps), MODULATOR)
    neutral = np.concatenate([still.expression, still.jaw], 1)
    way = walk(take, pair, MODULATOR, HEAD, every=16)
    figures = measure_way(way, neutral, SURFACE, spoken.closure)
    print(pair, figures)
    assert figures.wrong_way < 0.02
    assert figures.worst_wrong_way < 0.15
    # A half is half the energy, so the root of it as far: 1.41 of the linear blend. As much wider
    # the lips part, and a jaw that only one end drops shows more of it.
    assert figures.collapse > 1.2
    assert figures.jaw_correlation > 0.95
    assert figures.gap_change_mm < 0.8
    assert figures.closure_kept > 0.97


@pytest.mark.parametrize("pair", [("happy", "fear")])
def test_the_default_goes_straight_while_the_curve_moves(
    spoken: Synchronised, pair: tuple[str, str]
):
    take = spoken.sources[0]
    for frame in (vowel_frame(spoken), closure_frame(spoken)):
        held = walk_in_time(take, pair, MODULATOR, HEAD, frame)
        assert wrong_way(held.arkit)[0] < 0.02
        # What was passed on the way is not what stood at the ends.
        assert np.abs(held.numbers[4] - held.numbers[0]).max() > 0.1
    weights, moving = travel(take, pair, MODULATOR)
    assert np.allclose(weights[-1], state_weights(pair[1]))
    numbers = np.concatenate([moving.expression, moving.jaw], 1)
    assert closure_kept(numbers[None], spoken.closure, SURFACE) > 0.97
