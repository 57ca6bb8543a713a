# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets that ship, and the file of an animator's own."""

import json

import pytest
from affekt.shared import limits
from affekt.shared.emotion import EMOTIONS
from affekt.shared.errors import InputError
from affekt.shared.presets import (
    BUILT_IN,
    POSE,
    Preset,
    decode_presets,
    encode_presets,
    picture_name,
    preset_of,
)


def test_the_six_come_first_and_names_differ() -> None:
    assert [preset.name.lower() for preset in BUILT_IN[:6]] == list(EMOTIONS)
    for preset, emotion in zip(BUILT_IN[:6], EMOTIONS, strict=True):
        assert preset.values == {emotion: 1.0}
    assert len({picture_name(preset.name) for preset in BUILT_IN}) == len(BUILT_IN)
    poses = {tuple(preset.pose.values()) for preset in BUILT_IN}
    assert len(poses) == len(BUILT_IN)


def test_the_compounds_that_ship() -> None:
    """By their names in the menu; an animator's files name them."""
    assert [preset.name for preset in BUILT_IN[6:]] == [
        "Gentle Smile", "Forced Smile", "Delight", "Nervous Laughter", "Bittersweet", "Gloating",
        "Melancholy", "Grief", "Hurt", "Irritation", "Held Anger", "Outrage", "Rage", "Hatred",
        "Contempt", "Appalled", "Worry", "Anguish", "Terror", "Awe", "Curiosity", "Disbelief",
    ]  # fmt: skip
    by_name = {preset.name: preset.values for preset in BUILT_IN}
    assert by_name["Forced Smile"] == {"happy": 0.9, "upper": 0.1}
    assert by_name["Grief"] == {"sad": 1.5, "fear": 0.5, "lower": 1.3}
    assert by_name["Contempt"] == {"happy": 0.35, "angry": 0.3, "lower": 0.6}
    assert picture_name("Nervous Laughter") == "nervous_laughter.png"


def test_a_pose_is_whole() -> None:
    pose = Preset(name="Shy", values={"happy": 0.4, "lower": 0.8}).pose
    assert pose == {
        "happy": 0.4,
        "sad": 0.0,
        "angry": 0.0,
        "fear": 0.0,
        "disgust": 0.0,
        "surprise": 0.0,
        "upper": 1.0,
        "lower": 0.8,
    }
    assert preset_of("Shy", pose).values == {"happy": 0.4, "lower": 0.8}


def test_a_file_gives_back_what_it_was_given() -> None:
    own = (
        Preset(name="Schön müde", values={"sad": 0.25, "upper": 2.0}),
        Preset(name="Nothing", values={}),
    )
    assert decode_presets(encode_presets(own)) == own
    assert decode_presets(encode_presets(BUILT_IN)) == BUILT_IN


@pytest.mark.parametrize("name", ["", " ", " Shy", "Shy\n", "a\tb"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(InputError) as caught:
        Preset(name=name, values={})
    assert caught.value.code == "preset.name"


def test_a_name_is_at_most_forty_letters() -> None:
    Preset(name="x" * 40, values={})
    with pytest.raises(InputError) as caught:
        Preset(name="x" * 41, values={})
    assert caught.value.code == "preset.name"


@pytest.mark.parametrize(
    "values", [{"happy": 1.6}, {"happy": -0.1}, {"upper": 2.1}, {"joy": 1.0}, {"influence": 0.5}]
)
def test_values_that_cannot_be(values: dict[str, float]) -> None:
    with pytest.raises(InputError) as caught:
        Preset(name="Shy", values=values)
    assert caught.value.code == "preset.values"
    assert set(POSE) == {*EMOTIONS, "upper", "lower"}


def file_of(*presets: object, **others: object) -> bytes:
    return json.dumps({"version": 1, "presets": list(presets), **others}).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not whole JSON"),
        (b"\xff\xfe", "not whole JSON"),
        (b"[" * 100_000, "not whole JSON"),
        (b"[]", "no list"),
        (b'{"version": 1, "presets": {}}', "no list"),
        (file_of(version=2), "another version"),
        (file_of({"happy": 1}), "no name"),
        (file_of(3), "no name"),
        (file_of({"name": "Shy", "happy": "1"}), "not a number"),
        (file_of({"name": "Shy", "happy": True}), "not a number"),
        (file_of({"name": "Shy"}, {"name": "Shy"}), "the same name"),
    ],
)
def test_damaged_files(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_presets(data)
    assert caught.value.code == "preset.file"
    assert said in caught.value.message


def test_a_value_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        decode_presets(b'{"version": 1, "presets": [{"name": "Shy", "happy": NaN}]}')
    assert caught.value.code == "preset.values"


def test_the_files_text_by_example() -> None:
    own = (Preset(name="Müde", values={"sad": 0.25, "lower": 1.5}),)
    assert encode_presets(own).decode() == (
        '{\n "version": 1,\n "presets": [\n  {\n   "name": "Müde",\n   "sad": 0.25,\n'
        '   "lower": 1.5\n  }\n ]\n}\n'
    )


def test_a_file_that_is_too_long_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file_of({"name": "Shy", "happy": 1})
    monkeypatch.setattr(limits, "MAX_TRACK_BYTES", len(data))
    assert decode_presets(data) == (Preset(name="Shy", values={"happy": 1.0}),)
    with pytest.raises(InputError) as caught:
        decode_presets(data + b" ")
    assert caught.value.code == "preset.file"


def test_values_are_kept_to_four_digits() -> None:
    pose = {"happy": 0.123456, "sad": 0.00004, "upper": 1.00004, "lower": 0.99994}
    assert preset_of("Shy", pose).values == {"happy": 0.1235, "lower": 0.9999}
