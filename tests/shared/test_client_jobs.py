# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of a client with a real server and fake services."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits, messages
from affekt.shared.artefact import Artefact
from affekt.shared.camera import look_at
from affekt.shared.client import Client
from affekt.shared.emotion import constant_track
from affekt.shared.errors import AffektError, InputError
from affekt.shared.events import (
    BakeFinished,
    JobFailed,
    JobProgressed,
    PictureWritten,
    RenderFinished,
)
from affekt.shared.jobs import JobBook
from affekt.shared.motion import Motion
from affekt.shared.pictures import PictureRequest
from fakes.link import PNG, TAKE, Link, drain, make_take, running_server, wait_for


def code_of(error: pytest.ExceptionInfo[AffektError]) -> str:
    return error.value.code


# --- jobs -----------------------------------------------------------------------------------


def test_bake(link: Link, client: Client, take: Artefact, tmp_path: Path) -> None:
    job = client.start_bake(take, constant_track(6, 30, happy=1), frames=range(2, 5))
    link.rooms.steps.release(3)
    events = drain(client, job)
    assert [type(e) for e in events[-2:]] == [JobProgressed, BakeFinished]
    progress, finished = events[-2:]
    assert isinstance(progress, JobProgressed)
    assert (progress.stage, progress.done, progress.total) == ("modulate", 3, 3)
    assert isinstance(finished, BakeFinished)
    assert finished.start == 2
    np.testing.assert_allclose(finished.motion.expression, make_take(3).expression + 1)
    assert finished.vertices.name == "take.pc2"
    client.download(finished.vertices, tmp_path / "take.pc2")
    assert (tmp_path / "take.pc2").read_bytes() == b"POINTCACHE2"
    client.download(finished.baked, tmp_path / "baked.npz")
    assert not client.poll()


def test_progress_comes_while_it_runs(link: Link, client: Client, take: Artefact) -> None:
    job = client.start_bake(take, constant_track(6, 30))
    seen: list[int] = []

    def has_seen(done: int) -> bool:
        seen.extend(e.done for e in client.poll() if isinstance(e, JobProgressed))
        return bool(seen) and seen[-1] == done

    for done in range(1, 6):
        link.rooms.steps.release()
        wait_for(lambda done=done: has_seen(done), f"frame {done}")
        assert client.ping() < 5
    link.rooms.steps.release()
    drain(client, job)


def test_poll_and_start_never_wait(
    link: Link, client: Client, take: Artefact, capsys: pytest.CaptureFixture[str]
) -> None:
    """The promise to Blender's timer."""
    started = time.perf_counter()
    job = client.start_bake(take, constant_track(6, 30))
    started = time.perf_counter() - started
    polls: list[float] = []

    def one_poll() -> bool:
        link.rooms.steps.release()
        before = time.perf_counter()
        events = client.poll()
        polls.append(time.perf_counter() - before)
        return any(event.ends_job and event.job == job for event in events)

    wait_for(one_poll, "the bake")
    for _ in range(1000):
        one_poll()
    polls.sort()
    p99 = polls[int(0.99 * len(polls))]
    with capsys.disabled():
        print(f"\nstart_bake {1e3 * started:.2f} ms (at most 100)")
        print(f"poll p99 {1e6 * p99:.0f} us (at most 1000)")
    assert p99 < 0.001
    assert started < 0.1


def test_cancel_a_running_bake(link: Link, client: Client, take: Artefact) -> None:
    job = client.start_bake(take, constant_track(6, 30))
    assert link.rooms.started.wait(5)
    client.cancel(job)
    failed = drain(client, job)[-1]
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "job.cancelled"
    client.cancel(job)  # once more does nothing
    assert not client.poll()


def test_cancel_a_waiting_job(link: Link, client: Client, take: Artefact) -> None:
    first = client.start_bake(take, constant_track(6, 30))
    second = client.start_bake(take, constant_track(6, 30))
    assert link.rooms.started.wait(5)
    client.cancel(second)
    (failed,) = drain(client, second)
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "job.cancelled"
    link.rooms.steps.release(6)
    assert isinstance(drain(client, first)[-1], BakeFinished)


def test_short_calls_pass_a_bake(link: Link, client: Client, take: Artefact) -> None:
    """Those of the sockets' thread at once, those of the worker after the chunk under way."""
    job = client.start_bake(take, constant_track(6, 30))
    assert link.rooms.started.wait(5)
    assert client.status(timeout_s=5).jobs == 1
    read: list[Motion] = []
    reader = threading.Thread(target=lambda: read.append(client.read_take(take).motion))
    before = len(link.server.arrived)
    reader.start()
    wait_for(lambda: len(link.server.arrived) > before, "the request")
    link.rooms.steps.release()
    reader.join(10)
    assert len(read[0]) == 6
    assert client.jobs.is_running(job)


def test_a_job_that_cannot_start(client: Client, take: Artefact) -> None:
    job = client.start_bake(replace(take, sha256="0" * 64), constant_track(6, 30))
    (failed,) = drain(client, job)
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "link.no_artefact"


def test_a_bug_in_a_room(
    link: Link, client: Client, take: Artefact, caplog: pytest.LogCaptureFixture
) -> None:
    link.rooms.bug = True
    (failed,) = drain(client, client.start_bake(take, constant_track(6, 30)))
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "job.failed"
    assert "RuntimeError" in failed.error.message
    assert "a bug" in caplog.text
    link.rooms.bug = False
    link.rooms.steps.release(6)
    assert isinstance(
        drain(client, client.start_bake(take, constant_track(6, 30)))[-1], BakeFinished
    )


def test_render(link: Link, client: Client, take: Artefact, tmp_path: Path) -> None:
    """More pictures than there is credit for; each lies in the client's folder, whole."""
    folder = tmp_path / "pictures" / "new"
    link.rooms.steps.release(40)
    options = PictureRequest(width=64, frames=range(3, 33), passes=("combined", "depth"))
    job = client.start_render("open", take, folder, options)
    events = drain(client, job)
    finished = events[-1]
    assert isinstance(finished, RenderFinished)
    assert [p.name for p in finished.paths] == [f"frame_{i + 1:04d}.png" for i in range(3, 33)]
    assert len(list(folder.glob("[!.]*"))) == 60
    assert (folder / "depth_0004.png").read_bytes() == PNG + b"depth 3 64"
    written = [e for e in events if isinstance(e, PictureWritten)]
    assert [e.index for e in written if e.kind == "frame"] == list(range(3, 33))


def test_pictures_wait_for_credit(
    link: Link, client: Client, take: Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "p"
    send, credits_kept = client._channel.send, []

    def keep_credits(message, on_done) -> None:
        if isinstance(message, messages.Credit):
            credits_kept.append(message)
        else:
            send(message, on_done)

    monkeypatch.setattr(client._channel, "send", keep_credits)
    link.rooms.steps.release(40)
    job = client.start_render("open", take, folder, PictureRequest(frames=range(30)))
    done: list[int] = []

    def is_drawn() -> bool:
        done.extend(e.done for e in client.poll() if isinstance(e, JobProgressed))
        return bool(done) and done[-1] == 30

    wait_for(is_drawn, "the last picture to be drawn")
    wait_for(lambda: len(credits_kept) >= limits.PIECES_AHEAD, "what there was credit for")
    assert client.ping() < 5
    assert len(credits_kept) == limits.PIECES_AHEAD == len(list(folder.glob("[!.]*")))
    for message in credits_kept[:]:
        send(message, None)
    wait_for(lambda: len(credits_kept) >= 2 * limits.PIECES_AHEAD, "as many again")
    assert client.ping() < 5
    assert len(credits_kept) == 2 * limits.PIECES_AHEAD == len(list(folder.glob("[!.]*")))
    assert client.jobs.is_running(job)


def test_render_with_a_camera_and_an_avatar(
    link: Link, client: Client, take: Artefact, tmp_path: Path
) -> None:
    camera = look_at(
        target=np.zeros(3), distance=1, yaw_rad=0, pitch_rad=0, width=20, height=10, fov_y_rad=0.5
    )
    avatar = client.upload(b"zip", "avatar", "face.zip")
    link.rooms.steps.release(6)
    job = client.start_render(avatar, take, tmp_path, PictureRequest(cameras=(camera,)))
    assert isinstance(drain(client, job)[-1], RenderFinished)
    assert (tmp_path / "frame_0001.png").read_bytes() == PNG + b"frame 0 20"


def test_render_to_exr(link: Link, client: Client, take: Artefact, tmp_path: Path) -> None:
    link.rooms.steps.release(6)
    options = PictureRequest(format="exr", passes=("combined", "normal"), frames=range(2))
    events = drain(client, client.start_render("open", take, tmp_path / "p", options))
    assert isinstance(events[-1], RenderFinished)
    assert [path.name for path in events[-1].paths] == ["frame_0001.exr", "frame_0002.exr"]
    assert [e.kind for e in events if isinstance(e, PictureWritten)] == ["exr", "exr"]
    assert sorted(path.name for path in (tmp_path / "p").glob("[!.]*")) == [
        "frame_0001.exr",
        "frame_0002.exr",
    ]


def test_large_pictures_come_in_pieces(
    link: Link, client: Client, take: Artefact, tmp_path: Path
) -> None:
    link.rooms.picture_bytes = 2 * limits.CHUNK_BYTES + 17
    link.rooms.steps.release(6)
    job = client.start_render("open", take, tmp_path / "p")
    assert isinstance(drain(client, job)[-1], RenderFinished)
    expected = (PNG + b"frame 5 512").ljust(link.rooms.picture_bytes, b".")
    assert (tmp_path / "p" / "frame_0006.png").read_bytes() == expected
    assert len(list((tmp_path / "p").glob("[!.]*"))) == 6


def test_folder_that_vanishes(link: Link, client: Client, take: Artefact, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    job = client.start_render("open", take, folder)
    folder.rmdir()
    link.rooms.steps.release(6)
    failed = drain(client, job)[-1]
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "file.not_writable"


def test_folder_that_cannot_be(client: Client, take: Artefact, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        client.start_render("open", take, tmp_path / "file" / "pictures")
    assert code_of(caught) == "file.not_writable"


# --- jobs that outlive their client ---------------------------------------------------------


def test_a_bake_goes_on_without_its_connection(link: Link, tmp_path: Path) -> None:
    book = JobBook()
    with Client.connect(link.connection, book=book) as client:
        take = client.upload(TAKE, "motion", "take.json")
        job = client.start_bake(take, constant_track(6, 30))
        assert link.rooms.started.wait(5)
        link.rooms.started.clear()
    link.rooms.steps.release(6)
    with Client.connect(link.connection, book=book) as client:
        finished = drain(client, job)[-1]
        assert isinstance(finished, BakeFinished)
        client.download(finished.baked, tmp_path / "baked.npz")
    assert not link.rooms.started.is_set()  # it was not begun again


def test_a_render_goes_on_with_another_sidecar(tmp_path: Path) -> None:
    """The sidecar goes after two pictures; the next has the same cache, and gets no word of what
    was."""
    book, folder = JobBook(), tmp_path / "pictures"
    with running_server(tmp_path) as link:
        client = Client.connect(link.connection, book=book)
        take = client.upload(TAKE, "motion", "take.json")
        job = client.start_render("open", take, folder)
        link.rooms.steps.release(2)
        wait_for(lambda: (folder / "frame_0002.png").exists(), "two pictures")
        client.close()
    assert book.open_jobs() == (job,)
    first = (folder / "frame_0001.png").stat().st_mtime_ns
    with running_server(tmp_path) as link, Client.connect(link.connection, book=book) as client:
        link.rooms.steps.release(6)
        finished = drain(client, job)[-1]
        assert isinstance(finished, RenderFinished)
    assert [path.name for path in finished.paths] == [f"frame_{n:04d}.png" for n in range(1, 7)]
    assert (folder / "frame_0001.png").stat().st_mtime_ns == first


def test_another_client_takes_a_job_over(link: Link, client: Client, take: Artefact) -> None:
    job = client.start_bake(take, constant_track(6, 30))
    assert link.rooms.started.wait(5)
    with Client.connect(link.connection) as other:
        other.attach(job)
        link.rooms.steps.release(6)
        assert isinstance(drain(other, job)[-1], BakeFinished)
        assert client.jobs.is_running(job)
        client.attach("0" * 32)
        failed = drain(client, "0" * 32)[-1]
        assert isinstance(failed, JobFailed)
        assert failed.error.code == "link.no_job"
