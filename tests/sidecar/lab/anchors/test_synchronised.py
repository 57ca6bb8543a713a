# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpus is broad, and what is held out is nowhere in training."""

from collections import Counter

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.shared.motion import numbers_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.identity import MANNERS, make_identity
from affekt.sidecar.lab.anchors.lips import lips_of
from affekt.sidecar.lab.anchors.programs import HELD_OUT_PAIRS, make_program, pairs_of
from affekt.sidecar.lab.anchors.speech import read_sentences, speak
from affekt.sidecar.lab.anchors.synchronised import make_synchronised
from affekt.sidecar.lab.anchors.visemes import IGNORED, VISEMES

HEAD = read_head("open")
ENGLISH = (
    *"_mbpfvTDtdnlszSZkgNwrIEaV0@Uhj",
    "tS",
    "dZ",
    "i:",
    "A:",
    "3:",
    "O:",
    "u:",
    "eI",
    "aI",
    "aU",
    "oU",
    "OI",
    "A@",
    "O@",
    "o@",
    "e@",
    "i@3",
    "U@",
)
"""espeak-ng's symbols for American English: every consonant, vowel and diphthong."""


def test_the_corpus_is_large_and_says_nothing_twice():
    sentences = read_sentences()
    every = [text for split in sentences.values() for text in split]
    assert len(every) >= 300
    assert len(set(every)) == len(every)
    assert len(sentences["held-out"]) >= 40


def test_the_corpus_is_phonetically_balanced():
    found: Counter[str] = Counter()
    for text in read_sentences()["train"]:
        found.update(p.symbol for p in speak(text).phonemes)
    assert not {s for s in found if s not in VISEMES and s not in IGNORED}
    rare = {symbol: found[symbol] for symbol in ENGLISH if found[symbol] < 10}
    assert not rare
    lips = sum(found[s] for s in "mbpfvw") / sum(found.values())
    assert 0.1 < lips < 0.25  # closures matter most, so there are more than in English's 0.1


def test_splits_share_no_sentence_manner_nor_pair_of_emotions():
    sentences = read_sentences()
    assert not set(sentences["train"]) & set(sentences["held-out"])
    assert not set(MANNERS["train"]) & set(MANNERS["held-out"])
    train, held_out = (set(pairs_of(split)) for split in ("train", "held-out"))
    assert not train & held_out
    assert len(held_out) == len(HELD_OUT_PAIRS)
    assert train | held_out == set(pairs_of(None))


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_takes_mix_only_their_splits_pairs(split: str):
    allowed = set(pairs_of(split))
    for index in range(6):
        made = make_synchronised(
            split, index, ("transition", "blend", "pair", "alternation"), 0, HEAD
        )
        assert made.manner in MANNERS[split]
        for weights in made.weights:
            used = tuple(np.flatnonzero(weights.max(0)))
            assert used in allowed


def test_pairs_are_there_in_full_and_by_turns():
    rng = np.random.default_rng(0)
    for _ in range(5):
        pair = make_program("pair", 150, 30.0, rng)
        assert (np.sort(pair, axis=1)[:, -2] > 0.3).all()
        turns = make_program("alternation", 300, 30.0, rng)
        first, second = turns[:, np.flatnonzero(turns.max(0))].T
        leads = np.sign(first - second)
        assert 4 <= np.count_nonzero(np.diff(leads[leads != 0])) <= 26


def test_performances_have_silences_and_say_what_keeps_lips_closed():
    made = [make_synchronised("train", i, ("neutral", "held", "blend"), 0, HEAD) for i in range(24)]
    silent = [m for m in made if not m.sentence]
    assert 1 <= len(silent) <= 8
    assert all(m.held.min() == 1 and not m.closure.any() for m in silent)
    kept = np.stack([m.keep_closed for m in made])
    assert (kept[:, 0] == 0.5).all()
    assert 0.3 < kept[:, 1:].mean() < 0.7
    assert set(kept[:, 1:].ravel()) == {0, 0.5, 1}
    inner = 0  # pauses within sentences
    for m in made:
        assert m.variants is not None
        np.testing.assert_allclose(m.variants.sum(1), 1)
        edges = np.flatnonzero(np.diff(np.r_[0, m.held > 0.5, 0]))
        inner += len(edges) // 2 > 2
        for take, keep in zip(m.targets, m.keep_closed, strict=True):
            if keep == 1:
                lips = lips_of(HEAD, m.targets[0].shape.astype(np.float64))
                gap = (numbers_of(take) @ lips.opening + lips.rest).mean(1)
                assert gap[m.held > 0.98].max(initial=0) < 0.5
    assert inner >= 2


def test_identities_differ_in_shape_and_style_and_come_again():
    one, again, other = (make_identity("train", index, 0) for index in (0, 0, 1))
    held_out = make_identity("held-out", 0, 0)
    assert np.array_equal(one.shape, again.shape)
    assert one.name != held_out.name
    for stranger in (other, held_out):
        assert np.abs(one.shape - stranger.shape).max() > 0.3
        assert not np.array_equal(one.style.gains, stranger.style.gains)


def test_an_emotions_name_holds_it_at_full_weight():
    made = make_synchronised("train", 0, ("neutral", *EMOTIONS), 0, HEAD)
    assert np.array_equal(made.weights[0], np.zeros_like(made.weights[0]))
    for index in range(6):
        assert np.array_equal(made.weights[1 + index], np.eye(6)[[index] * len(made.closure)])


@pytest.mark.parametrize("index", range(3))
def test_lips_meet_on_every_identitys_own_face(index: int):
    made = make_synchronised("train", index, ("neutral", *EMOTIONS), 0, HEAD)
    shape = made.targets[0].shape.astype(np.float64)
    lips = lips_of(HEAD, shape)
    assert np.abs(lips.rest).max() > 0.02
    for take in made.targets:
        parted = np.concatenate([take.expression, take.jaw], 1) @ lips.opening + lips.rest
        assert parted[made.closure > 0.98].mean(1).max() < 0.3
