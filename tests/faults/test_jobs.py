# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancelling, poison, replays, and a thousand slider updates."""

from __future__ import annotations

import itertools
import secrets
import time

import numpy as np
import pytest
from affekt.shared import limits, messages, wire
from affekt.shared.artefact import Artefact
from affekt.shared.conversions import track_fields
from affekt.shared.errors import AffektError
from affekt.shared.events import PreviewReady
from affekt.shared.messages import Acknowledged, Hello, Message, Welcome
from fakes.link import RawClient
from fakes.promises import within

from .harness import Sidecar, take_frames, track_of
from .test_clients import preview

HELLO = Hello(protocol=limits.PROTOCOL_VERSION, affekt="0.1.0")
CANCEL_S = 0.05
"""The promise, beside the chunk under way; to be kept in one of three tries."""
STEP_S = 0.25
"""A chunk of a slow bake: 0.2 s, and its computing."""


def test_cancel(sidecar: Sidecar, capsys: pytest.CaptureFixture[str]) -> None:
    take = sidecar.upload("slow.npz")
    weights = itertools.count(0.81, 0.01)

    def cancelled() -> float:
        job = sidecar.client.start_bake(take, track_of(take_frames(), next(weights)))
        sidecar.wait(lambda: sidecar.done_of(job) > 0, "its first chunk")
        begin = time.monotonic()
        sidecar.client.cancel(job)
        assert sidecar.failure_of(job) == "job.cancelled"
        return time.monotonic() - begin

    took_s = within(CANCEL_S + STEP_S, cancelled)
    with capsys.disabled():
        print(f"\ncancelled after {1e3 * took_s:.0f} ms (at most {CANCEL_S} s and a chunk's)")
    assert took_s <= CANCEL_S + STEP_S


@pytest.mark.full
def test_poison(sidecar: Sidecar, take: Artefact) -> None:
    """A take that kills the worker each time: its job fails, another's goes on, and the sidecar
    serves."""
    server = sidecar.server_pid
    bad = sidecar.upload("kill.npz")
    frames = take_frames()
    poisoned = sidecar.client.start_bake(bad, track_of(frames, 0.41))
    healthy = sidecar.client.start_bake(take, track_of(frames, 0.42))
    assert sidecar.failure_of(poisoned) == "job.crashed"
    sidecar.finished(healthy)
    assert sidecar.server_pid == server


def test_poison_in_a_short_request(sidecar: Sidecar, take: Artefact) -> None:
    """A request that kills the worker, twice: it fails, the next one is answered, and the sidecar
    serves."""
    server = sidecar.server_pid
    bad = sidecar.upload("kill2.npz")
    with pytest.raises(AffektError) as caught:
        sidecar.client.read_take(bad, timeout_s=90.0)
    assert caught.value.code == "job.crashed"
    assert len(sidecar.client.read_take(take, timeout_s=90.0).motion) == take_frames()
    assert sidecar.server_pid == server


def test_replayed_messages(sidecar: Sidecar, take: Artefact) -> None:
    """The same bytes again and again start nothing twice."""
    job = secrets.token_hex(16)
    bake = messages.Bake(
        job=job,
        motion=take.sha256,
        name=take.name,
        head="open",
        **track_fields(track_of(take_frames(), 0.43)),
    )
    with RawClient(sidecar.connection) as raw:
        assert isinstance(raw.ask(HELLO), Welcome)
        for _ in range(6):
            raw.socket.send_multipart(wire.encode(bake, 5))
        answers, ends = replies(raw, 6)
    assert answers
    refused = [answer for answer in answers if answer != Acknowledged()]
    assert {getattr(answer, "code", "") for answer in refused} <= {"link.job"}
    # Once it has ended its id is free: then the same may begin again, and ends the same.
    assert len(ends) == len(answers) - len(refused) >= 1
    assert len({end.vertices for end in ends}) == 1


def replies(raw: RawClient, count: int) -> tuple[list[Message], list[messages.BakeDone]]:
    """So many answers, and the ends of as many bakes as were begun."""
    answers: list[Message] = []
    ends: list[messages.BakeDone] = []
    while len(answers) < count or len(ends) < answers.count(Acknowledged()):
        number, message = raw.receive()
        if number == 5:
            answers.append(message)
        elif isinstance(message, messages.BakeDone):
            ends.append(message)
    return answers, ends


def test_a_thousand_slider_updates(
    sidecar: Sidecar, take: Artefact, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a second, as by a hand that never rests: few are computed, and the last one is shown."""
    frames = take_frames()
    client = sidecar.client
    last = preview(client, take, track_of(frames, 1.0), 20)
    shown: list[PreviewReady] = []
    begin = time.monotonic()
    for number in range(1, 1001):
        client.start_preview(take, track_of(frames, number / 1000), 20)
        shown += [e for e in client.poll() if isinstance(e, PreviewReady)]
        due = begin + number / 1000
        sidecar.wait(lambda due=due: time.monotonic() >= due, "the next update")

    def is_last() -> bool:
        shown.extend(e for e in client.poll() if isinstance(e, PreviewReady))
        return bool(shown) and np.array_equal(shown[-1].expression, last.expression)

    sidecar.wait(is_last, "the last value", 10.0)
    seconds = time.monotonic() - begin
    with capsys.disabled():
        print(f"\n1,000 slider updates in {seconds:.2f} s: {len(shown)} previews computed")
    assert len(shown) <= 60 * max(seconds, 1.0) + 2
