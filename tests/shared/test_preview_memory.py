# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared memory of previews: which is used, which is closed, and when none is asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
import pytest
from affekt.shared.conversions import track_fields
from affekt.shared.emotion import constant_track
from affekt.shared.errors import LinkError
from affekt.shared.messages import (
    Acknowledged,
    Message,
    OpenPixels,
    PixelsOpened,
    Preview,
    Previewed,
)
from affekt.shared.previews import _SharedMemory

GONE = LinkError("link.closed", "It has gone.", "Start it.")


class Ring:
    """Memory that is always damaged."""

    def __init__(self, name: str) -> None:
        self.name, self.closed = name, 0

    def read(self, *_: object) -> np.ndarray:
        raise LinkError("link.pixels", "Somebody wrote into it.", "None.")

    def close(self) -> None:
        self.closed += 1


class Desk:
    """A memory whose wishes are answered when the test says so. rings: those that were opened."""

    def __init__(self) -> None:
        self.wishes: list[tuple[int, Callable[[Future[Message]], None]]] = []
        self.rings: list[Ring] = []
        self.memory = _SharedMemory(self, self.open)  # type: ignore[arg-type]

    def send(self, wish: OpenPixels, on_done: Callable[[Future[Message]], None]) -> None:
        self.wishes.append((wish.slot_bytes, on_done))

    def open(self, name: str, token: str) -> Ring:
        if name == "gone":
            raise GONE
        self.rings.append(Ring(f"{name} {token}"))
        return self.rings[-1]

    def want(self, slot_bytes: int) -> int:
        """How many wishes that makes."""
        before = len(self.wishes)
        self.memory.want(slot_bytes)
        return len(self.wishes) - before

    def answer(self, said: str | Message | LinkError) -> None:
        """The oldest wish: with the memory of that name, or otherwise."""
        answer: Future[Message] = Future()
        if isinstance(said, LinkError):
            answer.set_exception(said)
        else:
            named = PixelsOpened(name=said, token="t") if isinstance(said, str) else said
            answer.set_result(named)
        self.wishes.pop(0)[1](answer)

    def holds(self, width: int | None, height: int | None) -> bool:
        return self.memory.holds(preview(width, height))

    def closed(self) -> list[int]:
        return [ring.closed for ring in self.rings]


def preview(width: int | None, height: int | None) -> Preview:
    return Preview(
        **track_fields(constant_track(1, 30)),
        motion="a" * 64,
        name="take",
        head="open",
        frame=0,
        first=0,
        width=width,
        height=height,
        is_shared=True,
    )


@pytest.fixture
def desk() -> Desk:
    return Desk()


def read(desk: Desk) -> object:
    shown = Previewed(
        view=0,
        frame=0,
        expression=np.zeros((1, 100), np.float32),
        jaw=np.zeros((1, 3), np.float32),
        width=4,
        height=2,
        slot=0,
        sequence=1,
        checksum="0" * 32,
    )
    return desk.memory.read(preview(4, 2), shown)


def test_memory_is_asked_for_once_and_holds_what_fits(desk: Desk) -> None:
    assert [desk.want(size) for size in (32, 32, 20, 33)] == [1, 0, 0, 1]
    assert [size for size, _ in desk.wishes] == [32, 33]
    assert not desk.holds(4, 2)
    desk.answer("a")
    assert desk.rings[0].name == "a t"
    assert [desk.holds(4, 2), desk.holds(3, 3), desk.holds(0, 2), desk.holds(None, None)] == [
        True,
        False,
        False,
        False,
    ]


def test_larger_memory_takes_the_place_of_the_smaller_which_is_closed(desk: Desk) -> None:
    desk.want(32)
    desk.answer("a")
    desk.want(64)
    assert desk.holds(4, 2)
    assert not desk.holds(4, 4)
    desk.answer("b")
    assert desk.holds(4, 4)
    assert desk.closed() == [1, 0]
    desk.memory.close()
    assert desk.closed() == [1, 1]


@pytest.mark.parametrize("said", ["gone", GONE, Acknowledged()])
def test_who_was_refused_asks_no_more(desk: Desk, said: str | Message | LinkError) -> None:
    """Nor has the smaller memory of before."""
    desk.want(32)
    desk.answer("a")
    desk.want(64)
    desk.answer(said)
    assert desk.closed() == [1]
    assert not desk.holds(4, 2)
    assert desk.want(128) == 0


def test_memory_that_comes_after_a_spoiled_one_is_not_used(desk: Desk) -> None:
    """Larger memory was on its way when somebody wrote into the first."""
    desk.want(32)
    desk.answer("a")
    desk.want(64)
    assert read(desk) is None
    assert desk.closed() == [1]
    desk.answer("b")
    assert desk.closed() == [1, 1]
    assert not desk.holds(4, 2)
    assert desk.want(128) == 0
