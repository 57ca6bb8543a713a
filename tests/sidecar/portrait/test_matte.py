# SPDX-License-Identifier: GPL-3.0-or-later
"""The person in a photo, told by colours alone: no network is needed for it."""

import numpy as np
from affekt.sidecar.portrait.seeing import person_matte


def photo(height: int = 240, width: int = 200) -> np.ndarray:
    """A round brown head of radius 60 around (100, 110) with a red body below, before blue."""
    rows, columns = np.mgrid[:height, :width]
    noise = np.random.default_rng(5).integers(-9, 10, (height, width, 1))
    picture = np.add(np.full((height, width, 3), (40, 70, 200)), noise)
    head = (columns - 100) ** 2 + (rows - 110) ** 2 < 60**2
    body = (np.abs(columns - 100) < 50) & (rows > 160)
    picture[body] = np.add((200, 40, 40), noise)[body]
    picture[head] = np.add((180, 130, 100), noise)[head]
    return np.clip(picture, 0, 255).astype(np.uint8)


EYES, UNIT = np.array([100.0, 100.0]), 40.0
_TURN = np.linspace(0, 2 * np.pi, 24, endpoint=False)
FACE = np.stack([100 + 32 * np.cos(_TURN), 115 + 45 * np.sin(_TURN)], 1)


def test_head_and_body_are_the_person_and_the_wall_is_not() -> None:
    matte = person_matte(photo(), EYES, UNIT, FACE)
    assert matte.shape == (240, 200)
    assert matte.dtype == np.float32
    assert min(matte[55, 100], matte[110, 45], matte[110, 155], matte[200, 70]) > 0.9
    assert max(matte[20, 100], matte[110, 20], matte[60, 160], matte[10, 10]) < 0.1


def test_the_same_photo_gives_the_same_matte() -> None:
    first = person_matte(photo(), EYES, UNIT, FACE)
    person_matte(photo()[:, ::-1].copy(), EYES, UNIT, FACE)
    np.testing.assert_array_equal(person_matte(photo(), EYES, UNIT, FACE), first)


def test_a_face_that_fills_the_photo_is_all_person() -> None:
    close = photo()[70:150, 70:130].copy()
    assert (person_matte(close, np.array([30.0, 30.0]), UNIT, FACE - [70, 70]) == 1).all()


def test_what_lies_beside_a_turned_face_is_not_the_person() -> None:
    """A narrow dark face and neck to the left of the eyes' middle, before a bright wall that comes
    as near to it as it does beside a jaw that is turned away."""
    rows, columns = np.mgrid[:240, :200]
    noise = np.random.default_rng(6).integers(-4, 5, (240, 200, 1))
    picture = np.add(np.full((240, 200, 3), (215, 220, 205)), noise)
    head = ((columns - 85) / 42) ** 2 + ((rows - 110) / 60) ** 2 < 1
    head |= (np.abs(columns - 80) < 20) & (rows > 140)
    picture[head] = np.add((80, 52, 38), noise)[head]
    face = np.stack([85 + 38 * np.cos(_TURN), 115 + 50 * np.sin(_TURN)], 1)
    matte = person_matte(picture.astype(np.uint8), EYES, UNIT, face)
    assert min(matte[110, 60], matte[110, 110], matte[170, 80]) > 0.9
    assert max(matte[160, 118], matte[180, 110], matte[110, 140]) < 0.1
