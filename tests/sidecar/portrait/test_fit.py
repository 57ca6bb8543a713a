# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's pose, identity and expression are found again in its own landmarks."""

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.head import REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.head.forward import layer_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait.displacement import _thinner_lips, displace
from affekt.sidecar.portrait.fit import Look, fit_heads, posed_vertices
from affekt.sidecar.portrait.landmarks import (
    INNER_LIPS,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_IRIS,
    HeadLandmarks,
)
from affekt.sidecar.portrait.seeing import LANDMARK_COUNT, SeenFace
from affekt.sidecar.raster.project import to_pixels


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head("open")


@pytest.fixture(scope="module")
def found(head: HeadModel) -> HeadLandmarks:
    """Any places of the face's front, and of the irises; four of the skin where eyes would be."""
    generator = np.random.default_rng(1)
    middle = head.template[head.faces].mean(1)
    region = head.region[head.faces[:, 0]]
    front = np.isin(region, [REGIONS.index("skin"), REGIONS.index("lip")]) & (middle[:, 2] > 0.01)
    front &= middle[:, 1] > -0.09
    faces = generator.choice(np.flatnonzero(front), LANDMARK_COUNT).astype(np.int32)
    for place, x in ((33, -0.041), (133, -0.019), (362, 0.019), (263, 0.041)):
        away = np.linalg.norm(middle[:, :2] - [x, 0.019], axis=1) + 10 * ~front
        faces[place] = away.argmin()
    for iris, side in ((RIGHT_IRIS, -1), (LEFT_IRIS, 1)):
        own = (region == REGIONS.index("iris")) & (side * middle[:, 0] > 0)
        faces[list(iris)] = generator.choice(np.flatnonzero(own), 5)
    return HeadLandmarks(faces=faces, weights=np.full((LANDMARK_COUNT, 3), 1 / 3))


def camera() -> Camera:
    return look_at(
        target=np.array([0.01, -0.02, 0.0]), distance=0.9, yaw_rad=0.35, pitch_rad=-0.1,
        width=600, height=500, fov_y_rad=0.5,
    )  # fmt: skip


def seen_of(head: HeadModel, found: HeadLandmarks, vertices: np.ndarray) -> SeenFace:
    points = np.einsum("nk,nkc->nc", found.weights, vertices[head.faces[found.faces]])
    scores = np.zeros(52, np.float32)
    scores[ARKIT_NAMES.index("jawOpen")] = 0.5
    scores[ARKIT_NAMES.index("mouthSmileLeft")] = 0.6
    pixels = to_pixels(points, camera())[:, :2].astype(np.float64)
    return SeenFace(landmarks=pixels, scores=scores, confidence=1.0)


def look_of(seen: SeenFace) -> Look:
    return Look(seen=seen, size=(600, 500), focal_pixels=camera().focal_x)


def truth(head: HeadModel) -> np.ndarray:
    """(V, 3) a person with the jaw half open and a smile to the left."""
    shape = np.zeros(300, np.float32)
    shape[:6] = [1.0, -0.8, 0.5, 0.0, 1.2, -0.4]
    weights = np.zeros(52, np.float32)
    weights[ARKIT_NAMES.index("jawOpen")] = 0.5
    weights[ARKIT_NAMES.index("mouthSmileLeft")] = 0.6
    expression = (head.arkit_expression @ weights)[None].astype(np.float32)
    jaw = (head.arkit_jaw @ weights)[None].astype(np.float32)
    pose = make_motion(expression=expression, fps=30, space="open", jaw=jaw, shape=shape)
    return layer_of(head).vertices(pose, 0, 1)[0]


def test_a_head_is_found_again(head: HeadModel, found: HeadLandmarks) -> None:
    seen = seen_of(head, found, truth(head))
    (fit,) = fit_heads(head, found, [look_of(seen)])
    assert fit.residual.mean() < 0.003 * seen.eye_distance
    assert fit.yaw_rad == pytest.approx(0.35, abs=0.03)
    assert fit.camera.focal_x == pytest.approx(camera().focal_x, rel=0.1)
    jaw = head.arkit_jaw[0, ARKIT_NAMES.index("jawOpen")] * 0.5
    assert fit.motion.jaw[0, 0] == pytest.approx(jaw, abs=0.03)
    smile = head.expression_names.index("mouthSmileLeft")
    other = head.expression_names.index("mouthSmileRight")
    assert fit.motion.expression[0, smile] == pytest.approx(0.6, abs=0.15)
    assert abs(fit.motion.expression[0, other]) < 0.15


def test_displacement_takes_up_what_no_identity_has(head: HeadModel, found: HeadLandmarks) -> None:
    vertices = truth(head)
    # A chin that stands out to the head's left, by a smooth bump of four millimetres.
    away = np.linalg.norm(head.template - [0.012, -0.075, 0.04], axis=1)
    bump = 0.004 * np.exp(-0.5 * (away / 0.015) ** 2)[:, None] * np.array([1.0, 0.0, 0.0])
    seen = seen_of(head, found, (vertices + bump).astype(np.float32))
    (fit,) = fit_heads(head, found, [look_of(seen)])
    change = displace(head, found, seen, fit)
    moved = posed_vertices(head, fit, change)[head.faces[found.faces]]
    fitted = to_pixels(np.einsum("nk,nkc->nc", found.weights, moved), fit.camera)[:, :2]
    left = np.linalg.norm(fitted - seen.landmarks, axis=1)
    assert left.mean() < 0.5 * fit.residual.mean()
    teeth = head.region == REGIONS.index("teeth")
    assert np.ptp(change[teeth], axis=0).max() < 1e-6  # rigid


def test_lips_grow_thinner_about_the_line_where_they_meet(head: HeadModel) -> None:
    lips = {78: (-20, 0), 308: (20, 0), 61: (-22, 0), 291: (22, 0)}
    for places, height in ((INNER_LIPS[1:10], 0.5), (INNER_LIPS[11:], -0.5)):
        lips |= {place: (x, height) for place, x in zip(places, across(places), strict=True)}
    for places, height in ((OUTER_LIPS[1:10], -10), (OUTER_LIPS[11:], 6)):
        lips |= {place: (x, height) for place, x in zip(places, across(places), strict=True)}
    marked = np.zeros((LANDMARK_COUNT, 3))
    for place, at in lips.items():
        marked[place, :2] = np.array(at) / 1000
    probe = np.array([[0, 6, 0], [1, 3, 0], [0, -10, 0], [0, 15, 0], [30, 3, 0], [0, 3, -9]]) / 1e3
    moved = 1000 * _thinner_lips(marked, probe, 0.2)
    skin = -1.2 * np.exp(-1)  # nine millimetres above the outline it follows by a third
    np.testing.assert_allclose(moved[:, 1], [-1.2, -0.6, 2.0, skin, 0, 0], atol=0.02)
    assert not moved[:, [0, 2]].any()


def across(places: tuple[int, ...]) -> np.ndarray:
    """Where along the mouth the points of a lip's edge lie, from its first to its last."""
    middle = np.linspace(-16, 16, len(places))
    return middle if places[0] in (*INNER_LIPS[:10], *OUTER_LIPS[:10]) else middle[::-1]
