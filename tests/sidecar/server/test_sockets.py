# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sockets: who may connect where, under whose name, and when no longer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
from affekt.shared.connection import Connection, remote_connection
from affekt.shared.errors import LinkError
from affekt.sidecar.server import key_files
from affekt.sidecar.server.key_files import TrustedKeys
from affekt.sidecar.server.keys import KeyPair, make_keys
from affekt.sidecar.server.sockets import ClientEndpoint, ServerSockets, local_endpoint
from affekt.sidecar.worker.orders import WorkerAccess
from fakes.strangers import DEADLINE_S, count_let_in, knocking, wear_the_keys


@contextmanager
def opened(endpoint: ClientEndpoint) -> Iterator[ServerSockets]:
    with zmq.Context() as context:
        sockets = ServerSockets(context, endpoint)
        sockets.clients.rcvtimeo = sockets.worker.rcvtimeo = int(1000 * DEADLINE_S)
        try:
            yield sockets
        finally:
            sockets.close(linger_ms=0)


def client_of(endpoint: str, server_key: str, pair: KeyPair) -> Connection:
    return remote_connection(
        endpoint,
        server_public_key=server_key,
        client_public_key=pair.public,
        client_secret_key=pair.secret,
    )


def worker_of(access: WorkerAccess) -> Connection:
    pair = KeyPair(public=access.public_key, secret=access.secret_key)
    return client_of(access.endpoint, access.server_public_key, pair)


def gets_in(connection: Connection) -> bool:
    return count_let_in(connection, [wear_the_keys]) == 1


def user_at(socket: zmq.Socket, connection: Connection) -> str:
    """Whose message it is that this client sends."""
    with zmq.Context() as context, knocking(context, connection, wear_the_keys):
        frames = socket.recv_multipart(copy=False)
    return frames[-1].get("User-Id")


def test_each_door_has_its_own_keys() -> None:
    """Only the worker may connect to its socket, and it may not connect to the clients'."""
    endpoint = local_endpoint()
    assert endpoint.client is not None
    with opened(endpoint) as sockets:
        access = sockets.grant_worker_access()
        client = client_of(sockets.endpoint, endpoint.keys.public, endpoint.client)
        worker = worker_of(access)
        assert user_at(sockets.clients, client) == "local"
        assert user_at(sockets.worker, worker).startswith("worker")
        at_the_back = replace(client, endpoint=worker.endpoint)
        assert not gets_in(at_the_back)
        assert not gets_in(replace(at_the_back, server_public_key=worker.server_public_key))
        in_front = replace(worker, endpoint=client.endpoint)
        assert not gets_in(in_front)
        assert not gets_in(replace(in_front, server_public_key=client.server_public_key))


def test_a_worker_that_is_gone_leaves_no_key_behind() -> None:
    with opened(local_endpoint()) as sockets:
        first = worker_of(sockets.grant_worker_access())
        assert gets_in(first)
        second = worker_of(sockets.grant_worker_access())
        assert not gets_in(first)
        assert gets_in(second)


def test_both_doors_are_on_this_machine_only() -> None:
    with opened(local_endpoint()) as sockets:
        for endpoint in (sockets.endpoint, sockets.grant_worker_access().endpoint):
            assert endpoint.startswith("tcp://127.0.0.1:")


def test_a_down_authenticator_closes_both_sockets() -> None:
    endpoint = local_endpoint()
    assert endpoint.client is not None
    with opened(endpoint) as sockets:
        worker = worker_of(sockets.grant_worker_access())
        client = client_of(sockets.endpoint, endpoint.keys.public, endpoint.client)
        sockets.authenticator.stop()
        assert not gets_in(worker)
        assert not gets_in(client)


@contextmanager
def opened_for(folder: Path, users: dict[str, KeyPair]) -> Iterator[tuple[ServerSockets, dict]]:
    """A remote endpoint on a free port of this machine, and each user's connection."""
    for name, pair in users.items():
        key_files.trust(folder, name, pair.public)
    keys = key_files.server_keys(folder)
    with opened(ClientEndpoint(keys=keys, trust=TrustedKeys(folder))) as sockets:
        yield (
            sockets,
            {name: client_of(sockets.endpoint, keys.public, pair) for name, pair in users.items()},
        )


def test_each_remote_user_has_a_name(tmp_path: Path) -> None:
    users = {"anna": make_keys(), "ben": make_keys()}
    with opened_for(tmp_path, users) as (sockets, connections):
        for name in ("anna", "ben", "anna"):
            assert user_at(sockets.clients, connections[name]) == name


def test_who_is_forgotten_is_refused_at_the_next_connection(tmp_path: Path) -> None:
    users = {"anna": make_keys(), "ben": make_keys()}
    with opened_for(tmp_path, users) as (_, connections):
        assert gets_in(connections["anna"])
        key_files.forget(tmp_path, "anna")
        assert not gets_in(connections["anna"])
        assert gets_in(connections["ben"])
        key_files.trust(tmp_path, "anna", users["anna"].public)
        assert gets_in(connections["anna"])


def test_a_name_does_not_help_another_key(tmp_path: Path) -> None:
    with opened_for(tmp_path, {"anna": make_keys()}) as (_, connections):
        pair = make_keys()
        anna = connections["anna"]
        stranger = replace(anna, client_public_key=pair.public, client_secret_key=pair.secret)
        assert not gets_in(stranger)
        assert not gets_in(replace(anna, client_secret_key=pair.secret))


def test_a_taken_port_is_said() -> None:
    """And nothing stays open behind it."""
    with socket.create_server(("127.0.0.1", 0)) as taken, zmq.Context() as context:
        endpoint = replace(local_endpoint(), port=taken.getsockname()[1])
        with pytest.raises(LinkError) as caught:
            ServerSockets(context, endpoint)
    assert caught.value.code == "link.bind"
    assert "--port" in caught.value.remedy


def test_an_address_of_another_machine_is_said() -> None:
    with zmq.Context() as context, pytest.raises(LinkError) as caught:
        ServerSockets(context, replace(local_endpoint(), host="192.0.2.1", port=5870))
    assert caught.value.code == "link.bind"


def test_how_long_each_socket_waits_and_how_much_it_takes() -> None:
    """Milliseconds, bytes and messages: what a client whose machine has vanished costs."""
    wanted = {
        zmq.MAXMSGSIZE: (32 << 20, 256 << 20),
        zmq.HEARTBEAT_IVL: (5000, 0),
        zmq.HEARTBEAT_TIMEOUT: (30_000, 30_000),
        zmq.HANDSHAKE_IVL: (2000, 2000),
        zmq.RCVHWM: (16, 16),
        zmq.SNDHWM: (16, 16),
        zmq.LINGER: (0, 0),
        zmq.CURVE_SERVER: (1, 1),
        zmq.ZAP_DOMAIN: (b"global", b"worker"),
        zmq.ZAP_ENFORCE_DOMAIN: (1, 1),
    }
    with opened(local_endpoint()) as sockets:
        both = (sockets.clients, sockets.worker)
        assert {option: tuple(s.getsockopt(option) for s in both) for option in wanted} == wanted


def test_workers_are_numbered_from_1() -> None:
    with opened(local_endpoint()) as sockets:
        for number in (1, 2):
            worker = worker_of(sockets.grant_worker_access())
            assert user_at(sockets.worker, worker) == f"worker-{number}"
