# SPDX-License-Identifier: GPL-3.0-or-later
"""What an order says, what a reply counts for, and who is forgotten when."""

from __future__ import annotations

from affekt.shared.errors import JobError
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

from .test_scheduler import ERROR, A, B, C, ask, die, job_id, name_of, order_of, ready, run


def test_requests_of_a_client_are_answered_in_their_order_and_previews_by_view() -> None:
    scheduler = ready(A)
    for request, view in ((1, None), (2, 5), (3, None), (4, 3), (5, 5)):
        ask(scheduler, A, request, view)
    assert run(scheduler) == ["a5", "a4", "a1", "a3"]


def test_an_order_says_whose_data_it_works_on() -> None:
    scheduler = Scheduler()
    scheduler.add_client(A, "anna")
    scheduler.add_client(B, "ben")
    scheduler.worker_ready()
    scheduler.start(B, job_id(3), [b"job"], 7)
    scheduler.ask(Request(client=A, id=1, frames=[b"x"], view=0, pixels="ring"))
    answer = order_of(scheduler)
    assert answer.order == orders.Answer(unit=1, user="anna", pixels="ring")
    assert scheduler.answered(1) == (A, 1)
    begin = order_of(scheduler)
    assert begin == Order(orders.Begin(unit=2, user="ben", job=job_id(3)), [b"job"])
    assert scheduler.stepped(2, "frames", 0, is_last=False) == job_id(3)
    step = order_of(scheduler)
    assert step == Order(orders.Step(unit=3, job=job_id(3)), ())
    assert (scheduler.user(job_id(3)), scheduler.owner(job_id(3))) == ("ben", B)


def test_a_reply_counts_for_the_order_under_way_alone() -> None:
    scheduler = ready(A)
    ask(scheduler, A, 1)
    order = order_of(scheduler)
    assert scheduler.answered(order.order.unit + 1) is None
    assert scheduler.is_busy
    scheduler.refused(order.order.unit + 1, ERROR)
    assert scheduler.take_outcomes() == []
    scheduler.refused(order.order.unit, ERROR)
    assert scheduler.take_outcomes() == [Refusal(A, 1, ERROR)]
    assert not scheduler.is_busy


def test_a_job_whose_order_is_refused_ends_and_the_next_goes_on() -> None:
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [b""])
    scheduler.start(A, job_id(1), [b""])
    scheduler.refused(order_of(scheduler).order.unit, ERROR)
    assert scheduler.take_outcomes() == [Ended(job_id(0), ERROR)]
    assert scheduler.open_jobs() == 1
    assert name_of(order_of(scheduler)) == "begin 1"


def test_who_left_first_is_forgotten_first_and_who_came_back_is_not() -> None:
    scheduler = ready(A, B, C)
    for number, (client, now) in enumerate(((A, 100.0), (B, 110.0), (C, 100.0))):
        scheduler.start(client, job_id(number), [b""])
        scheduler.remove_client(client, now)
    scheduler.add_client(C, "local")
    scheduler.attach(C, job_id(2))
    scheduler.expire(135.0)
    assert scheduler.take_outcomes() == [Forgotten(job_id(0))]
    scheduler.remove_client(A, 136.0)  # once more: the time of the others does not change
    scheduler.expire(140.0)
    assert scheduler.take_outcomes() == [Forgotten(job_id(1))]
    assert scheduler.owner(job_id(2)) == C


def test_a_job_that_is_cancelled_while_it_begins_is_dropped() -> None:
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [b""])
    begin = order_of(scheduler)
    scheduler.end(job_id(0), ERROR)
    assert scheduler.take_outcomes() == [Dropped(job_id(0)), Ended(job_id(0), ERROR)]
    assert scheduler.open_jobs() == 0
    scheduler.refused(begin.order.unit, ERROR)  # the step was wasted: it ends nothing again
    assert scheduler.take_outcomes() == []
    assert not scheduler.is_busy


def test_who_is_forgotten_while_the_worker_begins_is_dropped_and_an_ended_one_is_not() -> None:
    scheduler = ready(A, B)
    scheduler.start(A, job_id(0), [b""])
    scheduler.start(B, job_id(1), [b""])
    scheduler.end(job_id(1), ERROR)
    begin = order_of(scheduler)
    scheduler.remove_client(A, 10.0)
    scheduler.remove_client(B, 10.0)
    scheduler.take_outcomes()
    scheduler.expire(40.0)
    assert scheduler.take_outcomes() == [
        Dropped(job_id(0)),
        Forgotten(job_id(0)),
        Forgotten(job_id(1)),
    ]
    assert scheduler.stepped(begin.order.unit, "frames", 1, is_last=False) is None
    assert scheduler.next_order() is None


def test_a_preview_is_given_once_more_too_before_the_others() -> None:
    scheduler = ready(A)
    ask(scheduler, A, 1, view=4)
    order_of(scheduler)
    ask(scheduler, A, 2)
    die(scheduler)
    again = order_of(scheduler)
    assert name_of(again) == "a1"
    assert scheduler.answered(again.order.unit) == (A, 1)
    assert run(scheduler) == ["a2"]
    assert scheduler.take_outcomes() == []


def test_why_a_request_failed_is_what_killed_the_second_worker() -> None:
    too_large = JobError("job.memory", "Too large.", "Smaller.")
    for reasons, code in (((too_large, None), "job.crashed"), ((None, too_large), "job.memory")):
        scheduler = ready(A)
        ask(scheduler, A, 1)
        for reason in reasons:
            order_of(scheduler)
            scheduler.worker_died(reason)
            scheduler.worker_ready()
        (refusal,) = scheduler.take_outcomes()
        assert (refusal.client, refusal.request, refusal.error.code) == (A, 1, code)
        assert scheduler.next_order() is None


def test_what_was_under_way_ends_too_if_there_will_be_no_worker() -> None:
    scheduler = ready(A)
    ask(scheduler, A, 1)
    order_of(scheduler)
    scheduler.give_up(ERROR)
    assert scheduler.take_outcomes() == []
    scheduler.worker_died()
    assert scheduler.take_outcomes() == [Refusal(A, 1, ERROR)]


def test_nobody_gets_an_answer_that_was_asked_for_by_who_left() -> None:
    """Even if somebody else comes under the same name meanwhile."""
    scheduler = ready(A)
    for number, end in enumerate(("answered", "refused", "died")):
        ask(scheduler, A, number)
        order = order_of(scheduler)
        scheduler.remove_client(A, 10.0)
        scheduler.add_client(A, "local")
        if end == "answered":
            assert scheduler.answered(order.order.unit) is None
        elif end == "refused":
            scheduler.refused(order.order.unit, ERROR)
        else:
            die(scheduler)
        assert (scheduler.take_outcomes(), scheduler.next_order()) == ([], None)


def test_a_new_stage_is_progress() -> None:
    """Its first frame has a smaller number than what was reached before."""
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [b""])
    for stage, done in (("read", 9), ("bake", 0)):
        scheduler.stepped(order_of(scheduler).order.unit, stage, done, is_last=False)
        for _ in range(4):
            order_of(scheduler)
            die(scheduler)
            scheduler.stepped(order_of(scheduler).order.unit, "read", 2, is_last=False)
    assert scheduler.take_outcomes() == []
    assert scheduler.open_jobs() == 1


def test_after_a_rest_a_class_is_passed_over_as_often_as_ever() -> None:
    """What waited, and was served or went away, begins to count anew."""
    scheduler = ready(A, B)
    names = []
    for number in range(90):
        if number in (0, 50):
            ask(scheduler, B, number)
        if number == 20:
            scheduler.remove_client(B, 0.0)
            scheduler.add_client(B, "local")
        ask(scheduler, A, number, view=0)
        names += run(scheduler, 1)
    assert [number for number, name in enumerate(names) if name[0] == "b"] == [82]


def test_who_leaves_takes_no_answer_from_the_others() -> None:
    scheduler = ready(A, B)
    ask(scheduler, A, 1)
    order = order_of(scheduler)
    ask(scheduler, B, 2)
    scheduler.remove_client(B, 10.0)
    assert scheduler.answered(order.order.unit) == (A, 1)
    assert scheduler.next_order() is None


def test_who_leaves_a_second_time_without_its_job_makes_that_live_no_longer() -> None:
    """The job waits for whoever attaches since its client left it; to come by is not enough."""
    scheduler = ready(A)
    scheduler.start(A, job_id(0), [b""])
    scheduler.remove_client(A, 100.0)
    scheduler.add_client(A, "local")
    assert scheduler.owner(job_id(0)) is None
    scheduler.remove_client(A, 120.0)
    scheduler.expire(130.0)
    assert scheduler.take_outcomes() == [Forgotten(job_id(0))]
