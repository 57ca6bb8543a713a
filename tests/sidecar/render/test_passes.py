# SPDX-License-Identifier: GPL-3.0-or-later
"""A take in, passes out: order, premultiplication, and each pass against a plain reckoning."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.shared.pictures import PASSES, PictureRequest
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.regions import PASS_REGIONS, find_labels
from affekt.sidecar.head.read import read_head
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from affekt.sidecar.raster.mesh import rasterise_mesh
from affekt.sidecar.raster.oversample import choose_samples, rasterise_oversampled
from affekt.sidecar.render import mesh_passes, passes
from affekt.sidecar.render.frame import Frame
from affekt.sidecar.render.passes import available_passes, frame_bytes, render_frames
from affekt.sidecar.render.shot import Shot, make_shot
from fakes.head import small_head
from scipy.ndimage import minimum_filter

from .conftest import take, view

DATA = ("combined", "depth", "normal", "position", "index", "vector")


def draw(subject, motion, cameras, *, device="cpu", some=None, **request) -> list[Frame]:
    """some: frames instead of the request's."""
    cameras = (cameras,) if isinstance(cameras, Camera) else tuple(cameras)
    asked = PictureRequest(cameras=cameras, format="exr", **request)
    return list(render_frames(make_shot(subject, motion, asked, device), some, find_labels))


def to_linear(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def test_frames_come_in_order_and_alone_equal_the_whole(avatar: Avatar):
    whole = draw(avatar, take(), view(), passes=DATA)
    assert [frame.index for frame in whole] == list(range(6))
    part = draw(avatar, take(), view(), passes=DATA, some=(2, 4))
    for a, b in zip((whole[2], whole[4]), part, strict=True):
        for name in ("combined", "depth", "normal", "position", "object_index", "vector"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)
    assert whole[0].combined.dtype == np.float32
    assert not np.array_equal(whole[0].combined, whole[5].combined)


def test_light_is_linear_and_premultiplied(avatar: Avatar):
    """Gaussians blend in sRGB, as they were trained; the picture is made linear after."""
    frame = draw(avatar, take(), view(), antialiased=False)[3]
    posed = Actor(avatar, take()).pose(3).gaussians
    image = rasterise_gaussians(posed, view())
    alpha = image.alpha[..., None]
    straight = image.colour / np.where(alpha > 0, alpha, 1)
    np.testing.assert_allclose(frame.combined[..., :3], to_linear(straight) * alpha, atol=2e-6)
    np.testing.assert_array_equal(frame.combined[..., 3], image.alpha)
    assert np.isinf(frame.depth[image.alpha == 0]).all()
    assert (frame.combined[..., :3] <= alpha + 1e-5).all()


def test_a_small_head_is_drawn_finer_unless_told_otherwise(avatar: Avatar):
    posed = Actor(avatar, take()).pose(0).gaussians
    camera = replace(view(), focal_x=view().focal_x / 6, focal_y=view().focal_y / 6)
    assert choose_samples(posed, camera)[0] > 1
    finer = rasterise_oversampled(rasterise_gaussians, posed, camera, antialiased=True)
    frame = draw(avatar, take(), camera)[0]
    np.testing.assert_array_equal(frame.combined[..., 3], finer.alpha)
    plain = draw(avatar, take(), camera, antialiased=False)[0]
    assert plain.combined[..., 3].sum() > 1.02 * finer.alpha.sum()


def plain_mean(avatar: Avatar, index: int, camera: Camera, values: np.ndarray) -> np.ndarray:
    """What Gaussians carry, composited on its own and divided by alpha."""
    posed = Actor(avatar, take()).pose(index).gaussians
    image = rasterise_gaussians(posed.carrying(values), camera)
    return image.colour / np.where(image.alpha > 0, image.alpha, 1)[..., None]


def weight_of(avatar: Avatar, index: int, camera: Camera) -> np.ndarray:
    """(N, 1) 1 for Gaussians that face the camera, else 0.02."""
    posed = Actor(avatar, take()).pose(index)
    eye = np.linalg.inv(camera.camera_from_world)[:3, 3]
    away = ((posed.gaussians.means - eye) * posed.normals).sum(1) > 0
    return np.where(away[:, None], 0.02, 1)


def plain_weighted(avatar: Avatar, index: int, camera: Camera, values: np.ndarray) -> np.ndarray:
    """The mean over what faces the camera, as far as anything does."""
    weight = weight_of(avatar, index, camera)
    both = plain_mean(avatar, index, camera, np.concatenate([values * weight, weight], 1))
    return both[..., :-1] / np.where(both[..., -1:] > 0, both[..., -1:], 1)


def test_depth_is_that_of_what_faces_the_camera(avatar: Avatar):
    frame = draw(avatar, take(), view(), antialiased=False)[3]
    means = Actor(avatar, take()).pose(3).gaussians.means
    depth = means @ view().camera_from_world[2, :3] + view().camera_from_world[2, 3]
    plain = plain_weighted(avatar, 3, view(), depth[:, None])[..., 0]
    seen = frame.combined[..., 3] > 0
    np.testing.assert_allclose(frame.depth[seen], plain[seen], rtol=2e-5)
    assert np.isinf(frame.depth[~seen]).all()


def test_the_back_of_a_translucent_head_leaves_depth_alone(avatar: Avatar):
    """Depth of a head that shines through itself is within a few millimetres of a solid one's."""
    nearest = draw(
        replace(avatar, opacities=np.full(len(avatar), 0.95, np.float32)), take(), view()
    )[3]
    thin = replace(avatar, opacities=np.full(len(avatar), 0.3, np.float32))
    frame = draw(thin, take(), view())[3]
    posed = Actor(thin, take()).pose(3).gaussians
    expected = rasterise_gaussians(posed, view()).depth
    middle = (slice(20, 28), slice(20, 28))
    ours, theirs = (np.median(d[middle] - nearest.depth[middle]) for d in (frame.depth, expected))
    print(f"behind the solid head's: {1e3 * ours:.1f} mm; all Gaussians' {1e3 * theirs:.1f} mm")
    assert abs(ours) < 0.01 < theirs


def pixels(points: np.ndarray, camera: Camera) -> np.ndarray:
    x, y, z = (points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    return np.stack(
        [camera.focal_x * x / z + camera.centre_x, camera.focal_y * y / z + camera.centre_y], 1
    )


def test_normals_are_those_of_the_surface(avatar: Avatar):
    posed = Actor(avatar, take()).pose(2)
    frame = draw(avatar, take(), view(), passes=("normal",), antialiased=False)[2]
    seen = frame.combined[..., 3] > 1e-3
    plain = plain_mean(avatar, 2, view(), weight_of(avatar, 2, view()) * posed.normals)
    plain /= np.maximum(np.linalg.norm(plain, axis=2, keepdims=True), 1e-12)
    np.testing.assert_allclose(frame.normal[seen], plain[seen], atol=1e-5)
    np.testing.assert_array_equal(frame.normal[frame.combined[..., 3] == 0], 0)
    # The middle of the egg faces the camera: in its axes, that is +z.
    options = {"passes": ("normal",), "axes": "camera", "antialiased": False}
    own = draw(avatar, take(), view(), **options)[2]
    assert own.normal[24, 24, 2] > 0.9
    turned = frame.normal @ (np.diag([1, -1, -1]) @ view().camera_from_world[:3, :3]).T
    np.testing.assert_allclose(own.normal, turned, atol=1e-5)


def test_world_axes_turn_normals_and_move_places(avatar: Avatar):
    """Uneven scales bend normals the other way: they stay upright on the surface."""
    world = np.eye(4)
    world[:3, :3] = np.array([[0, -2.0, 0], [1, 0, 0], [0, 0, 3.0]])
    world[:3, 3] = 1, 2, 3
    passes = ("normal", "position")
    plain = draw(avatar, take(), view(), passes=passes)[0]
    moved = draw(avatar, take(), view(), passes=passes, world_from_head=world)[0]
    seen = np.isfinite(plain.depth)
    expected = plain.position[seen] @ world[:3, :3].T + world[:3, 3]
    np.testing.assert_allclose(moved.position[seen], expected, atol=1e-5)
    assert (moved.position[~seen] == 0).all()
    normal, tangent = plain.normal[24, 24], np.array([1.0, 0.3, 0])
    tangent = tangent - tangent @ normal * normal
    assert abs(moved.normal[24, 24] @ (world[:3, :3] @ tangent)) < 0.02


@pytest.mark.parametrize("orthographic", [False, True])
def test_places_project_back_to_their_pixels(avatar: Avatar, orthographic: bool):
    """Also where pixels are not square and the middle is not in the middle."""
    camera = replace(view(), focal_y=1.2 * view().focal_x, centre_x=21.0, centre_y=26.5)
    if orthographic:
        focal_x, focal_y = camera.focal_x / 1.5, camera.focal_y / 1.5
        camera = replace(camera, focal_x=focal_x, focal_y=focal_y, orthographic=True)
    frame = draw(avatar, take(), camera, passes=("position",))[0]
    row, column = np.nonzero(frame.combined[..., 3] > 0.5)
    pose = camera.camera_from_world
    local = frame.position[row, column] @ pose[:3, :3].T + pose[:3, 3]
    np.testing.assert_allclose(local[:, 2], frame.depth[row, column], atol=1e-5)
    scale = np.ones(len(row)) if orthographic else local[:, 2]
    x = camera.focal_x * local[:, 0] / scale + camera.centre_x
    y = camera.focal_y * local[:, 1] / scale + camera.centre_y
    np.testing.assert_allclose(x, column + 0.5, atol=0.01)
    np.testing.assert_allclose(y, row + 0.5, atol=0.01)


def test_vectors_follow_gaussians_and_cameras(avatar: Avatar):
    """Before minus now, and now minus after, y up, as Cycles has it."""
    cameras = [view(yaw_rad=0.02 * i) for i in range(6)]
    frames = draw(avatar, take(), cameras, passes=("vector",), antialiased=False)
    actor = Actor(avatar, take())
    places = [pixels(actor.pose(i).gaussians.means, cameras[i]) for i in range(6)]
    flip = np.array([1, -1])
    for i in (0, 2, 5):
        before = (places[i - 1] - places[i]) * flip if i > 0 else np.zeros_like(places[i])
        after = (places[i] - places[i + 1]) * flip if i < 5 else np.zeros_like(places[i])
        plain = plain_weighted(avatar, i, cameras[i], np.concatenate([before, after], 1))
        np.testing.assert_allclose(frames[i].vector, plain, atol=2e-3)
    assert np.abs(frames[2].vector).max() > 0.2


def test_vectors_at_the_ends_of_a_range_look_at_the_take(avatar: Avatar):
    whole = draw(avatar, take(), view(), passes=("vector",))
    part = draw(avatar, take(), view(), passes=("vector",), frames=range(2, 4))
    np.testing.assert_array_equal(part[0].vector, whole[2].vector)
    np.testing.assert_array_equal(part[1].vector, whole[3].vector)


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("kind", ["avatar", "head"])
def test_index_is_whole(kind: str, number: int, avatar: Avatar):
    subject = avatar if kind == "avatar" else read_head("open")
    motion = take(space="arkit" if kind == "avatar" else "open")
    camera = view(target=(0, 1.64, 0) if kind == "avatar" else (0, 0, 0))
    frame = draw(subject, motion, camera, passes=("index",), object_index=7)[number]
    assert (frame.combined[..., 3] >= 0.5).sum() > 100
    np.testing.assert_array_equal(frame.object_index, np.where(frame.combined[..., 3] >= 0.5, 7, 0))


@pytest.fixture(scope="module")
def open_frame() -> Frame:
    still = make_motion(expression=np.zeros((3, 100), np.float32), fps=25.0, space="open")
    still.rotation[:, 1] = [0, 0.05, 0.1]
    camera = view(96, 0.4, (0, 0, 0))
    return draw(read_head("open"), still, camera, passes=PASSES)[1]


def test_a_head_mesh_has_every_pass(open_frame: Frame):
    alpha = open_frame.combined[..., 3]
    assert alpha.max() == 1
    np.testing.assert_allclose(open_frame.masks.sum(2), alpha, atol=1e-6)
    # Whatever has light has depth and data: no fringe without them.
    lit = alpha > 0
    assert np.isfinite(open_frame.depth[lit]).mean() > 0.995
    assert np.isinf(open_frame.depth[~lit]).all()
    known = np.isfinite(open_frame.depth)
    np.testing.assert_allclose(np.linalg.norm(open_frame.normal[known], axis=1), 1, atol=1e-5)
    for name in PASS_REGIONS:
        if name not in ("teeth", "mouth"):  # behind closed lips
            assert open_frame.masks[..., PASS_REGIONS.index(name)].max() > 0.5, name
    assert 0 <= open_frame.uv.min() < open_frame.uv.max() <= 1
    # The head turns to its left, which is to the right in the picture: it was further left.
    assert open_frame.vector[40, 40, 0] < -0.1
    np.testing.assert_allclose(
        open_frame.vector[40, 40, :2], open_frame.vector[40, 40, 2:], atol=0.2
    )


@pytest.mark.parametrize(("subject", "yaw_rad"), [("mesh", 0.4), ("mesh", 2.8), ("splats", 0.4)])
def test_cards_turn_their_normals_to_the_camera(subject: str, yaw_rad: float):
    """Brows and lashes are cards seen from both sides; so is the mesh's inside, at the neck."""
    head = read_head("open")
    still = make_motion(expression=np.zeros((1, 100), np.float32), fps=25.0, space="open")
    camera = view(160, yaw_rad, (0, 0, 0))
    drawn = head if subject == "mesh" else open_avatar(head)
    frame = draw(drawn, still, camera, passes=("normal", "position", "mask"))[0]
    solid = frame.combined[..., 3] > 0.999
    ray = frame.position - np.linalg.inv(camera.camera_from_world)[:3, 3]
    ray /= np.linalg.norm(ray, axis=2, keepdims=True)
    away = (frame.normal * ray).sum(2)
    # Between vertices normals lean past the edge a little.
    assert np.quantile(away[solid], 0.999) < 0.1
    hair = (frame.masks[..., PASS_REGIONS.index("hair")] > 0.3) & solid
    assert hair.any() == (yaw_rad < 1)
    assert (away[hair] < 0).all()


def test_a_head_mesh_in_its_fragments():
    head = small_head()
    still = make_motion(expression=np.zeros((1, 100), np.float32), fps=25.0, space="open")
    camera = view(64, 0.0, (0, 0, 0))
    frame = draw(head, still, camera, passes=("position", "uv"))[0]
    seen = rasterise_mesh(head.template, head.faces, camera)
    row, column = np.nonzero(seen.face >= 0)
    corners, weights = head.faces[seen.face[row, column]], seen.barycentric[row, column]
    place = np.einsum("nk,nkd->nd", weights, head.template[corners])
    np.testing.assert_allclose(frame.position[row, column], place, atol=1e-4)
    uv = np.einsum("nk,nkd->nd", weights, head.uv[seen.face[row, column]])
    np.testing.assert_allclose(frame.uv[row, column], uv, atol=1e-5)


def test_an_edge_has_the_depth_of_the_frontmost_pixel_beside_it():
    """On every side of the mesh: what a face covers, but not at the pixel's centre."""
    head = small_head()
    still = make_motion(expression=np.zeros((1, 100), np.float32), fps=25.0, space="open")
    camera = view(64, 0.3, (0, 0, 0))
    frame = draw(head, still, camera)[0]
    seen = rasterise_mesh(head.template, head.faces, camera).depth
    beside = minimum_filter(seen, 3, mode="constant", cval=np.inf)
    edge = (frame.combined[..., 3] > 0) & np.isinf(seen)
    assert np.isfinite(beside[edge]).sum() > 40
    np.testing.assert_allclose(frame.depth, np.where(edge, beside, seen), rtol=1e-6)


def test_what_cannot_be_rendered_is_refused_at_once(avatar: Avatar):
    motion = take()
    for act, code in (
        (lambda: draw(avatar, motion, view(), frames=range(4, 9)), "frames.out_of_range"),
        (lambda: draw(avatar, motion, view(), frames=range(0)), "frames.out_of_range"),
        (lambda: draw(avatar, take(space="open"), view()), "space.no_adapter"),
        (lambda: draw(avatar, motion, view(), passes=("uv",)), "option.pass"),
        (lambda: draw(avatar, motion, view(), passes=("mask",)), "avatar.regions"),
        (lambda: draw(avatar, motion, view(), passes=("mist",)), "option.pass"),
        (lambda: draw(avatar, motion, [view()] * 4), "option.camera"),
        (lambda: draw(avatar, motion, [view(8), view()] * 3), "option.camera"),
        (lambda: draw(avatar, motion, view(5000), passes=PASSES), "option.size"),
        (lambda: draw(avatar, motion, view(), world_from_head=np.eye(3)), "option.camera"),
        (lambda: draw(avatar, motion, view(), world_from_head=np.ones((4, 4))), "option.camera"),
        (lambda: draw(avatar, motion, view(), device="abacus"), "option.device"),
    ):
        with pytest.raises(InputError) as caught:
            act()
        assert caught.value.code == code
    assert "uv" not in available_passes(avatar)
    assert available_passes(small_head()) == PASSES


def test_what_a_frame_takes_of_memory() -> None:
    """Colour and depth are 5 channels of 4 bytes, twice; with all passes there are 24."""
    camera = replace(view(10), height=20, centre_y=10.0)
    assert frame_bytes(camera, ()) == frame_bytes(camera, ("combined", "depth")) == 8000
    assert frame_bytes(camera, ("vector",)) == 14_400
    assert frame_bytes(camera, ("uv", "index", "index")) == 12_800
    assert frame_bytes(camera, PASSES) == 38_400


def test_the_passes_that_each_subject_can_have(avatar: Avatar) -> None:
    assert available_passes(open_avatar(read_head("open"))) == PASSES
    assert set(PASSES) - set(available_passes(avatar)) == {"uv"}
    static = replace(
        avatar, surface=None, binding="none", anchors=np.zeros_like(avatar.anchors), follow="still"
    )
    assert set(PASSES) - set(available_passes(static)) == {"uv", "mask"}


@pytest.mark.parametrize("name", ["barbara", pytest.param("statue", marks=pytest.mark.full)])
def test_real_avatars_have_lips_eyes_and_hair_where_they_are(name: str, real_data):
    """Of the mask's pixels; the boxes were read off the portraits' renders by eye."""
    from affekt.sidecar.avatar.read import read_avatar

    real = read_avatar(real_data / "lam_avatars" / f"{name}.zip")
    still = make_motion(expression=np.zeros((1, 100), np.float32), fps=30.0, space="arkit")
    camera = view(256, 0.0, (0, 1.68, 0))
    frame = draw(real, still, camera, passes=("mask",))[0]
    masks = frame.masks
    np.testing.assert_allclose(masks.sum(2), frame.combined[..., 3], atol=1e-5)
    middles = {}
    for region in ("lips", "eyes", "hair"):
        row, column = np.nonzero(masks[..., PASS_REGIONS.index(region)] > 0.5)
        middles[region] = (row.mean(), column.mean(), len(row))
    print(name, middles)
    assert 60 < middles["eyes"][2] < 700
    assert 120 < middles["lips"][2] < 900
    assert middles["hair"][2] > 4000
    assert middles["hair"][0] < middles["eyes"][0] < middles["lips"][0]
    assert abs(middles["eyes"][1] - 128) < 8
    assert abs(middles["lips"][1] - 128) < 8


@pytest.mark.parametrize("device", ["cpu", "cuda", "auto"])
@pytest.mark.parametrize("is_avatar", [True, False])
def test_each_subject_has_its_painter_on_the_device_that_was_asked_for(
    is_avatar: bool, device: str, avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels are looked for only where a mask is wanted."""
    made: list[tuple[object, ...]] = []
    asked: list[object] = []
    monkeypatch.setattr(passes, "GaussianPainter", lambda *given: made.append(("avatar", *given)))
    monkeypatch.setattr(mesh_passes, "MeshPainter", lambda *given: made.append(("mesh", *given)))
    subject, motion = avatar if is_avatar else small_head(), take()
    for wanted, label in ((("combined",), None), (("combined", "mask"), "labels")):
        request = PictureRequest(passes=wanted, format="exr")
        shot = Shot(subject=subject, motion=motion, request=request, device=device)
        passes._painter(shot, lambda subject: asked.append(subject) or "labels")
        kind = "avatar" if is_avatar else "mesh"
        assert made.pop() == (kind, subject, motion, request, device, label)
    assert asked == [subject]
