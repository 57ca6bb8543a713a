# SPDX-License-Identifier: GPL-3.0-or-later
"""Upper and lower part, left and right stay."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.motion import make_motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.asymmetry_metrics import (
    PAIRS,
    compare_asymmetry,
    measure_take_asymmetry,
    right_minus_left,
)
from affekt.sidecar.lab.evaluation.performances import speak_held_out
from affekt.sidecar.lab.evaluation.regions import figures_of, halves, measure_regions
from affekt.sidecar.lab.evaluation.strips import mix_regions
from affekt.sidecar.lab.training.linear_head import upper_share
from affekt.sidecar.modulation.modulator import load_modulator

HEAD = read_head("open")
MODULATOR = load_modulator()
SHARE = dict(zip(HEAD.expression_names, MODULATOR.upper_share, strict=False))


@pytest.fixture(scope="module")
def take():
    return speak_held_out(1, 17, HEAD)[0].sources[0]


class TestShare:
    def test_brows_lids_and_the_nose_root_are_upper_and_the_mouth_is_lower(self):
        for name in ("browDownLeft", "browInnerUp", "eyeBlinkRight", "eyeSquintLeft"):
            assert SHARE[name] > 0.99, name
        for name in ("mouthSmileLeft", "mouthFrownRight", "mouthStretchLeft", "jawOpen"):
            assert SHARE[name] == 0, name
        assert MODULATOR.upper_share[100] == 0

    def test_a_number_that_moves_both_halves_belongs_to_both(self):
        assert 0.5 < SHARE["cheekSquintLeft"] < 0.95
        assert 0.05 < SHARE["cheekInnerIncrLeft"] < 0.5

    def test_both_sides_of_the_face_are_treated_alike(self):
        for left, right in PAIRS:
            assert MODULATOR.upper_share[left] == pytest.approx(
                MODULATOR.upper_share[right], abs=0.03
            )

    def test_another_share_is_all_that_changes(self):
        before = load_modulator()
        # It was trained on an open head whose brows had fewer hairs to move.
        assert np.allclose(MODULATOR.upper_share, upper_share(HEAD), atol=0.02)
        assert MODULATOR.network.state_dict().keys() == before.network.state_dict().keys()
        assert np.array_equal(MODULATOR.residual_scale, before.residual_scale)


class TestRegions:
    def test_halves_do_not_meet(self):
        masks = halves(HEAD)
        assert not (masks["upper"] & masks["lower"]).any()
        lowest = HEAD.template[masks["upper"], 1].min()
        assert lowest > HEAD.template[masks["lower"], 1].max()

    def test_the_default_keeps_to_the_half_that_was_asked_for(self, take):
        regions = measure_regions([take], MODULATOR, HEAD, step=12)
        for emotion, row in regions.items():
            for half, motion in row.items():
                print(emotion, half, motion)
                assert motion.own > 0.7 * motion.both, (emotion, half)
                # A wrinkled nose lifts its wings and the lip under them (AU 9), a smile the cheeks.
                is_both = (emotion, half) in (("disgust", "lower"), ("happy", "upper"))
                assert motion.leak < (0.35 if is_both else 0.2)
        leaks = [motion.leak for row in regions.values() for motion in row.values()]
        assert np.mean(leaks) < 0.07
        assert set(figures_of(regions)) == set(regions)

    def test_shares_of_a_half_each_leak(self, take):
        blurred = replace(MODULATOR, upper_share=np.full(103, 0.5, np.float32))
        regions = measure_regions([take], blurred, HEAD, step=12, emotions=("surprise",))
        assert regions["surprise"]["upper"].leak == pytest.approx(0.5, abs=0.05)

    def test_one_emotion_above_another(self, take):
        out = mix_regions(take, "angry", "happy", MODULATOR)
        names = HEAD.expression_names
        change = (out.expression - take.expression).mean(0)
        assert change[names.index("browDownLeft")] > 0.5
        assert change[names.index("mouthSmileLeft")] > 0.3


class TestSides:
    def lopsided(self, seed: int = 0):
        rng = np.random.default_rng(seed)
        expression = np.zeros((40, 100), np.float32)
        for left, right in PAIRS:
            expression[:, [left, right]] = 0.3 + 0.1 * rng.normal(size=2)
        return make_motion(expression=expression, fps=30.0, space="open")

    def test_pairs_are_mirror_images(self):
        names = HEAD.expression_names
        assert ("mouthSmileLeft", "mouthSmileRight") in {
            (names[left], names[right]) for left, right in PAIRS
        }
        assert not [names[left] for left, _ in PAIRS if names[left] in ("mouthLeft", "jawLeft")]

    def test_the_same_face_keeps_all_and_a_mirrored_one_nothing(self):
        take = self.lopsided()
        even = make_motion(expression=np.full((40, 100), 0.3, np.float32), fps=30.0, space="open")
        same = measure_take_asymmetry({"itself": take, "same": take})["same"]
        assert same.kept == pytest.approx(1)
        assert same.same_side == 1
        mirrored = right_minus_left(even, PAIRS).ravel() + 1e-9 * np.arange(40 * len(PAIRS))
        wanted = right_minus_left(take, PAIRS).ravel()
        assert compare_asymmetry(mirrored, wanted).kept == pytest.approx(0, abs=1e-3)
        assert compare_asymmetry(-wanted, wanted).same_side == 0

    def test_an_even_take_has_no_sides_to_keep(self):
        even = make_motion(expression=np.zeros((9, 100), np.float32), fps=30.0, space="open")
        assert measure_take_asymmetry({"itself": even, "same": even}) == {}
