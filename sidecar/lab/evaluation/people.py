# SPDX-License-Identifier: GPL-3.0-or-later
"""People who never lived, to hold avatars against: what each looks like (`people.toml`)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ....shared.arrays import Float32Array
from ....shared.head import HeadModel
from ....shared.motion import ARKIT_NAMES, Motion, make_motion, name_weights

Style = Literal["back", "side", "fringe", "round", "long", "bob", "bun"]
Colour = tuple[float, float, float]
MAX_SHAPE = 300
_SPREAD = 0.7
"""What a person has beside their words: random components of so many standard deviations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strands:
    """Hair or beard. length: metres; wave: how much strands turn on their way. only: a beard that
    grows on the upper lip alone."""

    length: float
    colour: Colour
    style: Style = "back"
    wave: float = 0.3
    only: Literal["lip"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """face: words of MakeHuman's sliders and how far they are turned; skin, lip, iris: sRGB 0 to 1;
    freckles, lines, stubble: 0 to 1; glasses: the colour of their frame; photo: the expression in
    the photo, ARKit's weights by name; yaw: how far the photo is taken from the person's left,
    degrees. seed: of all that is drawn by chance."""

    name: str
    seed: int
    face: Mapping[str, float]
    skin: Colour
    lip: Colour
    iris: Colour
    photo: Mapping[str, float] = field(default_factory=dict)
    freckles: float = 0.0
    lines: float = 0.0
    stubble: float = 0.0
    hair: Strands | None = None
    beard: Strands | None = None
    glasses: Colour | None = None
    yaw: float = 0.0


def read_people() -> list[Person]:
    """The people of `people.toml`, in its order."""
    table = tomllib.loads(Path(__file__).with_name("people.toml").read_text("utf-8"))
    return [_person(name, seed, entry) for seed, (name, entry) in enumerate(table.items())]


def read_words() -> dict[str, Float32Array]:
    """What the words of MakeHuman's sliders are in the open head's identity, (S,) each."""
    root = Path(__file__).parents[3]
    table = json.loads((root / "addon/head/identities.json").read_text("utf-8"))
    return {word: np.array(shares, np.float32) for word, shares in table.items()}


def _person(name: str, seed: int, entry: dict[str, object]) -> Person:
    given = dict(entry)
    for part in ("hair", "beard"):
        if isinstance(strands := given.get(part), dict):
            given[part] = Strands(**strands)
    return Person(name=name, seed=seed, **given)  # pyright: ignore[reportArgumentType]


def identity_of(person: Person, words: Mapping[str, Float32Array]) -> Float32Array:
    """(S,) the person's identity on the open head. words: of each slider's word (S,)."""
    size = len(next(iter(words.values())))
    shape = _SPREAD * np.random.default_rng(1000 + person.seed).standard_normal(size)
    for word, amount in person.face.items():
        shape += amount * words[word]
    return np.asarray(shape, np.float32)


def pose_of(
    person: Person, shape: Float32Array, head: HeadModel, weights: Mapping[str, float]
) -> Motion:
    """One frame of the person with these ARKit weights, by name."""
    scores = name_weights([weights])[0, : len(ARKIT_NAMES)]
    return make_motion(
        expression=(head.arkit_expression @ scores)[None].astype(np.float32),
        jaw=(head.arkit_jaw @ scores)[None].astype(np.float32),
        eyes=(head.arkit_eyes @ scores)[None].astype(np.float32),
        shape=np.pad(shape, (0, MAX_SHAPE - len(shape))),
        fps=30,
        space="open",
    )
