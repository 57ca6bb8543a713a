# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the gap between a head's lips, to first order, and closes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ....shared.arrays import BoolArray, Float64Array, IndexArray
from ....shared.head import JOINTS, REGIONS, HeadModel
from ...modulation.contact import widest
from .channels import NAMES

PLACES = (-0.4, -0.2, 0.0, 0.2, 0.4)
"""Places where the gap is measured: offsets from the mouth's middle, as shares of its width."""
PRESSED_MM = 0.3
"""Closed lips overlap by this much, so that no gap can be seen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lips:
    """How a head's lips part, in mm at each of `PLACES`. opening: (103, 5) per unit of the 100
    expression components and 3 jaw numbers. weight_opening: (100, 5) per unit of `NAMES`, with the
    jaw rotation that belongs to a weight. rest: (5,) how far this identity's lips are apart at
    rest; the template's meet."""

    opening: Float64Array
    weight_opening: Float64Array
    rest: Float64Array


CLOSERS = {"lipSeal": 0.9, "mouthClose": 1.0}
"""Shapes that close the lips against all others -> their largest weights, first choice first."""


def close_lips(
    weights: Float64Array,
    closure: Float64Array,
    lips: Lips,
    closers: Sequence[str] = tuple(CLOSERS),
) -> Float64Array:
    """A copy of weights (T, 100) with more of the closers, so that the lips meet where closure (T,)
    is 1. lipSeal comes first, since mouthClose alone would bend the lips out of shape."""
    weights = weights.copy()
    for name in closers:
        column = NAMES.index(name)
        closes = lips.weight_opening[column].mean()
        if closes > -1:  # a head on which this shape closes nothing
            continue
        opened = widest(weights @ lips.weight_opening + lips.rest) + PRESSED_MM
        weights[:, column] += closure * np.clip(opened / -closes, 0, CLOSERS[name])
    return weights


def lips_of(head: HeadModel, shape: Float64Array | None = None) -> Lips:
    """The lips of the head, or of its identity `shape` (300,). Results are cached."""
    used = np.zeros(0) if shape is None else shape[: head.shape_basis.shape[2]]
    return _lips_of(head, used.astype(np.float64).tobytes())


@lru_cache(maxsize=32)
def _lips_of(head: HeadModel, shape: bytes) -> Lips:
    coefficients = np.frombuffer(shape)
    shaped = head.template + head.shape_basis[..., : len(coefficients)] @ coefficients
    opening, rest = np.zeros((103, len(PLACES))), np.zeros(len(PLACES))
    for index, (upper, lower) in enumerate(lip_edges(head)):
        if not len(upper) or not len(lower):
            continue
        rises = [_heights(head, shaped, edge).mean(1) for edge in (upper, lower)]
        opening[:, index] = 1000 * (rises[0] - rises[1])
        moved = (shaped - head.template)[:, 1]
        rest[index] = 1000 * (moved[upper].mean() - moved[lower].mean())
    weights = np.zeros((len(NAMES), len(PLACES)))
    columns = head.arkit_expression.shape[1]
    weights[:columns] = head.arkit_expression.T @ opening[: len(head.arkit_expression)]
    weights[:columns] += head.arkit_jaw.T @ opening[100:]
    for index, name in enumerate(NAMES[columns:], columns):
        if name in head.expression_names:
            weights[index] = opening[head.expression_names.index(name)]
    return Lips(opening=opening, weight_opening=weights, rest=rest)


def lip_edges(head: HeadModel) -> list[tuple[IndexArray, IndexArray]]:
    """(upper, lower) vertices of the lips' edges at each of `PLACES`; empty if the head has no
    lips."""
    lip = head.region == REGIONS.index("lip")
    lower = head.skin_weights[:, JOINTS.index("jaw")] > 0.5
    none = np.zeros(0, np.intp)
    if not (lip & lower).any() or not (lip & ~lower).any():
        return [(none, none)] * len(PLACES)
    half = np.abs(head.template[lip, 0]).max()
    near = [lip & (np.abs(head.template[:, 0] - 2 * p * half) < 0.15 * half) for p in PLACES]
    return [(_edge(head, n & ~lower, 1), _edge(head, n & lower, -1)) for n in near]


def _edge(head: HeadModel, vertices: BoolArray, direction: int) -> IndexArray:
    """The three of the lip's `vertices` nearest to the other lip, among those at its front."""
    indices = np.flatnonzero(vertices)
    depth = head.template[indices, 2]
    indices = indices[depth > depth.max() - 0.006]
    order = np.argsort(direction * head.template[indices, 1])
    return indices[order[:3]]


def _heights(head: HeadModel, shaped: Float64Array, vertices: IndexArray) -> Float64Array:
    """(103, N) metres by which vertices of the identity `shaped` (V, 3) rise per unit of each
    number, with the jaw's rotation linearised at rest."""
    rises = np.zeros((103, len(vertices)))
    components = head.expression_basis.shape[2]
    rises[:components] = head.expression_basis[vertices, 1].T
    jaw = JOINTS.index("jaw")
    arm = shaped[vertices] - head.joint_regressor[jaw] @ shaped
    for axis in range(3):
        turned = np.cross(np.eye(3)[axis], arm)[:, 1]
        rises[100 + axis] = head.skin_weights[vertices, jaw] * turned
    return rises
