# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds ARKit weights for the open head's parameters by non-negative least squares.

    w = argmin over w >= 0 of (p - C w)^T G (p - C w)

p = [expression, jaw, eyes]; C is the head's linear map from weights to p; G is the Gram matrix of
the vertices' first-order displacements, so that errors are measured on the surface, plus a small
multiple of the identity that keeps opposite shapes (jaw left and right) apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, IndexArray
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ..memory import remembered

_APART = 0.005
"""Weight of the identity; the Gram matrix has mean diagonal 1. Four times as much made every
emotion weaker on rigs that speak ARKit, a disgust by 6 %; a tenth lets the mouth go left and right
at once to become narrow, by .37 each."""
_JAW, _EYES = 2, (3, 4)  # in `JOINTS`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Solver:
    """root (P, P) with G = root^T root; basis (P, 52) = root C; inverse (52, P) of C under G."""

    root: Float64Array
    basis: Float64Array
    inverse: Float64Array


def arkit_weights(
    motion: Motion, head: HeadModel, frames: IndexArray | None = None
) -> Float32Array:
    """ARKit weights (T, 52) of the given frames (all if None); motion and head in space "open".

    Frames whose unconstrained solution is not negative are solved together, the others one by one.
    """
    solver = _solver(head)
    rows = slice(None) if frames is None else frames
    components = len(head.expression_names)
    p = np.concatenate(
        [motion.expression[rows, :components], motion.jaw[rows], motion.eyes[rows]], 1
    ).astype(np.float64)
    weights = np.einsum("tp,wp->tw", p, solver.inverse)
    return np.maximum(not_negative(weights, solver.basis), 0).astype(np.float32)


def not_negative(weights: Float64Array, basis: Float64Array) -> Float64Array:
    """The non-negative weights (T, W) nearest to unconstrained ones (T, W), where the distance is
    |basis @ difference| with basis (P, W). Frames without a negative weight are unchanged."""
    from scipy.optimize import nnls  # here, for most bakes need none, and it takes long to load

    out = weights.copy()
    for frame in np.flatnonzero(weights.min(1) < -1e-6):
        out[frame] = nnls(basis, np.einsum("iw,w->i", basis, weights[frame]))[0]
    return out


@remembered
def _solver(head: HeadModel) -> _Solver:
    effects = _effects(head)  # (V * 3, P)
    gram = effects.T @ effects
    gram /= np.trace(gram) / len(gram)
    gram += _APART * np.eye(len(gram))
    root = np.linalg.cholesky(gram).T
    maps = np.concatenate([head.arkit_expression, head.arkit_jaw, head.arkit_eyes])
    basis = root @ maps.astype(np.float64)
    return _Solver(root=root, basis=basis, inverse=np.linalg.pinv(basis) @ root)


def _effects(head: HeadModel) -> Float64Array:
    """First-order displacement of each coordinate by one unit of each parameter, (V * 3, E + 9)."""
    template = head.template.astype(np.float64)
    joints = head.joint_regressor @ template
    turns = []
    for joint in (_JAW, *_EYES):
        arms = template - joints[joint]
        for axis in np.eye(3):
            turns.append(head.skin_weights[:, joint, None] * np.cross(axis, arms))
    columns = [head.expression_basis.reshape(-1, head.expression_basis.shape[2])]
    return np.concatenate([*columns, np.stack(turns, -1).reshape(-1, 9)], 1).astype(np.float64)
