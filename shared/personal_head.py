# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head with one person's own shape, and its movements fitted to that person's eyes.

A brow that lies nearer to its eye has less way to go: the head's own way would lay it over the lid,
as a lid's own way would shut a narrower eye where it only narrows. So what moves towards the eye,
and lids towards each other, go as much of the head's way as the person's room is of the head's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .arrays import Float32Array, Float64Array
from .head import HeadModel, landmark_values

_SPACE = "open"
_BROWS = ((18, 19, 20), (23, 24, 25))
_UPPER_LIDS, _LOWER_LIDS = ((37, 38), (43, 44)), ((40, 41), (46, 47))
"""iBUG's landmarks of the right and the left eye."""
_LEAST, _MOST = 0.4, 1.3
_LID_SHARE = 0.4
"""How far up to the brow the lid's share goes over into the brow's."""
_LOWER_FADE_M, _FOREHEAD_M = 0.015, 0.045
"""How far below the eyes, and above the brows, the head's own way is reached again."""
_MIDDLE_M = 0.012
"""So far to either side of the nose one eye's shares go over into the other's."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Eyes:
    """Heights of the right and the left eye's lids and brows, (2,) each, metres."""

    lower: Float64Array
    upper: Float64Array
    brow: Float64Array


def personal_head(
    head: HeadModel, change: Float32Array | None, shape: Float32Array | None = None
) -> HeadModel:
    """The head with a person's template, its own and a `change` (V, 3), and the person's movements.
    shape: the person's identity (S,), which stays apart. Heads of other spaces keep their
    movements, with which their avatars were trained."""
    if change is None:
        return head
    template = (head.template + change).astype(np.float32)
    if head.space != _SPACE:
        return replace(head, template=template)
    person = template
    if shape is not None:
        person = (template + head.shape_basis[..., : len(shape)] @ shape).astype(np.float32)
    down, up = shares_of_ways(head, person)
    ways = head.expression_basis
    shares = np.where(ways[:, 1] < 0, down[:, None], up[:, None]).astype(np.float32)
    return replace(head, template=template, expression_basis=ways * shares[:, None])


def shares_of_ways(head: HeadModel, person: Float32Array) -> tuple[Float64Array, Float64Array]:
    """(V,) each, the shares of the head's own ways down and up that a person's (V, 3) are."""
    own, persons = _eyes(head, head.template), _eyes(head, person)
    opening = _ratio(persons.upper - persons.lower, own.upper - own.lower)
    room = _ratio(persons.brow - persons.upper, own.brow - own.upper)
    x, y = head.template[:, :2].astype(np.float64).T
    left = np.clip(0.5 + 0.5 * x / _MIDDLE_M, 0, 1)[:, None] * [-1, 1] + [1, 0]
    lower, upper, brow = ((left * height).sum(1) for height in (own.lower, own.upper, own.brow))
    opening, room = (left * opening).sum(1), (left * room).sum(1)
    in_lids = np.clip(1 - (lower - y) / _LOWER_FADE_M, 0, 1)
    to_brow = np.clip((y - upper) / (_LID_SHARE * (brow - upper)), 0, 1)
    on_forehead = np.clip((y - brow) / _FOREHEAD_M, 0, 1)
    up = 1 + in_lids * (1 - to_brow) * (opening - 1)
    down = up + to_brow * (1 - on_forehead) * (room - 1)
    return down, up


def _eyes(head: HeadModel, vertices: Float32Array) -> _Eyes:
    heights = landmark_values(head, vertices[:, 1].astype(np.float64))
    lower, upper, brow = (
        np.array([heights[list(side)].mean() for side in sides])
        for sides in (_LOWER_LIDS, _UPPER_LIDS, _BROWS)
    )
    return _Eyes(lower=lower, upper=upper, brow=brow)


def _ratio(persons: Float64Array, own: Float64Array) -> Float64Array:
    return np.clip(persons / np.maximum(own, 1e-4), _LEAST, _MOST)
