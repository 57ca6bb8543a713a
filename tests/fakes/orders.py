# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker without a socket: orders in, replies out; and fake services for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np
from affekt.shared import messages, wire
from affekt.shared.avatar_messages import AvatarRead
from affekt.shared.calibration import Calibration
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError
from affekt.shared.head import HeadModel
from affekt.shared.messages import Calibrate, Message
from affekt.shared.motion import TakeRead, TakeSpace, make_motion
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.words.describe import describe
from affekt.sidecar.words.keys import to_keys
from affekt.sidecar.worker import orders
from affekt.sidecar.worker.services import (
    AvatarSource,
    BakeOutput,
    BakeSteps,
    BakeTask,
    HeadSource,
    JobStep,
    PortraitOutput,
    PortraitSteps,
    PortraitTask,
    PreviewOutput,
    PreviewTask,
    RenderSteps,
    RenderTask,
    Services,
    Take,
)
from affekt.sidecar.worker.work import Work

from .calibrations import any_calibration
from .head import small_head
from .messages import any_message

JOB = "0123456789abcdef" * 2
FAKE_TAKE = b"a take of 6 frames"
FRAMES = 6
PNG = b"\x89PNG picture "
RECIPE = "ab" * 20


@dataclass
class FakeServices:
    """What they were asked, and what shall go wrong there. fails: raised by the next preview, or
    by the step of a job after `fails_at` of them."""

    fails: BaseException | None = None
    fails_at: int = 0
    forgotten: int = 0
    closed: list[str] = field(default_factory=list)
    previews: list[PreviewTask] = field(default_factory=list)
    bakes: list[BakeTask] = field(default_factory=list)
    portraits: list[PortraitTask] = field(default_factory=list)

    def services(self) -> Services:
        return Services(
            load=lambda: "cpu",
            compile_aside=lambda: None,
            warm_up=lambda: iter(()),
            forget=self.forget,
            read_take=self.read_take,
            read_head=self.read_head,
            read_avatar=self.read_avatar,
            calibrate=self.calibrate,
            describe=lambda text, fps: to_keys(describe(text, fps=fps)),
            preview=self.preview,
            bake=self.bake,
            render=self.render,
            create_avatar=self.create_avatar,
        )

    def forget(self) -> None:
        self.forgotten += 1

    def read_take(self, take: Take, space: TakeSpace) -> tuple[TakeRead, str]:
        if take.path.read_bytes() != FAKE_TAKE:
            raise InputError("file.wrong_kind", f"{take.name} is no motion.", "Give a motion.")
        expression = np.ones((FRAMES, 100), np.float32)
        return TakeRead(motion=make_motion(expression=expression, fps=30, space="open")), "arkit"

    def read_head(self, source: HeadSource) -> HeadModel:
        if source.name != "open":
            raise InputError("head.unknown", "There is no such head.", "Use 'open'.")
        return small_head()

    def read_avatar(self, source: AvatarSource) -> AvatarRead:
        return any_message(AvatarRead)

    def calibrate(self, character: Calibrate) -> Calibration:
        return any_calibration()

    def preview(self, task: PreviewTask) -> PreviewOutput:
        self._fail_at(0)
        self.previews.append(task)
        pixels = None
        if task.picture is not None:
            shape = (task.picture.height, task.picture.width, 4)
            pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        return PreviewOutput(
            expression=np.full((1, 100), task.frame, np.float32),
            jaw=np.zeros((1, 3), np.float32),
            vertices=np.zeros((4, 3), np.float32) if task.wants_vertices else None,
            pixels=pixels,
        )

    def bake(self, task: BakeTask, user: UserCache) -> BakeSteps:
        self.bakes.append(task)
        motion = self.read_take(task.take, "open")[0].motion
        try:
            for done in range(FRAMES + 1):
                self._fail_at(done)
                yield JobStep(stage="bake", done=done, total=FRAMES)
        finally:
            self.closed.append("bake")
        stored = user.add(lambda file: file.write(b"npz"))
        vertices = user.add(lambda file: file.write(b"PC2")) if task.wants_vertices else None
        return BakeOutput(
            start=0, motion=motion, motion_file=stored, take_file=stored, vertices_file=vertices
        )

    def render(self, task: RenderTask, user: UserCache) -> RenderSteps:
        folder = user.pictures(RECIPE)
        try:
            yield JobStep(stage="pictures", done=0, total=FRAMES)
            for index in range(FRAMES):
                self._fail_at(index + 1)
                path = folder / f"frame_{index:04d}.png"
                path.write_bytes(PNG)
                yield JobStep(
                    stage="pictures",
                    done=index + 1,
                    total=FRAMES,
                    index=index,
                    files=(("frame", path),),
                )
        finally:
            self.closed.append("render")

    def create_avatar(self, task: PortraitTask, user: UserCache) -> PortraitSteps:
        self.portraits.append(task)
        try:
            for done in range(FRAMES):
                self._fail_at(done)
                yield JobStep(stage=f"stage-{done}", done=done, total=FRAMES)
        finally:
            self.closed.append("create_avatar")
        return PortraitOutput(
            avatar_file=user.add(lambda file: file.write(b"an avatar")), said="One\x07 face."
        )

    def _fail_at(self, done: int) -> None:
        if self.fails is not None and done == self.fails_at:
            fails, self.fails = self.fails, None
            raise fails


class WorkClient:
    """Gives a `Work` orders and reads its replies."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.cache = Cache(folder / "cache", 10**9)
        self.user = self.cache.user("local")
        self.work = Work(services, self.cache)
        self._units = count(1)

    def keep(self, data: bytes, user: str = "local") -> str:
        """An artefact of the user's; its hash."""
        return self.cache.user(user).add(lambda file: file.write(data))[0]

    def answer(self, request: Message, *, pixels: str | None = None) -> Message:
        """The answer, or the refusal."""
        order = orders.Answer(unit=next(self._units), user="local", pixels=pixels)
        reply, inner = self._order(order, request)
        if isinstance(reply, orders.Refused):
            return reply
        assert isinstance(reply, orders.Answered)
        number, message = wire.decode_frames(inner)
        assert number == 7
        return message

    def begin(self, request: messages.JobRequest, user: str = "local") -> Message:
        """The reply to `Begin`."""
        order = orders.Begin(unit=next(self._units), user=user, job=request.job)
        return self._order(order, request)[0]

    def step(self, job: str = JOB) -> tuple[Message, Message | None]:
        """The reply to a `Step`, and the job's last event if it has come."""
        reply, inner = self._order(orders.Step(unit=next(self._units), job=job))
        return reply, wire.decode_frames(inner)[1] if inner else None

    def drop(self, job: str = JOB) -> None:
        """Drops the job."""
        assert self.work.handle(orders.pack(orders.Drop(job=job))) is None

    def run(self, request: messages.JobRequest) -> tuple[list[orders.Stepped], Message]:
        """All replies of a job, and its last event."""
        steps = [self.begin(request)]
        while True:
            assert isinstance(steps[-1], orders.Stepped), steps[-1]
            reply, event = self.step(request.job)
            steps.append(reply)
            if event is not None:
                return [step for step in steps if isinstance(step, orders.Stepped)], event

    def _order(self, order: Message, request: Message | None = None):
        inner = [] if request is None else wire.encode(request, 7)
        reply = self.work.handle([bytes(frame) for frame in orders.pack(order, inner)])
        assert reply is not None
        read = orders.unpack(reply, orders.REPLIES)
        assert read[0].unit == order.unit  # pyright: ignore[reportAttributeAccessIssue]
        return read


def bake_request(motion: str, length: int = FRAMES, **changes: object) -> messages.Bake:
    """A bake of a happy take."""
    track = constant_track(length, 30.0, happy=1.0)
    request = messages.Bake(
        job=JOB,
        motion=motion,
        name="take.npz",
        head="open",
        weights=track.weights,
        influence=track.influence,
        upper=track.upper,
        lower=track.lower,
        geometry=track.geometry,
        appearance=track.appearance,
        keep_closed=track.keep_closed,
        fps=30.0,
    )
    return replace(request, **changes)


def render_request(motion: str, **changes: object) -> messages.Render:
    """Small pictures of the open head."""
    request = messages.Render(
        job=JOB, motion=motion, name="take.npz", head="open", width=16, height=12, credit=8
    )
    return replace(request, **changes)


def preview_request(motion: str, **changes: object) -> messages.Preview:
    """Frame 2 of a sad take, by its numbers alone."""
    track = constant_track(3, 30.0, sad=1.0)
    request = messages.Preview(
        motion=motion,
        name="take.npz",
        head="open",
        frame=2,
        first=1,
        weights=track.weights,
        influence=track.influence,
        upper=track.upper,
        lower=track.lower,
        geometry=track.geometry,
        appearance=track.appearance,
        keep_closed=track.keep_closed,
        fps=30.0,
    )
    return replace(request, **changes)


def absent() -> str:
    """The hash of something that nobody has."""
    return hashlib.sha256(b"absent").hexdigest()
