# SPDX-License-Identifier: GPL-3.0-or-later
"""Cheeks and jaw end where the person does, as far as the photo shows it."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import HeadModel
from affekt.shared.motion import make_motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait.displacement import displace
from affekt.sidecar.portrait.fit import Fit, posed_vertices
from affekt.sidecar.portrait.framing import Frame
from affekt.sidecar.portrait.outline import find_outline, missing_at_outline
from affekt.sidecar.portrait.seeing import SeenFace
from affekt.sidecar.raster.mesh import rasterise_mesh
from affekt.sidecar.raster.project import to_pixels

from tests.fakes.landmarks import drawn_landmarks

SKIN, WALL, HAIR = (0.7, 0.5, 0.4), (0.1, 0.2, 0.9), (0.2, 0.1, 0.05)
WIDER_M = {1.0: 0.004, -1.0: -0.002}
"""How much further out the person's left and right jaw are than the head's."""


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head("open")


@pytest.fixture(scope="module")
def frame(head: HeadModel) -> Frame:
    """A person with a wide left jaw and a narrow right one, before a wall."""
    camera = look_at(target=np.zeros(3), distance=0.9, width=560, height=620, fov_y_rad=0.32)
    inside = rasterise_mesh(person_of(head), head.faces, camera).face >= 0
    return Frame(
        picture=np.where(inside[..., None], SKIN, WALL).astype(np.float32),
        camera=camera,
        landmarks=np.zeros((478, 2)),
        person=inside.astype(np.float32),
        inside=inside,
    )


def person_of(head: HeadModel) -> np.ndarray:
    person = head.template.copy()
    near = np.exp(-(((head.template[:, 1] + 0.055) / 0.05) ** 4))
    for side, wider_m in WIDER_M.items():
        sideways = np.clip(side * head.template[:, 0] / 0.05, 0, 1)
        person[:, 0] += side * wider_m * near * sideways
    return person


def test_the_outline_asks_for_what_the_person_is_wider(head: HeadModel, frame: Frame) -> None:
    outline = find_outline(head, head.template, frame)
    assert outline is not None
    missing = 1000 * missing_at_outline(head, outline, head.template, frame)
    left = outline.normals[:, 0] > 0  # the person's left is the picture's right
    assert min(left.sum(), (~left).sum()) > 8
    assert np.median(missing[left, 0]) == pytest.approx(4, abs=1.0)
    assert np.median(missing[~left, 0]) == pytest.approx(2, abs=1.0)  # inwards
    assert np.abs(missing[:, 2]).max() < 1e-6  # across the line of sight


def test_hair_beside_the_jaw_is_no_outline(head: HeadModel, frame: Frame) -> None:
    picture, person = frame.picture.copy(), frame.person.copy()
    picture[:, 290:][frame.person[:, 290:] < 0.5] = HAIR
    person[:, 290:480] = 1
    outline = find_outline(head, head.template, replace(frame, picture=picture, person=person))
    assert outline is not None
    assert (outline.normals[:, 0] < 0).all()
    picture[:, :290][frame.person[:, :290] < 0.5] = HAIR
    covered = replace(frame, picture=picture, person=np.ones_like(person))
    assert find_outline(head, head.template, covered) is None


def test_displacement_lays_the_jaw_on_the_outline(head: HeadModel, frame: Frame) -> None:
    found = drawn_landmarks()
    points = head.template[head.faces[found.faces]].mean(1)
    seen = SeenFace(
        landmarks=to_pixels(points, frame.camera)[:, :2].astype(np.float64),
        scores=np.zeros(52, np.float32),
        confidence=1.0,
    )
    rest = make_motion(expression=np.zeros((1, 100), np.float32), fps=30, space="open")
    shape, residual = np.zeros(0, np.float32), np.zeros(478)
    fit = Fit(shape=shape, motion=rest, camera=frame.camera, residual=residual)
    outline = find_outline(head, head.template, frame)
    assert outline is not None
    left_over = [
        np.abs(missing_at_outline(head, outline, posed_vertices(head, fit, change), frame)).mean()
        for change in (
            displace(head, found, seen, fit),
            displace(head, found, seen, fit, frame=frame),
        )
    ]
    assert left_over[1] < 0.5 * left_over[0]
