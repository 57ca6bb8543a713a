# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrical tracker's frame by itself: rotations of six numbers, a camera, what may be absent."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.metrical import decode_metrical, is_metrical

COSINE, SINE = np.cos(0.3), np.sin(0.3)
NOD = [1, 0, 0, 0, COSINE, -SINE]
"""The first two rows of a turn of 0.3 about x; those of a turn about y and about z."""
SHAKE = [COSINE, 0, SINE, 0, 1, 0]
TILT = [COSINE, -SINE, 0, SINE, COSINE, 0]


def frame(**changes: object) -> dict:
    flame = {
        "exp": np.array([[0.1, 0.2, 0.3]]),
        "shape": np.array([[0.5, 0.25]]),
        "eyelids": np.array([[0.25, 1.5]]),
        "jaw": np.array([NOD]),
        "eyes": np.array([[*SHAKE, *TILT]]),
    }
    camera = {"R": np.array([[1.0, 0, 0, 0, 1, 0]]), "t": np.array([[0.1, 0.2, 0.9]])}
    return {"flame": flame, "camera": camera, **changes}


def test_each_rotation_is_two_rows_of_its_matrix() -> None:
    raw = decode_metrical(frame(), "00001.frame")
    assert raw.space == "flame2020"
    np.testing.assert_allclose(raw.rows["jaw"], [[0.3, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(raw.rows["eyes"], [[0, 0.3, 0, 0, 0, 0.3]], atol=1e-6)
    np.testing.assert_allclose(raw.rows["expression"][:, :4], [[0.1, 0.2, 0.3, 0]], atol=1e-6)
    np.testing.assert_allclose(raw.rows["eyelids"], [[0.25, 1]], atol=1e-6)
    assert raw.shape is not None
    np.testing.assert_allclose(raw.shape[:3], [0.5, 0.25, 0])


def test_the_head_before_its_camera() -> None:
    """PyTorch3D's camera looks along +z with x to the left: the head stands behind it in ours."""
    raw = decode_metrical(frame(), "00001.frame")
    x, y, z = raw.rows["translation"][0]
    assert (abs(x), abs(y), abs(z)) == pytest.approx((0.1, 0.2, 0.9))
    assert z < 0
    turned = frame(camera={"R": np.array([SHAKE]), "t": np.array([[0, 0, 0.9]])})
    found = decode_metrical(turned, "00001.frame").rows["rotation"][0] - raw.rows["rotation"][0]
    assert np.linalg.norm(found) == pytest.approx(0.3, abs=1e-6)
    assert abs(found[1]) == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize("camera", [None, 3, {}, {"R": "x"}, {"K": np.eye(3), "R": [1, 0]}])
def test_without_a_camera_the_head_is_where_it_rests(camera: object) -> None:
    raw = decode_metrical(frame(camera=camera), "00001.frame")
    for field in ("rotation", "translation"):
        assert raw.rows[field].tolist() == [[0, 0, 0]]
    flame = {"exp": np.zeros((1, 3)), "jaw": "x", "eyes": None}
    still = decode_metrical({"flame": flame}, "00001.frame")
    assert (still.rows["jaw"].shape, still.rows["eyes"].shape) == ((1, 3), (1, 6))
    assert not still.rows["jaw"].any()


def test_what_is_such_a_frame() -> None:
    assert is_metrical(frame())
    for other in ({"flame": {}}, {"flame": {"jaw": 1}}, {"flame": 3}, {"camera": {}}, {}):
        assert not is_metrical(other)


@pytest.mark.parametrize(
    ("key", "values", "code", "message"),
    [
        ("jaw", np.zeros((1, 6)), "motion.rotation", "jaw"),
        ("eyes", np.array([[*NOD, 1, 0, 0, 2, 0, 0]]), "motion.rotation", "eyes"),
        ("jaw", np.zeros((1, 3)), "motion.shape", "jaw"),
        ("exp", np.zeros((1, 101)), "motion.shape", "exp"),
    ],
)
def test_what_is_no_rotation_is_named(
    key: str, values: np.ndarray, code: str, message: str
) -> None:
    content = frame()
    content["flame"][key] = values
    with pytest.raises(InputError) as caught:
        decode_metrical(content, "00001.frame")
    assert caught.value.code == code
    assert caught.value.message.startswith(f"In 00001.frame, {message} ")
