# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of one job: which there are, and which its client has been sent."""

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
    """A finished picture of frame `index`. file: its place in the user's part of the cache."""

    index: int
    kind: PictureKind
    file: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of picture `number` that is to be read, from `offset` on. turn: how often a client
    had attached when the piece was asked for."""

    job: str
    turn: int
    number: int
    offset: int
    file: str


class JobEvents:
    """Progress (only the newest waits), pictures piece by piece as far as there is credit, and the
    last event."""

    def __init__(
        self, job: str, *, credit: int, pictures: int, estimator: Estimator | None = None
    ) -> None:
        """credit: pieces that may be sent. pictures: how many the client has already."""
        self.job = job
        self._estimator = estimator or Estimator(job)
        self._pictures: list[PictureFile] = []
        self._progress: Progress | None = None
        self._is_progress_told = True
        self._end: Sequence[Frame] | None = None
        self._has_failed = False
        self.is_over = False
        """Whether the last event has been taken."""
        self._is_reading = False
        self._turn = 0
        self._number, self._offset, self._credit = pictures, 0, credit

    def attach(self, *, credit: int, pictures: int) -> None:
        """Starts to send to another client, which has so many pictures already: the last progress
        again, then the other pictures."""
        self._turn += 1
        self._is_reading = False
        self._number, self._offset, self._credit = pictures, 0, credit
        self._is_progress_told = self._progress is None

    def begin_again(self) -> None:
        """Forgets the pictures: a new worker will name the same ones from the first on."""
        self._pictures.clear()

    def interrupt(self) -> None:
        """Tells the client that the worker is gone, by a progress of `RESTART_STAGE`."""
        if self._progress is not None:
            self.progress(RESTART_STAGE, self._progress.done, self._progress.total)

    def give_credit(self, count: int) -> None:
        """Lets `count` more pieces be sent, `limits.MAX_CREDIT` at most."""
        self._credit = min(self._credit + count, limits.MAX_CREDIT)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Replaces the progress that waits."""
        self._progress = self._estimator.progress(stage, done, total)
        self._is_progress_told = False

    def add_pictures(self, pictures: Sequence[PictureFile]) -> None:
        """Adds finished pictures."""
        self._pictures.extend(pictures)

    def finish(self, last: Sequence[Frame]) -> None:
        """Ends the job; its last event is sent after the last picture."""
        self._end = last

    def fail(self, error: AffektError) -> None:
        """Ends the job with an error; pictures that are not sent yet are dropped."""
        self._end = wire.encode(failed(self.job, error))
        self._has_failed = True

    def take_message(self) -> Sequence[Frame] | None:
        """The next message but pictures that can be sent now, or None."""
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
        """The piece to read now; None without credit, or while another one is being read."""
        if self._is_reading or self._credit == 0 or self._number >= len(self._pictures):
            return None
        if self._has_failed:
            return None
        self._is_reading = True
        self._credit -= 1
        file = self._pictures[self._number].file
        return Piece(self.job, self._turn, self._number, self._offset, file)

    def picture(self, piece: Piece, size: int, data: bytes) -> Picture | None:
        """The message with the piece, of a file of `size` bytes; None if no client waits for it
        any more."""
        if piece.turn != self._turn or not self._is_reading:
            return None
        self._is_reading = False
        named = self._pictures[piece.number] if piece.number < len(self._pictures) else None
        if named is None or self._has_failed:  # if begun again meanwhile, it is read again
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
    """The last event of a job that ended with an error."""
    return JobFailed(
        job=job, code=error.code, message=error.message[:4000], remedy=error.remedy[:4000]
    )


ESTIMATE_AFTER_S = 2.0
"""A new worker's first chunk is slow, and chunks from the cache are fast."""


@dataclass(slots=True)
class Estimator:
    """Adds the seconds left to a job's progress, by the rate of the stage so far."""

    job: str
    now: Callable[[], float] = field(default=time.monotonic)
    _stage: str = ""
    _since: float = 0.0
    _first: int = 0

    def progress(self, stage: str, done: int, total: int) -> Progress:
        """The message for `done` of `total`, with an estimate after `ESTIMATE_AFTER_S`."""
        if stage != self._stage or done < self._first:
            self._stage, self._since, self._first = stage, self.now(), done
        seconds, steps = self.now() - self._since, done - self._first
        is_known = steps > 0 and seconds >= ESTIMATE_AFTER_S
        left = seconds / steps * max(0, total - done) if is_known else None
        return Progress(job=self.job, stage=stage, done=done, total=total, seconds_left=left)
