# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech: sound and phonemes that fit together, the same every time."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.lab.anchors.channels import columns_of
from affekt.sidecar.lab.anchors.speech import SAMPLE_RATE, Voice, _Recorder, read_sentences, speak
from affekt.sidecar.lab.anchors.visemes import GROUPS, IGNORED, VISEMES, holds_of, target_of

TEXT = "My mother bought a big brown map."


def test_phonemes_follow_each_other_without_gaps_until_the_sound_ends():
    speech = speak(TEXT)
    for one, two in zip(speech.phonemes, speech.phonemes[1:], strict=False):
        assert one.stop_s == pytest.approx(two.start_s)
    assert speech.phonemes[-1].stop_s == pytest.approx(speech.duration_s)
    assert len(speech.samples) == pytest.approx(speech.duration_s * SAMPLE_RATE)


def test_the_words_are_there():
    symbols = [p.symbol for p in speak(TEXT).phonemes]
    assert symbols[:3] == ["m", "aI", "m"]
    assert symbols.count("b") == 3
    assert any(p.stressed for p in speak(TEXT).phonemes)


def test_the_same_text_and_voice_give_the_same_bits():
    first, second = speak(TEXT), speak("Something else.")
    again = speak(TEXT)
    assert np.array_equal(first.samples, again.samples)
    assert first.phonemes == again.phonemes
    assert not np.array_equal(first.samples, second.samples)


def test_a_faster_voice_is_shorter():
    assert speak(TEXT, Voice(rate=220)).duration_s < speak(TEXT, Voice(rate=120)).duration_s


@pytest.mark.parametrize("text", ["", "   \n"])
def test_no_text_is_refused(text: str):
    with pytest.raises(InputError) as caught:
        speak(text)
    assert caught.value.code == "option.text"


def test_what_ends_the_command_within_the_library_ends_it(monkeypatch: pytest.MonkeyPatch):
    """ctypes only prints what is raised in a callback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Recorder, "_collect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        speak("Hello there.")


def test_an_unknown_voice_is_refused():
    with pytest.raises(InputError) as caught:
        speak(TEXT, Voice(name="no-such-voice"))
    assert caught.value.code == "option.espeak"


def test_every_phoneme_of_the_corpus_has_a_mouth_shape():
    for sentences in read_sentences().values():
        for sentence in sentences:
            for phoneme in speak(sentence).phonemes:
                assert phoneme.symbol in VISEMES or phoneme.symbol in IGNORED, sentence


def test_splits_share_no_sentence():
    sentences = [s for split in read_sentences().values() for s in split]
    assert len(set(sentences)) == len(sentences) > 120


def test_targets_name_real_channels_and_stay_in_range():
    for visemes in VISEMES.values():
        for viseme in visemes:
            assert all(columns_of(name) for name in viseme.targets)
            assert set(viseme.hold) <= set(GROUPS)
            target = target_of(viseme)
            assert target.min() >= 0
            assert target.max() <= 1
            assert holds_of(viseme).min() > 0
