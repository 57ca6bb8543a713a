# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head's identities: principal components of random people, and what the words of
MakeHuman's sliders (age, weight ...) are in those components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
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
    targets = [*macro.values(), *(side for pair in details for side in (pair.more, -pair.less))]
    skin = assembly.slice_of("skin")
    people = _People(
        mixtures=_random_mixtures(list(macro), details),
        targets=np.stack([target - target[skin].mean(0) for target in targets]),
    )
    basis = _principal(people, components) if kept is None else _carried_on(people, kept, assembly)
    return Identities(
        basis=basis,
        directions={
            word: _project(displacement[skin], basis[skin])
            for word, displacement in _words(macro, details).items()
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _People:
    """Random adults: mixtures (P, T), less their mean, of targets (T, V, 3), whose skins stay where
    they are on the whole."""

    mixtures: Float64Array
    targets: Float64Array

    def mix(self, shares: Float64Array) -> Float64Array:
        """(V, 3, S) sums of the people by shares (P, S)."""
        return np.einsum("tvd,ts->vds", self.targets, self.mixtures.T @ shares, optimize=True)

    def products(self, vertices: Int64Array) -> Float64Array:
        """(P, P) inner products of the people's shapes at those vertices."""
        flat = self.targets[:, vertices].reshape(len(self.targets), -1)
        return self.mixtures @ (flat @ flat.T) @ self.mixtures.T


def _random_mixtures(macro: list[str], details: list[Modifier]) -> Float64Array:
    """(P, T) how much of each macro target, and of each slider's two sides, random adults have,
    less the mean."""
    rng = np.random.default_rng(20)
    rows = np.zeros((PEOPLE, len(macro) + 2 * len(details)))
    for row in rows:
        shares = _random_macro(rng)
        row[: len(macro)] = [shares.get(name, 0.0) for name in macro]
        for number, pair in enumerate(details):
            spread = IDENTITY_SPREAD * (1.0 if "head-" in pair.name else 1.6)
            amount = rng.normal(0, spread)
            row[len(macro) + 2 * number + (0 if amount > 0 else 1)] = amount
    return rows - rows.mean(0)


def _principal(people: _People, components: int) -> Float64Array:
    """(V, 3, S) components of one standard deviation."""
    values, vectors = np.linalg.eigh(people.products(np.arange(people.targets.shape[1])))
    return people.mix(vectors[:, ::-1][:, :components] / np.sqrt(len(values) - 1))


def _carried_on(people: _People, kept: HeadModel, assembly: Assembly) -> Float64Array:
    """(V, 3, S) the components of `kept`: which mixture of the people each is, is told from its
    skin, and the same mixture moves the rest."""
    skin, template = assembly.slice_of("skin"), assembly.vertices.astype(np.float32)
    check_skin(kept, template, skin)
    values, vectors = np.linalg.eigh(people.products(skin))
    real = values > _RANK_CUT * values[-1]
    wanted = kept.shape_basis[skin].astype(np.float64)
    seen = people.mixtures @ np.einsum(
        "tvd,vds->ts", people.targets[:, skin], wanted, optimize=True
    )
    basis = people.mix(vectors[:, real] @ (vectors[:, real].T @ seen / values[real, None]))
    same = (kept.template == template).all(1)
    basis[same] = kept.shape_basis[same]
    return basis


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
}
"""MakeHuman's sliders of the face's parts that a word turns. Other parts, such as the lips' volume,
are not in the components: they move the face too little."""


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
        **{word: turned[word] for word in ("Jaw", "Nose")},
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
        f"{a}-{g}-{t}" for a in _ANCESTRIES for g in ("female", "male") for t in ("young", "old")
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


def _random_macro(rng: np.random.Generator) -> dict[str, float]:
    """How much of each macro target a random adult has, who has most of them not at all."""
    gender = {"male": rng.beta(0.6, 0.6)}
    gender["female"] = 1 - gender["male"]
    ancestry = dict(zip(_ANCESTRIES, rng.dirichlet([0.7] * 3), strict=True))
    old = rng.beta(1.2, 2.2)
    age = {"young": 1 - old, "old": old}
    muscle, weight = _three_way(rng), _three_way(rng)
    shares: dict[str, float] = {}
    for (g, in_gender), (t, in_age) in product(gender.items(), age.items()):
        for a, in_ancestry in ancestry.items():
            shares[f"{a}-{g}-{t}"] = in_gender * in_age * in_ancestry
        for (m, in_muscle), (w, in_weight) in product(muscle.items(), weight.items()):
            name = f"universal-{g}-{t}-{m}muscle-{w}weight"
            shares[name] = in_gender * in_age * in_muscle * in_weight
    return shares


def _three_way(rng: np.random.Generator) -> dict[str, float]:
    value = np.clip(rng.normal(0, 0.4), -1, 1)
    return {"average": 1 - abs(value), "min": max(-value, 0.0), "max": max(value, 0.0)}
