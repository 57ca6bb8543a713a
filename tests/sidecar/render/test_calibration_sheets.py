# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands where on a calibration's sheet, and which way its arrows point; the command that
draws it is in avatar/test_calibration."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.camera import camera_centre
from affekt.shared.motion import ARKIT_NAMES, Motion
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.effects import FacePlaces
from affekt.sidecar.render import calibration_sheets as sheets
from fakes.calibrations import any_calibration
from fakes.head import small_head

PLACES = FacePlaces(
    shares=np.array([[1.0, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 0]]),
    rest=np.array([[0.0, 1.6, 0.1], [0.04, 1.64, 0.1], [9.0, 9.0, 9.0]]),
    height_m=0.1,
)
"""Two places on four vertices, and one that this mesh does not show."""
RED = np.array(sheets._ARROW)


def is_red(picture: np.ndarray) -> np.ndarray:
    return (picture[..., :3] == RED).all(-1)


def test_the_camera_stands_before_what_is_seen_of_the_face() -> None:
    camera = sheets._before(PLACES)
    np.testing.assert_allclose(camera_centre(camera), [0.02, 1.62, 0.1 + 1.0], atol=1e-9)
    assert (camera.width, camera.height) == (200, 200)
    assert camera.focal_y == pytest.approx(200 / (1.75 * 0.1))


def test_an_arrow_ends_where_its_place_goes() -> None:
    """1142.9 pixels are a metre: (0, 1.6) is pixel (77.1, 122.9), and the other place (122.9,
    77.1); less than one and a half pixels is no motion."""
    camera = sheets._before(PLACES)
    still = np.zeros((200, 200, 4), np.uint8)
    moved = np.array([[0.02, 0, 0], [0.001, 0, 0], [0.5, 0.5, 0]])
    drawn = sheets._with_arrows(still, camera, PLACES, moved)
    rows, columns = np.nonzero(is_red(drawn))
    assert 121 <= rows.min() <= rows.max() <= 124
    assert 75 <= columns.min() <= 78
    assert 99 <= columns.max() <= 102
    up = sheets._with_arrows(still, camera, PLACES, np.array([[0, 0, 0], [0, 0.02, 0], [0, 0, 0]]))
    rows, columns = np.nonzero(is_red(up))
    assert rows.min() < 56 < 76 < rows.max() < 79
    assert 121 <= columns.min() <= columns.max() <= 125
    assert not still.any()


@pytest.fixture
def rig() -> ArkitRig:
    shapes = np.zeros((52, 4, 3), np.float32)
    shapes[ARKIT_NAMES.index("jawOpen"), 0] = 0, -0.03, 0
    shapes[ARKIT_NAMES.index("mouthSmileLeft"), 1:3] = 0.01, 0.02, 0
    return ArkitRig(
        vertices=np.zeros((4, 3), np.float32),
        faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        arkit_shapes=shapes,
        joint_pivots=np.zeros((1, 3), np.float32),
        joint_weights=np.zeros((4, 1), np.float32),
        joint_shares=np.ones(1, np.float32),
        calibration=any_calibration(),
    )


def test_an_avatars_pictures_show_its_shapes_and_no_wrinkles(
    rig: ArkitRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, Motion, PictureRequest, str]] = []
    told: list[np.ndarray] = []

    class Painter:
        def __init__(self, *given: object) -> None:
            asked.append(given)  # type: ignore[arg-type]

        def paint_light(self, row: int, camera: object) -> np.ndarray:
            return np.full((200, 200, 4), 0.1 * row, np.float32)

    def arrows(picture: np.ndarray, camera: object, places: object, moved: np.ndarray):
        told.append(moved)
        return picture

    monkeypatch.setattr(sheets, "GaussianPainter", Painter)
    monkeypatch.setattr(sheets, "straight_srgb", lambda light: light)
    monkeypatch.setattr(sheets, "_with_arrows", arrows)
    weights = np.zeros((2, 52), np.float32)
    weights[0, ARKIT_NAMES.index("jawOpen")] = 0.5
    weights[1, ARKIT_NAMES.index("mouthSmileLeft")] = 1
    pictures = sheets._draw_avatar("an avatar", rig, weights, PLACES)  # type: ignore[arg-type]
    ((avatar, motion, request, device),) = asked
    assert (avatar, device, motion.space, len(motion)) == ("an avatar", "auto", "arkit", 2)
    np.testing.assert_array_equal(motion.expression[:, :52], weights)
    assert request.appearance is not None
    assert request.appearance.tolist() == [0, 0]
    assert [picture[0, 0, 0] for picture in pictures] == [0, np.float32(0.1)]
    np.testing.assert_allclose(told[0], [[0, -0.015, 0], [0, 0, 0], [0, 0, 0]], atol=1e-8)
    np.testing.assert_allclose(told[1], [[0, 0, 0], [0.01, 0.02, 0], [0, 0, 0]], atol=1e-8)


def test_the_open_head_is_drawn_as_it_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    head = small_head()
    moved = np.zeros((2, 40, 3))
    moved[1, 5, 2] = 0.25
    places = replace(PLACES, shares=np.eye(3, 40, 4))
    drawn: list[np.ndarray] = []

    def draw(vertices: np.ndarray, one: object, camera: object) -> np.ndarray:
        assert one is head
        drawn.append(vertices)
        return np.zeros((200, 200, 4), np.uint8)

    monkeypatch.setattr(sheets, "open_places", lambda one: places)
    monkeypatch.setattr(sheets, "open_motion", lambda weights, one: moved)
    monkeypatch.setattr(sheets, "draw_head", draw)
    told: list[np.ndarray] = []
    monkeypatch.setattr(sheets, "_with_arrows", lambda *given: told.append(given[3]))
    assert len(sheets._draw_open(np.zeros((2, 52), np.float32), head)) == 2
    for vertices, change in zip(drawn, moved, strict=True):
        np.testing.assert_allclose(vertices, head.template + change, atol=1e-7)
    assert not told[0].any()
    np.testing.assert_allclose(told[1], [[0, 0, 0], [0, 0, 0.25], [0, 0, 0]])


def test_each_pose_stands_in_three_pictures_side_by_side(
    rig: ArkitRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the open head, by the shapes' names, by their effect; the avatar itself is drawn without
    its calibration both times, or that would count twice."""
    seen: list[tuple[Avatar, np.ndarray]] = []
    calibration = any_calibration()

    def draw(avatar: Avatar, given: object, weights: np.ndarray, places: object) -> list[str]:
        assert (given, places) == (rig, PLACES)
        seen.append((avatar, weights))
        return [f"avatar {len(seen)} pose {row}" for row in range(len(weights))]

    def doubled(weights: np.ndarray, how: object) -> np.ndarray:
        assert how is calibration
        return 2 * weights

    monkeypatch.setattr(sheets, "POSES", {"at rest": {}, "jaw": {"jawOpen": 0.25}})
    monkeypatch.setattr(sheets, "_draw_open", lambda weights, head: ["open 0", "open 1"])
    monkeypatch.setattr(sheets, "_draw_avatar", draw)
    monkeypatch.setattr(sheets, "rig_places", lambda *_: PLACES)
    monkeypatch.setattr(sheets, "calibrated", doubled)
    monkeypatch.setattr(sheets, "contact_sheet", lambda *given, title: (*given, title))
    monkeypatch.setattr(sheets, "replace", lambda one, **changes: SimpleNamespace(**changes))
    avatar = SimpleNamespace(surface=rig)
    pictures, labels, columns, title = sheets.calibration_sheet(
        avatar,
        calibration,
        small_head(),
        title="egg",  # type: ignore[arg-type]
    )
    assert pictures == [
        *("open 0", "avatar 1 pose 0", "avatar 2 pose 0"),
        *("open 1", "avatar 1 pose 1", "avatar 2 pose 1"),
    ]
    assert labels == ["at rest", "by name", "by effect", "jaw", "by name", "by effect"]
    assert (columns, title) == (9, "egg")
    jaw = ARKIT_NAMES.index("jawOpen")
    assert [float(weights[1, jaw]) for _, weights in seen] == [0.25, 0.5]
    assert all(one.surface.calibration is None for one, _ in seen)  # type: ignore[union-attr]
