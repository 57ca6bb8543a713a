# SPDX-License-Identifier: GPL-3.0-or-later
"""The one client of the sidecar, for the add-on and the tests.

    client = Client.connect(read_connection(folder))
    take = client.upload(data, "motion", name)
    job = client.start_bake(take, track)
    ...                                # on a timer:
    for event in client.poll(): ...    # JobProgressed, then BakeFinished or JobFailed
    client.close()

Calls that answer at once (`upload`, `read_take`, `get_head`, ...) wait, at most their timeout.
Jobs and previews never wait: `start_*`, `attach` and `cancel` return at once, `poll` hands over
what has arrived. All calls come from one thread, the user's.

A client does not outlive its sidecar, its jobs may: give the next client the same `JobBook`.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import secrets
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from . import limits
from .arrays import Float32Array, Float64Array, Int32Array
from .artefact import Artefact, Kind
from .avatar_messages import AvatarRead, GetAvatar
from .calibration import Calibration
from .camera import Camera
from .channel import Channel, timed_out
from .connection import Connection, check_protocol
from .conversions import to_calibration, to_head, to_motion, track_fields, view_fields, with_request
from .described import Describe, Described, DescribedKeys, check_words, to_described_keys
from .emotion import EmotionTrack
from .errors import InputError, LinkError, not_writable
from .events import Event, PreviewFailed, PreviewReady
from .head import HeadModel
from .jobs import JobBook
from .messages import (
    Acknowledged,
    ArtefactChunk,
    ArtefactState,
    Bake,
    Calibrate,
    Calibrated,
    CreateAvatar,
    Download,
    FindArtefact,
    GetHead,
    GetStatus,
    HeadRead,
    Hello,
    JobRequest,
    Message,
    MotionRead,
    Ping,
    Pong,
    Preview,
    ReadMotion,
    Render,
    Shutdown,
    Status,
    Upload,
    Welcome,
)
from .motion import FlameSpace, ReadOptions, TakeRead, TakeSpace
from .pictures import PictureRequest
from .pixels import PixelRing
from .portrait_messages import Backbone
from .previews import Previews, picture_of_view, track_rows
from .replacement import replacing
from .version import AFFEKT_VERSION
from .wire import misunderstood

ANSWER_S = 10.0
"""Longest wait for a short answer, by default."""
READ_S = 120.0
"""Longest wait where the sidecar must read a large file first (its first answer loads torch)."""
Answer = TypeVar("Answer", bound=Message)


class Client:
    """A connection to one running sidecar.

    Every method raises `LinkError`: `link.unreachable` (no sidecar there, or it has gone),
    `link.timeout`, `link.version`, `link.refused` (keys), `link.protocol`. Errors of the
    sidecar's own (`file.*`, `motion.*`, `space.no_adapter`, ...) arrive as they were raised.
    """

    welcome: Welcome
    """What the sidecar said of itself: versions and capabilities."""
    jobs: JobBook
    """The open jobs."""

    @classmethod
    def connect(
        cls, connection: Connection, *, timeout_s: float = ANSWER_S, book: JobBook | None = None
    ) -> Client:
        """Connects and says hello. Raises LinkError.

        book: jobs of an earlier client, which go on here. Whoever brings a book keeps it: when
        the link is lost, its jobs wait for the next client or for `JobBook.give_up`. Jobs of a
        client without one end with the link.
        """
        check_protocol(connection.protocol, connection.affekt)
        client = cls(connection, book)
        try:
            hello = Hello(protocol=limits.PROTOCOL_VERSION, affekt=AFFEKT_VERSION)
            client.welcome = client._call(hello, Welcome, timeout_s)
            check_protocol(client.welcome.protocol, client.welcome.affekt)
            client.jobs.adopt(client._channel)
        except BaseException:
            client.close()
            raise
        return client

    def __init__(self, connection: Connection, book: JobBook | None = None) -> None:
        """Use `connect`."""
        self.jobs = JobBook() if book is None else book
        self._owns_jobs = book is None
        self._is_closed = False
        self._channel = Channel(connection, self._handle, self._lose)
        open_ring = None if connection.is_remote else PixelRing.open
        self._previews = Previews(self._channel, open_ring)
        self._channel.start()
        _open_clients.add(self)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the sidecar was there when last heard of; never blocks."""
        return not self._is_closed and self._channel.lost is None

    @property
    def silence_s(self) -> float:
        """Seconds since the sidecar was last heard, to half a second; never blocks."""
        return self._channel.silence_s

    @property
    def is_silent(self) -> bool:
        """Whether the sidecar hangs: it is there, and has said nothing for
        `limits.SILENT_S`, though it is asked twice a second. Its jobs may go on; never blocks."""
        return self.is_open and self.silence_s >= limits.SILENT_S

    def status(self, *, timeout_s: float = ANSWER_S) -> Status:
        """How the sidecar is: its worker, jobs, cache and memory."""
        return self._call(GetStatus(), Status, timeout_s)

    def ping(self, *, timeout_s: float = ANSWER_S) -> float:
        """Seconds that a round trip takes."""
        started = time.perf_counter()
        self._call(Ping(), Pong, timeout_s)
        return time.perf_counter() - started

    def upload(self, data: bytes, kind: Kind, name: str, *, timeout_s: float = READ_S) -> Artefact:
        """Hands the bytes over piece by piece, unless the sidecar has them already. `name` is shown
        to the user in errors. Raises InputError `file.too_large` too."""
        size, most = len(data), limits.ARTEFACT_BYTES.get(kind, 0)
        if size > most:
            raise InputError(
                "file.too_large",
                f"The file {name} has {size / 2**20:.0f} MB; {most / 2**20:.0f} MB are allowed.",
                "Cut it into parts, or choose another file.",
            )
        name = _file_name(name)
        digest = hashlib.sha256(data).hexdigest()
        deadline = time.monotonic() + timeout_s
        state = self._call(FindArtefact(sha256=digest), ArtefactState, timeout_s)
        while not state.is_complete:
            if state.received > size:
                raise misunderstood(f"{state.received} bytes of {size} arrived")
            chunk = Upload(
                kind=kind,
                name=name,
                sha256=digest,
                size=size,
                offset=state.received,
                data=data[state.received : state.received + limits.CHUNK_BYTES],
            )
            state = self._call(chunk, ArtefactState, _left_s(deadline, timeout_s))
        return Artefact(sha256=digest, kind=kind, name=name, size=size)

    def download(self, artefact: Artefact, path: Path, *, timeout_s: float = READ_S) -> None:
        """Writes an artefact of the sidecar's to `path`; under that name only once it is whole
        and its hash is right. Raises InputError `file.not_writable` too."""
        try:
            with replacing(path) as partial, partial.open("wb") as file:
                self._download(artefact, file, timeout_s)
        except OSError as error:
            raise not_writable(path, error) from error

    def read_take(
        self,
        motion: Artefact,
        adapter: Artefact | None = None,
        options: ReadOptions | None = None,
        *,
        space: TakeSpace = "open",
        head: str = "open",
        head_space: FlameSpace | None = None,
        timeout_s: float = READ_S,
    ) -> TakeRead:
        """The take in the space of the head, as in `get_head`, or as ARKit's weights, by `space`.
        Raises InputError `motion.*`, `file.*`, `space.no_adapter` (the take's space needs
        `adapter`) too."""
        said = options or ReadOptions()
        request = ReadMotion(
            motion=motion.sha256,
            name=motion.name,
            adapter=_sha256(adapter),
            fps=said.fps,
            angles=said.angles,
            axes=said.axes,
            space=space,
            head=head,
            head_space=head_space,
        )
        answer = self._call(request, MotionRead, timeout_s)
        # A sidecar of protocol 3.3 knows one space alone.
        if head == "open" and answer.space != space:
            raise misunderstood(f"a take in the space {answer.space} came for one in {space}")
        return TakeRead(motion=to_motion(answer), notes=answer.notes)

    def get_head(
        self,
        name: str = "open",
        *,
        head_space: FlameSpace | None = None,
        file_name: str | None = None,
        timeout_s: float = READ_S,
    ) -> HeadModel:
        """The head of this name: `open`, or the SHA-256 of a FLAME file that was uploaded.
        head_space: the file's version of FLAME, where its content does not tell. file_name: for
        errors. Raises InputError `head.*`, `file.*` too."""
        name_told = None if file_name is None else _file_name(file_name)
        request = GetHead(name=name, head_space=head_space, file_name=name_told)
        return to_head(self._call(request, HeadRead, timeout_s))

    def get_avatar(
        self,
        avatar: Artefact | None = None,
        flame: Artefact | None = None,
        *,
        flame_space: FlameSpace | None = None,
        timeout_s: float = READ_S,
    ) -> AvatarRead:
        """An avatar at rest, the open head's own Gaussians for None. flame: the FLAME file that it
        sits on; flame_space: its version, where its content does not tell. Raises InputError
        `avatar.*`, `file.*`, `head.*` too."""
        request = GetAvatar(
            avatar=_sha256(avatar),
            name=None if avatar is None else avatar.name,
            flame=_sha256(flame),
            flame_space=flame_space,
        )
        return self._call(request, AvatarRead, timeout_s)

    def holds(self, sha256: str, *, timeout_s: float = ANSWER_S) -> bool:
        """Whether the sidecar has the whole file of these bytes."""
        return self._call(FindArtefact(sha256=sha256), ArtefactState, timeout_s).is_complete

    def calibrate(
        self,
        vertices: Float32Array,
        faces: Int32Array,
        shapes: Float32Array,
        *,
        timeout_s: float = READ_S,
    ) -> Calibration:
        """What a character's weights must be for its face to move as the open head's does; see
        `Calibrate` for the arrays. Raises InputError `avatar.calibration` if its face is not
        found, `character.too_large`."""
        if max(vertices.nbytes, faces.nbytes, shapes.nbytes) > limits.MAX_REQUEST_BUFFER_BYTES:
            raise InputError(
                "character.too_large",
                f"The face has {len(vertices):,} vertices, which is too many to be measured.",
                "Calibrate a copy without subdivision, or with the face alone.",
            )
        request = Calibrate(vertices=vertices, faces=faces, shapes=shapes)
        return to_calibration(self._call(request, Calibrated, timeout_s))

    def describe(self, text: str, fps: float, *, timeout_s: float = ANSWER_S) -> DescribedKeys:
        """The keys of words for a face; fps: what a frame in them is. Raises InputError
        `words.*`."""
        request = Describe(text=check_words(text), fps=fps)
        return to_described_keys(self._call(request, Described, timeout_s))

    def start_bake(
        self,
        motion: Artefact,
        track: EmotionTrack,
        *,
        adapter: Artefact | None = None,
        head: str = "open",
        head_space: FlameSpace | None = None,
        frames: range | None = None,
        vertices: bool = True,
    ) -> str:
        """Starts a bake and returns its job id at once. The track has one row for each frame of
        the whole take; head, head_space: as in `get_head`; a take on a FLAME head is in its space.
        vertices: whether the mesh cache is wanted. `poll` gives `JobProgressed`,
        then `BakeFinished` or `JobFailed`."""
        request = Bake(
            job=secrets.token_hex(16),
            motion=motion.sha256,
            name=motion.name,
            adapter=_sha256(adapter),
            head=head,
            head_space=head_space,
            frames=_bounds(frames),
            vertices=vertices,
            **track_fields(track),
        )
        return self._start(request)

    def start_render(
        self,
        subject: Artefact | str,
        motion: Artefact,
        folder: Path,
        pictures: PictureRequest | None = None,
        *,
        adapter: Artefact | None = None,
        head: str = "open",
        head_space: FlameSpace | None = None,
    ) -> str:
        """Starts a rendering and returns its job id at once. `subject` is an avatar or a head's
        name, `motion` an uploaded take or `BakeFinished.baked`, `head` the one that the motion is
        on, as in `get_head`. The pictures are written into `folder` (made if absent) as
        frame_0001.png or frame_0001.exr for the take's frame 0, and so on, and depth_0001.png
        beside a PNG if asked for, each whole or not at all. `poll` gives `PictureWritten` and
        `JobProgressed`, then `RenderFinished` or `JobFailed`. Raises InputError
        `file.not_writable`."""
        is_head = isinstance(subject, str)
        request = Render(
            job=secrets.token_hex(16),
            avatar=None if is_head else subject.sha256,
            avatar_name=None if is_head else subject.name,
            head=subject if is_head else None,
            motion=motion.sha256,
            name=motion.name,
            adapter=_sha256(adapter),
            credit=limits.PIECES_AHEAD,
            take_head=head,
            head_space=head_space,
        )
        return self._start(with_request(request, pictures or PictureRequest()), folder)

    def start_avatar(
        self,
        photo: Artefact,
        *,
        face: int | None = None,
        more: Sequence[Artefact] = (),
        head: str = "open",
        head_space: FlameSpace | None = None,
        backbone: Backbone = "affekt",
    ) -> str:
        """Starts to make an avatar of the person in an uploaded photo; returns the job's id at
        once. face: counted from 1 by size, the largest for None. more: further photos of the same
        person. head, head_space: what the avatar sits on, as in `get_head`. backbone: what makes
        it. `poll` gives `JobProgressed`, then `AvatarFinished` or `JobFailed`."""
        request = CreateAvatar(
            job=secrets.token_hex(16),
            photo=photo.sha256,
            name=photo.name,
            face=face,
            more=tuple(one.sha256 for one in more),
            more_names=tuple(one.name for one in more),
            head=head,
            head_space=head_space,
            backbone=backbone,
        )
        return self._start(request)

    def attach(self, job: str, folder: Path | None = None) -> None:
        """Takes over the events of a job that another client of the same user has started, such as
        one that has crashed. Pictures of a rendering are written into `folder`, from the first one
        on; without a folder the rendering ends here, and only here, with `option.folder`. A job
        that the sidecar does not know ends with `link.no_job`. Raises InputError
        `file.not_writable`."""
        self.jobs.attach(job, folder)
        self._end_if_lost()

    def cancel(self, job: str) -> None:
        """Asks for the end of a job; it ends with `JobFailed` and code `job.cancelled`."""
        self.jobs.cancel(job)

    def start_preview(
        self,
        motion: Artefact,
        track: EmotionTrack,
        frame: int,
        *,
        view: int = 0,
        subject: Artefact | str = "open",
        adapter: Artefact | None = None,
        frames: int = 0,
        head: str = "open",
        head_space: FlameSpace | None = None,
        vertices: bool = False,
        size: tuple[int, int] | None = None,
        camera: Camera | None = None,
        world_from_head: Float64Array | None = None,
    ) -> int:
        """Asks for one frame of the take with the emotions in it; returns the request's number at
        once, which rises. `poll` gives `PreviewReady` or `PreviewFailed`.

        A newer preview of the same `view` (0..15) takes the place of one that waits, without a
        word. The track has one row for each frame of the whole take. subject: as in
        `start_render`; the take of a FLAME head, as in `get_head`, is in its space. head: the one
        that the take of an avatar is on, where that is not the open head. frames: of how
        many, from `frame` on, the numbers are wanted in the take's own space too, at most
        `limits.MAX_PREVIEW_FRAMES`. vertices: whether the mesh is wanted. A picture is wanted where
        `camera` or `size`, (width, height) of the sidecar's own portrait camera, is given.
        world_from_head: (4, 4). Raises InputError `frames.out_of_range`, `option.size`,
        `option.camera`.
        """
        first, rows = track_rows(track, frame, max(frames, 1))
        picture = picture_of_view(size, camera, world_from_head)
        is_head = isinstance(subject, str)
        return self._previews.start(
            Preview(
                view=view,
                motion=motion.sha256,
                name=motion.name,
                adapter=_sha256(adapter),
                head=subject if is_head else head,
                avatar=None if is_head else subject.sha256,
                avatar_name=None if is_head else subject.name,
                frame=frame,
                first=first,
                frames=frames,
                head_space=head_space,
                vertices=vertices,
                is_shared=picture is not None,
                **rows,
                **view_fields(picture),
            )
        )

    def poll(self) -> list[Event]:
        """What has happened to jobs and previews since the last call. Never blocks: under 1 ms.
        When the sidecar is gone and the client was connected without a book, each open job ends
        with `JobFailed` and code `link.unreachable`."""
        return [*self.jobs.take_events(), *self.take_previews()]

    def take_previews(self) -> list[PreviewReady | PreviewFailed]:
        """Only the preview events of `poll`, for a caller that takes job events from a
        `JobBook`."""
        return self._previews.take_events()

    def shutdown(self, *, timeout_s: float = ANSWER_S) -> None:
        """Tells the sidecar to end; the client must still be closed."""
        was_there = self.is_open
        try:
            self._call(Shutdown(), Acknowledged, timeout_s)
        except LinkError as error:
            # It may go before its answer does.
            if not was_there or error is not self._channel.lost:
                raise

    def close(self) -> None:
        """Disconnects. Never waits for the sidecar; may be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._channel.close()
            _open_clients.discard(self)

    def _start(self, request: JobRequest, folder: Path | None = None) -> str:
        self.jobs.start(request, folder)
        self._end_if_lost()
        return request.job

    def _end_if_lost(self) -> None:
        lost = self._channel.lost
        if self._owns_jobs and lost is not None:
            self.jobs.give_up(lost)

    def _handle(self, message: Message) -> None:
        self.jobs.handle(self._channel, message)

    def _lose(self, error: LinkError) -> None:
        self.jobs.leave(self._channel)
        if self._owns_jobs:
            self.jobs.give_up(error)
        self._previews.give_up(error)

    def _call(self, request: Message, answer: type[Answer], timeout_s: float) -> Answer:
        message = self._channel.call(request, timeout_s)
        assert isinstance(message, answer)  # the channel gives nothing else
        return message

    def _download(self, artefact: Artefact, file: io.BufferedWriter, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        digest, offset = hashlib.sha256(), 0
        while offset < artefact.size:
            request = Download(sha256=artefact.sha256, offset=offset)
            chunk = self._call(request, ArtefactChunk, _left_s(deadline, timeout_s))
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


def _left_s(deadline: float, timeout_s: float) -> float:
    """Seconds up to the deadline. Raises LinkError `link.timeout` after it."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise timed_out(timeout_s)
    return left_s


def _sha256(artefact: Artefact | None) -> str | None:
    return None if artefact is None else artefact.sha256


def _file_name(name: str) -> str:
    """The name as it may cross the wire: without separators and control characters."""
    return "".join(c if c.isprintable() and c not in "/\\" else "_" for c in name)[:200] or "_"


def _bounds(frames: range | None) -> tuple[int, int] | None:
    return None if frames is None else (frames.start, frames.stop)
