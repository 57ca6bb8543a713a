# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head's identities: principal components of random people, and what the words of
MakeHuman's sliders (age, weight ...) are in those components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....shared.arrays import Float32Array, Float64Array, Int64Array
from ....shared.errors import InputError
from ....shared.head import HeadModel
from .assemble import Assembly
from .makehuman import read_target
from .shapes import TARGETS

IDENTITY_SPREAD = 0.16
PEOPLE = 1500
_ANCESTRIES = ("african", "asian", "caucasian")
_RANK_CUT = 1e-10
"""Directions of the people's space that are this much smaller than the largest are rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """basis (V, 3, S) per standard deviation; directions: of each word (S,) what its slider adds at
    1, from the face at rest."""

    basis: Float64Array
    directions: dict[str, Float64Array]


def build_identities(
    data: Path, assembly: Assembly, components: int, kept: HeadModel | None
) -> Identities:
    """Principal components of 1,500 random adults, each scaled to one standard deviation. kept: a
    head whose components are to go on meaning the same people, though other parts of it (hair,
    teeth) have changed since: what stands where it stood keeps its components to the bit.

    Raises InputError `head.shape` if the skin of `kept` is another one.
    """
    macro, details = _macro_targets(data, assembly), _detail_targets(data, assembly)
    people = _random_people(macro, details, assembly)
    basis = (
        _principal(people, components) if kept is None else _carried_on(people, kept, assembly)
    ).reshape(*assembly.vertices.shape, -1)
    skin = assembly.slice_of("skin")
    return Identities(
        basis=basis,
        directions={
            word: _project(displacement[skin], basis[skin])
            for word, displacement in _words(macro, details).items()
        },
    )


def _random_people(
    macro: dict[str, Float64Array], details: list[Modifier], assembly: Assembly
) -> Float64Array:
    """(P, V * 3) shapes of random adults, less their mean."""
    rng = np.random.default_rng(20)
    people = []
    for _ in range(PEOPLE):
        person = _random_macro(rng, macro)
        for pair in details:
            amount = rng.normal(
                0, IDENTITY_SPREAD * 1.0 if "head-" in pair.name else IDENTITY_SPREAD * 1.6
            )
            person = person + amount * (pair.more if amount > 0 else -pair.less)
        people.append((person - person[assembly.slice_of("skin")].mean(0)).astype(np.float32))
    stack = np.stack(people).reshape(len(people), -1)
    stack -= stack.mean(0)
    return stack


def _principal(people: Float64Array, components: int) -> Float64Array:
    """(V * 3, S) components of one standard deviation."""
    values, vectors = np.linalg.eigh((people @ people.T).astype(np.float64))
    values, vectors = values[::-1][:components], vectors[:, ::-1][:, :components]
    return (people.T @ vectors) / np.sqrt(len(people) - 1)


def _carried_on(people: Float64Array, kept: HeadModel, assembly: Assembly) -> Float64Array:
    """(V * 3, S) the components of `kept`: which mixture of the people each is, is told from its
    skin, and the same mixture moves the rest."""
    skin, template = assembly.slice_of("skin"), assembly.vertices.astype(np.float32)
    check_skin(kept, template, skin)
    faces = people.reshape(len(people), -1, 3)[:, skin].reshape(len(people), -1)
    values, vectors = np.linalg.eigh((faces @ faces.T).astype(np.float64))
    real = values > _RANK_CUT * values[-1]
    wanted = kept.shape_basis[skin].astype(np.float64).reshape(-1, kept.shape_basis.shape[2])
    mixed = vectors[:, real].T @ (faces @ wanted) / values[real, None]
    basis = (people.T @ (vectors[:, real] @ mixed)).reshape(*template.shape, -1)
    same = (kept.template == template).all(1)
    basis[same] = kept.shape_basis[same]
    return basis.reshape(-1, basis.shape[2])


def check_skin(kept: HeadModel, template: Float32Array, skin: Int64Array) -> None:
    """Raises InputError `head.shape` unless `kept` has as many vertices as the template (V, 3), and
    those of the skin in the same places."""
    if len(kept.template) != len(template) or not np.array_equal(
        kept.template[skin], template[skin]
    ):
        raise InputError(
            "head.shape",
            "The head whose identities are to stay has another skin.",
            "Build without one (--keep none): the components are then new ones.",
        )


def _project(displacement: Float64Array, basis: Float64Array) -> Float64Array:
    """(S,) the components that come nearest to a displacement (n, 3), wherever the head stands."""
    centred = displacement - displacement.mean(0)
    columns = (basis - basis.mean(0)).reshape(-1, basis.shape[2])
    return np.linalg.lstsq(columns, centred.ravel(), rcond=None)[0]


_DETAILS = {
    "Weight": ("head/head-fat", "cheek/cheek-volume"),
    "Jaw": ("chin/chin-width", "chin/chin-bones"),
    "Nose": ("nose/nose-volume", "nose/nose-scale-horiz"),
    "Lips": ("mouth/mouth-upperlip-volume", "mouth/mouth-lowerlip-volume"),
}
"""MakeHuman's sliders of the face's parts that a word turns."""


def _words(macro: dict[str, Float64Array], details: list[Modifier]) -> dict[str, Float64Array]:
    """Displacements (V, 3) of MakeHuman's sliders from the neutral adult, who is young, half male,
    of average build and equal parts of three ancestries."""

    def face(gender: str, age: str, ancestries: tuple[str, ...] = _ANCESTRIES) -> Float64Array:
        return np.mean([macro[f"{one}-{gender}-{age}"] for one in ancestries], axis=0)

    def person(gender: str, age: str) -> Float64Array:
        body = macro[f"universal-{gender}-{age}-averagemuscle-averageweight"]
        return np.asarray(body + face(gender, age), np.float64)

    def both(make: Callable[[str], Float64Array]) -> Float64Array:
        return 0.5 * (make("female") + make("male"))

    def fat(gender: str) -> Float64Array:
        most, least = (f"universal-{gender}-young-averagemuscle-{w}weight" for w in ("max", "min"))
        return 0.5 * (macro[most] - macro[least])

    def origin(ancestry: str) -> Float64Array:
        return both(lambda gender: face(gender, "young", (ancestry,)) - face(gender, "young"))

    parts = {pair.name: 0.5 * (pair.more - pair.less) for pair in details}
    turned = {word: np.sum([parts[name] for name in names], 0) for word, names in _DETAILS.items()}
    return {
        "Gender": 0.5 * (person("male", "young") - person("female", "young")),
        "Age": both(lambda gender: person(gender, "old") - person(gender, "young")),
        "Weight": both(fat) + turned["Weight"],
        "African": origin("african"),
        "Asian": origin("asian"),
        **{word: turned[word] for word in ("Jaw", "Nose", "Lips")},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Modifier:
    """A slider of MakeHuman: displacement (V, 3) toward more and toward less."""

    name: str
    more: Float64Array
    less: Float64Array


def _detail_targets(data: Path, assembly: Assembly) -> list[Modifier]:
    """Reads the sliders of the face's parts, both sides of the face in one."""
    found: dict[str, dict[str, Float64Array]] = {}
    identity = TARGETS["identity"]
    slots = {end: slot for slot, ends in identity["ends"].items() for end in ends}
    for folder in identity["folders"]:
        for path in sorted((data / "mpfb2/targets" / folder).glob("*.target.gz")):
            name = path.name.removesuffix(".target.gz").removeprefix("l-").removeprefix("r-")
            if any(skip in name for skip in identity["skip"]) or name.startswith("measure"):
                continue
            stem, _, end = name.rpartition("-")
            slot = slots.get(end, "more")
            stem = stem if end in slots else name
            target = assembly.carry(read_target(path, len(assembly.base)))
            entry = found.setdefault(f"{folder}/{stem}", {})
            entry[slot] = entry.get(slot, 0) + target
    zero = np.zeros_like(assembly.vertices)
    return [
        Modifier(name=name, more=e.get("more", zero), less=e.get("less", zero))
        for name, e in found.items()
    ]


def _macro_targets(data: Path, assembly: Assembly) -> dict[str, Float64Array]:
    folder = data / "mpfb2/targets/macrodetails"
    names = [
        f"{a}-{g}-{t}"
        for a in ("african", "asian", "caucasian")
        for g in ("female", "male")
        for t in ("young", "old")
    ]
    names += [
        f"universal-{g}-{t}-{m}muscle-{w}weight"
        for g in ("female", "male")
        for t in ("young", "old")
        for m in ("average", "min", "max")
        for w in ("average", "min", "max")
    ]
    return {
        n: assembly.carry(read_target(folder / f"{n}.target.gz", len(assembly.base))) for n in names
    }


def _random_macro(rng: np.random.Generator, macro: dict[str, Float64Array]) -> Float64Array:
    """The macro shape of a random adult, up to a constant (V, 3)."""
    gender = {"male": rng.beta(0.6, 0.6)}
    gender["female"] = 1 - gender["male"]
    ancestry = dict(zip(("african", "asian", "caucasian"), rng.dirichlet([0.7] * 3), strict=True))
    old = rng.beta(1.2, 2.2)
    age = {"young": 1 - old, "old": old}
    muscle, weight = _three_way(rng), _three_way(rng)
    shape = np.zeros_like(macro["african-female-young"])
    for g, gw in gender.items():
        for t, tw in age.items():
            for a, aw in ancestry.items():
                shape = shape + gw * tw * aw * macro[f"{a}-{g}-{t}"]
            for m, mw in muscle.items():
                for w, ww in weight.items():
                    if mw and ww:
                        shape = (
                            shape
                            + gw * tw * mw * ww * macro[f"universal-{g}-{t}-{m}muscle-{w}weight"]
                        )
    return shape


def _three_way(rng: np.random.Generator) -> dict[str, float]:
    value = np.clip(rng.normal(0, 0.4), -1, 1)
    return {"average": 1 - abs(value), "min": max(-value, 0.0), "max": max(value, 0.0)}
