# SPDX-License-Identifier: GPL-3.0-or-later
"""Movements go as far as a person's eyes leave room."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.arrays import Float32Array
from affekt.shared.head import HeadModel
from affekt.shared.personal_head import personal_head
from affekt.sidecar.head.read import read_head

BROW, UPPER, LOWER = (19, 24), (37, 43), (41, 47)
"""iBUG's landmarks of both sides, right first."""


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head("open")


def heights(head: HeadModel, vertices: Float32Array) -> Float32Array:
    """(68,) millimetres."""
    corners = vertices[head.faces[head.landmark_faces], 1]
    return 1e3 * (head.landmark_weights * corners).sum(1)


def moved(head: HeadModel, name: str) -> Float32Array:
    """(V, 3) where one movement takes the head's vertices."""
    return head.template + head.expression_basis[..., head.expression_names.index(name)]


def person_of(head: HeadModel) -> HeadModel:
    """A person whose right brow is 40 % nearer to the eye, whose left eye opens 25 % less."""
    x, y, _ = head.template.T
    at = 1e-3 * heights(head, head.template)
    upper, lower, brow = (at[list(pair)].mean() for pair in (UPPER, LOWER, BROW))
    off = np.maximum(y - upper, 0) * np.clip((brow + 0.1 - y) / 0.1, 0, 1)
    change = np.zeros_like(head.template)
    change[:, 1] -= np.where(x < -0.005, 0.4 * np.minimum(off, brow - upper), 0)
    shut = 0.25 * np.clip(y - lower, 0, upper - lower) * (y < upper + 0.03)
    change[:, 1] -= np.where(x > 0.005, shut, 0)
    return personal_head(head, change.astype(np.float32))


def test_a_brow_that_is_nearer_to_its_eye_has_less_way_to_it(head: HeadModel) -> None:
    person = person_of(head)
    for name, right_share in (("browDownRight", 0.6), ("browOuterUpRight", 1.0)):
        way = heights(head, moved(head, name)) - heights(head, head.template)
        persons = heights(person, moved(person, name)) - heights(person, person.template)
        assert abs(way[BROW[0]]) > 1.5
        assert persons[BROW[0]] / way[BROW[0]] == pytest.approx(right_share, abs=0.05)
    scowl = heights(person, moved(person, "browDownRight"))
    assert scowl[BROW[0]] > scowl[UPPER[0]] + 2  # the head's own way ends a millimetre above


def test_a_smaller_eye_shuts_with_a_smaller_way(head: HeadModel) -> None:
    person = person_of(head)
    for side, eye in (("Right", 0), ("Left", 1)):
        own, persons = heights(head, head.template), heights(person, person.template)
        opening = own[UPPER[eye]] - own[LOWER[eye]]
        persons_opening = persons[UPPER[eye]] - persons[LOWER[eye]]
        share = persons_opening / opening
        assert share == pytest.approx(0.75 if side == "Left" else 1.0, abs=0.03)
        shut, persons_shut = (
            heights(model, moved(model, f"eyeBlink{side}")) for model in (head, person)
        )
        left = shut[UPPER[eye]] - shut[LOWER[eye]]
        persons_left = persons_shut[UPPER[eye]] - persons_shut[LOWER[eye]]
        assert persons_left == pytest.approx(share * left, abs=0.4)


def test_far_from_the_eyes_and_on_other_heads_nothing_changes(head: HeadModel) -> None:
    person = person_of(head)
    mouth = head.template[:, 1] < 0
    np.testing.assert_array_equal(person.expression_basis[mouth], head.expression_basis[mouth])
    assert personal_head(head, None) is head
    same = personal_head(head, np.zeros_like(head.template))
    np.testing.assert_allclose(same.expression_basis, head.expression_basis, atol=1e-8)
    flame = replace(head, space="flame2023")
    change = person.template - head.template
    trained = personal_head(flame, change)
    assert trained.expression_basis is head.expression_basis
    np.testing.assert_array_equal(trained.template, person.template)


def test_an_identity_counts_as_much_as_a_change(head: HeadModel) -> None:
    change = person_of(head).template - head.template
    still = np.zeros_like(change)
    by_shape = replace(head, shape_basis=change[..., None])
    found = personal_head(by_shape, still, np.ones(1, np.float32))
    np.testing.assert_array_equal(found.template, head.template)
    wanted = personal_head(head, change).expression_basis
    np.testing.assert_allclose(found.expression_basis, wanted, atol=1e-6)
