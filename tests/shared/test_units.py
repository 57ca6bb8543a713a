# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and weights of action units, in texts, JSON, tracks and keys, and what is wrong with
them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from affekt.shared import emotion_keys
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError
from affekt.shared.expression import Expression, encode_expression
from affekt.shared.motion import ARKIT_NAMES
from affekt.shared.units import (
    REGIONS,
    UNIT_CHANNELS,
    UNITS,
    check_unit,
    parse_units,
    say_unseen,
    say_unseen_in,
)


def code_of(call: object, *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)  # pyright: ignore[reportCallIssue]
    return caught.value.code


def test_the_table_is_in_order() -> None:
    assert [unit.region for unit in UNITS] == sorted(
        (unit.region for unit in UNITS), key=REGIONS.index
    )
    assert len({unit.number for unit in UNITS}) == len(UNITS) == 31
    stems = {name.removesuffix("Left").removesuffix("Right") for name in ARKIT_NAMES}
    assert {shape for unit in UNITS for shape in unit.shapes} <= stems | {*ARKIT_NAMES}
    assert check_unit("AU12_R").channels == ("AU12", "AU12_L", "AU12_R")
    assert check_unit("AU30_L").channels == ("AU30_L", "AU30_R")
    assert check_unit("AU17").channels == ("AU17",)


def test_texts() -> None:
    assert parse_units("AU12_L=.6, AU4 = 0.3,AU1=1.5") == {"AU12_L": 0.6, "AU4": 0.3, "AU1": 1.5}


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "option.units", "Write it like AU12_L=.6,AU4=.3."),
        ("AU12", "option.units", "'AU12'"),
        ("AU12=much", "option.units", "'AU12=much'"),
        ("AU4=.1,AU4=.2", "option.units", "AU4 is there twice"),
        ("AU3=.5", "emotion.unknown_name", "no action unit called 'AU3'"),
        ("AU17_L=.5", "emotion.unknown_name", "AU 17 (Chin raiser) has AU17."),
        ("AU30=.5", "emotion.unknown_name", "has AU30_L, AU30_R."),
        ("smile=.5", "emotion.unknown_name", "'smile'"),
        ("AU12=nan", "emotion.not_finite", "AU12 is nan"),
        ("AU12=inf", "emotion.not_finite", "AU12 is inf"),
        ("AU12=1.6", "emotion.range", "outside 0 to 1.5"),
        ("AU12=-.1", "emotion.range", "outside 0 to 1.5"),
    ],
)
def test_bad_texts(text: str, code: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_units(text)
    assert caught.value.code == code
    assert says in str(caught.value)


def test_an_expression_is_the_json_that_was_agreed() -> None:
    one = Expression(units={"AU12_L": 0.6, "AU4": 0.3}, emotions={"happy": 0.4})
    assert json.loads(encode_expression(one)) == {
        "units": {"AU12_L": 0.6, "AU4": 0.3},
        "emotions": {"happy": 0.4},
    }
    assert one.channels == {"happy": 0.4, "AU12_L": 0.6, "AU4": 0.3}
    assert json.loads(encode_expression(Expression())) == {"units": {}, "emotions": {}}
    for wrong in ({"units": {"AU3": 1.0}}, {"emotions": {"joy": 1.0}}):
        assert code_of(lambda given: Expression(**given), wrong) == "emotion.unknown_name"
    for wrong in ({"units": {"AU4": 1.6}}, {"emotions": {"sad": -1.0}}):
        assert code_of(lambda given: Expression(**given), wrong) == "emotion.range"


KEYS = b'{"keys": [{"frame": 0, "AU12_L": 0.2, "sad": 1}, {"frame": 2, "AU12_L": 0.8, "AU4": 1}]}'


def test_keys_hold_units_beside_emotions() -> None:
    keys = emotion_keys.decode_keys(KEYS, 30)
    track = emotion_keys.sample_keys(keys, 3, 30)
    assert track.unit_names == ("AU4", "AU12_L")
    assert track.units is not None
    np.testing.assert_allclose(track.units, [[1, 0.2], [1, 0.5], [1, 0.8]])
    assert track.weights[:, 1].tolist() == [1, 1, 1]
    again = emotion_keys.decode_keys(emotion_keys.encode_keys(keys), 30)
    assert again.channels.keys() == {"AU12_L", "AU4", "sad"}
    held = emotion_keys.sample_keys(emotion_keys.hold_units(keys, {"AU1": 0.7}), 3, 30)
    assert held.unit_curves()["AU1"].tolist() == pytest.approx([0.7] * 3)
    assert code_of(emotion_keys.hold_units, keys, {"AU4": 0.5}) == "option.units"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ('"AU99": 1', "emotion.unknown_name"),
        ('"AU18_R": 1', "emotion.unknown_name"),
        ('"AU12": 1.51', "emotion.range"),
        ('"AU12": -0.01', "emotion.range"),
        ('"AU12": NaN', "emotion.not_a_number"),
        ('"AU12": "0.5"', "emotion.not_a_number"),
        ('"AU12": true', "emotion.not_a_number"),
        ('"AU12": 0.1, "AU12": 0.2', "emotion.keys"),
    ],
)
def test_bad_keys(key: str, code: str) -> None:
    text = f'{{"keys": [{{"frame": 0, {key}}}]}}'.encode()
    assert code_of(emotion_keys.decode_track, text, 2, 30) == code


def test_bad_tracks() -> None:
    plain = constant_track(2, 30)
    one = np.full((2, 1), 0.5, np.float32)

    def given(names: tuple[str, ...], values: object) -> object:
        return replace(plain, unit_names=names, units=values)  # pyright: ignore[reportArgumentType]

    assert given(("AU1",), one) is not None
    assert code_of(given, ("AU1",), None) == "emotion.shape"
    assert code_of(given, (), one) == "emotion.shape"
    assert code_of(given, ("AU1",), one[:1]) == "emotion.shape"
    assert code_of(given, ("AU2", "AU1"), np.repeat(one, 2, 1)) == "emotion.shape"
    assert code_of(given, ("AU1", "AU1"), np.repeat(one, 2, 1)) == "emotion.shape"
    assert code_of(given, ("AU3",), one) == "emotion.unknown_name"
    assert code_of(given, ("AU1",), one * np.float32("nan")) == "emotion.not_finite"
    assert code_of(given, ("AU1",), 4 * one) == "emotion.range"


def test_what_cannot_be_shown_is_said() -> None:
    shapes = {"jawOpen", "mouthSmileLeft", "browDownRight"}
    assert say_unseen(["AU12", "AU4_R", "AU26"], shapes) == ""
    said = say_unseen(["AU12", "AU19", "AU38_L"], shapes)
    assert "AU19 (Tongue show), AU38_L (Nostril dilator)" in said
    assert "AU12" not in said
    assert "AU19" in say_unseen_in("flame2020", ["AU19", "AU4"])
    assert say_unseen_in("flame2020", ["AU4"]) == say_unseen_in("open", UNIT_CHANNELS) == ""
