# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of ARKit's weights in all their spellings: `EyeBlinkLeft`, `eyeBlink_L` and
`blendShapes.eye_blink_left` are one."""

from __future__ import annotations

import functools
import re

from ...shared.motion import ARKIT_NAMES

_SIGNS = re.compile(r"[^a-z0-9]")


@functools.lru_cache(maxsize=4096)  # a JSON take repeats its names in each frame
def key_of(name: str) -> str:
    """The name without case, signs and the parts before its last point; sides are written out."""
    plain = name.rsplit(".", 1)[-1] if not name.endswith((".L", ".R", ".l", ".r")) else name
    lower = plain.strip().lower()
    for short, long in (("_l", "left"), ("_r", "right"), (".l", "left"), (".r", "right")):
        if lower.endswith(short):
            lower = lower.removesuffix(short) + long
    return _SIGNS.sub("", lower)


WEIGHTS = {key_of(name): i for i, name in enumerate(ARKIT_NAMES)}
"""Weights by their key, with their places in `ARKIT_NAMES`."""


def is_weight(name: str) -> bool:
    """Whether this is the name of a weight, however it is spelt."""
    return key_of(name) in WEIGHTS


def weight_place(name: str) -> int | None:
    """The weight's place in `ARKIT_NAMES`, None if it is none of them."""
    return WEIGHTS.get(key_of(name))
