# SPDX-License-Identifier: GPL-3.0-or-later
"""Ears follow the person's outline."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import HeadModel
from affekt.shared.motion import make_motion
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait.ears import ear_weight, fit_ears, moved_ear
from affekt.sidecar.portrait.fit import Fit
from affekt.sidecar.portrait.framing import Frame
from affekt.sidecar.portrait.landmarks import BROWS, NOSE_BASE, OVAL
from affekt.sidecar.raster.mesh import rasterise_mesh

SKIN, WALL = (0.7, 0.5, 0.4), (0.1, 0.2, 0.9)


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head("open")


def test_an_ear_is_laid_on_and_rises() -> None:
    points = np.array([[-0.081, 0, 0], [-0.060, 0, 0], [0.081, 0, 0]], np.float32)
    weight = np.array([1.0, 0.5, 0.0])
    moved = moved_ear(points, weight, -1.0, rise_m=0.006, flat=0.25)
    np.testing.assert_allclose(moved, [[0.003, 0.006, 0], [0, 0.003, 0], [0, 0, 0]], atol=1e-6)


def test_the_two_ears_share_no_vertex_and_no_face(head: HeadModel) -> None:
    left, right = ear_weight(head, 1.0), ear_weight(head, -1.0)
    assert min((left > 0).sum(), (right > 0).sum()) > 200
    assert not ((left > 0) & (right > 0)).any()
    assert head.template[left > 0, 2].max() < 0.0  # none of it lies in the face


@pytest.mark.parametrize(("rise_m", "flat"), [(0.009, 0.0), (0.0, 0.9)])
def test_ears_are_found_where_the_person_has_them(
    head: HeadModel, rise_m: float, flat: float
) -> None:
    person = head.template.copy()
    for side in (1.0, -1.0):
        person += moved_ear(head.template, ear_weight(head, side), side, rise_m, flat).astype(
            np.float32
        )
    change, around = fit_ears(head, fit_at_rest(), np.zeros_like(person), frame_of(head, person))
    for side in (1.0, -1.0):
        tip = (ear_weight(head, side) > 0.9) & (side * head.template[:, 0] > 0.078)
        assert change[tip, 1].mean() == pytest.approx(rise_m, abs=0.0031)
        off = (change[tip, 0] / (head.template[tip, 0] - side * 0.069)).mean()
        assert off == pytest.approx(-flat, abs=0.46)
    assert around.any()
    assert not around[:, 195:205].any()


def test_hair_over_the_ears_leaves_none_free(head: HeadModel) -> None:
    frame = frame_of(head, head.template)
    dark = frame.picture.copy()
    dark[:, :118] *= 0.3
    dark[:, 282:] *= 0.3
    bare, hairy = (
        fit_ears(head, fit_at_rest(), np.zeros_like(head.template), shown)[1]
        for shown in (frame, replace(frame, picture=dark))
    )
    assert bare.any()
    assert not hairy.any()


def fit_at_rest() -> Fit:
    rest = make_motion(expression=np.zeros((1, 100), np.float32), fps=30, space="open")
    camera = look_at(target=np.zeros(3), distance=0.9, width=400, height=520, fov_y_rad=0.32)
    return Fit(shape=np.zeros(0, np.float32), motion=rest, camera=camera, residual=np.zeros(478))


def frame_of(head: HeadModel, person: np.ndarray) -> Frame:
    """A picture of a person before a blue wall; of the landmarks the face's outline alone."""
    camera = fit_at_rest().camera
    inside = rasterise_mesh(person, head.faces, camera).face >= 0
    landmarks = np.zeros((478, 2))
    angle = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    landmarks[list(OVAL)] = np.stack([200 + 90 * np.sin(angle), 250 - 120 * np.cos(angle)], 1)
    landmarks[list(BROWS), 1], landmarks[NOSE_BASE, 1] = 190, 320
    return Frame(
        picture=np.where(inside[..., None], SKIN, WALL).astype(np.float32),
        camera=camera,
        landmarks=landmarks,
        person=inside.astype(np.float32),
        inside=inside,
    )
