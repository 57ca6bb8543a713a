# SPDX-License-Identifier: GPL-3.0-or-later
"""The head's matrix in a JSON take, by itself; whole takes are in test_arkit_json."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.head_matrix import head_of, matrix_in, place_of

# A turn of 90 degrees about y: x goes to -z.
TURN = [[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]


def matrix(x: float, y: float, z: float, scale: float = 1.0) -> list[list[float]]:
    rows = [[scale * value for value in row] for row in TURN]
    return [[*rows[0], x], [*rows[1], y], [*rows[2], z], [0, 0, 0, 1]]


def both(*matrices: object) -> tuple[np.ndarray, np.ndarray]:
    found = head_of(matrices, np.ones(len(matrices), bool), "take.json")
    assert found is not None
    return found["rotation"], found["translation"]


@pytest.mark.parametrize(
    "value",
    [
        matrix(0.1, -0.2, 0.5),
        np.array(matrix(0.1, -0.2, 0.5)).reshape(-1).tolist(),
        np.array(matrix(0.1, -0.2, 0.5)).T.reshape(-1).tolist(),
        np.array(matrix(0.1, -0.2, 0.5)).T.tolist(),
        {"data": matrix(0.1, -0.2, 0.5)},
        {"packedData": np.array(matrix(0.1, -0.2, 0.5)).T.reshape(-1).tolist(), "rows": 4},
        {str(k): v for k, v in enumerate(np.array(matrix(0.1, -0.2, 0.5)).T.reshape(-1).tolist())},
        matrix(0.1, -0.2, 0.5, scale=7.0),
    ],
    ids=["rows", "flat", "columns", "table of columns", "data", "packed", "object", "scaled"],
)
def test_spellings(value: object) -> None:
    rotation, translation = both(value)
    np.testing.assert_allclose(rotation, [[0, np.pi / 2, 0]], atol=1e-6)
    np.testing.assert_allclose(translation, [[0.1, -0.2, 0.5]])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_head_that_is_away_along_one_axis_alone(axis: int) -> None:
    """Written by rows or by columns, of which the place tells."""
    place = np.zeros(3)
    place[axis] = 0.5
    rows = np.array(matrix(*place))
    for value in (rows.tolist(), rows.T.tolist(), rows.T.reshape(-1).tolist()):
        rotation, translation = both(value)
        np.testing.assert_allclose(rotation, [[0, np.pi / 2, 0]], atol=1e-6)
        np.testing.assert_allclose(translation, [place])


def test_more_than_three_metres_are_centimetres() -> None:
    """In the middle of all frames: one that is further off does not decide."""
    near, far = matrix(0, 0, -2.9), matrix(0, 0, -30)
    np.testing.assert_allclose(both(near, near, far)[1][:, 2], [-2.9, -2.9, -30])
    np.testing.assert_allclose(both(far, near, far)[1][:, 2], [-0.3, -0.029, -0.3])


def test_a_row_without_a_matrix_is_not_known() -> None:
    huge = matrix(0, 0, 2e12)
    rotation, translation = both(None, matrix(0.1, 0.2, 0.3), huge)
    assert np.isnan(rotation[[0, 2]]).all()
    assert np.isnan(translation[[0, 2]]).all()
    np.testing.assert_allclose(translation[1], [0.1, 0.2, 0.3])
    assert head_of([None, None], np.ones(2, bool), "take.json") is None
    # Where a face was seen, its head is there and not known; where none was, there is no head.
    assert np.isnan(both(huge)[0]).all()
    assert head_of([huge], np.zeros(1, bool), "take.json") is None


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([1.0] * 15, "motion.shape"),
        ("here", "motion.shape"),
        (np.eye(4)[[1, 0, 2, 3]].tolist(), "motion.rotation"),
    ],
)
def test_what_is_no_matrix_of_a_head(value: object, code: str) -> None:
    with pytest.raises(InputError) as caught:
        head_of([value], np.ones(1, bool), "take.json")
    assert caught.value.code == code


def test_the_matrix_of_a_face_among_several() -> None:
    first, second = matrix(1, 0, 0), matrix(2, 0, 0)
    frame = {"time": 3, "facialTransformationMatrixes": [first, second]}
    assert [matrix_in(frame, index) for index in (0, 1, 2)] == [first, second, None]
    assert matrix_in({"matrix": first}, 1) == first  # a table of rows is one
    four = [first, second, first, second]
    flat = [[float(i)] * 16 for i in range(4)]
    for several in (four, flat):
        found = [matrix_in({"time": 3, "matrix": several}, index) for index in range(5)]
        assert found == [*several, None]
    assert matrix_in({"transform": flat[2]}, 1) == flat[2]
    assert matrix_in({"faceTransform": []}, 0) is None
    assert matrix_in({"time": 3}, 0) is None


def test_where_a_face_is() -> None:
    """By its matrix, else by the middle of its landmarks."""
    found = place_of({"matrix": matrix(1, 2, 3)}, 0)
    assert found is not None
    np.testing.assert_array_equal(found, [1, 2, 3])
    points = [[{"x": 0.1, "y": 0.2}, {"x": 0.3, "y": 0.8}], [{"x": 0.9, "y": 0.5}]]
    for key in ("faceLandmarks", "landmarks"):
        for index, place in ((0, [0.2, 0.5]), (1, [0.9, 0.5])):
            found = place_of({key: points}, index)
            assert found is not None
            np.testing.assert_allclose(found, place)
    found = place_of({"landmarks": points[0]}, 1)  # of one face alone
    assert found is not None
    np.testing.assert_allclose(found, [0.2, 0.5])
    assert place_of({"landmarks": [{"x": 0.1}]}, 0) is None
    assert place_of({"time": 1}, 0) is None


@pytest.mark.parametrize(
    "key",
    [
        "facialTransformationMatrixes",
        "facial_transformation_matrices",
        "facialTransformationMatrix",
        "faceTransform",
        "transformation_matrix",
        "transformationMatrixes",
        "matrix",
        "transform",
        "headMatrix",
        "poseMatrix",
        "head_transform",
    ],
)
def test_what_tools_call_the_matrix(key: str) -> None:
    assert matrix_in({"time": 3, key: matrix(1, 2, 3)}, 0) == matrix(1, 2, 3)
