# SPDX-License-Identifier: GPL-3.0-or-later
"""Eyelids: which skin is folded away while an eye is open, and where the lash line runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float32Array, Float64Array
from ...shared.head import HeadModel
from ...shared.motion import make_motion
from ..avatar.animated_mesh import personal_head
from ..head.forward import layer_of
from . import landmarks as marks
from .landmarks import HeadLandmarks, landmark_vertices
from .surface import Pieces

_UNFOLDS_M, _GROWS, _MOVES_M = 0.0045, 1.5, 0.0012
_LASH_M = 0.0017
"""Half the width of the strip along a lid's edge that lashes darken."""
_NEAR_EYE_M = 0.030
_LINE_POINTS = 200


def neutral_vertices(pieces: Pieces, names: tuple[str, ...] = ()) -> Float32Array:
    """(V, 3) the person at rest, or with some of the head's expressions at weight 1."""
    head = pieces.avatar.surface
    assert isinstance(head, HeadModel)
    expression, shape = np.zeros((1, 100), np.float32), np.zeros(300, np.float32)
    for name in names:
        if name in head.expression_names:
            expression[0, head.expression_names.index(name)] = 1
    identity = pieces.avatar.shape
    if identity is not None:
        shape[: len(identity)] = identity
    pose = make_motion(expression=expression, fps=30, space=head.space)
    return layer_of(personal_head(pieces.avatar)).vertices(replace(pose, shape=shape), 0, 1)[0]


def folded_away(pieces: Pieces, rest: Float32Array) -> BoolArray:
    """(N,) skin that only a shut eye shows: a photo shows lashes and the ball there. rest: (V, 3)
    of `neutral_vertices`."""
    shut = neutral_vertices(pieces, ("eyeBlinkLeft", "eyeBlinkRight"))
    moves = np.linalg.norm(shut - rest, axis=1)[pieces.corners]
    moved = (pieces.weights * moves).sum(1)
    growth = _areas(shut, pieces) / np.maximum(_areas(rest, pieces), 1e-12)
    return (
        pieces.of("skin")
        & ((moved > _UNFOLDS_M) | ((growth > _GROWS) & (moved > _MOVES_M)))
        & near_eyes(pieces)
    )


def lash_strip(pieces: Pieces, head: HeadModel, found: HeadLandmarks) -> BoolArray:
    """(N,) skin along the lids' edges."""
    points = landmark_vertices(head, found)
    lines = []
    for lids in (marks.RIGHT_LIDS, marks.LEFT_LIDS):
        corners = points[[*lids, lids[0]]]
        along = np.linspace(0, len(lids), _LINE_POINTS, endpoint=False)
        share = (along % 1)[:, None]
        lines.append(
            (1 - share) * corners[along.astype(int)] + share * corners[along.astype(int) + 1]
        )
    away = cKDTree(np.concatenate(lines)).query(pieces.places)[0]
    return pieces.of("skin") & (away < _LASH_M)


def _areas(vertices: Float32Array, pieces: Pieces) -> Float64Array:
    a, b, c = (vertices[pieces.corners[:, k]].astype(np.float64) for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1)


def near_eyes(pieces: Pieces) -> BoolArray:
    """(N,) what lies around the eyes."""
    head = pieces.avatar.surface
    assert isinstance(head, HeadModel)
    eyes = (head.joint_regressor @ head.template)[3:].astype(np.float64)
    away = [np.linalg.norm(pieces.places - eye, axis=1) for eye in eyes]
    return np.min(away, 0) < _NEAR_EYE_M
