# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent for each request, and what is shown while it is under way; the sidecar's line is of
cardboard. `scripts/waits.py` does the same with a real supervisor inside Blender."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.addon.link import requests, tasks
from affekt.addon.link.requests import FileBytes, HeadName
from affekt.addon.link.tasks import Progress, Task, end_task, running_task, start_task
from affekt.shared import events
from affekt.shared.emotion import constant_track
from affekt.shared.errors import AffektError, InputError, JobError, LinkError
from affekt.shared.motion import ReadOptions
from affekt.shared.pictures import PictureRequest
from affekt.shared.supervisor import SupervisorState
from affekt.sidecar.motion.read import decode_motion

from .nouns import random_motion

OPEN, HEAD = HeadName(name="open"), HeadName(name="flame-head")
FLAME = HeadName(name="ab" * 32, space="flame2020")
GONE = LinkError("link.unreachable", "The sidecar has gone.", "Start it.")


class Client:
    """Notes what it is asked for. An upload's answer is KIND:NAME."""

    def __init__(self) -> None:
        self.is_open = True
        self.asked: list[tuple[object, ...]] = []
        self.data: dict[str, bytes] = {}

    def upload(self, data: bytes, kind: str, name: str) -> str:
        self.data[kind] = data
        return f"{kind}:{name}"

    def get_head(self, name: str) -> str:
        self.asked.append(("head", name))
        return f"head {name}"

    def read_take(self, *asked: object, space: str, head: str) -> str:
        assert head == "open"
        self.asked.append((*asked, space))
        return "the take"

    def download(self, artefact: object, path: Path) -> None:
        """Any file is the take that was sent."""
        path.write_bytes(self.data["motion"])

    def start_bake(self, *asked: object, **options: object) -> str:
        self.asked.append((*asked, options))
        return "job 7"

    def start_render(self, *asked: object, **options: object) -> str:
        self.asked.append((*asked, options))
        return "job 7"


class Line:
    """A line over which calls are answered at once. events: what each look finds."""

    def __init__(self, *clients: Client, happens: tuple[list[events.JobEvent], ...] = ()) -> None:
        self._clients = list(clients)
        self._happens = list(happens)
        self.client: Client | None = self._clients.pop(0)
        self.is_lasting, self.error = True, None
        self.state = SupervisorState.CONNECTED
        self.cancelled: list[str] = []

    def submit(self, call: Callable[[Client], object]) -> Future:
        answer: Future = Future()
        try:
            assert self.client is not None
            answer.set_result(call(self.client))
        except LinkError as error:
            answer.set_exception(error)
        return answer

    def step(self) -> SupervisorState:
        if self.client is not None and not self.client.is_open and self._clients:
            self.client = self._clients.pop(0)
        return self.state

    def describe(self) -> str:
        return "starting again in 4 s"

    def take_events(self) -> list[events.JobEvent]:
        return self._happens.pop(0) if self._happens else []

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)


def run(steps: requests.Waiting) -> tuple[object, list[Progress]]:
    """The answer, and what was shown on the way."""
    shown: list[Progress] = []
    while True:
        try:
            shown.append(next(steps))
        except StopIteration as end:
            return end.value, shown
        assert len(shown) < 20


def progressed(done: int, total: int, left_s: float | None, *, stage: str, job: str = "job 7"):
    return events.JobProgressed(job=job, stage=stage, done=done, total=total, seconds_left=left_s)


def baked(job: str = "job 7") -> events.BakeFinished:
    artefact = SimpleNamespace()
    return events.BakeFinished(
        job=job, start=0, motion=f"of {job}", baked=artefact, take=artefact, vertices=None
    )


TRACK = constant_track(4, 30.0, happy=0.5)


def bake(line: Line) -> requests.Waiting:
    return requests.bake(line, random_motion(4), TRACK, HEAD)


def test_a_head_is_asked_for_by_its_name() -> None:
    client = Client()
    assert run(requests.fetch_head(Line(client), "open-gaussians"))[0] == "head open-gaussians"


def test_a_take_is_read_with_its_adapter_and_what_was_said_of_it() -> None:
    client, options = Client(), ReadOptions(fps=24.0)
    take, adapter = FileBytes(name="a.csv", data=b"take"), FileBytes(name="b.npz", data=b"adapter")
    assert run(requests.read_take(Line(client), take, adapter, options, OPEN))[0] == "the take"
    assert client.asked == [("motion:a.csv", "adapter:b.npz", options, "open")]
    assert client.data == {"motion": b"take", "adapter": b"adapter"}
    run(requests.read_take(Line(client), take, None, options, OPEN, "arkit"))
    assert client.asked[1] == ("motion:a.csv", None, options, "arkit")


class FlameClient(Client):
    """holds: whether the sidecar has the FLAME file."""

    def __init__(self, *, holds: bool) -> None:
        super().__init__()
        self._holds = holds

    def holds(self, sha256: str) -> bool:
        assert sha256 == FLAME.name
        return self._holds

    def upload(self, data: bytes, kind: str, name: str) -> SimpleNamespace:
        super().upload(data, kind, name)
        return SimpleNamespace(sha256=FLAME.name)

    def get_head(self, name: str, **options: object) -> str:
        self.asked.append((name, options))
        return "a FLAME head"

    def read_take(self, *asked: object, **options: object) -> str:
        self.asked.append(options)
        return "the take"


FLAME_FILE = FileBytes(name="mine.pkl", data=b"a pickle, as it is")


def test_a_flame_file_is_sent_as_bytes_and_called_by_their_hash() -> None:
    client = FlameClient(holds=False)
    answer, _ = run(requests.fetch_flame(Line(client), FLAME_FILE, "flame2020"))
    assert answer == (FLAME.name, "a FLAME head")
    assert client.data == {"flame": FLAME_FILE.data}
    assert client.asked == [(FLAME.name, {"head_space": "flame2020", "file_name": "mine.pkl"})]
    run(requests.fetch_flame_again(Line(client), FLAME))
    assert client.asked[1] == (FLAME.name, {"head_space": "flame2020"})


@pytest.mark.parametrize("holds", [True, False])
def test_a_flame_file_is_sent_again_only_where_it_is_lost(holds: bool) -> None:
    client, reads = FlameClient(holds=holds), []
    run(requests.send_flame(Line(client), FLAME.name, lambda: reads.append(1) or FLAME_FILE))
    assert (len(reads), client.data) == ((0, {}) if holds else (1, {"flame": FLAME_FILE.data}))


@pytest.mark.parametrize("has_adapter", [True, False])
def test_an_avatar_is_read_while_it_is_sent(has_adapter: bool) -> None:
    client, adapter = Client(), FileBytes(name="flame.npz", data=b"adapter")
    read = {"avatar": FileBytes(name="face.zip", data=b"avatar"), "adapter": adapter}
    steps = requests.send_avatar(
        Line(client), lambda: read["avatar"], (lambda: adapter) if has_adapter else None
    )
    assert client.data == {}
    helper = "adapter:flame.npz" if has_adapter else None
    assert run(steps)[0] == ("avatar:face.zip", helper)
    assert client.data == {
        kind: file.data for kind, file in read.items() if kind == "avatar" or has_adapter
    }


def test_takes_bakes_and_pictures_name_the_flame_head() -> None:
    client, take = FlameClient(holds=True), FileBytes(name="a.json", data=b"take")
    named = {"head": FLAME.name, "head_space": "flame2020"}
    run(requests.read_take(Line(client), take, None, ReadOptions(), FLAME))
    run(requests.bake(Line(client, happens=([baked()],)), random_motion(4), TRACK, FLAME))
    done = events.RenderFinished(job="job 7", folder=Path("out"), paths=())
    drawn = (FLAME.name, None, random_motion(4), PictureRequest(), Path("out"), FLAME)
    run(requests.render(Line(client, happens=([done],)), *drawn))
    assert client.asked[0] == named | {"space": "open"}
    assert client.asked[1][-1] == {**named, "frames": None, "vertices": False}
    assert client.asked[2][-1] == {**named, "adapter": None}


def test_a_bake_sends_the_motion_and_returns_its_own_result() -> None:
    client, motion = Client(), random_motion(4)
    line = Line(client, happens=([baked("job 6")], [baked()]))  # the first: cancelled long ago
    answer, _ = run(requests.bake(line, motion, TRACK, HEAD))
    assert answer == "of job 7"
    options = {"head": "flame-head", "frames": None, "vertices": False}
    assert client.asked == [("motion:take.npz", TRACK, options)]
    sent = decode_motion(client.data["motion"], "take.npz")
    np.testing.assert_array_equal(sent.expression, motion.expression)


def test_a_bake_of_arkit_weights_comes_back_as_such() -> None:
    client = Client()
    motion = replace(random_motion(4), space="arkit")
    answer, _ = run(requests.bake(Line(client, happens=([baked()],)), motion, TRACK, OPEN))
    assert answer.space == "arkit"
    np.testing.assert_array_equal(answer.expression, motion.expression)


@pytest.mark.parametrize("subject", ["open-gaussians", FileBytes(name="c.zip", data=b"avatar")])
def test_a_rendering_sends_avatar_take_and_adapter(subject: FileBytes | str) -> None:
    client, pictures = Client(), PictureRequest(frames=range(1, 3))
    folder, adapter = Path("pictures"), FileBytes(name="b.npz", data=b"adapter")
    paths = (folder / "frame_0002.png", folder / "frame_0003.png")
    done = events.RenderFinished(job="job 7", folder=folder, paths=paths)
    line = Line(client, happens=([done],))
    steps = requests.render(line, subject, adapter, random_motion(4), pictures, folder, OPEN)
    assert run(steps)[0] == paths
    shown = "avatar:c.zip" if isinstance(subject, FileBytes) else "open-gaussians"
    assert client.asked == [
        (shown, "motion:take.npz", folder, pictures, {"adapter": "adapter:b.npz"})
    ]
    assert client.data["adapter"] == b"adapter"


@pytest.mark.parametrize(
    ("event", "fraction", "text"),
    [
        (progressed(3, 12, None, stage="modulation"), 0.25, "Emotion 3/12"),
        (progressed(3, 12, 7.6, stage="vertices"), 0.25, "Mesh 3/12, 8 s left"),
        (progressed(3, 12, 0.4, stage="pictures"), 0.25, "Pictures 3/12"),
        (progressed(3, 12, 99.0, stage="pictures"), 0.25, "Pictures 3/12, 99 s left"),
        (progressed(3, 12, 725.0, stage="pictures"), 0.25, "Pictures 3/12, 12 min left"),
        (progressed(1, 5, 1.4, stage="restart"), 0.2, "Starting again 1/5, 1 s left"),
        (
            progressed(1, 2, 3.2, stage="adapter"),
            0.5,
            "Learning this head: step 1/2, 3 s left",  # the sidebar's bar has no room for more
        ),
        (progressed(0, 0, None, stage="lips"), 0.0, "Lips 0/0"),
    ],
)
def test_progress_is_told_in_words(event: events.JobProgressed, fraction: float, text: str) -> None:
    _, shown = run(bake(Line(Client(), happens=([event], [], [baked()]))))
    assert shown == [Progress(fraction=fraction, text=text)] * 2  # also while nothing comes


@pytest.mark.parametrize(
    ("text", "at_s", "shown"),
    [
        ("Reading a.npz", 104.9, "Reading a.npz"),
        ("Reading a.npz", 112.4, "Reading a.npz, 12 s"),
        ("Pictures 3/12, 8 s left", 112.4, "Pictures 3/12, 8 s left"),
    ],
)
def test_what_stands_still_shows_a_sign_of_life(
    monkeypatch: pytest.MonkeyPatch, text: str, at_s: float, shown: str
) -> None:
    now = [0.0]
    monkeypatch.setattr(tasks, "time", SimpleNamespace(monotonic=lambda: now[0]))
    steps = iter([Progress(fraction=0.5, text=text)] * 3)
    task = Task("Import Take", (step for step in steps))
    for now[0] in (100.0, 103.0):
        task.step()
    now[0] = at_s
    assert task.progress == Progress(fraction=0.5, text=shown)


def test_a_job_that_fails_raises_its_error() -> None:
    error = JobError("job.failed", "The bake broke off.", "Try again.")
    line = Line(Client(), happens=([events.JobFailed(job="job 7", error=error)],))
    with pytest.raises(JobError) as caught:
        run(bake(line))
    assert caught.value is error
    assert line.cancelled == []


def test_esc_cancels_the_job_that_was_started() -> None:
    line = Line(Client())
    steps = bake(line)
    assert next(steps).text == "Waiting for the sidecar"
    steps.close()
    assert line.cancelled == ["job 7"]


class BreaksOff(Client):
    """Is lost by its first call, or says an error and stays. is_lost: which."""

    def __init__(self, *, is_lost: bool) -> None:
        super().__init__()
        self._is_lost = is_lost

    def get_head(self, name: str) -> str:
        self.is_open = not self._is_lost
        raise GONE


def test_a_call_that_was_cut_off_is_made_again_on_the_next_connection() -> None:
    line = Line(BreaksOff(is_lost=True), BreaksOff(is_lost=True), Client())
    answer, shown = run(requests.fetch_head(line, "open"))
    assert answer == "head open"
    assert {progress.text for progress in shown} == {"Loading the head"}


def test_an_error_of_a_connection_that_is_there_is_final() -> None:
    line = Line(BreaksOff(is_lost=False), Client())
    with pytest.raises(LinkError) as caught:
        run(requests.fetch_head(line, "open"))
    assert caught.value is GONE


def test_a_line_that_has_ended_says_why() -> None:
    for error, code in ((GONE, "link.unreachable"), (None, "link.closed")):
        line = Line(Client())
        line.client, line.is_lasting, line.error = None, False, error
        line.state = SupervisorState.FAILED
        with pytest.raises(AffektError) as caught:
            run(requests.fetch_head(line, "open"))
        assert caught.value.code == code


def test_what_the_sidecar_does_is_shown_while_it_is_away() -> None:
    line = Line(Client(), happens=([progressed(1, 4, None, stage="modulation")], [], [baked()]))
    line.state = SupervisorState.RESTARTING
    _, shown = run(bake(line))
    assert shown == [Progress(fraction=0.25, text="Sidecar: starting again in 4 s")] * 2


# --- tasks ---------------------------------------------------------------------------------------


def two_steps(said: list[str]):
    try:
        yield Progress(fraction=0.5, text="half")
    finally:
        said.append("cleared up")
    return "done"


def test_a_task_goes_on_by_steps_to_its_sentence() -> None:
    task = Task("Bake", two_steps([]))
    assert (task.progress, task.result) == (Progress(fraction=0.0, text="Bake"), "")
    assert not task.step()
    assert task.progress == Progress(fraction=0.5, text="half")
    assert task.step()
    assert task.result == "done"
    assert Task("Bake", two_steps([])).run() == "done"


def test_a_script_waits_between_steps_that_were_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after one that was work: then the next follows at once."""
    now, waits = [100.0], list[float]()

    def working():
        yield Progress(fraction=0.1, text="looks")
        now[0] += 3
        yield Progress(fraction=0.9, text="works")
        return "done"

    monkeypatch.setattr(tasks.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(tasks.time, "sleep", waits.append)
    assert Task("Bake", working()).run() == "done"
    assert waits == [pytest.approx(tasks.POLL_SECONDS), 0.0]


def test_one_task_at_a_time() -> None:
    said: list[str] = []
    task = start_task(Task("Bake", two_steps(said)))
    try:
        assert running_task() is task
        task.step()
        with pytest.raises(JobError, match=r"^Bake is still under way\.") as caught:
            start_task(Task("Import", two_steps([])))
        assert caught.value.code == "job.busy"
        assert running_task() is task
    finally:
        end_task()
    assert said == ["cleared up"]
    assert running_task() is None
    end_task()  # and once more does nothing


def test_an_error_ends_a_task() -> None:
    def fail():
        yield Progress(fraction=0.0, text="")
        raise InputError("motion.no_take", "There is none.", "Import one.")

    with pytest.raises(InputError) as caught:
        Task("Bake", fail()).run()
    assert caught.value.code == "motion.no_take"
