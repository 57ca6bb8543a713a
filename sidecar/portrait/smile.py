# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a photo's smile stays when the face is at rest.

The head's own smile widens a mouth and lifts its corners by more than it should, so that all of it
taken out of a photo leaves a small mouth, a stranger's. Part of it is taken for the person's own
shape, as long as the face at rest does not smile: not what opens the lips, which meet at rest, and
nothing of eyes and brows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES
from ...shared.personal_head import personal_head
from .fit import Fit
from .landmarks import HeadLandmarks, landmark_vertices
from .seeing import SeenFace, scores_of

_SMILE = ("mouthSmileLeft", "mouthSmileRight")
_SMILES = 0.2
"""Beyond this score of both sides it is a smile."""
_KEPT, _STEPS, _AT_REST = 0.35, 8, 0.26
"""The largest share of a full smile's movements that is the person's, and in what part of it less
is tried until MediaPipe's score of the landmarks at rest is no greater than the last. It says
half of that, or less, of the avatar's picture."""
_PIXELS_PER_METRE = 2000.0
_SHAPES = ("mouth", "cheek", "nose")
_OPENS = ("mouthUpperUp", "mouthLowerDown", "mouthPart", "mouthClose")
"""Names of expressions begin so that are the person's in part, and those among them that open
lips."""


def smile_of(seen: SeenFace) -> float:
    """0 to 1, how much both sides of the mouth smile."""
    return max(_score(seen.scores) - _SMILES, 0) / (1 - _SMILES)


def _score(scores: Float32Array) -> float:
    return min(float(scores[ARKIT_NAMES.index(name)]) for name in _SMILE)


def keep_of_smile(
    head: HeadModel, found: HeadLandmarks, seen: SeenFace, fits: Sequence[Fit], change: Float32Array
) -> tuple[list[Fit], Float32Array]:
    """The fits and the person's change (V, 3), after part of the first photo's smile has gone from
    its expression into the change: the photos look as before, the face at rest does not. found:
    where landmarks lie on the head; seen: the face in the first photo."""
    smiles = smile_of(seen)
    if not smiles:
        return list(fits), change
    first = fits[0]
    names = head.expression_names
    shaped = [name.startswith(_SHAPES) and not name.startswith(_OPENS) for name in names]
    expression = first.motion.expression[0, : len(names)]
    whole = (_KEPT * smiles * np.array(shaped) * expression).astype(np.float32)
    person = personal_head(head, change, first.shape)
    moves = person.expression_basis[..., : len(names)] @ whole
    rest = person.template + head.shape_basis[..., : len(first.shape)] @ first.shape
    points, ways = (landmark_vertices(head, found, its) for its in (rest, moves))
    share = _largest_share(points, ways)
    lasting = (change + share * moves).astype(np.float32)
    return [_without(fit, share * whole) for fit in fits], lasting


def _largest_share(points: Float64Array, ways: Float64Array) -> float:
    """0 to 1, how far landmarks (478, 3) can go their ways (478, 3) until the face smiles."""
    for step in range(_STEPS, 0, -1):
        seen = (points + step / _STEPS * ways)[:, :2] * [1, -1]
        if _score(scores_of(_PIXELS_PER_METRE * seen)) <= _AT_REST:
            return step / _STEPS
    return 0.0


def _without(fit: Fit, kept: Float32Array) -> Fit:
    expression = fit.motion.expression.copy()
    expression[:, : len(kept)] -= kept
    return replace(fit, motion=replace(fit.motion, expression=expression))
