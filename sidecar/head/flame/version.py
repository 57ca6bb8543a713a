# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the version of a FLAME file: 2020 and 2023 differ in expressions but not in layout."""

from __future__ import annotations

import numpy as np

from ....shared.errors import InputError
from ....shared.motion import FLAME_SPACES
from ...quarantine.process import Arrays

# Bounding box and foremost point of FLAME 2023 Open's template in metres, as float32. Templates of
# other versions differ by millimetres.
_OPEN_2023 = np.array(
    [
        -0.10978439,
        -0.18724248,
        -0.15323225,
        0.10776618,
        0.13212053,
        0.07508866,
        0.00062432,
        -0.01018405,
        0.07508866,
    ]
)
_TOLERANCE = 2e-6


def space_of(arrays: Arrays, label: str, asked: str | None) -> str:
    """The expression space of a FLAME file: `asked`, or if None found by the content.

    Raises InputError `head.version` if the content does not tell or contradicts, or if `asked` is
    not a space of FLAME.
    """
    if asked is not None and asked not in FLAME_SPACES:
        raise _error(f"'{asked}' is no version of FLAME.", label)
    found = _found(arrays)
    if found is None and asked is None:
        raise _error(f"{label} does not tell which FLAME it is.", label)
    if found is not None and asked is not None and found != asked:
        raise _error(f"{label} is '{found}', not '{asked}'.", label)
    return found or asked or ""


def _found(arrays: Arrays) -> str | None:
    template = arrays.get("v_template")
    if template is None or template.shape != (5023, 3) or not np.isfinite(template).all():
        return None
    foremost = template[int(template[:, 2].argmax())]
    seen = np.concatenate([template.min(0), template.max(0), foremost])
    return "flame2023" if np.abs(seen - _OPEN_2023).max() < _TOLERANCE else None


def _error(message: str, label: str) -> InputError:
    return InputError(
        "head.version",
        message,
        "Say which it is: `affekt head import --flame FILE --out HEAD --space flame2020` (the "
        "file generic_model.pkl of FLAME 2020) or `--space flame2023` (flame2023.pkl), then use "
        f"that head in place of {label}.",
    )
