# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that come and go with an expression."""

from dataclasses import fields, replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.sidecar.avatar.affekt_avatar import decode_affekt_avatar, encode_avatar
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.looks import NUMBERS, Looks, look_shares, rest_shares
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.avatar.rest_pose import rest_gaussians
from fakes.head import small_head
from fakes.splats import splat_ply


@pytest.fixture(scope="module")
def looks() -> Looks:
    """One that expression 3 brings, and one that is there at rest and goes as the jaw opens."""
    drivers = np.zeros((2, NUMBERS + 1), np.float32)
    drivers[0, 3] = 0.5
    drivers[1, 100], drivers[1, -1] = -4, 1.2
    return Looks(
        drivers=drivers,
        gaussian=np.array([5, 2, 7], np.int32),
        driver=np.array([0, 1, 0], np.int32),
        colours=np.array([[0.1, -0.2, 0.05], [-0.3, -0.1, 0], [-1, 0, 1]], np.float32),
    )


@pytest.fixture(scope="module")
def avatar(looks: Looks) -> Avatar:
    still = decode_avatar(splat_ply(10, 0), "v.ply")
    return replace(
        still, surface=small_head(), binding="face", follow="surface", looks=looks,
        anchors=np.arange(10, dtype=np.int32), colours=np.full((10, 3), 0.4, np.float32),
    )  # fmt: skip


def numbers(expression: float, jaw: float) -> np.ndarray:
    out = np.zeros((1, NUMBERS), np.float32)
    out[0, 3], out[0, 100] = expression, jaw
    return out


def test_a_driver_begins_gently_and_keeps_within_its_bounds(looks: Looks) -> None:
    np.testing.assert_allclose(rest_shares(looks), [0, 1])
    assert look_shares(looks, numbers(0.5, 0.0))[0, 0] == pytest.approx(0.15625)  # 3/16 - 2/64
    assert look_shares(looks, numbers(9.0, 0.0))[0, 0] == 1
    assert look_shares(looks, numbers(-1.0, 0.0))[0, 0] == 0
    assert look_shares(looks, numbers(0.0, 0.2))[0, 1] == pytest.approx(0.352)  # of 0.4
    assert look_shares(looks, numbers(0.0, 0.3))[0, 1] == 0


def test_a_take_shows_what_its_expressions_bring(avatar: Avatar) -> None:
    expression, jaw = np.zeros((2, 100), np.float32), np.zeros((2, 3), np.float32)
    expression[1, 3], jaw[1, 0] = 2.0, 0.4
    take = make_motion(expression=expression, jaw=jaw, fps=30, space="open")
    rest, moved = (Actor(avatar, take).pose(frame).gaussians.colours for frame in (0, 1))
    wanted = np.full((10, 3), 0.4, np.float32)
    wanted[2] += [-0.3, -0.1, 0]
    np.testing.assert_allclose(rest, wanted, atol=1e-6)
    np.testing.assert_array_equal(rest_gaussians(avatar).colours, rest)
    wanted[2] = 0.4
    wanted[5], wanted[7] = (0.5, 0.2, 0.45), (0, 0.4, 1)
    np.testing.assert_allclose(moved, wanted, atol=1e-6)
    back = Actor(avatar, take).playing(replace(take, jaw=0 * jaw)).pose(1).gaussians.colours
    assert back[2] == pytest.approx([0.1, 0.3, 0.4])


def test_looks_come_back_from_a_file(avatar: Avatar, looks: Looks) -> None:
    assert isinstance(avatar.surface, type(small_head()))
    back = decode_affekt_avatar(encode_avatar(avatar), "a", avatar.surface).looks
    assert back is not None
    for field in fields(Looks):
        mine, theirs = getattr(looks, field.name), getattr(back, field.name)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"drivers": np.zeros((2, NUMBERS), np.float32)}, "avatar.shape"),
        ({"gaussian": np.array([5, 2, 10], np.int32)}, "avatar.shape"),
        ({"gaussian": np.array([5, 2, 5], np.int32)}, "avatar.values"),
        ({"driver": np.array([0, 2, 0], np.int32)}, "avatar.shape"),
        ({"colours": np.full((3, 3), 1.5, np.float32)}, "avatar.values"),
        ({"colours": np.full((3, 3), np.nan, np.float32)}, "avatar.not_finite"),
    ],
)
def test_looks_that_do_not_belong_are_refused(
    avatar: Avatar, looks: Looks, change: dict[str, np.ndarray], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        replace(avatar, looks=replace(looks, **change))
    assert caught.value.code == code
