# SPDX-License-Identifier: GPL-3.0-or-later
"""The baselines do what the table says of them."""

import numpy as np
import pytest
from affekt.sidecar.lab.anchors.channels import NAMES
from affekt.sidecar.lab.evaluation.baselines import (
    articulation,
    make_pose_bank,
    mean_offsets,
    offset_added,
    offset_exchanged,
    own_columns,
    untouched,
)
from affekt.sidecar.lab.evaluation.data import MIXED
from fakes.clips import clip, group, numbers

OFFSETS = np.random.default_rng(8).uniform(0, 0.4, (7, 103)).astype(np.float32)
OFFSETS[0] = 0
GROUPS = [group(seed, OFFSETS, frames=20 + seed) for seed in range(4)]


def test_offsets_are_learned():
    assert mean_offsets(GROUPS) == pytest.approx(OFFSETS[1:], abs=1e-3)


def test_untouched_is_the_source():
    made = clip()
    assert untouched(made) is made.source


def test_an_added_offset_leaves_the_source_emotion_in():
    neutral = numbers(1)
    made = clip(source=neutral + OFFSETS[1])
    assert offset_added(OFFSETS[1:])(made) == pytest.approx(neutral + OFFSETS[1] + OFFSETS[2])


def test_an_exchanged_offset_takes_it_out():
    neutral = numbers(1)
    made = clip(source=neutral + OFFSETS[1])
    output = offset_exchanged(OFFSETS[1:])(made)
    assert output == pytest.approx(neutral + OFFSETS[2], abs=1e-6)
    assert output.dtype == np.float32


# Emotions that leave speech alone, so that articulation finds the frame it came from.
QUIET = OFFSETS.copy()
QUIET[:, own_columns()] = 0


class TestPose:
    bank = make_pose_bank([group(seed, QUIET) for seed in range(3)])

    def test_it_finds_the_frames_of_a_take_it_knows(self):
        made = clip(source=numbers(2) + QUIET[1])
        truth = numbers(2) + QUIET[2]
        error = np.abs(self.bank(made) - truth)
        assert error.mean() < 0.003  # smoothed over time
        assert np.abs(made.source - truth).mean() > 0.05

    def test_speech_and_eyes_stay_the_take_s(self):
        made = clip(source=numbers(9))
        own = own_columns()
        assert np.array_equal(self.bank(made)[:, own], made.source[:, own])
        assert np.array_equal(articulation(self.bank(made)), articulation(made.source))
        for name in ("jawOpen", "mouthClose", "mouthPucker", "eyeBlinkLeft", "eyeLookUpLeft"):
            assert NAMES.index(name) in own
        for name in ("mouthSmileLeft", "browDownRight", "noseSneerLeft"):
            assert NAMES.index(name) not in own

    def test_it_does_not_know_moving_emotions(self):
        with pytest.raises(ValueError, match="one emotion"):
            self.bank(clip(target_class=MIXED))
