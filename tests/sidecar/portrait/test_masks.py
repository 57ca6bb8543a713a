# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin is told from hair."""

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.sidecar.portrait.framing import Frame
from affekt.sidecar.portrait.landmarks import OVAL
from affekt.sidecar.portrait.masks import (
    _is_bald,
    _largest,
    _room_in_hair,
    clothes,
    strayed_background,
)


@pytest.mark.parametrize(
    ("colour", "grain", "grain_of_face", "bald"),
    [
        ((200, 150, 120), 1, 1, True),
        ((170, 120, 95), 1, 1, True),  # in shadow
        ((185, 140, 115), 9, 9, True),  # a grainy photo
        ((60, 40, 30), 1, 1, False),  # dark and smooth
        ((195, 150, 125), 25, 1, False),  # blond curls
        ((195, 150, 125), 30, 6, False),  # in a grainy photo
    ],
)
def test_a_scalp_is_no_hair(
    colour: tuple[int, int, int], grain: int, grain_of_face: int, bald: bool
) -> None:
    noise = np.random.default_rng(0).normal(0, 1, (90, 60, 1))
    found = np.zeros((90, 60), bool)
    found[10:50, 10:50] = True
    above = np.array(colour) + grain * noise
    below = np.array((200, 150, 120)) + grain_of_face * noise
    picture = np.where(found[..., None], above, below).clip(0, 255).astype(np.uint8)
    face = np.zeros((90, 60), bool)
    face[55:85, 10:50] = True
    assert _is_bald(picture, found, face) == bald


def test_the_largest_piece_stays() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:5, 2:5] = True
    mask[8:18, 10:25] = True
    kept = _largest(mask)
    assert kept.sum() == 150
    assert not kept[3, 3]


def framed(picture: np.ndarray, person: np.ndarray) -> Frame:
    """A frame of 200 x 240 whose face's outline is an oval around (110, 80)."""
    turn = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    landmarks = np.zeros((478, 2))
    landmarks[list(OVAL)] = np.stack([110 + 48 * np.cos(turn), 80 + 58 * np.sin(turn)], 1)
    landmarks[152] = 110, 138
    camera = look_at(target=np.zeros(3), distance=1.0, width=240, height=200, fov_y_rad=0.3)
    return Frame(
        picture=picture.astype(np.float32), camera=camera, landmarks=landmarks,
        person=person.astype(np.float32), inside=person > 0.5,
    )  # fmt: skip


@pytest.mark.parametrize("cloth", [(0.03, 0.03, 0.04), (0.8, 0.15, 0.1), (0.9, 0.9, 0.95)])
def test_below_the_chin_cloth_and_what_lies_under_it_is_no_skin(
    cloth: tuple[float, float, float],
) -> None:
    """A throat that is in shadow to the left, a collar, and a badge of the skin's colour on it."""
    rows, columns = np.mgrid[:200, :240]
    skin = np.array([0.8, 0.6, 0.5])
    picture = np.broadcast_to(skin, (200, 240, 3)).copy()
    picture[(rows > 138) & (columns < 100)] *= 0.45
    picture[rows > 162] = cloth
    picture[(rows > 185) & (np.abs(columns - 110) < 12)] = skin
    picture[(np.abs(columns - 110) < 12) & (np.abs(rows - 110) < 6)] = cloth  # within the face
    found = clothes(framed(picture, np.ones((200, 240))))
    assert found[164:].all()
    assert not found[:150].any()


def test_a_wall_between_curls_is_no_hair() -> None:
    rows, columns = np.mgrid[:120, :120]
    hair = (columns > 40) & (columns < 100) & (rows < 90)
    seen_through = (np.hypot(columns - 46, rows - 80) < 8) & hair
    white = (np.hypot(columns - 80, rows - 40) < 8) & hair  # a lock: no wall is near it
    picture = np.full((120, 120, 3), (0.75, 0.7, 0.8), np.float32)
    picture[hair] = (0.1, 0.08, 0.07)
    picture[seen_through] = (0.74, 0.7, 0.79)
    picture[white] = (0.9, 0.9, 0.85)
    found = _room_in_hair(picture, hair, ~hair)
    assert found[seen_through].all()
    assert found.sum() == seen_through.sum()


@pytest.mark.parametrize("room", [(0.85, 0.9, 0.8), (0.3, 0.35, 0.55)])
def test_the_rooms_colour_is_not_the_skins(room: tuple[float, float, float]) -> None:
    """Dark skin, a strip of the room that the matte takes for a person's, a throat in shadow, a red
    patch in the face, and a button of the room's colour that is in one piece with the person."""
    rows, columns = np.mgrid[:200, :240]
    face = ((columns - 110) / 50) ** 2 + ((rows - 80) / 60) ** 2 < 1
    throat = (np.abs(columns - 110) < 30) & (rows > 130)
    strip = (columns >= 140) & (columns < 158) & (rows > 130)
    red = (np.abs(columns - 110) < 8) & (np.abs(rows - 110) < 5)
    button = (np.abs(columns - 104) < 4) & (np.abs(rows - 165) < 4)
    skin = np.array([0.32, 0.21, 0.15])
    picture = np.full((200, 240, 3), room)
    picture[throat], picture[face], picture[red] = 0.5 * skin, skin, (0.7, 0.2, 0.25)
    picture[button] = room
    person = (face | throat | strip).astype(np.float32)
    found = strayed_background(framed(picture, person))
    assert found[strip].all()
    assert not found[throat & (columns > 86) & (columns < 134)].any()
    inner = ((columns - 110) / 45) ** 2 + ((rows - 80) / 55) ** 2 < 1  # the edge goes with the room
    assert not found[inner].any()
