# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler alone, by examples."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from affekt.shared import limits
from affekt.shared.errors import AffektError, JobError, LinkError
from affekt.sidecar.server.scheduler import (
    Dropped,
    Ended,
    Forgotten,
    Order,
    Refusal,
    Request,
    Scheduler,
)
from affekt.sidecar.worker import orders

A, B, C = b"a", b"b", b"c"
ERROR = JobError("job.failed", "No.", "Yes.")


def job_id(number: int) -> str:
    return f"{number:032x}"


def ready(*clients: bytes, user: str = "local") -> Scheduler:
    scheduler = Scheduler()
    for client in clients:
        scheduler.add_client(client, user)
    scheduler.worker_ready()
    return scheduler


def ask(scheduler: Scheduler, client: bytes, request: int, view: int | None = None) -> None:
    frames = [client + b"%d" % request]
    scheduler.ask(Request(client=client, id=request, frames=frames, view=view))


def finish(scheduler: Scheduler, order: Order, done: int = 0, *, is_last: bool = False) -> None:
    """The worker's reply to an order."""
    if isinstance(order.order, orders.Answer):
        scheduler.answered(order.order.unit)
    else:
        scheduler.stepped(order.order.unit, "frames", done, is_last=is_last)


def order_of(scheduler: Scheduler) -> Order:
    order = scheduler.next_order()
    assert order is not None
    return order


def name_of(order: Order) -> str:
    """Such as `a1` of an answer, `begin 1` of a job."""
    if isinstance(order.order, orders.Answer):
        return bytes(order.inner[0]).decode()
    return f"{order.order.TYPE} {int(order.order.job, 16)}"


def run(scheduler: Scheduler, most: int = 20) -> list[str]:
    """The orders that come, each done at once; jobs never end."""
    names = []
    for done in range(most):
        order = scheduler.next_order()
        if order is None:
            break
        names.append(name_of(order))
        finish(scheduler, order, done)
    return names


def code_of(error: pytest.ExceptionInfo[AffektError]) -> str:
    return error.value.code


def test_previews_then_requests_then_jobs() -> None:
    scheduler = ready(A)
    scheduler.start(A, job_id(7), [b"job"])
    ask(scheduler, A, 1)
    ask(scheduler, A, 2, view=0)
    assert run(scheduler, 4) == ["a2", "a1", "begin 7", "step 7"]


def test_one_order_at_a_time() -> None:
    scheduler = ready(A)
    ask(scheduler, A, 1)
    ask(scheduler, A, 2)
    assert scheduler.next_order() is not None
    assert scheduler.is_busy
    assert scheduler.next_order() is None


def test_no_order_before_the_worker_is_ready() -> None:
    scheduler = Scheduler()
    scheduler.add_client(A, "local")
    ask(scheduler, A, 1)
    assert scheduler.next_order() is None


def test_clients_take_turns() -> None:
    scheduler = ready(A, B)
    for number in range(3):
        ask(scheduler, A, number)
    ask(scheduler, B, 9)
    assert run(scheduler) == ["a0", "b9", "a1", "a2"]


def test_jobs_of_two_clients_take_turns() -> None:
    scheduler = ready(A, B)
    for number, client in enumerate((A, A, B)):
        scheduler.start(client, job_id(number), [b""])
    assert run(scheduler, 6) == ["begin 0", "begin 2", "step 0", "step 2", "step 0", "step 2"]


def test_the_newest_preview_of_a_view_wins() -> None:
    scheduler = ready(A, B)
    ask(scheduler, A, 1, view=0)
    under_way = order_of(scheduler)
    for request in (2, 3, 4):
        ask(scheduler, A, request, view=0)
    ask(scheduler, A, 5, view=1)
    ask(scheduler, B, 6, view=0)
    superseded = scheduler.take_outcomes()
    assert [(o.client, o.request, o.error.code) for o in superseded] == [
        (A, 2, "preview.superseded"),
        (A, 3, "preview.superseded"),
    ]
    assert scheduler.answered(under_way.order.unit) == (A, 1)
    assert sorted(run(scheduler)) == ["a4", "a5", "b6"]


def test_a_slider_stops_neither_a_request_nor_a_job() -> None:
    scheduler = ready(A, B)
    scheduler.start(B, job_id(0), [b""])
    ask(scheduler, B, 1)
    names = []
    for number in itertools.count(10):
        ask(scheduler, A, number, view=0)
        names += run(scheduler, 1)
        if "step 0" in names:
            break
    first = {name: names.index(name) for name in ("b1", "begin 0", "step 0")}
    assert first["b1"] == 32
    assert first["step 0"] <= 68


def test_while_a_slider_is_dragged_a_job_gets_one_turn_in_33_for_ever() -> None:
    """It is passed over 32 times before each of its turns, not only before the first."""
    scheduler = ready(A, B)
    scheduler.start(B, job_id(0), [b""])
    names = []
    for number in range(10, 340):
        ask(scheduler, A, number, view=0)
        names += run(scheduler, 1)
    turns = [number for number, name in enumerate(names) if name in ("begin 0", "step 0")]
    assert turns == [32 + 33 * turn for turn in range(10)]


def test_a_preview_waits_for_one_order() -> None:
    scheduler = ready(A, B)
    scheduler.start(B, job_id(0), [b""])
    for number in range(16):
        ask(scheduler, B, number)
    under_way = order_of(scheduler)
    ask(scheduler, A, 1, view=0)
    finish(scheduler, under_way)
    assert name_of(order_of(scheduler)) == "a1"


def test_too_many_requests() -> None:
    scheduler = ready(A, B)
    for number in range(16):
        ask(scheduler, A, number)
    with pytest.raises(LinkError) as caught:
        ask(scheduler, A, 99)
    assert code_of(caught) == "link.busy"
    ask(scheduler, A, 99, view=0)
    ask(scheduler, B, 1)


@pytest.mark.parametrize("client", [A, B])
def test_requests_that_are_too_large(client: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Previews too: a view keeps one, and there are many views."""
    limit = "MAX_CLIENT_WAITING_BYTES" if client == A else "MAX_WAITING_BYTES"
    monkeypatch.setattr(limits, limit, 100)
    scheduler = ready(A, B)
    scheduler.ask(Request(client=A, id=1, frames=[bytes(60)], view=0))
    with pytest.raises(LinkError) as caught:
        scheduler.ask(Request(client=client, id=2, frames=[bytes(41)], view=1))
    assert code_of(caught) == "link.busy"
    scheduler.ask(Request(client=client, id=2, frames=[bytes(40)], view=1))


def test_no_client_takes_all_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CLIENT_WAITING_BYTES", 100)
    scheduler = ready(A, B)
    for number in range(16):
        scheduler.start(A, job_id(number), [b""])
    with pytest.raises(JobError) as caught:
        scheduler.start(A, job_id(99), [b""])
    assert code_of(caught) == "job.too_many"
    scheduler.start(B, job_id(99), [bytes(60)])
    with pytest.raises(JobError) as caught:
        scheduler.start(B, job_id(98), [bytes(41)])
    assert code_of(caught) == "job.too_many"


def test_too_many_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CLIENT_JOBS", 33)
    scheduler = ready(A)
    for number in range(32):
        scheduler.start(A, job_id(number), [b""])
    with pytest.raises(JobError) as caught:
        scheduler.start(A, job_id(99), [b""])
    assert code_of(caught) == "job.too_many"
    scheduler.end(job_id(0), ERROR)
    scheduler.told(job_id(0))
    scheduler.start(A, job_id(99), [b""])


def test_jobs_that_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_WAITING_BYTES", 100)
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [bytes(40), bytes(20)])
    with pytest.raises(JobError) as caught:
        scheduler.start(A, job_id(1), [bytes(41)])
    assert code_of(caught) == "job.too_many"
    scheduler.start(A, job_id(1), [bytes(40)])


def test_a_job_id_is_used_once() -> None:
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [b""])
    with pytest.raises(LinkError) as caught:
        scheduler.start(A, job_id(0), [b""])
    assert code_of(caught) == "link.job"


def test_cancel_waiting_begun_and_under_way() -> None:
    scheduler = ready(A)
    for number in range(2):
        scheduler.start(A, job_id(number), [b""])
    finish(scheduler, order_of(scheduler))
    step = order_of(scheduler)
    for number in range(2):
        scheduler.end(job_id(number), ERROR)
        scheduler.end(job_id(number), ERROR)  # the second time there is nothing to do
    assert scheduler.take_outcomes() == [
        Dropped(job_id(0)),
        Ended(job_id(0), ERROR),
        Ended(job_id(1), ERROR),
    ]
    assert scheduler.stepped(step.order.unit, "frames", 1, is_last=True) is None
    assert scheduler.next_order() is None
    assert scheduler.take_outcomes() == []


def test_a_client_that_leaves() -> None:
    scheduler = ready(A)
    ask(scheduler, A, 1)
    ask(scheduler, A, 2)
    scheduler.start(A, job_id(0), [b""])
    under_way = order_of(scheduler)
    scheduler.remove_client(A, now=100)
    assert scheduler.answered(under_way.order.unit) is None
    assert run(scheduler, 2) == ["begin 0", "step 0"]  # nobody waits for the second request
    assert scheduler.owner(job_id(0)) is None
    scheduler.expire(129.9)
    assert scheduler.take_outcomes() == []
    scheduler.expire(130)
    assert scheduler.take_outcomes() == [Dropped(job_id(0)), Forgotten(job_id(0))]
    assert scheduler.next_order() is None


def test_attach() -> None:
    scheduler = ready(A, B)
    scheduler.add_client(C, "anna")
    scheduler.start(A, job_id(0), [b""])
    scheduler.remove_client(A, now=100)
    for client, job in ((C, 0), (B, 1)):
        with pytest.raises(LinkError) as caught:
            scheduler.attach(client, job_id(job))
        assert code_of(caught) == "link.no_job"
    scheduler.attach(B, job_id(0))
    scheduler.expire(1000)
    assert (scheduler.owner(job_id(0)), scheduler.take_outcomes()) == (B, [])


def test_the_end_waits_for_its_client() -> None:
    """A job that ended while nobody listened is there for who comes in time."""
    scheduler = ready(A, B)
    scheduler.start(A, job_id(0), [b""])
    scheduler.remove_client(A, now=100)
    finish(scheduler, order_of(scheduler), is_last=True)
    scheduler.attach(B, job_id(0))
    assert scheduler.owner(job_id(0)) == B
    assert scheduler.open_jobs() == 0
    assert scheduler.next_order() is None
    scheduler.told(job_id(0))
    assert scheduler.owner(job_id(0)) is None


def die(scheduler: Scheduler) -> None:
    scheduler.worker_died()
    assert scheduler.next_order() is None
    scheduler.worker_ready()


def test_the_order_under_way_is_given_once_more() -> None:
    scheduler = ready(A)
    ask(scheduler, A, 1)
    ask(scheduler, A, 2)
    assert name_of(order_of(scheduler)) == "a1"
    die(scheduler)
    assert name_of(order_of(scheduler)) == "a1"
    die(scheduler)
    assert [(o.request, o.error.code) for o in scheduler.take_outcomes()] == [(1, "job.crashed")]
    assert run(scheduler) == ["a2"]


def test_jobs_begin_again_in_a_new_worker() -> None:
    scheduler = ready(A, B)
    scheduler.start(A, job_id(0), [b"first"])
    scheduler.start(B, job_id(1), [b"second"])
    for done in range(4):
        finish(scheduler, order_of(scheduler), done)
    die(scheduler)
    again = order_of(scheduler)
    assert (name_of(again), again.inner) == ("begin 0", [b"first"])
    finish(scheduler, again)
    assert run(scheduler, 3) == ["begin 1", "step 0", "step 1"]
    assert scheduler.take_outcomes() == []


def deaths_until_the_end(scheduler: Scheduler, done: int, *errors: AffektError | None) -> list:
    """The worker dies of every step of job 0 once `done` of its frames are done, for each of these
    reasons; returns how often it did, and how the job ended."""
    ends, reasons = [], itertools.cycle(errors)
    for count in range(100):
        while True:
            order = order_of(scheduler)
            if order.order.TYPE == "step" and order.order.job == job_id(0):
                break
            finish(scheduler, order, done)
        scheduler.worker_died(next(reasons))
        scheduler.worker_ready()
        ends += scheduler.take_outcomes()
        if ends:
            return [count + 1, *ends]
    raise AssertionError("it never ends")


def test_a_job_that_kills_again_and_again_is_stopped() -> None:
    """It alone, and its end says where it stuck."""
    scheduler = ready(A, B)
    scheduler.start(A, job_id(0), [b""], 200)
    scheduler.start(B, job_id(1), [b""])
    deaths, end = deaths_until_the_end(scheduler, 64, None)
    assert (deaths, end.job, end.error.code) == (5, job_id(0), "job.crashed")
    assert "5 times at the frames from 264 on" in end.error.message
    assert "64 before them are done" in end.error.message
    assert scheduler.open_jobs() == 1


def test_a_job_without_a_take_says_nothing_of_frames() -> None:
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [b""], None)
    deaths, end = deaths_until_the_end(scheduler, 3, None)
    assert (deaths, end.error.code) == (5, "job.crashed")
    assert end.error.message == "The sidecar's worker broke down 5 times at this."
    assert "photo" in end.error.remedy


def test_a_job_that_the_watch_has_killed_twice_is_stopped() -> None:
    """Too much memory or time is no accident, and costs everyone."""
    too_large = JobError("job.memory", "Too large.", "Smaller.")
    for reasons, count, code in (
        ((None, None, too_large), 5, "job.crashed"),
        ((None, too_large), 4, "job.memory"),
        ((too_large,), 2, "job.memory"),
    ):
        scheduler = ready(A)
        scheduler.start(A, job_id(0), [b""])
        deaths, end = deaths_until_the_end(scheduler, 0, *reasons)
        assert (deaths, end.error.code) == (count, code)


def test_progress_is_what_was_never_reached_before() -> None:
    """A job that is begun again and does once more what it had done gets no further."""
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [b""])
    for done in range(4):
        finish(scheduler, order_of(scheduler), done)
    ends = []
    for deaths in range(1, 10):
        order = order_of(scheduler)
        assert name_of(order) == ("step 0" if deaths == 1 else "begin 0")
        if deaths > 1:
            for done in range(3):
                finish(scheduler, order, done)
                order = order_of(scheduler)
        die(scheduler)
        ends += scheduler.take_outcomes()
        if ends:
            break
    assert deaths == 5
    assert "frames from 3 on" in ends[0].error.message


@pytest.mark.parametrize("reason", [None, JobError("job.memory", "Too large.", "Smaller.")])
def test_deaths_by_chance_are_forgiven(reason: AffektError | None) -> None:
    """Twenty deaths of one job, each after it got a little further; the watch's kills too."""
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [b""])
    for reached in range(1, 21):
        for done in range(reached + 1):
            finish(scheduler, order_of(scheduler), done)
        assert name_of(order_of(scheduler)) == "step 0"
        scheduler.worker_died(reason)
        scheduler.worker_ready()
    assert scheduler.take_outcomes() == []
    assert scheduler.open_jobs() == 1


def test_a_preview_that_is_out_of_date_is_not_given_again() -> None:
    scheduler = ready(A)
    ask(scheduler, A, 1, view=0)
    order_of(scheduler)
    ask(scheduler, A, 2, view=0)
    die(scheduler)
    (refusal,) = scheduler.take_outcomes()
    assert (refusal.request, refusal.error.code) == (1, "preview.superseded")
    assert run(scheduler) == ["a2"]


def test_no_worker_ever() -> None:
    scheduler = Scheduler()
    scheduler.add_client(A, "local")
    ask(scheduler, A, 1)
    ask(scheduler, A, 2, view=0)
    scheduler.start(A, job_id(0), [b""])
    scheduler.give_up(ERROR)
    outcomes = scheduler.take_outcomes()
    assert {o.request for o in outcomes if isinstance(o, Refusal)} == {1, 2}
    assert Ended(job_id(0), ERROR) in outcomes
    for call in (lambda: ask(scheduler, A, 3), lambda: scheduler.start(A, job_id(1), [])):
        with pytest.raises(JobError) as caught:
            call()
        assert caught.value is ERROR


def test_replies_to_old_orders_mean_nothing() -> None:
    scheduler = ready(A)
    ask(scheduler, A, 1)
    first = order_of(scheduler)
    die(scheduler)
    order_of(scheduler)
    assert scheduler.answered(first.order.unit) is None
    assert scheduler.is_busy


def code_of_call(call: Callable[[], None]) -> str:
    """Of the error, or "" if there is none."""
    try:
        call()
    except AffektError as error:
        return error.code
    return ""
