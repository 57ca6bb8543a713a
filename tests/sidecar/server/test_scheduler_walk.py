# SPDX-License-Identifier: GPL-3.0-or-later
"""Random walks of the scheduler against a plain model of its promises."""

from __future__ import annotations

import itertools

from affekt.shared import limits
from affekt.sidecar.server.scheduler import Ended, Forgotten, Order, Refusal, Scheduler
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from .test_scheduler import ERROR, A, B, C, ask, code_of_call, job_id


class Walk(RuleBasedStateMachine):
    """Clients that ask, start, cancel, leave and come back under the same name; a worker that
    answers and dies."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler()
        self.numbers = itertools.count(1)
        self.clients: set[bytes] = set()
        self.answers: dict[tuple[bytes, int], list[str]] = {}
        """Of each request whose client is there: what it was answered with."""
        self.ends: dict[str, list[str]] = {}
        self.under_way: Order | None = None
        self.now = 0.0

    def pick_client(self, data: st.DataObject) -> bytes:
        return data.draw(st.sampled_from(sorted(self.clients)))

    def pick_job(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.ends)))

    @rule(client=st.sampled_from([A, B, C]))
    def come(self, client: bytes) -> None:
        if client not in self.clients:
            self.clients.add(client)
            self.scheduler.add_client(client, "local")

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        client = self.pick_client(data)
        self.scheduler.remove_client(client, self.now)
        self.clients.discard(client)
        self.answers = {key: told for key, told in self.answers.items() if key[0] != client}

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), view=st.one_of(st.none(), st.integers(0, 1)))
    def ask(self, data: st.DataObject, view: int | None) -> None:
        client, number = self.pick_client(data), next(self.numbers)
        self.answers[client, number] = []
        code = code_of_call(lambda: ask(self.scheduler, client, number, view))
        if code:
            assert (code, view) == ("link.busy", None)
            self.answers[client, number].append(code)

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        client, job = self.pick_client(data), job_id(next(self.numbers))
        code = code_of_call(lambda: self.scheduler.start(client, job, [b""]))
        assert code in ("", "job.too_many")
        if not code:
            self.ends[job] = []

    @precondition(lambda self: self.ends)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.scheduler.end(self.pick_job(data), ERROR)

    @precondition(lambda self: self.clients and self.ends)
    @rule(data=st.data())
    def attach(self, data: st.DataObject) -> None:
        client, job = self.pick_client(data), self.pick_job(data)
        code = code_of_call(lambda: self.scheduler.attach(client, job))
        assert code == ("link.no_job" if self.ends[job] else "")
        if not code:
            assert self.scheduler.owner(job) == client

    @rule(seconds=st.sampled_from([1.0, limits.ORPHAN_S]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.scheduler.expire(self.now)

    @rule()
    def be_ready(self) -> None:
        self.scheduler.worker_ready()

    @rule()
    def die(self) -> None:
        self.scheduler.worker_died()
        self.under_way = None

    @rule(done=st.integers(0, 3), is_last=st.booleans(), fails=st.booleans())
    def work(self, done: int, is_last: bool, fails: bool) -> None:
        if self.under_way is None:
            self.under_way = self.scheduler.next_order()
            return
        unit, job = self.under_way.order.unit, getattr(self.under_way.order, "job", None)
        self.under_way = None
        if fails:
            self.scheduler.refused(unit, ERROR)
        elif job is None:
            asked = self.scheduler.answered(unit)
            if asked is not None:
                self.answers[asked].append("")
        elif self.scheduler.stepped(unit, "frames", done, is_last=is_last) is not None and is_last:
            self.ends[job].append("")
            self.scheduler.told(job)

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        for outcome in self.scheduler.take_outcomes():
            if isinstance(outcome, Refusal):
                self.answers[outcome.client, outcome.request].append(outcome.error.code)
            elif isinstance(outcome, Ended):
                self.ends[outcome.job].append(outcome.error.code)
                self.scheduler.told(outcome.job)
            elif isinstance(outcome, Forgotten):
                self.ends[outcome.job].append("")
        assert all(len(told) <= 1 for told in (*self.answers.values(), *self.ends.values()))

    def teardown(self) -> None:
        """Once the worker works in peace, everything is answered and ends."""
        self.scheduler.worker_ready()
        for _ in range(1000):
            self.work(done=9, is_last=True, fails=False)
        self.nothing_is_answered_twice()
        assert all(len(told) == 1 for told in self.answers.values()), self.answers
        assert all(len(told) == 1 for told in self.ends.values()), self.ends


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=80, stateful_step_count=60)
