# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips end where the photo's red does, and their landmarks lie on the head's own lines."""

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import REGIONS
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.head.forward import layer_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait.landmarks import LIP_RINGS, _on_lip_lines
from affekt.sidecar.portrait.lips import red_shares, with_red_lips
from affekt.sidecar.portrait.seeing import SeenFace
from affekt.sidecar.raster.mesh import interpolate, rasterise_mesh
from affekt.sidecar.raster.project import to_pixels
from scipy.ndimage import binary_dilation, binary_erosion

from tests.fakes.landmarks import drawn_landmarks

RED, SKIN = np.array([0.45, 0.12, 0.12]), np.array([0.5, 0.3, 0.22])
X = np.linspace(40, 200, 9)


def lip(ends: float, red: np.ndarray = RED) -> np.ndarray:
    """(H, W, 3) logarithms: a lip from row 60 down to row `ends`, in skin with a little noise."""
    rows = np.arange(140)[:, None, None] + 0.5
    picture = np.where((rows > 60) & (rows < ends), red, SKIN) * np.ones((1, 240, 1))
    noise = 0.02 * np.random.default_rng(3).standard_normal(picture.shape)
    return (np.log(picture) + noise).astype(np.float32)


def marked(row: float) -> np.ndarray:
    return np.stack([X, np.full(9, row)], 1)


@pytest.mark.parametrize(("ends", "share"), [(84.0, 0.6), (96.0, 0.9)])
def test_the_red_ends_where_its_colour_does(ends: float, share: float) -> None:
    np.testing.assert_allclose(red_shares(lip(ends), marked(100), marked(60)), share, atol=0.03)


def test_lips_of_the_skins_colour_stay_as_they_are_marked() -> None:
    shares = red_shares(lip(84, red=SKIN), marked(100), marked(60))
    np.testing.assert_array_equal(shares, 1)


def test_of_a_face_the_lips_alone_move() -> None:
    landmarks = np.random.default_rng(5).uniform(0, 30, (478, 2))
    for side, way in ((slice(0, 9), -1), (slice(9, 18), 1)):
        for ring, out in zip(LIP_RINGS, (40, 27, 13, 0), strict=True):
            landmarks[list(ring[side])] = marked(130 + way * out)
    landmarks[[33, 133, 362, 263]] = [[30, 40], [60, 40], [150, 40], [180, 40]]
    photo = np.full((260, 240, 3), 200, np.uint8)
    photo[130 - 24 : 130 + 36, :] = [170, 90, 90]
    seen = SeenFace(landmarks=landmarks, scores=np.zeros(52, np.float32), confidence=1.0)
    moved = with_red_lips(photo, seen).landmarks
    upper, lower = list(LIP_RINGS[0][1:8]), list(LIP_RINGS[0][10:17])
    np.testing.assert_allclose(moved[upper, 1], 130 - 24, atol=2)
    np.testing.assert_allclose(moved[lower, 1], 130 + 36, atol=2)
    others = np.setdiff1d(np.arange(478), np.ravel(LIP_RINGS))
    np.testing.assert_array_equal(moved[others], landmarks[others])


def test_landmarks_of_an_open_mouth_go_onto_the_lips_own_lines() -> None:
    head = read_head("open")
    k = ARKIT_NAMES.index("jawOpen")
    expression = np.zeros((1, 100), np.float32)
    expression[0, : len(head.arkit_expression)] = 0.4 * head.arkit_expression[:, k]
    jaw = (0.4 * head.arkit_jaw[:, k])[None].astype(np.float32)
    pose = make_motion(expression=expression, jaw=jaw, fps=30, space="open")
    vertices = layer_of(head).vertices(pose, 0, 1)[0]
    camera = look_at(
        target=np.array([0.0, -0.01, 0.0]), distance=0.62, width=512, height=512, fov_y_rad=0.42
    )
    points = vertices[head.faces[drawn_landmarks().faces]].mean(1)
    given = to_pixels(points, camera)[:, :2].astype(np.float64)
    moved = _on_lip_lines(head, vertices, camera, given)
    hit = rasterise_mesh(vertices, head.faces, camera)
    names = ("mouth", "teeth", "tongue")
    inside = np.isin(head.region, [REGIONS.index(name) for name in names]).astype(np.float32)
    opening = interpolate(inside[:, None], head.faces, hit)[..., 0] > 0.5
    edge = binary_dilation(opening) & ~binary_erosion(opening)
    columns, rows = moved[list(LIP_RINGS[-1])].astype(int).T
    assert edge[rows, columns].all()
    between = np.linalg.norm(moved[list(LIP_RINGS[1])] - moved[list(LIP_RINGS[0])], axis=1)
    whole = np.linalg.norm(moved[list(LIP_RINGS[-1])] - moved[list(LIP_RINGS[0])], axis=1)
    assert (between < whole + 1e-9).all()
    np.testing.assert_array_equal(moved[10], given[10])
