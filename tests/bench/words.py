# SPDX-License-Identifier: GPL-3.0-or-later
"""What words for a face cost: `python -m tests.bench words`."""

from __future__ import annotations

from affekt.sidecar.words.describe import describe
from affekt.sidecar.words.likeness import likeness
from affekt.sidecar.words.vocabulary import vocabulary

from .job import Job

TEXT = "a smug half smile, left brow raised, slowly"
PARAGRAPH = "then a smug half smile, left brow raised, slowly, and suddenly angry. " * 28


def word_jobs() -> list[Job]:
    """Loading what words mean, then a line and a paragraph."""
    return [
        Job(name="words: lexicon and vectors loaded", run=load, units=1, unit="", aim="1 s"),
        Job(
            name="words: a line to keys", run=lambda: describe(TEXT), units=1, unit="", aim="50 ms"
        ),
        Job(
            name=f"words: {len(PARAGRAPH):,} characters to keys",
            run=lambda: describe(PARAGRAPH),
            units=1,
            unit="",
        ),
    ]


def load() -> None:
    """Reads everything again."""
    vocabulary.cache_clear()
    likeness.cache_clear()
    vocabulary()
    likeness()
