# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to links and sidecars, in whatever order: each job ends once, and what it was
to make is there. No sockets: the book and a model of a sidecar."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from affekt.shared.errors import AffektError, LinkError
from affekt.shared.events import JobEvent, JobFailed, PictureWritten, RenderFinished
from affekt.shared.jobs import JobBook
from affekt.shared.messages import (
    Acknowledged,
    Attach,
    Cancel,
    Credit,
    Message,
    Picture,
    Render,
    RenderDone,
)
from affekt.shared.messages import JobFailed as JobFailedMessage
from hypothesis import example, given, settings
from hypothesis import strategies as st

PICTURES = 3
SIZE = 5
OnDone = Callable[[Future[Message]], None] | None


def content(job: str, number: int) -> bytes:
    return f"{job[0]}{number:04d}".encode()


@dataclass
class Work:
    """A job as the sidecar knows it: the next piece, and how many may go."""

    number: int
    credit: int
    offset: int = 0


@dataclass
class ModelSidecar:
    """A link, and the sidecar behind it: it does one thing at a time, when it is told to, and
    speaks of a job only to the link that has asked for it."""

    book: JobBook
    works: dict[str, Work] = field(default_factory=dict)
    asked: deque[tuple[Message, OnDone]] = field(default_factory=deque)
    lost: LinkError | None = None
    told: set[str] = field(default_factory=set)

    def send(self, message: Message, on_done: OnDone) -> None:
        if self.lost is None:
            self.asked.append((message, on_done))
        else:
            _settle(on_done, self.lost)

    def serve(self) -> bool:
        """Answers one request."""
        if not self.asked:
            return False
        message, on_done = self.asked.popleft()
        _settle(on_done, self._do(message))
        return True

    def step(self) -> bool:
        """Says the next thing about each job; False if there was none."""
        spoke = [self._step(job, work) for job, work in list(self.works.items())]
        return any(spoke)

    def lose(self) -> None:
        """The link breaks; the works stay."""
        self.lost = LinkError("link.unreachable", "It has gone.", "Start it.")
        for _, on_done in self.asked:
            _settle(on_done, self.lost)
        self.book.leave(self)

    def _do(self, message: Message) -> AffektError | None:
        if isinstance(message, Render | Attach):
            self.told.add(message.job)
        if isinstance(message, Render):
            self.works[message.job] = Work(message.pictures, message.credit)
        elif isinstance(message, Attach):
            if message.job not in self.works:
                return LinkError("link.no_job", "There is no such job.", "Start it again.")
            self.works[message.job] = Work(message.pictures, message.credit)
        elif isinstance(message, Credit) and message.job in self.works:
            self.works[message.job].credit += message.count
        elif isinstance(message, Cancel) and self.works.pop(message.job, None) is not None:
            self.book.handle(
                self,
                JobFailedMessage(job=message.job, code="job.cancelled", message="X.", remedy="Y."),
            )
        return None

    def _step(self, job: str, work: Work) -> bool:
        if job not in self.told:
            return False
        if work.number == PICTURES:
            del self.works[job]
            self.book.handle(self, RenderDone(job=job, pictures=PICTURES))
            return True
        if work.credit == 0:
            return False
        work.credit -= 1
        piece = content(job, work.number)[work.offset : work.offset + 2]
        self.book.handle(
            self,
            Picture(
                job=job,
                number=work.number,
                index=work.number,
                kind="frame",
                size=SIZE,
                offset=work.offset,
                data=piece,
            ),
        )
        work.offset += len(piece)
        if work.offset == SIZE:
            work.number, work.offset = work.number + 1, 0
        return True


def _settle(on_done: OnDone, error: AffektError | None) -> None:
    if on_done is not None:
        answer: Future[Message] = Future()
        if error is None:
            answer.set_result(Acknowledged())
        else:
            answer.set_exception(error)
        on_done(answer)


ACTIONS = st.lists(
    st.sampled_from(
        ["start", "serve", "serve", "step", "step", "step", "lose", "connect", "restart", "cancel"]
    ),
    max_size=60,
)


# A link that is lost before it has passed a cancellation on.
@example(actions=["connect", "start", "serve", "lose", "cancel", "connect", "lose"])
@settings(max_examples=300)
@given(actions=ACTIONS)
def test_each_job_ends_once_and_whole(actions: list[str]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        book = JobBook()
        link: ModelSidecar | None = None
        works: dict[str, Work] = {}
        jobs: list[str] = []
        cancelled: set[str] = set()
        for action in actions:
            if action == "start" and len(jobs) < 4:
                jobs.append(f"{len(jobs):x}" * 32)
                book.start(render(jobs[-1]), folder / jobs[-1][0])
            elif action == "cancel" and jobs:
                cancelled.add(jobs[-1])
                book.cancel(jobs[-1])
            elif action == "lose" and link is not None:
                link.lose()
                works, link = link.works, None
            elif action in ("connect", "restart") and link is None:
                link = ModelSidecar(book, works if action == "connect" else {})
                book.adopt(link)
            elif action == "serve" and link is not None:
                link.serve()
            elif action == "step" and link is not None:
                link.step()
        run_to_the_end(book, link or adopted(ModelSidecar(book, works)))
        check(book.take_events(), folder, jobs, cancelled)


def adopted(link: ModelSidecar) -> ModelSidecar:
    link.book.adopt(link)
    return link


def run_to_the_end(book: JobBook, link: ModelSidecar) -> None:
    for _ in range(500):
        if not (link.serve() or link.step()):
            break
    assert book.open_jobs() == ()
    assert not link.works


def check(events: list[JobEvent], folder: Path, jobs: list[str], cancelled: set[str]) -> None:
    assert sorted(event.job for event in events if event.ends_job) == sorted(jobs)
    written = [(e.job, e.index) for e in events if isinstance(e, PictureWritten)]
    assert len(written) == len(set(written))
    for end in (event for event in events if event.ends_job):
        pictures = sorted((folder / end.job[0]).glob("[!.]*"))
        assert not [path for path in pictures if path.suffix != ".png"]
        for number, path in enumerate(pictures):
            assert path.read_bytes() == content(end.job, number)
        if isinstance(end, JobFailed):
            assert end.job in cancelled
            assert end.error.code == "job.cancelled"
        else:
            assert isinstance(end, RenderFinished)
            assert len(pictures) == len(end.paths) == PICTURES


def render(job: str) -> Render:
    return Render(
        job=job, head="open", motion="a" * 64, name="take.json", width=8, height=8, credit=2
    )
