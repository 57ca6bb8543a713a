# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's loop with FLAME heads, avatars and characters of a client: what the rooms are asked
for, in which file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared import messages
from affekt.shared.avatar_messages import AvatarRead, GetAvatar
from affekt.shared.calibration import Calibration
from affekt.shared.head import HeadModel
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.worker import orders
from affekt.sidecar.worker.services import (
    AvatarSource,
    BakeSteps,
    BakeTask,
    HeadSource,
    JobStep,
    RenderSteps,
    RenderTask,
    Take,
)
from affekt.sidecar.worker.work import Work
from fakes.calibrations import any_calibration
from fakes.head import small_head
from fakes.messages import any_message
from fakes.orders import FakeServices, WorkClient, bake_request, preview_request, render_request


def handing_on(client: WorkClient, rooms: FakeServices, **services: object) -> None:
    client.work = Work(replace(rooms.services(), **services), client.cache)


def test_a_preview_on_a_flame_head_is_asked_for_as_it_was_told(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    flame = client.keep(b"a FLAME file")
    told = preview_request(take, head=flame, head_space="flame2020", frames=3)
    client.answer(told)
    (task,) = rooms.previews
    assert task.take.head == HeadSource(
        name="the head's FLAME file", path=client.user.path(flame, ""), space="flame2020"
    )
    assert (task.head, task.frames) == (flame, 3)


def test_what_is_no_flame_head_shows_takes_of_the_open_one(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    client.answer(preview_request(take, head="open-gaussians"))
    (task,) = rooms.previews
    assert (task.take.head, task.head, task.frames) == (HeadSource(), "open-gaussians", 0)


def test_a_bake_is_on_the_head_that_it_names(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    flame, adapter = client.keep(b"a FLAME file"), client.keep(b"an adapter")
    client.begin(
        bake_request(
            take,
            name="walk.csv",
            adapter=adapter,
            head=flame,
            head_space="flame2023",
            frames=(2, 5),
        )
    )
    (task,) = rooms.bakes
    head = HeadSource(
        name="the head's FLAME file", path=client.user.path(flame, ""), space="flame2023"
    )
    assert task.take == Take(
        path=client.user.path(take, ""),
        name="walk.csv",
        adapter=client.user.path(adapter, ""),
        head=head,
    )
    assert (task.frames, task.wants_vertices) == (range(2, 5), True)
    assert task.track.weights[0].tolist() == bake_request(take).weights[0].tolist()


@pytest.mark.parametrize("shown", ["its own head", "another head", "the open head"])
def test_a_rendering_knows_whether_the_head_is_the_takes_own(
    shown: str, client: WorkClient, rooms: FakeServices, take: str
) -> None:
    asked: list[RenderTask] = []

    def render(task: RenderTask, user: UserCache) -> RenderSteps:
        asked.append(task)
        yield JobStep(stage="pictures", done=0, total=1)

    handing_on(client, rooms, render=render)
    flame, other = client.keep(b"a FLAME file"), client.keep(b"another")
    head = {"its own head": flame, "another head": other, "the open head": "open"}[shown]
    take_head = "open" if shown == "the open head" else flame
    client.begin(
        render_request(take, head=head, take_head=take_head, head_space="flame2020", avatar=None)
    )
    (task,) = asked
    assert task.is_own_head == (shown == "its own head")
    assert (task.head, task.avatar_name) == (head, "the avatar")
    assert task.take.head.path == (
        None if shown == "the open head" else client.user.path(flame, "")
    )


def test_a_head_and_an_avatar_are_read_by_what_their_files_are_called(
    client: WorkClient, rooms: FakeServices
) -> None:
    heads: list[HeadSource] = []
    avatars: list[AvatarSource] = []

    def read_head(source: HeadSource) -> HeadModel:
        heads.append(source)
        return small_head()

    def read_avatar(source: AvatarSource) -> AvatarRead:
        avatars.append(source)
        return any_message(AvatarRead)

    handing_on(client, rooms, read_head=read_head, read_avatar=read_avatar)
    flame, avatar = client.keep(b"a FLAME file"), client.keep(b"an avatar")
    client.answer(messages.GetHead(name=flame, head_space="flame2023", file_name="mine.pkl"))
    client.answer(messages.GetHead(name=flame))
    client.answer(messages.GetHead(name="open", file_name="mine.pkl"))
    path = client.user.path(flame, "")
    assert heads == [
        HeadSource(name="mine.pkl", path=path, space="flame2023"),
        HeadSource(name="the head's FLAME file", path=path),
        HeadSource(name="open"),
    ]
    client.answer(GetAvatar(avatar=avatar, name="mia.zip", flame=flame, flame_space="flame2020"))
    client.answer(GetAvatar())
    assert avatars == [
        AvatarSource(
            path=client.user.path(avatar, ""),
            name="mia.zip",
            flame=HeadSource(name="the FLAME file", path=path, space="flame2020"),
        ),
        AvatarSource(path=None, name="the avatar", flame=None),
    ]


def test_a_character_comes_back_as_it_was_measured(client: WorkClient, rooms: FakeServices) -> None:
    asked: list[messages.Calibrate] = []
    found = any_calibration()

    def calibrate(character: messages.Calibrate) -> Calibration:
        asked.append(character)
        return found

    handing_on(client, rooms, calibrate=calibrate)
    told = messages.Calibrate(
        vertices=np.arange(12, dtype=np.float32).reshape(4, 3),
        faces=np.array([[0, 1, 2], [1, 2, 3]], np.int32),
        shapes=np.arange(52 * 12, dtype=np.float32).reshape(52, 4, 3),
    )
    read = client.answer(told)
    assert isinstance(read, messages.Calibrated)
    for name in ("vertices", "faces", "shapes"):
        np.testing.assert_array_equal(getattr(asked[0], name), getattr(told, name))
    for name in ("map", "most", "gaps", "reach"):
        np.testing.assert_array_equal(getattr(read, name), getattr(found, name))


def test_a_job_that_ends_badly_when_it_is_dropped_is_only_logged(
    client: WorkClient, rooms: FakeServices, take: str, caplog: pytest.LogCaptureFixture
) -> None:
    def bake(task: BakeTask, user: UserCache) -> BakeSteps:
        try:
            yield JobStep(stage="bake", done=0, total=1)
        finally:
            raise RuntimeError("the very end")

    handing_on(client, rooms, bake=bake)
    client.begin(bake_request(take))
    client.drop()
    assert "the very end" in caplog.text
    reply = client.step()[0]
    assert isinstance(reply, orders.Refused)
    assert reply.code == "link.no_job"
