# SPDX-License-Identifier: GPL-3.0-or-later
"""A stock of made-up faces for training: each step a few new ones and some of the newest."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....shared.arrays import Float32Array, Int64Array
from ....shared.head import HeadModel
from .faces import Faces, FaceSettings, make_face
from .samples import Sample, Samples

_AHEAD = 6
"""Steps for which faces are made while the network computes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SkinBatch:
    """B faces, as in `Sample`."""

    maps: Float32Array
    states: Int64Array
    heights: Float32Array
    flush: Float32Array


class Stock:
    """Faces by their number. A step's batch depends on the seed and the step alone: after a
    resumption the faces that are missing are made again."""

    def __init__(
        self,
        head: HeadModel,
        seed: int,
        fresh: int,
        kept: int,
        plain: int,
        faces: Path | None = None,
    ) -> None:
        """fresh, kept, plain: as in `AppearanceConfig`. faces: a folder of faces that are made
        already. Raises as `Faces`."""
        self.samples = Samples(head)
        self._seed, self._fresh, self._most = seed, fresh, kept
        self._settings = FaceSettings(seed=seed, plain=plain)
        self._faces = None if faces is None else Faces(faces, self._settings, head)
        self._made: dict[int, Future[Sample]] = {}
        self._maker = ThreadPoolExecutor(1)

    def batch(self, step: int, size: int, part: slice) -> SkinBatch:
        """The rows `part` of a step's batch of that size."""
        for later in range(step, step + _AHEAD):
            for number in self._new(later):
                self._order(number)
        rng = np.random.default_rng([self._seed, 5, step])
        new = self._new(step)
        low = max(0, new[-1] + 1 - self._most)
        again = rng.integers(low, new[-1] + 1, size - len(new)).tolist()
        turned = rng.random(size) < 0.5
        rows = list(zip([*new, *again], turned.tolist(), strict=True))[part]
        faces = [(self._order(number).result(), flipped) for number, flipped in rows]
        self._drop()

        def stacked(name: str) -> Float32Array:
            found = [(getattr(face, name), flipped) for face, flipped in faces]
            values = [value[..., ::-1] if flipped else value for value, flipped in found]
            return np.stack(values).astype(np.float32)

        states = np.array([face.state for face, _ in faces], np.int64)
        return SkinBatch(
            maps=stacked("maps"), states=states, heights=stacked("heights"), flush=stacked("flush")
        )

    def close(self) -> None:
        """Ends the making of faces that nobody will ask for."""
        self._maker.shutdown(wait=True, cancel_futures=True)

    def _new(self, step: int) -> list[int]:
        return list(range(step * self._fresh, (step + 1) * self._fresh))

    def _order(self, number: int) -> Future[Sample]:
        if number not in self._made:
            self._made[number] = self._maker.submit(self._make, number)
        return self._made[number]

    def _make(self, number: int) -> Sample:
        found = None if self._faces is None else self._faces.find(number)
        return make_face(self.samples, self._settings, number) if found is None else found

    def _drop(self) -> None:
        while len(self._made) > self._most + _AHEAD * self._fresh:
            del self._made[min(self._made)]
