# SPDX-License-Identifier: GPL-3.0-or-later
"""Glasses are told from brows, and move with the skull."""

import cv2
import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import HeadModel
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.portrait import landmarks as marks
from affekt.sidecar.portrait.framing import Frame
from affekt.sidecar.portrait.glasses import find_glasses, put_on
from affekt.sidecar.portrait.surface import cut_head
from affekt.sidecar.raster.mesh import rasterise_mesh
from affekt.sidecar.raster.project import to_pixels

_SIZE, _EYE_ROW, _EYES = 420, 185, (155, 265)


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


def framed(*, rims: bool, bridge: bool) -> Frame:
    """A face with brows; around its eyes, 110 pixels apart, two rims, and a bridge between."""
    picture = np.full((_SIZE, _SIZE), 0.7, np.float32)
    for x in _EYES:
        cv2.rectangle(picture, (x - 35, _EYE_ROW - 50), (x + 35, _EYE_ROW - 42), 0.15, -1)
        if rims:
            cv2.rectangle(picture, (x - 42, _EYE_ROW - 30), (x + 42, _EYE_ROW + 35), 0.08, 5)
    if bridge:
        cv2.line(picture, (_EYES[0] + 42, _EYE_ROW), (_EYES[1] - 42, _EYE_ROW), 0.08, 5)
    cv2.rectangle(picture, (190, 280), (230, 286), 0.1, -1)  # where lips meet
    points = np.full((478, 2), 210.0)
    turn = np.linspace(0, 2 * np.pi, len(marks.OVAL), endpoint=False)
    points[list(marks.OVAL)] = np.stack([210 + 130 * np.cos(turn), 220 + 160 * np.sin(turn)], 1)
    for lids, x in ((marks.RIGHT_LIDS, _EYES[0]), (marks.LEFT_LIDS, _EYES[1])):
        turn = np.linspace(0, 2 * np.pi, len(lids), endpoint=False)
        around = np.stack([x + 16 * np.cos(turn), _EYE_ROW + 7 * np.sin(turn)], 1)
        points[list(lids)] = around
    points[[55, 285], 1], points[168, 1], points[197, 1] = _EYE_ROW - 42, _EYE_ROW - 8, 215
    camera = look_at(
        target=np.array([0, 0.01, -0.03]), distance=1.0, width=_SIZE, height=_SIZE, fov_y_rad=0.36
    )
    person = np.ones((_SIZE, _SIZE), np.float32)
    return Frame(
        picture=np.repeat(picture[..., None], 3, 2), camera=camera, landmarks=points,
        person=person, inside=person > 0,
    )  # fmt: skip


NO_HAIR = np.zeros((_SIZE, _SIZE), np.float32)


def test_the_bridge_tells_glasses() -> None:
    worn = find_glasses(framed(rims=True, bridge=True), NO_HAIR)
    assert worn is not None
    for x in _EYES:
        assert worn[_EYE_ROW + 35, x]
        assert worn[_EYE_ROW - 30, x]
        assert not worn[_EYE_ROW - 46, x]  # the brow
        assert not worn[_EYE_ROW + 15, x]
    assert worn[_EYE_ROW, 210]
    assert not worn[283, 210]


@pytest.mark.parametrize("rims", [False, True])
def test_brows_and_rings_around_the_eyes_are_no_glasses(*, rims: bool) -> None:
    assert find_glasses(framed(rims=rims, bridge=False), NO_HAIR) is None


def test_glasses_stand_before_the_face_and_move_with_no_expression(head: HeadModel) -> None:
    frame = framed(rims=True, bridge=True)
    worn = find_glasses(frame, NO_HAIR)
    assert worn is not None
    pieces = cut_head(head, np.zeros(0, np.float32), np.zeros_like(head.template))
    made = put_on(head, pieces, head.template, frame, worn, None)
    assert made.front == len(made.anchors) > 500
    assert np.abs(head.expression_basis[head.faces[made.anchors]]).max() < 2.1e-5
    means = head.template[head.faces].mean(1)[made.anchors] + made.offsets
    column, row = to_pixels(means.astype(np.float32), frame.camera)[:, :2].astype(int).T
    assert worn[row, column].mean() > 0.95
    skin = rasterise_mesh(head.template, head.faces, frame.camera).depth[row, column]
    pose = frame.camera.camera_from_world
    before = skin - (means @ pose[2, :3] + pose[2, 3])
    assert before.min() > 0.001
    assert np.median(before) > 0.004
