# SPDX-License-Identifier: GPL-3.0-or-later
"""Two users of a server that was started with `--remote`, with trusted keys from a file. That
users see nothing of each other is in test_users.py; here are the ways around it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from affekt.shared import limits, messages
from affekt.shared.connection import FILE_NAME, Connection, remote_connection
from affekt.shared.conversions import track_fields
from affekt.shared.emotion import constant_track
from affekt.shared.messages import Acknowledged, ArtefactState, Failure, Hello, Message, Welcome
from affekt.sidecar.server import key_files
from affekt.sidecar.server.key_files import TrustedKeys
from affekt.sidecar.server.keys import make_keys
from affekt.sidecar.server.sockets import ClientEndpoint
from fakes.link import TAKE, Link, RawClient, running_server, wait_for

HELLO = Hello(protocol=limits.PROTOCOL_VERSION, affekt="0.1.0")
SHA256 = hashlib.sha256(TAKE).hexdigest()
JOB = "ab" * 16


@dataclass
class Studio:
    """A server that anna and ben may use, and both at it."""

    link: Link
    anna: RawClient
    ben: RawClient
    connections: dict[str, Connection]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    pairs = {"anna": make_keys(), "ben": make_keys()}
    for name, pair in pairs.items():
        key_files.trust(tmp_path / "keys", name, pair.public)
    keys = key_files.server_keys(tmp_path / "keys")
    endpoint = ClientEndpoint(keys=keys, trust=TrustedKeys(tmp_path / "keys"))
    with running_server(tmp_path, endpoint=endpoint) as link:
        connections = {
            name: remote_connection(
                link.server.endpoint,
                server_public_key=keys.public,
                client_public_key=pair.public,
                client_secret_key=pair.secret,
            )
            for name, pair in pairs.items()
        }
        with RawClient(connections["anna"]) as anna, RawClient(connections["ben"]) as ben:
            for client in (anna, ben):
                assert isinstance(client.ask(HELLO), Welcome)
            yield Studio(link, anna, ben, connections)


def code_of(message: Message) -> str:
    assert isinstance(message, Failure), message
    return message.code


def upload(client: RawClient, data: bytes = TAKE) -> None:
    state = client.ask(
        messages.Upload(
            kind="motion",
            name="take.json",
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            offset=0,
            data=data,
        )
    )
    assert isinstance(state, ArtefactState)
    assert state.is_complete


def bake(job: str = JOB) -> messages.Bake:
    track = track_fields(constant_track(6, 30))
    return messages.Bake(**track, motion=SHA256, name="take.json", head="open", job=job)


def state_for(client: RawClient) -> tuple[int, bool]:
    state = client.ask(messages.FindArtefact(sha256=SHA256))
    assert isinstance(state, ArtefactState)
    return state.received, state.is_complete


def test_no_connection_file_is_written(studio: Studio) -> None:
    assert studio.link.connection is None
    assert not (studio.link.folder / "run" / FILE_NAME).exists()


def test_half_of_an_upload_is_nobody_elses(studio: Studio) -> None:
    half = messages.Upload(
        kind="motion", name="t", sha256=SHA256, size=len(TAKE), offset=0, data=TAKE[:5]
    )
    assert isinstance(studio.anna.ask(half), ArtefactState)
    assert state_for(studio.anna) == (5, False)
    assert state_for(studio.ben) == (0, False)


def test_a_bake_of_anothers_file_fails(studio: Studio) -> None:
    upload(studio.anna)
    for client, job in ((studio.anna, JOB), (studio.ben, "cd" * 16)):
        assert isinstance(client.ask(bake(job)), Acknowledged)
    studio.link.rooms.steps.release(100)
    assert not isinstance(studio.anna.end_of(JOB), messages.JobFailed)
    failed = studio.ben.end_of("cd" * 16)
    assert isinstance(failed, messages.JobFailed)
    assert failed.code == "link.no_artefact"


def test_who_knows_a_jobs_id_does_not_have_the_job(studio: Studio) -> None:
    """Nor can anyone take its id, or end it."""
    upload(studio.anna)
    upload(studio.ben)
    assert isinstance(studio.anna.ask(bake()), Acknowledged)
    wait_for(studio.link.rooms.started.is_set, "the bake")
    attach = messages.Attach(job=JOB, credit=1)
    assert code_of(studio.ben.ask(attach)) == "link.no_job"
    assert isinstance(studio.ben.ask(bake()), Failure)
    studio.ben.ask(messages.Cancel(job=JOB))
    studio.link.rooms.steps.release(100)
    assert isinstance(studio.anna.end_of(JOB), messages.BakeDone)


def test_control_the_owner_may_do_all_that(studio: Studio) -> None:
    upload(studio.anna)
    assert isinstance(studio.anna.ask(bake()), Acknowledged)
    with RawClient(studio.connections["anna"]) as again:
        again.ask(HELLO)
        assert isinstance(again.ask(messages.Attach(job=JOB, credit=1)), Acknowledged)
        assert isinstance(again.ask(messages.Cancel(job=JOB)), Acknowledged)
        failed = again.end_of(JOB)
        assert isinstance(failed, messages.JobFailed)
        assert failed.code == "job.cancelled"


def test_a_forgotten_user_is_refused_while_the_others_work(studio: Studio) -> None:
    key_files.forget(studio.link.folder / "keys", "ben")
    with RawClient(studio.connections["ben"]) as ben:
        ben.wait_for_refusal()
    with RawClient(studio.connections["anna"]) as anna:
        assert isinstance(anna.ask(HELLO), Welcome)
