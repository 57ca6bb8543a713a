# SPDX-License-Identifier: GPL-3.0-or-later
"""Training data in memory: synchronised performances, and batches of windows cut from them.

Any program of a performance can be the source and any the target of a pair. The model is told the
target's emotion weights only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....shared.arrays import Float32Array, FloatArray, IndexArray
from ....shared.emotion import EMOTIONS, kept_level
from ....shared.head import HeadModel
from ....shared.motion import Motion, numbers_of
from ...modulation.network import NUMBERS, emotion_cues
from ...modulation.windows import HOP, MODEL_FPS, WINDOW
from ..anchors.dataset import read_synchronised
from ..anchors.emotions import VARIANTS, prototype_variants
from ..anchors.synchronised import Synchronised, make_synchronised


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """All that a network is told of one program of T frames. weights: (T, 6). variants: (6, V)
    shares of each emotion's variants. keep_closed: 0..1, the control."""

    weights: Float32Array
    variants: Float32Array
    keep_closed: float

    def cues(self) -> Float32Array:
        """(T, K) see `emotion_cues`."""
        return emotion_cues(self.weights, self.variants, self._control())

    def kept(self) -> FloatArray:
        """(T,) how far held lips stay closed; see `kept_level`."""
        return kept_level(self.weights, self._control())

    def _control(self) -> Float32Array:
        return np.full(len(self.weights), self.keep_closed, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """A `Synchronised` performance of T frames in K programs as numbers at 30 fps.

    targets, sources: (K, T, 103). weights: (K, T, 6). closure: (T,) 1 where speech closes the lips.
    held: (T,) 1 where they rest on each other in silence. keep_closed: (K,) each program's
    control. variants: (6, V) shares of each emotion's variants. shape: (300,) the
    identity's.
    """

    name: str
    kinds: tuple[str, ...]
    targets: NDArray[np.float16]
    sources: NDArray[np.float16]
    weights: NDArray[np.float16]
    closure: NDArray[np.float16]
    held: NDArray[np.float16]
    keep_closed: Float32Array
    variants: Float32Array
    shape: Float32Array

    def program(self, index: int, frames: IndexArray | slice = slice(None)) -> Program:
        """The given frames of one of the K programs."""
        return Program(
            weights=self.weights[index, frames].astype(np.float32),
            variants=self.variants,
            keep_closed=float(self.keep_closed[index]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Windows of pairs. source, target: (B, 64, 103). source_weights: (B, 64, 6) the source's
    emotion. cues: (B, 64, K) the target's, see `emotion_cues`. contact: (B, 64) 1 where the
    target's lips must meet."""

    source: Float32Array
    target: Float32Array
    source_weights: Float32Array
    cues: Float32Array
    contact: Float32Array


def make_groups(
    split: str, count: int, kinds: tuple[str, ...], seed: int, head: HeadModel
) -> list[Group]:
    """Makes the split's first `count` performances in programs of `kinds`; see
    `make_synchronised`."""
    return [group_of(make_synchronised(split, i, kinds, seed, head)) for i in range(count)]


def read_groups(folder: Path, split: str, head: HeadModel) -> list[Group]:
    """Reads the split's performances from a folder of synchronised takes (docs/formats.md).

    Raises InputError `file.*`, `motion.*`, `data.*`, `space.no_adapter`.
    """
    return [group_of(read) for read in read_synchronised(folder, split, head)]


def group_of(made: Synchronised) -> Group:
    """The performance as numbers at the network's frame rate."""
    fps = made.targets[0].fps

    def numbers(takes: tuple[Motion, ...]) -> NDArray[np.float16]:
        return np.stack([_at_model_rate(numbers_of(take), fps) for take in takes]).astype(
            np.float16
        )

    return Group(
        name=made.name,
        kinds=made.kinds,
        targets=numbers(made.targets),
        sources=numbers(made.sources),
        weights=np.stack([_at_model_rate(w, fps) for w in made.weights]).astype(np.float16),
        closure=_at_model_rate(made.closure[:, None], fps)[:, 0].astype(np.float16),
        held=_at_model_rate(made.held[:, None], fps)[:, 0].astype(np.float16),
        keep_closed=made.keep_closed.astype(np.float32),
        variants=(prototype_variants() if made.variants is None else made.variants).astype(
            np.float32
        ),
        shape=made.targets[0].shape,
    )


def _at_model_rate(values: FloatArray, fps: float) -> FloatArray:
    """Rows (T, C) resampled from `fps` to 30 fps, linearly."""
    if fps == MODEL_FPS:
        return values
    places = np.arange(0, len(values) - 1 + 1e-9, fps / MODEL_FPS)
    return np.stack([np.interp(places, np.arange(len(values)), v) for v in values.T], 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scaling:
    """How numbers are normalised, (103,) each. mean, scale: of the sources. residual_scale: of the
    changes. lowest, highest: range of the targets."""

    mean: Float32Array
    scale: Float32Array
    residual_scale: Float32Array
    lowest: Float32Array
    highest: Float32Array


def scaling_of(groups: list[Group]) -> Scaling:
    """Computes the scaling from the training data; a number that never changes gets residual_scale
    0."""
    stack = np.concatenate([g.sources.reshape(-1, NUMBERS) for g in groups]).astype(np.float32)
    mean, scale = stack.mean(0), np.maximum(stack.std(0), 0.03)
    change = np.concatenate(
        [(g.targets - np.roll(g.sources, 1, 0)).reshape(-1, NUMBERS) for g in groups]
    ).astype(np.float32)
    residual = change.std(0)
    targets = np.stack([[g.targets.min((0, 1)), g.targets.max((0, 1))] for g in groups])
    return Scaling(
        mean=mean,
        scale=scale,
        residual_scale=np.where(residual < 1e-4, 0, residual).astype(np.float32),
        lowest=targets[:, 0].min(0).astype(np.float32),
        highest=targets[:, 1].max(0).astype(np.float32),
    )


def cut_batch(groups: list[Group], size: int, rng: np.random.Generator) -> Batch:
    """`size` random windows of random pairs. Past a take's ends its first or last frame is
    repeated, as the modulator does."""
    arrays = Batch(
        source=np.empty((size, WINDOW, NUMBERS), np.float32),
        target=np.empty((size, WINDOW, NUMBERS), np.float32),
        source_weights=np.empty((size, WINDOW, len(EMOTIONS)), np.float32),
        cues=np.empty((size, WINDOW, len(EMOTIONS) * (VARIANTS + 1)), np.float32),
        contact=np.empty((size, WINDOW), np.float32),
    )
    for row in range(size):
        group = groups[rng.integers(len(groups))]
        frames = len(group.closure)
        start = int(rng.integers(-HOP, max(frames - HOP, 1)))
        places = np.clip(np.arange(start, start + WINDOW), 0, frames - 1)
        source, target = rng.integers(len(group.weights), size=2)
        if rng.random() < 0.1:  # a take without emotion
            source = 0
        # Some sources are exact targets, so that the model learns to leave those unchanged.
        pool = group.targets if rng.random() < 0.2 else group.sources
        arrays.source[row] = pool[source, places]
        arrays.target[row] = group.targets[target, places]
        arrays.source_weights[row] = group.weights[source, places]
        program = group.program(target, places)
        arrays.cues[row] = program.cues()
        held = program.kept() * group.held[places]
        arrays.contact[row] = np.maximum(group.closure[places], held)
    return arrays


def augment(batch: Batch, scale: Float32Array, rng: np.random.Generator) -> Batch:
    """The batch with what a tracker adds, on source and target alike, so that the model must keep
    it: random gain, bias and noise, and numbers that leak into others, as regressions have them.
    scale: (103,) of the sources."""
    size = len(batch.source)
    strength = (rng.random((size, 1, 1)) ** 2).astype(np.float32)
    gain = 1 + 0.15 * strength * rng.standard_normal((size, 1, NUMBERS), np.float32)
    some = rng.random((size, 1, NUMBERS)) < 0.1
    bias = some * strength * 0.3 * rng.standard_normal((size, 1, NUMBERS), np.float32) * scale
    noise = rng.standard_normal(batch.source.shape, np.float32)
    noise[:, 1:] = 0.5 * (noise[:, 1:] + noise[:, :-1])
    noise *= 0.12 * strength * scale
    added = bias + noise + _leaks(batch.source, scale, rng)
    return replace(
        batch,
        source=np.asarray(batch.source * gain + added, np.float32),
        target=np.asarray(batch.target * gain + added, np.float32),
    )


def _leaks(source: Float32Array, scale: Float32Array, rng: np.random.Generator) -> Float32Array:
    """(B, 64, 103) what the numbers of half the takes take of the motion of five others each.
    Levels do not leak, or a source's emotion would be wanted in the target."""
    size = len(source)
    mixing = rng.standard_normal((size, NUMBERS, NUMBERS), np.float32) / np.sqrt(5)
    mixing *= rng.random(mixing.shape) < 5 / NUMBERS
    share = np.where(rng.random((size, 1, 1)) < 0.5, 0.8 * rng.random((size, 1, 1)), 0)
    motion = (source - source.mean(1, keepdims=True)) / scale
    return np.asarray(share * (motion @ mixing) * scale, np.float32)
