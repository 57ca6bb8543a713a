# SPDX-License-Identifier: GPL-3.0-or-later
"""The default that ships does its job on people and sentences it never met."""

from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS, constant_track
from affekt.shared.motion import Motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.compose import Performance, closure_level
from affekt.sidecar.lab.anchors.lips import lips_of
from affekt.sidecar.lab.anchors.programs import held_program
from affekt.sidecar.lab.anchors.speech import read_sentences
from affekt.sidecar.lab.anchors.style import make_style
from affekt.sidecar.lab.anchors.takes import make_performance, perform, vary_look
from affekt.sidecar.modulation.modulator import load_modulator, modulate

MODULATOR = load_modulator()
HEAD = read_head("open")
LIVE = MODULATOR.residual_scale > 0


def numbers(motion: Motion) -> np.ndarray:
    return np.concatenate([motion.expression, motion.jaw], 1)


@pytest.fixture(
    scope="module", params=[0, *(pytest.param(n, marks=pytest.mark.full) for n in (4, 9))]
)
def performance(request: pytest.FixtureRequest) -> Performance:
    rng = np.random.default_rng([99, request.param])
    return make_performance(read_sentences()["held-out"][request.param], make_style(rng), rng)


def source_of(performance: Performance, emotion: int) -> Motion:
    """The performance in an emotion (6 is none), in a look the model would not make."""
    curve = np.zeros((len(performance.articulation.channels), 6))
    if emotion < 6:
        curve = held_program(emotion, 0.8, len(curve))
    look = vary_look(performance.style, np.random.default_rng(emotion))
    return perform(performance, curve, HEAD, look)


def modulated(source: Motion, emotion: int) -> Motion:
    weights = {EMOTIONS[emotion]: 1.0} if emotion < 6 else {}
    return modulate(source, constant_track(len(source), 30.0, **weights), MODULATOR)


def truth_of(performance: Performance, emotion: int) -> np.ndarray:
    curve = np.zeros((len(performance.articulation.channels), 6))
    if emotion < 6:
        curve[:, emotion] = 1.0
    return numbers(perform(performance, curve, HEAD))


def test_each_emotion_comes_out_as_itself_whatever_was_there_before(performance: Performance):
    truths = [truth_of(performance, k) for k in range(7)]
    for source_emotion in range(7):
        source = source_of(performance, source_emotion)
        for emotion in range(7):
            out = numbers(modulated(source, emotion))
            distances = [np.abs(out - truth)[:, LIVE].mean() for truth in truths]
            assert int(np.argmin(distances)) == emotion
            assert distances[emotion] < 0.4 * np.partition(distances, 1)[1]


def test_lips_still_meet(performance: Performance):
    closed = closure_level(performance.articulation) > 0.98
    for source_emotion in (0, 2, 6):
        for emotion in range(7):
            out = numbers(modulated(source_of(performance, source_emotion), emotion))
            opening = (out @ lips_of(HEAD).opening)[closed].mean(1)
            assert np.quantile(opening, 0.95) < 1.0  # mm apart
            assert np.abs(opening).max() < 3.0


def test_speech_stays_speech(performance: Performance):
    # The jaw moves as it would have, had the sentence been said in this emotion.
    for emotion in range(7):
        truth = truth_of(performance, emotion)[:, 100]
        jaw = numbers(modulated(source_of(performance, (emotion + 1) % 6), emotion))[:, 100]
        assert np.corrcoef(truth, jaw)[0, 1] > 0.95
        assert 0.75 < jaw.std() / truth.std() < 1.25


def test_more_weight_is_more_emotion(performance: Performance):
    source = source_of(performance, 6)
    outs = [
        numbers(modulate(source, constant_track(len(source), 30.0, happy=w), MODULATOR))
        for w in (0.0, 0.3, 0.6, 1.0)
    ]
    away = [np.abs(out - outs[0])[:, LIVE].mean() for out in outs]
    assert all(a < b for a, b in pairwise(away))
    assert away[1] < 0.6 * away[3]


def test_it_is_small_and_says_what_it_is():
    path = resources.files("affekt.sidecar.assets") / "geometry_modulator.safetensors"
    assert len(path.read_bytes()) < 15_000_000
    figures = MODULATOR.about["figures"]
    assert isinstance(figures, dict)
    assert figures["parameter_error"] < 0.5 * figures["parameter_error_mean"]
    assert figures["closure_kept"] > 0.97
    assert MODULATOR.about["training"]


def test_brows_are_upper_and_the_jaw_is_lower():
    share = dict(zip(HEAD.expression_names, MODULATOR.upper_share, strict=False))
    assert share["browDownLeft"] > 0.95
    assert share["mouthSmileLeft"] < 0.2
    assert MODULATOR.upper_share[100] < 0.05


def test_its_rules_name_the_heads_shapes():
    names = HEAD.expression_names
    assert [names[column] for column in MODULATOR.lip_closers] == ["lipSeal", "mouthClose"]
    assert len(MODULATOR.mirrored) == 25
    for left, right in MODULATOR.mirrored:
        assert "Left" in names[left]
        assert names[right] == names[left].replace("Left", "Right")
