# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong messages, 200,000 in full: only our errors, and at once.

A refusal costs little whatever the message says. Asserted is what the decoder does, for how long
that takes depends on what else the machine does: of some messages of each kind the functions that
are called are counted. The microseconds are printed.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import FrameType

import pytest
from affekt.shared import wire
from affekt.shared.errors import LinkError
from affekt.shared.messages import MESSAGES, Message
from affekt.sidecar.worker import orders

from .mutations import MAY_PASS, MUST_FAIL, Mutation, Whole, oversized_header, whole

CODES = ("link.protocol", "link.unknown_message", "link.version")
MAX_CALLS = 2000
"""A message of as many values as a header may have (512), each looked at, takes 900."""
COUNTED = 100
"""Messages of a kind whose calls are counted."""
PIECES = 8
WIRE = 180_000
WIRE_QUICK = 45_000
ORDERS = 20_000

Decode = Callable[[Sequence[bytes]], object]


def decode_order(frames: Sequence[bytes]) -> object:
    kinds = {**orders.ORDERS, **orders.REPLIES}
    return orders.unpack(frames, kinds)


def mutants(mutate: Mutation, kinds: Mapping[str, type[Message]], count: int) -> list[list[bytes]]:
    """`count` of them, the same at each run; none where no message can be wrong in this way."""
    random = Random(mutate.__name__)
    seeds: list[Whole] = [whole(kind) for kind in kinds.values()]
    usable = [seed for seed in seeds if mutate(random, seed) is not None]
    if not usable:
        return []
    return [mutate(random, random.choice(usable)) or [] for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many were refused; microseconds for each message in the quickest of the pieces."""

    count: int
    each_us: float


def refusal(decode: Decode, message: Sequence[bytes]) -> LinkError | None:
    """The error, if it is one of ours; anything else gets through to the test."""
    try:
        decode(message)
    except LinkError as error:
        return error
    return None


def refusals(decode: Decode, frames: Sequence[Sequence[bytes]]) -> Refusals:
    """Decodes them all."""
    refused, codes, longest = 0, set[str](), 0
    each_us: list[float] = []
    size = max(-(-len(frames) // PIECES), 1)
    for first in range(0, len(frames), size):
        piece = frames[first : first + size]
        # Of this thread alone: other processes of a busy machine are not what is measured.
        begin = time.thread_time()
        for message in piece:
            if error := refusal(decode, message):
                refused += 1
                codes.add(error.code)
                longest = max(longest, len(error.message) + len(error.remedy))
        each_us.append(1e6 * (time.thread_time() - begin) / len(piece))
    assert codes <= set(CODES), codes
    assert longest < 500
    return Refusals(refused, min(each_us, default=0.0))


def most_calls(decode: Decode, frames: Sequence[Sequence[bytes]]) -> int:
    """Calls of functions, Python's and C's, that the costliest of some of these messages takes."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    most, before = 0, sys.getprofile()
    for message in frames[:COUNTED]:
        calls = 0
        sys.setprofile(count)
        try:
            refusal(decode, message)
        finally:
            sys.setprofile(before)
        most = max(most, calls)
    return most


def fuzz(decode: Decode, kinds: Mapping[str, type[Message]], count: int) -> list[str]:
    """A line of figures for each kind of mutation."""
    each = -(-count // (len(MUST_FAIL) + len(MAY_PASS)))
    lines: list[str] = []
    gc.collect()
    for mutate in (*MUST_FAIL, *MAY_PASS):
        frames = mutants(mutate, kinds, each)
        # Neither they nor what other tests left are what the collector shall look through.
        gc.freeze()
        found, calls = refusals(decode, frames), most_calls(decode, frames)
        name = mutate.__name__.replace("_", " ")
        told = f"{found.count:6} refused, {found.each_us:5.1f} us each"
        lines.append(f"{name:26} {len(frames):6} {told}, {calls:4} calls (at most {MAX_CALLS})")
        assert calls <= MAX_CALLS, lines[-1]
        if mutate in MUST_FAIL:
            assert found.count == len(frames), f"{lines[-1]}: {_passed(decode, frames)}"
    return lines


def _passed(decode: Decode, frames: Sequence[Sequence[bytes]]) -> list[Sequence[bytes]]:
    """The first few that were not refused."""
    return [message for message in frames if not refusals(decode, [message]).count][:3]


@pytest.mark.parametrize("count", [WIRE_QUICK, pytest.param(WIRE, marks=pytest.mark.full)])
def test_only_our_errors(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    lines = fuzz(wire.decode_frames, MESSAGES, count)
    with capsys.disabled():
        print("\n" + "\n".join(lines))


def test_orders_between_server_and_worker(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {**orders.ORDERS, **orders.REPLIES}
    # An order is its first frame; what is behind it is handed on as it is.
    seen = [m for m in (*MUST_FAIL, *MAY_PASS) if "frame" not in m.__name__]
    each = -(-ORDERS // len(seen))
    slowest_us, most = 0.0, 0
    for mutate in seen:
        frames = mutants(mutate, kinds, each)
        found = refusals(decode_order, frames)
        slowest_us = max(slowest_us, found.each_us)
        most = max(most, most_calls(decode_order, frames))
        if mutate in MUST_FAIL:
            assert found.count == len(frames), (mutate, _passed(decode_order, frames))
    with capsys.disabled():
        told = f"{slowest_us:.1f} us each, {most} calls (at most {MAX_CALLS})"
        print(f"\norders: of the slowest kind {told}")
    assert most <= MAX_CALLS


def test_the_counting_notices() -> None:
    """The control: a decoder that looks at each byte of what it refuses is over the limit."""

    def slow(frames: Sequence[bytes]) -> object:
        for frame in frames:
            for byte in frame:
                abs(byte)
        return wire.decode_frames(frames)

    frames = mutants(oversized_header, MESSAGES, 3)
    assert most_calls(slow, frames) > MAX_CALLS
    assert most_calls(wire.decode_frames, frames) < 100


def test_whole_messages_pass() -> None:
    """The control: what the mutations start from is taken."""
    for kind in MESSAGES.values():
        assert refusals(wire.decode_frames, [whole(kind).frames]).count == 0
    for kind in (*orders.ORDERS.values(), *orders.REPLIES.values()):
        assert refusals(decode_order, [whole(kind).frames]).count == 0
