# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars against drawn people from other sides."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.lab.evaluation import truth as truths
from affekt.sidecar.lab.evaluation.drawn_people import KINDS, Drawn, photo_camera
from affekt.sidecar.lab.evaluation.people import identity_of, pose_of, read_people, read_words
from affekt.sidecar.lab.evaluation.truth import (
    APART,
    FACE_PSNR,
    FACE_SSIM,
    HEAD_PSNR,
    NEUTRAL,
    OUTLINE,
    Seen,
    compare_with_truth,
    measure_strangers,
    measure_view,
    see,
    similarity,
    truth_sheet,
)
from affekt.sidecar.portrait.create import Portrait
from affekt.sidecar.portrait.fit import Fit
from affekt.sidecar.portrait.framing import Frame


def test_scale_and_shift_of_points() -> None:
    points = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 7.0]])
    scale, shift = similarity(points, 1.5 * points + [10, -3])
    assert scale == pytest.approx(1.5)
    np.testing.assert_allclose(shift, [10, -3])


def square(kind: np.ndarray) -> Drawn:
    """A head of which the face is the upper half."""
    rest = np.zeros((*kind.shape, 3), np.float32)
    rest[..., 1] = np.linspace(0.1, -0.12, len(kind))[:, None]
    shown = (kind >= 0).astype(np.float32)
    picture = shown[..., None] * np.full((*kind.shape, 3), 0.5, np.float32)
    return Drawn(picture=picture, alpha=shown, kind=kind.astype(np.int32), rest=rest)


def test_figures_of_a_view() -> None:
    kind = np.full((100, 100), -1)
    kind[20:90, 30:70] = KINDS.index("skin")
    kind[60:70, 40:60] = KINDS.index("mouth")
    drawn = square(kind)
    truth = see(drawn).rows(85)
    covered = np.zeros((85, 100), bool)
    covered[20:, 30:80] = True  # a quarter wider than the truth
    avatar = truth.picture.copy()
    avatar[60:70, 40:60] = 0  # inside the mouth: not the face
    avatar[20:, 70:80] = 0.4  # outside the truth's outline: the head's, not the face's
    figures = measure_view(truth, avatar, covered, None)
    assert figures[FACE_PSNR] == pytest.approx(120)
    assert figures[FACE_SSIM] < 1  # its window sees the mouth
    assert figures[OUTLINE] == pytest.approx(0.8, abs=0.02)
    wrong = (200 * 0.25 + 650 * 0.25) / (65 * 50)  # of 0.5 and of 0.5, squared
    assert figures[HEAD_PSNR] == pytest.approx(-10 * np.log10(wrong), abs=0.05)


def test_strangers_are_each_and_the_next() -> None:
    def person(tone: float, rows: int) -> Seen:
        picture = np.full((rows, 40, 3), tone, np.float32)
        everywhere = np.ones((rows, 40), bool)
        return Seen(picture=picture, face=everywhere, whole=everywhere)

    people = [person(0.2, 40), person(0.3, 50), person(0.7, 45)]
    found = measure_strangers(people, None)
    assert found[HEAD_PSNR] == pytest.approx(-20 * np.mean(np.log10([0.1, 0.4, 0.5])), abs=0.01)
    assert found[OUTLINE] == 1


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_portrait_that_is_the_person_lies_on_them_from_every_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twice as far away through a lens twice as long, too: a photo does not tell."""
    monkeypatch.setattr(truths, "YAWS_DEG", (-40.0, 40.0))
    person = replace(read_people()[4], photo={"jawOpen": 0.3})
    head, shape = read_head(OPEN), identity_of(person, read_words())
    camera = photo_camera(person)
    long = replace(camera, focal_x=2 * camera.focal_x, focal_y=2 * camera.focal_y)
    pose = camera.camera_from_world.copy()
    pose[2, 3] *= 2
    fit = Fit(
        shape=shape,
        motion=pose_of(person, shape, head, person.photo),
        camera=replace(long, camera_from_world=pose),
        residual=np.zeros(478),
    )
    size = camera.height, camera.width
    frame = Frame(
        picture=np.zeros((*size, 3), np.float32),
        camera=camera,
        landmarks=np.zeros((478, 2)),
        person=np.zeros(size, np.float32),
        inside=np.zeros(size, bool),
    )
    apart = {}
    for name, avatar in (
        ("same", replace(open_avatar(head), shape=shape)),
        ("other", replace(open_avatar(head), shape=-shape)),
    ):
        compared = compare_with_truth(
            person, head, Portrait(avatar=avatar, fit=fit, frame=frame), None
        )
        assert list(compared) == ["-40", "+40", NEUTRAL]
        apart[name] = [view.figures[APART] for view in compared.values()]
        assert truth_sheet(compared).shape[2] == 3
    assert max(apart["same"]) < 1.5
    assert min(apart["other"]) > 2 * max(apart["same"])
