# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a registration, by sheets of a few points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import JOINTS, HeadModel
from affekt.sidecar.adapter import registration
from affekt.sidecar.adapter.features import Features
from affekt.sidecar.adapter.registration import Registration, thin_plate
from affekt.sidecar.adapter.skin import Hits, Skin, SkinTree
from affekt.sidecar.head.read import read_head
from fakes.head import small_head


def features(**faces: int) -> Features:
    """Each in the first corner of its face; "__" stands for a dot."""
    return Features(
        names=tuple(name.replace("__", ".") for name in faces),
        faces=np.array(list(faces.values())),
        weights=np.tile([1.0, 0, 0], (len(faces), 1)),
    )


MOUTH = {f"mouth__upper__{k}": k for k in range(5)}


def test_features_that_both_heads_have_in_one_order() -> None:
    here = features(nose=9, **MOUTH, eye_left__left=7, ibug__30=3)
    reverse = dict(reversed({**MOUTH, "ibug__30": 8, "nose": 6, "eye_right__left": 2}.items()))
    one, other = registration._shared(here, features(**reverse))
    wanted = ("nose", *(f"mouth.upper.{k}" for k in range(5)), "ibug.30")
    assert one.names == other.names == wanted
    assert one.faces.tolist() == [9, 0, 1, 2, 3, 4, 3]
    assert other.faces.tolist() == [6, 0, 1, 2, 3, 4, 8]


def test_six_features_of_the_mouth_are_the_least() -> None:
    """Eyes and nose do not count; iBUG's points do."""
    five = features(nose=0, eye_left__left=1, eye_left__right=2, **MOUTH)
    with pytest.raises(InputError, match="no nose and mouth") as caught:
        registration._shared(five, five)
    assert caught.value.code == "adapter.registration"
    six = features(ibug__60=4, **MOUTH)
    assert len(registration._shared(six, six)[0].names) == 6


def head_with_eyes(left: tuple[float, ...], right: tuple[float, ...]) -> HeadModel:
    head = small_head()
    template = head.template.copy()
    template[10], template[11] = left, right
    regressor = head.joint_regressor.copy()
    for joint, vertex in (("eye_left", 10), ("eye_right", 11)):
        regressor[JOINTS.index(joint)] = 0
        regressor[JOINTS.index(joint), vertex] = 1
    return replace(head, template=template, joint_regressor=regressor)


def test_the_line_between_the_eyes_is_turned_onto_the_other_heads() -> None:
    """From a head whose left eye lies above its right one: a quarter turn about z, clockwise."""
    upright = head_with_eyes((0.03, 0.02, 0.05), (-0.03, 0.02, 0.05))
    lying = head_with_eyes((0.5, 0.04, 0.1), (0.5, -0.04, 0.1))
    turn = registration._turn_from_eyes(lying, upright)
    np.testing.assert_allclose(turn @ [0, 1, 0], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(turn @ [1, 0, 0], [0, -1, 0], atol=1e-9)
    np.testing.assert_allclose(turn @ [0, 0, 1], [0, 0, 1], atol=1e-9)


@pytest.mark.parametrize(("apart", "said"), [(0.099, "1.65 times"), (0.0369, "0.615 times")])
def test_eyes_too_far_apart_or_too_near(apart: float, said: str) -> None:
    """Up to 1.6 times as far as the other head's 0.06 m, or as near."""
    upright = head_with_eyes((0.03, 0, 0), (-0.03, 0, 0))
    other = head_with_eyes((apart / 2, 0, 0), (-apart / 2, 0, 0))
    with pytest.raises(InputError, match=said):
        registration._turn_from_eyes(other, upright)
    for fine in (0.0955, 0.038):
        near = head_with_eyes((fine / 2, 0, 0), (-fine / 2, 0, 0))
        np.testing.assert_allclose(registration._turn_from_eyes(near, upright), np.eye(3))


def strip() -> tuple[Skin, HeadModel]:
    """Thirteen points from y = 0.03 down to -0.03 m, of which the jaw takes the lower ones along;
    face k begins at point k."""
    heights = np.linspace(0.03, -0.03, 13)
    weights = np.zeros((40, 5), np.float32)
    weights[:13, JOINTS.index("jaw")] = np.linspace(0.1, 0.9, 13)
    weights[:, 0] = 1 - weights.sum(1)
    points = np.stack([0.01 * (np.arange(13) % 2), heights, np.zeros(13)], 1)
    skin = Skin(
        points=points,
        faces=np.stack([np.arange(11) + k for k in range(3)], 1),
        vertex=np.arange(13),
        side=np.zeros(13, np.int8),
    )
    return skin, replace(small_head(), skin_weights=weights)


def test_lips_are_told_by_the_rims_that_are_seen_or_else_by_landmarks() -> None:
    skin, head = strip()
    seen = features(mouth__upper__3=4, mouth__upper__4=5, mouth__lower__3=7, mouth__lower__4=8)
    marks = features(ibug__61=4, ibug__63=5, ibug__65=7, ibug__67=8)
    by_rims = registration._with_sides(skin, head, seen)
    assert by_rims.side.tolist()[4:9] == [1, 1, 0, -1, -1]
    by_marks = registration._with_sides(skin, head, marks)
    np.testing.assert_array_equal(by_marks.side, by_rims.side)
    # Rims go before landmarks, and 60, 64 and 68 are corners or nothing.
    both = features(mouth__upper__3=4, mouth__upper__4=5, ibug__62=10, ibug__65=7, ibug__66=8)
    np.testing.assert_array_equal(registration._with_sides(skin, head, both).side, by_rims.side)
    for lacking in (features(ibug__60=4, ibug__64=5, ibug__66=7), features(mouth__upper__3=4)):
        with pytest.raises(InputError, match="its lips were not found"):
            registration._with_sides(skin, head, lacking)


def test_a_features_place_is_a_sum_of_three_points() -> None:
    skin, _ = strip()
    some = Features(
        names=("a", "b"),
        faces=np.array([2, 7]),
        weights=np.array([[0.5, 0.3, 0.2], [0.0, 0.25, 0.75]]),
    )
    matrix = registration._selector(some, skin).toarray()
    wanted = np.zeros((2, 13))
    wanted[0, 2:5], wanted[1, 7:10] = (0.5, 0.3, 0.2), (0, 0.25, 0.75)
    np.testing.assert_allclose(matrix, wanted)
    np.testing.assert_allclose(matrix @ skin.points, some.places(skin))


def test_a_level_between_the_first_and_the_last() -> None:
    assert registration._between((4e-4, 1e-6), 0.0) == pytest.approx(4e-4)
    assert registration._between((4e-4, 1e-6), 0.5) == pytest.approx(2e-5)
    assert registration._between((0.04, 0.006), 1.0) == pytest.approx(0.006)
    assert registration._between((8.0, 1.0), 1 / 3) == pytest.approx(4)


def sheet(size: int = 9) -> Skin:
    """In x and y from -0.04 to 0.04 m, seen from +z."""
    x, y = np.meshgrid(np.linspace(-0.04, 0.04, size), np.linspace(-0.04, 0.04, size))
    corner = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + size + 1], 1),
            np.stack([corner, corner + size + 1, corner + size], 1),
        ]
    )
    return Skin(
        points=np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3),
        faces=faces,
        vertex=np.arange(size * size),
        side=np.zeros(size * size, np.int8),
    )


def test_what_is_met_lies_within_reach() -> None:
    flat = sheet()
    tree = SkinTree.of(flat)
    above = flat.points + np.array([0, 0, 0.003])
    hits, held = registration._meet(above, flat, tree, 0.0031)
    assert held.all()
    np.testing.assert_allclose(hits.distance, 0.003, atol=1e-9)
    assert not registration._meet(above, flat, tree, 0.0029)[1].any()


def test_a_sheet_is_bent_onto_another_with_the_features_that_say_where() -> None:
    """A sheet 2 mm below a wavy one, and shifted along it by as much: what is near moves up to it,
    and the features pull it back along it."""
    flat = sheet(17)
    wave = flat.points + np.stack(
        [np.zeros(289), np.zeros(289), 0.004 * np.cos(40 * flat.points[:, 0])], 1
    )
    target = replace(flat, points=wave)
    start = flat.points + np.array([0.002, 0, 0])
    faces = np.flatnonzero(np.abs(flat.points[flat.faces[:, 0], :2]).max(1) < 0.03)[::7]
    pair = Features(
        names=tuple(f"mouth.{k}" for k in range(len(faces))),
        faces=faces,
        weights=np.tile([1.0, 0, 0], (len(faces), 1)),
    )
    bent = registration._bend(start, flat, SkinTree.of(target), (pair, pair))
    inner = np.abs(flat.points[:, :2]).max(1) < 0.025
    onto = 0.004 * np.cos(40 * bent[:, 0])
    assert np.abs(bent[:, 2] - onto)[inner].max() < 2e-4
    along = (bent - wave)[inner]
    assert np.abs(along[:, 0]).mean() < 0.0008 < np.abs(start - wave)[inner, 0].mean()
    nothing = replace(pair, names=(), faces=faces[:0], weights=np.zeros((0, 3)))
    left = registration._bend(start, flat, SkinTree.of(target), (nothing, nothing))
    assert np.abs((left - wave)[inner][:, 0]).mean() > 0.0012


def with_triangle(skin: Skin, corners: np.ndarray) -> Skin:
    """The skin and a triangle apart from it."""
    count = len(skin.points)
    return Skin(
        points=np.concatenate([skin.points, corners]),
        faces=np.concatenate([skin.faces, [[count, count + 1, count + 2]]]),
        vertex=np.arange(count + 3),
        side=np.zeros(count + 3, np.int8),
    )


APART = np.array([[0.0, 0, 0.2], [0.01, 0, 0.2], [0, 0.01, 0.2]])


def test_a_piece_that_meets_nothing_stays_where_it_is() -> None:
    flat = sheet(9)
    target = replace(flat, points=flat.points + np.array([0, 0, 0.002]))
    none = Features(names=(), faces=np.zeros(0, np.int64), weights=np.zeros((0, 3)))
    source = with_triangle(flat, APART)
    bent = registration._bend(source.points, source, SkinTree.of(target), (none, none))
    np.testing.assert_allclose(bent[81:], APART, atol=1e-6)
    np.testing.assert_allclose(bent[:81, 2], 0.002, atol=1e-5)


def test_features_lead_at_first_and_the_surface_has_the_last_word() -> None:
    """Features that were found 4 mm above a sheet lift it no more at the end."""
    flat = sheet(9)
    above = np.array([[0.0, 0, 0.004], [0, 0.001, 0.004], [0.001, 0, 0.004]])  # looks down
    target = with_triangle(flat, above)
    middle = int(np.flatnonzero((flat.points == 0).all(1))[0])
    face = int(np.flatnonzero(flat.faces[:, 0] == middle)[0])
    corner = np.array([[1.0, 0, 0]])
    here = Features(names=("mouth.0",), faces=np.array([face]), weights=corner)
    there = replace(here, faces=np.array([len(target.faces) - 1]))
    bent = registration._bend(flat.points, flat, SkinTree.of(target), (here, there))
    assert 1e-6 < bent[middle, 2] < 5e-4
    assert np.abs(bent[:, 2]).max() == pytest.approx(bent[middle, 2])


def test_bending_energy_of_one_hinge() -> None:
    """Two right triangles of half a square metre each: 1/2 of the difference across an edge of
    weight 1 or 0; the function that is 1 in one corner and 0 elsewhere."""
    points = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    energy = thin_plate(points, faces).toarray()
    np.testing.assert_allclose(energy, energy.T, atol=1e-12)
    # Edges 0-1, 1-2, 2-3 and 3-0 weigh 1/2, the diagonal nothing; a corner's Laplacian is the sum
    # of differences, its mass a sixth of a square metre, or a third on the diagonal.
    laplacian = 0.5 * np.array([[2, -1, 0, -1], [-1, 2, -1, 0], [0, -1, 2, -1], [-1, 0, -1, 2]])
    mass = np.array([1 / 3, 1 / 6, 1 / 3, 1 / 6])
    np.testing.assert_allclose(energy, laplacian.T @ (laplacian / mass[:, None]), atol=1e-12)


def test_a_face_near_the_nose_is_checked_and_no_other_part() -> None:
    """Seven centimetres about it; found, and within two millimetres."""
    away = np.array([0.0, 0.069, 0.071, 0.2])
    points = np.stack([away, np.zeros(4), np.zeros(4)], 1)
    hits = Hits(
        face=np.zeros(4, np.int64),
        weights=np.zeros((4, 3)),
        found=np.array([True, True, False, False]),
        distance=np.array([0.0019, 0.0019, 0, 0]),
    )
    registration._check(hits, points, np.zeros(3), 1.0)
    for spoilt in (
        replace(hits, found=np.array([True, False, True, True])),
        replace(hits, distance=np.array([0.0021, 0.001, 0, 0])),
    ):
        registration._check(spoilt, points, np.zeros(3), 0.5)
        with pytest.raises(InputError, match="only 50% of its face lie on it"):
            registration._check(spoilt, points, np.zeros(3), 0.51)
    with pytest.raises(InputError, match="only 0% of its face"):
        registration._check(hits, points, np.array([9.0, 0, 0]), 0.1)


def test_a_head_is_registered_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moved, turned and made smaller; every point lies on its own."""
    monkeypatch.setattr(registration, "_STIFF_M", registration._STIFF_M[::4])
    head = read_head("open")
    angle = 0.1
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    shift = np.array([0.02, -0.3, 0.05])
    # open = 1.1 turn moved + shift
    moved = ((head.template - shift) @ turn / 1.1).astype(np.float32)
    found: Registration = registration.register(replace(head, template=moved), head)
    assert found.scale == pytest.approx(1.1, rel=2e-3)
    np.testing.assert_allclose(found.turn, turn, atol=4e-3)
    np.testing.assert_allclose(found.shift, shift, atol=2e-3)
    away = np.linalg.norm(found.bent - found.target.points, axis=1)
    assert np.median(away) < 2e-4
    np.testing.assert_array_equal(found.source.vertex, found.target.vertex)
    places = found.hits.on(found.target.points, found.target.faces)
    assert np.median(np.linalg.norm(places - found.bent, axis=1)) < 2e-4
    assert (found.source.side != 0).any()
    known = found.source.side != 0
    assert (found.source.side[known] == found.target.side[known]).mean() > 0.85
