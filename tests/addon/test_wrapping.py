# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in lines, with a font whose letters are all one wide."""

from __future__ import annotations

from affekt.addon.wrapping import wrap
from hypothesis import given
from hypothesis import strategies as st


@given(
    words=st.lists(st.text("abc/", min_size=1, max_size=30), max_size=12), width=st.integers(1, 40)
)
def test_no_line_is_too_wide_and_no_letter_is_lost(words: list[str], width: int) -> None:
    lines = wrap("  ".join(words), width, len)
    assert all(1 <= len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(words)


def test_breaks_between_words() -> None:
    assert wrap("one two three", 7, len) == ["one two", "three"]
    assert wrap("at /long/path end", 6, len) == ["at", "/long/", "path", "end"]
    assert wrap("", 6, len) == []
