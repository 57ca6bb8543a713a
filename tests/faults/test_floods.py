# SPDX-License-Identifier: GPL-3.0-or-later
"""A client with the right keys that sends what nobody can want: the server neither ends nor
grows, and the others are served. (What nobody has let in, test_strangers.py has.)"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from affekt.shared import limits, messages, wire
from affekt.shared.messages import Hello, Pong, Welcome
from fakes.link import RawClient

from .harness import Sidecar, read_vitals

HELLO = Hello(protocol=limits.PROTOCOL_VERSION, affekt="0.1.0")
PING = wire.encode(messages.Ping(), 3)[0]
MIB = 2**20
GROWN_MIB = 16
"""What libzmq keeps of it, whatever was sent."""
PING_S = 2.0
"""Of another client: a flood is 100 MB and more, on the same two cores."""

FLOODS = {
    "frames without end": ([PING, *[b""] * 50_000], 1),
    "garbage headers": ([b"\xc1" * 60_000], 2000),
    "frames as large as may be": ([PING, *[bytes(16 * MIB)] * 6], 1),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood(sidecar: Sidecar, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    frames, count = FLOODS[name]
    server = sidecar.server_pid
    send(sidecar, [PING], 1)  # whatever is allocated once
    before = read_vitals(server).memory_bytes
    slowest = send(sidecar, frames, count)
    grown = read_vitals(server).memory_bytes - before
    with capsys.disabled():
        print(f"\n{name}: {grown / MIB:+.0f} MiB (at most {GROWN_MIB}), ", end="")
        print(f"slowest ping {1e3 * slowest:.0f} ms (at most {PING_S:.0f} s)")
    assert sidecar.server_pid == server
    assert grown <= GROWN_MIB * MIB
    assert slowest <= PING_S


def send(sidecar: Sidecar, frames: Sequence[bytes], count: int) -> float:
    """The slowest ping of another client until all of it was read."""
    slowest = 0.0
    with RawClient(sidecar.connection) as raw:
        assert isinstance(raw.ask(HELLO), Welcome)
        for number in range(count):
            raw.socket.send_multipart(frames)
            if number % 100 == 0:
                slowest = max(slowest, sidecar.client.ping())
        raw.socket.send_multipart(wire.encode(messages.Ping(), 9))
        while raw.receive() != (9, Pong()):
            slowest = max(slowest, sidecar.client.ping())
        return max(slowest, sidecar.client.ping())
