# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin is told from hair."""

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.sidecar.portrait.framing import Frame
from affekt.sidecar.portrait.landmarks import OVAL
from affekt.sidecar.portrait.masks import _is_bald, _largest, strayed_background


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
    turn = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    landmarks = np.zeros((478, 2))
    landmarks[list(OVAL)] = np.stack([110 + 48 * np.cos(turn), 80 + 58 * np.sin(turn)], 1)
    camera = look_at(target=np.zeros(3), distance=1.0, width=240, height=200, fov_y_rad=0.3)
    frame = Frame(
        picture=picture.astype(np.float32), camera=camera, landmarks=landmarks, person=person,
        inside=person > 0.5,
    )  # fmt: skip
    found = strayed_background(frame)
    assert found[strip].all()
    assert not found[throat & (columns > 86) & (columns < 134)].any()
    inner = ((columns - 110) / 45) ** 2 + ((rows - 80) / 55) ** 2 < 1  # the edge goes with the room
    assert not found[inner].any()
