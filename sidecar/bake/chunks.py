# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake in chunks that are kept: pure, named by all that they depend on, the same bits as `bake`.

Chunks lie on one grid over the whole take, whatever frames are asked for. So a bake that was
killed, or whose track has changed in part, computes only the chunks that are not there yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.emotion import EmotionTrack
from ...shared.motion import Motion, cut_motion
from ..cache.parts import Part
from ..cache.user import UserCache
from ..denormals import flushed_denormals
from ..head.forward import Mover, layer_of
from ..modulation.modulator import Answers, modulate_part
from ..modulation.network import NUMBERS
from .bake import Prepared, check_bake, map_back
from .pc2 import pc2_header
from .recipe import motion_key, vertices_key

CHUNK = 64
"""Frames of a chunk, whole blocks of the head's grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BakedChunk:
    """The frames of a chunk that were asked for; `done` of `total` frames are there. is_new:
    whether it had to be computed."""

    frames: range
    done: int
    total: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChunkedResult:
    """What a bake of `frames` (of the take) gives. motion: those frames in space "open";
    take_motion: in the take's own space; vertices: the PC2 as an artefact (sha256, size), or
    None where none were wanted."""

    frames: range
    motion: Motion
    take_motion: Motion
    vertices: tuple[str, int] | None


class ChunkedBake:
    """A bake of `frames` of a prepared take (all if None), chunk by chunk.

    Iterate it once, then call `finish`. A chunk is kept in `cache` as soon as it is whole; who
    stops iterating loses at most the chunk under way.
    Raises InputError `frames.out_of_range`, `emotion.shape`, `space.no_adapter` at once, and
    JobError `job.disk`, LinkError `link.no_artefact` (a chunk was removed meanwhile: bake again)
    while it is iterated.
    """

    def __init__(
        self,
        prepared: Prepared,
        track: EmotionTrack,
        frames: range | None,
        cache: UserCache,
        *,
        with_vertices: bool = True,
    ) -> None:
        frames = range(len(prepared.motion)) if frames is None else frames
        check_bake(prepared.motion, track, prepared.head, frames)
        self.frames = frames
        self._prepared, self._track, self._cache = prepared, track, cache
        self._answers: Answers = {}
        self._numbers: list[Float32Array] = []  # of the frames so far (2, n, 103), as in a chunk
        self._vertices = _Vertices(prepared, frames, cache) if with_vertices else None

    def __iter__(self) -> Iterator[BakedChunk]:
        for chunk in chunks_of(self.frames, len(self._prepared.motion)):
            wanted = range(max(chunk.start, self.frames.start), min(chunk.stop, self.frames.stop))
            numbers, is_new = self._motion(chunk)
            if self._vertices is not None:
                is_new |= self._vertices.add(self._shown(chunk, numbers), chunk, wanted)
            self._numbers.append(numbers[:, wanted.start - chunk.start : wanted.stop - chunk.start])
            done = wanted.stop - self.frames.start
            yield BakedChunk(frames=wanted, done=done, total=len(self.frames), is_new=is_new)

    def finish(self) -> ChunkedResult:
        """The result, once all chunks were iterated."""
        numbers = np.concatenate(self._numbers, 1)
        return ChunkedResult(
            frames=self.frames,
            motion=_with_numbers(self._prepared.before, self.frames, numbers[0]),
            take_motion=_with_numbers(self._prepared.motion, self.frames, numbers[1]),
            vertices=None if self._vertices is None else self._vertices.keep(),
        )

    def _motion(self, chunk: range) -> tuple[Float32Array, bool]:
        """(2, n, 103) expression and jaw in space "open" and in the take's own; whether they had
        to be computed."""
        key, shape = motion_key(self._prepared, self._track, chunk), (2, len(chunk), NUMBERS)
        part = self._cache.find_chunk(key, 4 * int(np.prod(shape)))
        if part is not None:
            data = b"".join(self._cache.part_blocks(part))
            return np.frombuffer(data, "<f4").reshape(shape), False
        with flushed_denormals():
            after = modulate_part(
                self._prepared.before, self._track, self._prepared.modulator, chunk, self._answers
            )
        mapped = map_back(self._prepared, after, chunk)
        numbers = np.stack([np.concatenate([m.expression, m.jaw], 1) for m in (after, mapped)])
        self._cache.add_chunk(key, [numbers.astype("<f4", copy=False).data])
        return numbers, True

    def _shown(self, chunk: range, numbers: Float32Array) -> Motion:
        if self._prepared.head.space == "open":
            return _with_numbers(self._prepared.before, chunk, numbers[0])
        return _with_numbers(self._prepared.motion, chunk, numbers[1])


class _Vertices:
    """The PC2 of the frames, growing chunk by chunk; what there is already is only read."""

    def __init__(self, prepared: Prepared, frames: range, cache: UserCache) -> None:
        self._head, self._cache = prepared.head, cache
        count = len(self._head.template)
        self._frame_bytes = 12 * count
        self._header = pc2_header(count, len(frames), frames.start)
        self._digest = hashlib.sha256(self._header)
        self._parts: list[Part] = []
        self._shown = prepared.before if self._head.space == "open" else prepared.motion

    @cached_property
    def _mover(self) -> Mover:
        return layer_of(self._head).mover(self._shown)

    def add(self, shown: Motion, chunk: range, wanted: range) -> bool:
        """Adds the frames `wanted` of a chunk; whether they had to be computed."""
        key, first = vertices_key(self._head, shown), wanted.start - chunk.start
        offset, length = first * self._frame_bytes, len(wanted) * self._frame_bytes
        self._parts.append(Part(key=key, offset=offset, length=length))
        if self._cache.find_chunk(key, len(chunk) * self._frame_bytes) is None:
            self._cache.add_chunk(key, self._computed(shown, range(first, first + len(wanted))))
            return True
        for data in self._cache.part_blocks(self._parts[-1]):
            self._digest.update(data)
        return False

    def keep(self) -> tuple[str, int]:
        """The PC2 as an artefact."""
        return self._cache.add_parts(self._header, self._parts, self._digest.hexdigest())

    def _computed(self, shown: Motion, wanted: range) -> Iterator[memoryview]:
        start = 0
        for block in self._mover.blocks(shown, 0, len(shown)):
            data = np.ascontiguousarray(block, "<f4")
            low, high = (min(max(at - start, 0), len(block)) for at in (wanted.start, wanted.stop))
            self._digest.update(data[low:high].data)
            yield data.data
            start += len(block)


def chunks_of(frames: range, length: int) -> Iterator[range]:
    """The chunks of a take of `length` in which the frames lie."""
    for start in range(frames.start - frames.start % CHUNK, frames.stop, CHUNK):
        yield range(start, min(start + CHUNK, length))


def _with_numbers(whole: Motion, frames: range, numbers: Float32Array) -> Motion:
    """Those frames with expression and jaw (n, 103) in their place."""
    cut = cut_motion(whole, frames.start, frames.stop)
    expression, jaw = np.split(numbers, [100], 1)
    return replace(cut, expression=np.ascontiguousarray(expression), jaw=np.ascontiguousarray(jaw))
