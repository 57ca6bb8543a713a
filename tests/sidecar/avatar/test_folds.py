# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a shape may go before skin breaks, on a few triangles."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.sidecar.avatar.avatar import ArkitRig
from affekt.sidecar.avatar.folds import broken_faces, largest_weights

REST = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
FACES = np.array([[0, 1, 2]], np.int32)


@pytest.mark.parametrize(
    ("third", "broken"),
    [
        ((0, 1, 0), False),
        ((0, 1.95, 0), False),  # an edge of 1 may become 2
        ((0, 2.05, 0), True),
        ((0, 0.4, 0), False),  # and 0.35
        ((0, 0.3, 0), True),
        ((0, 0.21, 0.97), False),  # turned by 78 degrees about the first edge
        ((0, 0.19, 0.98), True),  # by 79
        ((0, -1, 0), True),
    ],
)
def test_what_is_broken(third: tuple[float, float, float], broken: bool) -> None:
    moved = REST.copy()
    moved[2] = third
    assert broken_faces(REST, moved, FACES).tolist() == [broken]


def test_the_largest_weight_of_each_shape() -> None:
    """A corner that goes up by 0.4 a unit stretches its edge of 1 to twice at 2.5; one that goes
    by 1.5 is broken by the artist already; others move nothing, or something beside the face."""
    shapes = np.zeros((52, 6, 3), np.float32)
    shapes[3, 2, 1], shapes[4, 2, 1], shapes[5, 5, 1] = 0.4, 1.5, 9.0
    shapes[6, 2, 1] = 0.3
    rest = np.concatenate([REST, REST + np.array([5, 0, 0])]).astype(np.float32)
    rig = ArkitRig(
        vertices=rest,
        faces=np.array([[0, 1, 2], [3, 4, 5]], np.int32),
        arkit_shapes=shapes,
        joint_pivots=np.zeros((1, 3), np.float32),
        joint_weights=np.zeros((6, 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )
    largest = largest_weights(rig, np.array([1, 1, 1, 0, 0, 0], bool))
    assert largest[3] == pytest.approx(2.5, abs=2 / 2**5)
    assert largest[3] <= 2.5
    assert np.delete(largest, 3).tolist() == [3.0] * 51
