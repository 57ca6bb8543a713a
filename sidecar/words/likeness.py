# SPDX-License-Identifier: GPL-3.0-or-later
"""The second stage: which word of the lexicon words are most like that no list knows.

A table of vectors for 26,000 pieces of words, distilled from bge-small-en-v1.5 (BAAI, MIT) by
`affekt train words`: a text is the mean of its pieces' vectors. It is compared with the situations
of `situations.toml` and the feelings of the lexicon; what is most like "nothing", or like several
things equally, is left alone.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...shared.arrays import Float32Array
from .vocabulary import vocabulary

VECTORS = Path(__file__).parents[1] / "assets" / "word_vectors.safetensors"
NOTHING = "nothing"
_LEAST = 0.45
"""The share of the votes from which on a text is like a word."""
_NEAREST = 15
_TEMPERATURE = 0.1
_PLAIN = frozenset(
    ["a", "an", "the", "of", "to", "in", "on", "at", "and", "or", "is", "are", "was", "were", "be",
     "been", "being", "i", "you", "he", "she", "it", "they", "we", "me", "him", "her", "his", "my",
     "your", "their", "its", "that", "this", "with", "for", "from", "by", "as", "do", "does", "did",
     "have", "has", "had", "will", "would", "can", "could", "not", "no", "so", "if", "then", "than",
     "very", "left", "right", "just", "like", "look", "looks", "make"]
)  # fmt: skip
"""Words that are left out of a text before it is compared."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Likeness:
    """pieces: row of each piece of a word; those inside a word begin with ##. vectors: (n, d).
    anchors: (m, d) of length 1, what they are like, and the names of those."""

    pieces: dict[str, int]
    vectors: Float32Array
    anchors: Float32Array
    names: tuple[str, ...]
    labels: np.ndarray[tuple[int], np.dtype[np.intp]]

    def find(self, text: str) -> str | None:
        """The word of the lexicon that a text is most like; None where it is like none."""
        vector = embed(text, self.pieces, self.vectors)
        if vector is None:
            return None
        alike = self.anchors @ vector
        nearest = np.argsort(-alike)[:_NEAREST]
        votes = np.exp((alike[nearest] - alike[nearest[0]]) / _TEMPERATURE)
        shares = np.bincount(self.labels[nearest], votes, len(self.names)) / votes.sum()
        best = int(shares.argmax())
        name = self.names[best]
        return None if shares[best] < _LEAST or name == NOTHING else name


def embed(text: str, pieces: dict[str, int], vectors: Float32Array) -> Float32Array | None:
    """The vector of a text, (d,), of length 1; None where no piece is known."""
    words = [word for word in re.findall(r"[a-z]+", text.lower()) if word not in _PLAIN]
    rows = [row for word in words for row in split_word(word, pieces)]
    if not rows:
        return None
    mean = vectors[rows].mean(0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def split_word(word: str, pieces: dict[str, int]) -> list[int]:
    """The rows of a word's pieces, each as long as can be; none if they do not make it up."""
    rows: list[int] = []
    start = 0
    while start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            row = pieces.get(mark + word[start:end])
            if row is not None:
                rows.append(row)
                start = end
                break
        else:
            return []
    return rows


@functools.cache
def likeness() -> Likeness:
    """What ships."""
    from safetensors.numpy import load_file

    arrays = load_file(VECTORS)
    names = bytes(arrays["pieces"]).decode().split("\n")
    pieces = {name: row for row, name in enumerate(names)}
    vectors = arrays["vectors"].astype(np.float32) * arrays["scales"].astype(np.float32)[:, None]
    texts, likes = zip(*_anchors(), strict=True)
    found = [embed(text, pieces, vectors) for text in texts]
    kept = [number for number, vector in enumerate(found) if vector is not None]
    classes = tuple(dict.fromkeys(likes))
    return Likeness(
        pieces=pieces,
        vectors=vectors,
        anchors=np.array([found[number] for number in kept], np.float32),
        names=classes,
        labels=np.array([classes.index(likes[number]) for number in kept], np.intp),
    )


def _anchors() -> Iterable[tuple[str, str]]:
    """Texts, and the words of the lexicon that they are like."""
    text = Path(__file__).with_name("situations.toml").read_text(encoding="utf-8")
    like: dict[str, list[str]] = tomllib.loads(text)["like"]
    for name, situations in like.items():
        yield from ((situation, name) for situation in situations)
    by_weights = {
        str(meaning.weights): name
        for name in like
        if name != NOTHING
        for meaning in vocabulary().phrases[(name,)]
        if meaning.kind in ("feeling", "expression")
    }
    for words, meanings in vocabulary().phrases.items():
        for meaning in meanings:
            name = by_weights.get(str(meaning.weights))
            if name is not None and meaning.kind in ("feeling", "expression"):
                yield " ".join(words), name
