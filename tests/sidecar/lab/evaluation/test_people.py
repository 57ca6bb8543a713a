# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawn people: who they are, and that a picture shows what it should from any side."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import fit_camera
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.lab.evaluation.drawn_people import (
    KINDS,
    Drawn,
    draw,
    draw_photo,
    photo_camera,
    set_scene,
)
from affekt.sidecar.lab.evaluation.drawn_strands import on_beard, on_scalp
from affekt.sidecar.lab.evaluation.people import (
    Person,
    identity_of,
    pose_of,
    read_people,
    read_words,
)

EDGE = 240
PEOPLE = {person.name: person for person in read_people()}
WORDS = read_words()


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


def drawn(person: Person, head: HeadModel, yaw: float | None = None) -> Drawn:
    scene = set_scene(person, head, WORDS, person.photo, dressed=False)
    return draw(scene, fit_camera(photo_camera(person, yaw), EDGE))


def test_ten_people_who_differ() -> None:
    assert len(PEOPLE) == 10
    shapes = np.stack([identity_of(person, WORDS) for person in PEOPLE.values()])
    apart = np.linalg.norm(shapes[:, None] - shapes[None], axis=2)
    assert apart[np.triu_indices(10, 1)].min() > 4  # standard deviations
    for trait in ("skin", "iris", "hair", "photo"):
        assert len({str(getattr(person, trait)) for person in PEOPLE.values()}) >= 9, trait
    for person in PEOPLE.values():
        assert set(person.photo) <= set(ARKIT_NAMES)


def test_words_and_weights_move_the_face(head: HeadModel) -> None:
    plain = Person(name="a", seed=3, face={}, skin=(1, 1, 1), lip=(1, 1, 1), iris=(1, 1, 1))
    turned = replace(plain, face={"Age": 1.5, "Gender": -1.0})
    difference = identity_of(turned, WORDS) - identity_of(plain, WORDS)
    np.testing.assert_allclose(difference, 1.5 * WORDS["Age"] - WORDS["Gender"], atol=1e-5)
    pose = pose_of(plain, identity_of(plain, WORDS), head, {"jawOpen": 0.5})
    np.testing.assert_allclose(pose.jaw[0], 0.5 * head.arkit_jaw[:, ARKIT_NAMES.index("jawOpen")])
    assert pose.shape.shape == (300,)


def test_hair_and_beard_keep_off_the_face_and_the_lips() -> None:
    eye, lip, chin = [0.03, 0.025, 0.04], [0.0, -0.047, 0.058], [0.0, -0.085, 0.05]
    crown, nape, ear = [0.0, 0.12, -0.04], [0.0, 0.0, -0.13], [0.078, 0.0, -0.05]
    scalp = on_scalp(np.array([eye, chin, ear, crown, nape]))
    assert scalp.tolist() == [False, False, False, True, True]
    assert on_beard(np.array([eye, lip, crown])).tolist() == [0, 0, 0]
    assert on_beard(np.array([chin]))[0] == 1


def test_what_a_picture_shows_is_told(head: HeadModel) -> None:
    bald = drawn(PEOPLE["old_man_bald"], head)
    assert not (bald.kind == KINDS.index("worn")).any()
    rows, columns = np.nonzero(bald.face)
    assert 0.06 < bald.face.mean() < 0.25
    assert abs(columns.mean() - bald.alpha.shape[1] / 2) < 12
    assert (bald.alpha[rows, columns] == 1).mean() > 0.98
    glasses = drawn(PEOPLE["east_asian_glasses"], head)
    worn = (glasses.kind == KINDS.index("worn")) & np.roll(glasses.face, 3, 0)
    assert worn.sum() > 40  # a frame across the face
    laughing = drawn(PEOPLE["woman_bun_open_mouth"], head)
    mouth = laughing.kind == KINDS.index("mouth")
    assert mouth.sum() > 30
    assert not (mouth & laughing.face).any()


@pytest.mark.full
def test_light_stays_where_it_is_when_the_camera_goes_round(head: HeadModel) -> None:
    person = PEOPLE["old_man_bald"]
    brighter = []
    for yaw in (-40.0, 40.0):
        view = drawn(person, head, yaw)
        skin = view.face & (view.alpha == 1)
        light = view.picture.mean(2)
        left = skin & (view.rest[..., 0] > 0.01)
        right = skin & (view.rest[..., 0] < -0.01)
        brighter.append(light[left].mean() > light[right].mean())
    assert brighter[0] == brighter[1]


@pytest.mark.full
def test_a_photo_is_the_same_person_before_a_room(head: HeadModel) -> None:
    person = PEOPLE["heavy_man_cropped"]
    scene = set_scene(person, head, WORDS, person.photo, dressed=True)
    camera = fit_camera(photo_camera(person), EDGE)
    photo, seen = draw_photo(scene, camera), draw(scene, camera)
    assert photo.min() >= 0
    assert photo.max() <= 1
    assert np.abs(photo - seen.picture)[seen.face].mean() < 0.01
    behind = seen.alpha == 0
    assert behind.mean() > 0.3
    assert photo[behind].std() > 0.03
    np.testing.assert_array_equal(photo, draw_photo(scene, camera))
