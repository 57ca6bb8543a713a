# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for a face: what they set, on which side, when; what is refused; how many of the
descriptions that were written before the lexicon are right."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared import limits, wire
from affekt.shared.described import Described, described_message, to_described_keys
from affekt.shared.emotion_keys import decode_keys, encode_keys
from affekt.shared.errors import InputError
from affekt.sidecar.words.describe import describe
from affekt.sidecar.words.keys import to_emotion_keys, to_keys
from affekt.sidecar.words.listing import encode_description, list_description

from .score import Case, faults, is_swapped, read_cases

REFUSED = read_cases("refusals")


def set_by(text: str) -> dict[str, float]:
    return describe(text).expression.channels


@pytest.mark.parametrize(("name", "least"), [("development", 0.98), ("held_out", 0.9)])
def test_descriptions_are_read_as_they_are_meant(name: str, least: float) -> None:
    cases = read_cases(name)
    right = sum(not list(faults(case)) for case in cases)
    print(f"{name}: {right} of {len(cases)}")
    assert right >= least * len(cases)
    assert not any(is_swapped(case) for case in cases)


@pytest.mark.parametrize("case", REFUSED, ids=[case["text"][:20] for case in REFUSED])
def test_what_is_no_expression_is_refused(case: Case) -> None:
    with pytest.raises(InputError) as refused:
        describe(case["text"] * case.get("repeat", 1))
    assert refused.value.code == case["code"]
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_what_words_set() -> None:
    assert set_by("a smug half smile, left brow raised") == {
        "happy": 0.45,
        "AU1_L": 0.4,
        "AU2_L": 0.8,
        "AU12_L": 0.55,
        "AU14_L": 0.3,
    }
    assert set_by("raise both brows a little") == {"AU1": 0.35, "AU2": 0.35}
    assert set_by("AU12_L 0.6, AU4 0.3") == {"AU4": 0.3, "AU12_L": 0.6}


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("his left brow goes up", "L"),
        ("the brow on screen left goes up", "R"),
        ("camera-right brow raised", "L"),
        ("as seen by the viewer, the left brow is raised", "R"),
        ("stage left brow raised", "L"),
        ("eyebrows up but not the left one", "R"),
        ("on the right: brow up", "R"),
    ],
)
def test_left_is_the_characters_own_unless_words_say_whose_view(text: str, side: str) -> None:
    other = {"L": "R", "R": "L"}[side]
    found = set_by(text)
    assert found[f"AU2_{side}"] > 0.5
    assert f"AU2_{other}" not in found
    assert "AU2" not in found


def test_what_is_denied_goes() -> None:
    assert "AU6" not in set_by("smile, but not with the eyes")
    assert set_by("not angry, just sad") == {"sad": 0.7}
    assert set_by("a frown, no corners down") == {"AU4": 0.65}


def test_keys_over_time() -> None:
    """Slowly up in 1.5 s, .6 s there, suddenly down in .12 s; frames at 25 a second."""
    found = describe("both brows slowly go up, then suddenly neutral")
    keys = to_keys(found)
    assert keys.channels == ("AU1", "AU2")
    assert keys.seconds == pytest.approx([0, 1.5, 2.1, 2.22])
    assert keys.weights == pytest.approx(np.array([[0, 0], [0.7, 0.7], [0.7, 0.7], [0, 0]]))
    written = decode_keys(encode_keys(to_emotion_keys(found, 25.0)), 30.0)
    frames, values = written.channels["AU1"]
    assert written.fps == 25
    assert frames == pytest.approx([0, 37.5, 52.5, 55.5])
    assert values == pytest.approx([0, 0.7, 0.7, 0])


def test_frames_in_words_are_of_the_rate() -> None:
    keys = describe("eyes closed at frame 30", fps=60.0).keys
    assert keys[-1].seconds == 0.5


def test_a_face_that_shows_nothing_keys_the_emotions() -> None:
    keys = to_keys(describe("neutral"))
    assert keys.channels == ("happy", "sad", "angry", "fear", "disgust", "surprise")
    assert not keys.weights.any()


def test_what_is_said_not_to_be_there_is_keyed_too() -> None:
    keys = to_keys(describe("happy, brows not raised"))
    assert dict(zip(keys.channels, keys.weights[0].tolist(), strict=True))["AU2"] == 0


def test_the_listing_says_which_words_set_what() -> None:
    lines = "\n".join(list_description(describe("suprised glorp, left brow raised")))
    assert "Outer brow raiser, left" in lines
    assert "brow raised" in lines
    assert "'suprised' was read as 'surprised'." in lines
    assert "Not understood, and left out: glorp." in lines


def test_json_has_keys_only_where_words_speak_of_time() -> None:
    assert encode_description(describe("angry")) == '{"units": {}, "emotions": {"angry": 0.7}}'
    assert '"keys": [{"seconds": 0.0' in encode_description(describe("suddenly angry"))


def test_a_message_holds_the_longest_description() -> None:
    text = "then left brow up, right corner down, then suddenly sad, then smug smile. " * 26
    keys = to_keys(describe(text))
    said = described_message(keys)
    _, back = wire.decode_frames(wire.encode(said, 1))
    assert isinstance(back, Described)
    told = to_described_keys(back)
    assert told.weights == pytest.approx(keys.weights)
    assert len(told.settings) == limits.MAX_DESCRIBED_LINES < len(keys.settings)
    assert "not listed" in told.notes[-1]


def test_other_languages() -> None:
    found = describe("linke Augenbraue hoch, sehr traurig")
    assert found.language == "German"
    assert found.expression.channels == {"sad": 1.0, "AU1_L": 0.4, "AU2_L": 0.8}


def test_a_unit_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        describe("AU3 at 0.5")
    assert refused.value.code == "emotion.unknown_name"


def test_weights_stay_in_range_whatever_words_say() -> None:
    found = set_by("extremely very utterly absolutely furious, AU4 at 1.5, smile 150%")
    assert max(found.values()) <= limits.MAX_UNIT_WEIGHT
    with pytest.raises(InputError):
        describe("x" * (limits.MAX_WORDS_CHARACTERS + 1))
