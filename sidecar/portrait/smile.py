# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a photo's smile stays when the face is at rest.

The head's own smile widens a mouth and lifts its corners by more than it should, so that all of it
taken out of a photo leaves a small mouth, a stranger's. Part of it is taken for the person's own
shape: not what opens the lips, which meet at rest, and nothing of eyes and brows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES
from ...shared.personal_head import personal_head
from .fit import Fit
from .seeing import SeenFace

_SMILE = ("mouthSmileLeft", "mouthSmileRight")
_SMILES = 0.2
"""Beyond this score of both sides it is a smile."""
_KEPT = 0.35
"""The share of a full smile's movements that is the person's."""
_SHAPES = ("mouth", "cheek", "nose")
_OPENS = ("mouthUpperUp", "mouthLowerDown", "mouthPart", "mouthClose")
"""Names of expressions begin so that are the person's in part, and those among them that open
lips."""


def smile_of(seen: SeenFace) -> float:
    """0 to 1, how much both sides of the mouth smile."""
    both = min(float(seen.scores[ARKIT_NAMES.index(name)]) for name in _SMILE)
    return max(both - _SMILES, 0) / (1 - _SMILES)


def keep_of_smile(
    head: HeadModel, seen: SeenFace, fits: Sequence[Fit], change: Float32Array
) -> tuple[list[Fit], Float32Array]:
    """The fits and the person's change (V, 3), after part of the first photo's smile has gone from
    its expression into the change: the photos look as before, the face at rest does not. seen: the
    face in the first photo."""
    first = fits[0]
    names = head.expression_names
    shaped = [name.startswith(_SHAPES) and not name.startswith(_OPENS) for name in names]
    expression = first.motion.expression[0, : len(names)]
    kept = (_KEPT * smile_of(seen) * np.array(shaped) * expression).astype(np.float32)
    person = personal_head(head, change, first.shape)
    return [_without(fit, kept) for fit in fits], change + person.expression_basis @ kept


def _without(fit: Fit, kept: Float32Array) -> Fit:
    expression = fit.motion.expression.copy()
    expression[:, : len(kept)] -= kept
    return replace(fit, motion=replace(fit.motion, expression=expression))
