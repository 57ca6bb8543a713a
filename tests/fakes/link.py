# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar's server with fake services, for tests of the link: no torch, no files, and a
bake that goes forward only when the test says so."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import zmq
from affekt.shared import limits, wire
from affekt.shared.avatar_messages import AvatarRead
from affekt.shared.calibration import Calibration
from affekt.shared.client import Client
from affekt.shared.connection import Connection
from affekt.shared.errors import InputError
from affekt.shared.events import JobEvent
from affekt.shared.head import HeadModel
from affekt.shared.messages import (
    ArtefactState,
    Calibrate,
    Hello,
    Message,
    Picture,
    Progress,
    Upload,
)
from affekt.shared.motion import Motion, TakeRead, TakeSpace, make_motion
from affekt.sidecar.cache.cache import Cache, UserCache
from affekt.sidecar.server.client_socket import Incoming
from affekt.sidecar.server.server import Server, ServerOptions
from affekt.sidecar.words.describe import describe
from affekt.sidecar.words.keys import to_keys
from affekt.sidecar.worker.services import (
    AvatarSource,
    BakeOutput,
    BakeSteps,
    BakeTask,
    HeadSource,
    JobStep,
    PortraitOutput,
    PortraitSteps,
    PortraitTask,
    PreviewOutput,
    PreviewTask,
    RenderSteps,
    RenderTask,
    Services,
    Take,
)
from affekt.sidecar.worker.work import Work

from .calibrations import any_calibration
from .head import small_head
from .messages import any_message
from .worker_thread import WorkerThread

DEADLINE_S = 30.0
THREADS = ("affekt-sockets", "affekt-disk", "affekt-worker", "affekt-zap")
HELLO = Hello(protocol=limits.PROTOCOL_VERSION, affekt="0.1.0")
TAKE = b"a take of 6 frames"
PNG = b"\x89PNG picture "


def wait_for(condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Returns once the condition holds; fails with `what` after the deadline."""
    assert comes_true(condition, deadline_s), f"waited in vain for {what}"


def comes_true(condition: Callable[[], object], deadline_s: float) -> bool:
    """Whether the condition holds before the deadline. Returns at once when it does."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(0.001)
    return True


def make_take(frames: int = 6, *, fps: float = 30.0) -> Motion:
    """Any motion."""
    expression = np.arange(frames * 100, dtype=np.float32).reshape(frames, 100) / 1000
    return make_motion(expression=expression, fps=fps, space="open")


@dataclass
class SteppedServices:
    """Fake services. `steps` lets a bake or rendering go forward: one release a chunk. `started`
    says that it has begun, `stepping` that a step is under way which waits for `steps`. A preview
    waits for `looks` if `holds_previews`."""

    steps: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    started: threading.Event = field(default_factory=threading.Event)
    stepping: threading.Event = field(default_factory=threading.Event)
    looks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    looking: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)
    holds_previews: bool = False
    bug: bool = False
    picture_bytes: int = 0
    """Pictures are at least so large."""
    previewed: list[int] = field(default_factory=list)
    """Frames of the previews that were computed."""

    def services(self) -> Services:
        return Services(
            load=lambda: "cpu",
            compile_aside=lambda: None,
            warm_up=lambda: iter(()),
            forget=lambda: None,
            read_take=self.read_take,
            read_head=self.read_head,
            read_avatar=self.read_avatar,
            calibrate=self.calibrate,
            describe=lambda text, fps: to_keys(describe(text, fps=fps)),
            preview=self.preview,
            bake=self.bake,
            render=self.render,
            create_avatar=self.create_avatar,
        )

    def create_avatar(self, task: PortraitTask, user: UserCache) -> PortraitSteps:
        self.started.set()
        data = task.photo.read_bytes()
        for done in range(3):
            if done:
                self._wait(self.steps)
            yield JobStep(stage=f"stage-{done}", done=done, total=3)
        return PortraitOutput(
            avatar_file=_keep(user, b"avatar of " + data),
            said=f"Face {task.face}."
            + "".join(f" {name}: {path.read_bytes().decode()}" for path, name in task.more),
        )

    def read_take(self, take: Take, space: TakeSpace) -> tuple[TakeRead, str]:
        if take.path.read_bytes() != TAKE:
            raise InputError("file.wrong_kind", f"{take.name} is no motion.", "Give a motion.")
        return TakeRead(motion=make_take(), notes=("1 frame was filled in.",)), "arkit"

    def read_head(self, source: HeadSource) -> HeadModel:
        if source.name != "open":
            raise InputError("head.unknown", "There is no such head.", "Use 'open'.")
        return small_head()

    def read_avatar(self, source: AvatarSource) -> AvatarRead:
        return any_message(AvatarRead)

    def calibrate(self, character: Calibrate) -> Calibration:
        return any_calibration()

    def preview(self, task: PreviewTask) -> PreviewOutput:
        """Expression 0 is the first emotion's weight at the frame; pixels say the frame."""
        self.looking.set()
        if self.holds_previews:
            self._wait(self.looks)
        self.previewed.append(task.frame)
        expression = np.zeros((1, 100), np.float32)
        expression[0, 0] = task.track.weights[task.frame - task.first, 0]
        pixels = None
        if task.picture is not None:
            size = (task.picture.height, task.picture.width, 4)
            pixels = np.full(size, task.frame % 256, np.uint8)
        vertices = np.full((4, 3), task.frame, np.float32) if task.wants_vertices else None
        return PreviewOutput(
            expression=expression,
            jaw=np.zeros((1, 3), np.float32),
            vertices=vertices,
            pixels=pixels,
        )

    def bake(self, task: BakeTask, cache: UserCache) -> BakeSteps:
        self.started.set()
        if self.bug:
            raise RuntimeError("a bug")
        motion = self.read_take(task.take, "open")[0].motion
        frames = task.frames or range(len(motion))
        yield JobStep(stage="modulate", done=0, total=len(frames))
        for done in range(len(frames)):
            self.stepping.set()
            self._wait(self.steps)
            yield JobStep(stage="modulate", done=done + 1, total=len(frames))
        cut = make_take(len(frames))
        baked = replace(cut, expression=cut.expression + task.track.weights[frames.start, 0])
        return BakeOutput(
            start=frames.start,
            motion=baked,
            motion_file=_keep(cache, b"npz " + baked.expression.tobytes()),
            take_file=_keep(cache, b"npz " + cut.expression.tobytes()),
            vertices_file=_keep(cache, b"POINTCACHE2") if task.wants_vertices else None,
        )

    def render(self, task: RenderTask, cache: UserCache) -> RenderSteps:
        self.started.set()
        pictures = task.pictures
        frames = pictures.frames or range(6)
        kinds = ("frame", "depth") if "depth" in pictures.passes else ("frame",)
        if pictures.format == "exr":
            kinds = ("exr",)
        folder = cache.pictures("0" * 40)
        yield JobStep(stage="pictures", done=0, total=len(frames))
        for done, index in enumerate(frames, 1):
            self.stepping.set()
            self._wait(self.steps)
            files = []
            for kind in kinds:
                path = folder / f"{kind}{index}.{'exr' if kind == 'exr' else 'png'}"
                data = PNG + f"{kind} {index} {pictures.size[0]}".encode()
                path.write_bytes(data.ljust(self.picture_bytes, b"."))
                files.append((kind, path))
            yield JobStep(
                stage="pictures", done=done, total=len(frames), index=index, files=tuple(files)
            )

    def _wait(self, semaphore: threading.Semaphore) -> None:
        while not semaphore.acquire(timeout=0.005):
            if self.is_over.is_set():
                raise InputError("file.missing", "The test is over.", "Nothing.")


def _keep(cache: UserCache, data: bytes) -> tuple[str, int]:
    return cache.add(lambda file: file.write(data))


class SpyServer(Server):
    """Counts what reaches the handler."""

    arrived: list[bytes]

    def _handle(self, incoming: Incoming) -> None:
        self.arrived.append(bytes(incoming.frames[0]))
        super()._handle(incoming)


@dataclass
class Link:
    """A running server, and what a client needs."""

    rooms: SteppedServices
    server: SpyServer
    worker: WorkerThread
    connection: Connection
    folder: Path


@contextmanager
def running_server(
    folder: Path, kind: type[SpyServer] = SpyServer, *, is_ready: bool = True, **options: object
):
    """A server on its threads; all are gone afterwards. is_ready: whether its worker is, or waits
    for the test."""
    rooms = SteppedServices()
    cache_folder = folder / "cache"
    worker = WorkerThread(lambda: Work(rooms.services(), Cache(cache_folder)), is_ready=is_ready)
    places = ServerOptions(runtime_folder=folder / "run", cache_folder=cache_folder)
    server = kind(lambda sockets: worker, replace(places, **options))
    server.arrived = []
    link = Link(rooms, server, worker, server.start(), folder)
    try:
        yield link
    finally:
        rooms.is_over.set()
        assert server.stop(timeout_s=5)
        left = [thread.name for thread in threading.enumerate() if thread.name in THREADS]
        assert not left, left


def drain(client: Client, job: str, deadline_s: float = DEADLINE_S) -> list[JobEvent]:
    """All events up to the end of the job."""
    events: list[JobEvent] = []

    def has_ended() -> bool:
        events.extend(client.poll())
        return any(event.ends_job and event.job == job for event in events)

    wait_for(has_ended, f"the end of the job (so far {events})", deadline_s)
    return [event for event in events if event.job == job]


class RawClient:
    """A DEALER that says whatever a test wants."""

    def __init__(self, connection: Connection, *, encrypted: bool = True) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvtimeo = self.socket.sndtimeo = int(1000 * DEADLINE_S)
        self.socket.setsockopt(zmq.RECONNECT_IVL, -1)
        if encrypted:
            self.socket.curve_serverkey = connection.server_public_key.encode()
            self.socket.curve_publickey = connection.client_public_key.encode()
            self.socket.curve_secretkey = connection.client_secret_key.encode()
        self.monitor = self.socket.get_monitor_socket()
        self.monitor.rcvtimeo = int(1000 * DEADLINE_S)
        self.socket.connect(connection.endpoint)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close(linger=0)
        self._context.term()

    def ask(self, message: Message, request: int = 1, **options: tuple[int, int]) -> Message:
        """Sends a message and gives the next answer; events before it are dropped."""
        self.socket.send_multipart(wire.encode(message, request, **options))
        while True:
            answered, answer = self.receive()
            if answered != 0:
                return answer

    def receive(self) -> tuple[int, Message]:
        """The next message and its id."""
        return wire.decode_frames(self.socket.recv_multipart())

    def receive_until(self, is_last: Callable[[Message], bool]) -> list[Message]:
        """Messages up to the one that is the last."""
        received = [self.receive()[1]]
        while not is_last(received[-1]):
            received.append(self.receive()[1])
        return received

    def upload_of(self, data: bytes) -> Upload:
        """The message that hands over a whole motion file."""
        return Upload(
            kind="motion",
            name="take.json",
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            offset=0,
            data=data,
        )

    def upload(self, data: bytes) -> None:
        """Hands a motion file over."""
        state = self.ask(self.upload_of(data))
        assert isinstance(state, ArtefactState), state
        assert state.is_complete

    def end_of(self, job: str) -> Message:
        """The event that ends the job; what comes before it is dropped."""
        while True:
            _, message = self.receive()
            if getattr(message, "job", "") == job and not isinstance(message, Progress | Picture):
                return message

    def wait_for_refusal(self) -> None:
        """Returns once the server has closed the connection."""
        from zmq.utils.monitor import recv_monitor_message

        while recv_monitor_message(self.monitor)["event"] not in (
            zmq.EVENT_DISCONNECTED,
            zmq.EVENT_HANDSHAKE_FAILED_AUTH,
            zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
            zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
        ):
            pass
