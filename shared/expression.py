# SPDX-License-Identifier: GPL-3.0-or-later
"""One expression of a face, in action units and emotions, and as JSON.

{"units": {"AU12_L": 0.6, "AU4": 0.3}, "emotions": {"happy": 0.4}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import limits
from .emotion import EMOTIONS
from .errors import InputError
from .units import check_unit, check_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """One expression of a face. units: weight of unit channels, 0 to `limits.MAX_UNIT_WEIGHT`.
    emotions: of the six, 0 to `limits.MAX_EMOTION_WEIGHT`. What is not named is 0.

    Raises InputError `emotion.unknown_name`, `emotion.not_finite`, `emotion.range`.
    """

    units: Mapping[str, float] = field(default_factory=dict[str, float])
    emotions: Mapping[str, float] = field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        for name, weight in self.units.items():
            check_unit(name)
            check_weight(name, weight, limits.MAX_UNIT_WEIGHT)
        for name, weight in self.emotions.items():
            if name not in EMOTIONS:
                raise InputError(
                    "emotion.unknown_name",
                    f"There is no emotion called '{name:.40}'.",
                    f"Use one of {', '.join(EMOTIONS)}.",
                )
            check_weight(name, weight, limits.MAX_EMOTION_WEIGHT)

    @property
    def channels(self) -> dict[str, float]:
        """Both by channel, as a key of emotion keys names them."""
        return {**self.emotions, **self.units}


def encode_expression(expression: Expression) -> str:
    """The JSON text, in one line."""
    return json.dumps(
        {"units": dict(expression.units), "emotions": dict(expression.emotions)}, allow_nan=False
    )
