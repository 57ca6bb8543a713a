# SPDX-License-Identifier: GPL-3.0-or-later
"""The default that ships does its job on people and sentences it never met."""

from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS, USUALLY_CLOSED, constant_track
from affekt.shared.motion import Motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.compose import Performance, closure_level
from affekt.sidecar.lab.anchors.lips import lips_of
from affekt.sidecar.lab.anchors.programs import held_program
from affekt.sidecar.lab.anchors.speech import read_sentences
from affekt.sidecar.lab.anchors.style import make_style
from affekt.sidecar.lab.anchors.takes import make_performance, perform, vary_look
from affekt.sidecar.lab.training.linear_head import linearise_head
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


def modulated(
    performance: Performance, source_emotion: int, emotion: int, keep_closed: float = USUALLY_CLOSED
) -> Motion:
    """The performance in one emotion turned into another, by the variants that the person shows."""
    source = source_of(performance, source_emotion)
    weights = {EMOTIONS[emotion]: 1.0} if emotion < 6 else {}
    own = replace(MODULATOR, variants=performance.style.variants.astype(np.float32))
    track = constant_track(len(source), 30.0, keep_closed=keep_closed, **weights)
    return modulate(source, track, own)


def truth_of(
    performance: Performance, emotion: int, keep_closed: float = USUALLY_CLOSED
) -> np.ndarray:
    curve = np.zeros((len(performance.articulation.channels), 6))
    if emotion < 6:
        curve[:, emotion] = 1.0
    return numbers(perform(performance, curve, HEAD, keep_closed=keep_closed))


def distances_of(performance: Performance) -> np.ndarray:
    """(7, 7, 7) mean distance of the output to each emotion's truth, by the source's emotion and by
    the target's."""
    truths = [truth_of(performance, k) for k in range(7)]
    distances = np.zeros((7, 7, 7))
    for source_emotion, emotion in np.ndindex(7, 7):
        out = numbers(modulated(performance, source_emotion, emotion))
        distances[source_emotion, emotion] = [np.abs(out - t)[:, LIVE].mean() for t in truths]
    return distances


def test_each_emotion_comes_out_as_itself_whatever_was_there_before(performance: Performance):
    nearest = distances_of(performance).argmin(2)
    assert (nearest == np.arange(7)).mean() > 0.95


def test_each_emotion_comes_out_far_from_the_others(performance: Performance):
    distances = np.sort(distances_of(performance), axis=2)
    assert (distances[..., 0] < 0.55 * distances[..., 1]).all()  # anger is nearest to disgust


def test_lips_still_meet(performance: Performance):
    closed = closure_level(performance.articulation) > 0.98
    for source_emotion in (0, 2, 6):
        for emotion in range(7):
            out = numbers(modulated(performance, source_emotion, emotion))
            opening = (out @ lips_of(HEAD).opening)[closed].mean(1)
            assert np.quantile(opening, 0.95) < 1.0  # mm apart
            assert np.abs(opening).max() < 3.0


SURPRISE = EMOTIONS.index("surprise")


def jaws_of(performance: Performance, emotion: int) -> tuple[np.ndarray, np.ndarray]:
    """(T,) each: the jaw as it would have moved, had the sentence been said in this emotion, and as
    it moves in the output. Held lips are kept closed: what surprise opens is no speech."""
    out = modulated(performance, (emotion + 1) % 6, emotion, keep_closed=1.0)
    return truth_of(performance, emotion, keep_closed=1.0)[:, 100], numbers(out)[:, 100]


def test_speech_stays_speech(performance: Performance):
    for emotion in {*range(7)} - {SURPRISE}:
        truth, jaw = jaws_of(performance, emotion)
        assert np.corrcoef(truth, jaw)[0, 1] > 0.9
        assert 0.75 < jaw.std() / truth.std() < 1.25


def test_speech_stays_speech_in_surprise(performance: Performance):
    """Less closely than in other emotions: most of this jaw is the emotion's own opening, which
    yields to words."""
    truth, jaw = jaws_of(performance, SURPRISE)
    assert np.corrcoef(truth, jaw)[0, 1] > 0.65


def test_weights_are_shares_of_an_emotions_energy(performance: Performance):
    source = source_of(performance, 6)
    surface = linearise_head(HEAD, 400)
    outs = [
        numbers(modulate(source, constant_track(len(source), 30.0, happy=w), MODULATOR))
        for w in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    energies = [np.square((out - outs[0]) @ surface.basis).mean() for out in outs]
    np.testing.assert_allclose(np.array(energies) / energies[-1], [0, 0.25, 0.5, 0.75, 1], atol=0.1)


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
