# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of a photo's smile stays at rest, and the photo looks as before."""

from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.portrait import smile
from affekt.sidecar.portrait.fit import Fit, posed_vertices
from affekt.sidecar.portrait.landmarks import HeadLandmarks
from affekt.sidecar.portrait.smile import keep_of_smile, smile_of

MOVED = {"mouthSmileLeft": 0.5, "mouthUpperUpLeft": 0.4, "browDownLeft": 0.3, "cheekPuff": -0.2}


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


@pytest.fixture(scope="module")
def found(head: HeadModel) -> HeadLandmarks:
    """Any places, of the lips among others."""
    faces = np.linspace(0, len(head.faces) - 1, 478).astype(np.int32)
    return HeadLandmarks(faces=faces, weights=np.full((478, 3), 1 / 3))


def fit_of(head: HeadModel, **moved: float) -> Fit:
    expression = np.zeros((1, 100), np.float32)
    for name, weight in moved.items():
        expression[0, head.expression_names.index(name)] = weight
    camera = look_at(
        target=np.zeros(3), distance=1.0, yaw_rad=0.0, width=64, height=64, fov_y_rad=0.4
    )
    shape = np.array([0.7, -0.4, 0.2], np.float32)
    motion = make_motion(expression=expression, fps=30, space="open")
    return Fit(shape=shape, motion=motion, camera=camera, residual=np.zeros(478))


def face_that_smiles(left: float, right: float) -> SimpleNamespace:
    scores = np.zeros(52, np.float32)
    scores[ARKIT_NAMES.index("mouthSmileLeft")] = left
    scores[ARKIT_NAMES.index("mouthSmileRight")] = right
    return SimpleNamespace(scores=scores)


def numbers(head: HeadModel, fit: Fit) -> dict[str, float]:
    return {n: float(fit.motion.expression[0, head.expression_names.index(n)]) for n in MOVED}


def pixels(head: HeadModel, found: HeadLandmarks, fit: Fit, change: np.ndarray) -> np.ndarray:
    """(478, 2) the landmarks from the front."""
    points = posed_vertices(head, fit, change)[head.faces[found.faces]].mean(1)
    return smile._PIXELS_PER_METRE * points[:, :2] * [1, -1]


def test_a_smile_is_as_much_as_both_sides_have() -> None:
    assert smile_of(face_that_smiles(0.9, 0.6)) == pytest.approx(0.5)
    assert smile_of(face_that_smiles(0.15, 0.9)) == 0


@pytest.mark.parametrize(("reads_from", "part"), [(2.0, 1.0), (0.6, 0.5), (0.0, 0.0)])
def test_part_of_it_is_the_persons_as_long_as_no_face_at_rest_smiles(
    head: HeadModel,
    found: HeadLandmarks,
    monkeypatch: pytest.MonkeyPatch,
    reads_from: float,
    part: float,
) -> None:
    """A reader that sees a smile where a landmark has gone such a part of all it may."""
    moved, still = fit_of(head, **MOVED), fit_of(head)
    change = np.zeros(head.template.shape, np.float32)
    change[:, 2] = 0.002
    kept = {name: smile._KEPT * MOVED[name] for name in ("mouthSmileLeft", "cheekPuff")}
    rest, gone = (pixels(head, found, fit, change) for fit in (still, fit_of(head, **kept)))
    whole = np.linalg.norm(gone - rest, axis=1).max()

    def scores_of(landmarks: np.ndarray) -> np.ndarray:
        away = np.linalg.norm(landmarks - rest, axis=1).max()
        return face_that_smiles(*[float(away > reads_from * whole)] * 2).scores

    monkeypatch.setattr(smile, "scores_of", scores_of)
    (fit, other), lasting = keep_of_smile(
        head, found, face_that_smiles(1, 1), [moved, still], change
    )
    share = 0.35 * part
    wanted = {**MOVED, "mouthSmileLeft": 0.5 * (1 - share), "cheekPuff": -0.2 * (1 - share)}
    assert numbers(head, fit) == pytest.approx(wanted, abs=1e-6)
    assert numbers(head, other)["mouthSmileLeft"] == pytest.approx(-0.5 * share)
    before, after = posed_vertices(head, moved, change), posed_vertices(head, fit, lasting)
    np.testing.assert_allclose(after, before, atol=2e-5)


def test_without_a_smile_nothing_is_kept(head: HeadModel, found: HeadLandmarks) -> None:
    change = np.zeros(head.template.shape, np.float32)
    moved = fit_of(head, **MOVED)
    (fit,), lasting = keep_of_smile(head, found, face_that_smiles(0.2, 0.1), [moved], change)
    np.testing.assert_array_equal(lasting, change)
    np.testing.assert_array_equal(fit.motion.expression, moved.motion.expression)
