# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a bake keeps its chunks: in the user's cache (`cache/user.py`), or in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Protocol

from ..cache.parts import Block, Part

MEMORY_BYTES = 32 << 20
"""Size of a `MemoryStore`: some seconds of vertices. Those of a long take would be gigabytes."""


class ChunkStore(Protocol):
    """Keeps chunks of bytes, each under a key of all that its bytes depend on. A chunk may vanish
    at any time. Every method may raise JobError `job.disk`."""

    def find_chunk(self, key: str, length: int | None = None) -> Part | None:
        """The whole chunk, or None if there is none, or none of `length` bytes."""
        ...

    def add_chunk(self, key: str, blocks: Iterable[Block]) -> Part:
        """Keeps the blocks as one chunk."""
        ...

    def part_blocks(self, part: Part) -> Iterator[bytes]:
        """The part's bytes, block by block. Raises LinkError `link.no_artefact` if its chunk is
        gone."""
        ...


class MemoryStore:
    """Chunks in memory. Once there are more than `most_bytes`, the oldest are dropped."""

    def __init__(self, most_bytes: int = MEMORY_BYTES) -> None:
        self._chunks = OrderedDict[str, bytes]()
        self._most_bytes = most_bytes

    def find_chunk(self, key: str, length: int | None = None) -> Part | None:
        """See `ChunkStore`."""
        found = self._chunks.get(key)
        if found is None or length not in (None, len(found)):
            return None
        return Part(key=key, offset=0, length=len(found))

    def add_chunk(self, key: str, blocks: Iterable[Block]) -> Part:
        """See `ChunkStore`."""
        self._chunks[key] = data = b"".join(blocks)
        while sum(map(len, self._chunks.values())) > self._most_bytes:
            self._chunks.popitem(last=False)
        return Part(key=key, offset=0, length=len(data))

    def part_blocks(self, part: Part) -> Iterator[bytes]:
        """See `ChunkStore`. The part is one that `find_chunk` has just found."""
        yield self._chunks[part.key][part.offset : part.offset + part.length]
