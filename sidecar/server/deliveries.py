# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs' events on their way to the clients: what is due is sent where there is room for it,
pictures are read at the desk piece by piece, each when the last one has gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ...shared import messages, wire
from ...shared.errors import AffektError, LinkError
from ...shared.wire import Frame
from ..worker import orders
from .disk_queue import Desk
from .front import Front
from .job import Delivery, PictureFile, Piece
from .scheduler import Scheduler
from .transfers import Files


class Deliveries:
    """One `Delivery` for each job of the scheduler. All calls come from the sockets' thread."""

    def __init__(self, scheduler: Scheduler, front: Front, desk: Desk, files: Files) -> None:
        self._scheduler, self._front, self._desk, self._files = scheduler, front, desk, files
        self._jobs: dict[str, Delivery] = {}
        self._begun: dict[str, float] = {}

    @property
    def oldest_begun(self) -> float | None:
        """When (`time.time`) the oldest open job began, or None."""
        return min(self._begun.values(), default=None)

    def start(
        self, client: bytes, request: messages.Bake | messages.Render, frames: list[memoryview]
    ) -> None:
        """A new job of the client. Raises what `Scheduler.start` does; LinkError
        `link.protocol`."""
        credit, pictures = 0, 0
        if isinstance(request, messages.Render):
            if (request.avatar is None) == (request.head is None):
                raise LinkError("link.protocol", "Nothing to draw was named.", "Report this.")
            credit, pictures = request.credit, request.pictures
        self._scheduler.start(client, request.job, frames)
        self._jobs[request.job] = Delivery(request.job, credit=credit, pictures=pictures)
        self._begun[request.job] = time.time()
        user, wanted = self._scheduler.user(request.job), _artefacts(request)
        # It may wait for long; what it needs came before it, and may not go meanwhile.
        self._desk.submit(_desk_key(request.job), lambda: self._touch(user, wanted))

    def attach(self, client: bytes, request: messages.Attach) -> None:
        """The job's events go to this client now. Raises LinkError `link.no_job`."""
        self._scheduler.attach(client, request.job)
        self._jobs[request.job].attach(credit=request.credit, pictures=request.pictures)

    def give_credit(self, job: str, count: int) -> None:
        """So many more pieces may go."""
        self._jobs[job].give_credit(count)

    def begin_again(self, job: str) -> None:
        """A worker begins the job, the first or another one."""
        self._jobs[job].begin_again()

    def interrupt(self) -> None:
        """The worker is gone."""
        for delivery in self._jobs.values():
            delivery.interrupt()

    def take_step(self, job: str, step: orders.Stepped, last: Sequence[Frame]) -> None:
        """The worker has come so far; `last` is the job's last event if it is done."""
        delivery = self._jobs[job]
        delivery.progress(step.stage, step.done, step.total)
        named = zip(step.indices, step.kinds, step.files, strict=True)
        delivery.add_pictures([PictureFile(*picture) for picture in named])
        if step.is_last:
            delivery.finish(last)

    def fail(self, job: str, error: AffektError) -> None:
        """The job has ended with this."""
        self._jobs[job].fail(error)

    def forget(self, job: str) -> None:
        """Nobody wants to hear of the job."""
        self._jobs.pop(job, None)
        self._begun.pop(job, None)

    def send(self) -> None:
        """Sends what every job has to say, pictures as far as there is credit."""
        for delivery in list(self._jobs.values()):
            owner = self._scheduler.owner(delivery.job)
            if owner is not None and not self._front.is_blocked(owner):
                self._send(delivery, owner)

    def _send(self, delivery: Delivery, owner: bytes) -> None:
        while (frames := delivery.take_message()) is not None:
            self._front.post(owner, frames)
        if delivery.is_over:
            self._scheduler.told(delivery.job)
            self.forget(delivery.job)
        elif (piece := delivery.take_piece()) is not None:
            user = self._scheduler.user(delivery.job)
            try:
                self._desk.submit(_desk_key(delivery.job), lambda: self._read(user, piece))
            except LinkError as error:
                self._lose(piece.job, error)

    def _touch(self, user: str, artefacts: Sequence[str]) -> Callable[[], None]:
        """On the desk's thread."""
        self._files.touch(user, artefacts)
        return lambda: None

    def _read(self, user: str, piece: Piece) -> Callable[[], None]:
        """On the desk's thread."""
        try:
            size, data = self._files.read_piece(user, piece.file, piece.offset)
        except AffektError as error:
            lost = error
            return lambda: self._lose(piece.job, lost)
        return lambda: self._post(piece, size, data)

    def _lose(self, job: str, error: AffektError) -> None:
        self._scheduler.end(job, error)
        if job in self._jobs:  # the worker may be done with it, but it is not all told
            self._jobs[job].fail(error)

    def _post(self, piece: Piece, size: int, data: bytes) -> None:
        delivery, owner = self._jobs.get(piece.job), self._scheduler.owner(piece.job)
        picture = None if delivery is None else delivery.picture(piece, size, data)
        if picture is not None and owner is not None:
            self._front.post(owner, wire.encode(picture))


def _artefacts(request: messages.Bake | messages.Render) -> list[str]:
    avatar = request.avatar if isinstance(request, messages.Render) else None
    return [name for name in (request.motion, request.adapter, avatar) if name is not None]


def _desk_key(job: str) -> bytes:
    """No client's name at the desk: routing ids do not begin with a zero."""
    return b"\0" + job.encode()
