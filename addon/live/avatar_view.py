# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a live head's avatar as the scene's camera sees it: what is asked for, and what
has come. While anything moves the picture is small; once all rests it is as fine as the screen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy

from ...shared import limits
from ...shared.arrays import UInt8Array
from ...shared.artefact import Artefact
from ...shared.camera import fit_camera
from ...shared.client import Client
from ...shared.errors import AffektError, InputError
from ...shared.events import PreviewFailed, PreviewReady
from ...shared.supervisor import Supervisor
from ..avatar.rendering import chosen_files, name_drawn, read_adapter, read_avatar
from ..camera import FrameCamera, read_camera
from ..link import requests
from ..link.requests import Waiting
from ..motion.playback import layer_of
from ..words.sentences import say_error, translate
from .live_head import LiveHead, Told, is_served
from .records import Moment

MOVING_PX = 320
"""The longest edge while something moves."""
REST_S = 0.15
"""How long nothing may have moved before the fine picture is asked for."""
_AGAIN_S = 1.0
"""How long after a failure the sidecar is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the head's avatar settings say: a file with its adapter, or what the sidecar calls the
    head itself."""

    avatar: Path | None = None
    adapter: Path | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sent:
    """What the sidecar of this client has of what was chosen."""

    client: Client
    chosen: Chosen
    subject: Artefact | str
    adapter: Artefact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a picture is of, and its longest edge."""

    key: tuple[object, ...]
    edge_px: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A picture (H, W, 4), sRGB, straight alpha, top row first. number: rises with each."""

    pixels: UInt8Array
    number: int
    asked: _Asked


def chosen_of(head: bpy.types.Object) -> Chosen:
    """What the head's avatar settings say. Raises InputError `option.avatar` for what the camera's
    view cannot show."""
    settings = head.affekt_avatar
    if settings.subject == "MESH":
        raise InputError(
            "option.avatar",
            "The head as a mesh is what the viewport shows anyway.",
            "Choose an avatar's file or the head as Gaussians.",
        )
    if settings.subject == "GAUSSIANS":
        return Chosen(name=name_drawn(head, as_gaussians=True))
    avatar, adapter = chosen_files(head)
    return Chosen(avatar=avatar, adapter=adapter)


class AvatarView:
    """See above. Only the main thread calls it; nothing here waits. view: the number of the view
    that it asks in."""

    def __init__(self, view: int) -> None:
        self.view = view
        self.seen: Seen | None = None
        """The newest picture; None while none may be shown."""
        self.is_right = self.is_fine = False
        """Whether it is of what the scene shows now; and as fine as it becomes."""
        self.why = ""
        """What it waits for, in a sentence."""
        self._sent: _Sent | None = None
        self._sending: Waiting[_Sent] | None = None
        self._wanted: tuple[object, ...] = ()
        self._asked: dict[int, _Asked] = {}
        self._newest: _Asked | None = None
        self._moved_at = self._failed_at = float("-inf")
        self._failure = ""

    def step(
        self, live: LiveHead, line: Supervisor | None, told: Told, *, edge_px: int
    ) -> Seen | None:
        """Does what can be done now. edge_px: how large the picture is on the screen, 0 if it is on
        none. Returns what is new to be drawn, and None if that has not changed."""
        before = self.seen
        try:
            self._advance(live, line, told, edge_px)
        except AffektError as error:
            self._fail(say_error(error))
        return None if self.seen is before else self.seen

    @property
    def has_failed(self) -> bool:
        """Whether what it waits for is that an error is mended."""
        return bool(self.why) and self.why == self._failure

    @property
    def is_waiting(self) -> bool:
        """Whether a picture is on its way."""
        return bool(self._asked)

    def _advance(self, live: LiveHead, line: Supervisor | None, told: Told, edge_px: int) -> None:
        places = live.places
        moment = None if places is None else live.moment()
        if places is None or line is None or moment is None or not is_served(line):
            self._forget()
            self.why = live.why if is_served(line) else translate("The sidecar is not connected.")
            return
        if time.monotonic() < self._failed_at + _AGAIN_S:
            return
        self._take(told)
        head, scene = places
        sent = self._send(line, moment.client, chosen_of(head))
        if sent is None or not edge_px:
            self.is_right = False
            return
        self.why = ""
        # A timer's context is of any window, which may show another scene.
        with bpy.context.temp_override(scene=scene, view_layer=layer_of(scene)):
            eye = read_camera(bpy.context, head, is_whole=True)
        self._ask(moment, sent, eye, edge_px)

    def _ask(self, moment: Moment, sent: _Sent, eye: FrameCamera, edge_px: int) -> None:
        """Asks for the moment as the camera sees it, unless that is there or on its way."""
        edge_px = min(edge_px, limits.MAX_PREVIEW_EDGE)
        wanted, now = (moment.key, sent, _key_of(eye)), time.monotonic()
        if wanted != self._wanted:
            self._wanted, self._moved_at = wanted, now
        is_resting = now >= self._moved_at + REST_S
        asked = _Asked(key=wanted, edge_px=edge_px if is_resting else min(edge_px, MOVING_PX))
        seen = None if self.seen is None else self.seen.asked
        self.is_right = seen is not None and seen.key == wanted
        self.is_fine = seen == _Asked(key=wanted, edge_px=edge_px)
        if asked == self._newest:
            return
        number = moment.client.start_preview(
            moment.take,
            moment.track,
            moment.frame,
            view=self.view,
            subject=sent.subject,
            adapter=sent.adapter,
            head=moment.head.name,
            head_space=moment.head.space,
            camera=fit_camera(eye.camera, asked.edge_px),
            world_from_head=eye.world_from_head,
        )
        self._newest = self._asked[number] = asked

    def _take(self, told: Told) -> None:
        """Takes in what the sidecar has said. Raises its error."""
        answer = told.get(self.view)
        if isinstance(answer, PreviewFailed):
            raise answer.error
        if not isinstance(answer, PreviewReady) or answer.request not in self._asked:
            return
        asked = self._asked[answer.request]
        self._asked = {n: one for n, one in self._asked.items() if n > answer.request}
        assert answer.pixels is not None  # they were asked for
        self.seen = Seen(pixels=answer.pixels, number=answer.request, asked=asked)

    def _send(self, line: Supervisor, client: Client, chosen: Chosen) -> _Sent | None:
        """Sees to it that the sidecar that is there has what was chosen."""
        if self._sent is not None and (self._sent.client, self._sent.chosen) != (client, chosen):
            self._forget()
            self._sending = None
        if self._sent is None:
            if self._sending is None:
                self._sending = _send_steps(line, client, chosen)
            try:
                next(self._sending)
            except StopIteration as end:
                self._sent, self._sending = end.value, None
        return self._sent

    def _fail(self, why: str) -> None:
        self._forget()
        self._sending = None
        self._failed_at, self.why, self._failure = time.monotonic(), why, why

    def _forget(self) -> None:
        """A picture of what is no longer there must not be seen."""
        self._sent = self.seen = self._newest = None
        self._asked = {}
        self.is_right = self.is_fine = False


def _send_steps(line: Supervisor, client: Client, chosen: Chosen) -> Waiting[_Sent]:
    if chosen.avatar is None:
        return _Sent(client=client, chosen=chosen, subject=chosen.name)
    helper = chosen.adapter
    avatar, adapter = yield from requests.send_avatar(
        line,
        partial(read_avatar, chosen.avatar),
        None if helper is None else partial(read_adapter, helper),
    )
    return _Sent(client=client, chosen=chosen, subject=avatar, adapter=adapter)


def _key_of(eye: FrameCamera) -> tuple[object, ...]:
    """The same for the same view."""
    camera = eye.camera
    return (
        *(camera.width, camera.height, camera.focal_x, camera.focal_y),
        *(camera.centre_x, camera.centre_y, camera.near, camera.far, camera.orthographic),
        camera.camera_from_world.tobytes(),
        eye.world_from_head.tobytes(),
    )
