# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head as a Gaussian avatar: it has no holes, and looks like the head that it covers."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.head import REGIONS
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.avatar import open_avatar as rooms
from affekt.sidecar.avatar.avatar import Avatar, describe
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import (
    THICKNESS_M,
    _light_on,
    baked_light,
    discs,
    open_avatar,
    quartered,
)
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion.adapter import to_open
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from affekt.sidecar.raster.mesh import rasterise_mesh
from fakes.head import small_head
from fakes.lam import egg
from fakes.plain_drive import covariances
from scipy.ndimage import binary_erosion

SIZE = 256


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(read_head("open"))


def take() -> Motion:
    """At rest, mouth open, eyes closed, a smile."""
    poses = (
        {},
        {"jawOpen": 0.9},
        {"eyeBlinkLeft": 1, "eyeBlinkRight": 1},
        {"mouthSmileLeft": 1, "mouthSmileRight": 1, "jawOpen": 0.3},
    )
    expression = np.zeros((len(poses), 100), np.float32)
    for row, pose in enumerate(poses):
        for name, value in pose.items():
            expression[row, ARKIT_NAMES.index(name)] = value
    motion = make_motion(expression=expression, fps=30, space="arkit")
    return to_open(motion, read_head("open"), None)


def view(yaw_rad: float, size: int = SIZE, fov_y_rad: float = 0.335):
    return look_at(
        target=np.array([0, -0.008, 0]),
        distance=0.85,
        yaw_rad=yaw_rad,
        pitch_rad=0,
        width=size,
        height=size,
        fov_y_rad=fov_y_rad,
    )


@pytest.mark.parametrize("pose", range(4))
@pytest.mark.parametrize("yaw_rad", [0.0, 0.7])
def test_no_holes_and_no_spikes(avatar: Avatar, pose: int, yaw_rad: float):
    """Alpha and depth against the mesh that the Gaussians cover."""
    posed = Actor(avatar, take()).pose(pose)
    camera = view(yaw_rad)
    image = rasterise_gaussians(posed.gaussians, camera)
    mesh = rasterise_mesh(posed.vertices, avatar.faces, camera)
    covered = mesh.face >= 0
    inside = binary_erosion(covered, iterations=4)
    outside = binary_erosion(~covered, iterations=6)
    assert image.alpha[inside].min() > 0.9
    assert np.mean(image.alpha[inside] > 0.97) > 0.99
    assert image.alpha[outside].max() < 0.02
    off = np.abs(image.depth[inside] - mesh.depth[inside])
    assert np.median(off) < 0.0015
    assert np.quantile(off, 0.98) < 0.02


def test_closed_lids_hide_the_eyes(avatar: Avatar):
    """Eyeballs painted green: shut, none of the green is left; open, there is."""
    head = read_head("open")
    eye = np.isin(head.region, [REGIONS.index(n) for n in ("sclera", "iris", "pupil")])
    colours = np.where(eye[head.faces[avatar.anchors, 0], None], (0, 1, 0), (0, 0, 0))
    seen = {}
    for pose in (0, 2):
        posed = Actor(avatar, take()).pose(pose).gaussians
        painted = posed.carrying(colours.astype(np.float32))
        image = rasterise_gaussians(painted, view(0.0, 512, 0.12))
        seen[pose] = image.colour[..., 1]
    assert (seen[0] > 0.9).sum() > 500
    # "surface" alone, which widens discs evenly, left eyes looking through at 0.6 and more.
    assert seen[2].max() < 0.25


def test_open_lids_leave_the_eyes_free(avatar: Avatar):
    """As much of them is seen as on the mesh: with rims and lashes as wide as other skin it was
    four fifths of it, and neutral was called sad."""
    head = read_head("open")
    eye = np.isin(head.region, [REGIONS.index(n) for n in ("sclera", "iris", "pupil")])
    white = np.repeat(eye[head.faces[avatar.anchors, 0], None], 3, 1).astype(np.float32)
    posed = Actor(avatar, take()).pose(0)
    camera = view(0.0, 384)
    image = rasterise_gaussians(posed.gaussians.carrying(white), camera).colour[..., 0]
    mesh = rasterise_mesh(posed.vertices, avatar.faces, camera).face
    assert image.sum() > 0.84 * eye[head.faces[mesh[mesh >= 0], 0]].sum()


def brightness_at(image: np.ndarray, camera: Camera, point: tuple[float, float, float]) -> float:
    """Mean brightness around a point of the head, as the camera sees it."""
    x, y, z, _ = camera.camera_from_world @ (*point, 1.0)
    column = int(camera.focal_x * x / z + camera.centre_x)
    row = int(camera.focal_y * y / z + camera.centre_y)
    return float(image[row - 5 : row + 6, column - 5 : column + 6].mean())


def test_shut_lids_are_as_light_as_the_skin_around(avatar: Avatar):
    """Baked in the fold in which they lie while the eye is open, they were two thirds of it."""
    camera = view(0.0, 512, 0.335)
    shut = rasterise_gaussians(Actor(avatar, take()).pose(2).gaussians, camera).colour
    forehead = brightness_at(shut, camera, (0.0, 0.075, 0.05))
    for x in (-0.031, 0.031):
        assert brightness_at(shut, camera, (x, 0.022, 0.042)) > 0.74 * forehead


def test_each_open_eye_has_one_catch_light(avatar: Avatar):
    """Two white discs before the corneas, on the lamp's side of the pupils; shut lids hide them."""
    head = read_head("open")
    white = np.flatnonzero((avatar.colours > 0.99).all(1))
    assert len(white) == 2
    eye = head.region[head.faces[avatar.anchors[white]]]
    assert np.isin(eye, [REGIONS.index(n) for n in ("iris", "pupil")]).all()
    pupils = head.template[head.region == REGIONS.index("pupil")]
    for place in avatar.means[white]:
        pupil = pupils[np.sign(pupils[:, 0]) == np.sign(place[0])].mean(0)
        assert 0.0 < place[0] - pupil[0] < 0.005
        assert 0.0 < place[1] - pupil[1] < 0.006
        assert place[2] > pupil[2] - 0.002
    glint = np.zeros_like(avatar.colours)
    glint[white] = 1
    for pose, is_seen in ((0, True), (2, False)):
        posed = Actor(avatar, take()).pose(pose).gaussians.carrying(glint)
        seen = rasterise_gaussians(posed, view(0.0, 512, 0.12)).colour.max()
        assert (seen > 0.8) if is_seen else (seen < 0.1)


def test_every_face_with_area_carries_gaussians(avatar: Avatar):
    head = read_head("open")
    a, b, c = (head.template[head.faces[:, k]].astype(np.float64) for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    np.testing.assert_array_equal(np.unique(avatar.anchors), np.flatnonzero(area > 1e-12))
    assert avatar.follow == "deform"
    assert avatar.scales[:, 2].max() < 0.0005
    # The thin axis is the face's normal.
    posed = Actor(avatar, take()).pose(0)
    w, x, y, z = posed.gaussians.quaternions.T
    thin = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], 1)
    order = np.argmin(posed.gaussians.scales, 1)
    agreement = np.abs(np.sum(thin * posed.normals, 1))[order == 2]
    assert np.quantile(agreement, 0.05) > 0.9  # smooth normals lean against the face's own


def test_a_disc_spreads_as_its_triangle_does():
    """Its covariance is that of points all over the triangle, times the overlap squared."""
    corners = np.array(
        [[[0, 0, 0], [6, 0, 3], [0, 2, -1]], [[1, 1, 1], [2, 1, 1], [1, 4, 9]]], float
    )
    corners -= corners.mean(1, keepdims=True)
    scales, quaternions = discs(corners, np.array([2.25, 0.5]))
    np.testing.assert_allclose(scales[:, 2], THICKNESS_M)
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 200_000)
    found = covariances(quaternions, scales * [1, 1, 0])
    for own, triangle, overlap in zip(found, corners, (2.25, 0.5), strict=True):
        wanted = overlap**2 * np.cov((shares @ triangle).T)
        np.testing.assert_allclose(own, wanted, atol=0.02 * wanted.trace())


@pytest.mark.parametrize(("times", "count"), [(0, 1), (1, 4), (2, 16)])
def test_pieces_of_a_triangle_are_equal_and_cover_it(times: int, count: int):
    pieces = quartered(times)
    assert pieces.shape == (count, 3, 3)
    np.testing.assert_allclose(pieces.sum(2), 1)
    assert pieces.min() >= 0
    a, b, c = (pieces[:, k] @ np.array([[0.0, 0], [4, 0], [1, 3]]) for k in range(3))
    area = 0.5 * np.linalg.det(np.stack([b - a, c - a], 1))
    np.testing.assert_allclose(np.abs(area), 6 / count)
    middles = pieces.mean(1)
    assert len(np.unique(middles.round(6), axis=0)) == count
    np.testing.assert_allclose(middles.mean(0), 1 / 3)


def test_large_faces_of_skin_are_cut(avatar: Avatar):
    """In four above 5 mm, in sixteen above 12 mm; teeth, eyes and hair never."""
    head = read_head("open")
    corners = head.template[head.faces].astype(np.float64)
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    cut = np.isin(head.region[head.faces[:, 0]], [REGIONS.index(n) for n in ("skin", "lip")])
    pieces = np.where(cut, np.select([longest > 0.012, longest > 0.005], [16, 4], 1), 1)
    glints = 2
    found = np.bincount(avatar.anchors[:-glints], minlength=len(head.faces))
    assert {1, 4, 16} <= set(found.tolist())
    np.testing.assert_array_equal(found[found > 0], pieces[found > 0])


def test_a_ball_is_lit_from_before_above_and_its_left():
    points, faces = egg(24, 32)
    ball = (points - [0, 1.64, 0]) / [0.09, 0.14, 0.10]
    light = _light_on(ball, faces.astype(np.int32))
    brightest = ball[light > np.quantile(light, 0.97)].mean(0)
    brightest /= np.linalg.norm(brightest)
    assert brightest @ np.array([0.35, 0.55, 0.76]) > 0.97
    away = np.linalg.norm(ball - [0, -1, 0], axis=1) < 0.2
    assert 0.2 < light[away].mean() < 0.35  # the ground's light, which is less than half the sky's
    top = np.linalg.norm(ball - [0, 1, 0], axis=1) < 0.2
    assert light[top].mean() > 2 * light[away].mean()


def test_light_is_soft_and_reads_as_a_face():
    head = read_head("open")
    light = baked_light(head)
    assert light.shape == (len(head.template),)
    assert light.min() > 0
    skin = head.region == REGIONS.index("skin")
    high, low = np.quantile(head.template[skin, 1], [0.9, 0.1])
    forehead = skin & (head.template[:, 1] > high)
    below = skin & (head.template[:, 1] < low)
    assert light[forehead].mean() > 1.2 * light[below].mean()
    back = light[head.region == REGIONS.index("mouth")]
    assert back.min() < 0.5 * back.max()


def test_a_head_without_a_mouth_is_lit_as_it_stands():
    """Of a user's own labels: nothing is uncovered that was not told apart."""
    head = read_head("open")
    bald = replace(head, region=np.where(head.region == REGIONS.index("lip"), 0, head.region))
    light = baked_light(bald)
    cheek = (head.region == REGIONS.index("skin")) & (head.template[:, 2] > 0.03)
    assert light.shape == (len(head.template),)
    np.testing.assert_allclose(light[cheek].mean(), baked_light(head)[cheek].mean(), rtol=0.1)


def test_same_head_same_avatar():
    head = read_head("open")
    assert open_avatar(head) is open_avatar(head)


def test_says_what_it_is(avatar: Avatar):
    lines = describe(avatar)
    assert lines[0] == "name: open-gaussians"
    assert "on its faces" in lines[2]


def test_a_sheet_that_looks_up_and_one_that_looks_down(monkeypatch: pytest.MonkeyPatch):
    """The sky over a sheet that nothing hides: 0.5 above and 0.22 below, the mean by the cosine;
    and of the lamp as much as it stands above the sheet, going round a quarter."""

    def all_seen(points: np.ndarray, faces: np.ndarray, directions: np.ndarray) -> np.ndarray:
        return np.ones((len(directions), len(points)), np.float32)

    monkeypatch.setattr(rooms.occlusion, "visibility", all_seen)
    side = np.linspace(-1, 1, 9)
    x, z = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    corner = np.arange(81).reshape(9, 9)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    up = np.stack([a, b, c, a, c, d], -1).reshape(-1, 3).astype(np.int32)
    points = np.stack([x, np.zeros(81), z], 1)
    lamp = 0.62 * 1.4 * (0.55 / np.sqrt(0.35**2 + 0.55**2 + 0.76**2) + 0.25) / 1.25**2
    assert _light_on(points, up)[40] == pytest.approx(0.22 + 0.28 * 5 / 6 + lamp, abs=0.015)
    down = np.ascontiguousarray(up[:, ::-1])
    assert _light_on(points, down)[40] == pytest.approx(0.22 + 0.28 / 6, abs=0.015)


PARTS = {
    "lip": ((0, 0, 0), 0.0, 0.3, 0.7, 0.4 * 0.3 + 0.6 * 0.7),
    "skin": ((0, 0.03, 0), 0.002, 0.3, 0.7, 0.5),  # a lid that is moved half as far
    "brow": ((0, 0.04, 0), 0.0, 0.01, 0.9, 0.05),
    "mouth": ((0, 0, -0.042), 0.0, 0.9, 0.8, 0.8 / np.e),
    "teeth": ((0, 0.02, 0), 0.0, 0.9, 0.1, 0.6),
    "tongue": ((0, -0.01, 0), 0.0, 0.2, 0.8, 0.8),
    "sclera": ((0, 0.035, 0), 0.0, 0.3, 0.7, 0.85 * 0.5),
}
"""Of each region: a place, how far the pose moves it, light at rest and in the pose, and what of
these is baked."""


def test_what_light_is_baked(monkeypatch: pytest.MonkeyPatch):
    """And of two more places of skin: a lid that is moved by 8 mm has the pose's light, a chin
    keeps its own."""
    rows = [
        *PARTS.values(),
        ((0, 0.031, 0), 0.008, 0.3, 0.7, 0.7),
        ((0, -0.05, 0), 0.03, 0.3, 0.7, 0.3),
    ]
    names = [*PARTS, "skin", "skin"]
    places = np.array([row[0] for row in rows])
    posed = places + np.array([[row[1], 0, 0] for row in rows])
    at_rest, in_pose, wanted = (np.array([row[k] for row in rows]) for k in (2, 3, 4))
    head = small_head(len(rows))
    head = replace(
        head,
        template=places.astype(np.float32),
        region=np.array([REGIONS.index(name) for name in names], np.uint8),
    )
    monkeypatch.setattr(rooms, "_uncovered", lambda one: posed)
    monkeypatch.setattr(
        rooms, "_light_on", lambda at, faces: (in_pose if at is posed else at_rest).copy()
    )
    monkeypatch.setattr(rooms.occlusion, "lid_shade", lambda *_: np.array([0.5]))
    np.testing.assert_allclose(baked_light(head), wanted, rtol=1e-6)
    closed = replace(head, region=np.where(head.region == REGIONS.index("lip"), 0, head.region))
    least = {"brow": 0.05, "tongue": 0.6, "sclera": 0.85}
    plain = [max(row[2], least.get(name, 0.05)) for name, row in zip(names, rows, strict=True)]
    np.testing.assert_allclose(baked_light(closed), plain, rtol=1e-6)


def test_a_catch_light_lies_where_the_lamp_is_mirrored():
    """Of the left cornea's two faces the one that looks half to the viewer and half to the lamp;
    the right one has none, and a head without a cornea has no glint."""
    toward = np.array([0.35, 0.55, 0.76]) / np.linalg.norm([0.35, 0.55, 0.76]) + [0, 0, 1]
    toward /= np.linalg.norm(toward)
    first = np.array([[0.03, 0, 0], [0.04, 0, 0], [0.03, 0.01, 0]])  # looks to +z
    across = np.cross(toward, [0, 1, 0])
    across /= np.linalg.norm(across)
    start = np.array([0.05, 0, 0])
    second = np.stack([start, start - 0.01 * across, start + 0.01 * np.cross(toward, -across)])
    places = np.concatenate([first, second, [[1.0, 1, 1]]])
    head = replace(
        small_head(7),
        template=places.astype(np.float32),
        faces=np.array([[0, 1, 2], [3, 4, 5]], np.int32),
        uv=np.zeros((2, 3, 2), np.float32),
        landmark_faces=np.zeros(68, np.int32),
        region=np.array([REGIONS.index("iris")] * 3 + [REGIONS.index("pupil")] * 4, np.uint8),
    )
    glints = rooms._catch_lights(head)
    assert glints.anchors.tolist() == [1]
    np.testing.assert_allclose(glints.offsets, [0.0003 * toward], atol=1e-7)
    np.testing.assert_allclose(glints.scales, [[0.0009, 0.0009, 0.0002]], rtol=1e-6)
    np.testing.assert_array_equal(glints.colours, [[1, 1, 1]])
    bare = replace(head, region=np.zeros(7, np.uint8))
    assert len(rooms._catch_lights(bare).anchors) == 0
