# SPDX-License-Identifier: GPL-3.0-or-later
"""Training samples of the skin network, made from a seed: what a made-up person's skin shows at
rest, and how it then folds in an emotion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float32Array
from ....shared.emotion import EMOTIONS
from ....shared.head import HeadModel
from ...avatar.skin_maps import STATES, identity_maps
from ...avatar.skin_zones import FOLDS
from .skins import Skins, flush_of
from .truth import draw_heights
from .wrinkle_identity import WrinkleIdentity, draw_identity, in_emotion

SPLITS = ("train", "held-out")
NO_EMOTION = STATES - 1
"""The state of a face whose motion no emotion made."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """maps: (maps, E, E), what the network reads; state: index into `EMOTIONS`, or `NO_EMOTION`;
    heights: (folds, E, E) mm at full pressing; flush: (E, E); colour (E, E, 3) sRGB at rest."""

    maps: Float32Array
    state: int
    heights: Float32Array
    flush: Float32Array
    colour: Float32Array


class Samples:
    """Makes samples for one head, each from its split, seed and number alone."""

    def __init__(self, head: HeadModel) -> None:
        self._skins = Skins(head)

    @property
    def skin(self) -> Float32Array:
        """(E, E) 0..1, where the chart shows skin."""
        return self._skins.skin

    def make(
        self, split: str, seed: int, number: int, state: int | None = None, shown: float = 1.0
    ) -> Sample:
        """The sample of that number; in a state of its own choice if None. shown: how much more of
        its wrinkles shows at rest than does of a person of its age."""
        rng, drawn, identity = _person(split, seed, number)
        return self._sample(identity, drawn if state is None else state, rng, shown)

    def make_swapped(self, seed: int, number: int, other: int, state: int) -> Sample:
        """The held-out person `number` whose skin has the wrinkles, and their trace, of `other`."""
        _, _, lent = _person("held-out", seed, other)
        rng, _, _ = _person("held-out", seed, number)
        return self._sample(lent, state, rng)

    def _sample(
        self, identity: WrinkleIdentity, state: int, rng: np.random.Generator, shown: float = 1.0
    ) -> Sample:
        emotion = None if state == NO_EMOTION else EMOTIONS[state]
        at_rest = draw_heights(identity.folds)
        heights = draw_heights(in_emotion(identity, emotion), (identity.folds, at_rest))
        shares = shown * np.array([identity.trace[name] for name in FOLDS], np.float32)
        skin = self._skins.draw(rng)
        look = self._skins.look(skin, np.tensordot(shares, at_rest, 1), rng)
        return Sample(
            maps=identity_maps(look),
            state=state,
            heights=heights * self.skin,
            flush=flush_of(skin, emotion) * self.skin,
            colour=look.colour,
        )


def _person(split: str, seed: int, number: int) -> tuple[np.random.Generator, int, WrinkleIdentity]:
    """What each sample of that number begins with: a generator, from which the state and the
    wrinkles were drawn."""
    rng = np.random.default_rng([seed, SPLITS.index(split), number])
    state = int(rng.integers(STATES))
    return rng, state, draw_identity(rng)
