# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of requests of every kind: nothing grows."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from affekt.shared import limits, messages, wire
from affekt.shared.artefact import Artefact
from affekt.shared.conversions import preview_rows, track_fields
from affekt.shared.messages import Hello, Message, Welcome
from fakes.link import RawClient

from .harness import Sidecar, Vitals, read_vitals, shared_memory_of, take_frames, track_of, wait_for
from .mutations import MUST_FAIL, whole

HELLO = Hello(protocol=limits.PROTOCOL_VERSION, affekt="0.1.0")
REQUESTS = (3_000, pytest.param(10_000, marks=pytest.mark.full))
EVERY = 500
SLOPE_BYTES = 1024.0
"""The promise: memory of both processes, for each request."""
EDGE = 64
LATE = 2**40
"""Ids of our own questions begin here."""
KINDS = {
    "pong",
    "status",
    "artefact_state",
    "artefact_chunk",
    "previewed",
    "failure",
    "acknowledged",
    "progress",
    "bake_done",
    "pixels_opened",
}
"""What must have come back, each more than a few times."""


class Mix:
    """Requests of every kind, one after another, from one seed."""

    def __init__(self, take: Artefact) -> None:
        self._random = Random("growth")
        self._take = take
        self._frames = take_frames()
        self._wholes = [whole(kind) for kind in messages.REQUESTS if kind is not messages.Shutdown]
        self._jobs: list[str] = []

    def next(self, number: int) -> list[list[wire.Frame]]:
        """The messages of this request; most are one."""
        choice = self._random.random()
        if choice < 0.30:
            return [self._wrong()]
        if choice < 0.5:
            return [wire.encode(messages.Ping(), number)]
        if choice < 0.6:
            return [wire.encode(messages.GetStatus(), number)]
        if choice < 0.7:
            return [wire.encode(self._upload(), number)]
        if choice < 0.8:
            return [wire.encode(messages.Download(sha256=self._take.sha256, offset=0), number)]
        if choice < 0.85:
            return [wire.encode(messages.FindArtefact(sha256="0" * 64), number)]
        if choice < 0.86:
            return [wire.encode(messages.OpenPixels(slots=2, slot_bytes=EDGE * EDGE * 4), number)]
        if choice < 0.97:
            return [wire.encode(self._preview(), number)]
        return [wire.encode(message, number) for message in self._job()]

    def _wrong(self) -> list[wire.Frame]:
        """A message that must be refused, whatever it is."""
        for mutate in self._random.sample(MUST_FAIL, len(MUST_FAIL)):
            frames = mutate(self._random, self._random.choice(self._wholes))
            if frames and sum(map(len, frames)) < 200_000:
                return [*frames]
        raise AssertionError

    def _upload(self) -> Message:
        """A small take, one of a hundred: and mostly there already."""
        data = str(self._random.randrange(100)).encode() * 500
        return messages.Upload(
            kind="motion",
            name="a.npz",
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            offset=0,
            data=data,
        )

    def _preview(self) -> Message:
        frame = self._random.randrange(self._frames)
        rows = preview_rows(frame, 30.0, self._frames)
        track = track_of(len(rows), self._random.random())
        edge = EDGE if self._random.random() < 0.1 else None
        return messages.Preview(
            view=self._random.randrange(4),
            motion=self._take.sha256,
            name=self._take.name,
            head="open",
            frame=frame,
            first=rows.start,
            width=edge,
            height=edge,
            is_shared=edge is not None,
            **track_fields(track),
        )

    def _job(self) -> list[Message]:
        job = secrets.token_hex(16)
        bake = messages.Bake(
            job=job,
            motion=self._take.sha256,
            name=self._take.name,
            head="open",
            frames=(0, 8),
            vertices=False,
            **track_fields(track_of(self._frames, self._random.randrange(4) / 4)),
        )
        return [bake, messages.Cancel(job=job)] if self._random.random() < 0.5 else [bake]


def measure(sidecar: Sidecar) -> tuple[Vitals, Vitals]:
    return read_vitals(sidecar.server_pid), read_vitals(sidecar.worker_pid)


def ask(raw: RawClient, question: Message, number: int, seen: Counter[str]) -> Message:
    """Reads all that came before the answer to a question of our own, and gives that."""
    raw.socket.send_multipart(wire.encode(question, LATE + number))
    while True:
        request, message = raw.receive()
        if request == LATE + number:
            return message
        seen[message.TYPE] += 1


def settle(raw: RawClient, number: int, seen: Counter[str]) -> None:
    """Until the worker has done all that waits."""

    def is_idle() -> bool:
        status = ask(raw, messages.GetStatus(), number, seen)
        return isinstance(status, messages.Status) and status.jobs == 0

    wait_for(is_idle, "the end of all jobs")
    ask(raw, messages.GetHead(name="none"), number, seen)


def run(
    sidecar: Sidecar, take: Artefact, count: int, seen: Counter[str]
) -> list[tuple[Vitals, Vitals]]:
    """Vitals of both processes, every so many requests."""
    mix, found = Mix(take), list[tuple[Vitals, Vitals]]()
    with RawClient(sidecar.connection) as raw:
        assert isinstance(raw.ask(HELLO), Welcome)
        for number in range(1, count + 1):
            for frames in mix.next(number):
                raw.socket.send_multipart(frames)
            if number % 10 == 0:
                ask(raw, messages.Ping(), number, seen)
            if number % EVERY == 0:
                settle(raw, number, seen)
                found.append(measure(sidecar))
    return found


def slope(vitals: list[Vitals]) -> float:
    """Bytes for each request, by the middle of all pairs' slopes: one jump is no growth."""
    memory = [v.memory_bytes for v in vitals]
    slopes = [
        (memory[b] - memory[a]) / (EVERY * (b - a))
        for a in range(len(memory))
        for b in range(a + 1, len(memory))
    ]
    return float(np.median(slopes))


def assert_constant(vitals: list[Vitals], read: Callable[[Vitals], int], room: int) -> None:
    values = [read(v) for v in vitals]
    assert max(values) - min(values) <= room, values


@pytest.mark.parametrize("requests", REQUESTS)
def test_thousands_of_requests(
    requests: int, sidecar: Sidecar, take: Artefact, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: Counter[str] = Counter()
    run(sidecar, take, 2 * EVERY, seen)  # every code path once: what is cached is there
    found = run(sidecar, take, requests, seen)
    assert {kind for kind, count in seen.items() if count > 20} >= KINDS, seen
    with capsys.disabled():
        print(f"\n{dict(seen.most_common())}")
    for process, vitals in zip(("server", "worker"), zip(*found, strict=True), strict=True):
        with capsys.disabled():
            first, last = vitals[0], vitals[-1]
            print(
                f"\n{process}: {slope(list(vitals)):.0f} bytes a request, {first.descriptors} -> "
                f"{last.descriptors} descriptors, {first.threads} -> {last.threads} threads"
            )
        assert slope(list(vitals)) <= SLOPE_BYTES
        assert_constant(list(vitals), lambda v: v.descriptors, 4)
        assert_constant(list(vitals), lambda v: v.threads, 2)
    # What the lost clients of this test had is theirs until they are forgotten.
    assert shared_memory_of(sidecar.server_pid) <= 3
