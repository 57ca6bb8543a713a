# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that die, read nothing, or share a sidecar."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys

import numpy as np
import pytest
import zmq
from affekt.shared import limits, wire
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from affekt.shared.events import BakeFinished, PreviewReady
from affekt.shared.messages import Hello, Ping, Render, Welcome
from fakes.link import RawClient

from .harness import ROOT, Sidecar, hashes, read_vitals, take_frames, track_of, wait_for

HELLO = Hello(protocol=limits.PROTOCOL_VERSION, affekt="0.1.0")
MIB = 2**20
ASKED = 100_000
LEAST_ASKED = 10 * limits.MAX_OUTBOX
GROWN_MIB = 16
PING_S = 1.0


def test_a_killed_client(sidecar: Sidecar) -> None:
    """Another attaches to its job by the id, and gets the end; both processes live on."""
    server, worker = sidecar.server_pid, sidecar.worker_pid
    command = [sys.executable, "-m", "tests.faults.lone_client", str(sidecar.folder / "run"), "0.4"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        job = process.stdout.readline().strip()
        os.kill(process.pid, signal.SIGKILL)
    with Client.connect(sidecar.connection) as second:
        second.attach(job)
        assert finished(second).job == job
    assert (sidecar.server_pid, sidecar.worker_pid) == (server, worker)


def test_a_client_that_reads_nothing(
    sidecar: Sidecar, take: Artefact, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has a rendering sent and asks and asks; the others are served. What it asks is far more
    than may wait for it, so what is held back is dropped, not kept."""
    sidecar.client.ping()
    before = read_vitals(sidecar.server_pid)
    with RawClient(sidecar.connection) as raw:
        assert isinstance(raw.ask(HELLO), Welcome)
        raw.socket.send_multipart(wire.encode(render_all(take), 2))
        ping = wire.encode(Ping(), 3)
        slowest, asked = 0.0, 0
        while asked < ASKED and _send(raw, ping):
            asked += 1
            if asked % 5000 == 0:
                slowest = max(slowest, sidecar.client.ping())
        while_it_sleeps = read_vitals(sidecar.server_pid)
        slowest = max(slowest, *(sidecar.client.ping() for _ in range(100)))
    grown = while_it_sleeps.memory_bytes - before.memory_bytes
    with capsys.disabled():
        print(f"\na client that asks {asked} times (at least {LEAST_ASKED}) and reads nothing:")
        print(
            f"{grown / MIB:.1f} MiB (at most {GROWN_MIB}), ping {1e3 * slowest:.1f} ms "
            f"(at most {PING_S:.0f} s)"
        )
    assert asked >= LEAST_ASKED
    assert grown <= GROWN_MIB * MIB
    assert slowest <= PING_S


def _send(raw: RawClient, frames: list[wire.Frame]) -> bool:
    """False once its queue stays full: the sidecar reads no more of it, or has let it go."""
    if not raw.socket.poll(2000, zmq.POLLOUT):
        return False
    raw.socket.send_multipart(frames)
    return True


def render_all(take: Artefact) -> Render:
    return Render(
        job=secrets.token_hex(16),
        head="open",
        motion=take.sha256,
        name=take.name,
        width=64,
        height=64,
        credit=limits.MAX_CREDIT,
    )


def test_two_clients_with_previews_and_a_bake(sidecar: Sidecar, take: Artefact) -> None:
    """Each sees its own emotion and its own jobs."""
    frames = take_frames()
    tracks = {"happy": track_of(frames, 1.0, "happy"), "sad": track_of(frames, 1.0, "sad")}
    with Client.connect(sidecar.connection) as one, Client.connect(sidecar.connection) as two:
        clients = {"happy": one, "sad": two}
        alone = {name: preview(client, take, tracks[name], 20) for name, client in clients.items()}
        assert (alone["happy"].expression != alone["sad"].expression).any()
        jobs = {
            name: client.start_bake(take, tracks[name], vertices=True)
            for name, client in clients.items()
        }
        seen: dict[str, list[object]] = {name: [] for name in clients}
        for _ in range(50):
            for name, client in clients.items():
                client.start_preview(take, tracks[name], 20)
            for name, client in clients.items():
                seen[name] += client.poll()
        for name, client in clients.items():
            wait_for(
                lambda n=name, c=client: (
                    seen[n].extend(c.poll()) or any(isinstance(e, BakeFinished) for e in seen[n])
                ),
                "its bake",
            )
        for name in clients:
            own(seen[name], jobs[name], alone[name])


def own(events: list[object], job: str, alone: PreviewReady) -> None:
    previews = [event for event in events if isinstance(event, PreviewReady)]
    assert previews
    for shown in previews:
        np.testing.assert_array_equal(shown.expression, alone.expression)
        np.testing.assert_array_equal(shown.jaw, alone.jaw)
    assert {event.job for event in events if not isinstance(event, PreviewReady)} == {job}


def preview(client: Client, take: Artefact, track: object, frame: int) -> PreviewReady:
    """One preview, waited for."""
    found: list[PreviewReady] = []
    client.start_preview(take, track, frame)

    def is_there() -> bool:
        found.extend(e for e in client.poll() if isinstance(e, PreviewReady))
        return bool(found)

    wait_for(is_there, "a preview")
    return found[0]


def test_same_bake_of_two_clients(sidecar: Sidecar, take: Artefact) -> None:
    """Both get it; the second one's chunks are there already."""
    track = track_of(take_frames(), 0.77)
    first = sidecar.finished(sidecar.client.start_bake(take, track))
    with Client.connect(sidecar.connection) as other:
        other.start_bake(take, track)
        assert hashes(finished(other)) == hashes(first)


def finished(client: Client) -> BakeFinished:
    """The result of its only job."""
    found: list[BakeFinished] = []

    def has_ended() -> bool:
        found.extend(event for event in client.poll() if isinstance(event, BakeFinished))
        return bool(found)

    wait_for(has_ended, "the end of a bake")
    return found[0]
