# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a character's jaw, eyes, neck and head by the names of its bones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .character_names import words_of

ROLES = ("jaw", "eye_left", "eye_right", "neck", "head")
"""What a bone may be to a take."""
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_DECORATIONS = frozenset(
    word
    for words in (
        "adj armature base bind bip bone c cc ctrl def deform facial j jnt joint m mch",
        "mixamorig org rig sk skeleton",
    )
    for word in words.split()
)
"""Words that rigs put around the names of bones: Mixamo, Character Creator, VRoid, Rigify, ..."""
_NAMES = {
    "jaw": {"jaw", "jawroot", "jawmaster", "lowerjaw"},
    "eye": {"eye", "eyeball", "faceeye"},
    "neck": {"neck", "necktwist", "necklower"},
    "head": {"head"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterBones:
    """found: a bone's name for each role that is clear. unclear: the bones between which nothing
    decides, by role."""

    found: dict[str, str]
    unclear: dict[str, tuple[str, ...]]


def match_bones(names: Sequence[str]) -> CharacterBones:
    """Finds the bones of a head among an armature's, given from the root on."""
    candidates: dict[str, list[tuple[int, str]]] = {role: [] for role in ROLES}
    for name in names:
        found = _role(words_of(name))
        if found is not None:
            candidates[found[0]].append((found[1], name))
    best: dict[str, tuple[str, ...]] = {}
    for role, several in candidates.items():
        least = min((rank for rank, _ in several), default=0)
        best[role] = tuple(name for rank, name in several if rank == least)
    return CharacterBones(
        found={role: bones[0] for role, bones in best.items() if len(bones) == 1},
        unclear={role: bones for role, bones in best.items() if len(bones) > 1},
    )


def _role(words: tuple[str, ...]) -> tuple[str, int] | None:
    """The role of a bone, and how much its name holds besides: its number, such as neck_02's, and
    a word for each decoration that only some of a rig's bones have."""
    plain = [word for word in words if word not in _DECORATIONS]
    sides = {_SIDES[word] for word in plain if word in _SIDES}
    numbers = [int(word) for word in plain if word.isdigit()]
    core = "".join(word for word in plain if word not in _SIDES and not word.isdigit())
    kind = next((kind for kind, cores in _NAMES.items() if core in cores), None)
    if kind is None or len(sides) != (kind == "eye") or len(numbers) > 1:
        return None
    rank = 100 * sum(word in ("mch", "org", "ctrl") for word in words) + sum(numbers)
    return (f"eye_{sides.pop()}" if kind == "eye" else kind), rank
