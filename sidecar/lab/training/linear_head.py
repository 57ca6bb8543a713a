# SPDX-License-Identifier: GPL-3.0-or-later
"""A head linearised at rest: vertices as linear functions of the 103 numbers, for losses in mm.

Expression is linear in FLAME. The jaw's rotation is linearised: a vertex moves by
weight * (axis x (vertex - joint)), plus the first order of the pose correctives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float32Array
from ....shared.head import JOINTS, REGIONS, HeadModel
from ...modulation.network import NUMBERS
from ...smooth import smoothstep
from ..anchors.lips import lips_of

STRADDLES = (0.15, 0.85)
"""A number whose share of motion in the upper face lies in this range moves both halves of the
face; outside it counts for one half alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearHead:
    """basis: (103, 3 * N) mm by which N vertices move per unit. gap: (103, 5) mm by which the lips
    part per unit, at `anchors.lips.PLACES`. upper_share: (103,) see the function `upper_share`."""

    basis: Float32Array
    gap: Float32Array
    upper_share: Float32Array


def linearise_head(head: HeadModel, vertices: int, seed: int = 0) -> LinearHead:
    """The linear head at `vertices` random vertices, drawn by how much they move and by their
    importance: lips and brows are drawn more often."""
    moves = directions(head)  # (103, V, 3) metres
    size = np.linalg.norm(moves, axis=2)  # (103, V)
    moving = np.clip(size, 0, 0.01).sum(0)
    importance = _importance(head)
    rng = np.random.default_rng(seed)
    chance = moving * importance / (moving * importance).sum()
    count = min(vertices, int((chance > 0).sum()))
    chosen = rng.choice(len(chance), count, replace=False, p=chance)
    basis = moves[:, chosen] * 1000
    return LinearHead(
        basis=np.ascontiguousarray(basis.reshape(NUMBERS, -1), np.float32),
        gap=lips_of(head).opening.astype(np.float32),
        upper_share=upper_share(head),
    )


def upper_share(head: HeadModel) -> Float32Array:
    """(103,) how far each number belongs to the face above the nose's tip: 1 for brows and lids, 0
    for lips and jaw, between for the few that move both halves.

    It is the upper face's share of squared distances. Shares near 0 or 1 become 0 or 1: otherwise
    part of a smile, spread thinly over the cheeks, would follow the brows' strength.
    """
    energy = np.square(directions(head)).sum(2)  # (103, V)
    share = energy @ head.upper / np.maximum(energy.sum(1), 1e-18)
    return smoothstep(share, *STRADDLES).astype(np.float32)


def directions(head: HeadModel) -> Float32Array:
    """(103, V, 3) metres by which each vertex moves per unit of each number, at rest."""
    vertices = len(head.template)
    moves = np.zeros((NUMBERS, vertices, 3), np.float32)
    components = head.expression_basis.shape[2]
    moves[:components] = np.moveaxis(head.expression_basis, 2, 0)
    jaw = JOINTS.index("jaw")
    arm = head.template - head.joint_regressor[jaw] @ head.template
    # d(R - I) of the jaw fills elements 9 .. 17 of the pose feature, row by row.
    correctives = head.pose_basis[:, :, 9:18].reshape(vertices, 3, 3, 3)
    for axis in range(3):
        unit = np.eye(3, dtype=np.float32)[axis]
        skew = np.cross(np.eye(3, dtype=np.float32), unit)  # rows e_i x unit = -(unit x e_i)
        turned = head.skin_weights[:, jaw, None] * np.cross(unit, arm)
        moves[100 + axis] = turned + np.einsum("vcij,ij->vc", correctives, skew)
    return moves


def _importance(head: HeadModel) -> Float32Array:
    """(V,) factor on each vertex's chance to be drawn, by region."""
    weight = np.ones(len(head.template), np.float32)
    for name, value in (
        ("lip", 4.0),
        ("brow", 3.0),
        ("lash", 1.5),
        ("teeth", 0.2),
        ("tongue", 0.1),
        ("mouth", 0.3),
    ):
        weight[head.region == REGIONS.index(name)] = value
    return weight
