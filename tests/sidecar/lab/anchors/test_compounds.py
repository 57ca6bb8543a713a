# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixtures: each part of the face has an owner, and an emotion alone is what it was."""

import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.sidecar.lab.anchors import compounds
from affekt.sidecar.lab.anchors.channels import FEELING_PARTS, NAMES, feeling_columns
from affekt.sidecar.lab.anchors.compounds import part_weights
from hypothesis import given, settings
from hypothesis import strategies as st

WEIGHTS = st.lists(st.floats(0, 1.3), min_size=6, max_size=6)
PARTS = st.sampled_from(FEELING_PARTS)


def mixed(part: str, **weights: float) -> dict[str, float]:
    row = np.array([[weights.get(name, 0.0) for name in EMOTIONS]])
    return dict(zip(EMOTIONS, part_weights(row, part)[0], strict=True))


def test_parts_share_the_shapes_out():
    columns = [column for part in FEELING_PARTS for column in feeling_columns(part)]
    assert sorted(columns) == list(range(len(NAMES)))


def test_every_pair_says_who_owns_what():
    path = Path(compounds.__file__).with_name("compounds.toml")
    table = tomllib.loads(path.read_text("utf-8"))
    assert set(table["saliency"]) == set(EMOTIONS)
    pairs = table["pairs"]
    found = {frozenset((one, two)) for one in pairs for two in pairs[one]}
    assert found == {frozenset(pair) for pair in combinations(EMOTIONS, 2)}
    for one, others in pairs.items():
        for two, owners in others.items():
            assert set(owners) <= set(FEELING_PARTS)
            assert set(owners.values()) <= {one, two, "both"}


@settings(max_examples=40)
@given(weight=st.floats(0, 1.3), emotion=st.integers(0, 5), part=PARTS)
def test_an_emotion_alone_keeps_its_weight(weight: float, emotion: int, part: str):
    row = np.zeros((1, 6))
    row[0, emotion] = weight
    np.testing.assert_allclose(part_weights(row, part), row, atol=1e-9)


@settings(max_examples=60)
@given(weights=WEIGHTS, part=PARTS, size=st.floats(0.1, 1))
def test_mixtures_grow_with_their_weights_and_stay_bounded(weights, part, size):
    row = np.array([weights])
    out = part_weights(row, part)
    assert out.min() >= 0
    assert out.sum() <= 1.26 * row.max() + 1e-9
    np.testing.assert_allclose(part_weights(size * row, part), size * out, atol=1e-6)


def test_bittersweet_has_sad_brows_and_a_smile():
    for size in (1.0, 0.5):
        brow = mixed("brow", happy=size, sad=size)
        corner = mixed("corner", happy=size, sad=size)
        assert brow["sad"] > 8 * brow["happy"]
        assert corner["happy"] > 8 * corner["sad"]
        assert brow["sad"] == pytest.approx(1.003 * size, rel=0.01)


def test_a_shared_part_is_both():
    brow = mixed("brow", fear=1, surprise=1)
    assert brow["fear"] == pytest.approx(brow["surprise"])
    assert brow["fear"] == pytest.approx(0.545, abs=0.01)


def test_fading_from_one_to_another_has_no_jump():
    steps = np.linspace(0, 1, 400)[:, None]
    for one, two in combinations(range(6), 2):
        row = (1 - steps) * np.eye(6)[one] + steps * np.eye(6)[two]
        for part in FEELING_PARTS:
            out = part_weights(row, part)
            assert np.abs(np.diff(out, axis=0)).max() < 0.02
            np.testing.assert_allclose(out[[0, -1]], row[[0, -1]], atol=1e-9)


def test_all_six_at_once_give_no_part_to_everybody():
    for part in FEELING_PARTS:
        shares = np.sort(list(mixed(part, **dict.fromkeys(EMOTIONS, 1.0)).values()))
        assert shares[-1] < 1.1
        assert shares[:3].sum() < 0.5
