# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a real server with fake services, and against servers that are not
there, lie, or say nothing."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits, messages
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from affekt.shared.connection import Connection
from affekt.shared.emotion import constant_track
from affekt.shared.errors import AffektError, InputError, LinkError
from affekt.shared.events import JobFailed, PreviewReady
from fakes.head import small_head
from fakes.link import TAKE, Link, SpyServer, drain, make_take, running_server, wait_for


def code_of(error: pytest.ExceptionInfo[AffektError]) -> str:
    return error.value.code


# --- short calls ----------------------------------------------------------------------------


def test_hello(client: Client) -> None:
    assert client.is_open
    assert client.welcome.protocol == limits.PROTOCOL_VERSION
    assert "bake" in client.welcome.capabilities


def test_ping(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = sorted(client.ping() for _ in range(500))
    with capsys.disabled():
        print(f"\nping: p50 {1e3 * seconds[250]:.2f} ms, p99 {1e3 * seconds[495]:.2f} ms")
        print("p50 is at most 5 ms")
    assert statistics.median(seconds) < 0.005


def test_upload_and_download(client: Client, tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(limits.CHUNK_BYTES * 2 + 17)
    artefact = client.upload(data, "avatar", "face.zip")
    assert artefact.size == len(data)
    client.download(artefact, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert [p.name for p in tmp_path.glob("*back*")] == ["back"]


def test_upload_twice_sends_once(link: Link, client: Client) -> None:
    first = client.upload(TAKE, "motion", "a.json")
    before = len(link.server.arrived)
    assert client.upload(TAKE, "motion", "b.json").sha256 == first.sha256
    assert len(link.server.arrived) == before + 1


def test_upload_of_nothing(client: Client, tmp_path: Path) -> None:
    artefact = client.upload(b"", "motion", "empty.json")
    client.download(artefact, tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""


def test_names_lose_their_folders(client: Client) -> None:
    assert client.upload(TAKE, "motion", "../a/b\\c\n.json").name == ".._a_b_c_.json"


def test_file_that_is_too_large(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.ARTEFACT_BYTES, "motion", 10)
    with pytest.raises(InputError) as caught:
        client.upload(b"x" * 11, "motion", "big")
    assert code_of(caught) == "file.too_large"


def test_download_to_where_nothing_can_be(client: Client, take: Artefact, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        client.download(take, tmp_path / "none" / "file")
    assert code_of(caught) == "file.not_writable"


def test_read_motion(client: Client, take: Artefact) -> None:
    motion, expected = client.read_take(take).motion, make_take()
    np.testing.assert_array_equal(motion.expression, expected.expression)
    assert (motion.fps, motion.space, motion.eyelids) == (30.0, "open", None)


def test_errors_of_the_rooms_arrive_as_they_are(client: Client) -> None:
    wrong = client.upload(b"cat video", "motion", "cat.mp4")
    with pytest.raises(InputError) as caught:
        client.read_take(wrong)
    assert code_of(caught) == "file.wrong_kind"
    assert str(caught.value) == "cat.mp4 is no motion. Give a motion."


def test_artefact_that_the_sidecar_does_not_have(client: Client, take: Artefact) -> None:
    with pytest.raises(LinkError) as caught:
        client.read_take(replace(take, sha256="0" * 64))
    assert code_of(caught) == "link.no_artefact"


def test_head(client: Client) -> None:
    head, expected = client.get_head(), small_head()
    assert head.expression_names == expected.expression_names
    np.testing.assert_array_equal(head.pose_basis, expected.pose_basis)
    np.testing.assert_array_equal(head.uv, expected.uv)
    with pytest.raises(InputError) as caught:
        client.get_head("closed")
    assert code_of(caught) == "head.unknown"


# --- servers that are not there, or odd -----------------------------------------------------


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_no_server(link: Link) -> None:
    gone = replace(link.connection, endpoint=f"tcp://127.0.0.1:{closed_port()}")
    started = time.monotonic()
    with pytest.raises(LinkError) as caught:
        Client.connect(gone)
    assert code_of(caught) == "link.unreachable"
    assert "Start the sidecar" in caught.value.remedy
    assert time.monotonic() - started < 3


def test_someone_else_listens(link: Link) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(LinkError) as caught:
            Client.connect(
                replace(link.connection, endpoint=f"tcp://127.0.0.1:{port}"), timeout_s=0.3
            )
    assert code_of(caught) == "link.timeout"


def test_another_major(link: Link) -> None:
    with pytest.raises(LinkError) as caught:
        Client.connect(replace(link.connection, protocol=(0, 9), affekt="0.0.9"))
    assert code_of(caught) == "link.version"
    assert "Update the sidecar to Affekt 0.1.0" in caught.value.remedy


class SilentServer(SpyServer):
    def _dispatch(self, owner, session, request_id, request):
        if isinstance(request, messages.Ping):
            return None
        return super()._dispatch(owner, session, request_id, request)


def test_server_that_says_nothing(tmp_path: Path) -> None:
    with running_server(tmp_path, SilentServer) as link, Client.connect(link.connection) as client:
        with pytest.raises(LinkError) as caught:
            client.ping(timeout_s=0.1)
        assert code_of(caught) == "link.timeout"
        assert client.get_head().name == "small"


class WrongServer(SpyServer):
    def _dispatch(self, owner, session, request_id, request):
        if isinstance(request, messages.Ping):
            return messages.Acknowledged()
        return super()._dispatch(owner, session, request_id, request)


def test_server_that_answers_something_else(tmp_path: Path) -> None:
    with running_server(tmp_path, WrongServer) as link, Client.connect(link.connection) as client:
        with pytest.raises(LinkError) as caught:
            client.ping()
        assert code_of(caught) == "link.protocol"


def test_server_that_dies_during_a_job(tmp_path: Path) -> None:
    with running_server(tmp_path) as link:
        client = Client.connect(link.connection)
        take = client.upload(TAKE, "motion", "take.json")
        job = client.start_bake(take, constant_track(6, 30))
        assert link.rooms.started.wait(5)
    failed = drain(client, job)[-1]
    assert isinstance(failed, JobFailed)
    assert failed.error.code == "link.unreachable"
    assert not client.is_open
    with pytest.raises(LinkError) as caught:
        client.ping()
    assert code_of(caught) == "link.unreachable"
    late = client.start_bake(take, constant_track(6, 30))
    assert isinstance(drain(client, late)[-1], JobFailed)
    client.cancel(late)
    client.close()


# --- previews -------------------------------------------------------------------------------


def next_previews(client: Client, count: int) -> list[PreviewReady]:
    events: list[PreviewReady] = []

    def have_come() -> bool:
        for event in client.poll():
            assert isinstance(event, PreviewReady), event
            events.append(event)
        return len(events) >= count

    wait_for(have_come, "previews")
    return events


def test_previews(link: Link, client: Client, take: Artefact) -> None:
    track = constant_track(6, 30, happy=0.5)
    client.start_preview(take, track, 3, vertices=True)
    (event,) = next_previews(client, 1)
    assert (event.frame, event.expression[0]) == (3, 0.5)
    assert event.vertices is not None
    assert event.pixels is None


def test_previews_through_shared_memory(
    link: Link, client: Client, take: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared: list[bool] = []
    read = client._previews._memory.read
    monkeypatch.setattr(
        client._previews._memory, "read", lambda *given: shared.append(True) or read(*given)
    )
    for frame in range(6):
        client.start_preview(take, constant_track(6, 30), frame, size=(40, 30))
        (event,) = next_previews(client, 1)
        assert event.frame == frame
        assert event.pixels is not None
        assert event.pixels.shape == (30, 40, 4)
        assert (event.pixels == frame).all()
    assert shared


def test_a_slider_shows_its_last_place(link: Link, client: Client, take: Artefact) -> None:
    link.rooms.holds_previews = True
    for frame in (0, 1, 2, 3, 4, 5) * 20:
        client.start_preview(take, constant_track(6, 30), frame)
    link.rooms.looks.release(200)
    shown: list[int] = []

    def is_shown() -> bool:
        shown.extend(event.frame for event in client.poll())
        return bool(shown) and shown[-1] == 5

    wait_for(is_shown, "the last preview")
    assert len(link.rooms.previewed) < 10


def test_status(client: Client, take: Artefact) -> None:
    status = client.status()
    assert (status.worker, status.worker_restarts, status.clients) == ("ready", 0, 1)
    assert 0 <= status.cache_bytes <= status.cache_limit_bytes == limits.CACHE_BYTES


def test_shutdown(link: Link, client: Client) -> None:
    client.shutdown()
    assert link.server.stopped.wait(5)


def test_close_with_work_under_way_is_quick(link: Link, tmp_path: Path) -> None:
    client = Client.connect(link.connection)
    take = client.upload(TAKE, "motion", "take.json")
    client.start_bake(take, constant_track(6, 30))
    started = time.monotonic()
    client.close()
    client.close()
    assert time.monotonic() - started < 0.5
    assert "affekt-channel" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(LinkError) as caught:
        client.ping()
    assert code_of(caught) == "link.closed"


def test_connection_is_needed_whole(link: Link) -> None:
    strange: Connection = replace(link.connection, client_secret_key="0" * 40)
    with pytest.raises(LinkError) as caught:
        Client.connect(strange)
    assert code_of(caught) == "link.refused"
