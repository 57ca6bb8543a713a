# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that no list knows."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.sidecar.lab.training.word_vectors import condense, encode_table, kept_pieces
from affekt.sidecar.words.describe import describe
from affekt.sidecar.words.likeness import embed, likeness, split_word
from safetensors.numpy import load


def test_words_are_likened_and_said() -> None:
    found = describe("drinks spoiled milk, left brow raised")
    assert found.likened == {"drinks spoiled milk": "disgusted"}
    assert found.expression.emotions == {"disgust": 0.7}
    assert found.expression.units["AU2_L"] == 0.8
    assert not found.unknown


@pytest.mark.parametrize("text", ["a wooden bridge over the river", "export as mp4", "xqzt"])
def test_what_is_like_nothing_is_left_alone(text: str) -> None:
    assert likeness().find(text) is None


def test_a_word_is_cut_into_its_longest_pieces() -> None:
    pieces = {"un": 0, "##happy": 1, "unh": 2, "##appy": 3, "##ap": 4}
    assert split_word("unhappy", pieces) == [2, 3]
    assert split_word("unfit", pieces) == []


def test_a_text_is_the_mean_of_its_pieces() -> None:
    vectors = np.array([[3, 0], [0, 4]], np.float32)
    found = embed("the sun, and fun", {"sun": 0, "fun": 1}, vectors)
    assert found == pytest.approx([0.6, 0.8])
    assert embed("the and", {"sun": 0, "fun": 1}, vectors) is None


def test_a_table_is_written_as_it_is_read() -> None:
    assert kept_pieces(["[CLS]", "sad", "##y", "##ness", "é", "7"]) == [1, 3]
    vectors = np.random.default_rng(3).normal(size=(200, 140)).astype(np.float32)
    table = condense(vectors)
    assert table.shape == (200, 128)
    assert not table[0].any()  # the commonest piece says nothing
    arrays = load(encode_table([f"w{n}" for n in range(200)], table))
    back = arrays["vectors"] * arrays["scales"].astype(np.float32)[:, None]
    assert np.abs(back - table).max() < 0.01 * np.abs(table).max()
    assert bytes(arrays["pieces"]).decode().split("\n")[199] == "w199"
