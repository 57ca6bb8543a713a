# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to follow a surface, as pictures."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.camera import camera_centre
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render import compare
from affekt.sidecar.render.compare import draw_follows
from fakes.head import small_head


def test_the_ways_to_follow_differ():
    sheet = draw_follows(open_avatar(read_head("open")), 64).astype(int)
    columns = [sheet[6:70, 6 + 70 * k : 70 + 70 * k] for k in range(4)]
    for k in range(3):
        assert np.abs(columns[k] - columns[k + 1]).max() > 4


@pytest.fixture(scope="module")
def places() -> dict[str, tuple[np.ndarray, float]]:
    avatar = open_avatar(read_head("open"))
    return compare._places_in(Actor(avatar, compare._takes(avatar), "still"))


def test_face_eyes_and_mouth_are_where_they_are(
    places: dict[str, tuple[np.ndarray, float]],
) -> None:
    """Metres in the open head's axes: x to its left, y up, z out of the face."""
    face, eyes, mouth = (places[name][0] for name in ("face", "eyes", "mouth"))
    assert np.abs(face[0]) < 0.01
    assert 0.02 < eyes[0] < 0.05  # the left one
    assert np.abs(mouth[0]) < 0.01
    assert mouth[1] < eyes[1] - 0.04
    assert min(eyes[2], mouth[2]) > face[2] + 0.02
    height = places["face"][1]
    assert 0.2 < height < 0.45
    assert places["mouth"][1] == pytest.approx(0.36 * height)
    assert places["eyes"][1] == pytest.approx(0.2 * height)


def test_a_place_fills_its_picture(places: dict[str, tuple[np.ndarray, float]]) -> None:
    camera = compare._look(places, "eyes", 50)
    middle, height = places["eyes"]
    np.testing.assert_allclose(camera_centre(camera), np.add(middle, [0, 0, 1.2]), atol=1e-9)
    assert (camera.width, camera.height) == (50, 50)
    assert camera.focal_y == pytest.approx(50 * 1.2 / height)


def test_the_poses_are_followed_by_what_shows_where_things_are(avatar: Avatar) -> None:
    motion = compare._takes(avatar)
    assert (motion.space, len(motion)) == ("arkit", 6)
    shown = [
        {ARKIT_NAMES[k]: round(float(row[k]), 6) for k in np.flatnonzero(row)}
        for row in motion.expression
    ]
    assert shown[0] == shown[5] == {}
    assert shown[2] == {"jawOpen": 0.8, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.7}
    assert shown[3] == {"jawOpen": 1}
    assert shown[4] == {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}
    np.testing.assert_allclose(motion.neck[0], [0, 0.7, 0], atol=1e-6)
    assert not motion.neck[1:].any()


def test_on_a_flame_head_the_jaw_alone_is_known() -> None:
    """Its expressions would need an adapter; the jaw turns about its own x axis."""
    flame = SimpleNamespace(surface=replace(small_head(), space="flame2023"))
    motion = compare._takes(flame)  # type: ignore[arg-type]
    assert (motion.space, len(motion)) == ("flame2023", 6)
    assert not motion.expression.any()
    jaw = np.zeros((6, 3), np.float32)
    jaw[2, 0], jaw[3, 0] = 0.32, 0.4
    np.testing.assert_allclose(motion.jaw, jaw, atol=1e-6)
    np.testing.assert_allclose(motion.neck[0], [0, 0.7, 0], atol=1e-6)
    assert not motion.neck[1:].any()


def test_each_picture_says_which_way_and_which_is_the_avatars(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], int]] = []

    def contact_sheet(images: list[np.ndarray], labels: list[str], columns: int) -> np.ndarray:
        seen.append((labels, columns))
        return images[0]

    monkeypatch.setattr(compare, "contact_sheet", contact_sheet)
    draw_follows(replace(avatar, follow="surface"), 8)
    ((labels, columns),) = seen
    assert columns == 3
    ways = ["still", "stretch", "surface (made for)"]
    titles = ["head turned", "eyes closed", "mouth open"]
    assert labels == [f"{way}, {title}" for title in titles for way in ways]


def test_there_is_a_row_for_each_pose(avatar: Avatar) -> None:
    """Three rows; the columns are the ways that this avatar knows."""
    sheet = draw_follows(avatar, 40)
    columns = (sheet.shape[1] - 6) // 46
    assert columns == (4 if avatar.binding == "face" else 3)
    assert sheet.shape == (3 * (40 + 21 + 6) + 6, 46 * columns + 6, 3)
    rows = [sheet[6 + 67 * k : 46 + 67 * k, 6:46].astype(int) for k in range(3)]
    assert min(np.abs(rows[a] - rows[b]).max() for a, b in ((0, 1), (1, 2), (0, 2))) > 20
