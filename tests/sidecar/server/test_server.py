# SPDX-License-Identifier: GPL-3.0-or-later
"""The server towards clients that are odd, hostile, several, or gone."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import msgpack
import numpy as np
import pytest
from affekt.shared import limits, messages, wire
from affekt.shared.client import Client
from affekt.shared.conversions import track_fields
from affekt.shared.emotion import constant_track
from affekt.shared.errors import AffektError, JobError, LinkError
from affekt.shared.messages import (
    Acknowledged,
    ArtefactState,
    Failure,
    FindArtefact,
    Hello,
    Message,
    Ping,
    Pong,
    Upload,
    Welcome,
)
from affekt.shared.wire import encode
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.server import server
from affekt.sidecar.server.worker_process import Died, Heard
from affekt.sidecar.worker import orders
from fakes.link import HELLO, TAKE, Link, RawClient, comes_true, running_server, wait_for

JOB = "ab" * 16


@pytest.fixture
def raw(link: Link) -> Iterator[RawClient]:
    with RawClient(link.connection) as raw:
        assert isinstance(raw.ask(HELLO), Welcome)
        yield raw


def failure_of(message: Message) -> Failure:
    assert isinstance(message, Failure)
    return message


def upload(whole: bytes, **changes: object) -> Upload:
    fields = {
        "kind": "motion",
        "name": "take.json",
        "sha256": hashlib.sha256(whole).hexdigest(),
        "size": len(whole),
        "offset": 0,
        "data": whole,
    }
    return Upload(**{**fields, **changes})


def bake(job: str = JOB, **changes: object) -> messages.Bake:
    track = constant_track(6, 30)
    fields = {"motion": hashlib.sha256(TAKE).hexdigest(), "name": "take.json", "head": "open"}
    return messages.Bake(**{**track_fields(track), **fields, "job": job, **changes})


# --- versions -------------------------------------------------------------------------------

VERSION_TEXTS = {
    ((4, 0), "4.0.0"): (
        "The add-on is Affekt 4.0.0 (protocol 4.0) and the sidecar Affekt 0.1.0 (protocol 3.12): "
        "they do not understand each other.",
        "Update the sidecar to Affekt 4.0.0, then start the sidecar again.",
    ),
    ((0, 5), "0.0.9"): (
        "The add-on is Affekt 0.0.9 (protocol 0.5) and the sidecar Affekt 0.1.0 (protocol 3.12): "
        "they do not understand each other.",
        "Update the add-on to Affekt 0.1.0, then start the sidecar again.",
    ),
}


@pytest.mark.parametrize("version", VERSION_TEXTS)
def test_another_major_is_refused_with_both_versions(
    link: Link, version: tuple[tuple[int, int], str]
) -> None:
    protocol, affekt = version
    with RawClient(link.connection) as raw:
        answer = raw.ask(Hello(protocol=protocol, affekt=affekt), version=protocol)
        failure = failure_of(answer)
        assert failure.code == "link.version"
        assert (failure.message, failure.remedy) == VERSION_TEXTS[version]
        assert failure_of(raw.ask(Ping())).code == "link.no_hello"


def test_another_minor_is_welcome(link: Link) -> None:
    with RawClient(link.connection) as raw:
        hello = Hello(protocol=(3, 11), affekt="0.11.0")
        assert isinstance(raw.ask(hello, version=(3, 11)), Welcome)
        assert isinstance(raw.ask(Ping(), version=(3, 11)), Pong)


def test_hello_comes_first(link: Link) -> None:
    with RawClient(link.connection) as raw:
        assert failure_of(raw.ask(Ping())).code == "link.no_hello"


# --- garbage from a client with the right key -----------------------------------------------


def test_survives_garbage(link: Link, raw: RawClient) -> None:
    randomness = np.random.default_rng(3)
    valid = [bytes(frame) for frame in encode(bake(), 1)]
    for index in range(300):
        frames = [bytearray(frame) for frame in valid]
        if index % 3 == 0:
            frames = [bytearray(randomness.bytes(50)) for _ in range(index % 5 + 1)]
        else:
            place = int(randomness.integers(len(frames[0])))
            frames[0][place] = int(randomness.integers(256))
        raw.socket.send_multipart([bytes(frame) for frame in frames])
    raw.socket.send_multipart(encode(Ping(), 77))
    while True:
        request, message = raw.receive()
        if request == 77:
            assert isinstance(message, Pong)
            return


def test_answers_with_the_request_id(raw: RawClient) -> None:
    bad = msgpack.packb({"v": [3, 0], "id": 5, "type": "teapot", "buffers": [], "body": {}})
    raw.socket.send_multipart([bad])
    request, message = raw.receive()
    assert request == 5
    assert failure_of(message).code == "link.unknown_message"


def test_request_without_an_id_gets_no_answer(raw: RawClient) -> None:
    raw.socket.send_multipart(encode(Ping(), 0))
    raw.socket.send_multipart(encode(Ping(), 2))
    assert raw.receive() == (2, Pong())


# --- uploads --------------------------------------------------------------------------------


def test_upload_with_another_hash(link: Link, raw: RawClient) -> None:
    sha256 = hashlib.sha256(b"other").hexdigest()
    failure = failure_of(raw.ask(upload(TAKE, sha256=sha256)))
    assert failure.code == "link.hash"
    state = raw.ask(FindArtefact(sha256=sha256))
    assert state == ArtefactState(sha256=sha256, received=0, is_complete=False)
    left = [path for path in (link.folder / "cache").rglob("*") if path.is_file()]
    assert not [path for path in left if sha256 in path.name]


def test_upload_resumes_where_it_stopped(raw: RawClient) -> None:
    sha256 = hashlib.sha256(TAKE).hexdigest()
    part = ArtefactState(sha256=sha256, received=4, is_complete=False)
    assert raw.ask(upload(TAKE, data=TAKE[:4])) == part
    assert raw.ask(upload(TAKE, data=TAKE[9:], offset=9)) == part  # a gap is not taken
    assert raw.ask(upload(TAKE, data=TAKE[:4])) == part  # nor is a piece that is there
    assert raw.ask(FindArtefact(sha256=sha256)) == part
    whole = ArtefactState(sha256=sha256, received=len(TAKE), is_complete=True)
    assert raw.ask(upload(TAKE, data=TAKE[4:], offset=4)) == whole
    assert raw.ask(upload(TAKE)) == whole


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 5},
        {"offset": 2**40 - 1},
        {"kind": "vertices"},
        {"kind": "adapter", "size": limits.ARTEFACT_BYTES["adapter"] + 1},
    ],
)
def test_upload_that_is_too_large(raw: RawClient, changes: dict[str, object]) -> None:
    assert failure_of(raw.ask(upload(TAKE, **changes))).code == "link.upload"


# --- jobs -----------------------------------------------------------------------------------


def test_a_job_id_is_used_once(raw: RawClient) -> None:
    raw.ask(upload(TAKE))
    assert isinstance(raw.ask(bake()), Acknowledged)
    assert failure_of(raw.ask(bake())).code == "link.job"


def test_too_many_jobs(link: Link, raw: RawClient) -> None:
    raw.ask(upload(TAKE))
    for _ in range(16):
        assert isinstance(raw.ask(bake(secrets.token_hex(16))), Acknowledged)
    assert failure_of(raw.ask(bake())).code == "job.too_many"


def test_bad_track(raw: RawClient) -> None:
    raw.ask(upload(TAKE))
    weights = np.full((6, 6), np.nan, np.float32)
    assert isinstance(raw.ask(bake(weights=weights)), Acknowledged)
    _, failed = raw.receive()
    assert isinstance(failed, messages.JobFailed)
    assert failed.code == "emotion.not_finite"


def test_nothing_to_draw(raw: RawClient) -> None:
    """Nor two things at once."""
    render = messages.Render(job=JOB, motion="0" * 64, name="take", width=8, height=8, credit=1)
    assert failure_of(raw.ask(render)).code == "link.protocol"
    both = replace(render, head="open", avatar="1" * 64)
    assert failure_of(raw.ask(both)).code == "link.protocol"


def test_photos_without_names(raw: RawClient) -> None:
    asked = messages.CreateAvatar(job=JOB, photo="0" * 64, name="me.jpg", more=("1" * 64,))
    assert failure_of(raw.ask(asked)).code == "link.protocol"


def test_two_clients_do_not_see_each_other(link: Link, raw: RawClient) -> None:
    """Who knows a job's id can neither hear it nor steer it, short of attaching to it."""
    raw.ask(upload(TAKE))
    raw.ask(bake())
    with RawClient(link.connection) as other:
        other.ask(HELLO)
        other.ask(messages.Cancel(job=JOB))
        other.socket.send_multipart(encode(messages.Credit(job=JOB, count=9)))
        link.rooms.steps.release(6)
        assert isinstance(raw.end_of(JOB), messages.BakeDone)
        other.socket.send_multipart(encode(Ping(), 9))
        assert other.receive() == (9, Pong())  # and nothing before it


def test_a_client_that_leaves(link: Link) -> None:
    """Its job goes on for a while, and another client may have it."""
    client = Client.connect(link.connection)
    take = client.upload(TAKE, "motion", "take.json")
    job = client.start_bake(take, constant_track(6, 30))
    assert link.rooms.started.wait(5)
    client.close()
    # What is sent before the connection is down still goes into it: the next step finds it out.
    for _ in range(4):
        link.rooms.steps.release()
        if comes_true(lambda: not link.server._sessions, 2):
            break
    assert not link.server._sessions
    with RawClient(link.connection) as raw:
        assert isinstance(raw.ask(HELLO), Welcome)
        assert raw.ask(messages.Attach(job=job, credit=1)) == Acknowledged()
        link.rooms.steps.release(5)
        assert isinstance(raw.end_of(job), messages.BakeDone)


@dataclass
class Clock:
    """Time that goes on when the test says so."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_client_that_falls_silent(tmp_path: Path) -> None:
    """One that was killed while nothing is to be sent: found out by its silence, and its job is
    cancelled when nobody has come for it."""
    clock = Clock()
    with running_server(tmp_path, now=clock) as link, RawClient(link.connection) as raw:
        raw.ask(HELLO)
        raw.ask(upload(TAKE))
        raw.ask(bake())
        assert link.rooms.started.wait(5)
        with RawClient(link.connection) as other:
            clock.now_s += 29
            other.ask(HELLO)
            assert len(link.server._sessions) == 2
            clock.now_s += 2
            other.ask(Ping())
            wait_for(lambda: len(link.server._sessions) == 1, "it to be forgotten")
            assert link.server._scheduler.open_jobs() == 1
            clock.now_s += 29
            other.ask(Ping())
            assert link.server._scheduler.open_jobs() == 1
            clock.now_s += 2
            other.ask(Ping())
            wait_for(lambda: not link.server._events._jobs, "the end of its job")
            link.rooms.steps.release()
            wait_for(lambda: not link.worker._life.work._jobs, "the worker to forget it")


def test_many_requests_at_once(link: Link, raw: RawClient) -> None:
    """Short requests beyond the allowance are refused, none is lost."""
    for request in range(1, 201):
        raw.socket.send_multipart(encode(FindArtefact(sha256="0" * 64), request))
    answers = dict(raw.receive() for _ in range(200))
    assert set(answers) == set(range(1, 201))
    for message in answers.values():
        assert isinstance(message, ArtefactState) or failure_of(message).code == "link.busy"
    assert isinstance(raw.ask(FindArtefact(sha256="0" * 64)), ArtefactState)


# --- how it is ------------------------------------------------------------------------------


def status(raw: RawClient) -> messages.Status:
    answer = raw.ask(messages.GetStatus())
    assert isinstance(answer, messages.Status)
    return answer


def test_status_tells_what_is_being_compiled(tmp_path: Path) -> None:
    with running_server(tmp_path, is_ready=False) as link, RawClient(link.connection) as raw:
        raw.ask(HELLO)
        told = status(raw)
        assert (told.worker, told.compiled, told.pieces) == ("starting", 0, 0)
        link.worker.ready(pieces=6)
        link.worker.has_compiled(2)
        wait_for(lambda: status(raw).compiled == 2, "the second piece")
        assert (status(raw).worker, status(raw).pieces) == ("ready", 6)


def test_status(link: Link, raw: RawClient) -> None:
    raw.ask(upload(TAKE))
    raw.ask(bake())
    wait_for(lambda: status(raw).device == "cpu", "the worker")
    told = status(raw)
    assert (told.worker, told.worker_restarts, told.clients, told.jobs) == ("ready", 0, 1, 1)
    assert told.cache_limit_bytes == 20_000_000_000
    assert told.memory_bytes == 0 or told.memory_bytes > 10_000_000
    link.worker.kill()
    wait_for(lambda: status(raw).worker_restarts == 1, "its death")


@pytest.mark.parametrize("is_ready", [True, False])
def test_a_worker_is_late_only_while_it_loads(is_ready: bool, tmp_path: Path) -> None:
    """One that has loaded may wait for orders as long as it likes; three minutes are too many for
    one that loads."""
    clock = Clock()
    with running_server(tmp_path, now=clock, is_ready=is_ready) as link:
        with RawClient(link.connection) as raw:
            raw.ask(HELLO)
            if is_ready:
                wait_for(lambda: status(raw).device == "cpu", "the worker")
        clock.now_s += 179
        with RawClient(link.connection) as raw:
            raw.ask(HELLO)
            assert [status(raw).worker_restarts for _ in range(3)] == [0, 0, 0]
            clock.now_s += 2
            if is_ready:
                assert [status(raw).worker_restarts for _ in range(5)] == [0] * 5
            else:
                wait_for(lambda: status(raw).worker_restarts == 1, "its death")


def test_only_who_spoke_in_the_last_5_s_is_present(tmp_path: Path) -> None:
    clock = Clock()
    with running_server(tmp_path, now=clock) as link, RawClient(link.connection) as first:
        first.ask(HELLO)
        told = status(first)
        assert (told.clients, told.jobs, told.uptime_s) == (1, 0, 0)
        clock.now_s += 2.5
        with RawClient(link.connection) as second:
            second.ask(HELLO)
            told = status(second)
            assert (told.clients, told.uptime_s) == (2, 2.5)
            clock.now_s += 2.5
            assert status(second).clients == 1
            assert (status(first).clients, status(first).uptime_s) == (2, 5)


def test_without_a_worker_all_is_said(link: Link, raw: RawClient) -> None:
    """What waits and what is asked later fail with what to do; the rest goes on."""
    raw.ask(upload(TAKE))
    raw.ask(bake())
    assert link.rooms.started.wait(5)
    error = JobError("job.no_worker", "No worker.", "Run `affekt doctor`.")
    link.worker.give_up(error)
    end = raw.end_of(JOB)
    assert isinstance(end, messages.JobFailed)
    assert end.code == "job.no_worker"
    assert failure_of(raw.ask(messages.GetHead(name="open"))).code == "job.no_worker"
    assert failure_of(raw.ask(bake("cd" * 16))).remedy == "Run `affekt doctor`."
    assert isinstance(raw.ask(FindArtefact(sha256="0" * 64)), ArtefactState)
    assert status(raw).worker == "failed"


def test_requests_wait_for_the_worker(tmp_path: Path) -> None:
    """A server is there before its worker is."""
    with running_server(tmp_path, is_ready=False) as link, RawClient(link.connection) as raw:
        raw.ask(HELLO)
        assert status(raw).worker == "starting"
        raw.socket.send_multipart(encode(messages.GetHead(name="open"), 7))
        assert isinstance(raw.ask(Ping(), 8), Pong)
        link.worker.ready()
        request, head = raw.receive()
        assert (request, type(head)) == (7, messages.HeadRead)


def test_a_request_that_is_too_large(
    link: Link, raw: RawClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_REQUEST_BYTES", 10_000)
    assert failure_of(raw.ask(upload(bytes(10_000)))).code == "link.too_large"
    assert isinstance(raw.ask(upload(TAKE)), ArtefactState)


def test_the_longest_silent_is_forgotten_first(
    link: Link, raw: RawClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_CLIENTS", 2)
    with RawClient(link.connection) as second, RawClient(link.connection) as third:
        second.ask(HELLO)
        raw.ask(Ping())
        third.ask(HELLO)
        assert failure_of(second.ask(Ping())).code == "link.no_hello"


def test_a_bug_in_the_news_is_not_the_end(
    link: Link, raw: RawClient, caplog: pytest.LogCaptureFixture
) -> None:
    link.server._mailbox.put(lambda: [].pop())
    assert isinstance(raw.ask(Ping()), Pong)
    assert "pop from empty list" in caplog.text


def test_the_answer_to_shutdown_arrives(link: Link, raw: RawClient) -> None:
    """And the server waits for its reader to hang up, but not for ever."""
    seen_out = []
    see_out = link.server._see_out
    link.server._see_out = lambda: seen_out.append(see_out())  # type: ignore[method-assign]
    assert raw.ask(messages.Shutdown()) == Acknowledged()
    wait_for(link.server.stopped.is_set, "its end", 2)
    assert seen_out == [None]


def test_whom_the_machine_ends_waits_for_nobody(link: Link, raw: RawClient) -> None:
    seen_out = []
    link.server._see_out = lambda: seen_out.append("waits")  # type: ignore[method-assign]
    assert link.server.stop()
    assert seen_out == []


@pytest.mark.parametrize(
    ("sees", "lam", "more"),
    [
        (False, False, ()),
        (True, False, ("create_avatar",)),
        (True, True, ("create_avatar", "lam")),
        (False, True, ()),
    ],
)
def test_the_welcome_says_what_this_sidecar_can(
    link: Link, monkeypatch: pytest.MonkeyPatch, sees: bool, lam: bool, more: tuple[str, ...]
) -> None:
    monkeypatch.setattr(server, "can_see_faces", lambda: sees)
    link.server._options = replace(link.server._options, has_lam=lam)
    with RawClient(link.connection) as raw:
        welcome = raw.ask(HELLO)
    assert isinstance(welcome, Welcome)
    assert (welcome.protocol, welcome.affekt) == ((3, 12), "0.1.0")
    assert set(welcome.capabilities) == {
        "read_motion",
        "get_head",
        "bake",
        "render",
        "preview",
        "pixels",
        "attach",
        *more,
    }


def test_a_server_tidies_up_before_anybody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shared memory of dead servers goes, and what a cache holds beyond its limit."""
    tidied: list[str] = []
    monkeypatch.setattr(server, "remove_orphans", lambda: tidied.append("orphans"))
    user = Cache(tmp_path / "cache").user("local")
    names = [user.add(lambda file, n=n: file.write(bytes([n]) * 40_000))[0] for n in range(3)]
    for age_s, name in enumerate(names):
        used_at = 1e9 - 1000 * age_s
        os.utime(user.path(name, "it"), (used_at, used_at))
    files = [tmp_path / "cache" / "users" / "local" / "artefacts" / name for name in names]
    with running_server(tmp_path, cache_bytes=64 * 1024):
        wait_for(lambda: tidied and not files[1].exists(), "room")
        assert tidied == ["orphans"]
        assert [file.exists() for file in files] == [True, False, False]


def test_why_a_worker_was_killed_counts_for_that_death_alone(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its successor dies of by itself is a crash; it has all to compile again, and its time
    to load begins anew."""
    told: list[str | None] = []
    begun: list[str] = []
    one = link.server

    def died(error: AffektError | None = None) -> None:
        told.append(None if error is None else error.code)

    monkeypatch.setattr(one._scheduler, "worker_died", died)
    monkeypatch.setattr(one, "_watch", SimpleNamespace(begun=lambda: begun.append("begun")))

    def play() -> None:
        one._verdict = JobError("job.memory", "Too much.", "Ask for less.")
        one._take_news(Heard(orders.pack(orders.Compiled(pieces=3))))
        one._pieces = one._pieces[0], 6
        assert one._pieces == (3, 6)
        for code in (-9, 1):
            one._take_news(Died(code))
        told.append("all")

    monkeypatch.setattr(one, "_look_after_worker", lambda: None)
    one._mailbox.put(play)
    wait_for(lambda: "all" in told, "both deaths")
    assert told == ["job.memory", None, "all"]
    assert begun == ["begun", "begun"]
    assert one._pieces == (0, 0)


def test_an_answer_that_cannot_be_sent_is_an_error_that_can(
    link: Link, raw: RawClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too large for a message, say; whoever asked is not left waiting."""
    pack = wire.encode

    def fail(message: Message, number: int = 0) -> Sequence[wire.Frame]:
        if isinstance(message, Pong):
            raise LinkError("link.too_large", "It is too large.", "Ask for less.")
        return pack(message, number)

    monkeypatch.setattr(wire, "encode", fail)
    assert failure_of(raw.ask(Ping())).code == "link.too_large"


def test_a_request_that_could_not_be_answered_is_not_done(link: Link) -> None:
    """It came without an id."""
    with RawClient(link.connection) as raw:
        raw.socket.send_multipart(encode(HELLO, 0))
        assert failure_of(raw.ask(Ping())).code == "link.no_hello"


def test_who_does_not_read_is_asked_to_before_more_is_done(
    link: Link, raw: RawClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is answered at once is answered all the same."""
    monkeypatch.setattr(link.server._clients, "is_full", lambda client: True)
    assert failure_of(raw.ask(FindArtefact(sha256="0" * 64))).code == "link.busy"
    assert isinstance(raw.ask(Ping()), Pong)
    assert raw.ask(messages.Cancel(job="ab" * 16)) == Acknowledged()
    assert isinstance(raw.ask(messages.GetStatus()), messages.Status)
