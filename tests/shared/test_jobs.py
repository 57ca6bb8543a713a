# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that outlive their link, against a sidecar that does whatever it likes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import conversions, limits, wire
from affekt.shared.client import Client
from affekt.shared.emotion import constant_track
from affekt.shared.errors import JobError
from affekt.shared.events import (
    BakeFinished,
    Event,
    JobFailed,
    JobProgressed,
    PictureWritten,
    RenderFinished,
)
from affekt.shared.jobs import JobBook
from affekt.shared.messages import (
    Acknowledged,
    Artefact,
    Attach,
    Bake,
    BakeDone,
    Cancel,
    Credit,
    Failure,
    Picture,
    Progress,
    Render,
    RenderDone,
)
from affekt.shared.messages import JobFailed as JobFailedMessage
from affekt.shared.pictures import PictureOptions
from fakes.link import drain, make_take, wait_for
from fakes.scripted import ScriptedSidecar, scripted

TAKE = Artefact(sha256="a" * 64, kind="motion", name="take.json", size=10)
NO_JOB = Failure(code="link.no_job", message="There is no such job.", remedy="Start it again.")
LOST = JobError("job.lost", "The sidecar does not stay up.", "Look at its log.")


@pytest.fixture
def sidecar() -> Iterator[ScriptedSidecar]:
    with scripted() as sidecar:
        yield sidecar


@pytest.fixture
def client(sidecar: ScriptedSidecar) -> Iterator[Client]:
    with Client.connect(sidecar.connection) as client:
        yield client


def start_bake(client: Client, *, frames: int = 6) -> str:
    return client.start_bake(TAKE, constant_track(frames, 30, happy=1))


def start_render(client: Client, folder: Path, frames: int = 3) -> str:
    return client.start_render("open", TAKE, folder, PictureOptions(frames=range(frames)))


def bake_done(job: str) -> BakeDone:
    return BakeDone(
        **conversions.motion_fields(make_take(3)), job=job, start=2, motion="b" * 64,
        motion_size=1, take="c" * 64, take_size=2, vertices="d" * 64, vertices_size=3,
    )  # fmt: skip


def progress(job: str, done: int, stage: str = "modulate") -> Progress:
    return Progress(job=job, stage=stage, done=done, total=6)


def picture(job: str, number: int, data: bytes, *, offset: int = 0, size: int = 4) -> Picture:
    return Picture(
        job=job, number=number, index=number, kind="frame", size=size, offset=offset, data=data
    )


def failure_of(client: Client, job: str) -> JobFailed:
    failed = drain(client, job)[-1]
    assert isinstance(failed, JobFailed), failed
    return failed


def end_of(book: JobBook, job: str) -> list[Event]:
    events: list[Event] = []

    def has_ended() -> bool:
        events.extend(book.take_events())
        return any(event.ends_job for event in events)

    wait_for(has_ended, f"the end of {job}")
    return events


# --- events ---------------------------------------------------------------------------------


def test_a_bake(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    request = sidecar.expect(Bake)
    assert (request.job, request.vertices, request.frames) == (job, True, None)
    sidecar.answer(Bake, Acknowledged())
    sidecar.tell(progress(job, 3), bake_done(job))
    *_, finished = drain(client, job)
    assert isinstance(finished, BakeFinished)
    assert finished.baked.name == "take.baked.npz"
    assert client.jobs.open_jobs() == ()


def test_a_bake_without_vertices(sidecar: ScriptedSidecar, client: Client) -> None:
    job = client.start_bake(TAKE, constant_track(6, 30), vertices=False)
    assert sidecar.expect(Bake).vertices is False
    sidecar.tell(replace(bake_done(job), vertices=None, vertices_size=0))
    finished = drain(client, job)[-1]
    assert isinstance(finished, BakeFinished)
    assert finished.vertices is None


def test_what_comes_twice_or_after_the_end(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    sidecar.answer(Bake, Acknowledged(), times=3)
    sidecar.tell(bake_done(job), bake_done(job), progress(job, 6))
    sidecar.tell(JobFailedMessage(job=job, code="job.failed", message="No.", remedy="No."))
    drain(client, job)
    sidecar.answer(Bake, NO_JOB)
    assert client.ping() < 5
    assert client.poll() == []


def test_events_of_jobs_that_are_not_ours(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    other = "f" * 32
    sidecar.tell(progress(other, 1), bake_done(other), picture(other, 0, b"abcd"))
    sidecar.tell(bake_done(job))
    assert [event.job for event in drain(client, job)] == [job]
    assert Credit.TYPE not in sidecar.heard


def test_a_sidecar_that_refuses_the_job(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    sidecar.answer(Bake, Failure(code="job.too_many", message="Too many.", remedy="Wait."))
    assert failure_of(client, job).error.code == "job.too_many"


def test_a_job_that_is_answered_with_nonsense(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    sidecar.answer(Bake, bake_done(job))
    assert failure_of(client, job).error.code == "link.protocol"


@pytest.mark.parametrize("kind", ["bake", "render"])
def test_an_end_that_the_job_cannot_have(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path, kind: str
) -> None:
    if kind == "bake":
        job = start_bake(client)
        sidecar.expect(Bake)
        sidecar.tell(RenderDone(job=job, pictures=0))
    else:
        job = start_render(client, tmp_path)
        sidecar.expect(Render)
        sidecar.tell(bake_done(job))
    assert failure_of(client, job).error.code == "link.protocol"
    assert sidecar.expect(Cancel).job == job


def test_events_that_nobody_fetches_do_not_pile_up(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    jobs = [start_bake(client) for _ in range(2)]
    sidecar.expect(Bake)
    for done in range(2000):
        sidecar.tell(*(progress(job, done % 7, stage) for job in jobs for stage in "ab"))
    assert client.ping() < 10
    events = client.poll()
    assert len(events) == 4
    assert all(isinstance(event, JobProgressed) for event in events)


def test_arrays_that_change_after_the_start(sidecar: ScriptedSidecar, client: Client) -> None:
    sidecar.is_deaf = True
    track = constant_track(6, 30, happy=1)
    client.start_bake(TAKE, track)
    track.weights[:] = 0
    sidecar.is_deaf = False
    assert (sidecar.expect(Bake).weights[:, 0] == 1).all()


# --- pictures -------------------------------------------------------------------------------


def test_a_render_in_pieces_with_a_credit_for_each(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path
) -> None:
    job = start_render(client, tmp_path)
    request = sidecar.expect(Render)
    assert (request.pictures, request.credit) == (0, limits.PIECES_AHEAD)
    sidecar.answer(Render, Acknowledged())
    for number in range(3):
        sidecar.tell(picture(job, number, b"ab"))
        assert sidecar.expect(Credit).count == 1
        assert not (tmp_path / f"frame_{number + 1:04d}.png").exists()
        sidecar.tell(picture(job, number, b"cd", offset=2))
        assert sidecar.expect(Credit).count == 1
    sidecar.tell(RenderDone(job=job, pictures=3))
    events = drain(client, job)
    assert [e.index for e in events if isinstance(e, PictureWritten)] == [0, 1, 2]
    finished = events[-1]
    assert isinstance(finished, RenderFinished)
    assert [path.read_bytes() for path in finished.paths] == [b"abcd"] * 3
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("wrong", [{"offset": 3}, {"number": 5}, {"data": b"too long"}])
def test_a_piece_out_of_order_ends_the_job(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path, wrong: dict
) -> None:
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    sidecar.tell(picture(job, 0, b"ab"), replace(picture(job, 0, b"cd", offset=2), **wrong))
    assert failure_of(client, job).error.code == "link.protocol"
    assert sidecar.expect(Cancel).job == job
    assert not list(tmp_path.iterdir())
    assert client.is_open


def test_a_picture_that_comes_again(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path
) -> None:
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    sidecar.tell(picture(job, 0, b"abcd"), picture(job, 0, b"evil"))
    assert failure_of(client, job).error.code == "link.protocol"
    assert (tmp_path / "frame_0001.png").read_bytes() == b"abcd"


def test_an_end_before_all_pictures_came(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path
) -> None:
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    sidecar.tell(picture(job, 0, b"abcd"), RenderDone(job=job, pictures=3))
    error = failure_of(client, job).error
    assert error.code == "link.protocol"
    assert "1 of 3 pictures came" in error.message


def test_a_disk_that_is_full(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    sidecar.tell(picture(job, 0, b"abcd"))
    sidecar.expect(Credit)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("affekt.shared.picture_files.os.replace", full)
    sidecar.tell(picture(job, 1, b"abcd"))
    error = failure_of(client, job).error
    assert error.code == "file.not_writable"
    assert "No space left" in error.message
    assert sidecar.expect(Cancel).job == job
    assert [path.name for path in tmp_path.iterdir()] == ["frame_0001.png"]


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
        assert sorted(path.name for path in tmp_path.iterdir()) == [
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
    with Client.connect(second.connection, book=book) as client:
        assert second.expect(Cancel).job == job
        assert failure_of(client, job).error.code == "job.cancelled"
        client.ping()
        assert Bake.TYPE not in second.heard


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


# --- jobs of other clients ------------------------------------------------------------------


def test_attach_to_a_bake(sidecar: ScriptedSidecar, client: Client) -> None:
    job = "7" * 32
    client.attach(job)
    client.attach(job)
    assert sidecar.expect(Attach).job == job
    sidecar.answer(Attach, Acknowledged())
    sidecar.tell(progress(job, 4), bake_done(job))
    *_, finished = drain(client, job)
    assert isinstance(finished, BakeFinished)
    assert finished.baked.name == "take.baked.npz"
    assert sidecar.heard.count(Attach.TYPE) == 1


def test_attach_to_a_render(sidecar: ScriptedSidecar, client: Client, tmp_path: Path) -> None:
    job = "7" * 32
    client.attach(job, tmp_path / "new")
    sidecar.expect(Attach)
    sidecar.answer(Attach, Acknowledged())
    sidecar.tell(picture(job, 0, b"abcd"), RenderDone(job=job, pictures=1))
    finished = drain(client, job)[-1]
    assert isinstance(finished, RenderFinished)
    assert [path.name for path in finished.paths] == ["frame_0001.png"]


def test_attach_to_a_render_without_a_folder(sidecar: ScriptedSidecar, client: Client) -> None:
    """It ends here; the sidecar keeps it for who comes with a folder."""
    job = "7" * 32
    client.attach(job)
    sidecar.expect(Attach)
    sidecar.tell(picture(job, 0, b"abcd"))
    assert failure_of(client, job).error.code == "option.folder"
    client.ping()
    assert Cancel.TYPE not in sidecar.heard


def test_attach_to_nothing(sidecar: ScriptedSidecar, client: Client) -> None:
    client.attach("7" * 32)
    sidecar.expect(Attach)
    sidecar.answer(Attach, NO_JOB)
    assert failure_of(client, "7" * 32).error.code == "link.no_job"


# --- the user's thread ----------------------------------------------------------------------


def test_nothing_that_the_users_thread_calls_waits(
    sidecar: ScriptedSidecar, book: JobBook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures stream in, one job after the other is started and cancelled, and nobody answers:
    the promise to Blender's timer."""
    with Client.connect(sidecar.connection, book=book) as client:
        job = start_render(client, tmp_path)
        sidecar.expect(Render)
        is_over = threading.Event()

        def stream() -> None:
            number = 0
            while not is_over.wait(0.001):
                sidecar.tell(picture(job, number, bytes(200_000), size=200_000))
                number += 1

        streaming = threading.Thread(target=stream)
        streaming.start()
        took: dict[str, list[float]] = {"poll": [], "start_bake": [], "cancel": []}

        def timed(name: str, call) -> object:
            started = time.perf_counter()
            result = call()
            took[name].append(time.perf_counter() - started)
            return result

        try:
            for turn in range(1000):
                timed("poll", client.poll)
                if turn % 20 == 0:
                    begun = timed("start_bake", lambda: start_bake(client, frames=2000))
                    timed("cancel", lambda job=begun: client.cancel(job))
                is_over.wait(0.0005)
        finally:
            is_over.set()
            streaming.join(10)
    p99 = {name: sorted(times)[int(0.99 * len(times))] for name, times in took.items()}
    with capsys.disabled():
        print("\n" + ", ".join(f"{name} p99 {1e3 * s:.2f} ms" for name, s in p99.items()))
    assert p99["poll"] < 0.005
    assert max(p99.values()) < 0.1


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
