# SPDX-License-Identifier: GPL-3.0-or-later
"""Axis-angle rotations by the group's axioms, and at the angles where formulas break."""

import math

import pytest
import torch
from affekt.sidecar.head.forward import matrix_from_axis_angle
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch.testing import assert_close

numbers = st.floats(-math.pi, math.pi, allow_nan=False)
vectors = st.tuples(numbers, numbers, numbers).map(lambda v: torch.tensor(v, dtype=torch.float64))
IDENTITY = torch.eye(3, dtype=torch.float64)


@given(vectors)
def test_is_a_rotation(vector: torch.Tensor) -> None:
    matrix = matrix_from_axis_angle(vector)
    assert_close(matrix @ matrix.T, IDENTITY, atol=1e-12, rtol=0)
    assert_close(torch.linalg.det(matrix), torch.ones((), dtype=torch.float64))


@given(vectors)
def test_inverse_is_the_negative(vector: torch.Tensor) -> None:
    product = matrix_from_axis_angle(vector) @ matrix_from_axis_angle(-vector)
    assert_close(product, IDENTITY, atol=1e-12, rtol=0)


@given(vectors, st.floats(-1, 1), st.floats(-1, 1))
def test_turns_about_one_axis_add(vector: torch.Tensor, a: float, b: float) -> None:
    product = matrix_from_axis_angle(a * vector) @ matrix_from_axis_angle(b * vector)
    assert_close(product, matrix_from_axis_angle((a + b) * vector), atol=1e-11, rtol=0)


@given(vectors)
def test_matches_the_matrix_exponential(vector: torch.Tensor) -> None:
    x, y, z = vector.tolist()
    generator = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    assert_close(
        matrix_from_axis_angle(vector), torch.linalg.matrix_exp(generator), atol=1e-10, rtol=0
    )


@pytest.mark.parametrize("angle", [0.0, 1e-8, 1e-4, 1e-3, math.pi - 1e-8, math.pi])
@pytest.mark.parametrize(
    "axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0, -0.8), (-0.36, 0.48, 0.8)]
)
def test_delicate_angles(angle: float, axis: tuple[float, float, float]) -> None:
    vector = angle * torch.tensor(axis, dtype=torch.float64)
    wanted = torch.from_numpy(Rotation.from_rotvec(vector.numpy()).as_matrix())
    assert_close(matrix_from_axis_angle(vector), wanted, atol=1e-12, rtol=0)


def test_gradient_exists_at_zero() -> None:
    vector = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    matrix_from_axis_angle(vector)[2, 1].backward()
    assert_close(vector.grad, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))


def test_gradients_check() -> None:
    vector = torch.tensor([[0.3, -0.2, 0.5], [1e-5, 0, 0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(matrix_from_axis_angle, (vector,))
