# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads, downloads and pictures: what the disk queue's thread does with the users' files. A user
sees only their own part of the cache."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...shared import limits, messages
from ...shared.errors import AffektError, JobError
from ...shared.messages import Message
from ..cache.cache import Cache
from ..worker.failures import known

_log = logging.getLogger("affekt.server")
FileRequest = messages.FindArtefact | messages.Upload | messages.Download


@dataclass(slots=True)
class _Download:
    """began, last: when its first and its last piece were read, in seconds since 1970."""

    began: float
    last: float


class Transfers:
    """The cache as the server uses it. All calls come from the disk queue's thread. Files that
    are being downloaded are not evicted."""

    def __init__(self, cache: Cache, now: Callable[[], float] = time.time) -> None:
        self._cache = cache
        self._now = now
        self._downloads: dict[tuple[str, str], _Download] = {}
        self.size_bytes = 0
        """Size of the cache when it was measured last; any thread may read it."""

    def answer(self, user: str, request: FileRequest, in_use_since: float | None) -> Message:
        """The answer, or a `Failure`; never raises. in_use_since: files that were used since then
        (`time.time`) may not be evicted for an upload."""
        try:
            return self._answer(user, request, in_use_since)
        except Exception as error:
            return failure(known(error, f"'{request.TYPE}'"))

    def touch(self, user: str, artefacts: Sequence[str]) -> None:
        """Marks those artefacts as used now that are there."""
        for sha256 in artefacts:
            try:
                self._cache.user(user).state(sha256)
            except AffektError as error:  # the job itself will say so
                _log.warning("%s", error)

    def read_piece(self, user: str, file: str, offset: int) -> tuple[int, bytes]:
        """Size of a picture's file, and at most `limits.CHUNK_BYTES` of it from `offset` on.
        Raises JobError `job.disk`."""
        try:
            with self._cache.user(user).file(file).open("rb") as opened:
                size = opened.seek(0, 2)
                opened.seek(offset)
                return size, opened.read(limits.CHUNK_BYTES)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise JobError(
                "job.disk",
                f"A picture cannot be read from the sidecar's cache ({reason}).",
                "Start it again: what is still there is kept.",
            ) from error

    def make_room(self, in_use_since: float | None) -> AffektError | None:
        """Evicts the least recently used files while the cache is too large; returns the error
        if files in use fill it."""
        try:
            self._make_room(0, in_use_since)
        except AffektError as error:
            return error
        return None

    def _answer(self, user: str, request: FileRequest, in_use_since: float | None) -> Message:
        cache = self._cache.user(user)
        if isinstance(request, messages.FindArtefact):
            return cache.state(request.sha256)
        if isinstance(request, messages.Download):
            chunk = cache.read(request.sha256, request.offset)
            self._note_download((user, request.sha256), len(chunk.data))
            return chunk
        # For the whole at first, then for each piece: several uploads may run at once.
        self._make_room(len(request.data) if request.offset else request.size, in_use_since)
        return cache.take(request)

    def _make_room(self, needed_bytes: int, in_use_since: float | None) -> None:
        oldest = self._now() - limits.DOWNLOAD_S
        self._downloads = {k: d for k, d in self._downloads.items() if d.last >= oldest}
        began = [download.began for download in self._downloads.values()]
        in_use = began if in_use_since is None else [*began, in_use_since]
        self._cache.make_room(needed_bytes, min(in_use, default=None))
        self.size_bytes = self._cache.size_bytes()

    def _note_download(self, name: tuple[str, str], length: int) -> None:
        if length < limits.CHUNK_BYTES:  # its end
            self._downloads.pop(name, None)
        else:
            now = self._now()
            self._downloads.setdefault(name, _Download(now, now)).last = now


def failure(error: AffektError) -> messages.Failure:
    """The error as an answer."""
    return messages.Failure(
        code=error.code, message=error.message[:4000], remedy=error.remedy[:4000]
    )
