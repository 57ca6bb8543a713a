# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job says to its client: newest progress, pictures against credit, one end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from affekt.shared import wire
from affekt.shared.errors import JobError
from affekt.shared.messages import (
    RESTART_STAGE,
    Attach,
    JobFailed,
    Message,
    Picture,
    Progress,
    Render,
    RenderDone,
)
from affekt.sidecar.server.job_events import Estimator, EventSender, JobEvents, PictureFile, Piece
from affekt.sidecar.server.scheduler import Scheduler
from affekt.sidecar.worker import orders
from hypothesis import given
from hypothesis import strategies as st

JOB = "ab" * 16
DONE = wire.encode(RenderDone(job=JOB, pictures=2))
PICTURES = [PictureFile(5, "frame", "a.png"), PictureFile(6, "depth", "b.png")]


def read(frames: Sequence[wire.Frame] | None) -> Message | None:
    return None if frames is None else wire.decode_frames(frames)[1]


def take_all(
    delivery: JobEvents, size: int = 1, piece_bytes: int = 1
) -> list[tuple[int, int, int]]:
    """Reads every piece that may go: (number, index, offset)."""
    sent = []
    while (piece := delivery.take_piece()) is not None:
        data = bytes(min(piece_bytes, size - piece.offset))
        picture = delivery.picture(piece, size, data)
        assert picture is not None
        sent.append((picture.number, picture.index, picture.offset))
    return sent


def test_only_the_newest_progress_waits() -> None:
    delivery = JobEvents(JOB, credit=1, pictures=0)
    delivery.progress("a", 1, 9)
    delivery.progress("a", 2, 9)
    told = read(delivery.take_message())
    assert isinstance(told, Progress)
    assert told.done == 2
    assert delivery.take_message() is None


def test_the_end_supersedes_progress_and_waits_for_the_pictures() -> None:
    delivery = JobEvents(JOB, credit=1, pictures=0)
    delivery.add_pictures(PICTURES)
    delivery.progress("a", 2, 2)
    delivery.finish(DONE)
    assert delivery.take_message() is None
    assert take_all(delivery) == [(0, 5, 0)]
    assert delivery.take_message() is None
    delivery.give_credit(1)
    assert take_all(delivery) == [(1, 6, 0)]
    assert not delivery.is_over
    assert read(delivery.take_message()) == RenderDone(job=JOB, pictures=2)
    assert delivery.is_over
    assert delivery.take_message() is None


def test_a_failure_does_not_wait_for_pictures() -> None:
    delivery = JobEvents(JOB, credit=9, pictures=0)
    delivery.add_pictures(PICTURES)
    delivery.fail(JobError("job.cancelled", "No.", "Yes."))
    assert delivery.take_piece() is None
    end = read(delivery.take_message())
    assert isinstance(end, JobFailed)
    assert end.code == "job.cancelled"


def test_one_piece_at_a_time_and_each_costs_credit() -> None:
    delivery = JobEvents(JOB, credit=3, pictures=0)
    delivery.add_pictures(PICTURES)
    piece = delivery.take_piece()
    assert piece is not None
    assert delivery.take_piece() is None  # it is being read
    delivery.picture(piece, 10, bytes(4))
    assert take_all(delivery, size=10, piece_bytes=4) == [(0, 5, 4), (0, 5, 8)]
    delivery.give_credit(9)
    assert take_all(delivery, size=10, piece_bytes=4) == [(1, 6, 0), (1, 6, 4), (1, 6, 8)]


def test_credit_has_an_end() -> None:
    delivery = JobEvents(JOB, credit=1, pictures=0)
    for _ in range(9):
        delivery.give_credit(60)
    delivery.add_pictures([PICTURES[0]] * 73)
    assert len(take_all(delivery)) == 64


def test_pictures_that_the_client_has_are_not_sent() -> None:
    delivery = JobEvents(JOB, credit=9, pictures=1)
    delivery.add_pictures(PICTURES)
    assert take_all(delivery) == [(1, 6, 0)]


def test_attach_begins_where_the_new_client_says() -> None:
    delivery = JobEvents(JOB, credit=9, pictures=0)
    delivery.add_pictures(PICTURES)
    delivery.progress("a", 1, 2)
    delivery.take_message()
    late = delivery.take_piece()
    assert late is not None
    delivery.attach(credit=1, pictures=1)
    assert delivery.picture(late, 1, b"x") is None  # for the client before
    assert isinstance(read(delivery.take_message()), Progress)
    assert take_all(delivery) == [(1, 6, 0)]


def test_a_new_worker_names_the_same_pictures_again() -> None:
    delivery = JobEvents(JOB, credit=9, pictures=0)
    delivery.add_pictures(PICTURES[:1])
    assert take_all(delivery) == [(0, 5, 0)]
    delivery.begin_again()
    delivery.add_pictures(PICTURES[:1])
    assert take_all(delivery) == []
    delivery.add_pictures(PICTURES[1:])
    assert take_all(delivery) == [(1, 6, 0)]


def test_a_piece_that_is_read_while_the_worker_dies_is_read_again() -> None:
    delivery = JobEvents(JOB, credit=1, pictures=0)
    delivery.add_pictures(PICTURES)
    piece = delivery.take_piece()
    assert piece is not None
    delivery.begin_again()
    assert delivery.picture(piece, 1, b"x") is None
    delivery.add_pictures(PICTURES)
    assert take_all(delivery) == [(0, 5, 0)]


@given(
    sizes=st.lists(st.integers(0, 20), max_size=8),
    has=st.integers(0, 8),
    grants=st.lists(st.integers(1, 4), min_size=30, max_size=60),
    deaths=st.sets(st.integers(0, 40)),
)
def test_every_byte_once_and_in_order(
    sizes: list[int], has: int, grants: list[int], deaths: set[int]
) -> None:
    """Whatever the credit, and however often the worker names its pictures anew."""
    files = [PictureFile(index, "frame", f"{index}.png") for index in range(len(sizes))]
    delivery = JobEvents(JOB, credit=1, pictures=has)
    delivery.add_pictures(files)
    delivery.finish(DONE)
    got = dict.fromkeys(range(len(sizes)), 0)
    order = []
    for step, credit in enumerate(itertools.chain(grants, itertools.repeat(4, 40))):
        delivery.give_credit(credit)
        while (piece := delivery.take_piece()) is not None:
            size = sizes[piece.number]
            picture = delivery.picture(piece, size, bytes(min(3, size - piece.offset)))
            assert picture is not None
            assert picture.offset == got[picture.number]
            got[picture.number] += len(picture.data)
            order.append(picture.number)
        if step in deaths:
            delivery.begin_again()
            delivery.add_pictures(files)
    assert order == sorted(order)
    assert set(order) == set(range(has, len(sizes)))
    assert all(got[number] == size for number, size in enumerate(sizes) if number >= has)
    assert delivery.take_message() is not None


def test_an_interruption_is_shown_where_it_happened() -> None:
    delivery = JobEvents(JOB, credit=1, pictures=0)
    delivery.interrupt()
    assert delivery.take_message() is None  # nothing was done that could be interrupted
    delivery.progress("bake", 3, 9)
    delivery.interrupt()
    told = read(delivery.take_message())
    assert told == Progress(job=JOB, stage=RESTART_STAGE, done=3, total=9, seconds_left=None)


def test_estimate() -> None:
    times = iter([0.0, 0.0, 2.0, 4.0])
    estimator = Estimator(JOB, lambda: next(times))
    assert estimator.progress("a", 10, 100).seconds_left is None
    estimate = estimator.progress("a", 20, 100).seconds_left
    assert estimate == pytest.approx(16)  # 2 s for 10, 80 to go


def test_an_estimate_belongs_to_its_stage() -> None:
    """In 6 s the second stage did 3 of its 9 steps; what the first took does not count."""
    now = [100.0]
    estimator = Estimator(JOB, lambda: now[0])
    estimator.progress("modulate", 0, 4)
    now[0] = 150.0
    assert estimator.progress("modulate", 4, 4).seconds_left == 0
    assert estimator.progress("pictures", 0, 9).seconds_left is None
    now[0] = 156.0
    told = estimator.progress("pictures", 3, 9)
    assert (told.job, told.stage, told.done, told.total) == (JOB, "pictures", 3, 9)
    assert told.seconds_left == pytest.approx(12)
    assert estimator.progress("pictures", 10, 9).seconds_left == 0


def test_no_estimate_from_a_first_glance() -> None:
    times = iter([0.0, 0.0, 1.9, 2.0])
    estimator = Estimator(JOB, lambda: next(times))
    assert estimator.progress("a", 0, 100).seconds_left is None
    assert estimator.progress("a", 1, 100).seconds_left is None
    assert estimator.progress("a", 50, 100).seconds_left == pytest.approx(2)


def test_estimate_after_a_new_beginning() -> None:
    times = iter([0.0, 0.0, 10.0, 10.0, 12.0])
    estimator = Estimator(JOB, lambda: next(times))
    estimator.progress("a", 50, 100)
    assert estimator.progress("a", 10, 100).seconds_left is None
    assert estimator.progress("a", 20, 100).seconds_left == pytest.approx(16)


def test_a_piece_says_which_picture_it_is_of_and_how_large_that_is() -> None:
    delivery = JobEvents(JOB, credit=9, pictures=1)
    delivery.add_pictures(PICTURES)
    piece = delivery.take_piece()
    assert piece == Piece(job=JOB, turn=0, number=1, offset=0, file="b.png")
    assert delivery.picture(piece, 5, b"abc") == Picture(
        job=JOB, number=1, index=6, kind="depth", size=5, offset=0, data=b"abc"
    )
    assert delivery.picture(piece, 5, b"abc") is None  # it has been sent
    rest = delivery.take_piece()
    assert rest == Piece(job=JOB, turn=0, number=1, offset=3, file="b.png")
    assert delivery.take_piece() is None


def test_a_lost_piece_gives_its_credit_back() -> None:
    delivery = JobEvents(JOB, credit=2, pictures=0)
    delivery.add_pictures(PICTURES)
    for _ in range(5):  # more often than there is credit
        piece = delivery.take_piece()
        assert piece is not None
        delivery.begin_again()
        assert delivery.picture(piece, 1, b"x") is None
        delivery.add_pictures(PICTURES)
    assert take_all(delivery) == [(0, 5, 0), (1, 6, 0)]


def test_a_job_that_failed_meanwhile_sends_no_piece() -> None:
    delivery = JobEvents(JOB, credit=2, pictures=0)
    delivery.add_pictures(PICTURES)
    piece = delivery.take_piece()
    assert piece is not None
    delivery.fail(JobError("job.failed", "m" * 5000, "r" * 5000))
    assert delivery.picture(piece, 1, b"x") is None
    delivery.progress("a", 1, 2)
    end = read(delivery.take_message())
    assert end == JobFailed(job=JOB, code="job.failed", message="m" * 4000, remedy="r" * 4000)
    assert delivery.take_message() is None


def test_who_attaches_before_anything_was_done_is_told_nothing() -> None:
    delivery = JobEvents(JOB, credit=0, pictures=0)
    delivery.attach(credit=2, pictures=0)
    assert delivery.take_message() is None
    delivery.add_pictures(PICTURES)
    piece = delivery.take_piece()
    assert piece is not None
    assert piece.turn == 1
    assert len(take_all(delivery)) == 0  # one is being read


class Desk:
    """An `EventSender` for clients a and b of anna's, whose disk works when `work` is called.
    posted: what each client got; touched: the artefacts that were marked as used."""

    def __init__(self) -> None:
        self.posted: list[tuple[bytes, Message | None]] = []
        self.touched: list[tuple[str, list[str]]] = []
        self.queued: list[tuple[bytes, Callable[[], Callable[[], None]]]] = []
        self.blocked: set[bytes] = set()
        self.scheduler = Scheduler()
        self.scheduler.add_client(b"a", "anna")
        self.scheduler.add_client(b"b", "anna")
        self.scheduler.worker_ready()
        self.events = EventSender(self.scheduler, self, self, self)  # type: ignore[arg-type]

    def post(self, client: bytes, frames: Sequence[wire.Frame]) -> None:
        self.posted.append((client, read(frames)))

    def is_blocked(self, client: bytes) -> bool:
        return client in self.blocked

    def submit(self, key: bytes, task: Callable[[], Callable[[], None]]) -> None:
        self.queued.append((key, task))

    def touch(self, user: str, artefacts: Sequence[str]) -> None:
        self.touched.append((user, list(artefacts)))

    def read_piece(self, user: str, file: str, offset: int) -> tuple[int, bytes]:
        if file == "gone":
            raise JobError("job.disk", "No.", "Yes.")
        return 5, f"{user} {file}".encode()[offset : offset + 3]

    def work(self) -> list[bytes]:
        """Does what is queued; returns under which names it was."""
        queued, self.queued = self.queued, []
        for _, task in queued:
            task()()
        return [key for key, _ in queued]


def rendering(**changes: object) -> Render:
    fields = {"motion": "1" * 64, "name": "take", "avatar": "2" * 64, "width": 8, "height": 8}
    return Render(**{**fields, "job": JOB, "credit": 1, **changes})  # type: ignore[arg-type]


def step(*files: str, is_last: bool = False) -> orders.Stepped:
    """Of a rendering that has drawn these pictures."""
    count = len(files)
    return orders.Stepped(
        unit=1,
        job=JOB,
        stage="pictures",
        done=1,
        total=2,
        indices=tuple(range(7, 7 + count)),
        kinds=("frame",) * count,
        files=files,
        is_last=is_last,
    )


def test_a_jobs_inputs_count_as_used_while_it_waits() -> None:
    desk = Desk()
    desk.events.start(b"a", rendering(adapter="3" * 64), [])
    desk.events.start(b"a", rendering(job="cd" * 16, avatar=None, head="open"), [])
    assert desk.work() == [b"\0" + b"ab" * 16, b"\0" + b"cd" * 16]
    assert desk.touched == [("anna", ["1" * 64, "3" * 64, "2" * 64]), ("anna", ["1" * 64])]
    # So do the FLAME files of its heads, each once.
    own = {"avatar": None, "head": "5" * 64, "take_head": "5" * 64}
    desk.events.start(b"a", rendering(job="ef" * 16, **own), [])
    desk.events.start(b"a", rendering(job="01" * 16, take_head="4" * 64), [])
    desk.work()
    assert desk.touched[2:] == [
        ("anna", ["1" * 64, "5" * 64]),
        ("anna", ["1" * 64, "2" * 64, "4" * 64]),
    ]


def test_the_oldest_open_job_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, times = Desk(), iter([50.0, 60.0])
    monkeypatch.setattr(time, "time", lambda: next(times))
    assert desk.events.oldest_begun is None
    desk.events.start(b"a", rendering(), [])
    desk.events.start(b"a", rendering(job="cd" * 16), [])
    assert desk.events.oldest_begun == 50.0
    desk.events.forget(JOB)
    assert desk.events.oldest_begun == 60.0
    desk.events.forget(JOB)
    desk.events.forget("cd" * 16)
    assert desk.events.oldest_begun is None


def test_events_go_to_the_jobs_client_as_far_as_it_reads() -> None:
    desk = Desk()
    desk.events.start(b"a", rendering(), [])
    desk.work()
    desk.events.take_step(JOB, step("x.png"), ())
    desk.blocked = {b"a"}
    desk.events.send()
    assert (desk.posted, desk.queued) == ([], [])
    desk.blocked = {b"b"}
    desk.events.send()
    desk.events.send()  # the piece is being read
    assert len(desk.posted) == len(desk.queued) == 1
    desk.work()
    (_, told), (client, picture) = desk.posted
    assert isinstance(told, Progress)
    assert isinstance(picture, Picture)
    assert (client, picture.index, picture.size, picture.data) == (b"a", 7, 5, b"ann")
    desk.events.send()
    assert desk.queued == []  # no credit is left
    desk.events.give_credit(JOB, 1)
    desk.events.attach(b"b", Attach(job=JOB, credit=2, pictures=1))
    desk.events.take_step(JOB, step(is_last=True), DONE)
    desk.blocked = set()
    desk.events.send()
    assert [client for client, _ in desk.posted[2:]] == [b"b"]
    assert desk.posted[-1][1] == RenderDone(job=JOB, pictures=2)
    assert desk.events.oldest_begun is None
    assert desk.scheduler.owner(JOB) is None


def test_a_picture_that_cannot_be_read_ends_its_job() -> None:
    desk = Desk()
    desk.events.start(b"a", rendering(), [])
    desk.events.take_step(JOB, step("gone"), ())
    desk.events.send()
    desk.work()
    desk.events.send()
    (_, end) = desk.posted[-1]
    assert isinstance(end, JobFailed)
    assert end.code == "job.disk"
    assert desk.scheduler.open_jobs() == 0


def test_every_job_is_told_that_the_worker_is_gone_and_each_goes_to_its_own_client() -> None:
    desk, others = Desk(), ("cd" * 16, "ef" * 16)
    for client, job in ((b"a", JOB), (b"b", others[0]), (b"a", others[1])):
        desk.events.start(client, rendering(job=job), [])
    desk.work()
    for job in (JOB, others[0]):  # nothing is done of the third
        desk.events.take_step(job, replace(step(), job=job), ())
    desk.events.interrupt()
    desk.blocked = {b"a"}
    desk.events.send()
    assert [client for client, _ in desk.posted] == [b"b"]  # a's would come first
    desk.blocked = set()
    desk.events.send()
    told = [(client, said.job, said.stage) for client, said in desk.posted if said is not None]
    assert told == [(b"b", others[0], RESTART_STAGE), (b"a", JOB, RESTART_STAGE)]
    desk.posted.clear()
    desk.events.send()
    assert desk.posted == []


def test_a_job_that_has_ended_reads_nothing_and_one_of_nobody_is_not_sent() -> None:
    """A piece that was being read when its job ended, or when its client left, goes nowhere."""
    desk = Desk()
    desk.events.start(b"a", rendering(), [])
    desk.events.take_step(JOB, step("x.png"), ())
    desk.events.send()
    read_later = [task() for _, task in desk.queued]
    desk.scheduler.remove_client(b"a", 5.0)
    desk.posted.clear()
    for task in read_later:
        task()
    desk.events.forget(JOB)
    for task in read_later:
        task()
    assert desk.posted == []
