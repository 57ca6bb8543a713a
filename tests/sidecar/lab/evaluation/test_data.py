# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs are balanced, and the target says nothing about the source."""

import numpy as np
from affekt.sidecar.lab.evaluation.data import (
    MIXED,
    MIXED_KINDS,
    STATES,
    class_clips,
    labels_of,
    mixed_clips,
)
from affekt.sidecar.lab.training.data import make_groups
from fakes.clips import group
from fakes.head import small_head

OFFSETS = np.arange(7)[:, None] * np.full((7, 103), 0.1)


def test_in_seven_performances_every_source_meets_every_target_once():
    labels = labels_of(class_clips([group(seed, OFFSETS) for seed in range(7)]))
    met = np.zeros((7, 7), int)
    np.add.at(met, (labels.source, labels.target), 1)
    assert (met == 1).all()
    assert labels.crossed.sum() == 42
    assert (np.bincount(labels.performance) == 7).all()


def test_the_first_performances_change_their_emotion():
    assert labels_of(class_clips([group(0, OFFSETS), group(1, OFFSETS)])).crossed.all()


def test_a_clip_is_what_its_labels_say():
    groups = [group(seed, OFFSETS) for seed in range(3)]
    for clip in class_clips(groups):
        made = groups[clip.performance]
        assert np.array_equal(clip.source, made.sources[clip.source_class].astype(np.float32))
        assert np.array_equal(clip.truth, made.targets[clip.target_class].astype(np.float32))
        for curve, of in ((clip.source_curve, clip.source_class), (clip.curve, clip.target_class)):
            expected = np.zeros(6) if of == 0 else np.eye(6)[of - 1]
            assert (curve == expected).all()


def test_moving_emotions_have_no_class():
    groups = make_groups("held-out", 1, MIXED_KINDS, 0, small_head())
    clips = mixed_clips(groups)
    assert len(clips) == len(MIXED_KINDS)
    assert all(clip.source_class == clip.target_class == MIXED for clip in clips)
    assert not any(np.array_equal(clip.source_curve, clip.curve) for clip in clips)


def test_classes_are_kinds_of_programs():
    made = make_groups("train", 1, STATES, 0, small_head())[0]
    assert made.kinds == STATES
    assert (made.weights.sum(2) == np.array([0, 1, 1, 1, 1, 1, 1])[:, None]).all()
