# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that Blender only sees when they are broken into lines or filled in. Without Blender,
or in one without languages, they stay English."""

from __future__ import annotations

from collections.abc import Callable

from ...shared.errors import AffektError

_LOOK_UP: list[Callable[[str], str]] = [str]


def look_up_by(translated: Callable[[str], str]) -> None:
    """From now on sentences are what `translated` makes of them."""
    _LOOK_UP[:] = [translated]


def translate(sentence: str) -> str:
    """The sentence in the interface's language, or as it is where there is none for it."""
    return _LOOK_UP[0](sentence)


def fill(template: str, **values: object) -> str:
    """A text with gaps, such as "Apply {name}", in the interface's language and filled in."""
    return translate(template).format(**values)


def say_error(error: AffektError) -> str:
    """What is wrong and what to do, in the interface's language."""
    return f"{translate(error.message)} {translate(error.remedy)}"
