# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says while the sidecar loads and compiles."""

from concurrent.futures import Future
from types import SimpleNamespace

from affekt.addon.link.tasks import Progress
from affekt.addon.link.warmth import LOOK_S, Warmth
from affekt.shared.errors import LinkError
from affekt.shared.messages import Status
from affekt.shared.supervisor import SupervisorState


class Line:
    """A connection whose answers a test gives."""

    def __init__(self) -> None:
        self.state = SupervisorState.CONNECTED
        self.asked: list[Future] = []

    def submit(self, call: object) -> Future:
        assert call(SimpleNamespace(status=lambda: "asked")) == "asked"
        self.asked.append(Future())
        return self.asked[-1]


def status(worker: str, compiled: int = 0, pieces: int = 0) -> Status:
    return Status(
        uptime_s=1,
        worker=worker,
        worker_restarts=0,
        device="cpu",
        clients=1,
        jobs=0,
        cache_bytes=0,
        cache_limit_bytes=1,
        memory_bytes=0,
        compiled=compiled,
        pieces=pieces,
    )


def told(line: Line, warmth: Warmth, answer: Status) -> Progress | None:
    warmth.step(line)
    line.asked[-1].set_result(answer)
    warmth.step(line)
    return warmth.progress


def test_it_asks_until_all_is_warm() -> None:
    clock = [0.0]
    line, warmth = Line(), Warmth(lambda: clock[0])
    assert warmth.progress is None
    assert told(line, warmth, status("starting")) == Progress(fraction=0.0, text="Loading")
    warmth.step(line)
    assert len(line.asked) == 1  # not before the second is over
    clock[0] += LOOK_S
    assert told(line, warmth, status("ready", 1, 4)) == Progress(
        fraction=0.25, text="Warming up: 2 of 4"
    )
    clock[0] += LOOK_S
    assert told(line, warmth, status("ready", 4, 4)) is None
    clock[0] += 10 * LOOK_S
    warmth.step(line)
    assert len(line.asked) == 3


def test_after_a_restart_it_asks_again() -> None:
    line, warmth = Line(), Warmth(lambda: 0.0)
    assert told(line, warmth, status("ready", 1, 4)) is not None
    line.state = SupervisorState.RESTARTING
    warmth.step(line)
    assert warmth.progress is None
    line.state = SupervisorState.CONNECTED
    assert told(line, warmth, status("ready")) is None
    assert len(line.asked) == 2
    warmth.step(None)
    assert warmth.progress is None


def test_who_cannot_tell_is_not_asked_again() -> None:
    clock = [0.0]
    line, warmth = Line(), Warmth(lambda: clock[0])
    warmth.step(line)
    line.asked[-1].set_exception(LinkError("link.protocol", "What?", "Update it."))
    clock[0] += 10 * LOOK_S
    warmth.step(line)
    warmth.step(line)
    assert warmth.progress is None
    assert len(line.asked) == 1


def test_a_worker_that_failed_is_not_waited_for() -> None:
    line, warmth = Line(), Warmth(lambda: 0.0)
    assert told(line, warmth, status("failed", 1, 4)) is None
