# SPDX-License-Identifier: GPL-3.0-or-later
"""Which face becomes the avatar; without the networks, one sentence."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.cli import run
from affekt.sidecar.portrait import choice, networks
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
