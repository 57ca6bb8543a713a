# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews through the server: the newest wins, and pixels go through shared memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import messages
from affekt.shared.conversions import track_fields
from affekt.shared.emotion import constant_track
from affekt.shared.messages import Failure, OpenPixels, PixelsOpened, Pong, Preview, Previewed
from affekt.shared.pixels import PixelRing, PixelsError, default_pixel_folder
from affekt.shared.wire import encode
from affekt.sidecar.cache.claim import is_claimed
from fakes.link import HELLO, TAKE, Link, RawClient, running_server, wait_for

MOTION = hashlib.sha256(TAKE).hexdigest()


def preview(frame: int = 3, happy: float = 0.5, **changes: object) -> Preview:
    track = track_fields(constant_track(6, 30, happy=happy))
    fields = {"motion": MOTION, "name": "take.json", "head": "open", "frame": frame, "first": 0}
    return Preview(**{**track, **fields, **changes})


def test_a_preview(raw: RawClient) -> None:
    shown = raw.ask(preview(happy=0.25, vertices=True))
    assert isinstance(shown, Previewed)
    assert shown.expression[0, 0] == 0.25
    assert shown.vertices is not None
    assert (shown.pixels, shown.width) == (None, None)


def test_the_newest_wins(link: Link, raw: RawClient) -> None:
    """A thousand movements of a slider: the one under way and the last are computed, and every
    one is answered."""
    link.rooms.holds_previews = True
    raw.socket.send_multipart(encode(preview(happy=0.0), 1))
    assert link.rooms.looking.wait(5)
    for request in range(2, 1001):
        raw.socket.send_multipart(encode(preview(happy=request / 1000), request))
    superseded = dict(raw.receive() for _ in range(998))
    assert set(superseded) == set(range(2, 1000))
    codes = {answer.code for answer in superseded.values() if isinstance(answer, Failure)}
    assert codes == {"preview.superseded"}
    link.rooms.looks.release(9)
    answers = dict(raw.receive() for _ in range(2))
    assert set(answers) == {1, 1000}
    assert answers[1000].expression[0, 0] == 1
    assert len(link.rooms.previewed) == 2


def test_views_do_not_supersede_each_other(link: Link, raw: RawClient) -> None:
    for view in range(3):
        raw.socket.send_multipart(encode(preview(view=view), view + 1))
    answers = [raw.receive()[1] for _ in range(3)]
    assert sorted(answer.view for answer in answers) == [0, 1, 2]


def test_a_preview_comes_before_a_job(link: Link, raw: RawClient) -> None:
    """In the middle of a bake: after the step that is under way, which waits for the test. Before
    that step was ordered the worker would be free, and answer the preview at once."""
    track = track_fields(constant_track(6, 30))
    bake = messages.Bake(**track, job="ab" * 16, motion=MOTION, name="take.json", head="open")
    raw.ask(bake)
    assert link.rooms.stepping.wait(5)
    raw.socket.send_multipart(encode(preview(), 5))
    assert raw.ask(messages.Ping(), 6) == Pong()
    link.rooms.steps.release(1)
    while (message := raw.receive())[0] == 0:
        assert message[1].done <= 1
    assert isinstance(message[1], Previewed)


def open_ring(raw: RawClient) -> PixelRing:
    opened = raw.ask(OpenPixels(slots=2, slot_bytes=4000))
    assert isinstance(opened, PixelsOpened)
    return PixelRing.open(opened.name, opened.token)


def test_pixels_through_shared_memory(raw: RawClient) -> None:
    ring = open_ring(raw)
    shown = raw.ask(preview(frame=4, width=5, height=7, is_shared=True))
    assert isinstance(shown, Previewed)
    assert shown.pixels is None
    pixels = ring.read(shown.slot, shown.sequence, shown.checksum, shown.height, shown.width)
    np.testing.assert_array_equal(pixels, np.full((7, 5, 4), 4))
    ring.close()


def test_pixels_without_shared_memory(raw: RawClient) -> None:
    shown = raw.ask(preview(width=5, height=7, is_shared=True))
    assert isinstance(shown, Previewed)
    assert shown.pixels is not None
    assert shown.pixels.shape == (7, 5, 4)


def test_shared_memory_goes_with_its_client(link: Link, raw: RawClient) -> None:
    """One ring a client; another one takes its place; none is left."""
    first = open_ring(raw)
    second = open_ring(raw)
    assert not (default_pixel_folder() / first.name).exists()
    link.server._mailbox.put(lambda: link.server._forget(next(iter(link.server._sessions))))
    wait_for(lambda: not (default_pixel_folder() / second.name).exists(), "its end")
    for ring in (first, second):
        ring.close()


def test_shared_memory_ends_with_the_server(tmp_path: Path) -> None:
    with running_server(tmp_path) as link, RawClient(link.connection) as raw:
        raw.ask(HELLO)
        ring = open_ring(raw)
    ring.close()
    with pytest.raises(PixelsError):
        PixelRing.open(ring.name)


def test_a_server_that_ends_takes_its_clients_shared_memory_along(
    link: Link, raw: RawClient
) -> None:
    """And lets the cache's folder go."""
    cache = link.folder / "cache"
    assert is_claimed(cache)
    opened = raw.ask(OpenPixels(slots=2, slot_bytes=4000))
    assert isinstance(opened, PixelsOpened)
    ring = default_pixel_folder() / opened.name
    assert ring.exists()
    assert link.server.stop()
    assert not ring.exists()
    assert not is_claimed(cache)
