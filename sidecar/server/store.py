# SPDX-License-Identifier: GPL-3.0-or-later
"""The artefacts of one run of the sidecar: files named by the SHA-256 of their bytes, under a
folder that is gone when the sidecar is."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...shared import limits
from ...shared.connection import make_private_folder
from ...shared.errors import JobError, LinkError
from ...shared.messages import ArtefactChunk, ArtefactState, Upload
from .parent import is_process_alive

_PREFIX = "sidecar-"


@dataclass(slots=True)
class _Arrival:
    """An artefact of which only part is there."""

    path: Path
    size: int
    received: int
    digest: hashlib._Hash


class Store:
    """Artefacts and the jobs' own folders. Methods may be called from any thread."""

    def __init__(self, cache_folder: Path) -> None:
        """Makes a folder for this run, and removes those of sidecars that were killed."""
        make_private_folder(cache_folder)
        _remove_orphans(cache_folder)
        self.root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=cache_folder))
        self._arrivals: dict[str, _Arrival] = {}
        self._lock = threading.Lock()

    def state(self, sha256: str) -> ArtefactState:
        """How much of the artefact is here."""
        with self._lock:
            return self._state(sha256)

    def take(self, upload: Upload) -> ArtefactState:
        """Adds a piece. A piece that does not follow the last one is not taken: the answer says
        where to go on. Raises LinkError `link.upload`, `link.hash`; JobError `job.disk`."""
        most = limits.ARTEFACT_BYTES.get(upload.kind, 0)
        if upload.size > most or upload.offset + len(upload.data) > upload.size:
            raise LinkError(
                "link.upload",
                f"{upload.name} is larger than announced, or than a file of its kind may be.",
                "Choose a smaller file.",
            )
        with self._lock, _disk_errors():
            if not self._path(upload.sha256).exists():
                self._append(upload)
            return self._state(upload.sha256)

    def path(self, sha256: str, name: str) -> Path:
        """Where the whole artefact lies. Raises LinkError `link.no_artefact`."""
        path = self._path(sha256)
        if not path.exists():
            raise LinkError(
                "link.no_artefact",
                f"The sidecar does not have {name}.",
                "Import it again: a sidecar forgets all files when it ends.",
            )
        return path

    def read(self, sha256: str, offset: int) -> ArtefactChunk:
        """A piece from `offset` on; empty behind the end. Raises LinkError `link.no_artefact`."""
        with _disk_errors(), self.path(sha256, "this file").open("rb") as file:
            file.seek(offset)
            data = file.read(limits.CHUNK_BYTES)
        return ArtefactChunk(sha256=sha256, offset=offset, data=data)

    def add(self, write: Callable[[BinaryIO], object]) -> tuple[str, int]:
        """Keeps what `write` writes; (sha256, size). Raises JobError `job.disk`."""
        partial = self.root / f"{threading.get_ident()}.new"
        try:
            with _disk_errors():
                with partial.open("wb") as file:
                    write(file)
                with partial.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                size = partial.stat().st_size
                os.replace(partial, self._path(sha256))
        finally:
            partial.unlink(missing_ok=True)
        return sha256, size

    def make_job_folder(self, job: str) -> Path:
        """An empty folder for the job's own files. Raises JobError `job.disk`."""
        folder = self.root / f"job-{job}"
        with _disk_errors():
            folder.mkdir()
        return folder

    def remove_job_folder(self, job: str) -> None:
        """Removes the job's files, if there are any."""
        shutil.rmtree(self.root / f"job-{job}", ignore_errors=True)

    def close(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _path(self, sha256: str) -> Path:
        return self.root / sha256

    def _state(self, sha256: str) -> ArtefactState:
        if self._path(sha256).exists():
            size = self._path(sha256).stat().st_size
            return ArtefactState(sha256=sha256, received=size, is_complete=True)
        arrival = self._arrivals.get(sha256)
        received = arrival.received if arrival else 0
        return ArtefactState(sha256=sha256, received=received, is_complete=False)

    def _append(self, upload: Upload) -> None:
        arrival = self._arrivals.get(upload.sha256)
        if arrival is None or arrival.size != upload.size:
            partial = self.root / f"{upload.sha256}.partial"
            partial.write_bytes(b"")
            arrival = _Arrival(partial, upload.size, 0, hashlib.sha256())
            self._arrivals[upload.sha256] = arrival
        if upload.offset != arrival.received:
            return
        with arrival.path.open("ab") as file:
            file.write(upload.data)
        arrival.digest.update(upload.data)
        arrival.received += len(upload.data)
        if arrival.received == arrival.size:
            self._finish(upload, arrival)

    def _finish(self, upload: Upload, arrival: _Arrival) -> None:
        del self._arrivals[upload.sha256]
        if arrival.digest.hexdigest() != upload.sha256:
            arrival.path.unlink(missing_ok=True)
            raise LinkError(
                "link.hash",
                f"{upload.name} did not arrive as it was announced.",
                "Is another program writing it? Try again.",
            )
        os.replace(arrival.path, self._path(upload.sha256))


@contextlib.contextmanager
def _disk_errors():
    try:
        yield
    except OSError as error:
        raise JobError(
            "job.disk",
            f"The sidecar cannot write to its cache folder ({error.strerror or error}).",
            "Make room on that disk, or set AFFEKT_CACHE_DIR to another folder.",
        ) from error


def _remove_orphans(cache_folder: Path) -> None:
    for folder in cache_folder.glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not is_process_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
