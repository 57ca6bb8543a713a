# SPDX-License-Identifier: GPL-3.0-or-later
"""The z-buffer against a plain twin, against geometry that has a formula, and at its edges."""

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.sidecar.raster.mesh import (
    EMPTY,
    fill,
    project,
    rasterise_mesh,
    seen_from_behind,
    to_camera,
    vertex_normals,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def camera(width: int = 40, height: int = 30, **changes: object) -> Camera:
    fields = {
        "focal_x": 35.0,
        "focal_y": 33.0,
        "centre_x": 19.0,
        "centre_y": 16.0,
        "camera_from_world": np.eye(4),
    }
    return Camera(width=width, height=height, **{**fields, **changes})


def scaled_and_sheared() -> np.ndarray:
    return np.array([[0.9, 0.2, 0, 0.1], [0, -1.3, 0.1, 0], [0.1, 0, 0.7, 0.5], [0, 0, 0, 1]])


VIEWS = {
    "perspective": {},
    "orthographic": {"orthographic": True, "focal_x": 14.0, "focal_y": 13.0},
    "affine": {"camera_from_world": scaled_and_sheared()},
    "affine orthographic": {
        "camera_from_world": scaled_and_sheared(),
        "orthographic": True,
        "focal_x": 14.0,
        "focal_y": 13.0,
    },
    "clipped": {"near": 2.3, "far": 3.2},
    "clipped orthographic": {
        "orthographic": True,
        "focal_x": 14.0,
        "focal_y": 13.0,
        "near": 2.3,
        "far": 3.2,
    },
}


def plain_twin(vertices: np.ndarray, faces: np.ndarray, view: Camera):
    """Ray against triangle at every pixel centre, double precision, no cleverness."""
    points = to_camera(vertices, view)
    face = np.full((view.height, view.width), EMPTY)
    weights = np.zeros((view.height, view.width, 3))
    depth = np.full((view.height, view.width), np.inf)
    for y in range(view.height):
        for x in range(view.width):
            ray = [
                (x + 0.5 - view.centre_x) / view.focal_x,
                (y + 0.5 - view.centre_y) / view.focal_y,
                1.0,
            ]
            for index, corners in enumerate(faces):
                matrix = points[corners].T.copy()  # columns are the corners
                if view.orthographic:
                    matrix[2] = 1.0
                if abs(np.linalg.det(matrix)) < 1e-12:
                    continue
                share = np.linalg.solve(matrix, ray)  # corners weighted so that they meet the ray
                share /= share.sum()
                z = share @ points[corners, 2]
                nearer = view.near <= z <= view.far and z < depth[y, x] - 1e-9  # else as near
                if (share >= 0).all() and nearer:
                    face[y, x], depth[y, x], weights[y, x] = index, z, share
    return face, weights, depth


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("seed", range(2))
def test_equals_plain_twin(name: str, seed: int):
    rng = np.random.default_rng(seed)
    nearest = -1.0 if name.startswith("affine") else 1.5
    vertices = rng.uniform([-1, -1, nearest], [1, 1, 4], (24, 3))
    faces = rng.integers(0, 24, (20, 3)).astype(np.int32)
    view = camera(**VIEWS[name])
    found = rasterise_mesh(vertices, faces, view)
    face, weights, depth = plain_twin(vertices, faces, view)
    same = found.face == face
    assert same.mean() > 0.999  # a pixel centre on an edge may fall either way
    assert (face != EMPTY).mean() > 0.15
    both = same & (face != EMPTY)
    np.testing.assert_allclose(found.depth[both], depth[both], rtol=1e-5)
    np.testing.assert_allclose(found.barycentric[both], weights[both], atol=1e-5)
    nothing = found.face == EMPTY
    assert np.isinf(found.depth[nothing]).all()
    assert not found.barycentric[nothing].any()


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_closed_sheet_has_no_holes_and_covers_no_pixel_twice(seed: int, orthographic: bool):
    """A sheet of a thousand triangles, thin, large and degenerate ones among them, lies over the
    whole picture: with nothing hidden, each face's own pixels are every pixel once."""
    rng = np.random.default_rng(seed)
    side = np.concatenate([[-40], np.sort(rng.uniform(-1, 41, 20)), [80]])
    side[5] = side[6] = np.round(side[6]) + 0.5  # edges through the centres, and flat faces
    side.sort()
    x, y = np.meshgrid(side, side * 0.75)
    vertices = np.stack([x.ravel() - 19, y.ravel() - 16, np.full(x.size, 1.0)], 1)
    if not orthographic:
        vertices *= rng.uniform(1, 3, (len(vertices), 1))
    corner = np.arange(x.size).reshape(x.shape)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    faces = np.stack([a, b, c, a, c, d], -1).reshape(-1, 3).astype(np.int32)
    view = camera(focal_x=1.0, focal_y=1.0, orthographic=orthographic)
    assert (rasterise_mesh(vertices, faces, view).face != EMPTY).all()
    counted = np.zeros((30, 40), int)
    for first in range(0, len(faces), 40):  # a handful at a time hides no double cover
        for face in faces[first : first + 40 : 13]:
            counted += rasterise_mesh(vertices, face[None], view).face != EMPTY
    assert counted.max() <= 1


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_face_through_the_near_plane_is_cut_there(orthographic: bool):
    """A floor from behind the camera to far ahead: seen from the near plane on."""
    vertices = np.array([[-50.0, 1, -50], [50, 1, -50], [50, 1.2, 50], [-50, 1.2, 50]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    changes = {"focal_y": 100.0, "centre_y": -95.0} if orthographic else {}
    view = camera(near=0.5, orthographic=orthographic, **changes)
    found = rasterise_mesh(vertices, faces, view)
    face, _, depth = plain_twin(vertices, faces, view)
    np.testing.assert_array_equal(found.face == EMPTY, face == EMPTY)
    np.testing.assert_allclose(found.depth, depth, rtol=1e-5)
    assert (face != EMPTY).sum() > 100
    assert found.depth.min() >= 0.5


def test_a_cut_sheet_has_no_holes():
    rng = np.random.default_rng(0)
    x, z = np.meshgrid(np.linspace(-30, 30, 40), np.linspace(-9, 30, 50))
    vertices = np.stack([x, 0.2 + 0 * x, z], -1).reshape(-1, 3)
    vertices[:, [0, 2]] += rng.uniform(-0.2, 0.2, (len(vertices), 2))
    corner = np.arange(x.size).reshape(x.shape)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    faces = np.stack([a, b, c, a, c, d], -1).reshape(-1, 3).astype(np.int32)
    found = rasterise_mesh(vertices, faces, camera(near=0.3))
    assert (found.face[18:] != EMPTY).all()
    crosses = (vertices[faces, 2] < 0.3).any(1)
    assert crosses[found.face[-1]].any()


@pytest.mark.parametrize("name", VIEWS)
def test_the_number_of_threads_changes_no_bit(name: str, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(5)
    vertices = rng.uniform([-1, -1, -0.5], [1, 1, 4], (90, 3))
    faces = rng.integers(0, 90, (60, 3)).astype(np.int32)
    changes = {**VIEWS[name], "centre_y": 50.0}
    found = []
    for count in ("1", "2", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        found.append(rasterise_mesh(vertices, faces, camera(height=90, **changes)))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].face, other.face)
        np.testing.assert_array_equal(found[0].barycentric, other.barycentric)
        np.testing.assert_array_equal(found[0].depth, other.depth)


@pytest.mark.parametrize("orthographic", [False, True])
def test_samples_are_a_larger_picture(orthographic: bool):
    rng = np.random.default_rng(2)
    vertices = rng.uniform([-1, -1, 1.5], [1, 1, 4], (24, 3))
    faces = rng.integers(0, 24, (20, 3)).astype(np.int32)
    view = camera(orthographic=orthographic)
    large = camera(
        width=120,
        height=90,
        focal_x=105.0,
        focal_y=99.0,
        centre_x=57.0,
        centre_y=48.0,
        orthographic=orthographic,
    )
    face, nearness = fill(project(to_camera(vertices, view), view), faces, view, samples=3)
    expected = rasterise_mesh(vertices, faces, large)
    assert (face == expected.face).mean() > 0.999
    both = (face == expected.face) & (face != EMPTY)
    depth = -nearness[both] if orthographic else 1 / nearness[both]
    np.testing.assert_allclose(depth, expected.depth[both], rtol=1e-5)


@pytest.mark.parametrize("orthographic", [False, True])
def test_samples_end_at_the_far_plane(orthographic: bool):
    """A wall 2 m away over the left of the picture, one 4 m away over all of it."""
    near = [[-9.0, -9, 2], [0, -9, 2], [0, 9, 2], [-9, 9, 2]]
    behind = [[-30.0, -30, 4], [30, -30, 4], [30, 30, 4], [-30, 30, 4]]
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    for far, right in ((3.0, {EMPTY}), (4.5, {2, 3})):
        view = camera(orthographic=orthographic, far=far)
        screen = project(to_camera(np.array(near + behind), view), view)
        face, _ = fill(screen, faces, view, samples=2)
        assert set(face[:, :38].ravel()) <= {0, 1}  # the centre is at 19 of 40 pixels
        assert set(face[:, 38:].ravel()) <= right


def test_plane_has_its_analytic_depth():
    """z = 2 + 0.3 x + 0.2 y met by each pixel's ray."""
    corners = np.array([[-9.0, -9], [9, -9], [9, 9], [-9, 9]])
    slope = np.array([0.03, 0.02])
    vertices = np.column_stack([corners, 2 + corners @ slope])
    view = camera()
    found = rasterise_mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32), view)
    x = (np.arange(view.width) + 0.5 - view.centre_x) / view.focal_x
    y = (np.arange(view.height) + 0.5 - view.centre_y) / view.focal_y
    expected = 2 / (1 - slope[0] * x[None] - slope[1] * y[:, None])
    np.testing.assert_allclose(found.depth, expected, rtol=1e-6)
    np.testing.assert_allclose(found.barycentric.sum(-1), 1, atol=1e-6)


def test_sphere_has_its_analytic_silhouette_and_nearest_point():
    rows, columns, radius, distance = 120, 160, 0.1, 0.8
    polar = np.linspace(1e-3, np.pi - 1e-3, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    vertices = radius * np.stack(
        [
            np.sin(polar) * np.cos(around),
            np.sin(polar) * np.sin(around),
            np.cos(polar) + 0 * around,
        ],
        -1,
    ).reshape(-1, 3)
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, 1)
    faces = np.concatenate(
        [
            np.stack([index[:-1], index[1:], right[1:]], -1).reshape(-1, 3),
            np.stack([index[:-1], right[1:], right[:-1]], -1).reshape(-1, 3),
        ]
    ).astype(np.int32)
    view = look_at(
        target=np.zeros(3),
        distance=distance,
        yaw_rad=0.4,
        pitch_rad=0.2,
        width=201,
        height=201,
        fov_y_rad=0.35,
    )
    found = rasterise_mesh(vertices, faces, view)
    assert found.depth.min() == pytest.approx(distance - radius, abs=2e-5)
    seen_radius = view.focal_x * radius / np.sqrt(distance**2 - radius**2)
    area = (found.face != EMPTY).sum()
    assert area == pytest.approx(np.pi * seen_radius**2, rel=2e-3)


def test_nothing_and_nothing_usable():
    view = camera()
    behind = np.array([[0.0, 0, -1], [1, 0, -1], [0, 1, -1]])
    broken = np.array([[0.0, 0, 2], [1, 0, 2], [np.nan, 1, 2]])
    endless = np.array([[0.0, 0, -2], [1, 0, 2], [0, np.inf, 2]])
    no_depth = np.array([[0.0, 0, -2], [1, 0, 2], [0, 1, np.nan]])
    flat = np.array([[0.0, 0, 2], [1, 0, 2], [2, 0, 2]])
    far = np.array([[-900.0, -900, 200], [900, -900, 200], [0, 900, 200]])
    for vertices in (behind, broken, endless, no_depth, flat, far):
        found = rasterise_mesh(vertices, np.array([[0, 1, 2]], np.int32), view)
        assert (found.face == EMPTY).all()
        assert np.isinf(found.depth).all()
        assert not found.barycentric.any()
    assert (rasterise_mesh(behind, np.zeros((0, 3), np.int32), view).face == EMPTY).all()


def test_huge_triangles_do_not_overflow():
    vertices = np.array([[-1e15, -1e15, 2], [1e15, -1e15, 2], [0, 1e15, 2]])
    found = rasterise_mesh(vertices, np.array([[0, 1, 2]], np.int32), camera())
    assert (found.face == 0).all()


HUGE = st.one_of(
    st.floats(-3, 3), st.sampled_from([0.0, 1e-300, 1e15, -1e19, 1e30, -1e160, 1e307, -1.7e308])
)


@settings(max_examples=300)
@given(st.lists(HUGE, min_size=12, max_size=12), st.booleans())
def test_no_place_is_too_far_away(values: list[float], orthographic: bool):
    """Whatever overflows on the way, pixels stay inside the picture and hold numbers."""
    vertices = np.array(values).reshape(4, 3)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    view = camera(orthographic=orthographic)
    with np.errstate(all="ignore"):
        found = rasterise_mesh(vertices, faces, view)
    hit = found.face != EMPTY
    assert np.isin(found.face, [EMPTY, 0, 1]).all()
    assert (found.depth[hit] >= view.near - 1e-6).all()
    assert (found.depth[hit] <= view.far * (1 + 1e-6)).all()
    assert np.isfinite(found.barycentric).all()


def test_the_nearer_wins_and_equal_ones_go_to_the_first():
    one = np.array([[-5.0, -5, 3], [5, -5, 3], [0, 9, 3]])
    vertices = np.concatenate([one, one * [1, 1, 2 / 3], one])
    faces = np.arange(9, dtype=np.int32).reshape(3, 3)
    assert (rasterise_mesh(vertices, faces, camera()).face == 1).all()
    assert (rasterise_mesh(vertices, faces[[0, 2]], camera()).face == 0).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(-1, 1))
def test_a_moved_world_seen_by_a_moved_camera_looks_the_same(seed: int, yaw: float, pitch: float):
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-0.3, 0.3, (9, 3))
    faces = rng.integers(0, 9, (5, 3)).astype(np.int32)
    view = look_at(
        target=np.zeros(3),
        distance=1.0,
        yaw_rad=yaw,
        pitch_rad=pitch,
        width=32,
        height=32,
        fov_y_rad=0.5,
    )
    seen = to_camera(vertices, view)
    fixed = Camera(
        width=32,
        height=32,
        focal_x=view.focal_x,
        focal_y=view.focal_y,
        centre_x=16,
        centre_y=16,
        camera_from_world=np.eye(4),
    )
    a, b = rasterise_mesh(vertices, faces, view), rasterise_mesh(seen, faces, fixed)
    np.testing.assert_array_equal(a.face, b.face)
    np.testing.assert_array_equal(a.depth, b.depth)


def test_whose_inside_a_camera_sees():
    """A wall that looks to +z, and one that looks to +x, which a camera at x = -1 sees from behind
    although it looks along it; one that sees no depths is the same wherever it stands."""
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.array([[0, 1, 2], [0, 2, 1], [0, 2, 3]], np.int32)
    turned = np.diag([1.0, -1, -1, 1])  # looks to -z
    for eye, wanted in (((-1, 0, 5), [False, True, True]), ((1, 0, 5), [False, True, False])):
        pose = turned.copy()
        pose[:3, 3] = -turned[:3, :3] @ np.array(eye)
        view = camera(camera_from_world=pose)
        assert seen_from_behind(points, faces, view).tolist() == wanted
    for shift in (-9, 9):
        pose = turned.copy()
        pose[0, 3], pose[2, 0] = shift, 0.25  # it looks a little to +x, too
        view = camera(camera_from_world=pose, orthographic=True)
        axis = np.linalg.inv(pose)[:3, 2]
        wanted = [axis[2] > 0, axis[2] < 0, axis[0] > 0]
        assert seen_from_behind(points, faces, view).tolist() == wanted


def test_normals_of_vertices_are_those_of_the_faces_around_by_area():
    """One of area 1 that looks to +z and one of area 2 that looks to +x share an edge."""
    points = np.array([[0.0, 0, 0], [0, 2, 0], [-1, 0, 0], [0, 0, -2], [9, 9, 9]])
    faces = np.array([[0, 1, 2], [0, 3, 1]], np.int32)
    shared = np.array([2, 0, 1]) / np.sqrt(5)
    wanted = [shared, shared, [0, 0, 1], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(vertex_normals(points, faces), wanted, atol=1e-12)
    # As long on faces of hundredths of a millimetre, in metres.
    np.testing.assert_allclose(vertex_normals(1e-5 * points, faces), wanted, atol=1e-12)
