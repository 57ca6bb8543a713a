# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that was not started: what it does of itself, turn by turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import zmq
from affekt.shared.errors import AffektError, JobError
from affekt.sidecar.server import server
from affekt.sidecar.server.scheduler import Refusal, Request
from affekt.sidecar.server.worker_process import GaveUp


@contextmanager
def not_started(folder: Path, clients: object, **options: object) -> Iterator[server.Server]:
    """A server that talks to nobody but these clients."""
    places = server.ServerOptions(runtime_folder=folder / "run", cache_folder=folder / "cache")
    one = server.Server(lambda _: None, replace(places, **options))  # type: ignore[arg-type]
    one._clients = clients  # type: ignore[assignment]
    yield one
    one._mailbox.close()


@pytest.mark.parametrize(
    ("silence_s", "is_waiting", "patience_ms"),
    [(30.0, False, 1000), (2.0, False, 500), (0.001, False, 1), (30.0, True, 20)],
)
def test_how_long_it_sleeps_while_nothing_comes(
    silence_s: float, is_waiting: bool, patience_ms: int, tmp_path: Path
) -> None:
    """A quarter of the silence after which a client counts as gone; little while messages wait
    for room, since no event tells of that."""
    clients = SimpleNamespace(is_waiting=is_waiting)
    with not_started(tmp_path, clients, silence_s=silence_s) as one:
        assert one._patience_ms() == patience_ms


def test_who_ends_it_gets_what_waits_and_a_moment_to_hang_up(tmp_path: Path) -> None:
    did: list[object] = []
    monitor = SimpleNamespace(poll=did.append, close=lambda linger: did.append(("close", linger)))
    socket = SimpleNamespace(
        get_monitor_socket=lambda event: did.append(event) or monitor,
        disable_monitor=lambda: did.append("no monitor"),
    )
    clients = SimpleNamespace(flush=lambda: did.append("flush"), socket=socket)
    with not_started(tmp_path, clients) as one:
        one._see_out()
    assert did == ["flush", zmq.EVENT_DISCONNECTED, 300, "no monitor", ("close", 0)]


def test_the_cache_is_looked_at_once_a_second_and_one_job_ends_where_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The job whose step filled it. While it is being looked at, nobody looks again."""
    ended: list[tuple[str, AffektError]] = []
    queued: list[tuple[bytes, object]] = []
    full = JobError("job.cache_full", "It is full.", "Wait.")
    with not_started(tmp_path, SimpleNamespace(), now=lambda: 50.0) as one:
        monkeypatch.setattr(one._scheduler, "end", lambda job, error: ended.append((job, error)))
        monkeypatch.setattr(one, "_events", SimpleNamespace(oldest_begun=17.5), raising=False)
        disk = SimpleNamespace(submit=lambda key, task: queued.append((key, task)))
        monkeypatch.setattr(one, "_disk_queue", disk, raising=False)
        since: list[float | None] = []

        def make_room(in_use_since: float | None) -> AffektError | None:
            since.append(in_use_since)
            return full

        monkeypatch.setattr(one._transfers, "make_room", make_room)
        one._make_room("job 7")
        one._make_room("job 8")
        ((key, task),) = queued
        assert key == b""
        task()()  # type: ignore[operator]
        assert (since, ended) == ([17.5], [("job 7", full)])
        assert (one._room_at, one._is_making_room) == (51.0, False)
        one._have_room(None, full)
        assert len(ended) == 1
    assert caplog.text.count("It is full.") == 2


def test_shared_memory_goes_to_whoever_asked_and_replaces_the_last(tmp_path: Path) -> None:
    """If that one has left meanwhile, it is removed."""
    posted: list[tuple[bytes, int]] = []
    removed: list[str] = []

    def ring(name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, token="ab" * 16, remove=lambda: removed.append(name))

    clients = SimpleNamespace(post=lambda client, frames: posted.append((client, len(frames))))
    with not_started(tmp_path, clients) as one:
        one._sessions[b"a"] = server._Session("local", 0.0)
        one._hand_ring(b"gone", 3, ring("affekt-1"))
        assert (removed, posted) == (["affekt-1"], [])
        one._hand_ring(b"a", 4, ring("affekt-2"))
        one._hand_ring(b"a", 5, ring("affekt-3"))
        assert removed == ["affekt-1", "affekt-2"]
        assert one._sessions[b"a"].ring.name == "affekt-3"  # type: ignore[union-attr]
        assert [client for client, _ in posted] == [b"a", b"a"]


def test_who_was_silent_longest_makes_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent for 30 s, and of more than there may be those who were silent longest; jobs of those
    who left expire with the same look."""
    now, forgotten, expired = [100.0], [], []
    with not_started(tmp_path, SimpleNamespace(), now=lambda: now[0], silence_s=30.0) as one:
        for name, seen in ((b"a", 69.9), (b"b", 70.0), (b"c", 90.0), (b"d", 80.0)):
            one._sessions[name] = server._Session("anna", seen)

        def forget(client: bytes) -> None:
            forgotten.append(client)
            del one._sessions[client]

        monkeypatch.setattr(one, "_forget", forget)
        monkeypatch.setattr(one._scheduler, "expire", expired.append)
        one._forget_silent()
        assert (forgotten, expired) == ([b"a"], [100.0])
        monkeypatch.setattr(server.limits, "MAX_CLIENTS", 1)
        one._forget_silent()
        assert forgotten == [b"a", b"b", b"d"]


def test_without_any_worker_what_was_under_way_ends_with_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = JobError("job.no_worker", "The worker does not start.", "See the log.")
    with not_started(tmp_path, SimpleNamespace()) as one:
        jobs = one._scheduler
        jobs.add_client(b"a", "anna")
        for number in (1, 2):
            jobs.ask(Request(client=b"a", id=number, frames=[b"a request"]))
        jobs.worker_ready()
        assert jobs.next_order() is not None
        one._take_news(GaveUp(error))
        assert jobs.take_outcomes() == [Refusal(b"a", number, error) for number in (1, 2)]
    assert "The worker does not start." in caplog.text
