# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar's server with rooms of cardboard, for tests of the link: no torch, no files, and a
bake that goes forward only when the test says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import zmq
from affekt.shared import wire
from affekt.shared.client import Client
from affekt.shared.connection import Connection
from affekt.shared.errors import InputError, JobError
from affekt.shared.events import JobEvent
from affekt.shared.head import HeadModel
from affekt.shared.messages import Message
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.server.server import Server, ServerOptions
from affekt.sidecar.server.services import (
    BakeOutput,
    BakeTask,
    IsCancelled,
    OnProgress,
    RenderedFiles,
    RenderTask,
    Services,
    Take,
)

from .head import small_head

DEADLINE_S = 10.0
THREADS = ("affekt-sockets", "affekt-desk", "affekt-bench", "affekt-zap")
TAKE = b"a take of 6 frames"
PNG = b"\x89PNG picture "


def wait_for(condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Returns once the condition holds; fails with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.001)


def make_take(frames: int = 6, *, fps: float = 30.0) -> Motion:
    """Any motion."""
    expression = np.arange(frames * 100, dtype=np.float32).reshape(frames, 100) / 1000
    return make_motion(expression=expression, fps=fps, space="open")


@dataclass
class Rooms:
    """The fake rooms. `steps` lets a bake or rendering go forward: one release a chunk."""

    steps: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    started: threading.Event = field(default_factory=threading.Event)
    bug: bool = False

    def services(self) -> Services:
        return Services(
            read_motion=self.read_motion,
            read_head=self.read_head,
            encode_motion=lambda motion: b"npz " + motion.expression.tobytes(),
            bake=self.bake,
            render=self.render,
        )

    def read_motion(self, take: Take) -> tuple[Motion, str]:
        if take.path.read_bytes() != TAKE:
            raise InputError("file.wrong_kind", f"{take.name} is no motion.", "Give a motion.")
        return make_take(), "arkit"

    def read_head(self, name: str) -> HeadModel:
        if name != "open":
            raise InputError("head.unknown", "There is no such head.", "Use 'open'.")
        return small_head()

    def bake(self, task: BakeTask, on_progress: OnProgress, is_cancelled: IsCancelled):
        self.started.set()
        if self.bug:
            raise RuntimeError("a bug")
        motion, _ = self.read_motion(task.take)
        frames = task.frames or range(len(motion))
        for done in range(len(frames)):
            self._step(is_cancelled)
            on_progress("modulate", done + 1, len(frames))

        def write_vertices(file: BinaryIO) -> None:
            file.write(b"POINTCACHE2")

        cut = make_take(len(frames))
        baked = replace(cut, expression=cut.expression + task.track.weights[frames.start, 0])
        return BakeOutput(
            start=frames.start, motion=baked, take_motion=cut, write_vertices=write_vertices
        )

    def render(self, task: RenderTask, is_cancelled: IsCancelled) -> Iterator[RenderedFiles]:
        self.started.set()
        pictures = task.pictures
        frames = pictures.frames or range(6)
        kinds = ("frame", "depth") if "depth" in pictures.passes else ("frame",)
        if pictures.format == "exr":
            kinds = ("exr",)
        for done, index in enumerate(frames, 1):
            self._step(is_cancelled)
            files = []
            for kind in kinds:
                path = task.folder / f"{kind}{index}"
                path.write_bytes(PNG + f"{kind} {index} {pictures.size[0]}".encode())
                files.append((kind, path))
            yield RenderedFiles(index=index, done=done, total=len(frames), files=tuple(files))

    def _step(self, is_cancelled: IsCancelled) -> None:
        while not self.steps.acquire(timeout=0.005):
            if is_cancelled():
                raise JobError("job.cancelled", "Cancelled.", "Start it again.")


class SpyServer(Server):
    """Counts what reaches the handler."""

    arrived: list[bytes]

    def _handle(self, owner: bytes, frames: list[memoryview]) -> None:
        self.arrived.append(bytes(frames[0]) if frames else b"")
        super()._handle(owner, frames)


@dataclass
class Link:
    """A running server, and what a client needs."""

    rooms: Rooms
    server: SpyServer
    connection: Connection
    folder: Path


@contextmanager
def running_server(folder: Path, kind: type[SpyServer] = SpyServer, **options: object):
    """A server on its threads; all are gone afterwards."""
    rooms = Rooms()
    places = ServerOptions(runtime_folder=folder / "run", cache_folder=folder / "cache")
    server = kind(rooms.services(), replace(places, **options))
    server.arrived = []
    link = Link(rooms, server, server.start(), folder)
    try:
        yield link
    finally:
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
        """Sends a message and gives the next answer."""
        self.socket.send_multipart(wire.encode(message, request, **options))
        return self.receive()[1]

    def receive(self) -> tuple[int, Message]:
        """The next message and its id."""
        return wire.decode_frames(self.socket.recv_multipart())

    def wait_for_refusal(self) -> None:
        """Returns once the server has closed the door."""
        from zmq.utils.monitor import recv_monitor_message

        while recv_monitor_message(self.monitor)["event"] not in (
            zmq.EVENT_DISCONNECTED,
            zmq.EVENT_HANDSHAKE_FAILED_AUTH,
            zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
            zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
        ):
            pass
