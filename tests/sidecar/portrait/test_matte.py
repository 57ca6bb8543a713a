# SPDX-License-Identifier: GPL-3.0-or-later
"""The person in a photo, told by colours alone: no network is needed for it."""

import numpy as np
import pytest
from affekt.sidecar.portrait import seeing
from affekt.sidecar.portrait.seeing import _strands, person_matte


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


def strands(wall_grain: float) -> tuple[np.ndarray, np.ndarray]:
    """A head whose grey hair, fine light and dark lines, has the colours of a grey wall, and where
    (240, 200) that hair is. wall_grain: of the same kind as the hair's."""
    rows, columns = np.mgrid[:240, :200]
    random = np.random.default_rng(7)
    lines = 55 * np.sign(random.normal(size=(240, 200)))
    wall = 140 + wall_grain * lines + 55 * np.sin(columns / 23 + rows / 40)
    head = ((columns - 100) / 60) ** 2 + ((rows - 110) / 64) ** 2 < 1
    face = ((columns - 100) / 36) ** 2 + ((rows - 118) / 46) ** 2 < 1
    picture = np.repeat(np.where(head, 140 + lines, wall)[..., None], 3, 2)
    picture[face | ((np.abs(columns - 100) < 25) & (rows > 150))] = (205, 150, 120)
    return picture.clip(0, 255).astype(np.uint8), head & ~face & (rows < 110)


def test_grey_hair_before_a_smooth_grey_wall_is_the_persons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture, hair = strands(0)
    matte = person_matte(picture, EYES, UNIT, FACE)
    assert matte[hair].mean() > 0.9
    assert matte[:40].mean() < 0.02
    monkeypatch.setattr(seeing, "_strands", lambda picture, *_: np.zeros(picture.shape[:2], bool))
    assert person_matte(picture, EYES, UNIT, FACE)[hair].mean() < 0.7  # by colours alone


def test_a_wall_with_as_much_detail_has_no_strands() -> None:
    rows, columns = np.mgrid[:240, :200]
    far, near = rows < 40, np.hypot(columns - 100, rows - 100) < 90
    face = ((columns - 100) / 36) ** 2 + ((rows - 118) / 46) ** 2 < 1
    picture, hair = strands(0)
    assert (_strands(picture, far, near, face) & hair).sum() > 0.4 * hair.sum()
    assert not (_strands(strands(1)[0], far, near, face) & ~face).any()
