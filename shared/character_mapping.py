# SPDX-License-Identifier: GPL-3.0-or-later
"""What a take's ARKit weights become on a character: by its calibration, and by the strengths
that an animator gives its shapes. Kept as text, in the character and in each take written by it."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field

import numpy as np

from .arrays import Float32Array
from .calibration import SHAPES, Calibration, calibrated
from .errors import InputError

_SIZES = {"map": (SHAPES, SHAPES), "most": (SHAPES,), "gaps": (2, SHAPES), "reach": (SHAPES, 2)}
_LEAST_GAIN = 0.1
"""An edit of a key that hardly follows its weight says little about the weight."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightMapping:
    """calibration: None for weights as they are. strengths (52,): factors on the result."""

    calibration: Calibration | None = None
    strengths: Float32Array = field(default_factory=lambda: np.ones(SHAPES, np.float32))

    def apply(self, weights: Float32Array) -> Float32Array:
        """The character's weights (T, 52) for a take's (T, 52). A row's bits do not depend on the
        others."""
        rows = weights if self.calibration is None else calibrated(weights, self.calibration)
        return np.asarray(rows * self.strengths, np.float32)

    @property
    def gains(self) -> Float32Array:
        """(52,) how far each shape follows its own weight."""
        own = 1.0 if self.calibration is None else np.diag(self.calibration.map)
        return np.maximum(own * self.strengths, _LEAST_GAIN).astype(np.float32)


def encode_calibration(calibration: Calibration) -> str:
    """The calibration as text."""
    parts = [getattr(calibration, name).astype("<f4").ravel() for name in _SIZES]
    return base64.b64encode(np.concatenate(parts).tobytes()).decode()


def decode_calibration(text: str) -> Calibration:
    """The calibration of a text. Raises InputError `avatar.calibration_values`."""
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), "<f4")
        ends = np.cumsum([int(np.prod(shape)) for shape in _SIZES.values()])
        if len(values) != ends[-1]:
            raise ValueError("it has another length")
    except (ValueError, binascii.Error) as error:
        raise InputError(
            "avatar.calibration_values",
            "The calibration that the file holds is damaged.",
            "Calibrate the character again.",
        ) from error
    parts = zip(_SIZES.items(), np.split(values, ends[:-1]), strict=True)
    return Calibration(**{n: part.reshape(shape).copy() for (n, shape), part in parts})


def encode_mapping(mapping: WeightMapping) -> str:
    """The mapping as text; equal mappings give equal texts."""
    kept = mapping.calibration
    return json.dumps(
        {
            "calibration": "" if kept is None else encode_calibration(kept),
            "strengths": [float(value) for value in mapping.strengths],
        }
    )


def decode_mapping(text: str) -> WeightMapping:
    """The mapping of a text; weights as they are for none. Raises InputError
    `avatar.calibration_values`."""
    if not text:
        return WeightMapping()
    try:
        kept = json.loads(text)
        strengths = np.array(kept["strengths"], np.float32)
        calibration = kept["calibration"]
        if strengths.shape != (SHAPES,) or not np.isfinite(strengths).all():
            raise ValueError("strengths")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "avatar.calibration_values",
            "What the file says of the take's weights is damaged.",
            "Import the take again.",
        ) from error
    return WeightMapping(
        calibration=decode_calibration(calibration) if calibration else None, strengths=strengths
    )
