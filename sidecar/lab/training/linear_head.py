# SPDX-License-Identifier: GPL-3.0-or-later
"""What 103 numbers do to the face's linear_head, to first order: for losses and figures in mm.

Expression is linear in FLAME; the jaw's rotation is linearised at rest: a vertex moves by
weight * (axis x (vertex - joint)), plus the pose correctives' first order.
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
"""A number with a share of its motion's energy in this range belongs to both halves of the face;
outside it to one alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearHead:
    """basis: (103, 3 * N) mm per unit at N vertices, each weighted by how much it matters.
    gap: (103, 5) mm by which the lips part per unit, at the places of `anchors.lips`.
    upper_share: (103,) how far each number belongs above the nose's tip, see `upper_share`."""

    basis: Float32Array
    gap: Float32Array
    upper_share: Float32Array


def linearise_head(head: HeadModel, vertices: int, seed: int = 0) -> LinearHead:
    """Samples about `vertices` vertices where the face moves; lips, brows and lids count more."""
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
    """(103,) how far each number belongs to the face above the nose's tip: 1 for brows and lids,
    0 for lips and jaw, between for the few that move both halves alike.

    Of a number's motion the squared distances count, and a share near an end is drawn to it:
    or half of a smile would come along, thinly spread over the cheeks, with the brows.
    """
    energy = np.square(directions(head)).sum(2)  # (103, V)
    share = energy @ head.upper / np.maximum(energy.sum(1), 1e-18)
    return smoothstep(share, *STRADDLES).astype(np.float32)


def directions(head: HeadModel) -> Float32Array:
    """(103, V, 3) metres that each vertex moves per unit of each number, at rest."""
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
