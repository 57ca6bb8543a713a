# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job has to say to its client, and how far that has been said."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...shared import limits, wire
from ...shared.errors import AffektError
from ...shared.messages import RESTART_STAGE, JobFailed, Picture, PictureKind, Progress
from ...shared.wire import Frame


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture that lies ready: `file` in the user's part of the cache."""

    index: int
    kind: PictureKind
    file: str


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of picture `number` from `offset` on. turn: of the delivery it was wanted in."""

    job: str
    turn: int
    number: int
    offset: int
    file: str


class Delivery:
    """The events of one job: a progress (only the newest waits), pictures piece by piece as far
    as there is credit, and the end."""

    def __init__(self, job: str, *, credit: int, pictures: int, clock: Clock | None = None) -> None:
        """pictures: how many the client has already."""
        self.job = job
        self._clock = clock or Clock(job)
        self._pictures: list[PictureFile] = []
        self._progress: Progress | None = None
        self._is_progress_told = True
        self._end: Sequence[Frame] | None = None
        self._has_failed = False
        self.is_over = False
        """Whether the end has been taken."""
        self._is_reading = False
        self._turn = 0
        self._number, self._offset, self._credit = pictures, 0, credit

    def attach(self, *, credit: int, pictures: int) -> None:
        """Another client listens, that has so many pictures; it hears the last progress again."""
        self._turn += 1
        self._is_reading = False
        self._number, self._offset, self._credit = pictures, 0, credit
        self._is_progress_told = self._progress is None

    def begin_again(self) -> None:
        """A new worker will name the pictures from the first on, the same ones."""
        self._pictures.clear()

    def interrupt(self) -> None:
        """The worker is gone; whoever watches the job shall not think that it goes on."""
        if self._progress is not None:
            self.progress(RESTART_STAGE, self._progress.done, self._progress.total)

    def give_credit(self, count: int) -> None:
        """So many more pieces may go."""
        self._credit = min(self._credit + count, limits.MAX_CREDIT)

    def progress(self, stage: str, done: int, total: int) -> None:
        """The job has come so far."""
        self._progress = self._clock.progress(stage, done, total)
        self._is_progress_told = False

    def add_pictures(self, pictures: Sequence[PictureFile]) -> None:
        """More pictures are ready."""
        self._pictures.extend(pictures)

    def finish(self, last: Sequence[Frame]) -> None:
        """The job is done; its last event goes after the last picture."""
        self._end = last

    def fail(self, error: AffektError) -> None:
        """The job ends with this; pictures that have not gone yet do not go."""
        self._end = wire.encode(failed(self.job, error))
        self._has_failed = True

    def take_message(self) -> Sequence[Frame] | None:
        """What can be sent now, except for pictures."""
        if not self._is_progress_told and self._end is None and not self.is_over:
            self._is_progress_told = True
            assert self._progress is not None
            return wire.encode(self._progress)
        if self._end is not None and (self._has_failed or self._are_pictures_told()):
            last, self._end = self._end, None
            self.is_over = True
            return last
        return None

    def take_piece(self) -> Piece | None:
        """The piece that shall be read now: there is credit for it, and none is being read."""
        if self._is_reading or self._credit == 0 or self._number >= len(self._pictures):
            return None
        if self._has_failed:
            return None
        self._is_reading = True
        self._credit -= 1
        file = self._pictures[self._number].file
        return Piece(self.job, self._turn, self._number, self._offset, file)

    def picture(self, piece: Piece, size: int, data: bytes) -> Picture | None:
        """The message with the piece, of a file of `size` bytes; None if nobody waits for it any
        more."""
        if piece.turn != self._turn or not self._is_reading:
            return None
        self._is_reading = False
        named = self._pictures[piece.number] if piece.number < len(self._pictures) else None
        if named is None or self._has_failed:  # begun again meanwhile: it is read again
            self._credit += 1
            return None
        message = Picture(
            job=self.job,
            number=piece.number,
            index=named.index,
            kind=named.kind,
            size=size,
            offset=piece.offset,
            data=data,
        )
        self._offset += len(data)
        if self._offset >= size:
            self._number, self._offset = self._number + 1, 0
        return message

    def _are_pictures_told(self) -> bool:
        return self._number >= len(self._pictures)


def failed(job: str, error: AffektError) -> JobFailed:
    """The last event of a job without a result."""
    return JobFailed(
        job=job, code=error.code, message=error.message[:4000], remedy=error.remedy[:4000]
    )


ESTIMATE_AFTER_S = 2.0


@dataclass(slots=True)
class Clock:
    """Progress with an estimate: the rate of the stage so far, once there is enough of it (a new
    worker's first chunk is slow, chunks from the cache are fast)."""

    job: str
    now: Callable[[], float] = field(default=time.monotonic)
    _stage: str = ""
    _since: float = 0.0
    _first: int = 0

    def progress(self, stage: str, done: int, total: int) -> Progress:
        """The message for `done` of `total`."""
        if stage != self._stage or done < self._first:
            self._stage, self._since, self._first = stage, self.now(), done
        seconds, steps = self.now() - self._since, done - self._first
        is_known = steps > 0 and seconds >= ESTIMATE_AFTER_S
        left = seconds / steps * max(0, total - done) if is_known else None
        return Progress(job=self.job, stage=stage, done=done, total=total, seconds_left=left)
