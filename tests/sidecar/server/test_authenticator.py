# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of who is let in, and the log of who is not."""

from __future__ import annotations

import pytest
import zmq
from affekt.sidecar.server.authenticator import (
    DOMAIN,
    Authenticator,
    PinnedKeys,
    RefusalLog,
    answer,
)
from affekt.sidecar.server.keys import make_keys
from zmq.utils import z85


def test_pinned_keys_are_replaced_as_one() -> None:
    anna, ben = make_keys().public, make_keys().public
    trust = PinnedKeys({anna: "anna"})
    assert trust(z85.decode(anna)) == "anna"
    trust.replace({ben: "ben"})
    assert (trust(z85.decode(anna)), trust(z85.decode(ben))) == (None, "ben")


class Clock:
    now_s = 5000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_crowd_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = RefusalLog(clock)
    for index in range(10_000):
        clock.now_s = 5000 + index * 0.001
        log.refused("192.0.2.7", "Unknown key")
    assert len(caplog.records) == 10
    assert "192.0.2.7" in caplog.text
    clock.now_s = 5059.9
    log.refused("192.0.2.9", "Unknown key")
    assert len(caplog.records) == 10
    clock.now_s = 5060.0
    log.refused("192.0.2.8", "Unknown key")
    assert [record.getMessage() for record in caplog.records[-2:]] == [
        "refused 9991 more connections",
        "refused a connection from 192.0.2.8: Unknown key",
    ]
    for _ in range(11):  # a new minute has begun with that one
        clock.now_s = 5119.9
        log.refused("192.0.2.7", "Unknown key")
    assert len(caplog.records) == 12 + 9


def test_a_few_are_not_counted_up(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog()
    log.refused("192.0.2.7", "Unknown key")
    log.close()
    assert len(caplog.records) == 1


def test_as_many_as_are_logged_are_not_counted_up(caplog: pytest.LogCaptureFixture) -> None:
    """One more is; and what was counted is not counted again."""
    log = RefusalLog()
    for _ in range(10):
        log.refused("192.0.2.7", "Unknown key")
    log.close()
    assert len(caplog.records) == 10
    for _ in range(11):
        log.refused("192.0.2.7", "Unknown key")
    log.close()
    log.close()
    assert len(caplog.records) == 10 + 10 + 1
    assert caplog.records[-1].getMessage() == "refused 1 more connections"


def test_a_list_that_breaks_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    """And the next question is answered."""

    def broken(key: bytes) -> str | None:
        raise RuntimeError("a bug")

    with zmq.Context() as context:
        authenticator = Authenticator(context, {DOMAIN: broken})
        with context.socket(zmq.REQ) as socket:
            socket.rcvtimeo = 10_000
            socket.connect("inproc://zeromq.zap.01")
            for _ in range(2):
                socket.send_multipart(
                    [b"1.0", b"1", DOMAIN, b"192.0.2.7", b"", b"CURVE", bytes(32)]
                )
                assert socket.recv_multipart()[2] == b"400"
        authenticator.stop()
    assert "a bug" in caplog.text


def test_it_may_be_stopped_twice() -> None:
    with zmq.Context() as context:
        authenticator = Authenticator(context, {DOMAIN: PinnedKeys()})
        authenticator.stop()
        authenticator.stop()


def test_those_that_were_not_logged_are_counted_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with zmq.Context() as context:
        authenticator = Authenticator(context, {DOMAIN: PinnedKeys()})
        with context.socket(zmq.REQ) as socket:
            socket.rcvtimeo = 10_000
            socket.connect("inproc://zeromq.zap.01")
            for _ in range(13):
                socket.send_multipart(REQUEST)
                assert socket.recv_multipart()[2] == b"400"
        authenticator.stop()
    assert len(caplog.records) == 11
    assert caplog.records[-1].getMessage() == "refused 3 more connections"


REQUEST = [b"1.0", b"request 7", b"global", b"192.0.2.7", b"identity", b"CURVE", b"k" * 32]


def trust(key: bytes) -> str | None:
    return "anna" if key == b"k" * 32 else None


def test_who_is_let_in_has_a_name() -> None:
    granted = [b"1.0", b"request 7", b"200", b"OK", b"anna", b""]
    assert answer(REQUEST, {b"global": trust}) == granted


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, b"2.0", b"Not CURVE"),
        (2, b"worker", b"Unknown domain"),
        (2, b"", b"Unknown domain"),
        (5, b"NULL", b"Not CURVE"),
        (5, b"PLAIN", b"Not CURVE"),
        (6, b"x" * 32, b"Unknown key"),
        (6, b"", b"Unknown key"),
    ],
)
def test_who_is_refused_and_why(place: int, value: bytes, reason: bytes) -> None:
    request = [*REQUEST[:place], value, *REQUEST[place + 1 :]]
    refused = [b"1.0", b"request 7", b"400", reason, b"", b""]
    assert answer(request, {b"global": trust}) == refused


@pytest.mark.parametrize("length", [0, 1, 2, 6, 8])
def test_what_is_no_question_is_refused(length: int) -> None:
    request = [*REQUEST, b"more"][:length]
    reply = answer(request, {b"global": trust})
    assert reply == [b"1.0", b"request 7" if length > 1 else b"", b"400", b"Not CURVE", b"", b""]


def test_the_log_says_who_was_refused_and_why(caplog: pytest.LogCaptureFixture) -> None:
    with zmq.Context() as context:
        authenticator = Authenticator(context, {DOMAIN: trust})
        with context.socket(zmq.REQ) as socket:
            socket.rcvtimeo = 10_000
            socket.connect("inproc://zeromq.zap.01")
            long = [*REQUEST[:3], b"\xff" + b"7" * 60, *REQUEST[4:6], b""]
            for request in (REQUEST, [*REQUEST[:6], b"x" * 32], REQUEST[:3], REQUEST[:4], long):
                socket.send_multipart(request)
                socket.recv_multipart()
        authenticator.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "refused a connection from 192.0.2.7: Unknown key",
        "refused a connection from ?: Not CURVE",
        "refused a connection from 192.0.2.7: Not CURVE",
        f"refused a connection from \N{REPLACEMENT CHARACTER}{'7' * 44}: Unknown key",
    ]
