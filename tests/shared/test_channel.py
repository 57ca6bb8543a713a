# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel against a sidecar that dies, stalls, lies and repeats itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import zmq
from affekt.shared import limits, wire
from affekt.shared.channel import to_error
from affekt.shared.client import Client
from affekt.shared.connection import Connection
from affekt.shared.errors import AffektError, InputError, JobError, LinkError
from affekt.shared.messages import (
    Acknowledged,
    Failure,
    FindArtefact,
    GetHead,
    GetStatus,
    Hello,
    Pong,
    Progress,
    Shutdown,
    Status,
    Upload,
    Welcome,
)
from fakes.link import wait_for
from fakes.promises import within
from fakes.scripted import ScriptedSidecar

ROOT = Path(__file__).resolve().parents[1]
STATUS = Status(
    uptime_s=1.5,
    worker="ready",
    worker_restarts=2,
    device="cpu",
    clients=1,
    jobs=0,
    cache_bytes=10,
    cache_limit_bytes=20,
    memory_bytes=30,
)


@pytest.fixture
def client(sidecar: ScriptedSidecar) -> Iterator[Client]:
    with Client.connect(sidecar.connection) as client:
        yield client


class Caller:
    """A call on a thread of its own, since calls wait."""

    def __init__(self, call) -> None:
        self.result: object = None
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call) -> None:
        try:
            self.result = call()
        except LinkError as error:
            self.result = error

    def wait(self) -> object:
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.result


def code_of(result: object) -> str:
    assert isinstance(result, LinkError), result
    return result.code


# --- what cannot even begin -------------------------------------------------------------------


def test_a_channel_without_a_thread_frees_its_sockets(
    sidecar: ScriptedSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor tries again, and again."""
    made: list[zmq.Context] = []

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    context = zmq.Context
    monkeypatch.setattr(zmq, "Context", lambda: made.append(context()) or made[-1])
    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(RuntimeError):
        Client.connect(sidecar.connection)
    assert [one.closed for one in made] == [True]


def test_a_channel_to_no_address_frees_its_sockets(
    sidecar: ScriptedSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[zmq.Context] = []
    context = zmq.Context
    monkeypatch.setattr(zmq, "Context", lambda: made.append(context()) or made[-1])
    with pytest.raises(zmq.ZMQError):
        Client.connect(replace(sidecar.connection, endpoint="tcp://127.0.0.1:none"))
    assert [one.closed for one in made] == [True]


# --- answers --------------------------------------------------------------------------------


def test_status(sidecar: ScriptedSidecar, client: Client) -> None:
    caller = Caller(client.status)
    sidecar.expect(GetStatus)
    sidecar.answer(GetStatus, STATUS)
    assert caller.wait() == STATUS


def test_an_answer_of_another_type(sidecar: ScriptedSidecar, client: Client) -> None:
    caller = Caller(client.status)
    sidecar.expect(GetStatus)
    sidecar.answer(GetStatus, Acknowledged())
    result = caller.wait()
    assert code_of(result) == "link.protocol"
    assert "'get_status' was answered with 'acknowledged'" in str(result)
    assert client.is_open


def test_a_request_as_an_answer(sidecar: ScriptedSidecar, client: Client) -> None:
    caller = Caller(client.status)
    sidecar.expect(GetStatus)
    sidecar.answer(GetStatus, GetStatus())
    assert code_of(caller.wait()) == "link.unknown_message"
    assert client.is_open


def test_answers_that_come_twice_or_belong_to_nothing(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    caller = Caller(client.status)
    sidecar.expect(GetStatus)
    sidecar.answer(GetStatus, STATUS, times=3)
    sidecar.tell(STATUS, Pong(), number=2**40)
    sidecar.tell(Failure(code="job.failed", message="A lie.", remedy="None."), number=77)
    assert caller.wait() == STATUS
    for uptime_s in (2.0, 3.0):
        caller = Caller(client.status)
        sidecar.expect(GetStatus)
        sidecar.answer(GetStatus, replace(STATUS, uptime_s=uptime_s))
        assert caller.wait().uptime_s == uptime_s
    assert client.poll() == []


def test_events_of_nothing(sidecar: ScriptedSidecar, client: Client) -> None:
    sidecar.tell(Progress(job="0" * 32, stage="modulate", done=1, total=2), Pong(), Acknowledged())
    assert client.ping() < 5
    assert client.poll() == []


def test_an_answer_that_comes_too_late(sidecar: ScriptedSidecar, client: Client) -> None:
    with pytest.raises(LinkError) as caught:
        client.status(timeout_s=0.05)
    assert caught.value.code == "link.timeout"
    sidecar.expect(GetStatus)
    sidecar.answer(GetStatus, STATUS)
    assert client.ping() < 5
    # What nobody waits for any more is forgotten.
    with pytest.raises(LinkError):
        client.status(timeout_s=0.05)
    wait_for(lambda: not client._channel._pending, "the call to be forgotten")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("link.no_artefact", LinkError),
        ("pixels.remote", LinkError),
        ("job.too_many", JobError),
        ("preview.superseded", JobError),
        ("motion.rate", InputError),
        ("file.too_large", InputError),
        ("jobs.none", InputError),
    ],
)
def test_an_error_arrives_as_it_was_raised(code: str, kind: type[AffektError]) -> None:
    error = to_error(Failure(code=code, message="It failed.", remedy="Try again."))
    assert type(error) is kind
    assert (error.code, error.message, error.remedy) == (code, "It failed.", "Try again.")


def test_garbage_ends_the_link_with_words(sidecar: ScriptedSidecar, client: Client) -> None:
    caller = Caller(client.status)
    sidecar.expect(GetStatus)
    sidecar.tell_frames([b"\xc1garbage"])
    assert code_of(caller.wait()) == "link.protocol"
    assert not client.is_open


def test_an_event_that_breaks_its_rules_ends_the_link(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    frames = wire.encode(Progress(job="0" * 32, stage="modulate", done=1, total=2))
    sidecar.tell_frames([bytes(frames[0]).replace(b"modulate", b"mod/late")])
    wait_for(lambda: not client.is_open, "the end of the link")


def test_an_event_of_a_later_minor_version(sidecar: ScriptedSidecar, client: Client) -> None:
    """Unknown news of a newer sidecar are no reason to part; of one of ours they are."""
    major, minor = limits.PROTOCOL_VERSION
    progress = Progress(job="0" * 32, stage="modulate", done=1, total=2)
    for version, is_open in (((major, minor + 1), True), ((major, minor), False)):
        frames = wire.encode(progress, version=version)
        sidecar.tell_frames([bytes(frames[0]).replace(b"progress", b"progrexx")])
        if is_open:
            assert client.ping() < 5
        else:
            wait_for(lambda: not client.is_open, "the end of the link")


def test_another_major_at_hello(sidecar: ScriptedSidecar) -> None:
    sidecar.welcome = Welcome(protocol=(9, 1), affekt="9.1.0", capabilities=())
    with pytest.raises(LinkError) as caught:
        Client.connect(sidecar.connection)
    assert caught.value.code == "link.version"


def test_a_sidecar_that_never_greets(sidecar: ScriptedSidecar) -> None:
    sidecar.is_mute = True
    with pytest.raises(LinkError) as caught:
        Client.connect(sidecar.connection, timeout_s=0.1)
    assert caught.value.code == "link.timeout"
    assert "affekt-channel" not in [thread.name for thread in threading.enumerate()]


def test_an_upload_that_gets_nowhere_ends(sidecar: ScriptedSidecar, client: Client) -> None:
    """A sidecar that always asks for the same bytes again is left at the deadline."""
    from affekt.shared.messages import ArtefactState

    caller = Caller(lambda: client.upload(b"abc", "motion", "a.json", timeout_s=0.3))
    sha256 = sidecar.expect(FindArtefact).sha256
    state = ArtefactState(sha256=sha256, received=0, is_complete=False)
    sidecar.answer(FindArtefact, state)
    while caller.result is None:
        try:
            sidecar.expect(Upload, 0.5)
        except AssertionError:
            break
        sidecar.answer(Upload, state)
    assert code_of(caller.wait()) == "link.timeout"


def test_an_upload_of_which_more_arrived_than_there_is(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    from affekt.shared.messages import ArtefactState

    caller = Caller(lambda: client.upload(b"abc", "motion", "a.json"))
    sha256 = sidecar.expect(FindArtefact).sha256
    sidecar.answer(FindArtefact, ArtefactState(sha256=sha256, received=4, is_complete=False))
    assert code_of(caller.wait()) == "link.protocol"


# --- shutdown -------------------------------------------------------------------------------


def test_shutdown_of_a_sidecar_that_leaves_without_a_word(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    caller = Caller(client.shutdown)
    sidecar.expect(Shutdown)
    sidecar.die()
    assert caller.wait() is None
    assert not client.is_open


def test_shutdown_of_a_sidecar_that_had_gone_before(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    sidecar.die()
    wait_for(lambda: not client.is_open, "the end")
    assert code_of(Caller(client.shutdown).wait()) == "link.unreachable"


def test_shutdown_that_is_not_answered(sidecar: ScriptedSidecar, client: Client) -> None:
    with pytest.raises(LinkError) as caught:
        client.shutdown(timeout_s=0.05)
    assert caught.value.code == "link.timeout"


# --- silence and death ----------------------------------------------------------------------


def test_it_pings_while_nothing_is_said(
    sidecar: ScriptedSidecar, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IDLE_PING_S", 0.02)
    wait_for(lambda: sidecar.pings >= 5, "five pings")
    assert not client._channel._pending
    assert not client.is_silent


def test_silence_is_seen_and_ends(
    sidecar: ScriptedSidecar, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IDLE_PING_S", 0.02)
    monkeypatch.setattr(limits, "SILENT_S", 0.2)
    assert not client.is_silent
    sidecar.is_mute = True
    wait_for(lambda: client.is_silent, "silence")
    assert client.is_open
    assert client.silence_s > 0.2
    sidecar.is_mute = False
    wait_for(lambda: not client.is_silent, "a word")
    assert client.ping() < 5


def test_time_in_which_we_do_not_listen_is_no_silence(
    sidecar: ScriptedSidecar, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channel's thread is held up, as a slow disk or a stopped Blender does."""
    monkeypatch.setattr(limits, "IDLE_PING_S", 0.02)
    monkeypatch.setattr(limits, "SILENT_S", 0.3)
    silences: list[float] = []
    held = threading.Event()

    def hold(_: object) -> None:
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            silences.append(client.silence_s)
        held.set()

    client._channel.send(GetStatus(), hold)
    sidecar.expect(GetStatus)
    sidecar.answer(GetStatus, STATUS)
    assert held.wait(5)
    assert max(silences) < 0.3
    assert client.ping() < 5
    assert not client.is_silent


def test_a_deaf_sidecar_holds_up_nothing(
    sidecar: ScriptedSidecar, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More calls than the socket takes wait here, in order, and go when there is room."""
    monkeypatch.setattr(limits, "MAX_UNSENT", 1)
    name = "x" * 60
    sidecar.is_deaf = True
    done: list[int] = []
    calls = 20_000
    started = time.perf_counter()
    for number in range(calls):
        client._channel.send(GetHead(name=name), lambda _, n=number: done.append(n))
    assert time.perf_counter() - started < 5
    wait_for(lambda: client._channel._unsent, "calls that wait for room")
    sidecar.is_deaf = False
    heard = 0
    while heard < calls:
        sidecar.expect(GetHead)
        heard += 1
    assert not client._channel._unsent
    client.close()
    assert done == list(range(calls))


def test_death_is_seen_at_once(
    sidecar: ScriptedSidecar, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = Caller(client.status)
    sidecar.expect(GetStatus)
    sidecar.die()
    died = time.monotonic()
    assert code_of(caller.wait()) == "link.unreachable"
    seen_s = time.monotonic() - died
    with capsys.disabled():
        print(f"\na sidecar's door closed: seen after {1e3 * seen_s:.0f} ms (at most 2 s)")
    assert not client.is_open
    assert seen_s < 2


def test_calls_after_the_end(sidecar: ScriptedSidecar, client: Client) -> None:
    client.close()
    assert code_of(Caller(client.status).wait()) == "link.closed"
    client._channel.run_at(0.0, lambda: pytest.fail("nobody is there to run it"))


def test_timers_run_in_order_and_not_before_their_time(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    ran: list[tuple[str, float]] = []
    now = time.monotonic()
    for name, delay_s in (("late", 0.06), ("early", 0.02), ("past", -1.0)):
        client._channel.run_at(
            now + delay_s, lambda name=name: ran.append((name, time.monotonic() - now))
        )
    wait_for(lambda: len(ran) == 3, "three timers")
    assert [name for name, _ in ran] == ["past", "early", "late"]
    assert ran[1][1] >= 0.02
    assert ran[2][1] >= 0.06


# --- a process of its own -------------------------------------------------------------------


@dataclass
class Apart:
    """A scripted sidecar that may be stopped and killed."""

    process: subprocess.Popen[bytes]
    connection: Connection

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)


@pytest.fixture
def apart() -> Iterator[Apart]:
    process = subprocess.Popen(
        [sys.executable, "-m", "fakes.scripted"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        said = json.loads(process.stdout.readline())
        said["protocol"] = tuple(said["protocol"])
        yield Apart(process, Connection(**said))
    finally:
        process.kill()
        process.communicate()


posix = pytest.mark.skipif(os.name != "posix", reason="stops a process by a signal")


def survives_a_stop(apart: Apart, stop_s: float) -> float:
    """Stops the process until the client has heard nothing for `stop_s`, lets it go on, and
    gives the seconds until it was called silent."""
    with Client.connect(apart.connection) as client:
        apart.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            wait_for(lambda: client.is_silent, "silence")
            seen_s = time.monotonic() - stopped
            wait_for(lambda: time.monotonic() - stopped >= stop_s, "the time to go on")
        finally:
            apart.signal(signal.SIGCONT)
        assert client.ping() < 5
        wait_for(lambda: not client.is_silent, "a word")
        return seen_s


@posix
def test_a_process_that_was_stopped_is_not_lost(
    apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as below at five times the speed."""
    monkeypatch.setattr(limits, "SILENT_S", 0.4)
    monkeypatch.setattr(limits, "IDLE_PING_S", 0.1)
    monkeypatch.setattr(limits, "HEARTBEAT_MS", 200)
    monkeypatch.setattr(limits, "HEARTBEAT_TIMEOUT_MS", 3000)
    survives_a_stop(apart, 1.0)


@posix
def test_control_with_short_heartbeats_it_would_be(
    apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why `HEARTBEAT_TIMEOUT_MS` is what it is; and a sidecar that is stopped for ever is lost
    in the end."""
    monkeypatch.setattr(limits, "HEARTBEAT_MS", 100)
    monkeypatch.setattr(limits, "HEARTBEAT_TIMEOUT_MS", 300)
    with Client.connect(apart.connection) as client:
        apart.signal(signal.SIGSTOP)
        try:
            wait_for(lambda: not client.is_open, "the end of the link")
        finally:
            apart.signal(signal.SIGCONT)


@posix
@pytest.mark.full
def test_a_hang_is_shown_within_three_seconds_and_five_are_survived(
    apart: Apart, capsys: pytest.CaptureFixture[str]
) -> None:
    seen_s = within(3.0, lambda: survives_a_stop(apart, 5.0))
    with capsys.disabled():
        print(f"\na stopped sidecar: shown as silent after {seen_s:.2f} s (at most 3 s)")
    assert seen_s <= 3.0


@posix
def test_kill_is_seen_at_once(apart: Apart, capsys: pytest.CaptureFixture[str]) -> None:
    with Client.connect(apart.connection) as client:
        apart.process.kill()
        killed = time.monotonic()
        wait_for(lambda: not client.is_open, "the end of the link")
        seen_s = time.monotonic() - killed
    with capsys.disabled():
        print(f"\nkill -9: seen after {1e3 * seen_s:.0f} ms (at most 2 s)")
    assert seen_s < 2


def test_hello_is_all_that_a_client_says_unasked(sidecar: ScriptedSidecar, client: Client) -> None:
    client.ping()
    assert sidecar.heard == [Hello.TYPE]


# --- a sidecar on another machine -----------------------------------------------------------


def test_a_remote_machine_that_is_not_found_is_named(sidecar: ScriptedSidecar) -> None:
    # A label of 64 letters is no name in any network, so nobody is asked for it.
    nowhere = f"tcp://{'a' * 64}.example:5870"
    remote = replace(sidecar.connection, pid=None, endpoint=nowhere)
    with pytest.raises(LinkError) as caught:
        Client.connect(remote, timeout_s=0.2)
    assert caught.value.code == "link.unreachable"
    assert nowhere in caught.value.message
    assert "Ask whoever runs" in caught.value.remedy
