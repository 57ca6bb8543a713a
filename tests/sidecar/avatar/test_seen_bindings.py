# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a face moves with its skin, wherever its Gaussians were bound."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.arrays import BoolArray, Float64Array
from affekt.shared.camera import Camera, camera_centre, look_at
from affekt.shared.errors import InputError
from affekt.shared.head import REGIONS
from affekt.sidecar.avatar import seen_bindings
from affekt.sidecar.avatar.alignment import Alignment
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.effects import PLACES, face_places, rig_places, weights_of
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.picture_shares import picture_shares
from affekt.sidecar.avatar.read import decode_avatar, read_avatar
from affekt.sidecar.avatar.rest_pose import rest_gaussians
from affekt.sidecar.avatar.seen_bindings import find_bindings, with_seen_bindings
from affekt.sidecar.avatar.splats import Splats
from affekt.sidecar.files import keep_arrays
from affekt.sidecar.head.read import read_head
from fakes.disguise import in_disguise
from fakes.lam import lam_bundle
from fakes.plain_drive import arkit_motion
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

OPEN = read_head("open")
BROWS = [f"brow.{part}.{side}" for part in ("inner", "middle") for side in ("left", "right")]
SCOWL = weights_of({"browDown": 1.0})
PIXELS = 256
_KINDS = ("front", "behind", "fringe")


def _gaussians(
    rig: ArkitRig, places: np.ndarray, anchors: np.ndarray, opacity: np.ndarray
) -> Avatar:
    count = len(places)
    spread = np.clip(0.6 * cKDTree(places).query(places, 4)[0][:, 3], 1e-3, 6e-3)
    return Avatar(
        name="painted",
        surface=rig,
        binding="vertex",
        anchors=anchors.astype(np.int32),
        offsets=(places - rig.vertices[anchors]).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.repeat(spread[:, None], 3, 1).astype(np.float32),
        opacities=opacity.astype(np.float32),
        colours=np.full((count, 3), 0.7, np.float32),
        follow="stretch",
    )


@pytest.fixture(scope="module")
def painted() -> tuple[Avatar, np.ndarray, BoolArray]:
    """Somebody else's head whose thin front layer is bound as it should be, before a backdrop that
    a network bound to the crown, and a fringe before the forehead; (N,) index into `_KINDS`; (V,)
    the vertices of lips."""
    rig, region = in_disguise(OPEN)
    points, count = rig.vertices, len(rig.vertices)
    crown = int(points[:, 1].argmax())
    middle = points[:, 1].mean()
    backdrop = np.flatnonzero((points[:, 2] > points[:, 2].max() - 0.08) & (points[:, 1] > middle))
    brow = points[:, 1] > np.quantile(points[backdrop, 1], 0.5)
    fringe = np.intersect1d(backdrop, np.flatnonzero(brow & (np.abs(points[:, 0]) < 0.01)))
    places = np.concatenate(
        [points, points[backdrop] - [0, 0, 0.02], points[fringe] + [0, 0, 0.012]]
    )
    anchors = np.concatenate([np.arange(count), np.full(len(backdrop), crown), fringe])
    kind = np.repeat([0, 1, 2], [count, len(backdrop), len(fringe)])
    opacity = np.array([0.12, 0.95, 0.2])[kind]
    return _gaussians(rig, places, anchors, opacity), kind, region == REGIONS.index("lip")


def seen_motion(avatar: Avatar, weights: Float64Array) -> Float64Array:
    """(brows, 3) metres that the picture moves where the brows are seen at rest."""
    assert isinstance(avatar.surface, ArkitRig)
    where = rig_places(avatar.surface, OPEN).rest[[PLACES.index(name) for name in BROWS]]
    camera = look_at(
        target=where.mean(0), distance=1.5, yaw_rad=0, pitch_rad=0, width=PIXELS, height=PIXELS,
        fov_y_rad=0.12,
    )  # fmt: skip
    rest = rest_gaussians(avatar)
    moved = Actor(avatar, arkit_motion(weights)).pose(0).gaussians.means - rest.means
    at = np.concatenate([where, np.ones((len(where), 1))], 1) @ camera.camera_from_world.T
    column, row = (
        np.round(focal * at[:, axis] / at[:, 2] + centre).astype(int)
        for axis, focal, centre in (
            (0, camera.focal_x, camera.centre_x), (1, camera.focal_y, camera.centre_y),
        )
    )  # fmt: skip
    wanted = np.zeros((PIXELS, PIXELS, len(where)), np.float32)
    wanted[row, column, np.arange(len(where))] = 1
    shares = picture_shares(rest, wanted, camera)
    return np.asarray((shares.T @ moved) / shares.sum(0)[:, None], np.float64)


def mesh_motion(avatar: Avatar, weights: Float64Array) -> Float64Array:
    rig = avatar.surface
    assert isinstance(rig, ArkitRig)
    posed = Actor(avatar, arkit_motion(weights)).pose(0).vertices
    places = face_places(posed - rig.vertices, rig_places(rig, OPEN))
    return places[[PLACES.index(name) for name in BROWS]]


def reach(avatar: Avatar, weights: Float64Array) -> Float64Array:
    """(brows,) how far what is seen moves, as a share of how far the mesh does."""
    mesh = mesh_motion(avatar, weights)
    return (seen_motion(avatar, weights) * mesh).sum(1) / (mesh**2).sum(1)


def test_a_backdrop_goes_along_with_the_skin_before_it(
    painted: tuple[Avatar, np.ndarray, BoolArray],
) -> None:
    avatar, kind, lips = painted
    bound = replace(avatar, anchors=find_bindings(avatar))
    bound = replace(bound, offsets=avatar.means - bound.vertices[bound.anchors])
    before, after = reach(avatar, SCOWL), reach(bound, SCOWL)
    print("seen of the mesh's motion, before:", before.round(2), "after:", after.round(2))
    assert before.max() < 0.6
    assert after == pytest.approx(np.ones(4), abs=0.12)
    np.testing.assert_allclose(bound.means, avatar.means, atol=1e-6)
    own = np.flatnonzero(kind == _KINDS.index("front"))
    home = np.linalg.norm(bound.vertices[bound.anchors[own]] - avatar.vertices[own], axis=1)
    ahead = avatar.vertices[own, 2] > np.quantile(avatar.vertices[own, 2], 0.6)
    assert np.quantile(home[ahead], 0.9) < 0.006  # what was bound well stays near
    np.testing.assert_array_equal(bound.anchors[own[lips]], own[lips])
    fringe = kind == _KINDS.index("fringe")
    np.testing.assert_array_equal(bound.anchors[fringe], avatar.anchors[fringe])


def test_bindings_are_found_once(
    painted: tuple[Avatar, np.ndarray, BoolArray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    avatar, calls = painted[0], []
    other = np.roll(avatar.anchors, 3)
    monkeypatch.setattr(seen_bindings, "default_cache_folder", lambda: tmp_path)
    monkeypatch.setattr(seen_bindings, "find_bindings", lambda one: calls.append(one) or other)
    for one in (avatar, replace(avatar, name="another", notes=("A note.",))):
        found = with_seen_bindings(one)
        np.testing.assert_array_equal(found.anchors, other)
        np.testing.assert_allclose(found.means, avatar.means, atol=1e-6)
    assert len(calls) == 1
    (kept,) = (tmp_path / "bindings").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])  # a damaged file is none
    with_seen_bindings(avatar)
    assert len(calls) == 2
    keep_arrays(kept, {"anchors": np.full_like(other, len(avatar.vertices))})  # nor one of others
    other = avatar.anchors
    np.testing.assert_array_equal(with_seen_bindings(avatar).offsets, avatar.offsets)
    assert len(calls) == 3


def test_a_face_that_is_not_found_is_sought_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    egg, calls = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True), []

    def seek(avatar: Avatar) -> np.ndarray:
        calls.append(avatar)
        return find_bindings(avatar)

    find_bindings = seen_bindings.find_bindings
    monkeypatch.setattr(seen_bindings, "default_cache_folder", lambda: tmp_path)
    monkeypatch.setattr(seen_bindings, "find_bindings", seek)
    assert [with_seen_bindings(egg) is egg for _ in range(2)] == [True, True]
    assert len(calls) == 1


def test_another_fault_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    egg, calls = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True), []

    def fail(avatar: Avatar) -> np.ndarray:
        calls.append(avatar)
        raise InputError("file.damaged", "The open head is damaged.", "Install it again.")

    monkeypatch.setattr(seen_bindings, "default_cache_folder", lambda: tmp_path)
    monkeypatch.setattr(seen_bindings, "find_bindings", fail)
    assert [with_seen_bindings(egg) is egg for _ in range(2)] == [True, True]
    assert len(calls) == 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_is_on_no_rig_or_has_no_face_stays() -> None:
    on_head = open_avatar(OPEN)
    assert with_seen_bindings(on_head) is on_head
    egg = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True)
    assert with_seen_bindings(egg) is egg


@pytest.mark.parametrize(
    ("place_mm", "region", "off_mm", "moves"),
    [
        ((0, 60, 50), "skin", 0, True),
        ((0, 60, 50), "brow", 0, True),
        ((0, 60, 50), "lash", 5.9, True),
        ((0, 60, 50), "lip", 0, False),
        ((0, 60, 50), "skin", 6.1, False),
        ((0, 60, -1), "skin", 0, False),  # the nape
        ((30, 19, 50), "skin", 0, False),  # lids
        ((-44.9, 19, 50), "skin", 0, False),
        ((-45.1, 19, 50), "skin", 0, True),
        ((15.1, 19, 50), "skin", 0, False),
        ((30, 26.9, 50), "skin", 0, False),
        ((30, 27.1, 50), "skin", 0, True),
        ((-30, 11.1, 50), "skin", 0, False),
        ((40, 25, 50), "skin", 0, True),  # the ellipse, not its box
        ((-23.9, -50, 50), "skin", 0, False),  # beside the lips
        ((24.1, -50, 50), "skin", 0, True),
        ((0, -37.1, 50), "skin", 0, False),
        ((0, -36.9, 50), "skin", 0, True),
        ((0, -59.9, 50), "skin", 0, False),
        ((0, -60.1, 50), "skin", 0, True),
    ],
)
def test_which_skin_moves_what_is_seen_on_it(
    place_mm: tuple[float, ...], region: str, off_mm: float, moves: bool
) -> None:
    found = Alignment(
        label=np.array([REGIONS.index(region)], np.uint8),
        place=np.array([place_mm]) / 1000,
        vertex=np.zeros(1, np.intp),
        distance=np.array([off_mm]) / 1000,
        open_from_metres=1.0,
    )
    assert seen_bindings._moving_skin(found).tolist() == [moves]


def test_who_is_bound_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is seen by more than a thousandth of a pixel, and by more than half on moving skin: to
    the vertex of that skin which is nearest to where it is seen."""
    egg = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True)
    points, count = egg.vertices, len(egg)
    moving = points[:, 2] > 0.05
    total, on_skin = np.full(count, 4.0), np.zeros(count)
    total[:5] = 0.0009, 0.0011, 4, 4, 4
    on_skin[:5] = 0.0009, 0.0011, 2.0, 2.01, 4
    place = np.zeros((count, 3))
    nape, front = points[:, 2].argmin(), points[:, 2].argmax()
    place[:5] = points[front] + [0, 0, 0.01]
    place[3] = points[nape] + [0.013, 0.031, 0]  # far from all that moves
    seen = seen_bindings._Seen(total=total, on_skin=on_skin, place=place)
    monkeypatch.setattr(seen_bindings, "align", lambda *_: None)
    monkeypatch.setattr(seen_bindings, "_moving_skin", lambda _: moving)
    monkeypatch.setattr(seen_bindings, "_look_at", lambda *_: seen)
    found = find_bindings(egg)
    assert found.dtype == np.int32
    skin = np.flatnonzero(moving)
    nearest = skin[np.linalg.norm(points[skin] - place[3], axis=1).argmin()]
    assert found[:5].tolist() == [egg.anchors[0], front, egg.anchors[2], nearest, front]
    np.testing.assert_array_equal(found[5:], egg.anchors[5:])


def test_what_is_seen_from_three_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the front twice as much as from either side; the picture is of the face's front."""
    egg = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True)
    points, count = egg.vertices, len(egg)
    moving = points[:, 1] > 1.6
    place = (points - [0, 1.64, 0]).astype(np.float32)
    found = Alignment(
        label=np.zeros(count, np.uint8),
        place=place,
        vertex=np.arange(count),
        distance=np.zeros(count),
        open_from_metres=1.0,
    )
    cameras: list[Camera] = []

    def shares(gaussians: Splats, pixels: np.ndarray, camera: Camera) -> np.ndarray:
        cameras.append(camera)
        out = np.zeros((count, 5))
        out[0] = np.array([0.1, 0.2, 0.3, 1, 1]) * len(cameras)
        out[1, 4] = 3
        return out

    before = [np.arange(count) == 2, np.arange(count) == 2, np.arange(count) == 0]
    monkeypatch.setattr(seen_bindings, "picture_shares", shares)
    monkeypatch.setattr(seen_bindings, "_before_skin", lambda *_: before[len(cameras) - 1])
    seen = seen_bindings._look_at(egg, moving, found)
    # Of the third picture, in which it stands off the skin, only how much is seen counts.
    assert seen.total[:2].tolist() == pytest.approx([0.5 * 1 + 2 + 0.5 * 3, 3 * 2])
    assert seen.on_skin[:2].tolist() == pytest.approx([0.5 * 1 + 2, 0])
    np.testing.assert_allclose(seen.place[0], [0.1, 0.2, 0.3])
    face = points[moving & (place[:, 2] > 0.02)].astype(float)
    middle, extent = 0.5 * (face.min(0) + face.max(0)), np.ptp(face, axis=0)
    for camera, yaw in zip(cameras, np.radians([-30, 0, 30]), strict=True):
        wanted = middle + 1.5 * np.array([np.sin(yaw), 0, np.cos(yaw)])
        np.testing.assert_allclose(camera_centre(camera), wanted, atol=1e-6)
        shown_m = camera.height / camera.focal_y * 1.5
        assert shown_m == pytest.approx(1.15 * max(extent[:2]))
        assert camera.width == camera.height == 384


def test_pixels_of_moving_skin_know_their_place() -> None:
    """The others only that they are pixels."""
    egg = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True)
    moving = egg.vertices[:, 1] > 1.64
    known = np.concatenate([egg.vertices, moving[:, None]], 1, dtype=np.float32)
    camera = look_at(
        target=np.array([0, 1.64, 0]), distance=1.5, width=60, height=60, fov_y_rad=0.25
    )
    found = seen_bindings._pixels(egg, known, camera)
    assert (found[..., 4] == 1).all()
    on_skin = found[..., 3] > 0
    assert set(np.unique(found[..., 3])) == {0, 1}
    assert on_skin[15:27, 30].all()  # above the middle of the picture
    assert not on_skin[33:].any()
    assert not on_skin[:, 0].any()
    assert not found[~on_skin][:, :3].any()
    row, column = np.nonzero(on_skin)
    x, y, z = found[on_skin][:, :3].T
    np.testing.assert_allclose(x * camera.focal_x / (1.5 - z) + 30, column + 0.5, atol=0.05)
    np.testing.assert_allclose((1.64 - y) * camera.focal_y / (1.5 - z) + 30, row + 0.5, atol=0.05)


def test_what_stands_before_the_skin_it_is_seen_on() -> None:
    """6 mm nearer to the camera, which stands at z = 1; by half of what is seen of it."""
    camera = look_at(target=np.zeros(3), distance=1.0, width=8, height=8, fov_y_rad=0.3)
    nearer_m = np.array([0.0061, 0.0059, -0.05, 0.0061])
    means = np.zeros((4, 3), np.float32)
    means[:, 2] = 0.1 + nearer_m
    gaussians = replace(
        rest_gaussians(decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True)), means=means
    )
    on_skin = np.array([0.5, 3, 1, 0])
    shares = np.zeros((4, 5))
    shares[:, 2], shares[:, 3], shares[:, 4] = 0.1 * on_skin, on_skin, 4
    found = seen_bindings._before_skin(gaussians, shares, camera)
    assert found.tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("name", "pose"),
    [("barbara", {"browDown": 1.0}), ("statue", {"browInnerUp": 1.0, "browOuterUp": 1.0})],
)
def test_a_portraits_brows_move_as_its_mesh(
    name: str, pose: dict[str, float], real_data: Path
) -> None:
    path, weights = real_data / "lam_avatars" / f"{name}.zip", weights_of(pose)
    before, after = (
        reach(read_avatar(path, plain_shapes=plain), weights) for plain in (True, False)
    )
    print(name, "seen of the mesh's motion:", before.round(2), "->", after.round(2))
    assert before.max() < 0.75
    assert after.min() > 0.55
    assert np.median(after) > 0.8
    assert after.max() < 1.25
