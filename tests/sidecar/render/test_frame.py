# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses and how their points cross the picture, by points that move as a test says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from affekt.shared.camera import Camera
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.render.frame import Poses

CAMERA = Camera(
    width=100,
    height=80,
    focal_x=100,
    focal_y=50,
    centre_x=50,
    centre_y=40,
    camera_from_world=np.eye(4),
)
"""It looks along +z; a metre at a distance of 2 is 50 pixels wide and 25 high."""
WAYS = np.array([[0.0, 0.0], [0.2, 0.04], [0.5, 0.12], [0.6, -0.4]])
"""Of the one point, x and y frame by frame, y down."""


def poses(made: list[int] | None = None, count: int = 4) -> Poses[int]:
    def pose(index: int) -> int:
        if made is not None:
            made.append(index)
        return index

    return Poses(pose, lambda index: np.array([[*WAYS[index], 2.0], [0, 0, -1.0]]), count)


def vectors(index: int, request: PictureRequest) -> list[float]:
    of_point, of_hidden = poses().vectors(index, request)
    assert of_hidden.tolist() == [0, 0, 0, 0]  # it is behind the camera
    return np.round(of_point, 4).tolist()


def test_a_vector_is_where_it_was_less_where_it_is_then_where_it_is_less_where_it_will_be() -> None:
    request = PictureRequest(cameras=(CAMERA,))
    assert vectors(1, request) == [-10, 1, -15, 2]
    assert vectors(2, request) == [-15, 2, -5, -13]


def test_nothing_is_known_beyond_the_takes_ends() -> None:
    request = PictureRequest(cameras=(CAMERA,))
    assert vectors(0, request) == [0, 0, -10, 1]
    assert vectors(3, request) == [-5, -13, 0, 0]


def test_each_frame_is_seen_by_its_own_camera() -> None:
    cameras = tuple(replace(CAMERA, centre_x=centre, centre_y=40 - centre) for centre in range(4))
    assert vectors(1, PictureRequest(cameras=cameras)) == [-11, 0, -16, 1]


def test_a_pose_is_made_once_while_its_neighbours_need_it() -> None:
    made: list[int] = []
    kept = poses(made)
    for index in range(4):
        assert kept.at(index) == index
        kept.vectors(index, PictureRequest(cameras=(CAMERA,)))
    assert made == [0, 1, 2, 3]
    assert list(kept._kept) == [1, 2, 3]
    kept.at(0)
    assert made == [0, 1, 2, 3, 0]
