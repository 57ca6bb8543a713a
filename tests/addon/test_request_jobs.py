# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that lose their connection, or are let go, and what is sent for avatars and
characters; the other requests are in test_requests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.addon.link import requests
from affekt.addon.link.requests import FileBytes, HeadName
from affekt.addon.link.tasks import Progress
from affekt.shared import events
from affekt.shared.emotion import constant_track
from affekt.shared.errors import LinkError
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.motion.read import decode_motion

from .nouns import random_motion
from .test_requests import Client, Line, baked, progressed, run

HEAD = HeadName(name="open")
TRACK = constant_track(4, 30.0, happy=0.5)
AVATAR = FileBytes(name="face.zip", data=b"avatar")
FLAME = FileBytes(name="mine.pkl", data=b"flame")


class AvatarClient(Client):
    """What is asked for beyond takes."""

    def get_avatar(self, *asked: object, **options: object) -> str:
        self.asked.append((*asked, options))
        return "an avatar"

    def start_avatar(self, *asked: object, **options: object) -> str:
        self.asked.append((*asked, options))
        return "job 7"

    def calibrate(self, *asked: object) -> str:
        self.asked.append(asked)
        return "calibrated"


class SlowLine(Line):
    """A line whose calls wait until a test makes them."""

    def __init__(self, *clients: Client, **options: tuple[list[events.JobEvent], ...]) -> None:
        super().__init__(*clients, **options)
        self.waiting: list[tuple[Future, Callable[[Client], object]]] = []

    def submit(self, call: Callable[[Client], object]) -> Future:
        self.waiting.append((Future(), call))
        return self.waiting[-1][0]

    def work(self) -> None:
        """Makes the oldest call that waits."""
        answer, call = self.waiting.pop(0)
        assert self.client is not None
        answer.set_result(call(self.client))


@pytest.mark.parametrize(
    ("file", "flame", "asked", "text"),
    [
        (AVATAR, FLAME, ("avatar:face.zip", "flame:mine.pkl"), "Reading face.zip"),
        (AVATAR, None, ("avatar:face.zip", None), "Reading face.zip"),
        (None, None, (None, None), "Reading the avatar"),
    ],
)
def test_an_avatar_is_asked_for_with_the_flame_file_that_it_sits_on(
    file: FileBytes | None, flame: FileBytes | None, asked: tuple[str | None, ...], text: str
) -> None:
    client = AvatarClient()
    line = SlowLine(client)
    steps = requests.fetch_avatar(line, file, flame, "flame2023")
    assert next(steps) == Progress(fraction=0.0, text=text)
    line.work()
    assert run(steps)[0] == "an avatar"
    assert client.asked == [(*asked, {"flame_space": "flame2023"})]
    sent = {"avatar": file, "flame": flame}
    assert client.data == {kind: one.data for kind, one in sent.items() if one is not None}


def test_an_avatar_of_a_photo() -> None:
    client, photo = AvatarClient(), FileBytes(name="me.jpg", data=b"a photo")
    done = events.AvatarFinished(job="job 7", avatar=SimpleNamespace(), said="The larger face.")
    line = Line(client, happens=([done],))
    side, head = FileBytes(name="side.jpg", data=b"a side"), requests.HeadName(name="open")
    assert run(requests.create_avatar(line, [photo, side], 2, head, "lam"))[0] is done
    options = {"face": 2, "more": ["photo:side.jpg"], "head": "open", "head_space": None}
    options["backbone"] = "lam"
    assert client.asked == [("photo:me.jpg", options)]
    assert client.data == {"photo": b"a side"}


def test_what_was_made_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    client = Client()
    client.data["motion"] = b"what was made"
    line = SlowLine(client)
    steps = requests.keep(line, SimpleNamespace(name="me.safetensors"), tmp_path / "mine")
    assert next(steps).text == "Fetching me.safetensors"
    line.work()
    run(steps)
    assert (tmp_path / "mine").read_bytes() == b"what was made"


def test_a_face_is_measured_by_its_points_its_faces_and_its_shapes() -> None:
    client = AvatarClient()
    line = SlowLine(client)
    steps = requests.calibrate(line, "points", "faces", "shapes")  # type: ignore[arg-type]
    assert next(steps).text == "Measuring the face"
    line.work()
    assert run(steps)[0] == "calibrated"
    assert client.asked == [("points", "faces", "shapes")]


def test_a_rendering_sends_the_motion_itself() -> None:
    client, motion = Client(), random_motion(4)
    done = events.RenderFinished(job="job 7", folder=Path("out"), paths=())
    line = Line(client, happens=([done],))
    run(requests.render(line, "open", None, motion, PictureRequest(), Path("out"), HEAD))
    sent = decode_motion(client.data["motion"], "take.npz")
    np.testing.assert_array_equal(sent.expression, motion.expression)
    np.testing.assert_array_equal(sent.jaw, motion.jaw)


def test_a_moving_mesh_is_fetched_before_the_take(tmp_path: Path) -> None:
    """Some frames of it; the take comes back in its own space."""
    client = Client()
    done = baked()
    mesh = events.BakeFinished(
        job="job 7", start=1, motion="open", baked=done.baked, take=done.take, vertices="the mesh"
    )
    fetched: list[tuple[object, Path]] = []
    download = client.download

    def fetch(artefact: object, path: Path) -> None:
        fetched.append((artefact, path))
        download(artefact, path)

    client.download = fetch  # type: ignore[method-assign]
    line = Line(client, happens=([mesh],))
    motion = replace(random_motion(4), space="arkit")
    steps = requests.bake(
        line, motion, TRACK, HEAD, frames=range(1, 3), cache=tmp_path / "mesh.pc2"
    )
    answer, _ = run(steps)
    assert answer.space == "arkit"  # type: ignore[attr-defined]
    assert fetched[0] == ("the mesh", tmp_path / "mesh.pc2")
    assert (len(fetched), fetched[1][0]) == (2, done.take)
    assert client.asked[0][-1] == {"head": "open", "frames": range(1, 3), "vertices": True}


def test_a_call_that_nobody_waits_for_is_taken_back() -> None:
    line = SlowLine(Client())
    steps = requests.fetch_head(line, "open")
    next(steps)
    steps.close()
    ((answer, _),) = line.waiting
    assert answer.cancelled()


def test_a_job_that_is_let_go_just_as_it_starts_is_cancelled() -> None:
    """The call that starts it is under way and cannot be taken back any more."""
    client = Client()
    line = SlowLine(client)
    steps = requests.bake(line, random_motion(4), TRACK, HEAD)
    next(steps)
    line.work()  # the take is sent
    next(steps)
    ((answer, begin),) = line.waiting
    assert answer.set_running_or_notify_cancel()
    steps.close()
    assert line.cancelled == []
    begin(client)
    assert line.cancelled == ["job 7"]


class Restarts(Client):
    """Starts jobs of other numbers; the connection is lost over the first."""

    def __init__(self, job: str, *, is_lost: bool) -> None:
        super().__init__()
        self._job, self._is_lost = job, is_lost

    def start_bake(self, *asked: object, **options: object) -> str:
        super().start_bake(*asked, **options)
        return self._job


class LosesAnswers(Line):
    """The answer to the first start of a job is lost with its connection."""

    def submit(self, call: Callable[[Client], object]) -> Future:
        answer = super().submit(call)
        client = self.client
        if isinstance(client, Restarts) and client._is_lost and client.asked:
            client.is_open = False
            answer = Future()
            answer.set_exception(LinkError("link.closed", "It is gone.", "Wait."))
        return answer


def test_of_a_job_that_was_started_twice_the_second_counts() -> None:
    first, second = Restarts("job 1", is_lost=True), Restarts("job 2", is_lost=False)
    late = [baked("job 1"), progressed(1, 4, None, stage="modulation", job="job 2")]
    line = LosesAnswers(first, second, happens=(late, [baked("job 2")]))
    answer, shown = run(requests.bake(line, random_motion(4), TRACK, HEAD))
    assert answer == "of job 2"
    assert shown[-1] == Progress(fraction=0.25, text="Emotion 1/4")
    again = LosesAnswers(Restarts("job 1", is_lost=True), Restarts("job 2", is_lost=False))
    steps = requests.bake(again, random_motion(4), TRACK, HEAD)
    while next(steps).text != "Waiting for the sidecar":
        pass
    steps.close()
    assert again.cancelled == ["job 2"]


def test_a_job_that_goes_on_over_another_connection_says_so() -> None:
    first, second = Client(), Client()
    half = progressed(2, 4, None, stage="modulation")
    line = Line(first, second, happens=([half], [], [], [], [baked()]))
    steps = requests.bake(line, random_motion(4), TRACK, HEAD)
    assert next(steps) == Progress(fraction=0.5, text="Emotion 2/4")
    first.is_open = False
    shown = [next(steps) for _ in range(3)]
    assert shown[0].text == "Emotion 2/4"
    assert {one.text for one in shown[1:]} == {requests._AGAIN}
    assert {one.fraction for one in shown} == {0.5}
