# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of one server see nothing of each other; clients of one user share what is theirs. The
control arm of each wall is the same request by the same user's other client."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.shared import messages
from affekt.shared.connection import Connection
from affekt.shared.conversions import track_fields
from affekt.shared.emotion import constant_track
from affekt.shared.messages import Acknowledged, ArtefactState, Failure, Message, MotionRead
from affekt.shared.pixels import default_pixel_folder
from affekt.sidecar.server.authenticator import LOCAL_USER, PinnedKeys
from affekt.sidecar.server.client_socket import Incoming
from affekt.sidecar.server.sockets import ClientEndpoint, make_keys
from fakes.link import HELLO, TAKE, Link, RawClient, running_server, wait_for

JOB = "ab" * 16
MOTION = hashlib.sha256(TAKE).hexdigest()


class House:
    """A server with a local user and anna, and clients of theirs."""

    def __init__(self, link: Link, connections: dict[str, Connection]) -> None:
        self.link = link
        self.connections = connections
        self.clients: list[RawClient] = []

    def client(self, user: str) -> RawClient:
        raw = RawClient(self.connections[user])
        self.clients.append(raw)
        raw.ask(HELLO)
        return raw


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    local, anna = make_keys(), make_keys()
    trust = PinnedKeys({local.public: LOCAL_USER, anna.public: "anna"})
    endpoint = ClientEndpoint(keys=make_keys(), trust=trust, client=local)
    with running_server(tmp_path, endpoint=endpoint) as link:
        hers = replace(
            link.connection, client_public_key=anna.public, client_secret_key=anna.secret
        )
        house = House(link, {LOCAL_USER: link.connection, "anna": hers})
        yield house
        for raw in house.clients:
            raw.__exit__()


def code(message: Message) -> str:
    return message.code if isinstance(message, Failure) else ""


def test_artefacts(house: House) -> None:
    mine, mine_too, hers = (house.client(user) for user in (LOCAL_USER, LOCAL_USER, "anna"))
    mine.upload(TAKE)
    read = messages.ReadMotion(motion=MOTION, name="take.json")
    download = messages.Download(sha256=MOTION, offset=0)
    for request in (read, download):
        assert code(mine_too.ask(request)) == ""
        assert code(hers.ask(request)) == "link.no_artefact"
    states = [raw.ask(messages.FindArtefact(sha256=MOTION)) for raw in (mine_too, hers)]
    assert [state.is_complete for state in states] == [True, False]
    assert isinstance(states[1], ArtefactState)
    assert states[1].received == 0
    hers.upload(TAKE)
    assert isinstance(hers.ask(read), MotionRead)
    folders = {path.name for path in (house.link.folder / "cache" / "users").iterdir()}
    assert folders == {LOCAL_USER, "anna"}


def test_jobs(house: House) -> None:
    mine, mine_too, hers = (house.client(user) for user in (LOCAL_USER, LOCAL_USER, "anna"))
    mine.upload(TAKE)
    track = track_fields(constant_track(6, 30))
    mine.ask(messages.Bake(**track, job=JOB, motion=MOTION, name="take.json", head="open"))
    attach = messages.Attach(job=JOB, credit=1)
    assert code(hers.ask(attach)) == "link.no_job"
    hers.ask(messages.Cancel(job=JOB))
    mine_too.ask(messages.Cancel(job=JOB))  # the same user's, and yet not this client's
    assert house.link.server._scheduler.open_jobs() == 1
    assert mine_too.ask(attach) == Acknowledged()
    mine_too.ask(messages.Cancel(job=JOB))
    assert house.link.server._scheduler.open_jobs() == 0


def test_shutdown_is_for_who_sits_here(house: House) -> None:
    mine, hers = house.client(LOCAL_USER), house.client("anna")
    assert code(hers.ask(messages.Shutdown())) == "link.not_allowed"
    assert not house.link.server.stopped.is_set()
    assert mine.ask(messages.Shutdown()) == Acknowledged()
    wait_for(house.link.server.stopped.is_set, "the end")


def test_shared_memory_is_for_who_sits_here(house: House) -> None:
    mine, hers = house.client(LOCAL_USER), house.client("anna")
    request = messages.OpenPixels(slots=1, slot_bytes=4)
    assert code(hers.ask(request)) == "pixels.remote"
    assert code(mine.ask(request)) == ""


def test_a_routing_id_is_no_identity(house: House) -> None:
    """Clients choose it: who comes by another's, after that has left, finds nothing of his."""
    server, mine = house.link.server, house.client(LOCAL_USER)
    name = next(iter(server._sessions))
    mine.upload(TAKE)
    track = track_fields(constant_track(6, 30))
    mine.ask(messages.Bake(**track, job=JOB, motion=MOTION, name="take.json", head="open"))
    opened = mine.ask(messages.OpenPixels(slots=1, slot_bytes=4))
    assert isinstance(opened, messages.PixelsOpened)
    assert server._scheduler.owner(JOB) == name
    session = server._sessions[name]
    server._mailbox.put(lambda: server._handle(Incoming(name, "anna", [memoryview(b"")])))
    wait_for(lambda: server._sessions[name] is not session, "another session")
    assert (server._sessions[name].user, server._sessions[name].has_greeted) == ("anna", False)
    # His job goes on, and its events go to nobody; his memory is gone.
    assert (server._scheduler.owner(JOB), server._scheduler.open_jobs()) == (None, 1)
    assert not (default_pixel_folder() / opened.name).exists()
    assert code(mine.ask(messages.Ping())) == "link.no_hello"


def test_who_was_not_let_in_has_no_session(house: House) -> None:
    server, mine = house.link.server, house.client(LOCAL_USER)
    server._mailbox.put(lambda: server._handle(Incoming(b"x", "", [memoryview(b"")])))
    mine.ask(messages.Ping())
    assert list(server._sessions) != [b"x"]
    assert b"x" not in server._sessions


def test_errors_name_no_path_of_the_server(house: House) -> None:
    """Neither those of the server's process nor those of the worker's."""
    hers = house.client("anna")
    hers.upload(TAKE)
    users = house.link.folder / "cache" / "users"
    (users / "anna" / "artefacts").rename(users / "artefacts")
    (users / "anna" / "artefacts").write_text("no folder")
    failures = [
        hers.ask(hers.upload_of(b"another")),
        hers.ask(messages.ReadMotion(motion=MOTION, name="take.json")),
    ]
    assert [code(failure) for failure in failures] == ["job.disk"] * 2
    for failure in failures:
        assert isinstance(failure, Failure)
        assert "/" not in failure.message + failure.remedy
