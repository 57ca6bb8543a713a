# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as sentences have them."""

from __future__ import annotations


def say_count(number: int, noun: str) -> str:
    """A number and what is counted, in the singular or the plural: "1 frame", "1200 frames",
    "72,000 frames"."""
    digits = f"{number:,}" if number >= 10_000 else str(number)
    return f"{digits} {noun}{'' if number == 1 else 's'}"
