# SPDX-License-Identifier: GPL-3.0-or-later
"""A face that leads with one side keeps leading with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import constant_track
from affekt.shared.motion import make_motion
from affekt.sidecar.lab.anchors.channels import NAMES
from affekt.sidecar.modulation.asymmetry import asymmetry_factors, asymmetry_of
from affekt.sidecar.modulation.modulator import answering, load_modulator, modulate
from affekt.sidecar.modulation.network import NUMBERS
from affekt.sidecar.modulation.weights import save_modulator

MODULATOR = load_modulator()
LEFT, RIGHT = NAMES.index("mouthSmileLeft"), NAMES.index("mouthSmileRight")


def take_with(side: float) -> np.ndarray:
    """(90, 103) a moving mouth, its right half by 1 + side, its left by 1 - side."""
    numbers = np.zeros((90, NUMBERS), np.float32)
    wave = 0.2 + 0.2 * np.sin(np.arange(90) / 4)
    numbers[:, LEFT], numbers[:, RIGHT] = wave * (1 - side), wave * (1 + side)
    return numbers


def motion_of(numbers: np.ndarray):
    return make_motion(expression=numbers[:, :100], jaw=numbers[:, 100:], fps=30.0, space="open")


@pytest.mark.parametrize("side", [-0.12, 0.0, 0.1])
def test_the_side_is_found(side: float):
    assert asymmetry_of(take_with(side), MODULATOR.mirrored) == pytest.approx(side, abs=1e-5)


def test_a_still_take_has_no_side_and_half_a_face_no_more_than_the_largest():
    assert asymmetry_of(np.zeros((5, NUMBERS), np.float32), MODULATOR.mirrored) == 0
    assert asymmetry_of(take_with(1.0), MODULATOR.mirrored) == 0.2
    assert asymmetry_of(take_with(-0.3), MODULATOR.mirrored) == -0.2


def test_factors_leave_the_middle_and_the_lids_alone():
    factors = asymmetry_factors(0.2, MODULATOR.mirrored)
    assert factors[LEFT] == pytest.approx(0.8)
    assert factors[RIGHT] == pytest.approx(1.2)
    for name in ("jawOpen", "mouthLeft", "eyeBlinkLeft", "eyeLookInRight", "lipSeal"):
        assert factors[NAMES.index(name)] == 1
    assert (factors[100:] == 1).all()


def test_a_smile_put_in_leads_with_the_takes_side():
    track = constant_track(90, 30.0, happy=1.0)
    plain, sided = (replace(MODULATOR, asymmetry_gain=gain) for gain in (0.0, 1.0))
    lead = []
    for modulator in (plain, sided):
        out = modulate(motion_of(take_with(0.2)), track, modulator).expression
        change = (out - take_with(0.2)[:, :100]).mean(0)
        lead.append((change[RIGHT] - change[LEFT]) / (change[RIGHT] + change[LEFT]))
    assert lead[1] > lead[0] + 0.1
    even = motion_of(take_with(0.0))
    assert np.array_equal(
        modulate(even, track, sided).expression, modulate(even, track, plain).expression
    )


def test_the_gain_makes_a_takes_side_as_much_larger():
    plain = np.arange(1, NUMBERS + 1, dtype=np.float32)
    sided = replace(MODULATOR, asymmetry_gain=1.5, residual_scale=plain)
    found = answering(sided, motion_of(take_with(0.1))).residual_scale / plain
    assert found[LEFT] == pytest.approx(0.85, abs=1e-4)
    assert found[RIGHT] == pytest.approx(1.15, abs=1e-4)
    assert found[NAMES.index("jawOpen")] == 1


def test_every_range_has_the_bits_of_the_whole():
    motion, track = motion_of(take_with(-0.15)), constant_track(90, 30.0, angry=1.0)
    sided = replace(MODULATOR, asymmetry_gain=1.3)
    whole = modulate(motion, track, sided).expression
    part = modulate(motion, track, sided, range(40, 61)).expression
    assert part.tobytes() == whole[40:61].tobytes()


def test_the_gain_travels_with_the_weights(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    save_modulator(replace(MODULATOR, asymmetry_gain=1.25), path)
    assert load_modulator(path).asymmetry_gain == 1.25
