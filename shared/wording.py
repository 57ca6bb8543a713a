# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and lists as sentences have them."""

from __future__ import annotations


def say_count(number: int, noun: str) -> str:
    """ "1 frame", "1,200 frames": a number and what is counted, in the singular or the plural."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
