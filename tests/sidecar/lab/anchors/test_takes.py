# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: lips that must meet meet, emotions are plain, one performance is one timing."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion, numbers_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.articulation import LEAD_S, TAIL_S, Silence, articulate
from affekt.sidecar.lab.anchors.channels import NAMES, columns_of, parts, side_of
from affekt.sidecar.lab.anchors.compose import Performance, closure_level, compose, tuck_level
from affekt.sidecar.lab.anchors.emotions import CEILING, CLOSED, OPEN, ceilings, expression_table
from affekt.sidecar.lab.anchors.lips import lips_of
from affekt.sidecar.lab.anchors.nonverbal import make_nonverbal
from affekt.sidecar.lab.anchors.programs import KINDS, held_program, make_program
from affekt.sidecar.lab.anchors.speech import speak
from affekt.sidecar.lab.anchors.style import calm_style, make_style
from affekt.sidecar.lab.anchors.takes import make_performance, perform, vary_look
from affekt.sidecar.modulation.windows import MODEL_FPS
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = "Please put the paper bag by the empty bench, five fresh fish."


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head("open")


@pytest.fixture(scope="module")
def performance() -> Performance:
    return make_performance(TEXT, calm_style(), np.random.default_rng(0))


def length(performance: Performance) -> int:
    return len(performance.articulation.channels)


@pytest.mark.parametrize("rate", [130, 160, 190])
def test_every_bilabial_closes_on_some_frame(rate: int):
    from affekt.sidecar.lab.anchors.speech import Voice

    speech = speak(TEXT, Voice(rate=rate))
    articulation = articulate(speech, MODEL_FPS)
    for symbols, level in (("mbp", closure_level(articulation)), ("fv", tuck_level(articulation))):
        for phoneme in speech.phonemes:
            if phoneme.symbol in symbols:
                first = int((LEAD_S + phoneme.start_s) * MODEL_FPS)
                last = int((LEAD_S + phoneme.stop_s) * MODEL_FPS) + 2
                assert level[first:last].max() > 0.9, phoneme


@pytest.mark.parametrize("emotion", range(7))
def test_lips_meet_on_the_head_in_every_emotion(performance, head, emotion: int):
    curve = np.zeros((length(performance), 6))
    if emotion < 6:
        curve[:, emotion] = 1.0
    motion = perform(performance, curve, head)
    numbers = np.concatenate([motion.expression, motion.jaw], 1)
    opening = (numbers @ lips_of(head).opening)[closure_level(performance.articulation) > 0.98]
    assert len(opening) > 8
    assert opening.mean(1).max() < 0.3  # mm apart, counted from the lips at rest, which meet
    assert opening.max() < 1.2


def test_vowels_open_the_mouth(performance, head):
    motion = perform(performance, np.zeros((length(performance), 6)), head)
    numbers = np.concatenate([motion.expression, motion.jaw], 1)
    assert (numbers @ lips_of(head).opening)[:, 2].max() > 5


def test_emotions_differ_more_than_their_variants():
    for form in (OPEN, CLOSED):
        table = expression_table()[:, :, form]
        between = [
            np.linalg.norm(table[a].mean(0) - table[b].mean(0)) for a in range(6) for b in range(a)
        ]
        within = [np.linalg.norm(table[k] - table[k].mean(0), axis=1).mean() for k in range(6)]
        assert min(between) > max(within)


def test_ceilings_name_real_channels():
    assert all(columns_of(name) for name in CEILING)
    with pytest.raises(KeyError):
        columns_of("mouthSmirk")


def test_sides_and_parts():
    assert [NAMES[i] for i in columns_of("eyebrowsInnerUp")] == [
        "eyebrowsLeftInnerUp",
        "eyebrowsRightInnerUp",
    ]
    assert side_of("mouthLeft") == 0
    assert side_of("browDownLeft") == -1
    assert parts()[NAMES.index("noseSneerLeft")] == "nose"
    assert len(NAMES) == len(set(NAMES)) == 100


def test_the_head_has_the_channels_in_this_order(head):
    assert head.expression_names == NAMES


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), kind=st.sampled_from(KINDS))
def test_weights_stay_between_zero_and_their_ceilings(seed: int, kind: str):
    rng = np.random.default_rng(seed)
    style = make_style(rng)
    performance = make_performance("Maybe we could meet by the pump.", style, rng)
    curve = make_program(kind, length(performance), MODEL_FPS, rng, strongest=1.5)
    assert curve.min() >= 0
    assert curve.max() <= 1.5
    weights = compose(performance, curve, vary_look(style, rng))
    assert weights.min() >= 0
    assert (weights <= ceilings() + 1e-9).all()


def test_the_upper_face_does_not_depend_on_words_when_nothing_is_stressed(performance):
    # Blinks and beats are the only difference between frames of a held emotion.
    weights = compose(performance, held_program(2, 1.0, length(performance)))
    brows = weights[:, columns_of("browDown")]
    assert brows.std(0).max() < 0.12
    assert brows.mean() > 0.9


def test_blinks_still_close_the_lids_in_fear(performance):
    weights = compose(performance, held_program(3, 1.0, length(performance)))
    blink = performance.nonverbal.blink
    assert blink.max() > 0.95
    shut = blink > 0.95
    assert weights[shut][:, columns_of("eyeBlink")].min() > 0.85
    assert weights[shut][:, columns_of("eyeWide")].max() < 0.1


def test_smile_yields_to_rounding():
    style = calm_style()
    performance = make_performance("Who would, you?", style, np.random.default_rng(0))
    weights = compose(performance, held_program(0, 1.0, length(performance)))
    pucker = weights[:, columns_of("mouthPucker")].mean(1)
    smile = weights[:, columns_of("mouthSmile")].mean(1)
    assert smile[pucker.argmax()] < 0.85 * smile[0]
    assert smile[pucker.argmax()] > 0.3


def test_sadness_speaks_smaller_than_anger(performance):
    jaw = NAMES.index("jawOpen")
    sad = compose(performance, held_program(1, 1.0, length(performance)))[:, jaw]
    angry = compose(performance, held_program(2, 1.0, length(performance)))[:, jaw]
    assert sad.std() < 0.8 * angry.std()


def test_the_same_seed_gives_the_same_take(head):
    def make() -> np.ndarray:
        rng = np.random.default_rng(5)
        performance = make_performance(TEXT, make_style(rng), rng)
        return perform(performance, held_program(0, 1.0, length(performance)), head).expression

    assert np.array_equal(make(), make())


def gap_of(motion: Motion, head: HeadModel) -> np.ndarray:
    """(T,) mm between the lips."""
    return (numbers_of(motion) @ lips_of(head).opening).mean(1)


def test_pauses_move_what_follows_and_lips_rest_in_them():
    speech = speak(TEXT)
    word = next(p.start_s for p in speech.phonemes if p.start_s > 1)
    plain = articulate(speech, MODEL_FPS)
    paused = articulate(speech, MODEL_FPS, Silence(lead_s=1.0, tail_s=0.6, pauses=((word, 0.8),)))
    added = (1.0 - LEAD_S) + (0.6 - TAIL_S) + 0.8
    assert len(paused.channels) - len(plain.channels) == pytest.approx(added * MODEL_FPS, abs=1)
    assert paused.stresses_s[-1] - plain.stresses_s[-1] == pytest.approx(1.0 - LEAD_S + 0.8)
    middle = int((1.0 + word + 0.4) * MODEL_FPS)
    assert paused.held[middle] == 1
    assert paused.channels[middle, : len(NAMES)].max() < 0.02
    spoken = [int((1.0 + p.start_s) * MODEL_FPS) + 1 for p in speech.phonemes if p.stop_s < word]
    assert paused.held[spoken].max() == 0
    assert plain.held[0] == plain.held[-1] == 1


@pytest.fixture(scope="module")
def paused() -> Performance:
    """A sentence with long silences around it and a pause within."""
    speech = speak(TEXT)
    silence = Silence(lead_s=1.0, tail_s=1.0, pauses=((speech.duration_s / 2, 1.0),))
    articulation = articulate(speech, MODEL_FPS, silence)
    made = make_performance(TEXT, calm_style(), np.random.default_rng(0))
    nonverbal = make_nonverbal(articulation, made.style, MODEL_FPS, np.random.default_rng(0))
    return replace(made, articulation=articulation, nonverbal=nonverbal)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_held_lips_stay_shut_unless_the_emotion_may_open_them(paused, head, emotion: str):
    program = held_program(EMOTIONS.index(emotion), 1.0, length(paused))
    held = paused.articulation.held > 0.98
    assert held.sum() > 60
    kept = gap_of(perform(paused, program, head, keep_closed=1.0), head)[held]
    assert kept.max() < 0.5
    usual = gap_of(perform(paused, program, head), head)[held]
    assert np.median(usual) > 4 if emotion == "surprise" else usual.max() < 0.5
    free = gap_of(perform(paused, program, head, keep_closed=0.0), head)[held]
    if emotion in ("happy", "fear", "disgust", "surprise"):
        assert np.median(free) > 4


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_an_emotion_leaves_the_words_their_rhythm(paused, head, emotion: str):
    """The jaw follows the same speech, and what the emotion opens does not jitter."""
    neutral = perform(paused, np.zeros((length(paused), 6)), head)
    program = held_program(EMOTIONS.index(emotion), 1.0, length(paused))
    felt = perform(paused, program, head, keep_closed=1.0)
    follows = np.corrcoef(neutral.jaw[:, 0], felt.jaw[:, 0])[0, 1]
    assert follows > (0.85 if emotion == "surprise" else 0.93)
    jitter = [np.sqrt((np.diff(gap_of(take, head), 3) ** 2).mean()) for take in (neutral, felt)]
    assert jitter[1] < (1.45 if emotion == "surprise" else 1.3) * jitter[0]


def test_silence_is_a_performance_too(head):
    rng = np.random.default_rng(2)
    silent = make_performance("", calm_style(), rng, varied=True)
    assert silent.articulation.held.all()
    assert 1 < length(silent) / MODEL_FPS < 8
    take = perform(silent, held_program(0, 1.0, length(silent)), head)
    assert gap_of(take, head).max() < 0.5
    assert take.expression[:, NAMES.index("mouthSmileLeft")].mean() > 0.5


def test_a_pair_is_performed_by_owners_and_not_added(performance):
    """Happy and sad: sad brows over a smile, and no frown under it."""

    def mean(name: str, *emotions: int) -> float:
        program = np.zeros((length(performance), 6))
        program[:, emotions] = 1.0
        return float(compose(performance, program)[:, columns_of(name)].mean())

    assert mean("browInnerUp", 0, 1) > 0.9 * mean("browInnerUp", 1)
    assert mean("mouthSmile", 0, 1) > 0.8 * mean("mouthSmile", 0)
    assert mean("mouthFrown", 0, 1) < 0.2 * mean("mouthFrown", 1)
