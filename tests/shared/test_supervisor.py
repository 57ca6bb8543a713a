# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor with a clock of the test, and fake processes and clients: no test waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from affekt.shared.connection import Connection, write_connection
from affekt.shared.errors import LinkError
from affekt.shared.limits import (
    HUNG_S,
    PROTOCOL_VERSION,
    RESTART_WAITS_S,
    RESTART_WINDOW_S,
    SILENT_S,
)
from affekt.shared.process import SidecarState
from affekt.shared.supervisor import Supervisor, SupervisorState
from fakes.link import DEADLINE_S, wait_for
from fakes.supervised import Stage, reach

OFF, STARTING, CONNECTED, SILENT, RESTARTING, FAILED = SupervisorState
THREADS = ("affekt-supervisor", "affekt-link")


def connection(port: int = 1) -> Connection:
    return Connection(
        endpoint=f"tcp://127.0.0.1:{port}",
        server_public_key="a" * 40,
        client_public_key="b" * 40,
        client_secret_key="c" * 40,
        pid=1,
        protocol=PROTOCOL_VERSION,
        affekt="1.2.3",
    )


@pytest.fixture(params=["own", "another's"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    """A sidecar of ours, and one that somebody else runs."""
    if request.param != "own":
        write_connection(connection(), tmp_path)
    return Stage(tmp_path, ["affekt", "serve"] if request.param == "own" else None)


@pytest.fixture
def own(tmp_path: Path) -> Stage:
    return Stage(tmp_path, ["affekt", "serve"])


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    yield
    wait_for(
        lambda: not [t.name for t in threading.enumerate() if t.name in THREADS], "its threads"
    )


def connected(stage: Stage) -> Supervisor:
    supervisor = stage.make()
    supervisor.start()
    reach(supervisor, CONNECTED)
    return supervisor


def told(stage: Stage) -> list[str]:
    """What the first process was told."""
    return stage.processes[0].told


def lose(stage: Stage, supervisor: Supervisor) -> None:
    stage.clients[-1].is_open = False
    supervisor.step()


def test_start_and_stop(stage: Stage) -> None:
    supervisor = stage.make()
    assert supervisor.step() is OFF
    supervisor.start()
    assert supervisor.state is STARTING
    reach(supervisor, CONNECTED)
    assert supervisor.client is stage.clients[0]
    assert supervisor.version == "1.2.3"
    assert supervisor.describe() == "Connected"
    assert supervisor.submit(lambda client: client.silence_s).result(1) == 0.0
    assert len(stage.processes) == (stage.command is not None)
    supervisor.stop()
    assert supervisor.step() is OFF
    wait_for(lambda: stage.clients[0].is_closed, "the client's end")
    if stage.command is not None:
        wait_for(lambda: told(stage) == ["ask", "stop"], "the process's end")


def test_back_off_and_the_end(stage: Stage) -> None:
    supervisor = connected(stage)
    waits = []
    for number in range(1, len(RESTART_WAITS_S) + 1):
        lose(stage, supervisor)
        assert supervisor.state is RESTARTING
        assert supervisor.restart == number
        assert supervisor.error is not None
        waits.append(supervisor.seconds_left)
        stage.time += waits[-1] - 0.01
        supervisor.step()
        assert len(stage.clients) == number  # not a moment earlier
        stage.time += 0.02
        reach(supervisor, CONNECTED)
        assert supervisor.error is None
    assert waits == [1, 2, 4, 8, 8]
    lose(stage, supervisor)
    assert supervisor.state is FAILED
    assert supervisor.error is not None
    assert supervisor.error.code == "link.given_up"
    assert supervisor.step() is FAILED
    assert len(stage.clients) == len(RESTART_WAITS_S) + 1
    assert not supervisor.is_lasting


def test_restarts_of_long_ago_do_not_count(stage: Stage) -> None:
    supervisor = connected(stage)
    for _ in range(3 * len(RESTART_WAITS_S)):
        lose(stage, supervisor)
        assert supervisor.seconds_left == 1
        stage.time += 1
        reach(supervisor, CONNECTED)
        stage.time += RESTART_WINDOW_S
    supervisor.stop()


def test_restarts_that_fail_count_too(stage: Stage) -> None:
    supervisor = connected(stage)
    stage.spawn_error = stage.connect_error = LinkError("link.timeout", "Silence.", "Wait.")
    lose(stage, supervisor)
    for number in range(1, len(RESTART_WAITS_S) + 1):
        assert supervisor.restart == number
        stage.time += supervisor.seconds_left

        def has_gone_on(number: int = number) -> bool:
            return supervisor.step() is FAILED or supervisor.restart > number

        wait_for(has_gone_on, "the next failure")
    assert supervisor.state is FAILED


@pytest.mark.parametrize(
    "error",
    [LinkError("link.start", "No such program.", "Install it."), OSError("no descriptors left")],
)
def test_what_never_answered_is_not_started_again(stage: Stage, error: Exception) -> None:
    stage.spawn_error = stage.connect_error = error
    supervisor = stage.make()
    supervisor.start()
    reach(supervisor, FAILED)
    assert supervisor.error is not None
    expected = error.code if isinstance(error, LinkError) else "link.broken"
    assert supervisor.error.code == expected


def test_another_version_is_not_tried_again(stage: Stage) -> None:
    supervisor = connected(stage)
    lose(stage, supervisor)
    stage.connect_error = LinkError("link.version", "Too old.", "Update it.")
    stage.time += 1
    reach(supervisor, FAILED)
    assert supervisor.error is stage.connect_error


def test_it_dies_before_it_is_ready(own: Stage) -> None:
    supervisor = own.make()
    supervisor.start()
    wait_for(lambda: own.processes, "the process")
    own.processes[0].die("link.start")
    reach(supervisor, FAILED)
    assert supervisor.error is own.processes[0].error
    assert supervisor.log_path == own.folder / "sidecar.log"


def test_a_death_says_why_and_is_restarted(own: Stage) -> None:
    supervisor = connected(own)
    own.clients[0].is_open = False
    own.processes[0].die()
    assert supervisor.step() is RESTARTING
    assert supervisor.error is own.processes[0].error
    assert supervisor.client is None
    assert supervisor.is_lasting
    own.time += 1
    reach(supervisor, CONNECTED)
    assert len(own.processes) == 2
    assert supervisor.client is own.clients[1]
    supervisor.stop()


def test_the_last_error_says_what_to_do(own: Stage) -> None:
    (own.folder / "sidecar.log").write_text("INFO all well\nERROR the card is on fire\n")
    supervisor = connected(own)
    for wait_s in RESTART_WAITS_S:
        lose(own, supervisor)
        own.time += wait_s
        reach(supervisor, CONNECTED)
    lose(own, supervisor)
    said = str(supervisor.error)
    for part in (
        "in vain. The sidecar has gone. ERROR the card is on fire.",
        str(own.folder / "sidecar.log"),
        "how to mend it: affekt doctor",
    ):
        assert part in said
    assert supervisor.state is FAILED


def test_what_does_not_start_any_more_has_its_own_remedy(own: Stage) -> None:
    """The doctor of a Python that has lost Affekt does not start either."""
    supervisor = connected(own)
    own.spawn_error = LinkError("link.start", "No module named affekt.", "Check the Python.")
    lose(own, supervisor)

    def has_failed() -> bool:
        own.time += supervisor.seconds_left
        return supervisor.step() is FAILED

    wait_for(has_failed, "the end")
    assert str(supervisor.error).endswith("Your scene is safe. Check the Python.")


def test_silence_is_shown_and_passes(stage: Stage) -> None:
    supervisor = connected(stage)
    stage.clients[0].silence_s = SILENT_S - 0.1
    assert supervisor.step() is CONNECTED
    stage.clients[0].silence_s = SILENT_S
    assert supervisor.step() is SILENT
    assert supervisor.describe() == "Not answering"
    stage.time += 5
    stage.clients[0].silence_s = SILENT_S + 5
    assert supervisor.step() is SILENT
    stage.clients[0].silence_s = 0
    assert supervisor.step() is CONNECTED
    assert len(stage.clients) == 1
    supervisor.stop()


def test_a_hang_ends_in_a_kill(stage: Stage) -> None:
    supervisor = connected(stage)
    stage.clients[0].silence_s = SILENT_S
    assert supervisor.step() is SILENT
    stage.time += HUNG_S - SILENT_S
    stage.clients[0].silence_s = HUNG_S
    assert supervisor.step() is RESTARTING
    assert supervisor.error is not None
    assert supervisor.error.code == "link.silent"
    wait_for(lambda: stage.clients[0].is_closed, "the client's end")
    if stage.command is not None:
        wait_for(lambda: told(stage) == ["kill", "stop"], "the process's end")
    stage.time += 1
    reach(supervisor, CONNECTED)
    supervisor.stop()


def test_a_nap_of_our_own_kills_nobody(stage: Stage) -> None:
    """The first look after an hour shows an hour's silence: the sidecar gets its chance."""
    supervisor = connected(stage)
    stage.time += 3600
    stage.clients[0].silence_s = 3600
    assert supervisor.step() is SILENT
    stage.time += HUNG_S - SILENT_S - 0.1
    assert supervisor.step() is SILENT
    stage.clients[0].silence_s = 0
    assert supervisor.step() is CONNECTED
    supervisor.stop()


def test_the_next_one_starts_when_the_last_has_ended(own: Stage) -> None:
    """They share a folder; Start may be pressed right after Stop."""
    first, may_end = connected(own), threading.Event()
    own.processes[0].stop = lambda: may_end.wait(DEADLINE_S)
    first.stop()
    second = own.make(after=first)
    second.start()
    with pytest.raises(AssertionError, match="two at once"):
        wait_for(lambda: len(own.processes) > 1, "two at once", 0.05)
    assert second.step() is STARTING
    may_end.set()
    reach(second, CONNECTED)
    second.stop()


def test_one_that_failed_has_ended(own: Stage) -> None:
    own.spawn_error = LinkError("link.start", "It did not start.", "Look.")
    first = own.make()
    first.start()
    reach(first, FAILED)
    own.spawn_error = None
    second = own.make(after=first)
    second.start()
    reach(second, CONNECTED)
    second.stop()


def test_a_hung_sidecar_is_killed_by_stop(own: Stage) -> None:
    supervisor = connected(own)
    own.clients[0].silence_s = SILENT_S
    supervisor.step()
    supervisor.stop()
    assert own.processes[0].told[0] == "kill"


@pytest.mark.parametrize("moment", ["spawning", "connecting", "connected"])
def test_stop_never_blocks(own: Stage, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever hangs on the way up or down, and nothing is left behind."""
    go_on = threading.Event()
    hangs = {"spawning": "_spawn", "connecting": "_connect"}.get(moment)
    if hangs is not None:
        real = getattr(own, hangs)
        monkeypatch.setattr(own, hangs, lambda *a, **k: (go_on.wait(5), real(*a, **k))[1])
    supervisor = own.make()
    supervisor.start()
    if moment == "connecting":
        wait_for(lambda: supervisor.step() and own.processes, "the process")
        supervisor.step()
    elif moment == "connected":
        reach(supervisor, CONNECTED)
        monkeypatch.setattr(own.clients[0], "close", lambda: go_on.wait(5))
    started = time.perf_counter()
    supervisor.stop()
    took_s = time.perf_counter() - started
    print(f"stop while {moment}: {1000 * took_s:.2f} ms")
    assert took_s < 0.05
    go_on.set()
    wait_for(lambda: own.processes and own.processes[0].told[-1:] == ["stop"], "the end")
    assert all(client.is_closed for client in own.clients) or moment == "connected"


def test_jobs_go_from_client_to_client(stage: Stage) -> None:
    supervisor = connected(stage)
    lose(stage, supervisor)
    stage.time += 1
    reach(supervisor, CONNECTED)
    assert [client.jobs for client in stage.clients] == [supervisor.book] * 2
    supervisor.stop()


@pytest.mark.parametrize("end", ["stop", "failure"])
def test_jobs_end_with_the_supervisor(
    own: Stage, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = connected(own)
    errors = []
    monkeypatch.setattr(supervisor.book, "give_up", errors.append)
    for wait_s in RESTART_WAITS_S:
        lose(own, supervisor)
        own.time += wait_s
        reach(supervisor, CONNECTED)
    assert errors == []
    if end == "stop":
        supervisor.stop()
    else:
        lose(own, supervisor)
    assert [error.code for error in errors] == ["link.closed" if end == "stop" else "link.given_up"]


def test_no_client_no_call(stage: Stage) -> None:
    supervisor = connected(stage)
    lose(stage, supervisor)
    with pytest.raises(LinkError) as caught:
        supervisor.submit(lambda client: client).result(1)
    assert caught.value is supervisor.error
    supervisor.stop()


def test_what_is_shown_meanwhile(stage: Stage) -> None:
    supervisor = connected(stage)
    lose(stage, supervisor)
    stage.time += 1
    reach(supervisor, CONNECTED)
    lose(stage, supervisor)
    verb = "Reconnecting" if stage.command is None else "Restarting"
    assert supervisor.describe() == f"{verb} 2 of 5 in 2 s"
    supervisor.stop()
    assert supervisor.describe() == "Not running"


def test_the_others_file_is_read_again(tmp_path: Path) -> None:
    """Somebody started it again: another port, other keys."""
    seen = []
    stage = Stage(tmp_path, None)
    write_connection(connection(1), tmp_path)
    real = stage._connect
    stage._connect = lambda found, *, book: (seen.append(found.endpoint), real(found, book=book))[1]
    supervisor = connected(stage)
    write_connection(connection(2), tmp_path)
    lose(stage, supervisor)
    stage.time += 1
    reach(supervisor, CONNECTED)
    assert seen == ["tcp://127.0.0.1:1", "tcp://127.0.0.1:2"]
    supervisor.stop()


def test_an_adopted_client_gets_no_other(own: Stage) -> None:
    client = own._connect(None, book=own.make().book)
    supervisor = Supervisor.adopt(client)  # pyright: ignore
    assert supervisor.step() is CONNECTED
    client.is_open = False
    assert supervisor.step() is FAILED
    assert supervisor.error is not None
    assert supervisor.error.code == "link.unreachable"


def test_a_step_costs_next_to_nothing(own: Stage) -> None:
    supervisor = connected(own)
    own.processes[0].state = SidecarState.READY
    took = []
    for _ in range(2000):
        started = time.perf_counter()
        supervisor.step()
        took.append(time.perf_counter() - started)
    took.sort()
    print(f"a step: p50 {1e6 * took[1000]:.1f} us, p99 {1e6 * took[1980]:.1f} us")
    assert took[1980] < 0.001
    supervisor.stop()
