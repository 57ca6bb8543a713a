# SPDX-License-Identifier: GPL-3.0-or-later
"""What LAM is shown of a photo, by LAM's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.lam import crop as crops
from affekt.sidecar.lam.crop import CROP_PIXELS, crop_head, network_image, on_white, square_around
from affekt.sidecar.portrait.seeing import SeenFace

from .test_oracle import Oracle, oracle  # noqa: F401


def test_the_square_around_a_head() -> None:
    points = np.array([[100.0, 40.0], [180.0, 90.0], [150.0, 240.0]])
    # 80 x 200: the edge is 1.65 * sqrt(16,000) = 208.7, about (140, 140)
    assert square_around(points) == (36, 36, 208)


def test_white_behind_a_soft_edge() -> None:
    pixels = np.array([[[10, 20, 30], [10, 20, 30], [10, 20, 30]]], np.uint8)
    matte = np.array([[1.0, 0.5, 0.0]], np.float32)
    assert on_white(pixels, matte).tolist() == [[[10, 20, 30], [132, 138, 142], [255, 255, 255]]]


def test_the_picture_is_averaged_down_without_a_mean_taken_off() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4, :4, 1] = 255
    pixels[0, 4, 2] = 51
    image = network_image(pixels, 2)
    assert image.shape == (3, 2, 2)
    np.testing.assert_allclose(image[1], [[1, 0], [0, 0]])
    np.testing.assert_allclose(image[2], [[0, 0.2 / 16], [0, 0]], atol=1e-7)


def test_as_lam_prepares_a_matted_picture(oracle: Oracle) -> None:  # noqa: F811
    """LAM's own steps on a masked picture; ours begin with the crop that LAM's app begins with, so
    the square about the mask is taken here."""
    mask = oracle.arrays["pre/mask_u8"] > 180
    picture = on_white(oracle.arrays["pre/image_u8"], mask.astype(np.float32))
    left, top, right, bottom = oracle.arrays["pre/mask_bbox_xyxy"].tolist()
    height, width = mask.shape
    middle = np.array([width // 2, height // 2])
    half = int(np.abs(np.array([left, top, right, bottom]) - np.tile(middle, 2)).max())
    part = picture[middle[1] - half : middle[1] + half, middle[0] - half : middle[0] + half]
    found = network_image(part, 504).transpose(1, 2, 0)
    np.testing.assert_allclose(found[::6, ::6], oracle.arrays["pre/out_rgb_every6"], atol=1e-4)
    assert found.mean() == pytest.approx(oracle.arrays["pre/out_mean"][0], abs=1e-4)


@pytest.fixture
def seen() -> SeenFace:
    landmarks = np.random.default_rng(0).uniform(60, 140, (478, 2))
    landmarks[[33, 133]] = [[80, 100], [90, 100]]
    landmarks[[362, 263]] = [[110, 100], [120, 100]]
    return SeenFace(landmarks=landmarks, scores=np.zeros(52, np.float32), confidence=1.0)


HEAD = np.array([[50.0, 40.0], [150.0, 160.0]])


def test_what_lies_outside_the_photo_is_white(
    seen: SeenFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        crops, "person_matte", lambda picture, *_: np.ones(picture.shape[:2], np.float32)
    )
    photo = np.full((170, 120, 3), 40, np.uint8)
    photo[90:110, 90:110] = [200, 100, 0]
    left, top, edge = square_around(HEAD)
    made = crop_head(photo, seen, HEAD, "me.jpg")
    assert made.pixels.shape == (CROP_PIXELS, CROP_PIXELS, 3)

    def at(x: float, y: float) -> list[int]:
        scale = CROP_PIXELS / edge
        return made.pixels[int((y - top) * scale), int((x - left) * scale)].tolist()

    assert at(100, 100) == [200, 100, 0]
    assert at(70, 60) == [40, 40, 40]
    assert at(140, 60) == [255, 255, 255]
    assert at(70, 180) == [255, 255, 255]


def test_a_photo_without_background_is_used_as_it_is(
    seen: SeenFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        crops, "person_matte", lambda picture, *_: np.ones(picture.shape[:2], np.float32)
    )
    photo = np.full((400, 400, 3), 40, np.uint8)
    assert "No background" in crop_head(photo, seen, HEAD + 100, "me.jpg").said


def test_a_matte_that_takes_all(seen: SeenFace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        crops, "person_matte", lambda picture, *_: np.zeros(picture.shape[:2], np.float32)
    )
    with pytest.raises(InputError, match=r"me\.jpg cannot be told") as caught:
        crop_head(np.full((200, 200, 3), 40, np.uint8), seen, HEAD, "me.jpg")
    assert caught.value.code == "photo.matte"
