# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that outlive their link: the book goes from one client to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits, wire
from affekt.shared.client import Client
from affekt.shared.emotion import constant_track
from affekt.shared.errors import JobError, LinkError
from affekt.shared.events import BakeFinished, Event, JobProgressed, RenderFinished
from affekt.shared.jobs import JobBook
from affekt.shared.messages import (
    Acknowledged,
    Attach,
    Bake,
    Cancel,
    Credit,
    Failure,
    Message,
    Render,
    RenderDone,
)
from affekt.shared.messages import JobFailed as JobFailedMessage
from fakes.job_script import (
    NO_JOB,
    TAKE,
    bake_done,
    failure_of,
    picture,
    progress,
    start_bake,
    start_render,
)
from fakes.link import drain, wait_for
from fakes.messages import any_message
from fakes.scripted import ScriptedSidecar, scripted

LOST = JobError("job.lost", "The sidecar does not stay up.", "Look at its log.")


@pytest.fixture
def client(sidecar: ScriptedSidecar) -> Iterator[Client]:
    with Client.connect(sidecar.connection) as client:
        yield client


def end_of(book: JobBook, job: str) -> list[Event]:
    events: list[Event] = []

    def has_ended() -> bool:
        events.extend(book.take_events())
        return any(event.ends_job for event in events)

    wait_for(has_ended, f"the end of {job}")
    return events


# --- links come and go ----------------------------------------------------------------------


@pytest.fixture
def book() -> JobBook:
    return JobBook()


@pytest.fixture
def second() -> Iterator[ScriptedSidecar]:
    with scripted() as sidecar:
        yield sidecar


def lose(client: Client, sidecar: ScriptedSidecar) -> None:
    sidecar.die()
    wait_for(lambda: not client.is_open, "the end of the link")
    client.close()


def test_a_job_goes_on_with_the_next_client(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook
) -> None:
    """The connection is lost, the sidecar still has the job."""
    with Client.connect(sidecar.connection, book=book) as client:
        assert client.jobs is book
        job = start_bake(client)
        sidecar.expect(Bake)
        sidecar.answer(Bake, Acknowledged())
        sidecar.tell(progress(job, 2))
        wait_for(lambda: book._events._events, "progress")
        lose(client, sidecar)
    assert book.open_jobs() == (job,)
    assert [type(event) for event in book.take_events()] == [JobProgressed]
    with Client.connect(second.connection, book=book) as client:
        assert second.expect(Attach) == Attach(job=job, pictures=0, credit=limits.PIECES_AHEAD)
        second.answer(Attach, Acknowledged())
        second.tell(bake_done(job))
        assert isinstance(drain(client, job)[-1], BakeFinished)
        assert Bake.TYPE not in second.heard


@pytest.mark.parametrize("was_answered", [True, False])
def test_a_job_that_died_with_its_sidecar_is_asked_for_again(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook, was_answered: bool
) -> None:
    with Client.connect(sidecar.connection, book=book) as client:
        job = start_bake(client)
        first = sidecar.expect_frames(Bake)
        if was_answered:
            sidecar.answer(Bake, Acknowledged())
            client.ping()
        lose(client, sidecar)
    with Client.connect(second.connection, book=book) as client:
        second.expect(Attach)
        second.answer(Attach, NO_JOB)
        assert second.expect_frames(Bake) == first  # byte for byte
        second.answer(Bake, Acknowledged())
        second.tell(bake_done(job))
        finished = drain(client, job)[-1]
        assert isinstance(finished, BakeFinished)
        assert finished.baked.name == "take.baked.npz"


def test_a_render_goes_on_at_the_first_picture_that_is_not_whole(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook, tmp_path: Path
) -> None:
    with Client.connect(sidecar.connection, book=book) as client:
        job = start_render(client, tmp_path, frames=4)
        first = sidecar.expect(Render)
        sidecar.tell(picture(job, 0, b"abcd"), picture(job, 1, b"abcd"), picture(job, 2, b"ab"))
        for _ in range(3):
            sidecar.expect(Credit)
        lose(client, sidecar)
        assert sorted(path.name for path in tmp_path.glob("[!.]*")) == [
            "frame_0001.png",
            "frame_0002.png",
        ]
    with Client.connect(second.connection, book=book) as client:
        assert second.expect(Attach).pictures == 2
        second.answer(Attach, NO_JOB)
        again = second.expect(Render)
        assert wire.encode(again) == wire.encode(replace(first, pictures=2))
        second.tell(*(picture(job, number, b"efgh") for number in (2, 3)))
        second.tell(RenderDone(job=job, pictures=4))
        finished = drain(client, job)[-1]
    assert isinstance(finished, RenderFinished)
    assert [path.read_bytes() for path in finished.paths] == [b"abcd", b"abcd", b"efgh", b"efgh"]


def test_a_job_survives_many_sidecars(book: JobBook, tmp_path: Path) -> None:
    """Each dies after one more picture."""
    job = ""
    for number in range(5):
        with scripted() as sidecar, Client.connect(sidecar.connection, book=book) as client:
            if number == 0:
                job = start_render(client, tmp_path, frames=5)
            else:
                assert sidecar.expect(Attach).pictures == number
                sidecar.answer(Attach, NO_JOB)
            assert sidecar.expect(Render).pictures == number
            sidecar.tell(picture(job, number, b"%04d" % number))
            sidecar.expect(Credit)
            if number < 4:
                lose(client, sidecar)
            else:
                sidecar.tell(RenderDone(job=job, pictures=5))
                finished = end_of(book, job)[-1]
    assert isinstance(finished, RenderFinished)
    assert [path.read_bytes() for path in finished.paths] == [b"%04d" % n for n in range(5)]


def test_a_job_started_while_nobody_is_there(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook
) -> None:
    with Client.connect(sidecar.connection, book=book) as client:
        lose(client, sidecar)
        job = start_bake(client)
        assert client.poll() == []
    with Client.connect(second.connection, book=book):
        second.expect(Attach)
        second.answer(Attach, NO_JOB)
        assert second.expect(Bake).job == job


def test_a_job_cancelled_while_nobody_is_there_ends_at_once(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook
) -> None:
    with Client.connect(sidecar.connection, book=book) as client:
        job = start_bake(client)
        sidecar.expect(Bake)
        lose(client, sidecar)
        client.cancel(job)
        assert failure_of(client, job).error.code == "job.cancelled"
    with Client.connect(second.connection, book=book) as client:
        # The sidecar may still have it.
        assert second.expect(Attach).job == job
        assert second.expect(Cancel).job == job
        second.answer(Attach, NO_JOB)
        second.tell(JobFailedMessage(job=job, code="job.cancelled", message="No.", remedy="No."))
        client.ping()
        assert client.poll() == []
        assert Bake.TYPE not in second.heard


def test_a_cancel_that_the_sidecar_did_not_live_to_see(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook
) -> None:
    with Client.connect(sidecar.connection, book=book) as client:
        job = start_bake(client)
        sidecar.expect(Bake)
        client.cancel(job)
        sidecar.expect(Cancel)
        lose(client, sidecar)
        assert failure_of(client, job).error.code == "job.cancelled"
    with Client.connect(second.connection, book=book) as client:
        assert second.expect(Attach).job == job
        assert second.expect(Cancel).job == job
        client.ping()
        assert Bake.TYPE not in second.heard


class Notebook:
    """A link that writes down what it is asked to send."""

    lost = None

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message, on_done: object) -> None:
        self.sent.append(message)


def test_of_many_cancelled_jobs_the_newest_are_told_to_the_next_sidecar(book: JobBook) -> None:
    """No sidecar has more jobs than that: the older ones were another's."""
    bake = any_message(Bake)
    assert isinstance(bake, Bake)
    jobs = [f"{number:032x}" for number in range(limits.MAX_WAITING_JOBS + 3)]
    for job in jobs:
        book.start(replace(bake, job=job))
        book.cancel(job)
    link = Notebook()
    book.adopt(link)
    told = [message.job for message in link.sent if isinstance(message, Cancel)]
    assert told == jobs[3:]


class Answering(Notebook):
    """A link that answers at once: that there is no such job."""

    def __init__(self, error: LinkError) -> None:
        super().__init__()
        self._error = error

    def send(self, message: Message, on_done: Callable[[Future[Message]], None] | None) -> None:
        super().send(message, on_done)
        answer: Future[Message] = Future()
        answer.set_exception(self._error)
        if on_done is not None:
            on_done(answer)


NOBODY = LinkError("link.no_job", "There is no such job.", "Start it again.")


def test_a_cancelled_job_is_told_until_a_sidecar_has_answered(book: JobBook) -> None:
    """With no picture to come, for nobody waits for one. A link that breaks is no answer."""
    bake = any_message(Bake)
    assert isinstance(bake, Bake)
    book.start(replace(bake, job="a" * 32))
    book.cancel("a" * 32)
    lost = Answering(LinkError("link.unreachable", "It has gone.", "Start it."))
    lost.lost = lost._error  # type: ignore[assignment]
    for link, told in ((lost, 2), (Answering(NOBODY), 2), (Answering(NOBODY), 0)):
        book.adopt(link)
        assert [type(message) for message in link.sent] == [Attach, Cancel][:told]
        if link.sent:
            assert isinstance(link.sent[0], Attach)
            assert (link.sent[0].job, link.sent[0].pictures) == ("a" * 32, 0)


def test_a_link_that_knows_none_of_several_jobs_ends_them_all(book: JobBook) -> None:
    """While they are told to it one after the other."""
    for job in ("a" * 32, "b" * 32, "c" * 32):
        book.attach(job)
    book.adopt(Answering(NOBODY))
    ended = book.take_events()
    assert [(event.job, event.error.code) for event in ended] == [
        (letter * 32, "link.no_job") for letter in "abc"
    ]
    assert book.open_jobs() == ()


def test_an_answer_after_the_end_ends_nothing_again(book: JobBook) -> None:
    class Late(Notebook):
        def send(self, message: Message, on_done: Callable[[Future[Message]], None]) -> None:
            super().send(message, on_done)
            answers.append(on_done)

    answers: list[Callable[[Future[Message]], None]] = []
    link = Late()
    book.adopt(link)
    book.attach("a" * 32)
    book.handle(
        link, JobFailedMessage(job="a" * 32, code="job.cancelled", message="No.", remedy="No.")
    )
    late: Future[Message] = Future()
    late.set_exception(NOBODY)
    answers[0](late)
    assert [event.error.code for event in book.take_events()] == ["job.cancelled"]


def test_a_job_cancelled_while_the_next_sidecar_is_asked_for_it(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook
) -> None:
    """It knows of no such job and gets the request again: the cancel must come after that."""
    with Client.connect(sidecar.connection, book=book) as client:
        job = start_bake(client)
        sidecar.expect(Bake)
        lose(client, sidecar)
    with Client.connect(second.connection, book=book) as client:
        second.expect(Attach)
        client.cancel(job)
        second.expect(Cancel)
        second.answer(Attach, NO_JOB)
        second.expect(Bake)
        assert second.expect(Cancel).job == job


def test_a_job_refused_by_the_next_sidecar(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook
) -> None:
    with Client.connect(sidecar.connection, book=book) as client:
        job = start_bake(client)
        sidecar.expect(Bake)
        lose(client, sidecar)
    with Client.connect(second.connection, book=book) as client:
        second.expect(Attach)
        second.answer(Attach, NO_JOB)
        second.expect(Bake)
        refusal = Failure(code="link.no_artefact", message="It is gone.", remedy="Send it again.")
        second.answer(Bake, refusal)
        assert failure_of(client, job).error.code == "link.no_artefact"


def test_giving_up(sidecar: ScriptedSidecar, book: JobBook, tmp_path: Path) -> None:
    with Client.connect(sidecar.connection, book=book) as client:
        jobs = [start_bake(client), start_render(client, tmp_path)]
        sidecar.expect(Render)
        sidecar.tell(picture(jobs[1], 0, b"ab"))
        sidecar.expect(Credit)
        lose(client, sidecar)
    assert book.take_events() == []
    book.give_up(LOST)
    ends = book.take_events()
    assert [(event.job, event.error) for event in ends] == [(job, LOST) for job in jobs]
    assert not list(tmp_path.iterdir())
    book.give_up(LOST)
    assert book.take_events() == []


def test_without_a_book_jobs_end_with_the_link(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    sidecar.die()
    assert failure_of(client, job).error.code == "link.unreachable"
    late = start_bake(client)
    assert failure_of(client, late).error.code == "link.unreachable"
    client.attach("9" * 32)
    assert failure_of(client, "9" * 32).error.code == "link.unreachable"


def test_the_old_link_is_not_heard_any_more(
    sidecar: ScriptedSidecar, second: ScriptedSidecar, book: JobBook
) -> None:
    with Client.connect(sidecar.connection, book=book) as old:
        job = start_bake(old)
        sidecar.expect(Bake)
        with Client.connect(second.connection, book=book) as new:
            second.expect(Attach)
            second.answer(Attach, Acknowledged())
            sidecar.answer(Bake, NO_JOB)
            sidecar.tell(bake_done(job))
            old.ping()
            assert book.is_running(job)
            lose(old, sidecar)
            second.tell(bake_done(job))
            assert isinstance(drain(new, job)[-1], BakeFinished)


def test_what_is_sent_again_is_a_copy(sidecar: ScriptedSidecar, book: JobBook) -> None:
    track = constant_track(6, 30, happy=1)
    with Client.connect(sidecar.connection, book=book) as client:
        client.start_bake(TAKE, track)
        first = sidecar.expect(Bake)
        lose(client, sidecar)
    track.weights[:] = 0.25
    with scripted() as second, Client.connect(second.connection, book=book):
        second.expect(Attach)
        second.answer(Attach, NO_JOB)
        np.testing.assert_array_equal(second.expect(Bake).weights, first.weights)
