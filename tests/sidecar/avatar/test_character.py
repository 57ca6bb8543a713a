# SPDX-License-Identifier: GPL-3.0-or-later
"""A character of an animator's is measured whatever its unit, with or without eyeballs."""

import numpy as np
import pytest
from affekt.shared.calibration import SHAPES, calibrated
from affekt.shared.errors import InputError
from affekt.shared.head import REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar.alignment import find_eyeballs, mesh_pieces
from affekt.sidecar.avatar.calibration import calibrate
from affekt.sidecar.avatar.character import character_rig
from affekt.sidecar.avatar.effects import open_motion
from affekt.sidecar.head.read import OPEN, read_head

FACTORS = np.linspace(0.75, 1.5, SHAPES, dtype=np.float32)
MEASURED = ("browDownLeft", "browInnerUp", "cheekPuff", "eyeWideLeft", "jawOpen", "mouthSmileLeft")


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


@pytest.fixture(scope="module")
def shapes(head: HeadModel) -> np.ndarray:
    """The open head's shapes, each by another factor."""
    own = open_motion(np.eye(SHAPES), head).astype(np.float32)
    return own * FACTORS[:, None, None]


def check_gains(gains: np.ndarray) -> None:
    """Each shape is brought back to the open head's size: to within 15 %."""
    for name in MEASURED:
        shape = ARKIT_NAMES.index(name)
        assert gains[shape] * FACTORS[shape] == pytest.approx(1, abs=0.15), name


def test_a_face_in_centimetres_somewhere_else(head: HeadModel, shapes: np.ndarray) -> None:
    places = (head.template * 100 + np.array([7, -3, 20])).astype(np.float32)
    rig = character_rig(places, head.faces, shapes * 100, head)
    np.testing.assert_allclose(rig.vertices, head.template, atol=2e-3)
    found = calibrate(rig, head)
    check_gains(np.diag(found.map))
    # Closed lips stay closed: jaw and mouthClose by the same, as the open head has them.
    closed = np.zeros((1, SHAPES), np.float32)
    closed[0, [ARKIT_NAMES.index(name) for name in ("jawOpen", "mouthClose")]] = 0.5
    mapped = calibrated(closed, found)[0] * FACTORS
    assert mapped[ARKIT_NAMES.index("mouthClose")] == pytest.approx(0.5, abs=0.06)


def test_a_skin_without_eyeballs(head: HeadModel, shapes: np.ndarray) -> None:
    keep = np.isin(head.region, [REGIONS.index(name) for name in ("skin", "lip")])
    number = np.cumsum(keep) - 1
    faces = number[head.faces[keep[head.faces].all(1)]].astype(np.int32)
    rig = character_rig(head.template[keep], faces, shapes[:, keep], head)
    count = len(rig.vertices)
    eyes = find_eyeballs(rig.vertices.astype(float), mesh_pieces(rig.faces, count))
    assert eyes is not None
    assert count > keep.sum()
    assert not rig.arkit_shapes[:, keep.sum() :].any()
    check_gains(np.diag(calibrate(rig, head).map))


@pytest.mark.parametrize("lacking", ["jawOpen", "eyeBlinkLeft", "eyeBlinkRight"])
def test_a_face_that_cannot_be_found(head: HeadModel, shapes: np.ndarray, lacking: str) -> None:
    without = shapes.copy()
    without[ARKIT_NAMES.index(lacking)] = 0
    with pytest.raises(InputError) as caught:
        character_rig(head.template, head.faces, without, head)
    assert caught.value.code == "avatar.calibration"
    assert lacking in caught.value.message


def test_broken_arrays(head: HeadModel, shapes: np.ndarray) -> None:
    with pytest.raises(InputError) as caught:
        character_rig(head.template[:-1], head.faces, shapes, head)
    assert caught.value.code == "avatar.shape"
    nan = head.template.copy()
    nan[5] = np.nan
    with pytest.raises(InputError) as caught:
        character_rig(nan, head.faces, shapes, head)
    assert caught.value.code == "avatar.not_finite"
    with pytest.raises(InputError) as caught:
        character_rig(head.template, head.faces[:0], shapes, head)
    assert caught.value.code == "avatar.calibration"
