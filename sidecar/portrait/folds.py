# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the folds of the photo's expression out of the skin's colours."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, Int32Array
from ...shared.motion import ARKIT_NAMES
from ...shared.pressing import SIDES, WRINKLES
from ..avatar.wrinkle_patterns import draw_patterns
from ..raster.occlusion import neighbour_mean
from .completion import Graph
from .surface import Pieces

_PRESSED, _FULLY_PRESSED = 0.03, 0.09
_SHARE, _FINE_SHARE = 0.5, 0.3
"""How much of a fold is taken out, and of what is finer: a fold's depth is full of specks."""
_FINE_STEPS, _COARSE_STEPS = 2, 140
_SMOOTHINGS = 6
_SMILE_FOLDS = ("smile", "nasolabial", "dimple", "crow", "under.eye")
_MOVERS = {
    "forehead.side": ("browOuterUp", "browInnerUp"),
    "forehead.middle": ("browInnerUp",),
    "glabella": ("browDown",),
    "nose.root": ("browDown", "noseSneer"),
    "crow": ("cheekSquint", "mouthSmile"),
    "under.eye": ("cheekSquint", "mouthSmile"),
    "bunny": ("noseSneer", "mouthSmile"),
    "nasolabial": ("mouthSmile", "noseSneer"),
    "smile": ("mouthSmile",),
    "dimple": ("mouthSmile",),
    "corner.down": ("mouthFrown",),
    "chin": ("mouthShrugLower",),
}
"""Which movements make which fold. Of others the strain says as little as of a face at rest: that
is its own, as the shade beside a nose is."""
_MOVES, _MOVES_FULLY = 0.25, 0.65
_ZONE_MM, _ZONE_DEPTH, _WHOLE_SMILE = 6.0, 0.08, 0.6
"""A fold's zone is drawn this wide; within, a pattern of this depth counts in full, at this
strength of the smile."""
_LEAST = 1e-3
_CHEEK_MIDDLE_M, _CHEEK_SIZE_M = (0.033, -0.034, 0.0), (0.020, 0.034, 1.0)


def pressed_skin(
    pieces: Pieces,
    drawn: Float64Array,
    vertices: tuple[Float32Array, Float32Array],
    scores: Float32Array,
) -> Float64Array:
    """(N,) 0 to 1, how strongly the photo's expression presses skin together that folds: not lids
    and brows, whose dark is their own. drawn: of `fold_patterns`; vertices: (V, 3) each, at rest
    and posed; scores: (52,) ARKit's weights."""
    rest, posed = vertices
    surface = pieces.avatar.faces
    strain = _least_strain(rest, posed, surface)
    total = np.zeros((len(rest), 2), np.float32)
    for corner in range(3):
        np.add.at(total, surface[:, corner], np.stack([-strain, np.ones_like(strain)], 1))
    at_vertices = total[:, :1] / np.maximum(total[:, 1:], 1)
    for _ in range(_SMOOTHINGS):
        at_vertices = neighbour_mean(at_vertices.astype(np.float32), surface)
    at = (pieces.weights * at_vertices[pieces.corners, 0]).sum(1)
    pressed = np.clip((at - _PRESSED) / (_FULLY_PRESSED - _PRESSED), 0, 1)
    return pressed * _zone(drawn * _moved(scores))


def folded_by_smile(pieces: Pieces, drawn: Float64Array, scores: Float32Array) -> Float64Array:
    """(N,) 0 to 1, where a smile of this strength folds skin that it draws along rather than
    presses: from the nose to the mouth, beside the mouth, under and beside the eyes. drawn: of
    `fold_patterns`; scores: (52,) ARKit's weights."""
    out = np.zeros(len(drawn))
    for side in SIDES:
        columns = [WRINKLES.index(f"{name}.{side}") for name in _SMILE_FOLDS]
        strength = scores[ARKIT_NAMES.index(f"mouthSmile{side.capitalize()}")]
        zone = np.maximum(_zone(drawn[:, columns]), _cheek(pieces, 1 if side == "left" else -1))
        folded = zone * np.clip(strength / _WHOLE_SMILE, 0, 1)
        out = np.maximum(out, folded)
    return out


def _moved(scores: Float32Array) -> Float64Array:
    """(wrinkles,) 0 to 1, how strongly the movement that makes each fold is seen."""
    out = np.zeros(len(WRINKLES))
    for index, wrinkle in enumerate(WRINKLES):
        name, _, side = wrinkle.rpartition(".")
        for mover in _MOVERS.get(name, ()):
            full = mover if mover in ARKIT_NAMES else mover + side.capitalize()
            strength = (scores[ARKIT_NAMES.index(full)] - _MOVES) / (_MOVES_FULLY - _MOVES)
            out[index] = max(out[index], float(np.clip(strength, 0, 1)))
    return out


def fold_patterns(pieces: Pieces) -> Float64Array:
    """(N, wrinkles) how deep each wrinkle's pattern is, drawn broad."""
    return np.abs(draw_patterns(pieces.places, np.full(len(pieces.places), _ZONE_MM)))


def _cheek(pieces: Pieces, side: int) -> Float64Array:
    """(N,) 0 to 1, the cheek of one side, whose larger and smaller folds no pattern has all of."""
    at = (pieces.places * [side, 1, 1] - _CHEEK_MIDDLE_M) / _CHEEK_SIZE_M
    away = np.sqrt((at[:, :2] ** 2).sum(1))
    return np.clip(2 * (1 - away), 0, 1) * (pieces.places[:, 2] > 0)


def _zone(drawn: Float64Array) -> Float64Array:
    """(N,) 0 to 1, where one of these patterns is."""
    return np.clip(drawn.max(1) / _ZONE_DEPTH, 0, 1)


def without_folds(graph: Graph, linear: Float32Array, pressed: Float64Array) -> Float32Array:
    """(N, 3) linear colours whose fold-sized changes are gone where the skin was pressed. Channel
    by channel: brightness alone would leave orange lines."""
    logs = np.log(np.maximum(linear, _LEAST))
    fine = graph.diffused(logs, _FINE_STEPS)
    band = fine - graph.diffused(fine, _COARSE_STEPS - _FINE_STEPS)
    change = _SHARE * band + _FINE_SHARE * (logs - fine)
    return np.exp(logs - pressed[:, None] * change).astype(np.float32)


def _least_strain(rest: Float32Array, posed: Float32Array, faces: Int32Array) -> Float32Array:
    """(F,) the smaller principal Green strain of each face: below 0 where it is pressed."""
    frames = []
    for points in (rest.astype(np.float64), posed.astype(np.float64)):
        u = points[faces[:, 1]] - points[faces[:, 0]]
        v = points[faces[:, 2]] - points[faces[:, 0]]
        frames.append(np.stack([(u * u).sum(1), (u * v).sum(1), (v * v).sum(1)], 1))
    (a, b, c), (p, q, r) = frames[0].T, frames[1].T
    area = np.maximum(a * c - b * b, 1e-18)
    # Eigenvalues of M0^-1 M1, the metrics of the two triangles.
    trace = (c * p - 2 * b * q + a * r) / area
    determinant = np.maximum(p * r - q * q, 0) / area
    root = np.sqrt(np.maximum(trace**2 / 4 - determinant, 0))
    return (0.5 * (np.clip(trace / 2 - root, 0, 4) - 1)).astype(np.float32)
