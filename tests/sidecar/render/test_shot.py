# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar stands where the scene's head does, whatever its own origin is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.errors import InputError
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion, make_motion
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render import shot
from affekt.sidecar.render.portrait import default_camera
from affekt.sidecar.render.shot import (
    head_from_avatar,
    make_shot,
    motion_for,
    needs_adapter,
    on_head,
    read_subject,
)
from fakes.bakes import ADAPTER
from fakes.head import small_head
from fakes.lam import lam_bundle

from ...addon.nouns import random_motion

AWAY = np.array([0.1, 1.6, -0.2])


def rig_away() -> Avatar:
    """The open head's surface and Gaussians somewhere else, as a rig that names no eyes."""
    head, avatar = read_head("open"), open_avatar(read_head("open"))
    count = len(head.template)
    rig = ArkitRig(
        vertices=(head.template + AWAY).astype(np.float32),
        faces=head.faces,
        arkit_shapes=np.zeros((52, count, 3), np.float32),
        joint_pivots=np.zeros((1, 3), np.float32),
        joint_weights=np.zeros((count, 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )
    return replace(avatar, surface=rig, name="away")


def test_an_avatar_on_the_open_head_stays() -> None:
    head = read_head("open")
    np.testing.assert_array_equal(head_from_avatar(open_avatar(head), head), np.eye(4))


def test_a_rig_comes_to_the_head_by_its_eyes() -> None:
    moved = head_from_avatar(rig_away(), read_head("open"))
    np.testing.assert_array_equal(moved[:3, :3], np.eye(3))
    np.testing.assert_allclose(moved[:3, 3], -AWAY, atol=1.5e-3)


def test_an_avatar_without_a_surface_stays() -> None:
    avatar = open_avatar(read_head("open"))
    static = replace(
        avatar, surface=None, binding="none", anchors=np.zeros_like(avatar.anchors), follow="still"
    )
    np.testing.assert_array_equal(head_from_avatar(static, read_head("open")), np.eye(4))


@pytest.mark.parametrize("count", [1, 2])
def test_cameras_and_world_move_with_it(count: int) -> None:
    camera = look_at(
        target=np.zeros(3),
        distance=1,
        yaw_rad=0.3,
        pitch_rad=0.1,
        width=64,
        height=48,
        fov_y_rad=0.5,
    )
    world = np.stack([np.diag([2.0, 2, 2, 1])] * 2)
    request = PictureRequest(cameras=(camera,) * count, world_from_head=world)
    moved = on_head(request, rig_away(), read_head("open"))
    point = np.array([0.02, 0.03, 0.05, 1])
    there = point + np.append(AWAY, 0)
    np.testing.assert_allclose(
        moved.camera_at(1).camera_from_world @ there, camera.camera_from_world @ point, atol=1.5e-3
    )
    np.testing.assert_allclose(moved.world_at(1) @ there, world[1] @ point, atol=3e-3)


def test_a_mesh_stays() -> None:
    head, request = read_head("open"), PictureRequest()
    assert on_head(request, head, head) is request


def test_a_shot_without_a_camera_is_a_portrait() -> None:
    head = read_head("open")
    shot = make_shot(head, random_motion(2), PictureRequest(width=40, height=30))
    camera = default_camera(head, 40, 30)
    assert shot.request.size == (40, 30)
    np.testing.assert_array_equal(
        shot.request.camera_at(1).camera_from_world, camera.camera_from_world
    )
    with pytest.raises(InputError) as caught:
        make_shot(head, random_motion(2), PictureRequest(cameras=(camera,) * 3))
    assert caught.value.code == "option.camera"


def test_what_a_name_means(tmp_path: Path) -> None:
    assert isinstance(read_subject("open"), HeadModel)
    gaussians = read_subject("open-gaussians")
    assert isinstance(gaussians, Avatar)
    assert isinstance(gaussians.surface, HeadModel)
    (tmp_path / "avatar.zip").write_bytes(lam_bundle())
    avatar = read_subject(str(tmp_path / "avatar.zip"))
    assert isinstance(avatar, Avatar)
    assert isinstance(avatar.surface, ArkitRig)
    (tmp_path / "text.safetensors").write_text("neither of the two")
    for name, code, said in (
        ("none.safetensors", "file.missing", "There is no avatar and no head file at"),
        ("text.safetensors", "file.wrong_kind", "neither an avatar file of Affekt's nor a head"),
    ):
        with pytest.raises(InputError) as caught:
            read_subject(str(tmp_path / name))
        assert caught.value.code == code
        assert said in caught.value.message


def test_an_avatars_file_is_an_avatar_and_all_that_was_told_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Avatars and heads of ours have one ending."""
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(encode_avatar(decode_lam_avatar(lam_bundle(), "egg.zip")))
    avatar = read_subject(str(mine), plain_shapes=True)
    assert isinstance(avatar, Avatar)
    assert isinstance(avatar.surface, ArkitRig)
    asked: list[tuple[object, ...]] = []

    def read(path: Path, head: object, *, plain_shapes: bool) -> str:
        asked.append((path, head, plain_shapes))
        return "an avatar"

    monkeypatch.setattr(shot, "read_avatar", read)
    monkeypatch.setattr(shot, "read_head", lambda name: f"the head {name}")
    assert read_subject("person.ply", "flame.pkl", plain_shapes=True) == "an avatar"
    assert read_subject("vase.ply") == "an avatar"
    assert asked == [
        (Path("person.ply"), "the head flame.pkl", True),
        (Path("vase.ply"), None, False),
    ]


def test_what_is_no_expression_goes_over_as_it_is() -> None:
    """From an open take to an avatar on ARKit's rig."""
    rng = np.random.default_rng(3)
    given = {
        name: rng.normal(0, 0.1, (2, 3)).astype(np.float32)
        for name in ("neck", "rotation", "translation")
    }
    shape = rng.normal(0, 1, 300).astype(np.float32)
    expression = np.zeros((2, 100), np.float32)
    take = make_motion(expression=expression, fps=23.976, space="open", shape=shape, **given)
    found = motion_for(rig_away(), take, None)
    assert (found.space, found.fps) == ("arkit", 23.976)
    for name, values in given.items():
        np.testing.assert_array_equal(getattr(found, name), values, err_msg=name)
    np.testing.assert_array_equal(found.shape, shape)
    assert not found.expression[:, 52:].any()


def flame_take(space: str) -> Motion:
    return make_motion(expression=np.zeros((2, 100), np.float32), fps=30.0, space=space)


def test_a_head_of_another_space_needs_its_own_adapter() -> None:
    head = replace(small_head(), space="flame2023")
    own = flame_take("flame2023")
    assert motion_for(head, own, None) is own
    assert motion_for(head, flame_take("open"), ADAPTER).space == "flame2023"
    other = replace(ADAPTER, space="flame2020")
    for take, adapter, said in (
        ("open", None, "the avatar in 'flame2023'."),
        ("arkit", other, "the avatar in 'flame2023'; the adapter given is for 'flame2020'."),
        ("flame2020", ADAPTER, "an adapter goes between one of them and the open head."),
    ):
        with pytest.raises(InputError) as caught:
            motion_for(head, flame_take(take), adapter)
        assert caught.value.code == "space.no_adapter"
        assert f"The take is in the space '{take}'" in caught.value.message
        assert said in caught.value.message


def test_what_needs_an_adapter_has_flame_on_one_side_alone() -> None:
    flame, rig = replace(small_head(), space="flame2023"), rig_away()
    still = replace(
        rig, surface=None, binding="none", anchors=np.zeros_like(rig.anchors), follow="still"
    )
    for subject, space, needed in (
        (flame, "flame2023", False),
        (flame, "flame2020", True),
        (flame, "arkit", True),
        (flame, "open", True),
        (small_head(), "flame2020", True),
        (small_head(), "arkit", False),
        (rig, "flame2023", True),
        (rig, "open", False),
        (still, "flame2023", False),
    ):
        assert needs_adapter(subject, flame_take(space)) is needed, space


@pytest.mark.parametrize("name", ["barbara", "statue"])
def test_real_avatars_come_to_the_head(name: str, real_data: Path) -> None:
    head = read_head("open")
    avatar = read_avatar(real_data / "lam_avatars" / f"{name}.zip")
    moved = head_from_avatar(avatar, head)
    # Their own origin is between the feet.
    assert -1.8 < moved[1, 3] < -1.5
    nose = (avatar.vertices + moved[:3, 3])[:, 2].max()
    assert abs(nose - head.template[:, 2].max()) < 0.03
