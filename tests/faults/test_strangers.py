# SPDX-License-Identifier: GPL-3.0-or-later
"""Crowds at the door of a server process: none of them reaches the handler, and the process is
afterwards what it was. The same crowds at a naked server are heard."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from affekt.shared.client import Client
from fakes.guarded import Guarded, guarded
from fakes.link import wait_for
from fakes.strangers import (
    DRESSES,
    READY,
    address,
    count_let_in,
    greeted_garbage,
    greeting,
    random_bytes,
    send_all,
    wear_nothing,
    wear_the_keys,
)

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
HALF_OPEN_S = 5.0
MEMORY_SHARE = 1.05
WRONG = 1_000
CROWDS = pytest.mark.parametrize(
    ("strangers", "greeted"), [(2_000, 200), pytest.param(10_000, 1_000, marks=pytest.mark.full)]
)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path, "secure") as server:
        yield server


@pytest.fixture
def naked(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path, "naked") as server:
        yield server


def crowd(strangers: int, greeted: int) -> list[bytes]:
    """So many of random bytes and of garbage behind a good greeting, mixed."""
    randomness = random.Random(5)
    attacks = [random_bytes(randomness) for _ in range(strangers)]
    attacks += [greeted_garbage(randomness) for _ in range(greeted)]
    randomness.shuffle(attacks)
    return attacks


def serves(server: Guarded) -> None:
    with Client.connect(server.connection) as client:
        client.ping()


@CROWDS
def test_garbage_reaches_nobody(secure: Guarded, strangers: int, greeted: int) -> None:
    serves(secure)
    # What libzmq allocates once and keeps: its pools fill up at the first few connections.
    send_all(secure.connection.endpoint, crowd(200, 50))
    heard, memory, descriptors = secure.arrived(), secure.memory_bytes(), secure.descriptors()
    send_all(secure.connection.endpoint, crowd(strangers, greeted))
    assert secure.arrived() == heard
    wait_for(lambda: secure.descriptors() <= descriptors, "the descriptors to come back")
    share = secure.memory_bytes() / memory
    print(f"{strangers} + {greeted} strangers: memory {share:.3f} of {memory >> 20} MB")
    assert share <= MEMORY_SHARE
    serves(secure)
    assert secure.arrived() > heard


@CROWDS
def test_control_without_security_garbage_is_heard(
    naked: Guarded, strangers: int, greeted: int
) -> None:
    attacks = crowd(strangers, greeted)
    send_all(naked.connection.endpoint, attacks)
    done = greeting(b"NULL") + READY
    whole = sum(attack.startswith(done) for attack in attacks)
    # Two frames each: whose it is, and what it says. libzmq drops some of those who hang up.
    wait_for(lambda: naked.arrived() > whole, "the garbage to arrive")
    print(f"{naked.arrived()} frames of {len(attacks)} strangers arrived")


def test_wrong_keys_or_none_open_nothing(secure: Guarded) -> None:
    dresses = [DRESSES[index % len(DRESSES)] for index in range(WRONG)]
    descriptors = secure.descriptors()
    assert count_let_in(secure.connection, dresses) == 0
    assert secure.arrived() == 0
    wait_for(lambda: secure.descriptors() <= descriptors, "the descriptors to come back")
    assert count_let_in(secure.connection, [wear_the_keys]) == 1


def test_control_without_security_no_keys_are_needed(naked: Guarded) -> None:
    assert count_let_in(naked.connection, [wear_nothing] * 10) == 10
    wait_for(naked.arrived, "their hello")


def test_half_open_connections_are_closed(secure: Guarded) -> None:
    """They say nothing, half a greeting, a whole one, or begin a handshake, and wait."""
    descriptors = secure.descriptors()
    host = address(secure.connection.endpoint)
    words = (b"", greeting(b"CURVE")[:30], greeting(b"CURVE"), greeting(b"CURVE") + b"\x04")
    with ExitStack() as stack:
        for index in range(100):
            stranger = stack.enter_context(socket.create_connection(host, timeout=5))
            stranger.sendall(words[index % len(words)])
            # On a slow machine the first are closed before the last is open.
            wait_for(lambda: secure.descriptors() > descriptors, "a connection")
        begun = time.monotonic()
        wait_for(lambda: secure.descriptors() <= descriptors, "their end", HALF_OPEN_S)
        print(f"100 half-open connections were gone after {time.monotonic() - begun:.1f} s")
    serves(secure)


@pytest.mark.full
def test_more_strangers_than_the_process_may_have_open(secure: Guarded) -> None:
    """They keep the door shut while they are there, and no longer; nothing falls over."""
    descriptors = secure.descriptors()
    secure.limit_descriptors(descriptors + 60)
    host = address(secure.connection.endpoint)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(host, timeout=5))
        wait_for(lambda: secure.descriptors() >= descriptors + 60, "the connections")
        wait_for(lambda: count_let_in(secure.connection, [wear_the_keys]) == 1, "a way in", 30)
    wait_for(lambda: secure.descriptors() <= descriptors, "their end")
    serves(secure)
