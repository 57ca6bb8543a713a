# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake in chunks that are kept: pure, named by all that they depend on, the same bits as `bake`.

Chunks lie on one grid over the whole take, whatever frames are asked for. So a bake that was
killed, or whose track has changed in part, computes only the chunks that are not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...shared.emotion import EmotionTrack
from ...shared.motion import Motion
from ..cache.user import UserCache
from .bake import Prepared

CHUNK = 64
"""Frames of a chunk."""


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
        raise NotImplementedError

    def __iter__(self) -> Iterator[BakedChunk]:
        raise NotImplementedError

    def finish(self) -> ChunkedResult:
        """The result, once all chunks were iterated."""
        raise NotImplementedError
