# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what the worker does next. Has no socket, thread or clock: time is an argument.

The worker does one order at a time: previews before short requests before the next steps of jobs,
and within each of these classes round robin over the clients. A class is passed over at most
`MAX_PASSED` times while it waits, so that a slider that is dragged on and on stops no bake. One
client's requests and jobs are done in the order they came, and of the previews of one view only
the newest waits.

If the worker dies, the order under way is given to the next worker again: a request once more, a
job as long as it gets further, and `FORGIVEN_JOB_DEATHS` times where it does not (once where the
watch had to kill the worker). Then the request or job fails with `job.crashed` (`job.memory` if the
worker was too large), and the others go on. `worker_process.py` waits longer before each start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ...shared import limits
from ...shared.errors import AffektError, JobError, LinkError
from ...shared.wire import Frame
from ..worker import orders
from .round_robin import RoundRobin
from .watch import crashed, stuck

Client: TypeAlias = bytes
"""Routing id of a client."""

# Orders of a class that are passed over while others are served: a preview takes 8 ms, so a job
# gets four steps a second even while someone drags a slider all the time, and of the previews
# only 3 in 100 wait for one.
MAX_PASSED = 32
# After so many deaths of the worker a request is given once more, and a job's step that took too
# much memory or time. What it costs, others wait for.
FORGIVEN_DEATHS = 1
# A step of a job at which the worker dies by itself, or is killed by another program, is given
# again so often without getting further: with the waits before a start that is half a minute.
FORGIVEN_JOB_DEATHS = 4
_PREVIEW, _REQUEST, _STEP = range(3)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A short request has failed; the error is its answer."""

    client: Client
    request: int
    error: AffektError


@dataclass(frozen=True, slots=True)
class Ended:
    """A job has failed."""

    job: str
    error: AffektError


@dataclass(frozen=True, slots=True)
class Dropped:
    """The worker must be sent a `Drop` for this job."""

    job: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A job was removed, since its client left and nobody attached to it in time."""

    job: str


Outcome: TypeAlias = Refusal | Ended | Dropped | Forgotten


@dataclass(frozen=True, slots=True)
class Order:
    """An order to send to the worker, and the client's frames that follow it."""

    order: orders.Answer | orders.Begin | orders.Step
    inner: Sequence[Frame]


@dataclass(slots=True, eq=False, kw_only=True)
class Request:
    """A short request. view: of a preview, else None. pixels: name of the client's shared memory.
    deaths: how many workers died of it. has_left: whether its client has left, even if another
    one has the same routing id now."""

    client: Client
    id: int
    frames: Sequence[Frame]
    view: int | None = None
    pixels: str | None = None
    deaths: int = 0
    has_left: bool = False


@dataclass(slots=True, eq=False)
class _Client:
    user: str
    requests: deque[Request] = field(default_factory=deque)
    previews: dict[int, Request] = field(default_factory=dict)

    def waiting(self) -> Iterator[Request]:
        yield from self.previews.values()
        yield from self.requests


@dataclass(slots=True, eq=False, kw_only=True)
class _Job:
    """first: the take's frame at which it begins, None without a take. left_at: when its client
    left, or None. deaths: how many workers died of it since it last got further, and kills: how
    many of them the watch had to kill. reached: how many frames of each stage were done at
    most."""

    id: str
    client: Client
    user: str
    frames: Sequence[Frame]
    first: int | None = 0
    is_begun: bool = False
    has_ended: bool = False
    left_at: float | None = None
    deaths: int = 0
    kills: int = 0
    reached: dict[str, int] = field(default_factory=dict)


class Scheduler:
    """The clients with their requests and jobs. Whatever a call leads to for others, such as a
    job's end, waits in `take_outcomes`."""

    def __init__(self) -> None:
        self._clients: dict[Client, _Client] = {}
        self._jobs: dict[str, _Job] = {}
        self._turns: tuple[RoundRobin[Client], ...] = (RoundRobin(), RoundRobin(), RoundRobin())
        self._passed = [0, 0, 0]
        self._outcomes: list[Outcome] = []
        self._is_ready = False
        self._gave_up: AffektError | None = None
        self._unit = 0
        self._under_way: Request | _Job | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an order is under way."""
        return self._under_way is not None

    def take_outcomes(self) -> list[Outcome]:
        """Takes the outcomes of all calls since the last time, in order."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    # --- clients -----------------------------------------------------------------------------

    def add_client(self, client: Client, user: str) -> None:
        """Adds a client of this user."""
        self._clients[client] = _Client(user)

    def remove_client(self, client: Client, now: float) -> None:
        """Removes a client that has left, and its requests; its jobs go on for a while."""
        self._clients.pop(client, None)
        if isinstance(self._under_way, Request) and self._under_way.client == client:
            self._under_way.has_left = True
        for job in self._jobs.values():
            if job.client == client and job.left_at is None:
                job.left_at = now

    def ask(self, request: Request) -> None:
        """Queues a short request. Raises LinkError `link.busy` if too many wait; JobError
        `job.no_worker` if there will be no worker."""
        self._check_worker()
        asker = self._clients[request.client]
        self._check_bytes(asker, _bytes_of([request]))
        if request.view is not None:
            older = asker.previews.get(request.view)
            asker.previews[request.view] = request
            self._supersede(older)
        elif len(asker.requests) >= limits.MAX_WAITING_REQUESTS:
            raise _busy()
        else:
            asker.requests.append(request)

    # --- jobs --------------------------------------------------------------------------------

    def start(
        self, client: Client, job: str, frames: Sequence[Frame], first: int | None = 0
    ) -> None:
        """Queues a job; first: the take's frame at which it begins, None without a take. Raises
        LinkError `link.job` if its id is taken; JobError `job.too_many`, `job.no_worker`."""
        self._check_worker()
        if job in self._jobs:
            raise LinkError("link.job", "There is a job of that id already.", "Start it again.")
        self._check_room(client, sum(map(len, frames)))
        user = self._clients[client].user
        self._jobs[job] = _Job(id=job, client=client, user=user, frames=frames, first=first)

    def attach(self, client: Client, job: str) -> None:
        """Makes the job this client's. Raises LinkError `link.no_job` if its user has no such
        job."""
        found = self._jobs.get(job)
        if found is None or found.user != self._clients[client].user:
            raise LinkError("link.no_job", "There is no such job.", "Start it again.")
        found.client, found.left_at = client, None

    def owner(self, job: str) -> Client | None:
        """The job's client; None if there is no such job, or the client has left."""
        found = self._jobs.get(job)
        return None if found is None or found.left_at is not None else found.client

    def user(self, job: str) -> str:
        """The user whose data the job works on."""
        return self._jobs[job].user

    def open_jobs(self) -> int:
        """Jobs that have not ended."""
        return sum(not job.has_ended for job in self._jobs.values())

    def end(self, job: str, error: AffektError) -> None:
        """Ends the job with an error unless it has ended; the step under way is wasted."""
        found = self._jobs.get(job)
        if found is not None and not found.has_ended:
            if found.is_begun or self._under_way is found:
                self._outcomes.append(Dropped(job))
            self._end(found, error)

    def told(self, job: str) -> None:
        """Removes a job whose last event has been sent."""
        self._jobs.pop(job, None)

    def expire(self, now: float) -> None:
        """Removes the jobs whose client left longer than `limits.ORPHAN_S` ago."""
        oldest = now - limits.ORPHAN_S
        for job in list(self._jobs.values()):
            if job.left_at is not None and job.left_at <= oldest:
                if not job.has_ended and (job.is_begun or self._under_way is job):
                    self._outcomes.append(Dropped(job.id))
                job.has_ended = True
                del self._jobs[job.id]
                self._outcomes.append(Forgotten(job.id))

    # --- the worker --------------------------------------------------------------------------

    def worker_ready(self) -> None:
        """A new worker waits for orders; it knows of no job."""
        self._is_ready = True

    def worker_died(self, error: AffektError | None = None) -> None:
        """The order under way will get no reply, and every job must be begun again. error: why the
        watch killed the worker, for that order if it comes to that twice; None if it died by
        itself."""
        self._is_ready = False
        lost, self._under_way = self._under_way, None
        for job in self._jobs.values():
            job.is_begun = False
        if isinstance(lost, Request):
            lost.deaths += 1
            self._ask_again(lost, error or crashed())
        elif lost is not None and not lost.has_ended:
            self._count_death(lost, error)

    def _count_death(self, job: _Job, error: AffektError | None) -> None:
        job.deaths += 1
        job.kills += error is not None
        if error is not None and job.kills > FORGIVEN_DEATHS:
            self._end(job, error)
        elif job.deaths > FORGIVEN_JOB_DEATHS:
            done = max(job.reached.values(), default=0)
            frame = None if job.first is None else job.first + done
            self._end(job, stuck(job.deaths, frame=frame, done=done))

    def give_up(self, error: AffektError) -> None:
        """There will be no worker: ends every request and job, now and later, with this error."""
        self._gave_up = error
        for request in list(self._requests()):
            self._refuse(request, error)
        for client in self._clients.values():
            client.requests.clear()
            client.previews.clear()
        for job in list(self._jobs.values()):
            if not job.has_ended:
                self._end(job, error)

    def next_order(self) -> Order | None:
        """The worker's next order; None while it does one, or if nothing waits."""
        if not self._is_ready or self._under_way is not None:
            return None
        waiting = self._waiting()
        kind = self._choose(waiting)
        if kind is None:
            return None
        client = self._turns[kind].take(waiting[kind])
        assert client is not None
        self._unit += 1
        if kind == _STEP:
            return self._order_step(next(j for j in self._runnable() if j.client == client))
        return self._order_answer(self._pop(client, kind))

    def answered(self, unit: int) -> tuple[Client, int] | None:
        """Client and request id that the worker's answer is for; None if the client has left."""
        request = self._finish(unit)
        if isinstance(request, Request) and not request.has_left:
            return request.client, request.id
        return None

    def stepped(self, unit: int, stage: str, done: int, *, is_last: bool) -> str | None:
        """Notes a step; returns its job, or None if that has ended meanwhile."""
        job = self._finish(unit)
        if not isinstance(job, _Job) or job.has_ended:
            return None
        job.is_begun, job.has_ended = not is_last, is_last
        if done > job.reached.get(stage, -1):
            job.reached[stage] = done
            job.deaths = job.kills = 0
        return job.id

    def refused(self, unit: int, error: AffektError) -> None:
        """Ends the request or job whose order has failed."""
        failed = self._finish(unit)
        if isinstance(failed, Request):
            self._refuse(failed, error)
        elif failed is not None and not failed.has_ended:
            self._end(failed, error)

    # --- inside ------------------------------------------------------------------------------

    def _check_worker(self) -> None:
        if self._gave_up is not None:
            raise self._gave_up

    def _check_room(self, client: Client, size: int) -> None:
        """Whether one more job of `size` bytes may wait; no client gets all the room. Raises
        JobError `job.too_many`."""
        own = [job for job in self._jobs.values() if job.client == client]
        if (
            len(self._jobs) >= limits.MAX_WAITING_JOBS
            or len(own) >= limits.MAX_CLIENT_JOBS
            or size + _bytes_of(self._jobs.values()) > limits.MAX_WAITING_BYTES
            or size + _bytes_of(own) > limits.MAX_CLIENT_WAITING_BYTES
        ):
            raise JobError(
                "job.too_many", "Too many jobs are waiting.", "Wait until some are done."
            )

    def _check_bytes(self, asker: _Client, size: int) -> None:
        """Whether one more short request of `size` bytes may wait. Raises LinkError
        `link.busy`."""
        if (
            size + _bytes_of(asker.waiting()) > limits.MAX_CLIENT_WAITING_BYTES
            or size + _bytes_of(self._requests()) > limits.MAX_WAITING_BYTES
        ):
            raise _busy()

    def _requests(self) -> Iterator[Request]:
        for client in self._clients.values():
            yield from client.waiting()

    def _runnable(self) -> Iterator[_Job]:
        return (job for job in self._jobs.values() if not job.has_ended)

    def _waiting(self) -> tuple[list[Client], list[Client], list[Client]]:
        """The clients that wait in each class."""
        return (
            [name for name, client in self._clients.items() if client.previews],
            [name for name, client in self._clients.items() if client.requests],
            [job.client for job in self._runnable()],
        )

    def _choose(self, waiting: Sequence[Sequence[Client]]) -> int | None:
        kinds = [kind for kind, clients in enumerate(waiting) if clients]
        if not kinds:
            return None
        patient = [kind for kind in kinds if self._passed[kind] >= MAX_PASSED]
        chosen = max(patient, key=lambda kind: self._passed[kind], default=kinds[0])
        for kind in range(len(waiting)):
            waits = kind in kinds and kind != chosen
            self._passed[kind] = self._passed[kind] + 1 if waits else 0
        return chosen

    def _pop(self, client: Client, kind: int) -> Request:
        asker = self._clients[client]
        if kind == _REQUEST:
            return asker.requests.popleft()
        return asker.previews.pop(next(iter(asker.previews)))

    def _order_answer(self, request: Request) -> Order:
        self._under_way = request
        user = self._clients[request.client].user
        answer = orders.Answer(unit=self._unit, user=user, pixels=request.pixels)
        return Order(answer, request.frames)

    def _order_step(self, job: _Job) -> Order:
        self._under_way = job
        if job.is_begun:
            return Order(orders.Step(unit=self._unit, job=job.id), ())
        return Order(orders.Begin(unit=self._unit, user=job.user, job=job.id), job.frames)

    def _finish(self, unit: int) -> Request | _Job | None:
        """Ends the order under way and returns what it was for; None if `unit` is another."""
        if unit != self._unit:
            return None
        finished, self._under_way = self._under_way, None
        return finished

    def _ask_again(self, request: Request, error: AffektError) -> None:
        if request.has_left:
            return
        asker = self._clients[request.client]
        if self._gave_up is not None or request.deaths > FORGIVEN_DEATHS:
            self._refuse(request, self._gave_up or error)
        elif request.view is None:
            asker.requests.appendleft(request)
        elif request.view in asker.previews:
            self._supersede(request)
        else:
            asker.previews[request.view] = request

    def _supersede(self, preview: Request | None) -> None:
        if preview is not None:
            error = JobError("preview.superseded", "A newer preview has come.", "Wait for it.")
            self._refuse(preview, error)

    def _refuse(self, request: Request, error: AffektError) -> None:
        if not request.has_left:
            self._outcomes.append(Refusal(request.client, request.id, error))

    def _end(self, job: _Job, error: AffektError) -> None:
        job.has_ended, job.is_begun = True, False
        self._outcomes.append(Ended(job.id, error))


def _busy() -> LinkError:
    return LinkError("link.busy", "The sidecar has too much to do.", "Try again later.")


def _bytes_of(asked: Iterable[_Job | Request]) -> int:
    """Bytes of these requests' frames."""
    return sum(len(frame) for one in asked for frame in one.frames)
