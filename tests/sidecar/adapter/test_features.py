# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found on the open head: the nose's tip, the edges of lips and lids, their corners."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.head import JOINTS
from affekt.sidecar.adapter import features
from affekt.sidecar.adapter.features import Features, find_features
from affekt.sidecar.adapter.skin import Skin, skin_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.raster.mesh import EMPTY, MeshFragments
from fakes.head import small_head

PLACES_MM = {
    "nose": (0, -15.8, 66.6),
    "mouth.upper.4": (0.2, -48.1, 51.7),
    "mouth.lower.1": (-12.1, -46, 49.2),
    "mouth.left": (20.9, -48.4, 45),
    "mouth.right": (-21, -48.4, 45.1),
    "eye_left.upper.2": (30.3, 22.6, 41.9),
    "eye_left.lower.0": (22.5, 15.2, 39),
    "eye_left.left": (41.2, 18.6, 33.9),
    "eye_right.upper.0": (-37.7, 21.7, 39.5),
    "eye_right.left": (-19.1, 17, 37.1),
}


def test_features_of_the_open_head() -> None:
    head = read_head("open")
    skin = skin_of(head)
    found = find_features(head, skin, np.eye(3))
    lips = [f"mouth.{lip}.{i}" for i in range(9) for lip in ("upper", "lower")]
    lids = [
        f"{eye}.{lid}.{i}"
        for eye in ("eye_left", "eye_right")
        for i in range(5)
        for lid in ("upper", "lower")
    ]
    corners = [
        f"{part}.{s}" for part in ("mouth", "eye_left", "eye_right") for s in ("left", "right")
    ]
    assert sorted(found.names) == sorted(["nose", *lips, *lids, *corners])
    places = np.einsum("nk,nkd->nd", found.weights, skin.points[skin.faces[found.faces]])
    for name, place in PLACES_MM.items():
        assert places[found.names.index(name)] * 1000 == pytest.approx(place, abs=3), name


def test_the_rim_of_a_hole() -> None:
    """A hole of rows 3 to 6 in columns 4 to 14, in a part of the picture that begins at row 10 and
    column 20. Its upper rim is one row above, its lower one below, its ends one column aside, in
    the middle of their own rows. Where nothing is seen there is no place."""
    hole = np.zeros((12, 20), bool)
    hole[3:7, 4:15] = True
    hole[2, 9] = True  # dents upwards in the middle
    hole[3:5, 14] = False  # and ends lower on its left
    face = np.arange(40 * 50).reshape(40, 50).astype(np.int32)
    face[12, 24] = EMPTY
    weights = np.tile(np.array([0.2, 0.5, 0.1], np.float32), (40, 50, 1))
    view = MeshFragments(face=face, barycentric=weights, depth=np.ones((40, 50), np.float32))
    found = features._rims(hole, (10, 20), view, "mouth", np.array([-1.0, 0.0, 0.4]))

    def at(row: int, column: int) -> int:
        return row * 50 + column

    assert {name: place for name, (place, _) in found.items()} == {
        "mouth.lower.0": at(17, 24),
        "mouth.upper.1": at(11, 29),
        "mouth.lower.1": at(17, 29),
        "mouth.upper.2": at(12, 31),
        "mouth.lower.2": at(17, 31),
        "mouth.right": at(14, 23),
        "mouth.left": at(16, 35),
    }
    for _, place in found.values():
        np.testing.assert_allclose(place, [0.25, 0.625, 0.125])


def test_the_largest_hole_counts_if_it_is_large() -> None:
    mask = np.zeros((40, 60), bool)
    mask[2:12, 5:25] = True  # 200 pixels are too few
    assert features._largest_piece(mask) is None
    mask[12, 5] = True
    found = features._largest_piece(mask)
    assert found is not None
    np.testing.assert_array_equal(found, mask)
    mask[20:39, 30:50] = True
    mask[0, 59] = True
    largest = features._largest_piece(mask)
    assert largest is not None
    assert largest.sum() == 380
    assert largest[20:39, 30:50].all()
    assert features._largest_piece(np.zeros((5, 5), bool)) is None


def test_a_mouth_is_deeper_than_what_lies_above_and_below() -> None:
    """By more than 8 mm, and with both lips within 25 mm: 80 pixels of a third of a millimetre."""
    depth = np.full((300, 60), 3.0)
    depth[100:150, 10:50] = 3.009
    found = features._mouth_hole(depth)
    assert found is not None
    assert found[100:150, 10:50].all()
    assert found.sum() == 50 * 40
    assert features._mouth_hole(np.where(depth > 3, 3.0079, 3.0)) is None
    low = depth.copy()
    low[150:] = 3.009  # nothing below, as of a neck's edge
    assert features._mouth_hole(low) is None
    high = depth.copy()
    high[:100] = 3.009
    assert features._mouth_hole(high) is None
    tall = np.full((300, 60), 3.0)
    tall[50:250, 10:50] = 3.02  # taller than 80 pixels: its middle is too far from the lips
    assert features._mouth_hole(tall) is None


def test_the_nose_is_the_foremost_point_between_the_eyes_and_a_little_below() -> None:
    """Eyes 60 mm apart at a height of 30: 21 mm to either side, down to -30."""
    mm = np.array(
        [
            [0, 10, 50],
            [20, -29, 60],  # this one
            [-22, 0, 70],  # too far aside
            [0, 31, 80],  # above the eyes
            [0, -31, 90],  # the chin
            [5, 0, 55],
        ]
    )
    points = np.array(mm) / 1000
    skin = Skin(
        points=points,
        faces=np.array([[0, 2, 5], [3, 1, 5], [1, 4, 5]]),
        vertex=np.arange(6),
        side=np.zeros(6, np.int8),
    )
    face, weights = features._nose(points, skin, np.array([[0.03, 0.03, 0], [-0.03, 0.03, 0]]))
    assert (face, weights.tolist()) == (1, [0, 1, 0])


def test_features_are_picked_by_name() -> None:
    some = Features(
        names=("a", "b", "c"),
        faces=np.array([4, 5, 6]),
        weights=np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]),
    )
    picked = some.pick(["c", "a"])
    assert picked.names == ("c", "a")
    assert picked.faces.tolist() == [6, 4]
    assert picked.weights.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert some.pick([]).faces.tolist() == []


def test_landmarks_keep_their_place_whatever_the_order_of_a_faces_corners() -> None:
    """The skin has the head's vertices 5, 6, 7 and 8 alone, and its one face in another order.
    Landmarks before 17, without weights or on another face are left out."""
    head = small_head(20)
    faces = head.faces.copy()
    faces[3], faces[4] = (7, 5, 6), (0, 1, 2)
    of_landmark, weights = np.full(68, 4, np.int32), np.zeros((68, 3), np.float32)
    of_landmark[[5, 20, 30, 40]] = 3
    weights[[5, 20, 40]] = (0.5, 0.3, 0.2)
    weights[40] = (0.1, 0.2, 0.7)
    weights[50] = (1, 0, 0)
    head = replace(head, faces=faces, landmark_faces=of_landmark, landmark_weights=weights)
    skin = Skin(
        points=head.template[5:9].astype(float),
        faces=np.array([[1, 2, 3], [0, 1, 2]]),
        vertex=np.arange(5, 9),
        side=np.zeros(4, np.int8),
    )
    nose = Features(names=("nose",), faces=np.array([0]), weights=np.array([[0.0, 1, 0]]))
    found = features.with_landmarks(nose, head, skin)
    assert found.names == ("nose", "ibug.20", "ibug.40")
    assert found.faces.tolist() == [0, 1, 1]
    np.testing.assert_allclose(found.weights, [[0, 1, 0], [0.3, 0.2, 0.5], [0.2, 0.7, 0.1]])
    wanted = np.array([0.5, 0.3, 0.2]) @ head.template[[7, 5, 6]]
    np.testing.assert_allclose(found.places(skin)[1], wanted, rtol=1e-6)


def test_an_opened_jaw_moves_the_chin_down() -> None:
    head = read_head("open")
    moved = features.open_jaw(head, 0.2)
    way = moved - head.template
    assert moved.dtype == np.float64
    jaw = head.skin_weights[:, JOINTS.index("jaw")]
    assert way[jaw > 0.99, 1].min() < -0.01
    assert np.abs(way[jaw == 0]).max() < 0.005
    np.testing.assert_allclose(features.open_jaw(head, 0.0), head.template, atol=1e-6)
