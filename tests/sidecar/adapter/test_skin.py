# SPDX-License-Identifier: GPL-3.0-or-later
"""Skins, areas and weights, by meshes of a few points."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import JOINTS, REGIONS
from affekt.sidecar.adapter import solve as solving
from affekt.sidecar.adapter.skin import (
    Hits,
    Skin,
    SkinTree,
    face_normals,
    mark_sides,
    point_areas,
    skin_of,
)
from affekt.sidecar.adapter.solve import Solution, arkit_numbers, make_adapter, open_numbers
from fakes.head import small_head

POINTS = np.array([[0.0, 0, 0], [2, 0, 0], [0, 3, 0], [2, 0, 4]])
FACES = np.array([[0, 1, 2], [1, 3, 2]])


def test_normals_point_where_the_corners_turn_to_the_left() -> None:
    normals = face_normals(POINTS, np.array([[0, 1, 2], [0, 2, 1], [0, 1, 3], [1, 1, 2]]))
    np.testing.assert_allclose(normals, [[0, 0, 1], [0, 0, -1], [0, -1, 0], [0, 0, 0]], atol=1e-12)
    tiny = face_normals(1e-5 * POINTS, np.array([[0, 2, 1], [0, 1, 3]]))  # hundredths of mm
    np.testing.assert_allclose(tiny, [[0, 0, -1], [0, -1, 0]], atol=1e-12)


def test_each_corner_has_a_third_of_its_triangles() -> None:
    """Areas of 3 and of half of 4 times the root of 13."""
    other = 2 * np.sqrt(13)
    np.testing.assert_allclose(
        point_areas(POINTS, FACES), np.array([3, 3 + other, 3 + other, other]) / 3
    )


def test_a_hit_lies_between_its_triangles_corners() -> None:
    hits = Hits(
        face=np.array([1, 0]),
        weights=np.array([[0.2, 0.5, 0.3], [0.5, 0.25, 0.25]]),
        found=np.ones(2, bool),
        distance=np.zeros(2),
    )
    np.testing.assert_allclose(hits.on(POINTS, FACES), [[1.4, 0.9, 2], [0.5, 0.75, 0]])
    assert hits.corner(FACES).tolist() == [3, 0]
    numbers = np.array([10.0, 20, 30, 40])
    np.testing.assert_allclose(hits.on(numbers, FACES), [33, 17.5])


def test_the_skin_is_the_largest_piece_of_it() -> None:
    """Two pieces of skin, of 3 and of 2 triangles, and one of teeth, which is larger."""
    faces = [[0, 1, 2], [1, 3, 2], [10, 11, 12], [11, 13, 12], [12, 13, 14]]
    faces += [[20 + k, 21 + k, 22 + k] for k in range(6)]
    region = np.zeros(40, np.uint8)
    region[11], region[14] = REGIONS.index("lip"), REGIONS.index("mouth")
    region[20:30] = REGIONS.index("teeth")
    head = small_head()
    head = replace(
        head,
        faces=np.array(faces, np.int32),
        uv=np.zeros((len(faces), 3, 2), np.float32),
        landmark_faces=np.zeros(68, np.int32),
        region=region,
    )
    skin = skin_of(head)
    assert skin.vertex.tolist() == [10, 11, 12, 13, 14]
    assert skin.faces.tolist() == [[0, 1, 2], [1, 3, 2], [2, 3, 4]]
    np.testing.assert_array_equal(skin.points, head.template[10:15].astype(float))
    assert not skin.side.any()
    bald = replace(head, region=np.full(40, REGIONS.index("teeth"), np.uint8))
    with pytest.raises(InputError) as caught:
        skin_of(bald)
    assert "it has no skin" in caught.value.message


def test_what_the_jaw_takes_along_is_the_lower_lip() -> None:
    """A strip from y = 0.03 down to -0.03 m; the jaw's weight grows downwards. The rims are 0.04 m
    wide, so the lips end 0.024 m from them."""
    heights = np.linspace(0.03, -0.03, 13)
    head = small_head()
    weights = np.zeros((40, 5), np.float32)
    weights[:13, JOINTS.index("jaw")] = np.linspace(0.1, 0.9, 13)
    weights[:, 0] = 1 - weights.sum(1)
    points = np.stack([np.zeros(13), heights, np.zeros(13)], 1)
    skin = Skin(
        points=points, faces=np.array([[0, 1, 2]]), vertex=np.arange(13), side=np.zeros(13, np.int8)
    )
    rim = np.array([[-0.02, 0.005, 0], [0.0, 0.005, 0], [0.02, 0.005, 0]])
    marked = mark_sides(skin, replace(head, skin_weights=weights), rim, rim * [1, -1, 1])
    # The rims' weights are 0.433 and 0.567: a fiftieth more or less than 0.5 is no side.
    assert marked.side.tolist() == [0, 1, 1, 1, 1, 1, 0, -1, -1, -1, -1, -1, 0]


def test_a_triangle_belongs_to_the_lower_lip_if_a_corner_does() -> None:
    faces = np.array([[0, 1, 2], [1, 2, 3]])
    skin = Skin(
        points=POINTS, faces=faces, vertex=np.arange(4), side=np.array([1, 0, 0, -1], np.int8)
    )
    assert SkinTree.of(skin).side.tolist() == [1, -1]


def test_the_nearest_point_and_how_far_it_is() -> None:
    skin = Skin(points=POINTS, faces=FACES, vertex=np.arange(4), side=np.zeros(4, np.int8))
    hits = SkinTree.of(skin).nearest(
        np.array([[0.5, 0.75, -0.2]]), np.array([[0.0, 0, 1]]), np.zeros(1, np.int8)
    )
    assert (hits.face.tolist(), hits.found.tolist()) == ([0], [True])
    np.testing.assert_allclose(hits.weights, [[0.5, 0.25, 0.25]])
    np.testing.assert_allclose(hits.distance, [0.2])
    away = SkinTree.of(skin).nearest(
        np.array([[0.5, 0.75, -0.2]]), np.array([[0.0, 0, -1]]), np.zeros(1, np.int8)
    )
    assert not away.found.any()


LONE = np.array([[0.0, 0, 0], [4, 0, 0], [0, 2, 0]])


def skin_with(corners: np.ndarray) -> Skin:
    """A triangle, and one that is never near."""
    away = np.full((3, 3), 1e4) + LONE
    return Skin(
        points=np.concatenate([corners, away]),
        faces=np.array([[0, 1, 2], [3, 4, 5]]),
        vertex=np.arange(6),
        side=np.zeros(6, np.int8),
    )


@pytest.mark.parametrize(
    ("point", "weights"),
    [
        ((-1, -1), (1, 0, 0)),
        ((5, -1), (0, 1, 0)),
        ((-1, 3), (0, 0, 1)),
        ((1, -2), (0.75, 0.25, 0)),
        ((-3, 0.5), (0.75, 0, 0.25)),
        ((4, 2.5), (0, 0.75, 0.25)),
        ((1, 0.5), (0.5, 0.25, 0.25)),
    ],
)
def test_the_nearest_point_may_be_a_corner_or_on_an_edge(
    point: tuple[float, float], weights: tuple[float, ...]
) -> None:
    hits = SkinTree.of(skin_with(LONE)).nearest(
        np.array([[*point, 0.5]]), np.array([[0.0, 0, 1]]), np.zeros(1, np.int8)
    )
    np.testing.assert_allclose(hits.weights, [weights], atol=1e-12)
    near = np.array(weights) @ LONE
    np.testing.assert_allclose(hits.distance, [np.linalg.norm(near - [*point, 0.5])])


def test_a_triangle_further_off_that_fits_goes_before_a_nearer_one() -> None:
    """Three sheets, 0.1, 0.3 and 0.7 above the point: the first looks the other way, the second is
    of the other lip. Where none fits the nearest counts, and is not said to be found."""
    sheets = np.concatenate([LONE + np.array([0, 0, z]) for z in (0.1, 0.3, 0.7)])
    skin = Skin(
        points=sheets,
        faces=np.array([[0, 2, 1], [3, 4, 5], [6, 7, 8]]),
        vertex=np.arange(9),
        side=np.repeat(np.array([0, -1, 1], np.int8), 3),
    )
    tree, point = SkinTree.of(skin), np.array([[1, 0.5, 0]])

    def asked(normal: tuple[float, float, float], side: int) -> tuple[int, bool, float]:
        hits = tree.nearest(point, np.array([normal]), np.array([side], np.int8))
        return int(hits.face[0]), bool(hits.found[0]), round(float(hits.distance[0]), 6)

    assert asked((0, 0, 1), 1) == (2, True, 0.7)
    assert asked((0, 0, 1), -1) == (1, True, 0.3)
    assert asked((0, 0, 1), 0) == (1, True, 0.3)
    assert asked((0, 0, -1), 1) == (0, True, 0.1)
    assert asked((1, 0, 0), 0) == (0, False, 0.1)
    # A cosine of 0.32 fits, one of 0.28 does not.
    assert asked((np.sqrt(1 - 0.32**2), 0, 0.32), 0) == (1, True, 0.3)
    assert asked((np.sqrt(1 - 0.28**2), 0, 0.28), 0) == (0, False, 0.1)


def test_arkits_weights_as_numbers_of_the_head() -> None:
    head = small_head()
    numbers = arkit_numbers(head)
    assert numbers.shape == (52, 103)
    np.testing.assert_array_equal(numbers[:, :100], head.arkit_expression.T)
    np.testing.assert_array_equal(numbers[:, 100:], head.arkit_jaw.T)


def test_each_number_is_fitted_with_the_jaw_that_goes_with_it() -> None:
    head = small_head()
    jaw = np.zeros((3, 52), np.float32)
    jaw[:, 17], jaw[:, 18] = (0.3, 0.01, 0), (0, 0, -0.2)
    numbers, units = open_numbers(replace(head, arkit_jaw=jaw))
    np.testing.assert_array_equal(units, [1] * 100 + [0.2, 0.08, 0.08])
    wanted = np.diag(units)
    wanted[17, 100:], wanted[18, 100:] = jaw[:, 17], jaw[:, 18]
    np.testing.assert_array_equal(numbers, wanted)


def test_an_adapter_leaves_out_what_is_not_seen_and_where_the_eyes_look() -> None:
    """Shape k is number k at 2; 3 is hardly seen, and 5 turns an eye."""
    numbers = np.zeros((52, 103))
    numbers[:, :52] = 2 * np.eye(52)
    share = np.full(52, 0.9)
    share[3] = 0.2
    eyes = np.zeros((6, 52), np.float32)
    eyes[2, 5] = 0.4
    over = np.arange(103 * 103, dtype=float).reshape(103, 103)
    adapter = make_adapter(
        Solution(
            space_from_open=over,
            numbers=numbers,
            wanted=np.zeros((52, 9, 3)),
            fitted=np.zeros((52, 9, 3)),
            face=np.ones(9, bool),
            share=share,
            gram=np.eye(103),
        ),
        "flame2020",
        replace(small_head(), arkit_eyes=eyes),
    )
    there = np.zeros((103, 52))
    there[:52] = 2 * np.eye(52)
    there[:, 3] = 0
    assert adapter.space == "flame2020"
    np.testing.assert_array_equal(adapter.space_from_arkit, there)
    np.testing.assert_array_equal(adapter.arkit_bias, np.zeros(52))
    assert adapter.space_from_open is not None
    np.testing.assert_array_equal(adapter.space_from_open, over.astype(np.float32))
    # Half of each number, but for the ridge of 0.05 mm: 2 * 1.1 / (4 * 1.1 + 0.0025).
    back = np.diag(np.where(np.isin(np.arange(52), [3, 5]), 0, 2.2 / 4.4025))
    np.testing.assert_allclose(adapter.arkit_from_space[:, :52], back, atol=1e-6)
    assert not adapter.arkit_from_space[:, 52:].any()


def test_shapes_that_look_alike_are_told_apart_by_what_they_have_of_their_own() -> None:
    """Two shapes, of 2 of the first number and of 1 of each, which move the face alike by half."""
    numbers, gram, share = np.zeros((52, 103)), np.eye(103), np.zeros(52)
    numbers[0, 0], numbers[1, :2] = 2, (1, 1)
    gram[0, 1] = gram[1, 0] = 0.5
    share[:2] = 0.9
    adapter = make_adapter(
        Solution(
            space_from_open=np.eye(103),
            numbers=numbers,
            wanted=np.zeros((52, 9, 3)),
            fitted=np.zeros((52, 9, 3)),
            face=np.ones(9, bool),
            share=share,
            gram=gram,
        ),
        "flame2020",
        small_head(),
    )
    # With a tenth of the diagonal the metric is 1.1 and 0.5; the others have the mean of 7.6 / 52.
    square = np.diag([4.4025, 3.2025, *[7.6 / 52] * 50])
    square[0, 1] = square[1, 0] = 3.2
    mean = np.trace(square) / 52
    root = adapter.weight_root
    assert root is not None
    np.testing.assert_allclose(root.T @ root, square / mean, rtol=1e-5, atol=1e-6)
    assert root[1, 0] == 0
    assert root[0, 1] == pytest.approx(3.2 / np.sqrt(4.4025 * mean), rel=1e-5)
    seen = np.array([[2.2, 1.0], [1.6, 1.6]])  # shapes by numbers, in the metric
    wanted = np.linalg.solve(square[:2, :2], seen)
    np.testing.assert_allclose(adapter.arkit_from_space[:2, :2], wanted, rtol=1e-4)
    assert not adapter.arkit_from_space[2:].any()
    # A face that shows only the second number is the second shape, less what that shares.
    assert wanted[1, 1] > 0.5 > 0 > wanted[0, 1]


def test_the_fit_begins_with_the_open_heads_jaw_in_the_other_heads_axes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A head whose x axis is the open head's y: open = a quarter turn about z of FLAME."""
    begun: list[np.ndarray] = []

    class FarEnoughError(Exception):
        pass

    def fit(forward: object, wanted: object, start: np.ndarray, weight: object) -> None:
        begun.append(start)
        raise FarEnoughError

    def still(numbers: np.ndarray) -> np.ndarray:
        return np.zeros((len(numbers), 4, 3))

    monkeypatch.setattr(solving, "Forward", lambda head, vertex: still)
    monkeypatch.setattr(solving, "transfer_displacements", lambda registration, moved: moved)
    monkeypatch.setattr(solving, "_weights", lambda *_: (np.ones(4, bool), np.full(4, 0.25)))
    monkeypatch.setattr(solving, "_fit", fit)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    registration = SimpleNamespace(turn=turn, source=SimpleNamespace(vertex=np.arange(4)))
    head = small_head()
    with pytest.raises(FarEnoughError):
        solving.solve(head, replace(head, arkit_jaw=0 * head.arkit_jaw), registration)
    (start,) = begun
    assert not start[:, :100].any()
    wanted = np.zeros((103, 3))
    wanted[100, 1], wanted[101, 0], wanted[102, 2] = -0.2, 0.08, 0.08
    np.testing.assert_allclose(start[:, 100:], wanted, atol=1e-12)
