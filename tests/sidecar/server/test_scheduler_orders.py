# SPDX-License-Identifier: GPL-3.0-or-later
"""What an order says, what a reply counts for, and who is forgotten when."""

from __future__ import annotations

from affekt.sidecar.server.scheduler import Ended, Forgotten, Order, Refusal, Request, Scheduler
from affekt.sidecar.worker import orders

from .test_scheduler import ERROR, A, B, C, ask, job_id, name_of, order_of, ready, run


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
