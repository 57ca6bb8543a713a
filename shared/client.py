# SPDX-License-Identifier: GPL-3.0-or-later
"""The one client of the sidecar, for the add-on and the tests.

    client = Client.connect(read_connection(folder))
    take = client.upload_file(path, "motion")
    job = client.start_bake(take, track)
    ...                                # on a timer:
    for event in client.poll(): ...    # JobProgressed, then BakeFinished or JobFailed
    client.close()

Calls that answer at once (`upload`, `read_motion`, `get_head`, ...) wait, at most their timeout.
Jobs never wait: `start_*` and `cancel` return at once, `poll` hands over what has arrived.
All calls come from one thread, the user's.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import io
import os
import secrets
import time
import weakref
from pathlib import Path
from typing import TypeVar

from . import limits
from .channel import Channel
from .connection import Connection, check_protocol
from .conversions import picture_fields, to_head, to_motion, track_fields
from .emotion import EmotionTrack
from .errors import InputError, LinkError
from .events import JobEvent
from .head import HeadModel
from .jobs import JobBook
from .messages import (
    Acknowledged,
    Artefact,
    ArtefactChunk,
    ArtefactState,
    Bake,
    Cancel,
    Download,
    FindArtefact,
    GetHead,
    HeadRead,
    Hello,
    Kind,
    Message,
    MotionRead,
    Ping,
    Pong,
    ReadMotion,
    Render,
    Shutdown,
    Upload,
    Welcome,
)
from .motion import Motion
from .pictures import PictureOptions
from .version import AFFEKT_VERSION

ANSWER_S = 10.0
"""Longest wait for a short answer, by default."""
READ_S = 120.0
"""Longest wait where the sidecar must read a large file first (its first answer loads torch)."""
PICTURES_AHEAD = 8
"""Pictures that may be on their way while we write one."""

Answer = TypeVar("Answer", bound=Message)


class Client:
    """A connection to one running sidecar.

    Every method raises `LinkError`: `link.unreachable` (no sidecar there, or it has gone),
    `link.timeout`, `link.version`, `link.refused` (keys), `link.protocol`. Errors of the
    sidecar's own (`file.*`, `motion.*`, `space.no_adapter`, ...) arrive as they were raised.
    """

    welcome: Welcome
    """What the sidecar said of itself: versions and capabilities."""

    @classmethod
    def connect(cls, connection: Connection, *, timeout_s: float = ANSWER_S) -> Client:
        """Connects and says hello. Raises LinkError."""
        check_protocol(connection.protocol, connection.affekt)
        client = cls(connection)
        try:
            hello = Hello(protocol=limits.PROTOCOL_VERSION, affekt=AFFEKT_VERSION)
            client.welcome = client._call(hello, Welcome, timeout_s)
            check_protocol(client.welcome.protocol, client.welcome.affekt)
        except BaseException:
            client.close()
            raise
        return client

    def __init__(self, connection: Connection) -> None:
        self._jobs = JobBook(self._send)
        self._is_closed = False
        self._channel = Channel(connection, self._jobs.handle, self._jobs.lose)
        _open_clients.add(self)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the sidecar was there when last heard of; never blocks."""
        return not self._is_closed and self._channel.lost is None

    def ping(self, *, timeout_s: float = ANSWER_S) -> float:
        """Seconds that a round trip takes."""
        started = time.perf_counter()
        self._call(Ping(), Pong, timeout_s)
        return time.perf_counter() - started

    def upload(self, data: bytes, kind: Kind, name: str, *, timeout_s: float = READ_S) -> Artefact:
        """Hands the bytes over, unless the sidecar has them already. `name` is shown to the
        user in errors."""
        return self._upload(io.BytesIO(data), len(data), kind, name, timeout_s)

    def upload_file(self, path: Path, kind: Kind, *, timeout_s: float = READ_S) -> Artefact:
        """Hands a file over, piece by piece. Raises InputError `file.missing`,
        `file.too_large`, `file.not_readable` too."""
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                return self._upload(file, size, kind, path.name, timeout_s)
        except FileNotFoundError as error:
            raise InputError(
                "file.missing", f"There is no file {path}.", "Choose a file that is there."
            ) from error
        except OSError as error:
            raise InputError(
                "file.not_readable",
                f"The file {path} cannot be read ({error.strerror or error}).",
                "Choose a file, and check its rights.",
            ) from error

    def download(self, artefact: Artefact, path: Path, *, timeout_s: float = READ_S) -> None:
        """Writes an artefact of the sidecar's to `path`; under that name only once it is whole
        and its hash is right. Raises InputError `file.not_writable` too."""
        partial = path.with_name(f".{path.name}.partial")
        try:
            with partial.open("wb") as file:
                self._download(artefact, file, timeout_s)
            os.replace(partial, path)
        except OSError as error:
            raise InputError(
                "file.not_writable",
                f"'{path}' cannot be written.",
                "Choose another place, or check its rights and the space left.",
            ) from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def read_motion(
        self, motion: Artefact, adapter: Artefact | None = None, *, timeout_s: float = READ_S
    ) -> Motion:
        """The take in the open head's space. Raises InputError `motion.*`, `file.*`,
        `space.no_adapter` (the take's space needs `adapter`) too."""
        request = ReadMotion(motion=motion.sha256, name=motion.name, adapter=_sha256(adapter))
        return to_motion(self._call(request, MotionRead, timeout_s))

    def get_head(self, name: str = "open", *, timeout_s: float = READ_S) -> HeadModel:
        """The head of this name."""
        return to_head(self._call(GetHead(name=name), HeadRead, timeout_s))

    def start_bake(
        self,
        motion: Artefact,
        track: EmotionTrack,
        *,
        adapter: Artefact | None = None,
        head: str = "open",
        frames: range | None = None,
    ) -> str:
        """Starts a bake and returns its job id at once. The track has one row for each frame of
        the whole take. `poll` gives `JobProgressed`, then `BakeFinished` or `JobFailed`."""
        job = secrets.token_hex(16)
        request = Bake(
            job=job, motion=motion.sha256, name=motion.name, adapter=_sha256(adapter), head=head,
            frames=_bounds(frames), **track_fields(track),
        )  # fmt: skip
        self._jobs.start_bake(job, motion.name)
        self._start(job, request)
        return job

    def start_render(
        self,
        subject: Artefact | str,
        motion: Artefact,
        folder: Path,
        options: PictureOptions | None = None,
        *,
        adapter: Artefact | None = None,
    ) -> str:
        """Starts a rendering and returns its job id at once. `subject` is an avatar or a head's
        name, `motion` an uploaded take or `BakeFinished.baked`. The pictures are written into
        `folder` (made if absent) as frame_0001.png or frame_0001.exr for the take's frame 0, and
        so on, and depth_0001.png beside a PNG if asked for, each whole or not at all. `poll`
        gives `PictureWritten` and `JobProgressed`, then `RenderFinished` or `JobFailed`. Raises
        InputError `file.not_writable`."""
        job = secrets.token_hex(16)
        is_head = isinstance(subject, str)
        request = Render(
            job=job,
            avatar=None if is_head else subject.sha256,
            avatar_name=None if is_head else subject.name,
            head=subject if is_head else None,
            motion=motion.sha256,
            name=motion.name,
            adapter=_sha256(adapter),
            credit=PICTURES_AHEAD,
            **picture_fields(options or PictureOptions()),
        )
        self._jobs.start_render(job, folder)
        self._start(job, request)
        return job

    def cancel(self, job: str) -> None:
        """Asks for the end of a job; it ends with `JobFailed` and code `job.cancelled`."""
        if self._jobs.is_running(job):
            self._channel.send(Cancel(job=job), lambda _: None)

    def poll(self) -> list[JobEvent]:
        """What has happened to the jobs since the last call. Never blocks: under 1 ms. When the
        sidecar is gone, each open job ends with `JobFailed` and code `link.unreachable`."""
        return self._jobs.take_events()

    def shutdown(self, *, timeout_s: float = ANSWER_S) -> None:
        """Tells the sidecar to end; the client must still be closed."""
        self._call(Shutdown(), Acknowledged, timeout_s)

    def close(self) -> None:
        """Leaves. Never waits for the sidecar; may be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._channel.close()
            _open_clients.discard(self)

    def _send(self, message: Message) -> None:
        self._channel.send(message, None)

    def _start(self, job: str, request: Message) -> None:
        self._channel.send(request, lambda answer: self._jobs.refuse(job, answer.exception()))

    def _call(self, request: Message, answer: type[Answer], timeout_s: float) -> Answer:
        message = self._channel.call(request, timeout_s)
        if not isinstance(message, answer):
            raise LinkError(
                "link.protocol",
                f"The sidecar answered '{request.TYPE}' with '{message.TYPE}'.",
                "Install the same version of Affekt on both sides and start the sidecar again.",
            )
        return message

    def _upload(
        self,
        file: io.BufferedReader | io.BytesIO,
        size: int,
        kind: Kind,
        name: str,
        timeout_s: float,
    ) -> Artefact:
        most = limits.ARTEFACT_BYTES.get(kind, 0)
        if size > most:
            raise InputError(
                "file.too_large",
                f"The file {name} has {size / 2**20:.0f} MB; {most / 2**20:.0f} MB are allowed.",
                "Cut it into parts, or choose another file.",
            )
        name = _file_name(name)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        deadline = time.monotonic() + timeout_s
        state = self._call(FindArtefact(sha256=digest), ArtefactState, timeout_s)
        while not state.is_complete:
            file.seek(state.received)
            chunk = Upload(
                kind=kind, name=name, sha256=digest, size=size, offset=state.received,
                data=file.read(limits.CHUNK_BYTES),
            )  # fmt: skip
            left_s = max(deadline - time.monotonic(), 0.001)
            state = self._call(chunk, ArtefactState, left_s)
        return Artefact(sha256=digest, kind=kind, name=name, size=size)

    def _download(self, artefact: Artefact, file: io.BufferedWriter, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        digest, offset = hashlib.sha256(), 0
        while offset < artefact.size:
            request = Download(sha256=artefact.sha256, offset=offset)
            left_s = max(deadline - time.monotonic(), 0.001)
            chunk = self._call(request, ArtefactChunk, left_s)
            if not chunk.data or chunk.offset != offset:
                break
            digest.update(chunk.data)
            file.write(chunk.data)
            offset += len(chunk.data)
        if digest.hexdigest() != artefact.sha256:
            raise LinkError(
                "link.hash", f"{artefact.name} arrived damaged.", "Make it again and try again."
            )


_open_clients: weakref.WeakSet[Client] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for client in list(_open_clients):
        client.close()


def _sha256(artefact: Artefact | None) -> str | None:
    return None if artefact is None else artefact.sha256


def _file_name(name: str) -> str:
    """The name as it may cross the wire: without separators and control characters."""
    return "".join(c if c.isprintable() and c not in "/\\" else "_" for c in name)[:200] or "_"


def _bounds(frames: range | None) -> tuple[int, int] | None:
    return None if frames is None else (frames.start, frames.stop)
