# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys as people write them."""

from __future__ import annotations

import random
import re

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.server.keys import check_name, from_text, make_keys, to_text
from zmq.utils import z85


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        from_text(text)
    return caught.value.code


def test_comes_back() -> None:
    for _ in range(50):
        key = make_keys().public
        assert from_text(to_text(key)) == key


def test_no_shell_reads_anything_into_it() -> None:
    assert all(re.fullmatch("[a-z2-7]{56}", to_text(make_keys().public)) for _ in range(50))


def test_capitals_and_spaces_do_not_matter() -> None:
    key = make_keys().public
    text = to_text(key)
    assert from_text(f" {text[:28].upper()}\n {text[28:]} ") == key


def test_a_slip_of_the_hand_is_noticed() -> None:
    randomness = random.Random(1)
    text = to_text(z85.encode(bytes(range(32))).decode())
    for _ in range(500):
        place = randomness.randrange(len(text))
        letter = randomness.choice(
            [x for x in "abcdefghijklmnopqrstuvwxyz234567" if x != text[place]]
        )
        assert refused(text[:place] + letter + text[place + 1 :]) == "option.key"


@pytest.mark.parametrize("text", ["", "a", "a" * 56, "a" * 55, "ä" * 56, "1" * 56, "a" * 10_000])
def test_no_key(text: str) -> None:
    assert refused(text) == "option.key"


def test_a_secret_is_taken_for_no_public_key() -> None:
    """They look alike in Z85; a secret that is passed on by mistake is refused."""
    assert refused(make_keys().secret) == "option.key"


@pytest.mark.parametrize("name", ["anna", "a", "render-1", "0" * 32])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "local", "Anna", "a" * 33, "b" * 500, "a/b", "..", "a b", "ä", "anna\n", "a_b"]
)
def test_no_names(name: str) -> None:
    with pytest.raises(InputError) as caught:
        check_name(name)
    assert caught.value.code == "option.name"
    assert caught.value.message == f"'{name[:40]}' cannot be a user's name here."
