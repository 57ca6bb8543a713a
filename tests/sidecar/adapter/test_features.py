# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found on the open head: the nose's tip, the edges of lips and lids, their corners."""

import numpy as np
import pytest
from affekt.sidecar.adapter.features import find_features
from affekt.sidecar.adapter.skin import skin_of
from affekt.sidecar.head.read import read_head

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
