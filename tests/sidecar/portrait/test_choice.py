# SPDX-License-Identifier: GPL-3.0-or-later
"""Which face becomes the avatar; without the networks, one sentence."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.sidecar.cli import run
from affekt.sidecar.portrait import choice, networks
from affekt.sidecar.portrait.fit import Fit
from affekt.sidecar.portrait.seeing import LANDMARK_COUNT, SeenFace
from PIL import Image


def face(x: float, eye_distance: float) -> SeenFace:
    landmarks = np.full((LANDMARK_COUNT, 2), (x, 50.0))
    for place, away in ((33, -0.7), (133, -0.3), (362, 0.3), (263, 0.7)):
        landmarks[place, 0] = x + away * eye_distance
    return SeenFace(landmarks=landmarks, scores=np.zeros(52, np.float32), confidence=0.97)


PHOTO = np.zeros((100, 300, 3), np.uint8)


def test_the_largest_face_is_chosen_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = [face(250, 80), face(60, 70)]
    monkeypatch.setattr(choice, "find_faces", lambda photo: faces)
    seen, sentence = choice.choose_face(PHOTO, "a.jpg", None)
    assert seen is faces[0]
    assert sentence.startswith("2 faces; number 1 by size, on the right, sure to 97%; 80 pixels")
    other, sentence = choice.choose_face(PHOTO, "a.jpg", 2)
    assert other is faces[1]
    assert "number 2 by size, on the left" in sentence
    assert sentence.endswith("Another is chosen by its number.")


@pytest.mark.parametrize(
    ("faces", "number", "code"),
    [
        ([], None, "photo.no_face"),
        ([face(60, 70)], 2, "photo.face"),
        ([face(60, 70)], 0, "photo.face"),
        ([face(60, 20)], None, "photo.small_face"),
    ],
)
def test_what_cannot_be_chosen(
    monkeypatch: pytest.MonkeyPatch, faces: list[SeenFace], number: int | None, code: str
) -> None:
    monkeypatch.setattr(choice, "find_faces", lambda photo: faces)
    with pytest.raises(InputError) as caught:
        choice.choose_face(PHOTO, "a.jpg", number)
    assert caught.value.code == code


def fit_from(yaw_deg: float, residual: float = 0.0) -> Fit:
    camera = look_at(
        target=np.zeros(3), distance=1.0, yaw_rad=np.radians(yaw_deg), width=90, height=80,
        fov_y_rad=0.3,
    )  # fmt: skip
    motion = make_motion(expression=np.zeros((1, 100), np.float32), fps=30, space="open")
    return Fit(
        shape=np.zeros(4, np.float32), motion=motion, camera=camera,
        residual=np.full(478, residual),
    )  # fmt: skip


def test_how_far_a_face_may_be_turned() -> None:
    seen, most = face(60, 40), choice.MOST_SIDE_YAW_DEG
    choice.check_fit(fit_from(-35), seen, "a.jpg")
    choice.check_fit(fit_from(-55), seen, "side.jpg", most)
    with pytest.raises(
        InputError, match=r"side\.jpg is turned away by 70 degrees; 65 are"
    ) as caught:
        choice.check_fit(fit_from(70), seen, "side.jpg", most)
    assert (caught.value.code, "the front" in caught.value.remedy) == ("photo.profile", False)
    with pytest.raises(InputError, match="turned away by 55 degrees; 40 are the most") as caught:
        choice.check_fit(fit_from(-55), seen, "a.jpg")
    assert (caught.value.code, "the front" in caught.value.remedy) == ("photo.profile", True)


def test_what_no_head_has_is_refused() -> None:
    seen = face(60, 40)
    choice.check_fit(fit_from(0, 2.0), seen, "a.jpg")
    with pytest.raises(InputError) as caught:
        choice.check_fit(fit_from(0, 2.8), seen, "a.jpg")
    assert caught.value.code == "photo.no_fit"


def test_a_soft_face_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_faces", lambda photo: [face(60, 40)])
    assert "soft" in choice.choose_face(PHOTO, "a.jpg", None)[1]


def test_nothing_is_written_where_no_face_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "wall.png")
    monkeypatch.setattr(choice, "find_faces", lambda photo: [])
    out = tmp_path / "wall.safetensors"
    assert run(["avatar", "create", str(tmp_path / "wall.png"), "--out", str(out)]) == 2
    assert "[photo.no_face]" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["wall.png"]


def test_without_the_networks_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        networks._model(networks.DETECTOR)
    assert caught.value.code == "option.missing_extra"
    assert "pip install" in caught.value.remedy
