# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar of a photo as a job: what is asked, what is told, and that it survives its link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from affekt.shared import limits
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from affekt.shared.errors import InputError
from affekt.shared.events import AvatarFinished, JobFailed, JobProgressed
from affekt.shared.jobs import JobBook
from affekt.shared.messages import (
    Acknowledged,
    Attach,
    AvatarDone,
    CreateAvatar,
    Progress,
    RenderDone,
)
from fakes.job_script import NO_JOB, bake_done, failure_of
from fakes.link import Link, drain
from fakes.scripted import ScriptedSidecar

PHOTO = Artefact(sha256="a" * 64, kind="photo", name="me.at.sea.jpg", size=10)
OTHER_KINDS = ("bake_done", "render_done")


@pytest.fixture
def client(sidecar: ScriptedSidecar) -> Iterator[Client]:
    with Client.connect(sidecar.connection) as client:
        yield client


def done(job: str) -> AvatarDone:
    return AvatarDone(job=job, avatar="b" * 64, avatar_size=7, said="One face, sure to 97%.")


def test_what_is_asked_and_told(sidecar: ScriptedSidecar, client: Client) -> None:
    job = client.start_avatar(PHOTO, face=3)
    asked = sidecar.expect(CreateAvatar)
    assert (asked.job, asked.photo, asked.name, asked.face) == (job, "a" * 64, "me.at.sea.jpg", 3)
    sidecar.answer(CreateAvatar, Acknowledged())
    sidecar.tell(Progress(job=job, stage="growing-the-hair", done=6, total=8), done(job))
    progressed, finished = drain(client, job)
    assert isinstance(progressed, JobProgressed)
    assert (progressed.stage, progressed.done, progressed.total) == ("growing-the-hair", 6, 8)
    assert isinstance(finished, AvatarFinished)
    assert finished.said == "One face, sure to 97%."
    assert finished.avatar == Artefact(
        sha256="b" * 64, kind="avatar", name="me.at.sea.safetensors", size=7
    )
    client.start_avatar(PHOTO)
    plain = sidecar.expect(CreateAvatar)
    assert (plain.face, plain.more, plain.head, plain.head_space) == (None, (), "open", None)
    assert plain.backbone == "affekt"
    client.start_avatar(PHOTO, backbone="lam")
    assert sidecar.expect(CreateAvatar).backbone == "lam"
    side = Artefact(sha256="c" * 64, kind="photo", name="side.png", size=9)
    client.start_avatar(PHOTO, more=[side, PHOTO], head="d" * 64, head_space="flame2020")
    asked = sidecar.expect(CreateAvatar)
    assert (asked.more, asked.more_names) == (("c" * 64, "a" * 64), ("side.png", "me.at.sea.jpg"))
    assert (asked.head, asked.head_space) == ("d" * 64, "flame2020")


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_the_end_of_another_kind_of_job(
    sidecar: ScriptedSidecar, client: Client, kind: str
) -> None:
    job = client.start_avatar(PHOTO)
    sidecar.expect(CreateAvatar)
    sidecar.tell(bake_done(job) if kind == "bake_done" else RenderDone(job=job, pictures=0))
    assert failure_of(client, job).error.code == "link.protocol"


def test_it_is_asked_for_again_on_the_next_link(sidecar: ScriptedSidecar) -> None:
    """By a sidecar that was started again and knows nothing of it."""
    book = JobBook()
    with Client.connect(sidecar.connection, book=book) as first:
        job = first.start_avatar(PHOTO, face=2)
        asked = sidecar.expect(CreateAvatar)
    with Client.connect(sidecar.connection, book=book) as second:
        assert sidecar.expect(Attach).job == job
        sidecar.answer(Attach, NO_JOB)
        assert sidecar.expect(CreateAvatar) == asked
        sidecar.tell(done(job))
        assert isinstance(drain(second, job)[-1], AvatarFinished)


def test_through_a_server(link: Link) -> None:
    """The photo is handed over, the avatar fetched; a cancelled one ends as cancelled."""
    with Client.connect(link.connection) as client:
        photo = client.upload(b"jpeg", "photo", "me.jpg")
        job = client.start_avatar(photo, face=2)
        link.rooms.steps.release(2)
        *_, finished = drain(client, job)
        assert isinstance(finished, AvatarFinished)
        assert finished.said == "Face 2."
        link.rooms.steps.release(2)
        more = [client.upload(b"png", "photo", "side.png")]
        together = drain(client, client.start_avatar(photo, more=more))[-1]
        assert isinstance(together, AvatarFinished)
        assert together.said == "Face None. side.png: png"
        path = link.folder / "me.safetensors"
        client.download(finished.avatar, path)
        assert path.read_bytes() == b"avatar of jpeg"
        again = client.start_avatar(photo)
        client.cancel(again)
        failed = drain(client, again)[-1]
        assert isinstance(failed, JobFailed)
        assert failed.error.code == "job.cancelled"


def test_a_photo_has_its_own_limit(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.ARTEFACT_BYTES, "photo", 3)
    with Client.connect(link.connection) as client:
        with pytest.raises(InputError) as caught:
            client.upload(b"jpeg", "photo", "me.jpg")
        assert caught.value.code == "file.too_large"
