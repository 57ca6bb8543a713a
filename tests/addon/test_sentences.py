# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in the interface's language, where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from affekt.addon.words import sentences
from affekt.shared.errors import InputError


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    sentences.look_up_by(str)


def test_without_languages_they_stay() -> None:
    assert sentences.translate("Apply {name}") == "Apply {name}"
    assert sentences.fill("Apply {name} to {count}", name="Grief", count=3) == "Apply Grief to 3"


def test_the_template_is_looked_up_and_filled_in_afterwards() -> None:
    asked: list[str] = []

    def german(text: str) -> str:
        asked.append(text)
        return {"Apply {name}": "{name} anwenden"}.get(text, text)

    sentences.look_up_by(german)
    assert sentences.fill("Apply {name}", name="Grief") == "Grief anwenden"
    assert sentences.translate("Bake") == "Bake"
    assert asked == ["Apply {name}", "Bake"]


def test_an_error_is_one_sentence_of_which_both_parts_are_looked_up() -> None:
    error = InputError("file.missing", "There is no file.", "Choose another.")
    assert sentences.say_error(error) == "There is no file. Choose another."
    sentences.look_up_by(
        {
            "There is no file.": "Die Datei fehlt.",
            "Choose another.": "Nimm eine andere.",
        }.__getitem__
    )
    assert sentences.say_error(error) == "Die Datei fehlt. Nimm eine andere."
