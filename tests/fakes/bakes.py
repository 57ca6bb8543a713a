# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes of random takes with a small head: the real ones, and a plain twin without chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
from affekt.shared.emotion import EmotionTrack
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion, cut_motion
from affekt.sidecar.bake.bake import CHUNK, BakedChunk, BakeJob, BakeResult
from affekt.sidecar.bake.store import ChunkStore, MemoryStore
from affekt.sidecar.bake.take import Prepared, map_back, prepare
from affekt.sidecar.denormals import flushed_denormals
from affekt.sidecar.head.forward import HeadLayer
from affekt.sidecar.modulation.modulator import Modulator, modulate_part
from affekt.sidecar.motion.adapter import LinearAdapter

from .head import small_head
from .modulator import small_modulator
from .takes import arkit_motion, random_motion

FRAMES = 3 * CHUNK + 39
_RNG = np.random.default_rng(0)
HEAD, MODULATOR = (
    small_head(),
    replace(
        small_modulator(),
        asymmetry_gain=1.0,
        lip_opening=_RNG.normal(0, 1, (103, 5)).astype(np.float32),
    ),
)
ADAPTER = LinearAdapter(
    space="flame2023",
    arkit_from_space=_RNG.normal(0, 0.1, (52, 103)).astype(np.float32),
    arkit_bias=np.full(52, 0.2, np.float32),
    space_from_arkit=_RNG.normal(0, 1, (103, 52)).astype(np.float32),
)
TAKES: dict[str, Callable[[], Motion]] = {
    "open": lambda: random_motion(FRAMES),
    "arkit": lambda: arkit_motion(FRAMES),
    "flame2023": lambda: random_motion(FRAMES, space="flame2023"),
}
SPACES = sorted(TAKES)
RATES = (30.0, 24.0, 29.97, 60.0, 120.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baked:
    """All of a bake: motions as in `BakeResult`, vertices (frames, V, 3)."""

    motion: Motion
    take_motion: Motion
    vertices: np.ndarray


@cache
def prepared(space: str = "open", fps: float = 30.0) -> Prepared:
    return prepare(replace(TAKES[space](), fps=fps), HEAD, ADAPTER, MODULATOR)


def random_track(seed: int) -> EmotionTrack:
    """Every curve differs in each frame; about a third of the frames are not changed at all."""
    rng = np.random.default_rng(seed)
    curves = rng.random((5, FRAMES)).astype(np.float32)
    start = int(rng.integers(0, FRAMES))
    curves[0, start : start + FRAMES // 3] = 0
    return EmotionTrack(
        weights=rng.random((FRAMES, 6)).astype(np.float32),
        influence=curves[0],
        upper=curves[1] * 2,
        lower=curves[2] * 2,
        geometry=np.ones(FRAMES, np.float32),
        appearance=curves[3],
        keep_closed=curves[4],
        fps=30.0,
    )


def run(
    store: ChunkStore, take: Prepared, track: EmotionTrack, frames: range | None = None, **options
) -> tuple[list[BakedChunk], BakeResult]:
    """The chunks and the result of a bake."""
    job = BakeJob(take, track, frames, store, **options)
    return list(job), job.finish()


def bake_prepared(take: Prepared, track: EmotionTrack, frames: range | None = None) -> Baked:
    """A bake in memory."""
    chunks, result = run(MemoryStore(), take, track, frames)
    vertices = np.concatenate([chunk.vertices for chunk in chunks if chunk.vertices is not None])
    return Baked(motion=result.motion, take_motion=result.take_motion, vertices=vertices)


def bake(
    motion: Motion,
    track: EmotionTrack,
    head: HeadModel,
    adapter: LinearAdapter | None,
    modulator: Modulator,
    frames: range | None = None,
    open_head: HeadModel | None = None,
) -> Baked:
    """A bake in memory."""
    return bake_prepared(prepare(motion, head, adapter, modulator, open_head), track, frames)


def plain_bake(take: Prepared, track: EmotionTrack, frames: range | None = None) -> Baked:
    """The same without chunks: the whole take at once, of which `frames` are cut out."""
    whole = range(len(take.motion))
    frames = whole if frames is None else frames
    with flushed_denormals():
        after = modulate_part(take.before, track, take.modulator, whole)
    mapped = map_back(take, after, track, whole)
    shown = after if take.head.space == "open" else mapped
    return Baked(
        motion=cut_motion(after, frames.start, frames.stop),
        take_motion=cut_motion(mapped, frames.start, frames.stop),
        vertices=HeadLayer(take.head).vertices(shown, 0, len(whole))[frames.start : frames.stop],
    )


def same_bits(a: Motion, b: Motion) -> bool:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Motion)]
    return all(
        x.tobytes() == y.tobytes() if isinstance(x, np.ndarray) else x == y for x, y in pairs
    )
