# SPDX-License-Identifier: GPL-3.0-or-later
"""What the way between Blender and the sidecar costs: `python -m tests.bench link`.

A real sidecar with its worker, loopback and CURVE. Times are of one client that waits for each
answer; bakes are paired with the same in this process, run in turns, so that a noisy machine
disturbs both alike.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import zmq
from affekt.shared import limits, messages, wire
from affekt.shared.ace_emotions import decode_emotions
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from affekt.shared.emotion import EmotionTrack
from affekt.shared.events import BakeFinished, PreviewReady
from rich.console import Console
from rich.table import Table

from ..faults.harness import Sidecar, long_take, running_sidecar, take_frames, track_of
from .job import ROOT

EMOTIONS = ROOT / "sidecar/assets/demo/emotions.json"
PINGS = 1000
PREVIEWS = 100
PAIRS = 3
EDGE = 512
SUBJECTS = {"open-gaussians": "open-gaussians", "open": "the head as mesh"}
"""Whose pictures, and what they are called."""
LENGTHS = (300, 2400)
POLL_S = 0.0002
MESH_VERTICES = 5_000
"""60 KB of float32."""
TRANSFER_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. promise: as the README has it."""

    what: str
    promise: str
    found: str


def run_link_bench() -> None:
    """Measures all, and prints the table."""
    table = Table("what", "promise", "found")
    for row in rows():
        table.add_row(row.what, row.promise, row.found)
    Console(width=130).print(table)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def rows() -> Iterator[Row]:
    """The lines, as they are measured."""
    with tempfile.TemporaryDirectory() as name:
        begin = time.perf_counter()
        with running_sidecar(Path(name)) as sidecar:
            hello_s = time.perf_counter() - begin
            yield Row(what="spawn to hello", promise="", found=f"{hello_s:.2f} s")
            sidecar.wait_until_warm()
            warm_s = time.perf_counter() - begin
            yield Row(what="spawn to a warm worker", promise="", found=f"{warm_s:.2f} s")
            yield from short_rows(sidecar)
            yield from bake_rows(sidecar)


def short_rows(sidecar: Sidecar) -> Iterator[Row]:
    client = sidecar.client
    yield timed("ping", "p50 0.3 ms", client.ping, PINGS)
    with mesh_exchange() as exchange:
        yield timed("a mesh of 60 KB, asked for and unpacked", "p50 0.5 ms", exchange, PINGS)
    take = sidecar.upload()
    yield from preview_rows(client, take)
    yield from transfer_rows(client)


def timed(what: str, promise: str, run: Callable[[], object], count: int, rest_s: float = 0) -> Row:
    """Percentiles of `count` runs, with a rest before each, after a tenth as many that do not
    count."""
    seconds: list[float] = []
    for _ in range(count + count // 10):
        time.sleep(rest_s)
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    found = [1e3 * np.percentile(seconds[count // 10 :], p) for p in (50, 95, 99)]
    return Row(
        what=what,
        promise=promise,
        found=f"p50 {found[0]:.2f} ms, p95 {found[1]:.2f} ms, p99 {found[2]:.2f} ms",
    )


# --- messages -------------------------------------------------------------------------------


@contextlib.contextmanager
def mesh_exchange() -> Iterator[Callable[[], object]]:
    """A ping-sized request and a mesh as its answer, between two threads over CURVE: what the
    sockets, the codec and the copying cost without any work."""
    context, is_over = zmq.Context(), threading.Event()
    server, client = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    public, secret = zmq.curve_keypair()
    server.curve_server, server.curve_secretkey = True, secret
    client.curve_serverkey = public
    client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
    client.connect(f"tcp://127.0.0.1:{server.bind_to_random_port('tcp://127.0.0.1')}")
    thread = threading.Thread(target=serve_meshes, args=(server, is_over))
    thread.start()

    def exchange() -> None:
        client.send_multipart(wire.encode(messages.Ping(), 1))
        frames = client.recv_multipart(copy=False)
        _, message = wire.decode_frames([frame.buffer for frame in frames])
        assert isinstance(message, messages.Previewed)

    try:
        yield exchange
    finally:
        is_over.set()
        thread.join()
        server.close(linger=0)
        client.close(linger=0)
        context.term()


def serve_meshes(socket: zmq.Socket[bytes], is_over: threading.Event) -> None:
    """Answers whatever comes with a mesh."""
    vertices = np.random.default_rng(0).random((MESH_VERTICES, 3), np.float32)
    while not is_over.is_set():
        if socket.poll(50):
            owner, *frames = socket.recv_multipart(copy=False)
            wire.decode_frames([frame.buffer for frame in frames])
            answer = wire.encode(mesh_message(vertices), 1)
            socket.send_multipart([owner.bytes, *answer], copy=False)


def mesh_message(vertices: np.ndarray) -> messages.Previewed:
    return messages.Previewed(
        view=0,
        frame=0,
        expression=np.zeros((1, 100), np.float32),
        jaw=np.zeros((1, 3), np.float32),
        vertices=vertices,
    )


# --- previews -------------------------------------------------------------------------------


def preview_rows(client: Client, take: Artefact) -> Iterator[Row]:
    """Every preview has another emotion, so that nothing is found in a cache; and comes after a
    rest, since the client asks for sixty a second at most."""
    weights = itertools.cycle(np.linspace(0.01, 1.0, 199))
    frames, size, rest_s = take_frames(), (EDGE, EDGE), 1 / limits.MAX_PREVIEWS_PER_S

    def show(**options: object) -> PreviewReady:
        client.start_preview(take, track_of(frames, float(next(weights))), 100, **options)
        return next_preview(client)

    numbers = "preview: window in, 103 values out"
    yield timed(numbers, "p95 12 ms", show, PREVIEWS, rest_s)
    yield timed("the same and its mesh", "", lambda: show(vertices=True), PREVIEWS, rest_s)

    def pictures(where: str, promise: str) -> Iterator[Row]:
        for subject, called in SUBJECTS.items():
            what = f"picture of {called}, {EDGE} x {EDGE}, through {where}"
            ask = functools.partial(show, size=size, subject=subject)
            yield timed(what, promise, ask, PREVIEWS, rest_s)

    yield from pictures("shared memory", "p95 30 ms")
    client._previews._memory.close()  # as where there is none
    yield from pictures("the socket", "")


def next_preview(client: Client) -> PreviewReady:
    """Polls more often than an add-on's timer, which would add its own rhythm."""
    while True:
        for event in client.poll():
            if isinstance(event, PreviewReady):
                return event
        time.sleep(POLL_S)


# --- files ----------------------------------------------------------------------------------


def transfer_rows(client: Client) -> Iterator[Row]:
    data = os.urandom(TRANSFER_BYTES)
    begin = time.perf_counter()
    artefact = client.upload(data, "avatar", "face.zip")
    up_s = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as name:
        begin = time.perf_counter()
        client.download(artefact, Path(name) / "face.zip")
        down_s = time.perf_counter() - begin
    begin = time.perf_counter()
    hashlib.sha256(data)
    hash_s = time.perf_counter() - begin
    rates = [f"{TRANSFER_BYTES / 1e6 / s:,.0f} MB/s" for s in (up_s, down_s, hash_s)]
    yield Row(what="upload, 64 MiB in pieces of 4", promise="", found=rates[0])
    yield Row(what="download", promise="", found=rates[1])
    yield Row(what="for comparison: SHA-256 alone", promise="", found=rates[2])


# --- bakes ----------------------------------------------------------------------------------


def bake_rows(sidecar: Sidecar) -> Iterator[Row]:
    for frames in LENGTHS:
        data = long_take(frames)
        take = sidecar.client.upload(data, "motion", f"take{frames}.npz")
        there, here, ticks = bake_pairs(sidecar, take, data, frames)
        ratio = float(np.median(np.array(there) / np.array(here)))
        yield Row(
            what=f"bake of {frames} frames with its mesh, against `affekt bake`",
            promise="at most 10 % more",
            found=f"{min(there):.2f} s against {min(here):.2f} s, {100 * (ratio - 1):+.0f} %",
        )
        found = f"p99 {1e3 * np.percentile(ticks, 99):.3f} ms of {len(ticks):,} ticks"
        yield Row(what="UI pump meanwhile", promise="p99 1 ms", found=found)


def bake_pairs(
    sidecar: Sidecar, take: Artefact, data: bytes, frames: int
) -> tuple[list[float], list[float], list[float]]:
    """Seconds in the sidecar, seconds in this process, seconds of each tick of the pump."""
    there: list[float] = []
    here: list[float] = []
    ticks: list[float] = []
    for run in range(PAIRS + 1):
        track = demo_track(frames, 1.0 - 0.001 * run)  # another bake: no chunk is there already
        begin = time.perf_counter()
        pump(sidecar, sidecar.client.start_bake(take, track), ticks)
        there.append(time.perf_counter() - begin)
        with tempfile.TemporaryDirectory() as name:
            begin = time.perf_counter()
            bake_here(data, Path(name))
            here.append(time.perf_counter() - begin)
    return there[1:], here[1:], ticks


def demo_track(frames: int, strength: float) -> EmotionTrack:
    """The emotions that ship, a little weaker."""
    track, _ = decode_emotions(EMOTIONS.read_bytes(), frames, 30.0)
    return replace(track, weights=track.weights * np.float32(strength))


def pump(sidecar: Sidecar, job: str, ticks: list[float]) -> None:
    """As the add-on's timer, until the job has ended."""
    is_over = False
    while not is_over:
        time.sleep(0.001)
        begin = time.perf_counter()
        sidecar.supervisor.step()
        events = sidecar.supervisor.take_events()
        ticks.append(time.perf_counter() - begin)
        is_over = any(isinstance(event, BakeFinished) and event.job == job for event in events)


def bake_here(data: bytes, folder: Path) -> None:
    """`affekt bake` without starting an interpreter."""
    from affekt.sidecar.commands.bake import Bake

    (folder / "take.npz").write_bytes(data)
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        Bake(motion=folder / "take.npz", emotions=EMOTIONS, out=folder / "bake").run()
