# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs against a sidecar that does whatever it likes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.shared import limits, wire
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from affekt.shared.emotion import constant_track
from affekt.shared.events import BakeFinished, Event, JobProgressed, PictureWritten, RenderFinished
from affekt.shared.messages import (
    Acknowledged,
    Attach,
    Bake,
    Cancel,
    Credit,
    Failure,
    Progress,
    Render,
    RenderDone,
)
from affekt.shared.messages import JobFailed as JobFailedMessage
from affekt.shared.pictures import PictureRequest
from fakes.job_script import (
    NO_JOB,
    TAKE,
    bake_done,
    failure_of,
    picture,
    progress,
    start_bake,
    start_render,
)
from fakes.link import drain, wait_for
from fakes.scripted import ScriptedSidecar

ADAPTER = Artefact(sha256="e" * 64, kind="adapter", name="flame.npz", size=5)


@pytest.fixture
def client(sidecar: ScriptedSidecar) -> Iterator[Client]:
    with Client.connect(sidecar.connection) as client:
        yield client


# --- events ---------------------------------------------------------------------------------


def test_a_bake(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    request = sidecar.expect(Bake)
    assert (request.job, request.vertices, request.frames) == (job, True, None)
    sidecar.answer(Bake, Acknowledged())
    sidecar.tell(progress(job, 3), bake_done(job))
    *_, finished = drain(client, job)
    assert isinstance(finished, BakeFinished)
    assert finished.baked.name == "take.baked.npz"
    assert client.jobs.open_jobs() == ()


def test_what_a_bake_asks_for_and_tells(sidecar: ScriptedSidecar, client: Client) -> None:
    """Each hash, size and number in its place."""
    take = replace(TAKE, name="a.talk.csv")
    job = client.start_bake(
        take, constant_track(9, 24, sad=0.5), adapter=ADAPTER, head="flame", frames=range(2, 5)
    )
    asked = sidecar.expect(Bake)
    assert (asked.motion, asked.name, asked.adapter) == ("a" * 64, "a.talk.csv", "e" * 64)
    assert (asked.head, asked.frames, asked.fps) == ("flame", (2, 5), 24)
    assert asked.weights.tolist() == [[0, 0.5, 0, 0, 0, 0]] * 9
    told = Progress(job=job, stage="vertices", done=1, total=3, seconds_left=4.5)
    sidecar.tell(told, bake_done(job))
    progressed, finished = drain(client, job)
    assert isinstance(progressed, JobProgressed)
    assert (progressed.stage, progressed.done, progressed.total) == ("vertices", 1, 3)
    assert progressed.seconds_left == 4.5
    assert isinstance(finished, BakeFinished)
    assert finished.start == 2
    assert len(finished.motion) == 3
    made = (finished.baked, finished.take, finished.vertices)
    assert made == (
        Artefact(sha256="b" * 64, kind="motion", name="a.talk.baked.npz", size=1),
        Artefact(sha256="c" * 64, kind="motion", name="a.talk.take.npz", size=2),
        Artefact(sha256="d" * 64, kind="vertices", name="a.talk.pc2", size=3),
    )


def test_a_take_without_an_ending_gives_names_too(sidecar: ScriptedSidecar, client: Client) -> None:
    job = client.start_bake(replace(TAKE, name="talk"), constant_track(6, 30))
    sidecar.expect(Bake)
    sidecar.tell(bake_done(job))
    finished = drain(client, job)[-1]
    assert isinstance(finished, BakeFinished)
    assert (finished.baked.name, finished.take.name) == ("talk.baked.npz", "talk.take.npz")


def test_what_a_rendering_asks_for(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path
) -> None:
    avatar = Artefact(sha256="f" * 64, kind="avatar", name="face.zip", size=7)
    pictures = PictureRequest(width=20, height=10, frames=range(1, 3))
    client.start_render(avatar, TAKE, tmp_path, pictures, adapter=ADAPTER)
    asked = sidecar.expect(Render)
    assert (asked.avatar, asked.avatar_name, asked.head) == ("f" * 64, "face.zip", None)
    assert (asked.motion, asked.name, asked.adapter) == ("a" * 64, "take.json", "e" * 64)
    assert (asked.width, asked.height, asked.frames) == (20, 10, (1, 3))
    assert (asked.pictures, asked.credit) == (0, 8)
    client.start_render("open", TAKE, tmp_path)
    asked = sidecar.expect(Render)
    assert (asked.avatar, asked.avatar_name, asked.head) == (None, None, "open")
    assert (asked.adapter, asked.frames, asked.width, asked.format) == (None, None, 512, "png")


def test_a_bake_without_vertices(sidecar: ScriptedSidecar, client: Client) -> None:
    job = client.start_bake(TAKE, constant_track(6, 30), vertices=False)
    assert sidecar.expect(Bake).vertices is False
    sidecar.tell(replace(bake_done(job), vertices=None, vertices_size=0))
    finished = drain(client, job)[-1]
    assert isinstance(finished, BakeFinished)
    assert finished.vertices is None


def test_what_comes_twice_or_after_the_end(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    sidecar.answer(Bake, Acknowledged(), times=3)
    sidecar.tell(bake_done(job), bake_done(job), progress(job, 6))
    sidecar.tell(JobFailedMessage(job=job, code="job.failed", message="No.", remedy="No."))
    drain(client, job)
    sidecar.answer(Bake, NO_JOB)
    assert client.ping() < 5
    assert client.poll() == []


def test_events_of_jobs_that_are_not_ours(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    other = "f" * 32
    sidecar.tell(progress(other, 1), bake_done(other), picture(other, 0, b"abcd"))
    sidecar.tell(bake_done(job))
    assert [event.job for event in drain(client, job)] == [job]
    assert Credit.TYPE not in sidecar.heard


def test_a_sidecar_that_refuses_the_job(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    sidecar.answer(Bake, Failure(code="job.too_many", message="Too many.", remedy="Wait."))
    assert failure_of(client, job).error.code == "job.too_many"


def test_a_job_that_is_answered_with_nonsense(sidecar: ScriptedSidecar, client: Client) -> None:
    job = start_bake(client)
    sidecar.expect(Bake)
    sidecar.answer(Bake, bake_done(job))
    assert failure_of(client, job).error.code == "link.protocol"


@pytest.mark.parametrize("kind", ["bake", "render"])
def test_an_end_that_the_job_cannot_have(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path, kind: str
) -> None:
    if kind == "bake":
        job = start_bake(client)
        sidecar.expect(Bake)
        sidecar.tell(RenderDone(job=job, pictures=0))
    else:
        job = start_render(client, tmp_path)
        sidecar.expect(Render)
        sidecar.tell(bake_done(job))
    assert failure_of(client, job).error.code == "link.protocol"
    assert sidecar.expect(Cancel).job == job


def test_events_that_nobody_fetches_do_not_pile_up(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    jobs = [start_bake(client) for _ in range(2)]
    sidecar.expect(Bake)
    for done in range(2000):
        sidecar.tell(*(progress(job, done % 7, stage) for job in jobs for stage in "ab"))
    client.ping(timeout_s=120)  # its answer comes behind all of them, however slow the machine is
    events = client.poll()
    assert len(events) == 4
    assert all(isinstance(event, JobProgressed) for event in events)


def test_progress_stands_where_its_newest_came(sidecar: ScriptedSidecar, client: Client) -> None:
    first, second = (start_bake(client) for _ in range(2))
    sidecar.expect(Bake)
    sidecar.tell(progress(first, 1), progress(second, 4), progress(first, 2))
    client.ping(timeout_s=120)  # its answer comes behind all of them
    told = [(event.job, event.done) for event in client.poll() if isinstance(event, JobProgressed)]
    assert told == [(second, 4), (first, 2)]


def test_arrays_that_change_after_the_start(sidecar: ScriptedSidecar, client: Client) -> None:
    sidecar.is_deaf = True
    track = constant_track(6, 30, happy=1)
    client.start_bake(TAKE, track)
    track.weights[:] = 0
    sidecar.is_deaf = False
    assert (sidecar.expect(Bake).weights[:, 0] == 1).all()


def spoiled(frames: list[bytes], chance: random.Random) -> list[bytes]:
    """A byte changed, a frame cut, doubled, left out or put elsewhere."""
    spoilt = [bytearray(frame) for frame in frames]
    frame = chance.choice(spoilt)
    match chance.randrange(5):
        case 0:
            frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
        case 1:
            del frame[chance.randrange(len(frame)) :]
        case 2:
            spoilt.append(frame)
        case 3:
            spoilt.remove(frame)
        case _:
            chance.shuffle(spoilt)
    return [bytes(frame) for frame in spoilt] or [b""]


@pytest.mark.parametrize("seed", range(10))
def test_spoiled_events_end_in_words_and_not_in_a_crash(
    sidecar: ScriptedSidecar, seed: int, tmp_path: Path
) -> None:
    """Whatever comes, each job ends once, and with an error of ours or its result."""
    chance = random.Random(seed)
    for turn in range(10):
        with Client.connect(sidecar.connection) as client:
            bake, render = start_bake(client), start_render(client, tmp_path / str(turn))
            sidecar.expect(Render)
            for message in (
                progress(bake, 1),
                picture(render, 0, b"abcd"),
                bake_done(bake),
                RenderDone(job=render, pictures=1),
            ):
                frames = [bytes(frame) for frame in wire.encode(message)]
                sidecar.tell_frames(spoiled(frames, chance))
            for job in (bake, render):
                client.cancel(job)
            sidecar.tell(*(failed_message(job) for job in (bake, render)))
            events: list[Event] = []

            def has_ended(client: Client = client, events: list[Event] = events) -> bool:
                events.extend(client.poll())
                return not client.jobs.open_jobs()

            wait_for(has_ended, "the end of both jobs")
            events.extend(client.poll())
            ends = [event.job for event in events if event.ends_job]
            assert sorted(ends) == sorted((bake, render))


def failed_message(job: str) -> JobFailedMessage:
    return JobFailedMessage(job=job, code="job.cancelled", message="It was.", remedy="None.")


# --- pictures -------------------------------------------------------------------------------


def test_a_render_in_pieces_with_a_credit_for_each(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path
) -> None:
    job = start_render(client, tmp_path)
    request = sidecar.expect(Render)
    assert (request.pictures, request.credit) == (0, limits.PIECES_AHEAD)
    sidecar.answer(Render, Acknowledged())
    for number in range(3):
        sidecar.tell(picture(job, number, b"ab"))
        assert sidecar.expect(Credit).count == 1
        assert not (tmp_path / f"frame_{number + 1:04d}.png").exists()
        sidecar.tell(picture(job, number, b"cd", offset=2))
        assert sidecar.expect(Credit).count == 1
    sidecar.tell(RenderDone(job=job, pictures=3))
    events = drain(client, job)
    assert [e.index for e in events if isinstance(e, PictureWritten)] == [0, 1, 2]
    finished = events[-1]
    assert isinstance(finished, RenderFinished)
    assert [path.read_bytes() for path in finished.paths] == [b"abcd"] * 3
    assert len(list(tmp_path.glob("[!.]*"))) == 3


@pytest.mark.parametrize("wrong", [{"offset": 3}, {"number": 5}, {"data": b"too long"}])
def test_a_piece_out_of_order_ends_the_job(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path, wrong: dict
) -> None:
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    sidecar.tell(picture(job, 0, b"ab"), replace(picture(job, 0, b"cd", offset=2), **wrong))
    assert failure_of(client, job).error.code == "link.protocol"
    assert sidecar.expect(Cancel).job == job
    assert not list(tmp_path.iterdir())
    assert client.is_open


def test_a_picture_that_comes_again(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path
) -> None:
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    sidecar.tell(picture(job, 0, b"abcd"), picture(job, 0, b"evil"))
    assert failure_of(client, job).error.code == "link.protocol"
    assert (tmp_path / "frame_0001.png").read_bytes() == b"abcd"


def test_an_end_before_all_pictures_came(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path
) -> None:
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    sidecar.tell(picture(job, 0, b"abcd"), RenderDone(job=job, pictures=3))
    error = failure_of(client, job).error
    assert error.code == "link.protocol"
    assert "1 of 3 pictures came" in error.message


def test_a_disk_that_is_full(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    sidecar.tell(picture(job, 0, b"abcd"))
    sidecar.expect(Credit)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("affekt.shared.picture_files.replace_file", full)
    sidecar.tell(picture(job, 1, b"abcd"))
    error = failure_of(client, job).error
    assert error.code == "file.not_writable"
    assert "No space left" in error.message
    assert sidecar.expect(Cancel).job == job
    assert [path.name for path in tmp_path.glob("[!.]*")] == ["frame_0001.png"]


# --- jobs of other clients ------------------------------------------------------------------


def test_attach_to_a_bake(sidecar: ScriptedSidecar, client: Client) -> None:
    job = "7" * 32
    client.attach(job)
    client.attach(job)
    assert sidecar.expect(Attach).job == job
    sidecar.answer(Attach, Acknowledged())
    sidecar.tell(progress(job, 4), bake_done(job))
    *_, finished = drain(client, job)
    assert isinstance(finished, BakeFinished)
    assert finished.baked.name == "take.baked.npz"
    assert sidecar.heard.count(Attach.TYPE) == 1


def test_attach_to_a_render(sidecar: ScriptedSidecar, client: Client, tmp_path: Path) -> None:
    job = "7" * 32
    client.attach(job, tmp_path / "new")
    sidecar.expect(Attach)
    sidecar.answer(Attach, Acknowledged())
    sidecar.tell(picture(job, 0, b"abcd"), RenderDone(job=job, pictures=1))
    finished = drain(client, job)[-1]
    assert isinstance(finished, RenderFinished)
    assert [path.name for path in finished.paths] == ["frame_0001.png"]


def test_attach_to_a_render_without_a_folder(sidecar: ScriptedSidecar, client: Client) -> None:
    """It ends here; the sidecar keeps it for who comes with a folder."""
    job = "7" * 32
    client.attach(job)
    sidecar.expect(Attach)
    sidecar.tell(picture(job, 0, b"abcd"))
    assert failure_of(client, job).error.code == "option.folder"
    client.ping()
    assert Cancel.TYPE not in sidecar.heard


def test_attach_to_nothing(sidecar: ScriptedSidecar, client: Client) -> None:
    client.attach("7" * 32)
    sidecar.expect(Attach)
    sidecar.answer(Attach, NO_JOB)
    assert failure_of(client, "7" * 32).error.code == "link.no_job"


# --- the user's thread ----------------------------------------------------------------------


def test_nothing_that_the_users_thread_calls_waits(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures stream in, one job after the other is started and cancelled, and nobody answers:
    the promise to Blender's timer."""
    job = start_render(client, tmp_path)
    sidecar.expect(Render)
    is_over = threading.Event()

    def stream() -> None:
        number = 0
        while not is_over.wait(0.001):
            sidecar.tell(picture(job, number, bytes(200_000), size=200_000))
            number += 1

    streaming = threading.Thread(target=stream)
    streaming.start()
    took: dict[str, list[float]] = {"poll": [], "start_bake": [], "cancel": []}

    def timed(name: str, call) -> object:
        started = time.perf_counter()
        result = call()
        took[name].append(time.perf_counter() - started)
        return result

    try:
        for turn in range(1000):
            timed("poll", client.poll)
            if turn % 20 == 0:
                begun = timed("start_bake", lambda: start_bake(client, frames=2000))
                timed("cancel", lambda job=begun: client.cancel(job))
            is_over.wait(0.0005)
    finally:
        is_over.set()
        streaming.join(10)
    p99 = {name: sorted(times)[int(0.99 * len(times))] for name, times in took.items()}
    with capsys.disabled():
        print("\n" + ", ".join(f"{name} p99 {1e3 * s:.2f} ms" for name, s in p99.items()))
        print("poll at most 5 ms, the others 100")
    assert p99["poll"] < 0.005
    assert max(p99.values()) < 0.1
