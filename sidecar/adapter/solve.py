# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits FLAME's expression and jaw to each of the open head's, and makes the adapter of the result.

    n_k = argmin over n of sum_v weight_v |F(n)_v - d_kv|^2 + ridge |n - n0_k|^2

d_k is the displacement of FLAME's skin for number k of the open head's [expression, jaw], F is
FLAME's forward pass (not linear in the jaw's angles: Gauss-Newton), n0_k the open head's own jaw.
Eyeballs are fitted to stay in place: on a head with another artist's 52 shapes, whose gaze shapes
rotate them, the largest component of 33 fits is then the shape of the same name, else of 21. The
inverse is least squares on FLAME's surface, as the open head's (`motion.arkit_from_open`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ...shared.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from ...shared.errors import InputError
from ...shared.head import JOINTS, REGIONS, HeadModel
from ...shared.motion import ARKIT_NAMES
from ..head.forward import HeadLayer
from ..motion.adapter import LinearAdapter
from .registration import Registration
from .skin import point_areas, registration_error
from .transfer import transfer_displacements

EXPRESSION, NUMBERS = 100, 103
JAW_UNITS_RAD = np.array([0.2, 0.08, 0.08])
"""Angles of the jaw at which its three numbers are fitted: open wide, to a side, tilted."""
LEAST_SHARE = 0.25
"""A shape of which FLAME reproduces less than this part of the energy is left out in both
directions: its inverse would be noise divided by almost nothing."""
FACE_MOVES_MM = 0.5
"""The face are the points that some ARKit weight moves by more than this."""
LEAST_POINTS = 200
"""Least number of points of a face; FLAME's has 2,000."""
_RIDGE_MM = 0.02
"""Regularisation of the expression: the error that equals one unit of it. One standard deviation of
FLAME's expressions moves the face by 0.1 to 3 mm."""
_JAW_RIDGE_MM = 5.0
"""The same for one radian of the jaw away from the open head's."""
_IMPORTANCE = {"lip": 4.0, "mouth": 0.05}
_ELSEWHERE = 0.1  # ears, skull and neck must stay in place
_EYEBALLS = 0.05
"""Weight of both eyeballs; the skin has 1."""
_EYES = (JOINTS.index("eye_left"), JOINTS.index("eye_right"))
_FAR_M = 0.004
_WEIGHT_RIDGE_MM = 0.05
"""Regularisation of the inverse: the displacement (root mean square) that equals a weight of 1."""
_JAW_STEP_RAD = 1e-3
_LINEAR_JAW_RAD = 0.02  # below it, the error of the linear fit is 0.02 mm at the chin
_STEPS = 3
_APART = 0.1
"""Weight of the diagonal in the metric of FLAME's numbers; keeps opposite shapes apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The fitted maps. A head's "numbers" are [expression, jaw] (103,).

    space_from_open (103, 103): FLAME's numbers for each number of the open head. numbers (52, 103):
    FLAME's numbers for each ARKit shape at weight 1. wanted, fitted (52, N, 3) metres: the wanted
    displacement of FLAME's skin, and the one that `numbers` give. face (N,): which points are face.
    share (52,): part of each shape's energy that is reproduced. gram (103, 103): Gram matrix of the
    first-order displacements of FLAME's numbers, mm squared.
    """

    space_from_open: Float64Array
    numbers: Float64Array
    wanted: Float64Array
    fitted: Float64Array
    face: BoolArray
    share: Float64Array
    gram: Float64Array


class Forward:
    """Displacement of some of a head's vertices by expression and jaw."""

    def __init__(self, head: HeadModel, vertex: Int64Array) -> None:
        self.components = len(head.expression_names)
        self.layer, self.vertex = HeadLayer(head, torch.float64), vertex
        self.rest = self.layer.template.numpy()[vertex]

    def __call__(self, numbers: Float64Array) -> Float64Array:
        """Displacements (B, N, 3) in metres for numbers (B, 103)."""
        pose = torch.zeros(len(numbers), len(JOINTS), 3, dtype=torch.float64)
        pose[:, JOINTS.index("jaw")] = torch.from_numpy(numbers[:, EXPRESSION:])
        expression = torch.from_numpy(np.ascontiguousarray(numbers[:, : self.components]))
        shift = torch.zeros(len(numbers), 3, dtype=torch.float64)
        with torch.inference_mode():
            moved = self.layer(self.layer.template, expression, pose, shift).numpy()
        return moved[:, self.vertex] - self.rest

    def jacobian(self, numbers: Float64Array) -> Float64Array:
        """Jacobian (N * 3, 103) at numbers (103,), by differences; exact in the expression."""
        step = np.r_[np.ones(EXPRESSION), np.full(3, _JAW_STEP_RAD)]
        ends = self(np.concatenate([numbers[None], numbers + np.diag(step)]))
        return ((ends[1:] - ends[0]).reshape(NUMBERS, -1) / step[:, None]).T


def open_numbers(head: HeadModel) -> tuple[Float64Array, Float64Array]:
    """The open head's poses that are fitted: numbers (103, 103), row by row one unit of each number
    (with the jaw of its ARKit weight, if it has one), and the units (103,)."""
    units = np.r_[np.ones(EXPRESSION), JAW_UNITS_RAD]
    numbers = np.diag(units)
    for weight, jaw in enumerate(head.arkit_jaw.T):
        component = head.arkit_expression[:, weight].argmax()
        numbers[component, EXPRESSION:] = jaw
    return numbers, units


def solve(flame: HeadModel, open_head: HeadModel, registration: Registration) -> Solution:
    """Fits every number of the open head.

    Raises InputError `adapter.registration` if too few points are registered to its face.
    """
    numbers, units = open_numbers(open_head)
    arkit = arkit_numbers(open_head)
    shown = Forward(open_head, np.arange(len(open_head.template)))
    shapes = transfer_displacements(registration, shown(arkit))
    face, weight = _weights(registration, open_head, shapes)
    forward = Forward(flame, registration.source.vertex)
    start = np.zeros_like(numbers)
    start[:, EXPRESSION:] = numbers[:, EXPRESSION:] @ registration.turn
    balls = np.flatnonzero(flame.skin_weights[:, list(_EYES)].max(1) > 0.5)
    fits = _fit(
        Forward(flame, np.concatenate([registration.source.vertex, balls])),
        np.pad(
            transfer_displacements(registration, shown(numbers)), ((0, 0), (0, len(balls)), (0, 0))
        ),
        start,
        np.concatenate([weight, np.full(len(balls), _EYEBALLS / max(len(balls), 1))]),
    )
    matrix = _take_apart(fits, numbers, units)
    found = arkit @ matrix.T
    fitted = forward(found)
    energy = np.einsum("knc,n->k", shapes**2, weight)
    missed = np.einsum("knc,n->k", (shapes - fitted) ** 2, weight)
    root = forward.jacobian(np.zeros(NUMBERS)) * _root(weight)[:, None]
    return Solution(
        space_from_open=matrix,
        numbers=found,
        wanted=shapes,
        fitted=fitted,
        face=face,
        share=1 - missed / np.maximum(energy, 1e-18),
        gram=root.T @ root,
    )


def _take_apart(fits: Float64Array, numbers: Float64Array, units: Float64Array) -> Float64Array:
    """FLAME's numbers (103, 103) for each number alone. Components were fitted with the jaw of
    their ARKit weight, whose part is subtracted."""
    jaw = (fits[EXPRESSION:] / units[EXPRESSION:, None]).T  # (103, 3)
    alone = fits[:EXPRESSION].T - jaw @ numbers[:EXPRESSION, EXPRESSION:].T
    return np.concatenate([alone, jaw], 1)


def make_adapter(solution: Solution, space: str, open_head: HeadModel) -> LinearAdapter:
    """Makes the adapter for takes in `space`. Shapes that FLAME does not reproduce are left out,
    and gaze shapes are not inferred from the surface.

    Raises InputError `adapter.no_expression` if no shape is reproduced.
    """
    seen = solution.share >= LEAST_SHARE
    if not seen.any():
        raise InputError(
            "adapter.no_expression",
            "This head shows none of ARKit's shapes: it has no expression components of a face.",
            "Give FLAME's whole model file, with its expressions.",
        )
    column = np.where(seen, solution.numbers.T, 0)  # (103, 52)
    seen &= ~open_head.arkit_eyes.any(0)
    shown = np.where(seen, column, 0)
    gram = solution.gram
    size = np.maximum(np.diag(gram), 1e-6 * np.trace(gram) / len(gram))
    gram = gram + _APART * np.diag(size)
    square = shown.T @ gram @ shown
    least = 1e-9 * np.trace(square) / len(square)
    square += np.diag(np.where(seen, least + _WEIGHT_RIDGE_MM**2, np.trace(square) / len(square)))
    linear = np.where(seen[:, None], np.linalg.solve(square, shown.T @ gram), 0)
    # Of one size for every head, so that what counts as a difference does not depend on units.
    root = np.linalg.cholesky(square).T / np.sqrt(np.trace(square) / len(square))
    return LinearAdapter(
        space=space,
        arkit_from_space=_as_kept(linear),
        arkit_bias=np.zeros(len(seen), np.float32),
        space_from_arkit=_as_kept(column),
        weight_root=_as_kept(root),
        space_from_open=_as_kept(solution.space_from_open),
    )


def _as_kept(values: Float64Array) -> Float32Array:
    """The array as it lies in memory once it was kept and read again: by the other order of its
    rows and columns a take's weights come out a thousandth apart."""
    return np.ascontiguousarray(values, np.float32)


def arkit_numbers(head: HeadModel) -> Float64Array:
    """The open head's expression and jaw for each ARKit weight at 1, (52, 103)."""
    out = np.zeros((len(ARKIT_NAMES), NUMBERS))
    out[:, : len(head.arkit_expression)] = head.arkit_expression.T
    out[:, EXPRESSION:] = head.arkit_jaw.T
    return out


def _weights(
    registration: Registration, open_head: HeadModel, shapes: Float64Array
) -> tuple[BoolArray, Float64Array]:
    """Which points are face (N,), and the weight of each (N,), with sum 1."""
    hits, target, source = registration.hits, registration.target, registration.source
    region = open_head.region[target.vertex[hits.corner(target.faces)]]
    near = hits.found & (hits.distance < _FAR_M)
    moves = np.linalg.norm(shapes, axis=2).max(0) * 1000 > FACE_MOVES_MM
    face = near & moves & (region != REGIONS.index("mouth"))
    if face.sum() < LEAST_POINTS:
        raise registration_error(f"only {face.sum()} of its points lie on the open head's face")
    weight = np.where(face, 1.0, _ELSEWHERE)
    for name, factor in _IMPORTANCE.items():
        weight[region == REGIONS.index(name)] *= factor
    weight = weight * near * point_areas(source.points, source.faces)
    return face, weight / weight.sum()


def _root(weight: Float64Array) -> Float64Array:
    """Factors (N * 3,) from metres to weighted mm."""
    return np.repeat(np.sqrt(weight), 3) * 1000


def _fit(
    forward: Forward, wanted: Float64Array, start: Float64Array, weight: Float64Array
) -> Float64Array:
    """The numbers (K, 103) whose displacements are nearest to wanted (K, N, 3)."""
    ridge = np.r_[np.full(EXPRESSION, _RIDGE_MM), np.full(3, _JAW_RIDGE_MM)] ** 2
    root = _root(weight)
    targets = wanted.reshape(len(wanted), -1) * root
    jacobian = forward.jacobian(np.zeros(NUMBERS)) * root[:, None]
    square = jacobian.T @ jacobian + np.diag(ridge)
    numbers = np.linalg.solve(square, jacobian.T @ targets.T + (ridge * start).T).T
    for k in np.flatnonzero(np.abs(numbers[:, EXPRESSION:]).max(1) > _LINEAR_JAW_RAD):
        numbers[k] = start[k]
        for _ in range(_STEPS):
            miss = targets[k] - forward(numbers[k : k + 1]).reshape(-1) * root
            there = forward.jacobian(numbers[k]) * root[:, None]
            right = there.T @ miss + ridge * (start[k] - numbers[k])
            numbers[k] += np.linalg.solve(there.T @ there + np.diag(ridge), right)
    return numbers
