# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells ARKit's shapes by the names of a character's shape keys, whatever the naming.

A name is cut into words (`A25_Jaw_Open` is a, 25, jaw, open). What is left of it beside a name of
the tables is its decoration; a decoration counts only where it says nothing about the key: it is
none, the mesh's own name, or what several keys share. The keys with one decoration, in the words
of one table, are a set. The largest set of a mesh counts, smaller ones add what it lacks. Two keys
of one set for the same shape are never chosen between: the shape stays open, and that is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .character_tables import CONVENTIONS, Part
from .motion import ARKIT_NAMES
from .wording import say_count

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SIDE_WORDS = {"l": "left", "left": "left", "r": "right", "right": "right"}
_FACE_WORDS = frozenset(word.lower() for name in ARKIT_NAMES for word in _WORD.findall(name)) | {
    "lip",
    "lips",
    "lid",
    "corner",
    "chin",
}
"""Words that say something about a face: a key with one too many is another shape, such as a
corrective of two."""
_LEAST_SHARED = 3
"""Keys that must share a decoration."""
_LONGEST = 12
"""Words of a name that is looked at; longer ones are no names of shapes."""
_NAMED = 4
"""Names that a sentence lists."""

Decoration = tuple[tuple[str, ...], tuple[str, ...]]
"""Words before and behind, with # for numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMatch:
    """The key of the mesh moves with ARKit's shape."""

    shape: str
    mesh: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenShape:
    """A shape for which the mesh has several keys, or one whose name says too little: none is
    taken."""

    shape: str
    mesh: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterNames:
    """What the names of a character's keys say. matches: in `ARKIT_NAMES` order, then by mesh.
    missing: shapes without a key. unclear: shapes that two keys of a mesh claim. spare: keys beside
    those that were taken, by shape. conventions: the tables that were used, most used first."""

    matches: tuple[KeyMatch, ...]
    missing: tuple[str, ...]
    unclear: tuple[OpenShape, ...]
    spare: tuple[OpenShape, ...]
    conventions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a table says of one key."""

    convention: str
    shape: str
    part: Part
    decoration: Decoration
    key: str


_Set = tuple[str, Decoration]


def match_names(keys: Mapping[str, Sequence[str]]) -> CharacterNames:
    """Finds ARKit's shapes among a character's keys, given by mesh. A shape may have a key in each
    of several meshes."""
    words = {mesh: {name: words_of(name) for name in names} for mesh, names in keys.items()}
    shared = _shared_decorations(name for named in words.values() for name in named.values())
    matches: list[KeyMatch] = []
    unclear: list[OpenShape] = []
    spare: list[OpenShape] = []
    used: Counter[str] = Counter()
    for mesh, named in words.items():
        own = words_of(mesh)
        readings = [r for key, said in named.items() for r in _readings_in(own, key, said)]
        sound = [r for r in readings if _says_nothing(r.decoration, shared)]
        found, open_shapes, told = _choose(mesh, sound)
        used += told
        matches += found
        unclear += open_shapes
        spare += _spare(mesh, readings, found, open_shapes)
    known = {match.shape for match in matches}
    return CharacterNames(
        matches=tuple(sorted(matches, key=lambda one: ARKIT_NAMES.index(one.shape))),
        missing=tuple(name for name in ARKIT_NAMES if name not in known),
        unclear=tuple(unclear),
        spare=tuple(spare),
        conventions=tuple(name for name, _ in used.most_common()),
    )


def words_of(name: str) -> tuple[str, ...]:
    """The name's words, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


def _readings_in(mesh: tuple[str, ...], key: str, words: tuple[str, ...]) -> list[_Reading]:
    """The readings of a key in a mesh whose name, in words, may stand before its own."""
    found = _readings(key, words)
    if not found and mesh and words[: len(mesh)] == mesh:
        found = _readings(key, words[len(mesh) :])
    return found


def _readings(key: str, words: tuple[str, ...]) -> list[_Reading]:
    """Each table's reading of a key, with as little decoration as possible."""
    if not words or len(words) > _LONGEST:
        return []
    best: dict[str, _Reading] = {}
    for core, side, before, behind in _cuts(words):
        for convention, shape in _PARTS.get((core, side), ()):
            reading = _Reading(convention, shape, (core, side), (before, behind), key)
            size, kept = len(before) + len(behind), best.get(convention)
            if kept is None or size < sum(map(len, kept.decoration)):
                best[convention] = reading
    return list(best.values())


def _cuts(words: tuple[str, ...]) -> Iterable[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """Every core of adjacent words with a side taken out of the name or not, and the words before
    and behind it, as far as these say nothing of the face."""
    sides = [i for i, word in enumerate(words) if word in _SIDE_WORDS]
    for place in (None, *sides):
        side = "" if place is None else _SIDE_WORDS[words[place]]
        left = words if place is None else (*words[:place], *words[place + 1 :])
        for start in range(len(left)):
            for stop in range(start + 1, len(left) + 1):
                before, behind = _plain(left[:start]), _plain(left[stop:])
                if before is not None and behind is not None:
                    yield "".join(left[start:stop]), side, before, behind


def _plain(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The words of a decoration, with # for numbers; None if one is about the face or a side."""
    if any(word in _FACE_WORDS or word in _SIDE_WORDS for word in words):
        return None
    return tuple("#" if word.isdigit() else word for word in words)


def _parts() -> dict[Part, tuple[tuple[str, str], ...]]:
    """Convention and shape that each part stands for."""
    out: dict[Part, tuple[tuple[str, str], ...]] = {}
    for convention, table in CONVENTIONS.items():
        for shape, parts in table.items():
            # A word that holds both, such as mouthSmileLeft in lower case, has its side inside.
            whole = {(f"{core}{side}", "") for core, side in parts if side}
            for part in {*parts, *whole}:
                out[part] = (*out.get(part, ()), (convention, shape))
    return out


_PARTS = _parts()


def _shared_decorations(names: Iterable[tuple[str, ...]]) -> Counter[tuple[str, tuple[str, ...]]]:
    """How many keys begin and end with the same words."""
    count: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for words in names:
        plain = tuple("#" if word.isdigit() else word for word in words[:_LONGEST])
        for size in range(1, len(plain)):
            count["before", plain[:size]] += 1
            count["behind", plain[-size:]] += 1
    return count


def _says_nothing(decoration: Decoration, shared: Counter[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether there is no decoration, or several keys share it."""
    return all(
        not words or shared[where, words] >= _LEAST_SHARED
        for where, words in zip(("before", "behind"), decoration, strict=True)
    )


def _choose(
    mesh: str, readings: Sequence[_Reading]
) -> tuple[list[KeyMatch], list[OpenShape], Counter[str]]:
    """Keys of one mesh by shape, what stays open, and how many shapes each table gave."""
    sets: dict[_Set, list[_Reading]] = {}
    for one in readings:
        sets.setdefault((one.convention, one.decoration), []).append(one)
    sizes = {name: len({one.shape for one in own}) for name, own in sets.items()}
    order = sorted(sets, key=lambda name: _rank(name, sizes[name]))
    found: dict[str, list[str]] = {}
    unclear: dict[str, set[str]] = {}
    used: Counter[str] = Counter()
    taken: dict[str, _Set] = {}
    for name in order:
        by_part = _by_part(sets[name])
        for shape, keys in by_part.items():
            rivals = {key for several in keys for key in several if len(several) > 1}
            mine = {key for several in keys for key in several}
            if shape in taken:
                if _is_rival(taken[shape], name, sizes) and not mine <= set(found.get(shape, ())):
                    unclear.setdefault(shape, set(found.pop(shape, ()))).update(mine)
            elif rivals:
                taken[shape], unclear[shape] = name, rivals
            else:
                taken[shape], found[shape] = name, [several[0] for several in keys]
                used[name[0]] += 1
    matches = [KeyMatch(shape=s, mesh=mesh, key=k) for s, own in found.items() for k in own]
    opened = [OpenShape(shape=s, mesh=mesh, keys=tuple(sorted(k))) for s, k in unclear.items()]
    return matches, opened, used


def _by_part(readings: Sequence[_Reading]) -> dict[str, list[list[str]]]:
    """A set's keys by shape, a list for each of the shape's parts."""
    parts: dict[str, dict[Part, list[str]]] = {}
    for one in readings:
        core, side = one.part
        keys = parts.setdefault(one.shape, {}).setdefault((f"{core}{side}", ""), [])
        keys.append(one.key)
    return {shape: list(own.values()) for shape, own in parts.items()}


def _rank(name: _Set, size: int) -> tuple[int, int, int]:
    """The larger set first, then the table that stands first, then the less decorated."""
    convention, (before, behind) = name
    return -size, list(CONVENTIONS).index(convention), len(before) + len(behind)


def _is_rival(taken: _Set, other: _Set, sizes: Mapping[_Set, int]) -> bool:
    """Whether nothing speaks for one of two sets: the same table and as many shapes, both
    decorated."""
    is_plain = not any(taken[1])
    return taken[0] == other[0] and sizes[taken] == sizes[other] and not is_plain


def _spare(
    mesh: str, readings: Sequence[_Reading], found: Sequence[KeyMatch], unclear: Sequence[OpenShape]
) -> list[OpenShape]:
    """Keys that could be a shape by their words, and were not taken, by shape."""
    used = {match.key for match in found} | {key for one in unclear for key in one.keys}
    spare: dict[str, set[str]] = {}
    for one in readings:
        if one.key not in used and one.convention == "ARKit":
            spare.setdefault(one.shape, set()).add(one.key)
    return [OpenShape(shape=s, mesh=mesh, keys=tuple(sorted(k))) for s, k in spare.items()]


def describe_names(found: CharacterNames) -> list[str]:
    """Sentences for the animator: how much was found, in how many meshes, and what is open."""
    shapes = {match.shape for match in found.matches}
    were = "was" if len(shapes) == 1 else "were"
    said = [f"{len(shapes)} of ARKit's {len(ARKIT_NAMES)} shapes {were} found{_by(found)}."]
    if 0 < len(found.missing) < len(ARKIT_NAMES):
        said.append(f"It lacks {_list(found.missing)}.")
    for one in found.unclear:
        said.append(
            f"{one.mesh} has {say_count(len(one.keys), 'key')} for {one.shape}, "
            f"{_list(one.keys)}: none is used until you choose one."
        )
    return [*said, *_say_spare(found.spare, shapes), *_say_meshes(found)]


def _say_meshes(found: CharacterNames) -> list[str]:
    """In one sentence which shapes are in several meshes: a face with eyes, teeth, brows and lashes
    of their own has most of them in several, and each group of its own would fill the panel."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for shape in sorted({match.shape for match in found.matches}, key=ARKIT_NAMES.index):
        here = tuple(sorted({m.mesh for m in found.matches if m.shape == shape}))
        if len(here) > 1:
            groups.setdefault(here, []).append(shape)
    if not groups:
        return []
    meshes = sorted({mesh for here in groups for mesh in here})
    shapes = [shape for names in groups.values() for shape in names]
    what = _list(shapes) if len(groups) == 1 else say_count(len(shapes), "shape")
    where = _list(meshes) if len(groups) == 1 else f"several meshes ({_list(meshes)})"
    return [f"{what} {'is' if len(shapes) == 1 else 'are'} in {where}: all of them move."]


def _by(found: CharacterNames) -> str:
    return f" by the names of {' and '.join(found.conventions)}" if found.conventions else ""


def _say_spare(spare: Sequence[OpenShape], found: set[str]) -> list[str]:
    """Of each mesh the keys that were left out, and those that may be a shape it lacks."""
    said: list[str] = []
    for mesh in dict.fromkeys(one.mesh for one in spare):
        mine = [one for one in spare if one.mesh == mesh]
        left_out = [key for one in mine if one.shape in found for key in one.keys]
        if left_out:
            those = "it was" if len(left_out) == 1 else "they were"
            said.append(
                f"{mesh} also has {_list(left_out)} for shapes that it has already: {those} left "
                "out."
            )
        said += [
            f"{_list(one.keys)} of {mesh} may be {one.shape}: choose it in the list if it is."
            for one in mine
            if one.shape not in found
        ]
    return said


def _list(names: Sequence[str]) -> str:
    """The names in a row, the last ones as a number where there are many."""
    shown, rest = list(names[:_NAMED]), len(names) - _NAMED
    if rest > 0:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
