# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads that arrive piece by piece. Unfinished ones are lost when the process ends."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...shared import limits
from ...shared.errors import LinkError
from ...shared.messages import Upload
from ...shared.replacement import flush_file
from . import disk


@dataclass(slots=True)
class _Arrival:
    partial: Path
    size: int
    received: int
    digest: hashlib._Hash


class Uploads:
    """One user's unfinished uploads. Not thread-safe: the owner locks."""

    def __init__(self, folder: Path, on_growth: Callable[[int], None]) -> None:
        """folder: for partial and whole files; it must exist when pieces come. on_growth: called
        with the bytes by which the cache has grown, or shrunk."""
        self._folder = folder
        self._on_growth = on_growth
        self._arrivals: OrderedDict[str, _Arrival] = OrderedDict()

    def received(self, sha256: str) -> int:
        """Bytes that have arrived of an unfinished upload; 0 if there is none."""
        arrival = self._arrivals.get(sha256)
        return arrival.received if arrival else 0

    def take(self, upload: Upload) -> Path | None:
        """Adds a piece if it follows the last one; returns the artefact's file once it is whole.
        Raises LinkError `link.hash`; OSError, after which the upload starts from its first byte."""
        try:
            arrival = self._arrival(upload)
            if upload.offset != arrival.received:
                return None
            self._append(arrival, upload.data)
            return self._finish(upload, arrival) if arrival.received == arrival.size else None
        except FileNotFoundError:  # it was taken for a leftover: it starts again
            self._forget(upload.sha256)
            return None
        except OSError:
            self._forget(upload.sha256)
            raise

    def _arrival(self, upload: Upload) -> _Arrival:
        arrival = self._arrivals.get(upload.sha256)
        if arrival is None or arrival.size != upload.size:
            self._forget(upload.sha256)
            while len(self._arrivals) >= limits.MAX_ARRIVALS:
                self._forget(next(iter(self._arrivals)))
            arrival = _Arrival(disk.new_partial(self._folder), upload.size, 0, hashlib.sha256())
            self._arrivals[upload.sha256] = arrival
        self._arrivals.move_to_end(upload.sha256)
        return arrival

    def _append(self, arrival: _Arrival, data: bytes) -> None:
        with arrival.partial.open("r+b") as file:  # not "ab", which would make a lost file anew
            file.seek(arrival.received)
            file.write(data)
        arrival.digest.update(data)
        arrival.received += len(data)
        self._on_growth(len(data))

    def _finish(self, upload: Upload, arrival: _Arrival) -> Path:
        if arrival.digest.hexdigest() != upload.sha256:
            self._forget(upload.sha256)
            raise LinkError(
                "link.hash",
                f"{upload.name} did not arrive as it was announced.",
                "Is another program writing it? Try again.",
            )
        path = self._folder / upload.sha256
        flush_file(arrival.partial)
        disk.rename(arrival.partial, path)
        del self._arrivals[upload.sha256]
        return path

    def _forget(self, sha256: str) -> None:
        arrival = self._arrivals.pop(sha256, None)
        if arrival is not None:
            disk.remove(arrival.partial)
            self._on_growth(-arrival.received)
