# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in. Each defence has a control arm that shows the attack working without it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
from affekt.shared.client import Client
from affekt.shared.connection import FILE_NAME, Connection
from affekt.shared.errors import LinkError
from affekt.shared.messages import Hello, Ping, Welcome
from affekt.shared.wire import encode
from affekt.sidecar.server.authenticator import DOMAIN, LOCAL_USER, WORKER_DOMAIN, answer
from affekt.sidecar.server.sockets import make_keys, open_plain_router, open_router
from fakes.link import Link, RawClient, running_server, wait_for


def with_strange_keys(connection: Connection) -> Connection:
    keys = make_keys()
    return replace(connection, client_public_key=keys.public, client_secret_key=keys.secret)


def refused(connection: Connection) -> LinkError:
    with pytest.raises(LinkError) as caught:
        Client.connect(connection, timeout_s=5)
    return caught.value


def test_unknown_key_is_refused(link: Link, caplog: pytest.LogCaptureFixture) -> None:
    error = refused(with_strange_keys(link.connection))
    assert error.code == "link.refused"
    assert link.server.arrived == []
    assert "refused a connection from 127.0.0.1: Unknown key" in caplog.text


def test_the_right_key_is_not(link: Link) -> None:
    with Client.connect(link.connection) as client:
        client.ping()
    assert link.server.arrived


def test_authenticator_down_lets_nobody_in(link: Link) -> None:
    link.server.authenticator.stop()
    for connection in (with_strange_keys(link.connection), link.connection):
        assert refused(connection).code in ("link.refused", "link.timeout")
    assert link.server.arrived == []


def open_without_domain(context, keys):
    router = open_router(context, keys)
    router.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 0)
    return router


def test_control_without_enforcement_strangers_come_in(tmp_path: Path) -> None:
    """Why `ZAP_ENFORCE_DOMAIN` is set: libzmq fails open without it."""
    options = {"open_socket": open_without_domain, "user_of": lambda frame: LOCAL_USER}
    with running_server(tmp_path, **options) as link:
        link.server.authenticator.stop()

        def gets_in() -> bool:
            # For a moment libzmq still finds the authenticator's address, and refuses.
            with contextlib.suppress(LinkError):
                Client.connect(with_strange_keys(link.connection)).close()
            return bool(link.server.arrived)

        wait_for(gets_in, "a stranger to come in")


def test_no_encryption_is_refused(link: Link) -> None:
    with RawClient(link.connection, encrypted=False) as raw:
        with contextlib.suppress(zmq.Again):  # it may be closed before we can speak
            raw.socket.send_multipart(encode(Ping(), 1), flags=zmq.NOBLOCK)
        raw.wait_for_refusal()
    assert link.server.arrived == []


def open_naked(context, keys):
    return open_plain_router(context)


def test_control_without_security_anyone_is_heard(tmp_path: Path) -> None:
    options = {"open_socket": open_naked, "user_of": lambda frame: LOCAL_USER}
    with running_server(tmp_path, **options) as link:
        with RawClient(link.connection, encrypted=False) as raw:
            welcome = raw.ask(Hello(protocol=(3, 0), affekt="0.1.0"))
            assert isinstance(welcome, Welcome)
        assert link.server.arrived


def test_a_false_server_is_not_believed(link: Link) -> None:
    """The client pins the server's key."""
    error = refused(replace(link.connection, server_public_key=make_keys().public))
    assert error.code in ("link.refused", "link.unreachable")
    assert link.server.arrived == []


def test_fresh_keys_at_each_start(tmp_path: Path) -> None:
    connections = []
    for name in ("a", "b"):
        with running_server(tmp_path / name) as link:
            connections.append(link.connection)
            assert (tmp_path / name / "run" / FILE_NAME).exists()
        assert not (tmp_path / name / "run" / FILE_NAME).exists()
    first, second = connections
    assert first.server_public_key != second.server_public_key
    assert first.client_secret_key != second.client_secret_key


KEY = bytes(range(32))
ZAP = [b"1.0", b"7", DOMAIN, b"127.0.0.1", b"", b"CURVE", KEY]
GUESTS = {DOMAIN: {KEY: "anna"}.get, WORKER_DOMAIN: {bytes(32): "worker"}.get}


def test_zap_answer() -> None:
    """The user's name is what the messages carry from then on."""
    assert answer(ZAP, GUESTS) == [b"1.0", b"7", b"200", b"OK", b"anna", b""]


@pytest.mark.parametrize(
    "request_",
    [
        [],
        ZAP[:-1],
        [*ZAP, b""],
        [b"2.0", *ZAP[1:]],
        [*ZAP[:2], b"*", *ZAP[3:]],
        [*ZAP[:2], WORKER_DOMAIN, *ZAP[3:]],
        [*ZAP[:5], b"NULL", KEY],
        [*ZAP[:5], b"PLAIN", KEY],
        [*ZAP[:6], bytes(32)],
    ],
)
def test_zap_refusal(request_: list[bytes]) -> None:
    assert answer(request_, GUESTS)[2] == b"400"
