# SPDX-License-Identifier: GPL-3.0-or-later
"""ARKit's weights by name."""

from __future__ import annotations

import difflib

from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES
from .json_values import wrong_shape
from .weight_names import key_of, weight_place

_IGNORED = ("_neutral",)


def weight_columns(names: object, name: str) -> list[int | None]:
    """The index in `ARKIT_NAMES` of each of a file's names, None for those that are ignored.

    Raises InputError `motion.shape`, `motion.unknown_weight`.
    """
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise wrong_shape("names", name, "a list of ARKit's weight names")
    if len({key_of(n) for n in names}) < len(names):
        raise wrong_shape("names", name, "a list in which each name stands once")
    places = [weight_place(n) for n in names]
    for unknown in (n for n, p in zip(names, places, strict=True) if p is None):
        if unknown not in _IGNORED:
            near = difflib.get_close_matches(unknown, ARKIT_NAMES, 1)
            raise InputError(
                "motion.unknown_weight",
                f"{name} has a weight called '{unknown:.40}', which ARKit does not know.",
                f"Did you mean '{near[0]}'?" if near else "Rename or remove it.",
            )
    return places
