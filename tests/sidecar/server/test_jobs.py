# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs through the server: pictures in pieces, other clients, workers that die."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from affekt.shared import limits, messages
from affekt.shared.conversions import track_fields
from affekt.shared.emotion import constant_track
from affekt.shared.messages import Acknowledged, Attach, Credit, Failure, Message, Picture, Progress
from affekt.shared.wire import encode
from affekt.sidecar.worker import orders
from fakes.link import HELLO, PNG, TAKE, Link, RawClient, running_server, wait_for

JOB, OTHER = "ab" * 16, "cd" * 16
MOTION = hashlib.sha256(TAKE).hexdigest()


@pytest.fixture
def other(link: Link) -> Iterator[RawClient]:
    with RawClient(link.connection) as raw:
        raw.ask(HELLO)
        yield raw


def bake(job: str = JOB, **changes: object) -> messages.Bake:
    fields = {**track_fields(constant_track(6, 30)), "motion": MOTION, "name": "take.json"}
    return messages.Bake(**{**fields, "head": "open", "job": job, **changes})


def render(job: str = JOB, **changes: object) -> messages.Render:
    fields = {"motion": MOTION, "name": "take.json", "head": "open", "width": 8, "height": 8}
    return messages.Render(**{"credit": 64, **fields, "job": job, **changes})


def pictures_until_end(raw: RawClient, job: str = JOB) -> tuple[list[Picture], Message]:
    """Every piece, each paid with a credit, and the event that ends the job."""
    pieces: list[Picture] = []
    while True:
        _, message = raw.receive()
        if isinstance(message, Picture):
            pieces.append(message)
            raw.socket.send_multipart(encode(Credit(job=job, count=1)))
        elif not isinstance(message, Progress | Acknowledged):
            return pieces, message


def whole(pieces: Sequence[Picture]) -> dict[tuple[int, str], bytes]:
    """Pictures by number and kind, put together; fails unless every piece is in its place."""
    found: dict[tuple[int, str], bytes] = {}
    for piece in pieces:
        key = (piece.number, piece.kind)
        assert piece.offset == len(found.get(key, b""))
        found[key] = found.get(key, b"") + piece.data
        assert len(found[key]) <= piece.size
    return found


def test_a_large_picture_comes_in_pieces(link: Link, raw: RawClient) -> None:
    size = link.rooms.picture_bytes = 2 * limits.CHUNK_BYTES + 5
    link.rooms.steps.release(6)
    assert raw.ask(render(credit=1, frames=(2, 4))) == Acknowledged()
    pieces, end = pictures_until_end(raw)
    assert end == messages.RenderDone(job=JOB, pictures=2)
    assert [(p.number, p.index, p.offset, len(p.data)) for p in pieces] == [
        (number, index, offset, min(limits.CHUNK_BYTES, size - offset))
        for number, index in enumerate((2, 3))
        for offset in range(0, size, limits.CHUNK_BYTES)
    ]
    assert all(data.startswith(PNG) and len(data) == size for data in whole(pieces).values())


def test_no_piece_without_credit(link: Link, raw: RawClient) -> None:
    link.rooms.steps.release(6)
    raw.ask(render(credit=2))
    wait_for(lambda: link.server._scheduler.open_jobs() == 0, "the rendering")
    raw.socket.send_multipart(encode(messages.Ping(), 9))
    sent = list(raw.receive_until(lambda message: isinstance(message, messages.Pong)))
    delivery = link.server._events._jobs[JOB]
    wait_for(lambda: delivery._number >= 2 and not delivery._is_reading, "what was being read")
    assert sum(isinstance(message, Picture) for message in sent) <= 2
    assert delivery._number == 2
    raw.socket.send_multipart(encode(Credit(job=JOB, count=64)))
    assert raw.end_of(JOB) == messages.RenderDone(job=JOB, pictures=6)


def test_pictures_that_are_there_already(link: Link, raw: RawClient) -> None:
    link.rooms.steps.release(6)
    raw.ask(render(pictures=4, passes=("combined", "depth")))
    pieces, end = pictures_until_end(raw)
    assert [(p.number, p.index, p.kind) for p in pieces] == [
        (4, 2, "frame"),
        (5, 2, "depth"),
        (6, 3, "frame"),
        (7, 3, "depth"),
        (8, 4, "frame"),
        (9, 4, "depth"),
        (10, 5, "frame"),
        (11, 5, "depth"),
    ]
    assert end == messages.RenderDone(job=JOB, pictures=12)


def test_attach_takes_a_job_over(link: Link, raw: RawClient, other: RawClient) -> None:
    raw.ask(render())
    link.rooms.steps.release(3)
    first = raw.receive_until(lambda message: isinstance(message, Picture) and message.number == 1)
    assert sum(isinstance(message, Picture) for message in first) == 2
    assert other.ask(Attach(job=JOB, pictures=2, credit=64)) == Acknowledged()
    link.rooms.steps.release(3)
    pieces, end = pictures_until_end(other)
    assert [piece.number for piece in pieces] == [2, 3, 4, 5]
    assert isinstance(end, messages.RenderDone)
    # Who had it before may not steer it.
    assert raw.ask(messages.Cancel(job=JOB)) == Acknowledged()


def test_attach_to_nothing(raw: RawClient) -> None:
    answer = raw.ask(Attach(job=JOB, credit=1))
    assert isinstance(answer, Failure)
    assert answer.code == "link.no_job"


def test_what_a_job_will_read_is_marked_as_used_while_it_waits(tmp_path: Path) -> None:
    """There is no worker yet that could read it."""
    with running_server(tmp_path, is_ready=False) as link, RawClient(link.connection) as raw:
        raw.ask(HELLO)
        paths = []
        for data in (TAKE, b"an adapter", b"an avatar", b"of no job"):
            raw.upload(data)
            name = hashlib.sha256(data).hexdigest()
            paths.append(tmp_path / "cache" / "users" / "local" / "artefacts" / name)
            os.utime(paths[-1], (1000, 1000))
        take, adapter, avatar, other = paths
        asked = render(head=None, adapter=adapter.name, avatar=avatar.name)
        assert raw.ask(asked) == Acknowledged()
        wait_for(lambda: all(p.stat().st_mtime > 1000 for p in (take, adapter, avatar)), "marks")
        assert other.stat().st_mtime == 1000
        assert link.server._events.oldest_begun == pytest.approx(time.time(), abs=60)


def test_nothing_is_kept_of_a_job_that_was_told_to_its_end(link: Link, raw: RawClient) -> None:
    link.rooms.steps.release(12)
    for job in (JOB, OTHER):
        raw.ask(bake(job))
        raw.end_of(job)
    events = link.server._events
    wait_for(lambda: not events._jobs and events.oldest_begun is None, "them to be forgotten")
    assert raw.ask(bake(JOB)) == Acknowledged()


def test_a_job_outlives_the_worker(link: Link, raw: RawClient) -> None:
    """The worker dies in the middle of a rendering: no picture twice, none missing."""
    link.rooms.steps.release(3)
    raw.ask(render())
    wait_for(lambda: len(link.server._events._jobs[JOB]._pictures) == 3, "three pictures")
    link.worker.kill()
    link.rooms.steps.release(7)
    pieces, end = pictures_until_end(raw)
    assert [piece.number for piece in pieces] == list(range(6))
    assert end == messages.RenderDone(job=JOB, pictures=6)
    status = raw.ask(messages.GetStatus())
    assert isinstance(status, messages.Status)
    assert status.worker_restarts == 1


def test_a_job_that_kills_the_worker(link: Link, raw: RawClient) -> None:
    """It is given again for a while and then fails; the other client's goes on."""
    raw.ask(bake(JOB))
    for _ in range(5):
        wait_for(lambda: _steps_under_way(link, JOB), "its step")
        del link.worker.sent[:]
        link.worker.kill()
    end = raw.end_of(JOB)
    assert isinstance(end, messages.JobFailed)
    assert end.code == "job.crashed"
    link.rooms.steps.release(20)
    raw.ask(bake(OTHER))
    assert isinstance(raw.end_of(OTHER), messages.BakeDone)


def _steps_under_way(link: Link, job: str) -> bool:
    sent = [orders.unpack(frames, orders.ORDERS)[0] for frames in link.worker.sent]
    return bool(sent) and sent[-1] == orders.Step(unit=sent[-1].unit, job=job)


def test_cancel_does_not_wait_for_the_step(link: Link, raw: RawClient) -> None:
    raw.ask(bake())
    wait_for(lambda: _steps_under_way(link, JOB), "its step")
    assert raw.ask(messages.Cancel(job=JOB)) == Acknowledged()
    end = raw.end_of(JOB)
    assert isinstance(end, messages.JobFailed)
    assert end.code == "job.cancelled"
    link.rooms.steps.release()
    wait_for(lambda: not link.worker._life.work._jobs, "the worker to forget it")


def test_a_step_that_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that hangs is killed, as if it had died."""
    now = [1000.0]
    with running_server(tmp_path, now=lambda: now[0]) as link, RawClient(link.connection) as raw:
        raw.ask(HELLO)
        raw.upload(TAKE)
        raw.ask(bake())
        wait_for(lambda: _steps_under_way(link, JOB), "its step")
        monkeypatch.setattr(limits, "CLIENT_SILENCE_S", 1e9)
        monkeypatch.setattr(limits, "ORDER_S", 20.0)
        now[0] += 21
        raw.ask(messages.Ping())
        wait_for(lambda: link.worker.restarts == 1, "its death")
        link.rooms.steps.release(9)
        assert isinstance(raw.end_of(JOB), messages.BakeDone)
    assert "it is killed" in caplog.text


def test_a_picture_that_is_gone(link: Link, raw: RawClient) -> None:
    link.rooms.steps.release(6)
    raw.ask(render(credit=1))
    wait_for(lambda: link.server._scheduler.open_jobs() == 0, "the rendering")
    for path in (link.folder / "cache").rglob("*.png"):
        path.unlink()
    raw.socket.send_multipart(encode(Credit(job=JOB, count=64)))
    end = raw.end_of(JOB)
    assert isinstance(end, messages.JobFailed)
    assert end.code == "job.disk"


def test_a_cache_that_is_full(tmp_path: Path) -> None:
    """What is in use may not go: the job fails with a remedy, an upload is refused."""
    with running_server(tmp_path, cache_bytes=64 * 1024) as link, RawClient(link.connection) as raw:
        raw.ask(HELLO)
        refused = raw.ask(raw.upload_of(bytes(100_000)))
        assert isinstance(refused, Failure)
        assert refused.code == "job.cache_full"
        raw.upload(TAKE)
        link.rooms.picture_bytes = 40_000
        link.rooms.steps.release(3)
        raw.ask(render())
        wait_for(lambda: len(list((tmp_path / "cache").rglob("*.png"))) == 3, "pictures")

        def has_failed() -> bool:
            link.server._mailbox.put(lambda: link.server._make_room(JOB))
            return link.server._scheduler.open_jobs() == 0

        wait_for(has_failed, "the cache to be looked at again")
        end = raw.end_of(JOB)
        assert isinstance(end, messages.JobFailed)
        assert end.code == "job.cache_full"
