# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes an emotion track into a take: computes the emotional motion and its vertices.

A bake computes chunks on one grid over the whole take, whichever frames are asked for, and
keeps each chunk in a store under a fingerprint of all that it depends on. So a bake that was
killed, or whose track has changed in part, computes only the chunks that are missing.
"""

from __future__ import annotations

import hashlib
import math
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.emotion import EmotionTrack, check_length
from ...shared.errors import JobError, LinkError
from ...shared.motion import Motion, cut_motion, frames_outside, numbers_of
from ..cache.parts import Part
from ..denormals import flushed_denormals
from ..head.forward import Mover, layer_of
from ..modulation.modulator import Answers, modulate_part
from ..modulation.network import NUMBERS
from .recipe import motion_key, vertices_key
from .store import ChunkStore, MemoryStore
from .take import Prepared, map_back

CHUNK = 64
"""Frames of a chunk, whole blocks of the head's grid."""
_PC2_HEADER = struct.Struct("<12siiffi")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakedChunk:
    """The requested frames of one chunk; `done` of `total` frames are finished.

    is_new: whether anything of the chunk was computed. vertices: (n, V, 3) float32 metres, in
    memory only as long as this record; None if none were wanted.
    """

    frames: range
    done: int
    total: int
    is_new: bool
    vertices: Float32Array | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointCache:
    """A PC2 file, which Blender's Mesh Cache modifier plays: `header`, then `parts` of the
    store's chunks. sha256: of the whole file, in hex."""

    header: bytes
    parts: tuple[Part, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeResult:
    """The result for `frames` of the take.

    motion: in space "open". take_motion: in the take's own space, with only the change mapped
    back. vertices: None if none were wanted.
    """

    frames: range
    motion: Motion
    take_motion: Motion
    vertices: PointCache | None


class BakeJob:
    """A bake of `frames` of a prepared take (all if None), with a track of the take's length.

    Iterate it once, then call `finish`; stopping early loses at most the chunk under way. Frames
    baked alone have the same bits as in a bake of the whole take; where influence is 0 the motion
    is the take's, bit for bit.

    on_disk_error: called at most once, with JobError `job.disk` of the store; the bake then goes
    on in memory. Without it the error ends the iteration.
    Raises InputError `frames.out_of_range` or `emotion.shape` at once.
    """

    def __init__(
        self,
        prepared: Prepared,
        track: EmotionTrack,
        frames: range | None,
        store: ChunkStore,
        *,
        with_vertices: bool = True,
        on_disk_error: Callable[[JobError], None] | None = None,
    ) -> None:
        length = len(prepared.motion)
        frames = range(length) if frames is None else frames
        if frames.step != 1 or not 0 <= frames.start < frames.stop <= length:
            raise frames_outside(frames, length)
        check_length(track, length)
        self.frames, self.vertex_count = frames, len(prepared.head.template)
        self.pc2_header = pc2_header(self.vertex_count, len(frames), frames.start)
        self.seconds: dict[str, float] = dict.fromkeys(("convert", "modulate", "map back"), 0.0)
        """Seconds that each stage took so far; the caller who prepared the take sets `convert`."""
        self._prepared, self._track, self._store = prepared, track, store
        self.with_vertices, self._on_disk_error = with_vertices, on_disk_error
        self._answers: Answers = {}
        self._numbers: list[Float32Array] = []  # of the frames so far, as `_motion` gives them
        self._parts: list[Part] = []
        self._pc2_hash = hashlib.sha256(self.pc2_header)

    def __iter__(self) -> Iterator[BakedChunk]:
        for chunk in chunks_of(self.frames, len(self._prepared.motion)):
            wanted = range(max(chunk.start, self.frames.start), min(chunk.stop, self.frames.stop))
            inside = slice(wanted.start - chunk.start, wanted.stop - chunk.start)
            numbers, is_new = self._motion(chunk)
            vertices = None
            if self.with_vertices:
                vertices, is_moved = self._vertices(chunk, numbers, inside)
                is_new |= is_moved
            self._numbers.append(numbers[:, inside])
            yield BakedChunk(
                frames=wanted,
                done=wanted.stop - self.frames.start,
                total=len(self.frames),
                is_new=is_new,
                vertices=vertices,
            )

    def finish(self) -> BakeResult:
        """The result, once all chunks were iterated."""
        numbers, vertices = np.concatenate(self._numbers, 1), None
        if self.with_vertices:
            parts, sha256 = tuple(self._parts), self._pc2_hash.hexdigest()
            vertices = PointCache(header=self.pc2_header, parts=parts, sha256=sha256)
        return BakeResult(
            frames=self.frames,
            motion=_with_numbers(self._prepared.before, self.frames, numbers[0]),
            take_motion=_with_numbers(self._prepared.motion, self.frames, numbers[1]),
            vertices=vertices,
        )

    def _motion(self, chunk: range) -> tuple[Float32Array, bool]:
        """(2, n, 103) expression and jaw in space "open" and in the take's own; whether they were
        computed."""

        def compute() -> Float32Array:
            with self._measured("modulate"), flushed_denormals():
                before, modulator = self._prepared.before, self._prepared.modulator
                after = modulate_part(before, self._track, modulator, chunk, self._answers)
            with self._measured("map back"):
                mapped = map_back(self._prepared, after, self._track, chunk)
            return np.stack([numbers_of(after), numbers_of(mapped)])

        key = motion_key(self._prepared, self._track, chunk)
        return self._kept(key, (2, len(chunk), NUMBERS), compute)

    def _vertices(
        self, chunk: range, numbers: Float32Array, inside: slice
    ) -> tuple[Float32Array, bool]:
        """(n, V, 3) the frames `inside` the chunk; whether they were computed."""
        head = self._prepared.head
        own = numbers[0 if head.space == "open" else 1]
        shown = _with_numbers(self._prepared.shown, chunk, own)
        shape = len(chunk), self.vertex_count, 3

        def compute() -> Float32Array:
            vertices = np.empty(shape, np.float32)
            for _ in self._mover.fill(shown, 0, len(chunk), lambda low, high: vertices[low:high]):
                pass
            return vertices

        key = vertices_key(head, shown)
        whole, is_new = self._kept(key, shape, compute)
        vertices, frame_bytes = whole[inside], whole[0].nbytes
        self._parts.append(Part(key=key, offset=inside.start * frame_bytes, length=vertices.nbytes))
        self._pc2_hash.update(vertices.data)
        return vertices, is_new

    @cached_property
    def _mover(self) -> Mover:
        return layer_of(self._prepared.head).mover(self._prepared.shown)

    def _kept(
        self, key: str, shape: tuple[int, ...], compute: Callable[[], Float32Array]
    ) -> tuple[Float32Array, bool]:
        """The chunk from the store, else computed and stored; and whether it was computed."""
        values = self._with_store(lambda store: _read(store, key, shape))
        if values is not None:
            return values, False
        values = np.ascontiguousarray(compute(), "<f4")
        self._with_store(lambda store: store.add_chunk(key, [values.data.cast("B")]))
        return values, True

    def _with_store(self, use: Callable[[ChunkStore], _Answer]) -> _Answer | None:
        """Returns what `use` returns, or None after an error of the disk."""
        try:
            return use(self._store)
        except JobError as error:
            if self._on_disk_error is None:
                raise
            self._on_disk_error(error)
            self._store = MemoryStore()
            return None

    @contextmanager
    def _measured(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - began


def chunks_of(frames: range, length: int) -> Iterator[range]:
    """The chunks of a take of `length` in which the frames lie."""
    for start in range(frames.start - frames.start % CHUNK, frames.stop, CHUNK):
        yield range(start, min(start + CHUNK, length))


def pc2_header(points: int, samples: int, start: int) -> bytes:
    """The header of a PC2 file, little endian: "POINTCACHE2\\0", int32 version 1, int32 points,
    float32 start frame, float32 sample rate, int32 samples. Then follow samples x points x 3
    float32, in metres."""
    return _PC2_HEADER.pack(b"POINTCACHE2\0", 1, points, float(start), 1.0, samples)


def _read(store: ChunkStore, key: str, shape: tuple[int, ...]) -> Float32Array | None:
    part = store.find_chunk(key, 4 * math.prod(shape))
    if part is None:
        return None
    try:
        return np.frombuffer(b"".join(store.part_blocks(part)), "<f4").reshape(shape)
    except LinkError:  # another process has removed it since it was found
        return None


def _with_numbers(whole: Motion, frames: range, numbers: Float32Array) -> Motion:
    """The frames of `whole` with expression and jaw replaced by `numbers` (n, 103)."""
    cut = cut_motion(whole, frames.start, frames.stop)
    expression, jaw = np.split(numbers, [100], 1)
    return replace(cut, expression=np.ascontiguousarray(expression), jaw=np.ascontiguousarray(jaw))
