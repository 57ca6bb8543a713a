# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks sentences into lines."""

from __future__ import annotations

from collections.abc import Callable


def wrap(sentence: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The sentence in lines no wider than `width`: broken between words, and inside a word, such as
    a path, only where it is wider than a line."""
    lines, line = [], ""
    for word in sentence.split():
        joined = f"{line} {word}" if line else word
        if measure(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *pieces, line = _break(word, width, measure)
        lines += pieces
    return [*lines, line] if line else lines


def _break(word: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The word in pieces no wider than `width`, but of at least one character."""
    pieces = [""]
    for character in word:
        if pieces[-1] and measure(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces
