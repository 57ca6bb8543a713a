# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that are seen from one side alone."""

from dataclasses import fields, replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.sidecar.avatar.affekt_avatar import decode_affekt_avatar, encode_avatar
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.avatar.rest_pose import rest_gaussians
from affekt.sidecar.avatar.side_look import SideLook, seen_share, turned_with
from affekt.sidecar.avatar.splats import in_axes, seen_colours
from fakes.head import small_head
from fakes.splats import splat_ply
from scipy.spatial.transform import Rotation

ADDED = np.array([[0.1, -0.2, 0.05], [-0.3, -0.1, 0], [-1, 0, 0.5]], np.float32)

UP, ACROSS = (0.0, 1.0, 0.0), (0.8, 0.0, -0.6)


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    still = decode_avatar(splat_ply(10, 0), "v.ply")
    look = SideLook(
        gaussian=np.array([5, 2, 7], np.int32),
        colours=ADDED,
        toward=np.array([0.6, 0.0, 0.8], np.float32),
    )
    return replace(
        still, surface=small_head(), binding="face", follow="surface", side_look=look,
        anchors=np.arange(10, dtype=np.int32), colours=np.full((10, 3), 0.4, np.float32),
    )  # fmt: skip


def seen_at(avatar: Avatar, turn_deg: float, axis: tuple[float, float, float]) -> np.ndarray:
    """(10, 3) colours for a camera so far from the look's side."""
    rest, look = rest_gaussians(avatar), avatar.side_look
    assert look is not None
    away = Rotation.from_rotvec(np.radians(turn_deg) * np.array(axis)).apply(look.toward)
    return seen_colours(rest, towards(rest.means[look.gaussian].mean(0), away))


def towards(middle: np.ndarray, way: np.ndarray) -> Camera:
    yaw, pitch = np.arctan2(way[0], way[2]), np.arcsin(way[1])
    return look_at(
        target=middle.astype(float), distance=3.0, yaw_rad=float(yaw), pitch_rad=float(pitch),
        width=8, height=8, fov_y_rad=0.4,
    )  # fmt: skip


def test_it_is_all_there_from_its_side_and_gone_from_another(avatar: Avatar) -> None:
    wanted = np.full((10, 3), 0.4, np.float32)
    np.testing.assert_array_equal(seen_at(avatar, 21, UP), wanted)
    np.testing.assert_array_equal(seen_at(avatar, -21, ACROSS), wanted)
    half = wanted.copy()
    half[[5, 2, 7]] += 0.5 * ADDED
    half[7, 0] = 0
    np.testing.assert_allclose(seen_at(avatar, 12, UP), np.maximum(half, 0), atol=2e-4)
    whole = wanted.copy()
    whole[[5, 2, 7]] += ADDED
    np.testing.assert_allclose(seen_at(avatar, -3, ACROSS), np.maximum(whole, 0), atol=1e-6)


def test_between_them_it_fades_gently(avatar: Avatar) -> None:
    look = avatar.side_look
    assert look is not None
    means = rest_gaussians(avatar).means
    way = Rotation.from_euler("y", 8, degrees=True).apply(look.toward)
    share = seen_share(look, means, towards(means[look.gaussian].mean(0), way))
    assert share == pytest.approx(0.84375, abs=1e-3)  # 3/4: 3 * 9/16 - 2 * 27/64


def test_it_turns_with_the_head(avatar: Avatar) -> None:
    look = avatar.side_look
    assert look is not None
    turn = Rotation.from_rotvec([0.3, -0.8, 0.2])
    rest = rest_gaussians(avatar).means
    moved = turn.apply(rest) + np.array([0.1, 2, -3])
    turned = turned_with(look, rest, moved.astype(np.float32))
    np.testing.assert_allclose(turned.toward, turn.apply(look.toward), atol=1e-5)
    take = make_motion(
        expression=np.zeros((1, 100), np.float32), fps=30, space="open",
        rotation=turn.as_rotvec()[None].astype(np.float32),
    )  # fmt: skip
    posed = Actor(avatar, take).pose(0).gaussians.side_look
    assert posed is not None
    np.testing.assert_allclose(posed.toward, turn.apply(look.toward), atol=1e-5)
    over = in_axes(rest_gaussians(avatar), np.diag([1.0, -1.0, -1.0])).side_look
    assert over is not None
    np.testing.assert_allclose(over.toward, [0.6, 0, -0.8], atol=1e-6)


def test_it_comes_back_from_a_file(avatar: Avatar) -> None:
    assert isinstance(avatar.surface, type(small_head()))
    back = decode_affekt_avatar(encode_avatar(avatar), "a", avatar.surface).side_look
    assert back is not None
    for field in fields(SideLook):
        mine, theirs = getattr(avatar.side_look, field.name), getattr(back, field.name)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"gaussian": np.array([5, 2, 10], np.int32)}, "avatar.shape"),
        ({"gaussian": np.array([5, 2, 5], np.int32)}, "avatar.values"),
        ({"colours": np.full((3, 3), 1.5, np.float32)}, "avatar.values"),
        ({"colours": np.full((2, 3), 0.5, np.float32)}, "avatar.shape"),
        ({"toward": np.array([0.6, 0.8, 0.8], np.float32)}, "avatar.values"),
        ({"toward": np.array([0.6, np.nan, 0.8], np.float32)}, "avatar.not_finite"),
        (
            {"gaussian": np.zeros(0, np.int32), "colours": np.zeros((0, 3), np.float32)},
            "avatar.values",
        ),
    ],
)
def test_what_does_not_belong_is_refused(
    avatar: Avatar, change: dict[str, np.ndarray], code: str
) -> None:
    assert avatar.side_look is not None
    with pytest.raises(InputError) as caught:
        replace(avatar, side_look=replace(avatar.side_look, **change))
    assert caught.value.code == code
