# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter for pytorch3d: cameras by pytorch3d's documented formulas, the mesh rasteriser
through a stand-in, and through pytorch3d itself where that is installed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from affekt.shared.camera import Camera
from affekt.shared.errors import InputError
from affekt.sidecar.raster import pytorch3d as adapter
from affekt.sidecar.raster.mesh import EMPTY, rasterise_mesh
from fakes import pytorch3d as fake
from scipy.spatial.transform import Rotation


def random_camera(seed: int, *, orthographic: bool = False, scale: float = 1.0) -> Camera:
    """Somewhere, turned anyhow, of odd size, shifted, pixels not square."""
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = scale * Rotation.random(random_state=seed).as_matrix()
    pose[:3, 3] = [*rng.uniform(-0.2, 0.2, 2), 2.0]
    width, height = (int(n) for n in rng.integers(20, 90, 2))
    return Camera(
        width=width,
        height=height,
        focal_x=rng.uniform(40, 90),
        focal_y=rng.uniform(40, 90),
        centre_x=rng.uniform(0, width),
        centre_y=rng.uniform(0, height),
        camera_from_world=pose,
        orthographic=orthographic,
    )


def screen_points(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Our convention, in words: see `Camera`."""
    placed = points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
    divisor = 1 if camera.orthographic else placed[:, 2:]
    focal = np.array([camera.focal_x, camera.focal_y])
    return focal * placed[:, :2] / divisor + [camera.centre_x, camera.centre_y]


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_a_point_falls_on_the_same_pixel(monkeypatch, seed: int, orthographic: bool):
    fake.install(monkeypatch)
    camera = random_camera(seed, orthographic=orthographic)
    theirs = adapter.to_pytorch3d(camera)
    assert theirs.is_perspective() != orthographic
    points = np.random.default_rng(seed).uniform(-0.3, 0.3, (40, 3))
    ndc = fake.documented_ndc(torch.from_numpy(points).float(), theirs)
    found = fake.screen_from_ndc(ndc, camera.width, camera.height).numpy()
    np.testing.assert_allclose(found, screen_points(points, camera), atol=2e-4)


@pytest.mark.parametrize("orthographic", [False, True])
def test_there_and_back(monkeypatch, orthographic: bool):
    fake.install(monkeypatch)
    camera = random_camera(7, orthographic=orthographic)
    back = adapter.from_pytorch3d(
        adapter.to_pytorch3d(camera), width=camera.width, height=camera.height
    )
    assert back.orthographic == orthographic
    for name in ("focal_x", "focal_y", "centre_x", "centre_y"):
        assert getattr(back, name) == pytest.approx(getattr(camera, name), rel=1e-6)
    np.testing.assert_allclose(back.camera_from_world, camera.camera_from_world, atol=1e-6)


def test_a_camera_in_normalised_coordinates():
    """As pytorch3d's own trackers write them; one focal length for both axes."""
    rotation = torch.from_numpy(Rotation.random(random_state=1).as_matrix()).float()[None]
    theirs = fake.PerspectiveCameras(
        focal_length=[2.5],
        principal_point=((0.1, -0.2),),
        R=rotation,
        T=torch.tensor([[0.1, 0.0, 3.0]]),
    )
    ours = adapter.from_pytorch3d(theirs, width=60, height=40)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (40, 3))
    ndc = fake.documented_ndc(torch.from_numpy(points).float(), theirs)
    found = fake.screen_from_ndc(ndc, 60, 40).numpy()
    np.testing.assert_allclose(found, screen_points(points, ours), atol=1e-4)


@pytest.mark.parametrize("linear", [np.diag([2.0, 2, 2]), np.diag([-1.0, 1, 1])])
def test_a_camera_that_is_no_rotation_is_refused(monkeypatch, linear: np.ndarray):
    fake.install(monkeypatch)
    pose = np.eye(4)
    pose[:3, :3] = linear
    with pytest.raises(InputError) as caught:
        adapter.to_pytorch3d(replace(random_camera(0), camera_from_world=pose))
    assert caught.value.code == "option.camera"


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize(("seed", "scale"), [(0, 1.0), (1, 1.0), (2, 0.1), (3, 5.0)])
def test_mesh_equals_ours(monkeypatch, seed: int, scale: float, orthographic: bool):
    """Also under a camera that scales, which pytorch3d's own cameras cannot."""
    fake.install(monkeypatch)
    vertices, faces, camera = mesh_scene(seed, scale)
    camera = replace(camera, orthographic=orthographic)
    assert_same_fragments(
        adapter.rasterise_mesh_pytorch3d(vertices, faces, camera),
        rasterise_mesh(vertices, faces, camera),
    )


def test_mesh_far_and_not_a_number(monkeypatch):
    fake.install(monkeypatch)
    vertices, faces, camera = mesh_scene(0, 1.0)
    camera = replace(camera, far=2.0)
    vertices[3] = np.nan
    found = adapter.rasterise_mesh_pytorch3d(vertices, faces, camera)
    assert_same_fragments(found, rasterise_mesh(vertices, faces, camera))
    vertices[:] = np.inf
    found = adapter.rasterise_mesh_pytorch3d(vertices, faces, camera)
    assert (found.face == EMPTY).all()
    assert np.isinf(found.depth).all()


def test_mesh_orthographic(monkeypatch):
    """One triangle parallel to the picture: weights and depth are what the geometry says."""
    fake.install(monkeypatch)
    camera = Camera(
        width=30,
        height=20,
        focal_x=10,
        focal_y=10,
        centre_x=15,
        centre_y=10,
        camera_from_world=np.eye(4),
        orthographic=True,
    )
    vertices = np.array([[-1.0, -0.5, 3], [1.0, -0.5, 3], [0.0, 0.5, 5]])
    found = adapter.rasterise_mesh_pytorch3d(vertices, np.array([[0, 1, 2]], np.int32), camera)
    rows, columns = np.nonzero(found.face == 0)
    assert len(rows) > 80
    places = (found.barycentric[rows, columns] @ vertices) * 10 + [15, 10, 0]
    np.testing.assert_allclose(places[:, :2], np.stack([columns, rows], 1) + 0.5, atol=1e-4)
    np.testing.assert_allclose(found.depth[rows, columns], places[:, 2] / 10, atol=1e-4)


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_without_a_card_the_mesh_rasteriser_is_ours(device: str, monkeypatch):
    fake.install(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert adapter.choose_mesh_rasteriser(device) is rasterise_mesh


def test_with_a_card_and_pytorch3d_it_is_theirs(monkeypatch):
    fake.install(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    seen = {}
    monkeypatch.setattr(
        adapter, "rasterise_mesh_pytorch3d", lambda *mesh, device: seen.update(device=device)
    )
    for device in ("auto", "cuda"):
        seen.clear()
        adapter.choose_mesh_rasteriser(device)(*mesh_scene(0, 1.0))
        assert seen == {"device": "cuda"}


@pytest.mark.parametrize(
    ("card", "device", "code"),
    [
        (False, "cuda", "option.device_missing"),
        (True, "cuda", "option.device_pytorch3d"),
        (True, "gpu", "option.device"),
    ],
)
def test_what_is_missing_is_said(monkeypatch, card: bool, device: str, code: str):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: card)
    monkeypatch.setattr(adapter, "is_installed", lambda: False)
    with pytest.raises(InputError) as caught:
        adapter.choose_mesh_rasteriser(device)
    assert caught.value.code == code


def test_calls_without_pytorch3d_are_refused(monkeypatch):
    monkeypatch.setattr(adapter, "is_installed", lambda: False)
    calls = (
        lambda: adapter.to_pytorch3d(random_camera(0)),
        lambda: adapter.rasterise_mesh_pytorch3d(*mesh_scene(0, 1.0)),
    )
    for call in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "option.device_pytorch3d"


@pytest.mark.parametrize("seed", range(4))
def test_the_real_pytorch3d(seed: int):
    """Skips where it is not installed. Its camera puts points where the stand-in's does, and its
    rasteriser sees what ours sees."""
    pytest.importorskip("pytorch3d", reason="pytorch3d is not installed")
    vertices, faces, camera = mesh_scene(seed, 1.0)
    theirs = adapter.to_pytorch3d(camera)
    points = torch.from_numpy(vertices).float()
    found = theirs.transform_points_screen(points, image_size=((camera.height, camera.width),))
    np.testing.assert_allclose(found[:, :2].numpy(), screen_points(vertices, camera), atol=1e-3)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    assert_same_fragments(
        adapter.rasterise_mesh_pytorch3d(vertices, faces, camera, device=device),
        rasterise_mesh(vertices, faces, camera),
    )


def mesh_scene(seed: int, scale: float) -> tuple[np.ndarray, np.ndarray, Camera]:
    """Triangles in all places and attitudes before the camera."""
    rng = np.random.default_rng(seed)
    camera = random_camera(seed, scale=scale)
    centres = np.repeat(rng.uniform(-0.5, 0.5, (30, 3)), 3, 0)
    seen = centres + rng.normal(0, 0.25, centres.shape) + [0, 0, 2.5]
    linear, place = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    vertices = (seen - place) @ np.linalg.inv(linear).T
    return vertices, np.arange(90, dtype=np.int32).reshape(30, 3), camera


def assert_same_fragments(found, wanted) -> None:
    """But for pixels whose centre an edge or another face meets within single precision."""
    same = found.face == wanted.face
    assert same.mean() > 0.995
    assert (wanted.face != EMPTY).mean() > 0.02
    seen = same & (wanted.face != EMPTY)
    np.testing.assert_allclose(found.barycentric[seen], wanted.barycentric[seen], atol=2e-3)
    np.testing.assert_allclose(found.depth[seen], wanted.depth[seen], rtol=1e-4)
    assert np.isinf(found.depth[found.face == EMPTY]).all()
