# SPDX-License-Identifier: GPL-3.0-or-later
"""What a photo shows of its own expression: folds of its smile, lids' creases and lashes on skin
that a shut eye unfolds, the line between closed lips. The avatar at rest, or another expression,
has it as far as it is like the photo's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray
from ...shared.camera import camera_centre
from ...shared.motion import Motion, numbers_of
from ..avatar.looks import NUMBERS, Looks
from ..avatar.side_look import SideLook
from ..avatar.wrinkles import motion_of_numbers
from ..raster.colour import linear_to_srgb
from .colours import Canvas, Evidence
from .framing import Frame
from .landmarks import HeadLandmarks, landmark_vertices
from .lids import neutral_vertices
from .surface import Sight

_RIGHT_LID_PAIRS = ((160, 144), (159, 145), (158, 153))
_LEFT_LID_PAIRS = ((387, 373), (386, 374), (385, 380))
_LIP_PAIRS = ((82, 87), (13, 14), (312, 317))
"""Landmarks of the upper and the lower edge."""
_SHUTS = (0.05, 0.5)
"""Beyond the photo's, shares of an open eye's height by which it shuts while its lids unfold."""
_PARTS_M = (0.0005, 0.003)
"""Beyond the photo's, how far lips part until nothing is left of the line between them."""
_MOVES_M = 0.0005
"""An expression that moves skin by less on the average is none."""
_LEAST = 1 / 255
_PRESSED = 0.02
_LEAST_OF_SIDE = 16
"""Fewer pieces hardly say how the head has turned."""


def photo_looks(
    canvas: Canvas,
    found: HeadLandmarks,
    evidence: Evidence,
    linear: tuple[Float32Array, Float32Array],
    motion: Motion,
) -> Looks | None:
    """What the photo's expression adds; None where that is nothing. found: where landmarks lie on
    the head; linear: (N, 3) colours of the pieces without the expression, and as the photo shows
    them; motion: the photo's expression."""
    head, rest = canvas.head, neutral_vertices(canvas.pieces)
    moves = motion_of_numbers(head)
    photo = numbers_of(motion)[0].astype(np.float64)
    plain, shown = (linear_to_srgb(values.clip(0, 1)) for values in linear)
    change = (shown - plain).astype(np.float32)
    changes = (np.abs(change).max(1) > _LEAST) & (evidence.shown > 0)
    edges = _Edges(
        landmark_vertices(head, found, rest),
        np.stack([landmark_vertices(head, found, its) for its in moves]),
    )
    left = canvas.pieces.places[:, 0] > 0
    folded = np.zeros(len(left))
    folded[canvas.skin] = canvas.pressed
    lips = evidence.looks_lip & ~evidence.looks_lid
    folds = (folded > _PRESSED) & ~lips & ~evidence.looks_lid
    parts: list[tuple[BoolArray, Float64Array | None]] = [
        (evidence.looks_lid & left, edges.while_open(_LEFT_LID_PAIRS, photo)),
        (evidence.looks_lid & ~left, edges.while_open(_RIGHT_LID_PAIRS, photo)),
    ]
    if evidence.mouth_is_open:
        weight = lips * evidence.shown
        parts.append((lips, _as_in_photo(canvas, moves, weight, photo)))
    else:
        parts.append((lips, edges.while_closed(_LIP_PAIRS, photo)))
    for side in (left, ~left):
        parts.append((folds & side, _as_in_photo(canvas, moves, folded * folds * side, photo)))
    return _joined([(where & changes, driver) for where, driver in parts], change)


def look_from_photo(
    evidence: Evidence, linear: tuple[Float32Array, Float32Array], sight: Sight, frame: Frame
) -> SideLook | None:
    """What skin that looks sideways in the photo is from the photo's side; None where that is as
    from elsewhere. linear: (N, 3) colours of the pieces from elsewhere, and as the photo shows
    them."""
    plain, shown = (linear_to_srgb(values.clip(0, 1)) for values in linear)
    change = (evidence.rim[:, None] * (shown - plain)).astype(np.float32)
    chosen = np.flatnonzero(np.abs(change).max(1) > _LEAST)
    if len(chosen) < _LEAST_OF_SIDE:
        return None
    toward = camera_centre(frame.camera) - sight.posed.gaussians.means[chosen].mean(0)
    return SideLook(
        gaussian=chosen.astype(np.int32),
        colours=change[chosen],
        toward=(toward / np.linalg.norm(toward)).astype(np.float32),
    )


class _Edges:
    """Edges of lids and lips: landmarks at rest (478, 3), and their motion by each number
    (NUMBERS, 478, 3)."""

    def __init__(self, rest: Float64Array, moves: Float64Array) -> None:
        self._rest, self._moves = rest, moves

    def _gap(self, pair: tuple[int, int], along: Float64Array) -> Float64Array:
        """(NUMBERS,) metres by which each number moves the upper edge off the lower one."""
        upper, lower = pair
        return (self._moves[:, upper] - self._moves[:, lower]) @ along

    def while_open(self, pairs: Sequence[tuple[int, int]], photo: Float64Array) -> Float64Array:
        """The driver of what is seen while an eye is as open as in the photo, or more."""
        shuts = np.zeros(NUMBERS)
        for upper, lower in pairs:
            along = self._rest[upper] - self._rest[lower]
            height = max(float(np.linalg.norm(along)), 1e-4)
            shuts -= self._gap((upper, lower), along / height) / height / len(pairs)
        return _fading(shuts, max(float(shuts @ photo), 0.0), _SHUTS)

    def while_closed(self, pairs: Sequence[tuple[int, int]], photo: Float64Array) -> Float64Array:
        """The driver of what is seen while lips are as close as in the photo, or more."""
        up = np.array([0.0, 1.0, 0.0])
        part = np.mean([self._gap(pair, up) for pair in pairs], 0)
        return _fading(part, max(float(part @ photo), 0.0), _PARTS_M)


def _fading(weights: Float64Array, begins: float, between: tuple[float, float]) -> Float64Array:
    """(NUMBERS + 1,) the driver that is 1 until the weighted sum of the numbers is so far beyond
    where it begins, and 0 from there on."""
    near, far = between
    return np.append(-weights, begins + far) / (far - near)


def _as_in_photo(
    canvas: Canvas, moves: Float64Array, weight: FloatArray, photo: Float64Array
) -> Float64Array | None:
    """(NUMBERS + 1,) the driver that is 0 at rest and 1 where the pieces, by their weights (N,),
    move as the photo's numbers (NUMBERS,) move them; None where those move them little."""
    chosen = np.flatnonzero(weight > 0)
    if not len(chosen):
        return None
    pieces = canvas.pieces
    at = np.einsum("nk,jnkc->jnc", pieces.weights[chosen], moves[:, pieces.corners[chosen]])
    own = np.tensordot(photo, at, 1)
    size = float(weight[chosen] @ (own**2).sum(1))
    if size < weight[chosen].sum() * _MOVES_M**2:
        return None
    return np.append(np.einsum("n,jnc,nc->j", weight[chosen], at, own) / size, 0.0)


def _joined(
    parts: Sequence[tuple[BoolArray, Float64Array | None]], change: Float32Array
) -> Looks | None:
    """The looks of those parts that have a driver."""
    kept = [(np.flatnonzero(where), driver) for where, driver in parts if driver is not None]
    kept = [(chosen, driver) for chosen, driver in kept if len(chosen)]
    if not kept:
        return None
    gaussian = np.concatenate([chosen for chosen, _ in kept])
    return Looks(
        drivers=np.stack([driver for _, driver in kept]).astype(np.float32),
        gaussian=gaussian.astype(np.int32),
        driver=np.repeat(np.arange(len(kept)), [len(c) for c, _ in kept]).astype(np.int32),
        colours=change[gaussian],
    )
