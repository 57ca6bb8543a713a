# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of single frames of any motions, of a head and of an avatar."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.avatar.drive import Actor, PosedAvatar
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.raster.colour import linear_light, over
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from affekt.sidecar.render import drawer
from affekt.sidecar.render.drawer import Drawer
from affekt.sidecar.render.portrait import ViewAngles, default_camera, draw_frame
from affekt.sidecar.render.shot import motion_for

SIZE = (60, 72)


def opening(jaw_rad: float) -> Motion:
    """Two frames, of which the second has the jaw open."""
    jaw = np.array([[0, 0, 0], [jaw_rad, 0, 0]], np.float32)
    return make_motion(expression=np.zeros((2, 100), np.float32), fps=30, space="open", jaw=jaw)


def test_a_head_is_drawn_as_elsewhere() -> None:
    head, motion = read_head("open"), opening(0.3)
    drawn = Drawer(head, SIZE).draw(motion, 1)
    assert drawn.shape == (72, 60, 4)
    np.testing.assert_array_equal(drawn, draw_frame(motion, 1, head, SIZE))


def test_motions_are_not_mixed_up() -> None:
    """Of one drawer that draws two in turns, each frame is that of its own."""
    avatar, little, wide = open_avatar(read_head("open")), opening(0.1), opening(0.4)
    both = Drawer(avatar, SIZE)
    alone = {jaw: Drawer(avatar, SIZE).draw(one, 1) for jaw, one in ((0.1, little), (0.4, wide))}
    assert (alone[0.1] != alone[0.4]).any()
    for jaw, one in ((0.4, wide), (0.1, little), (0.4, wide)):
        np.testing.assert_array_equal(both.draw(one, 1), alone[jaw])
    np.testing.assert_array_equal(both.draw(little, 0), both.draw(wide, 0))


def test_an_avatars_skin_wrinkles_as_much_as_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every motion that it draws; none if nothing was said."""
    seen: list[float] = []

    class Spy(Actor):
        def pose(self, index: int, *, with_smooth_normals: bool = True) -> PosedAvatar:
            seen.append(self.appearance)  # type: ignore[arg-type]
            return super().pose(index, with_smooth_normals=with_smooth_normals)

    monkeypatch.setattr(drawer, "Actor", Spy)
    avatar = open_avatar(read_head("open"))
    wrinkled = Drawer(avatar, SIZE, appearance=1.5)
    for motion in (opening(0.1), opening(0.2)):
        wrinkled.draw(motion, 1)
    Drawer(avatar, SIZE).draw(opening(0.1), 1)
    assert seen == [1.5, 1.5, 0.0]


def test_an_avatar_is_seen_from_where_it_was_said() -> None:
    avatar, still, view = open_avatar(read_head("open")), opening(0.0), ViewAngles(yaw_rad=0.7)
    camera = default_camera(avatar, *SIZE, view)
    gaussians = Actor(avatar, motion_for(avatar, still, None)).pose(0).gaussians
    image = rasterise_gaussians(gaussians.seen_by(camera), camera)
    side = Drawer(avatar, SIZE, view).draw(still, 0)
    np.testing.assert_array_equal(side, over(linear_light(image.colour, image.alpha).run()))
    assert (side != Drawer(avatar, SIZE).draw(still, 0)).any()
