# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as sentences have them, and what of a file's words may stand in them."""

from __future__ import annotations

import re

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def say_count(number: int, noun: str) -> str:
    """A number and what is counted, in the singular or the plural: "1 frame", "1200 frames",
    "72,000 frames"."""
    digits = f"{number:,}" if number >= 10_000 else str(number)
    return f"{digits} {noun}{'' if number == 1 else 's'}"


def without_controls(text: str) -> str:
    """The text with "?" for characters that would move a terminal's cursor, or colour what comes
    next."""
    return _CONTROLS.sub("?", text)
