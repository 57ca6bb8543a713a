# SPDX-License-Identifier: GPL-3.0-or-later
"""ARKit's weights by name, and the layout of LAM's `bsData.json`."""

from __future__ import annotations

import difflib
import json

from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES, Motion
from .json_values import wrong_shape

_IGNORED = ("_neutral",)


def weight_columns(names: object, name: str) -> list[int | None]:
    """The index in `ARKIT_NAMES` of each of a file's names, None for those that are ignored.

    Raises InputError `motion.shape`, `motion.unknown_weight`.
    """
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise wrong_shape("names", name, "a list of ARKit's weight names")
    names = [plain_name(n) for n in names]
    if len(set(names)) < len(names):
        raise wrong_shape("names", name, "a list in which each name stands once")
    for unknown in (n for n in names if n not in ARKIT_NAMES and n not in _IGNORED):
        near = difflib.get_close_matches(unknown, ARKIT_NAMES, 1)
        raise InputError(
            "motion.unknown_weight",
            f"{name} has a weight called '{unknown:.40}', which ARKit does not know.",
            f"Did you mean '{near[0]}'?" if near else "Rename or remove it.",
        )
    return [None if n in _IGNORED else ARKIT_NAMES.index(n) for n in names]


def plain_name(name: str) -> str:
    """ARKit's spelling of a weight: eyeBlinkLeft for `EyeBlinkLeft` (Live Link) and `eyeBlink_L`
    (Apple's raw values). Other names are returned unchanged."""
    spelt = name[:1].lower() + name[1:]
    for short, long in (("_L", "Left"), ("_R", "Right")):
        if spelt.endswith(short):
            spelt = spelt.removesuffix(short) + long
    return spelt if spelt in ARKIT_NAMES else name


def encode_arkit(motion: Motion) -> bytes:
    """Encodes weights and head rotation in the layout of `bsData.json`."""
    weights = motion.expression[:, : len(ARKIT_NAMES)].tolist()
    turns = motion.rotation.tolist()
    content = {
        "names": list(ARKIT_NAMES),
        "metadata": {
            "fps": motion.fps,
            "frame_count": len(motion),
            "blendshape_names": list(ARKIT_NAMES),
        },
        "frames": [
            {"weights": row, "time": i / motion.fps, "rotation": turn}
            for i, (row, turn) in enumerate(zip(weights, turns, strict=True))
        ],
    }
    return json.dumps(content).encode()
