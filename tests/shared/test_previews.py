# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews: the newest wins, nothing piles up, pixels by either way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.artefact import Artefact
from affekt.shared.camera import look_at
from affekt.shared.client import Client
from affekt.shared.conversions import preview_rows
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError
from affekt.shared.events import Event, PreviewFailed, PreviewReady
from affekt.shared.messages import (
    Acknowledged,
    Failure,
    OpenPixels,
    PixelsOpened,
    Preview,
    Previewed,
)
from affekt.shared.pixels import PixelRing, find_orphans
from fakes.link import wait_for
from fakes.scripted import ScriptedSidecar

TAKE = Artefact(sha256="a" * 64, kind="motion", name="take.json", size=10)
AVATAR = Artefact(sha256="b" * 64, kind="avatar", name="face.zip", size=10)
FRAMES = 400
TRACK = constant_track(FRAMES, 30, happy=1)
SUPERSEDED = Failure(code="preview.superseded", message="A newer one came.", remedy="None.")
SIZE = (8, 4)


@pytest.fixture
def client(sidecar: ScriptedSidecar) -> Iterator[Client]:
    with Client.connect(sidecar.connection) as client:
        yield client


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PixelRing]:
    """Memory that is shared indeed, in the test's own folder."""
    monkeypatch.setattr("affekt.shared.pixels.default_pixel_folder", lambda: tmp_path)
    ring = PixelRing.create(2, 4 * SIZE[0] * SIZE[1])
    yield ring
    ring.remove()
    assert not find_orphans(tmp_path)


def previewed(asked: Preview, **values: object) -> Previewed:
    expression = np.full((1, 100), asked.frame, np.float32)
    given = Previewed(
        view=asked.view, frame=asked.frame, expression=expression, jaw=np.zeros((1, 3), np.float32)
    )
    return replace(given, **values)


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (SIZE[1], SIZE[0], 4), np.uint8)


def next_event(client: Client) -> Event:
    events: list[Event] = []

    def has_come() -> bool:
        events.extend(client.poll())
        return bool(events)

    wait_for(has_come, "a preview")
    (event,) = events
    return event


def ready(client: Client) -> PreviewReady:
    event = next_event(client)
    assert isinstance(event, PreviewReady), event
    return event


def failed(client: Client) -> str:
    event = next_event(client)
    assert isinstance(event, PreviewFailed), event
    return event.error.code


def open_memory(sidecar: ScriptedSidecar, client: Client, ring: PixelRing) -> None:
    """Answers the first picture, and its wish for memory."""
    client.start_preview(TAKE, TRACK, 0, size=SIZE)
    assert sidecar.expect(OpenPixels).slot_bytes == ring.slot_bytes
    sidecar.answer(OpenPixels, PixelsOpened(name=ring.name, token=ring.token))
    asked = sidecar.expect(Preview)
    sidecar.answer(Preview, previewed(asked, pixels=picture()))
    ready(client)


# --- what is asked --------------------------------------------------------------------------


def test_numbers(sidecar: ScriptedSidecar, client: Client) -> None:
    client.start_preview(TAKE, TRACK, 200, view=3)
    asked = sidecar.expect(Preview)
    rows = preview_rows(200, 30, FRAMES)
    assert 0 < asked.first == rows.start
    assert len(asked.weights) == len(asked.appearance) == len(rows) < FRAMES
    assert (asked.view, asked.frame, asked.motion, asked.head) == (3, 200, TAKE.sha256, "open")
    assert (asked.width, asked.avatar, asked.vertices, asked.is_shared) == (
        None,
        None,
        False,
        False,
    )
    sidecar.answer(Preview, previewed(asked))
    event = ready(client)
    assert (event.view, event.frame, event.vertices, event.pixels) == (3, 200, None, None)
    assert event.expression.shape == (100,)
    assert event.jaw.shape == (3,)
    assert event.expression[0] == 200


def test_numbers_of_several_frames_on_a_flame_head(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    client.start_preview(TAKE, TRACK, 200, frames=64, subject="c" * 64, head_space="flame2020")
    asked = sidecar.expect(Preview)
    assert (asked.frame, asked.frames, asked.head_space) == (200, 64, "flame2020")
    rows = preview_rows(200, 30, FRAMES, 64)
    assert len(rows) == len(preview_rows(200, 30, FRAMES)) + 63
    assert (asked.first, len(asked.weights)) == (rows.start, len(rows))
    numbers = np.arange(64 * 103, dtype=np.float32).reshape(64, 103)
    sidecar.answer(Preview, previewed(asked, numbers=numbers))
    np.testing.assert_array_equal(ready(client).numbers, numbers)
    client.start_preview(TAKE, TRACK, 0, frames=2)
    sidecar.answer(Preview, previewed(sidecar.expect(Preview)))  # as one of protocol 3.5
    assert failed(client) == "link.protocol"
    with pytest.raises(InputError) as error:
        client.start_preview(TAKE, TRACK, FRAMES - 63, frames=64)
    assert error.value.code == "frames.out_of_range"


def test_an_avatar_on_the_take_of_a_flame_head(sidecar: ScriptedSidecar, client: Client) -> None:
    head = "c" * 64
    client.start_preview(TAKE, TRACK, 1, subject=AVATAR, head=head, head_space="flame2020")
    asked = sidecar.expect(Preview)
    assert (asked.avatar, asked.head, asked.head_space) == (AVATAR.sha256, head, "flame2020")
    sidecar.answer(Preview, previewed(asked))
    assert ready(client).frame == 1


def test_an_answer_tells_which_request_it_is_for(sidecar: ScriptedSidecar, client: Client) -> None:
    """Of several for one frame, which differ in the emotions alone."""
    first = client.start_preview(TAKE, TRACK, 7)
    asked = sidecar.expect(Preview)
    second, third = (client.start_preview(TAKE, TRACK, 7) for _ in range(2))
    sidecar.answer(Preview, previewed(asked))
    assert ready(client).request == first
    sidecar.answer(Preview, previewed(sidecar.expect(Preview)))
    assert ready(client).request == third
    assert first < second < third


def test_vertices(sidecar: ScriptedSidecar, client: Client) -> None:
    client.start_preview(TAKE, TRACK, 1, vertices=True)
    asked = sidecar.expect(Preview)
    assert asked.vertices
    points = np.arange(12, dtype=np.float32).reshape(4, 3)
    sidecar.answer(Preview, previewed(asked, vertices=points))
    np.testing.assert_array_equal(ready(client).vertices, points)


def test_a_picture_by_a_camera(sidecar: ScriptedSidecar, client: Client) -> None:
    camera = look_at(
        target=np.zeros(3), distance=1, yaw_rad=0, pitch_rad=0, width=8, height=4, fov_y_rad=0.5
    )
    place = np.diag([2.0, 2, 2, 1])
    client.start_preview(TAKE, TRACK, 1, subject=AVATAR, camera=camera, world_from_head=place)
    asked = sidecar.expect(Preview)
    assert (asked.width, asked.height, asked.avatar, asked.avatar_name) == (
        8,
        4,
        AVATAR.sha256,
        "face.zip",
    )
    assert asked.lens is not None
    assert asked.lens.shape == (1, 7)
    np.testing.assert_array_equal(asked.camera_from_world, camera.camera_from_world[None])
    np.testing.assert_array_equal(asked.world_from_head, place[None])
    sidecar.answer(Preview, previewed(asked, pixels=picture(5)))
    np.testing.assert_array_equal(ready(client).pixels, picture(5))


@pytest.mark.parametrize("frame", [-1, FRAMES])
def test_a_frame_that_is_not_in_the_take(client: Client, frame: int) -> None:
    with pytest.raises(InputError) as caught:
        client.start_preview(TAKE, TRACK, frame)
    assert caught.value.code == "frames.out_of_range"


@pytest.mark.parametrize("size", [(0, 4), (limits.MAX_PREVIEW_EDGE + 1, 4)])
def test_a_size_that_cannot_be(client: Client, size: tuple[int, int]) -> None:
    with pytest.raises(InputError) as caught:
        client.start_preview(TAKE, TRACK, 0, size=size)
    assert caught.value.code == "option.size"


def test_a_view_too_many(client: Client) -> None:
    client.start_preview(TAKE, TRACK, 0, view=limits.MAX_VIEWS)
    assert failed(client) == "link.protocol"


# --- the newest wins ------------------------------------------------------------------------


def test_one_is_under_way_and_the_newest_waits(sidecar: ScriptedSidecar, client: Client) -> None:
    client.start_preview(TAKE, TRACK, 0)
    asked = sidecar.expect(Preview)
    for frame in range(1, 50):
        client.start_preview(TAKE, TRACK, frame)
    sidecar.answer(Preview, previewed(asked))
    assert ready(client).frame == 0
    asked = sidecar.expect(Preview)
    assert asked.frame == 49
    sidecar.answer(Preview, previewed(asked))
    assert ready(client).frame == 49
    client.ping()
    assert sidecar.heard.count(Preview.TYPE) == 2


def test_views_do_not_wait_for_each_other(sidecar: ScriptedSidecar, client: Client) -> None:
    client.start_preview(TAKE, TRACK, 1, view=0)
    sidecar.expect(Preview)
    client.start_preview(TAKE, TRACK, 2, view=1)
    asked = sidecar.expect(Preview)
    assert (asked.view, asked.frame) == (1, 2)
    sidecar.answer(Preview, previewed(asked))
    assert ready(client).view == 1


@pytest.mark.parametrize(
    ("frame", "fps", "rows"),
    [
        (200, 30, range(135, 266)),  # 64 / 30 s are 64 frames, and one more
        (200, 24, range(147, 254)),  # 51.2 frames, so 52, and one more
        (10, 30, range(76)),
        (290, 30, range(225, 300)),
    ],
)
def test_a_preview_depends_on_two_windows(frame: int, fps: float, rows: range) -> None:
    assert preview_rows(frame, fps, 300) == rows


def test_a_thousand_updates_in_a_second(
    sidecar: ScriptedSidecar, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sidecar that answers at once: at most `MAX_PREVIEWS_PER_S` are asked for, and the last
    one is shown."""
    started = time.monotonic()
    asked, sent, shown, slowest = 0, 0, -1, 0.0

    def step() -> bool:
        nonlocal asked, sent, shown, slowest
        if sent < 1000 and time.monotonic() - started >= sent / 1000:
            before = time.perf_counter()
            client.start_preview(TAKE, TRACK, sent % FRAMES)
            slowest = max(slowest, time.perf_counter() - before)
            sent += 1
        while not sidecar._requests.empty():
            request = sidecar.expect(Preview)
            asked += 1
            sidecar.answer(Preview, previewed(request))
        for event in client.poll():
            assert isinstance(event, PreviewReady)
            shown = event.frame
        return sent == 1000 and shown == 999 % FRAMES

    wait_for(step, "the last of a thousand updates")
    took_s = time.monotonic() - started
    with capsys.disabled():
        print(
            f"\n1000 updates in {took_s:.2f} s: {asked} previews asked for, "
            f"slowest start {1e3 * slowest:.2f} ms"
        )
    assert asked <= limits.MAX_PREVIEWS_PER_S * took_s + 2


def test_superseded_is_no_news(sidecar: ScriptedSidecar, client: Client) -> None:
    client.start_preview(TAKE, TRACK, 1)
    sidecar.expect(Preview)
    sidecar.answer(Preview, SUPERSEDED)
    client.ping()
    assert client.poll() == []
    client.start_preview(TAKE, TRACK, 2)
    asked = sidecar.expect(Preview)
    sidecar.answer(Preview, previewed(asked))
    assert ready(client).frame == 2


def test_an_answer_that_comes_twice(sidecar: ScriptedSidecar, client: Client) -> None:
    client.start_preview(TAKE, TRACK, 1)
    asked = sidecar.expect(Preview)
    sidecar.answer(Preview, previewed(asked), times=3)
    assert ready(client).frame == 1
    client.start_preview(TAKE, TRACK, 2)
    sidecar.tell(previewed(asked), number=0)
    second = sidecar.expect(Preview)
    sidecar.answer(Preview, previewed(second))
    assert ready(client).frame == 2


def test_only_the_newest_is_kept_for_who_does_not_look(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    for frame in range(5):
        client.start_preview(TAKE, TRACK, frame)
        asked = sidecar.expect(Preview)
        sidecar.answer(Preview, previewed(asked))
        client.ping()
    assert ready(client).frame == 4


# --- failures -------------------------------------------------------------------------------


def test_a_failure(sidecar: ScriptedSidecar, client: Client) -> None:
    client.start_preview(TAKE, TRACK, 1)
    sidecar.expect(Preview)
    sidecar.answer(Preview, Failure(code="motion.empty", message="Nothing.", remedy="More."))
    assert failed(client) == "motion.empty"


def test_a_failure_is_silent_while_a_newer_one_waits(
    sidecar: ScriptedSidecar, client: Client
) -> None:
    client.start_preview(TAKE, TRACK, 1)
    sidecar.expect(Preview)
    client.start_preview(TAKE, TRACK, 2)
    sidecar.answer(Preview, Failure(code="motion.empty", message="Nothing.", remedy="More."))
    asked = sidecar.expect(Preview)
    assert client.poll() == []
    sidecar.answer(Preview, previewed(asked))
    assert ready(client).frame == 2


@pytest.mark.parametrize("wrong", [{"frame": 9}, {"view": 1}])
def test_another_preview_than_was_asked_for(
    sidecar: ScriptedSidecar, client: Client, wrong: dict
) -> None:
    client.start_preview(TAKE, TRACK, 1)
    asked = sidecar.expect(Preview)
    sidecar.answer(Preview, previewed(asked, **wrong))
    assert failed(client) == "link.protocol"


def test_an_answer_of_another_type(sidecar: ScriptedSidecar, client: Client) -> None:
    client.start_preview(TAKE, TRACK, 1)
    sidecar.expect(Preview)
    sidecar.answer(Preview, Acknowledged())
    assert failed(client) == "link.protocol"


@pytest.mark.parametrize("shape", [(4, 7, 4), (1, 1, 4), None])
def test_a_picture_of_another_size_or_none(
    sidecar: ScriptedSidecar, client: Client, shape: tuple[int, int, int] | None
) -> None:
    client.start_preview(TAKE, TRACK, 1, size=SIZE)
    asked = sidecar.expect(Preview)
    pixels = None if shape is None else np.zeros(shape, np.uint8)
    sidecar.answer(Preview, previewed(asked, pixels=pixels))
    assert failed(client) == "link.protocol"


def test_a_link_that_is_lost(sidecar: ScriptedSidecar, client: Client) -> None:
    for frame in (1, 2):
        client.start_preview(TAKE, TRACK, frame)
    client.start_preview(TAKE, TRACK, 3, view=1)
    sidecar.expect(Preview)
    sidecar.die()
    seen: dict[int, str] = {}

    def has_ended() -> bool:
        for event in client.poll():
            assert isinstance(event, PreviewFailed)
            seen[event.view] = event.error.code
        return len(seen) == 2

    wait_for(has_ended, "the end of both views")
    assert set(seen.values()) == {"link.unreachable"}
    client.start_preview(TAKE, TRACK, 4)
    assert failed(client) == "link.unreachable"


# --- shared memory --------------------------------------------------------------------------


def test_pixels_through_shared_memory(
    sidecar: ScriptedSidecar, client: Client, ring: PixelRing
) -> None:
    open_memory(sidecar, client, ring)
    for seed in range(3):
        client.start_preview(TAKE, TRACK, seed, size=SIZE)
        asked = sidecar.expect(Preview)
        assert asked.is_shared
        sidecar.answer(Preview, in_memory(asked, ring, seed))
        np.testing.assert_array_equal(ready(client).pixels, picture(seed))
    assert sidecar.heard.count(OpenPixels.TYPE) == 1


def in_memory(asked: Preview, ring: PixelRing, seed: int) -> Previewed:
    slot = ring.write(picture(seed))
    return previewed(
        asked,
        width=asked.width,
        height=asked.height,
        slot=slot.slot,
        sequence=slot.sequence,
        checksum=slot.checksum,
    )


def test_a_larger_picture_asks_for_larger_memory(
    sidecar: ScriptedSidecar, client: Client, ring: PixelRing
) -> None:
    open_memory(sidecar, client, ring)
    client.start_preview(TAKE, TRACK, 1, size=(16, 16))
    assert sidecar.expect(OpenPixels).slot_bytes == 4 * 16 * 16
    assert not sidecar.expect(Preview).is_shared


@pytest.mark.parametrize("refusal", ["no", "no such file", "another token"])
def test_without_shared_memory_pixels_are_in_the_answer(
    sidecar: ScriptedSidecar, client: Client, ring: PixelRing, refusal: str
) -> None:
    client.start_preview(TAKE, TRACK, 0, size=SIZE)
    sidecar.expect(OpenPixels)
    opened = PixelsOpened(name=ring.name, token=ring.token)
    answers = {
        "no": Failure(code="pixels.remote", message="You are far away.", remedy="None."),
        "no such file": replace(opened, name="affekt-1-0123456789abcdef"),
        "another token": replace(opened, token="0" * 64),
    }
    sidecar.answer(OpenPixels, answers[refusal])
    for frame in range(3):
        if frame:
            client.start_preview(TAKE, TRACK, frame, size=SIZE)
        asked = sidecar.expect(Preview)
        assert not asked.is_shared
        sidecar.answer(Preview, previewed(asked, pixels=picture(frame)))
        np.testing.assert_array_equal(ready(client).pixels, picture(frame))
    assert sidecar.heard.count(OpenPixels.TYPE) == 1


def test_a_remote_sidecar_is_not_asked_for_memory(
    sidecar: ScriptedSidecar, ring: PixelRing
) -> None:
    """Nothing that it may say opens a file here."""
    with Client.connect(replace(sidecar.connection, pid=None)) as client:
        client.start_preview(TAKE, TRACK, 0, size=SIZE)
        asked = sidecar.expect(Preview)
        assert not asked.is_shared
        sidecar.answer(Preview, in_memory(asked, ring, 1))
        assert failed(client) == "link.protocol"
    assert OpenPixels.TYPE not in sidecar.heard


def test_overwritten_pixels_are_asked_for_once_more(
    sidecar: ScriptedSidecar, client: Client, ring: PixelRing
) -> None:
    open_memory(sidecar, client, ring)
    client.start_preview(TAKE, TRACK, 1, size=SIZE)
    asked = sidecar.expect(Preview)
    gone = in_memory(asked, ring, 1)
    for seed in range(2):
        ring.write(picture(10 + seed))
    sidecar.answer(Preview, gone)
    again = sidecar.expect(Preview)
    assert (again.frame, again.is_shared) == (1, False)
    assert client.poll() == []
    sidecar.answer(Preview, previewed(again, pixels=picture(1)))
    np.testing.assert_array_equal(ready(client).pixels, picture(1))


def test_overwritten_pixels_are_no_news_while_a_newer_one_waits(
    sidecar: ScriptedSidecar, client: Client, ring: PixelRing
) -> None:
    open_memory(sidecar, client, ring)
    client.start_preview(TAKE, TRACK, 1, size=SIZE)
    asked = sidecar.expect(Preview)
    gone = in_memory(asked, ring, 1)
    for seed in range(2):
        ring.write(picture(10 + seed))
    client.start_preview(TAKE, TRACK, 2, size=SIZE)
    sidecar.answer(Preview, gone)
    newer = sidecar.expect(Preview)
    assert (newer.frame, newer.is_shared) == (2, True)
    sidecar.answer(Preview, in_memory(newer, ring, 2))
    event = ready(client)
    assert event.frame == 2
    np.testing.assert_array_equal(event.pixels, picture(2))


def test_spoiled_pixels_are_never_shown(
    sidecar: ScriptedSidecar, client: Client, ring: PixelRing
) -> None:
    """Someone writes into the memory: from now on pixels come over the wire."""
    open_memory(sidecar, client, ring)
    client.start_preview(TAKE, TRACK, 1, size=SIZE)
    asked = sidecar.expect(Preview)
    answer = in_memory(asked, ring, 1)
    assert answer.slot is not None
    ring._view(answer.slot, ring.slot_bytes)[0] ^= 1
    sidecar.answer(Preview, answer)
    for frame in (1, 2):
        again = sidecar.expect(Preview)
        assert (again.frame, again.is_shared) == (frame, False)
        sidecar.answer(Preview, previewed(again, pixels=picture(frame)))
        np.testing.assert_array_equal(ready(client).pixels, picture(frame))
        if frame == 1:
            client.start_preview(TAKE, TRACK, 2, size=SIZE)


def test_shared_pixels_that_nobody_asked_for(
    sidecar: ScriptedSidecar, client: Client, ring: PixelRing
) -> None:
    client.start_preview(TAKE, TRACK, 1, size=SIZE)
    asked = sidecar.expect(Preview)
    assert not asked.is_shared
    sidecar.answer(Preview, in_memory(asked, ring, 1))
    assert failed(client) == "link.protocol"


def test_the_slot_says_another_size(
    sidecar: ScriptedSidecar, client: Client, ring: PixelRing
) -> None:
    open_memory(sidecar, client, ring)
    client.start_preview(TAKE, TRACK, 1, size=SIZE)
    asked = sidecar.expect(Preview)
    sidecar.answer(Preview, replace(in_memory(asked, ring, 1), width=4, height=8))
    assert failed(client) == "link.protocol"
