# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's previews: in each view one is under way and only the newest waits.

However fast an animator drags a slider, nothing piles up: what waits is replaced, and a view
asks at most `limits.MAX_PREVIEWS_PER_S` times a second. Pixels come through shared memory where
both sides can open it, else in the answer.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from . import events, limits
from .arrays import Float64Array, UInt8Array
from .camera import Camera
from .conversions import TrackFields, preview_rows, track_fields
from .emotion import EmotionTrack
from .errors import AffektError, InputError, LinkError
from .messages import Message, OpenPixels, PixelsOpened, Preview, Previewed
from .motion import frames_outside
from .pictures import PictureRequest
from .wire import misunderstood


class Link(Protocol):
    """The part of a `Channel` that previews use."""

    def send(self, message: Message, on_done: Callable[[Future[Message]], None] | None) -> None: ...

    def run_at(self, when: float, function: Callable[[], None]) -> None: ...


class Ring(Protocol):
    """The part of a `PixelRing` that previews use."""

    def read(
        self, slot: int, sequence: int, checksum: str, height: int, width: int
    ) -> UInt8Array | None: ...

    def close(self) -> None: ...


OpenRing = Callable[[str, str], Ring]
"""Opens shared memory by its name and token. Raises LinkError `link.pixels`."""


def track_rows(track: EmotionTrack, frame: int, frames: int = 1) -> tuple[int, TrackFields]:
    """(first, fields): the first frame on which a preview depends, of so many frames from `frame`
    on, and copies of the track's rows from there on. Raises InputError `frames.out_of_range`."""
    if not 0 <= frame < frame + frames <= len(track):
        raise frames_outside(range(frame, frame + frames), len(track))
    rows = preview_rows(frame, track.fps, len(track), frames)
    fields = track_fields(track)
    cut = {
        name: value[rows.start : rows.stop].copy()
        for name, value in fields.items()
        if isinstance(value, np.ndarray)
    }
    return rows.start, TrackFields(**{**fields, **cut})


def picture_of_view(
    size: tuple[int, int] | None, camera: Camera | None, world_from_head: Float64Array | None
) -> PictureRequest | None:
    """A request for the camera's picture, else one of `size` by the sidecar's camera, else None.
    Raises InputError `option.size`, `option.camera`."""
    if camera is not None:
        size = (camera.width, camera.height)
    if size is None:
        return None
    if max(size) > limits.MAX_PREVIEW_EDGE:
        raise InputError(
            "option.size",
            f"A preview of {size[0]} x {size[1]} pixels cannot be made.",
            f"Choose at most {limits.MAX_PREVIEW_EDGE} pixels an edge.",
        )
    return PictureRequest(
        width=size[0],
        height=size[1],
        cameras=() if camera is None else (camera,),
        world_from_head=np.eye(4) if world_from_head is None else world_from_head,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A request and its number."""

    preview: Preview
    number: int


@dataclass(slots=True)
class _View:
    """under_way: asked for and not answered. waiting: to be asked for next. is_due: a timer runs
    that will ask."""

    under_way: _Asked | None = None
    waiting: _Asked | None = None
    is_due: bool = False
    asked: float = float("-inf")


class Previews:
    """The views of one client. `start` and `take_events` never wait; the rest runs on the
    link's thread."""

    def __init__(self, link: Link, open_ring: OpenRing | None) -> None:
        """open_ring: None where the sidecar is on another machine."""
        self._link = link
        self._memory = _SharedMemory(link, open_ring)
        self._views: dict[int, _View] = {}
        self._numbers = itertools.count(1)
        self._events: dict[int, events.PreviewReady | events.PreviewFailed] = {}
        self._error: LinkError | None = None
        self._lock = threading.Lock()

    def start(self, request: Preview) -> int:
        """Asks for the preview as soon as its view is free, in place of one that still waits.
        Returns the request's number: later ones are higher."""
        asked = _Asked(request, next(self._numbers))
        if request.width is not None and request.height is not None:
            self._memory.want(4 * request.width * request.height)
        with self._lock:
            if self._error is not None:
                self._fail(request.view, self._error)
                return asked.number
            view = self._views.setdefault(request.view, _View())
            view.waiting = asked
            self._schedule(request.view, view)
        return asked.number

    def take_events(self) -> list[events.PreviewReady | events.PreviewFailed]:
        """The newest event of each view since the last call."""
        with self._lock:
            taken, self._events = self._events, {}
        return list(taken.values())

    def give_up(self, error: LinkError) -> None:
        """Fails all open previews and later ones with the error, since the link is lost."""
        with self._lock:
            self._error = error
            for number, view in self._views.items():
                if view.waiting is not None or view.under_way is not None:
                    self._fail(number, error)
            self._views.clear()
        self._memory.close()

    def _schedule(self, number: int, view: _View) -> None:
        if view.waiting is not None and view.under_way is None and not view.is_due:
            view.is_due = True
            when = view.asked + 1 / limits.MAX_PREVIEWS_PER_S
            self._link.run_at(when, lambda: self._ask(number))

    def _ask(self, number: int) -> None:
        with self._lock:
            view = self._views.get(number)
            if view is None or view.waiting is None:
                return
            asked, view.waiting, view.is_due = view.waiting, None, False
            view.under_way, view.asked = asked, time.monotonic()
        if asked.preview.is_shared and not self._memory.holds(asked.preview):
            asked = _unshared(asked)
        self._link.send(asked.preview, lambda answer: self._take(number, asked, answer))

    def _take(self, number: int, asked: _Asked, answer: Future[Message]) -> None:
        error, event = answer.exception(), None
        if error is None:
            try:
                event = self._read(asked, answer.result())
            except AffektError as raised:
                error = raised
        with self._lock:
            view = self._views.get(number)
            if view is None:
                return
            view.under_way = None
            if isinstance(error, AffektError):
                if error.code != "preview.superseded" and view.waiting is None:
                    self._fail(number, error)
            elif event is not None:
                self._events[number] = event
            elif view.waiting is None:
                # Its pixels were overwritten before we read them: once more, where none can.
                view.waiting = _unshared(asked)
            self._schedule(number, view)

    def _read(self, asked: _Asked, answer: Message) -> events.PreviewReady | None:
        """The answer as an event; None if its pixels are gone. Raises LinkError `link.protocol` for
        an answer to another request."""
        request = asked.preview
        if not isinstance(answer, Previewed):
            raise misunderstood(f"a preview was answered with '{answer.TYPE}'")
        if (answer.view, answer.frame) != (request.view, request.frame):
            raise misunderstood("another preview came than was asked for")
        pixels = answer.pixels
        if request.width is not None and request.height is not None:
            if pixels is None:
                pixels = self._memory.read(request, answer)
                if pixels is None:
                    return None
            if pixels.shape != (request.height, request.width, 4):
                raise misunderstood("a preview has another size than was asked for")
        # A sidecar of protocol 3.5 does not know of them.
        if request.frames != (0 if answer.numbers is None else len(answer.numbers)):
            raise misunderstood("a preview has other frames than were asked for")
        return events.PreviewReady(
            view=answer.view,
            frame=answer.frame,
            expression=answer.expression[0],
            jaw=answer.jaw[0],
            vertices=answer.vertices,
            pixels=pixels,
            numbers=answer.numbers,
            request=asked.number,
        )

    def _fail(self, number: int, error: AffektError) -> None:
        self._events[number] = events.PreviewFailed(view=number, error=error)


def _unshared(asked: _Asked) -> _Asked:
    """The same request, whose pixels come in the answer."""
    return replace(asked, preview=replace(asked.preview, is_shared=False))


class _SharedMemory:
    """The shared memory of one client, opened when first wanted. Until then, and where it cannot
    be opened, pixels come in the answers."""

    def __init__(self, link: Link, open_ring: OpenRing | None) -> None:
        self._link = link
        self._open_ring = open_ring
        self._ring: Ring | None = None
        self._asked_bytes = 0
        self._slot_bytes = 0
        self._is_refused = open_ring is None
        self._lock = threading.Lock()

    def want(self, slot_bytes: int) -> None:
        """Asks for memory with slots of `slot_bytes`, unless it has been asked for."""
        with self._lock:
            if self._is_refused or slot_bytes <= self._asked_bytes:
                return
            self._asked_bytes = slot_bytes
        request = OpenPixels(slots=limits.MAX_PIXEL_SLOTS, slot_bytes=slot_bytes)
        self._link.send(request, lambda answer: self._open(slot_bytes, answer))

    def holds(self, request: Preview) -> bool:
        """Whether the preview's picture fits into the shared memory."""
        size = 4 * (request.width or 0) * (request.height or 0)
        with self._lock:
            return self._ring is not None and 0 < size <= self._slot_bytes

    def read(self, request: Preview, answer: Previewed) -> UInt8Array | None:
        """The pixels in the answer's slot; None if they were overwritten or their checksum is
        wrong. Raises LinkError `link.protocol`."""
        slot, sequence, checksum = answer.slot, answer.sequence, answer.checksum
        if not request.is_shared or slot is None or sequence is None or checksum is None:
            raise misunderstood("a preview came without its picture")
        if (answer.width, answer.height) != (request.width, request.height):
            raise misunderstood("a preview has another size than was asked for")
        ring = self._ring
        if ring is None:
            return None
        try:
            return ring.read(slot, sequence, checksum, request.height or 0, request.width or 0)
        except LinkError:
            self.close()  # from now on pixels come over the wire, where nobody can spoil them
            return None

    def close(self) -> None:
        """Frees the memory."""
        with self._lock:
            ring, self._ring, self._is_refused = self._ring, None, True
        if ring is not None:
            ring.close()

    def _open(self, slot_bytes: int, answer: Future[Message]) -> None:
        ring: Ring | None = None
        if answer.exception() is None:
            ring = self._try(answer.result())
        with self._lock:
            self._is_refused = self._is_refused or ring is None
            # After `close` no memory is used, whenever it was asked for.
            gone = (self._ring, ring) if self._is_refused else (self._ring,)
            self._ring = None if self._is_refused else ring
            self._slot_bytes = slot_bytes
        for old in gone:
            if old is not None:
                old.close()

    def _try(self, answer: Message) -> Ring | None:
        if self._open_ring is None or not isinstance(answer, PixelsOpened):
            return None
        try:
            return self._open_ring(answer.name, answer.token)
        except LinkError:
            return None
