# SPDX-License-Identifier: GPL-3.0-or-later
"""Strangers' names against the key of their sheets."""

import json
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.lab.evaluation.naming import (
    OTHER,
    WORDS,
    confusion_of,
    figures_of,
    match,
    read_named,
    share_right,
)
from affekt.sidecar.lab.evaluation.performances import STATES

KEY = {
    "s1": {
        "1": ["open", "fear", "take_0004_closed.png"],
        "2": ["statue", "happy", "take_0009_open.png"],
    },
    "s2": {"1": ["statue", "fear", "take_0009_open.png"], "2": ["open", "neutral", "a.png"]},
}
ANSWERS = {"s1": {"1": "Surprise", "2": " joy "}, "s2": {"1": "scared", "2": "bored"}}


def test_words_are_matched_to_states_in_the_sheets_order():
    named = match(KEY, ANSWERS)
    assert [(n.subject, n.state, n.called) for n in named] == [
        ("open", "fear", "surprise"),
        ("statue", "happy", "happy"),
        ("statue", "fear", "fear"),
        ("open", "neutral", OTHER),
    ]
    assert share_right(named) == 0.5


def test_counts_by_subject_and_by_lips():
    figures = figures_of(match(KEY, ANSWERS))
    right, called = figures["named right"], figures["called"]
    assert right["all"] | {"sad": ""} == {
        "faces": 4,
        "all": 0.5,
        "neutral": 0,
        "happy": 1,
        "sad": "",
        "angry": "",
        "fear": 0.5,
        "disgust": "",
        "surprise": "",
    }
    assert {name: row["faces"] for name, row in right.items()} == {
        "all": 4,
        "open": 2,
        "statue": 2,
        "lips closed": 1,
        "lips open": 2,
    }
    assert called["open"]["fear"]["surprise"] == 1
    assert called["all"]["fear"] | {"neutral": 0} == dict.fromkeys((*STATES, OTHER), 0) | {
        "fear": 1,
        "surprise": 1,
    }
    assert sum(sum(row.values()) for row in confusion_of(match(KEY, ANSWERS)).values()) == 4


def test_no_word_stands_for_two_states():
    words = [word for state, others in WORDS.items() for word in (state, *others)]
    assert len(words) == len(set(words))
    assert set(WORDS) == set(STATES)


@pytest.mark.parametrize(
    ("key", "answers"),
    [
        (KEY, {}),
        (KEY, {"s9": {"1": "fear"}}),
        (KEY, {"s1": {"1": "fear"}}),
        (KEY, {"s1": {"1": "fear", "3": "fear"}}),
        (KEY, {"s1": ["fear", "sad"]}),
        (KEY, {"s1": {"1": "fear", "2": 4}}),
        ({"s1": {"1": ["open", "bored", "a.png"]}}, {"s1": {"1": "fear"}}),
        ({"s1": {"1": ["open", "fear"]}}, {"s1": {"1": "fear"}}),
        ({"s1": {"1": "fear"}}, {"s1": {"1": "fear"}}),
    ],
)
def test_names_that_do_not_fit_their_key_are_refused(key: dict, answers: dict):
    with pytest.raises(InputError) as caught:
        match(key, answers)
    assert caught.value.code == "option.named"


def test_files_come_in_pairs(tmp_path: Path):
    key, answers = tmp_path / "key.json", tmp_path / "answers.json"
    key.write_text(json.dumps(KEY))
    answers.write_text(json.dumps(ANSWERS))
    assert len(read_named((key, answers, key, answers))) == 8
    for paths, code in (
        ((key,), "option.named"),
        ((key, answers, key), "option.named"),
        ((key, tmp_path / "none.json"), "file.missing"),
    ):
        with pytest.raises(InputError) as caught:
            read_named(paths)
        assert caught.value.code == code


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, '{"s1": '])
def test_damaged_files_are_said_so(tmp_path: Path, text: str):
    key, damaged = tmp_path / "key.json", tmp_path / "damaged.json"
    key.write_text(json.dumps(KEY))
    damaged.write_text(text)
    with pytest.raises(InputError) as caught:
        read_named((key, damaged))
    assert caught.value.code == "file.damaged"
