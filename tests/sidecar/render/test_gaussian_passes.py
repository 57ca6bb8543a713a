# SPDX-License-Identifier: GPL-3.0-or-later
"""What each Gaussian carries into the passes, by numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.errors import InputError
from affekt.shared.head import REGIONS
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.raster.gaussians import GaussianImage
from affekt.sidecar.render import gaussian_passes
from affekt.sidecar.render.gaussian_passes import GaussianPainter

from .conftest import take, view


def layout(passes: tuple[str, ...], *, with_masks: bool) -> tuple[object, ...]:
    found = gaussian_passes._lay_out(passes, with_masks=with_masks)
    return found.normal, found.masks, found.uv, found.vector, found.count


def test_channels_lie_one_behind_the_other() -> None:
    """After the three of the colour, the weight and the depth; masks are five, the skin's is what
    they leave."""
    assert layout((), with_masks=True) == (None, None, None, None, 5)
    assert layout(("uv", "normal"), with_masks=True) == (slice(5, 8), None, slice(8, 10), None, 10)
    wanted = (slice(5, 8), slice(8, 13), slice(13, 15), slice(15, 19), 19)
    assert layout(("vector", "uv", "mask", "normal"), with_masks=True) == wanted
    assert layout(("mask", "vector"), with_masks=False) == (None, None, None, slice(5, 9), 9)


def on_a_head(binding: str) -> Avatar:
    """Three Gaussians of an open head whose faces 0, 1 and 2 begin at a brow's, a lash's and a
    lip's vertex, and that end at a brow's."""
    head = read_head("open")
    faces = np.array([[0, 3, 4], [1, 4, 0], [2, 3, 0]], np.int32)
    region = np.full(len(head.template), REGIONS.index("skin"), np.uint8)
    region[:3] = [REGIONS.index(name) for name in ("brow", "lash", "lip")]
    uv = np.array(
        [
            [[0.0, 0.0], [0.3, 0.0], [0.0, 0.6]],
            [[0.1, 0.2], [0.5, 0.7], [0.9, 0.0]],
            [[0.4, 0.8], [0.2, 0.2], [0.6, 0.5]],
        ],
        np.float32,
    )
    surface = replace(
        head, faces=faces, region=region, uv=uv, landmark_faces=np.zeros(68, np.int32)
    )
    whole = open_avatar(head)
    part = {
        name: getattr(whole, name)[:4].copy()
        for name in ("quaternions", "scales", "opacities", "colours")
    }
    anchors = np.array([2, 0, 1, 2] if binding == "face" else [2, 0, 1, 3], np.int32)
    return replace(
        whole,
        surface=surface,
        binding=binding,
        follow="surface",
        anchors=anchors,
        offsets=np.zeros((4, 3), np.float32),
        harmonics=None,
        shape=None,
        template_change=None,
        **part,
    )


@pytest.mark.parametrize(
    ("binding", "sides"),
    [("face", [False, True, True, False]), ("vertex", [False, True, True, False])],
)
def test_cards_of_brows_and_lashes_have_two_sides(binding: str, sides: list[bool]) -> None:
    assert gaussian_passes._two_sided(on_a_head(binding)).tolist() == sides


def test_without_a_surface_all_have_two_sides_and_on_a_rig_none(avatar: Avatar) -> None:
    static = replace(
        avatar, surface=None, binding="none", anchors=np.zeros_like(avatar.anchors), follow="still"
    )
    assert gaussian_passes._two_sided(static).all()
    assert len(gaussian_passes._two_sided(static)) == len(avatar)
    assert not gaussian_passes._two_sided(avatar).any()


def test_a_gaussians_place_in_the_texture() -> None:
    """The middle of its face's corners, or its vertex's, as the last face that has it says."""
    np.testing.assert_allclose(
        gaussian_passes._uv_of(on_a_head("face")),
        [[0.4, 0.5], [0.1, 0.2], [0.5, 0.3], [0.4, 0.5]],
        atol=1e-6,
    )
    np.testing.assert_allclose(
        gaussian_passes._uv_of(on_a_head("vertex")),
        [[0.4, 0.8], [0.6, 0.5], [0.1, 0.2], [0.2, 0.2]],
        atol=1e-6,
    )


def test_a_rig_has_no_texture(avatar: Avatar) -> None:
    asked = PictureRequest(cameras=(view(),), passes=("uv",), format="exr")
    with pytest.raises(InputError) as caught:
        GaussianPainter(avatar, take(), asked)
    assert caught.value.code == "option.pass"
    assert f"'{avatar.name}'" in caught.value.message


def test_light_alone_is_that_of_the_passes_through_any_camera(avatar: Avatar) -> None:
    """Also of an avatar with an opaque core, and of another take that a painter is made for."""
    other = view(40, yaw_rad=0.5)
    for one in (avatar, replace(avatar, opaque_core=True)):
        painter = GaussianPainter(one, take(), PictureRequest(cameras=(view(),)))
        beside = GaussianPainter(one, take(), PictureRequest(cameras=(other,)))
        np.testing.assert_array_equal(painter.paint_light(4, other), beside.paint(4).combined)
        reverse = take()
        reverse.expression[:] = reverse.expression[::-1]
        reverse.rotation[:] = reverse.rotation[::-1]
        again = beside.playing(reverse)
        np.testing.assert_array_equal(again.paint(1).combined, beside.paint(4).combined)
        np.testing.assert_array_equal(again.paint_light(1, other), beside.paint(4).combined)
        np.testing.assert_array_equal(painter.paint_light(4, other), beside.paint(4).combined)


def test_an_avatar_follows_and_wrinkles_as_the_request_says(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An appearance for each frame, or 1 for all; of another take its own."""
    asked: list[tuple[object, ...]] = []

    def actor(*given: object) -> Actor:
        asked.append(given)
        return Actor(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(gaussian_passes, "Actor", actor)
    motion, levels = take(), np.linspace(0, 2, 6, dtype=np.float32)
    GaussianPainter(avatar, motion, PictureRequest())
    painter = GaussianPainter(avatar, motion, PictureRequest(follow="still", appearance=levels))
    assert [given[:3] for given in asked] == [(avatar, motion, None), (avatar, motion, "still")]
    assert asked[0][3] == 1
    np.testing.assert_array_equal(asked[1][3], levels)  # type: ignore[arg-type]
    other = take()
    assert painter.playing(other, 0.0)._actor.appearance == 0
    assert painter.playing(other)._actor.appearance is levels
    assert painter._actor.motion is motion


def test_an_opaque_core_hides_more_than_its_gaussians_do(avatar: Avatar) -> None:
    thin = replace(avatar, opacities=np.full(len(avatar), 0.3, np.float32))
    request = PictureRequest(cameras=(view(),))
    alpha = [
        GaussianPainter(replace(thin, opaque_core=core), take(), request).paint(0).combined[..., 3]
        for core in (False, True)
    ]
    assert (alpha[1] >= alpha[0]).all()
    assert alpha[1].max() == 1 > alpha[0].max()


def test_the_gaussians_data_are_weighed_by_how_they_face_the_camera(avatar: Avatar) -> None:
    """Depth and vectors times the weight, normals as long as it; masks as they are."""
    label = np.arange(len(avatar), dtype=np.uint8) % 6
    request = PictureRequest(cameras=(view(),), passes=("normal", "mask", "vector"), format="exr")
    painter = GaussianPainter(avatar, take(), request, "cpu", label)
    carried = np.full((len(avatar), 17), np.nan, np.float32)
    painter._carry_data(carried, 2, view())
    assert np.isnan(carried[:, :3]).all()  # the colours are another's
    posed = painter._poses.at(2)
    eye = np.linalg.inv(view().camera_from_world)[:3, 3]
    away = ((posed.gaussians.means - eye) * posed.normals).sum(1) > 0
    weight = np.where(away, 0.02, 1.0)
    assert 0.2 < away.mean() < 0.8
    np.testing.assert_allclose(carried[:, 3], weight, rtol=1e-6)
    depth = posed.gaussians.means @ view().camera_from_world[2, :3] + view().camera_from_world[2, 3]
    np.testing.assert_allclose(carried[:, 4], weight * depth, rtol=1e-4)
    np.testing.assert_allclose(carried[:, 5:8], posed.normals * weight[:, None], atol=1e-5)
    assert (np.where(label == 0, 0, carried[:, 8:13].argmax(1) + 1) == label).all()
    assert (carried[:, 8:13].sum(1) == (label > 0)).all()
    vectors = painter._poses.vectors(2, request)
    np.testing.assert_allclose(carried[:, 13:], vectors * weight[:, None], rtol=1e-4, atol=1e-6)


def test_each_pass_is_read_from_its_own_channels() -> None:
    """A picture of 3 x 2 pixels: one of thin skin with lips in it, one of nothing, one that is all
    seen from behind. Of frame 1, whose head stands elsewhere in the world than frame 0's."""
    worlds = np.tile(np.eye(4), (6, 1, 1))
    worlds[1, :3, 3] = 10, 20, 30
    worlds[1, :3, :3] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    camera = look_at(
        target=np.array([0.1, 1.6, 0.0]),
        distance=1.5,
        yaw_rad=0.3,
        pitch_rad=0.1,
        width=3,
        height=2,
        fov_y_rad=0.25,
    )
    names = ("normal", "mask", "uv", "vector", "position", "index")
    request = PictureRequest(
        cameras=(camera,), passes=names, format="exr", world_from_head=worlds, object_index=7
    )
    label = np.array([0, 1, 2, 3], np.uint8)
    painter = GaussianPainter(on_a_head("face"), take(space="open"), request, "cpu", label)
    stack, alpha = np.zeros((2, 3, 19), np.float32), np.zeros((2, 3), np.float32)
    alpha[0, 1], alpha[1, 2] = 0.8, 0.4
    stack[0, 1] = [
        *(0.08, 0.16, 0.4),  # colour, of which the alpha's share
        *(0.5, 0.7),  # weight, and depth times it
        *(0.0, 0.3, 0.4),  # normal
        *(0.1, 0.0, 0.3, 0.0, 0.05),  # masks
        *(0.2, 0.05),  # UV times the weight
        *(1.0, -2.0, 3.0, 4.0),  # vector times the weight
    ]
    stack[1, 2, 3:8] = 0.01, 0.03, 0.0, -0.003, 0.004  # of little weight, and yet a direction
    image = GaussianImage(colour=stack, alpha=alpha, depth=np.zeros((2, 3), np.float32))
    found = painter._pass_work(image, 1, camera)
    for work in found.values():
        work.fill(0, 2)
    passes = {name: work.result for name, work in found.items()}
    np.testing.assert_allclose(passes["depth"][0, 1], 1.4)
    np.testing.assert_allclose(passes["depth"][1, 2], 3.0)
    assert np.isinf(passes["depth"][0, 0])
    np.testing.assert_allclose(passes["normal"][0, 1], [0, 0.6, 0.8], atol=1e-6)
    np.testing.assert_allclose(passes["normal"][1, 2], [0, -0.6, 0.8], atol=1e-6)
    assert not passes["normal"][0, 0].any()
    np.testing.assert_allclose(passes["uv"][0, 1], [0.4, 0.1], atol=1e-6)
    np.testing.assert_allclose(passes["vector"][0, 1], [2, -4, 6, 8], atol=1e-6)
    masks = [0.8 - 0.45, 0.1, 0, 0.3, 0, 0.05]
    np.testing.assert_allclose(passes["masks"][0, 1], masks, atol=1e-6)
    np.testing.assert_array_equal(passes["object_index"], [[0, 7, 0], [0, 0, 0]])
    seen = np.array([(1.5 - camera.centre_x) * 1.4 / camera.focal_x, 0, 1.4, 1])
    seen[1] = (0.5 - camera.centre_y) * 1.4 / camera.focal_y
    place = worlds[1] @ np.linalg.inv(camera.camera_from_world) @ seen
    np.testing.assert_allclose(passes["position"][0, 1], place[:3], rtol=1e-5)
    assert not passes["position"][0, 0].any()
    assert passes["combined"][0, 1, 3] == np.float32(0.8)
