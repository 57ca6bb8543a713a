# SPDX-License-Identifier: GPL-3.0-or-later
"""How far apart a head's lips stand, to first order, and how to make them meet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...shared.head import JOINTS, REGIONS, HeadModel
from .channels import NAMES

FloatArray = NDArray[np.float64]
PLACES = (-0.4, -0.2, 0.0, 0.2, 0.4)
"""Where the gap is measured, as shares of the mouth's width to each side of its middle."""
PRESSED_MM = 0.3
"""Closed lips press into each other by this much, so that no light falls through."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lips:
    """opening: (103, 5) mm by which lips part at `PLACES` per unit of the 100 expression
    components and 3 jaw numbers; at rest they meet. weight_opening: (100, 5) the same per unit of
    `NAMES`, with the jaw that belongs to a weight."""

    opening: FloatArray
    weight_opening: FloatArray


def close_lips(weights: FloatArray, closure: FloatArray, lips: Lips) -> FloatArray:
    """Weights (T, 100) whose mouthClose and lipSeal make the lips meet where closure (T,) is 1.

    mouthClose answers the jaw; what other shapes hold open is left to lipSeal, then to more of
    mouthClose, which alone would bend the lips out of shape.
    """
    weights = weights.copy()
    for name, largest in (("lipSeal", 0.9), ("mouthClose", 1.0)):
        column = NAMES.index(name)
        closes = lips.weight_opening[column].mean()
        if closes > -1:  # a head on which this shape closes nothing
            continue
        opened = weights @ lips.weight_opening
        # The widest place counts, but not alone: pressing the rest too far would look bitten.
        opened = 0.6 * opened.max(1) + 0.4 * opened.mean(1) + PRESSED_MM
        weights[:, column] += closure * np.clip(opened / -closes, 0, largest)
    return weights


@lru_cache(maxsize=8)
def lips_of(head: HeadModel) -> Lips:
    """The head's lips; a head is measured once."""
    opening = np.zeros((103, len(PLACES)))
    for index, (upper, lower) in enumerate(lip_edges(head)):
        opening[:, index] = _gap(head, upper, lower)
    weights = np.zeros((len(NAMES), len(PLACES)))
    columns = head.arkit_expression.shape[1]
    weights[:columns] = head.arkit_expression.T @ opening[: len(head.arkit_expression)]
    weights[:columns] += head.arkit_jaw.T @ opening[100:]
    for index, name in enumerate(NAMES[columns:], columns):
        if name in head.expression_names:
            weights[index] = opening[head.expression_names.index(name)]
    return Lips(opening=opening, weight_opening=weights)


def lip_edges(head: HeadModel) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Vertices of the upper and of the lower lip's edge at each of `PLACES`; none where the head
    has no lips."""
    lip = head.region == REGIONS.index("lip")
    lower = head.skin_weights[:, JOINTS.index("jaw")] > 0.5
    if not ((lip & lower).any() and (lip & ~lower).any()):
        return [(np.zeros(0, np.intp), np.zeros(0, np.intp))] * len(PLACES)
    half = np.abs(head.template[lip, 0]).max()
    edges = []
    for place in PLACES:
        near = lip & (np.abs(head.template[:, 0] - 2 * place * half) < 0.15 * half)
        edges.append((_edge(head, near & ~lower, 1), _edge(head, near & lower, -1)))
    return edges


def _edge(head: HeadModel, vertices: NDArray[np.bool_], direction: int) -> NDArray[np.intp]:
    """The three vertices nearest the other lip, among those at the front of their lip."""
    indices = np.flatnonzero(vertices)
    depth = head.template[indices, 2]
    indices = indices[depth > depth.max() - 0.006]
    order = np.argsort(direction * head.template[indices, 1])
    return indices[order[:3]]


def _gap(head: HeadModel, upper: NDArray[np.intp], lower: NDArray[np.intp]) -> FloatArray:
    """(103,) mm by which the upper edge rises against the lower one per unit."""
    if not len(upper) or not len(lower):
        return np.zeros(103)
    return 1000 * (heights(head, upper).mean(1) - heights(head, lower).mean(1))


def heights(head: HeadModel, vertices: NDArray[np.intp]) -> FloatArray:
    """(103, N) metres that vertices rise per unit, the jaw's rotation linearised at rest."""
    rises = np.zeros((103, len(vertices)))
    components = head.expression_basis.shape[2]
    rises[:components] = head.expression_basis[vertices, 1].T
    jaw = JOINTS.index("jaw")
    arm = head.template[vertices] - head.joint_regressor[jaw] @ head.template
    for axis in range(3):
        turned = np.cross(np.eye(3)[axis], arm)[:, 1]
        rises[100 + axis] = head.skin_weights[vertices, jaw] * turned
    return rises
