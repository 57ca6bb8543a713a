# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders and their replies, with fake services."""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import messages, wire
from affekt.shared.errors import InputError
from affekt.shared.motion import ReadOptions, TakeRead, TakeSpace, make_motion
from affekt.shared.pixels import PixelRing
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.worker import orders, work
from affekt.sidecar.worker.services import (
    BakeOutput,
    BakeSteps,
    BakeTask,
    JobStep,
    LamFiles,
    PreviewOutput,
    RenderSteps,
    RenderTask,
    Take,
)
from affekt.sidecar.worker.work import Work
from fakes.calibrations import any_calibration
from fakes.orders import (
    FAKE_TAKE,
    FRAMES,
    JOB,
    FakeServices,
    WorkClient,
    absent,
    bake_request,
    preview_request,
    render_request,
)

JAW = np.array([[0.5, 0.25, 0.125], [0.75, 0.375, 0.0625]], np.float32)


def refused(reply: object, code: str) -> orders.Refused:
    assert isinstance(reply, orders.Refused), reply
    assert reply.code == code
    assert reply.remedy
    return reply


# --- short requests --------------------------------------------------------------------------


def test_short_requests_are_answered_with_their_id(client: WorkClient, take: str) -> None:
    read = client.answer(messages.ReadMotion(motion=take, name="take.npz"))
    assert isinstance(read, messages.MotionRead)
    assert (read.source_space, len(read.expression)) == ("arkit", FRAMES)
    assert isinstance(client.answer(messages.GetHead(name="open")), messages.HeadRead)
    face = messages.Calibrate(
        vertices=np.zeros((4, 3), np.float32),
        faces=np.zeros((2, 3), np.int32),
        shapes=np.zeros((52, 4, 3), np.float32),
    )
    found = client.answer(face)
    assert isinstance(found, messages.Calibrated)
    np.testing.assert_array_equal(found.map, any_calibration().map)


def test_what_a_room_refuses_is_refused(client: WorkClient) -> None:
    refused(client.answer(messages.GetHead(name="closed")), "head.unknown")
    other = client.keep(b"something else")
    reply = refused(
        client.answer(messages.ReadMotion(motion=other, name="x.npz")), "file.wrong_kind"
    )
    assert "x.npz" in reply.message


def test_an_artefact_that_is_not_there(client: WorkClient) -> None:
    refused(client.answer(messages.ReadMotion(motion=absent(), name="x")), "link.no_artefact")
    refused(client.begin(bake_request(absent())), "link.no_artefact")


def test_another_users_artefact_is_not_there(client: WorkClient, take: str) -> None:
    assert isinstance(client.begin(bake_request(take)), orders.Stepped)  # the control arm
    refused(client.begin(bake_request(take), user="eve"), "link.no_artefact")


def test_a_request_that_is_none_of_the_workers(client: WorkClient, take: str) -> None:
    """A job is no short request, and no short request begins a job."""
    refused(client.answer(messages.Ping()), "link.unknown_message")
    refused(client.answer(messages.Cancel(job=JOB)), "link.unknown_message")
    refused(client.answer(bake_request(take)), "link.unknown_message")
    short = preview_request(take)
    order = orders.Begin(unit=3, user="local", job=JOB)
    refused(client._order(order, short)[0], "link.unknown_message")
    assert isinstance(client.answer(short), messages.Previewed)


def test_nonsense_is_no_order_and_ends_nothing(client: WorkClient, take: str) -> None:
    assert client.work.handle([b"nonsense"]) is None
    assert client.work.handle([]) is None
    assert isinstance(client.answer(messages.GetHead(name="open")), messages.HeadRead)


def test_how_a_take_is_to_be_read_is_handed_on_and_what_was_found_comes_back(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    asked: list[Take] = []
    notes = ("x" * 600, *(f"note {number}" for number in range(2, 21)))

    def read_take(one: Take, space: TakeSpace) -> tuple[TakeRead, str]:
        asked.append(one)
        assert space == "open"
        motion = make_motion(
            expression=np.full((2, 100), 0.25, np.float32), fps=59.904, space="open", jaw=JAW
        )
        return TakeRead(motion=motion, notes=notes), "flame"

    adapter = client.keep(b"an adapter")
    client.work = Work(replace(rooms.services(), read_take=read_take), client.cache)
    read = client.answer(
        messages.ReadMotion(
            motion=take,
            name="walk.csv",
            adapter=adapter,
            fps=23.976,
            angles="degrees",
            axes="opencv",
        )
    )
    assert asked == [
        Take(
            path=client.user.path(take, ""),
            name="walk.csv",
            adapter=client.user.path(adapter, ""),
            options=ReadOptions(fps=23.976, angles="degrees", axes="opencv"),
        )
    ]
    assert isinstance(read, messages.MotionRead)
    assert (read.source_space, read.space, read.fps) == ("flame", "open", 59.904)
    np.testing.assert_array_equal(read.jaw, JAW)
    assert read.notes == ("x" * 500, *(f"note {number}" for number in range(2, 17)))


# --- previews --------------------------------------------------------------------------------


def test_a_previews_numbers(client: WorkClient, rooms: FakeServices, take: str) -> None:
    shown = client.answer(preview_request(take, view=3, vertices=True))
    assert isinstance(shown, messages.Previewed)
    assert (shown.view, shown.frame, shown.pixels, shown.width) == (3, 2, None, None)
    assert shown.vertices is not None
    assert shown.expression[0, 0] == 2
    task = rooms.previews[0]
    assert (task.first, task.frame, len(task.track), task.picture) == (1, 2, 3, None)


def test_a_preview_is_asked_for_as_it_was_told(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    avatar, adapter = client.keep(b"an avatar"), client.keep(b"an adapter")
    told = preview_request(
        take, name="walk.csv", adapter=adapter, avatar=avatar, avatar_name="Mia", width=7, height=5
    )
    client.answer(told)
    client.answer(replace(told, avatar_name=None, vertices=True))
    named, unnamed = rooms.previews
    assert named.take == Take(
        path=client.user.path(take, ""), name="walk.csv", adapter=client.user.path(adapter, "")
    )
    assert (named.avatar, named.avatar_name) == (client.user.path(avatar, ""), "Mia")
    assert named.picture is not None
    assert named.picture.size == (7, 5)
    assert (named.take.head.name, named.wants_vertices) == ("open", False)
    assert (unnamed.avatar_name, unnamed.wants_vertices) == ("the avatar", True)
    np.testing.assert_array_equal(named.track.weights, told.weights)


def test_a_picture_in_the_answer(client: WorkClient, take: str) -> None:
    shown = client.answer(preview_request(take, width=5, height=3))
    assert isinstance(shown, messages.Previewed)
    assert shown.pixels is not None
    assert shown.pixels.shape == (3, 5, 4)
    assert (shown.width, shown.height, shown.slot) == (5, 3, None)


def test_a_picture_in_shared_memory(client: WorkClient, take: str) -> None:
    ring = PixelRing.create(2, 4096)
    try:
        for turn in range(3):
            request = preview_request(take, width=5, height=3, is_shared=True)
            shown = client.answer(request, pixels=ring.name)
            assert isinstance(shown, messages.Previewed)
            assert shown.pixels is None
            assert shown.slot == turn % 2
            assert shown.sequence is not None
            assert shown.checksum is not None
            seen = ring.read(shown.slot, shown.sequence, shown.checksum, 3, 5)
            assert seen is not None
            np.testing.assert_array_equal(seen.ravel(), np.arange(60))
        whole = client.answer(preview_request(take, width=5, height=3), pixels=ring.name)
        assert isinstance(whole, messages.Previewed)
        assert whole.pixels is not None  # it did not ask for shared memory
    finally:
        client.work.close()
        ring.close()
        ring.remove()


@pytest.mark.parametrize("why", ["it is not there", "it is too small"])
def test_shared_memory_that_cannot_be_used(why: str, client: WorkClient, take: str) -> None:
    ring = PixelRing.create(2, 4)
    try:
        name = ring.name if why == "it is too small" else "affekt-1-0123456789abcdef"
        request = preview_request(take, width=5, height=3, is_shared=True)
        shown = client.answer(request, pixels=name)
        assert isinstance(shown, messages.Previewed)
        assert shown.pixels is not None
        assert shown.slot is None
    finally:
        client.work.close()
        ring.close()
        ring.remove()


def test_half_a_size_is_none(client: WorkClient, take: str) -> None:
    refused(client.answer(preview_request(take, width=5)), "option.size")
    lens = np.ones((1, 7))
    odd = preview_request(take, width=5, height=5, lens=lens)
    refused(client.answer(odd), "option.camera")


# --- jobs ------------------------------------------------------------------------------------


def test_a_bake_step_by_step(client: WorkClient, rooms: FakeServices, take: str) -> None:
    steps, done = client.run(bake_request(take))
    assert [step.done for step in steps] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert {step.total for step in steps} == {FRAMES}
    assert [step.is_last for step in steps] == [False] * 7 + [True]
    assert isinstance(done, messages.BakeDone)
    assert done.vertices is not None
    assert client.user.read(done.vertices, 0).data == b"PC2"
    assert done.vertices_size == 3
    refused(client.step()[0], "link.no_job")  # it is over


def test_a_bake_without_vertices(client: WorkClient, rooms: FakeServices, take: str) -> None:
    done = client.run(bake_request(take, vertices=False, frames=(1, 4)))[1]
    assert isinstance(done, messages.BakeDone)
    assert (done.vertices, done.vertices_size) == (None, 0)
    assert rooms.bakes[0].frames == range(1, 4)


def test_each_of_a_bakes_files_is_named_as_what_it_is(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    motion = make_motion(expression=np.ones((4, 100), np.float32), fps=24, space="open")

    def bake(task: BakeTask, user: UserCache) -> BakeSteps:
        yield JobStep(stage="bake", done=0, total=4)
        return BakeOutput(
            start=17,
            motion=motion,
            motion_file=("1" * 64, 11),
            take_file=("2" * 64, 22),
            vertices_file=("3" * 64, 33),
        )

    client.work = Work(replace(rooms.services(), bake=bake), client.cache)
    done = client.run(bake_request(take))[1]
    assert isinstance(done, messages.BakeDone)
    assert (done.job, done.start, done.fps, len(done.expression)) == (JOB, 17, 24, 4)
    assert (done.motion, done.motion_size) == ("1" * 64, 11)
    assert (done.take, done.take_size) == ("2" * 64, 22)
    assert (done.vertices, done.vertices_size) == ("3" * 64, 33)


def test_a_rendering_is_asked_for_as_it_was_told(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    asked: list[RenderTask] = []

    def render(task: RenderTask, user: UserCache) -> RenderSteps:
        asked.append(task)
        folder = user.pictures("ab" * 20)
        files = (("frame", folder / "a.png"), ("depth", folder / "b.png"))
        yield JobStep(stage="pictures", done=0, total=2)
        yield JobStep(stage="pictures", done=1, total=2, index=40, files=files)
        yield JobStep(stage="pictures", done=2, total=2, index=41, files=files[:1])

    avatar = client.keep(b"an avatar")
    client.work = Work(replace(rooms.services(), render=render), client.cache)
    told = render_request(take, head=None, avatar=avatar, avatar_name="Mia", frames=(40, 42))
    steps, done = client.run(told)
    (task,) = asked
    assert (task.avatar, task.avatar_name, task.head) == (client.user.path(avatar, ""), "Mia", None)
    assert (task.pictures.size, task.pictures.frames) == ((16, 12), range(40, 42))
    place = f"pictures/{'ab' * 20}"
    assert [(step.indices, step.kinds, step.files) for step in steps] == [
        ((), (), ()),
        ((40, 40), ("frame", "depth"), (f"{place}/a.png", f"{place}/b.png")),
        ((41,), ("frame",), (f"{place}/a.png",)),
        ((), (), ()),
    ]
    assert [(step.done, step.total) for step in steps] == [(0, 2), (1, 2), (2, 2), (2, 2)]
    assert done == messages.RenderDone(job=JOB, pictures=3)


def test_a_renderings_pictures_are_files_of_the_user(client: WorkClient, take: str) -> None:
    steps, done = client.run(render_request(take))
    assert isinstance(done, messages.RenderDone)
    assert done.pictures == FRAMES
    assert [step.indices for step in steps] == [(), *((i,) for i in range(FRAMES)), ()]
    for step in steps[1:-1]:
        assert step.kinds == ("frame",)
        assert client.user.file(step.files[0]).read_bytes().startswith(b"\x89PNG")


def test_an_avatar_of_a_photo(client: WorkClient, rooms: FakeServices) -> None:
    photo = client.keep(b"a photo")
    asked = messages.CreateAvatar(job=JOB, photo=photo, name="me.jpg", face=2)
    steps, done = client.run(asked)
    (task,) = rooms.portraits
    assert (task.photo, task.name, task.face) == (client.user.path(photo, ""), "me.jpg", 2)
    assert [(step.stage, step.done, step.total) for step in steps[:2]] == [
        ("stage-0", 0, FRAMES),
        ("stage-1", 1, FRAMES),
    ]
    assert isinstance(done, messages.AvatarDone)
    assert client.user.read(done.avatar, 0).data == b"an avatar"
    assert (done.avatar_size, done.said) == (9, "One? face.")
    refused(client.begin(replace(asked, photo=absent())), "link.no_artefact")


def test_an_avatar_of_several_photos_on_a_flame_head(
    client: WorkClient, rooms: FakeServices
) -> None:
    photo, side, flame = client.keep(b"a photo"), client.keep(b"its side"), client.keep(b"flame")
    asked = messages.CreateAvatar(
        job=JOB, photo=photo, name="me.jpg", more=(side,), more_names=("side.jpg",), head=flame,
        head_space="flame2020",
    )  # fmt: skip
    client.run(asked)
    (task,) = rooms.portraits
    assert task.more == ((client.user.path(side, ""), "side.jpg"),)
    assert (task.head.path, task.head.space) == (client.user.path(flame, ""), "flame2020")
    for lost in (replace(asked, more=(absent(),)), replace(asked, head=absent())):
        refused(client.begin(lost), "link.no_artefact")


def test_an_avatar_of_a_photo_by_lam(rooms: FakeServices, tmp_path: Path) -> None:
    """With the files of whoever started the sidecar; one photo, no head."""
    plain, lam = WorkClient(rooms.services(), tmp_path), LamFiles(weights=tmp_path / "model")
    photo = plain.keep(b"a photo")
    asked = messages.CreateAvatar(job=JOB, photo=photo, name="me.jpg", backbone="lam")
    refused(plain.begin(asked), "option.backbone")
    plain.work = Work(rooms.services(), plain.cache, lam)
    plain.run(asked)
    plain.run(replace(asked, backbone="affekt"))
    assert [task.lam for task in rooms.portraits] == [lam, None]
    for wrong in (
        replace(asked, more=(photo,), more_names=("side.jpg",)),
        replace(asked, head=photo),
    ):
        refused(plain.begin(wrong), "option.backbone")


def test_an_avatar_of_a_photo_that_nobody_wants_any_more(
    client: WorkClient, rooms: FakeServices
) -> None:
    photo = client.keep(b"a photo")
    client.begin(messages.CreateAvatar(job=JOB, photo=photo, name="me.jpg"))
    client.drop()
    assert rooms.closed == ["create_avatar"]
    refused(client.step()[0], "link.no_job")


def test_a_step_does_no_more_than_one(client: WorkClient, rooms: FakeServices, take: str) -> None:
    client.begin(render_request(take))
    client.step()
    assert len(list(client.user.pictures("ab" * 20).iterdir())) == 1


def test_drop_closes_the_job(client: WorkClient, rooms: FakeServices, take: str) -> None:
    client.begin(render_request(take))
    client.step()
    assert rooms.closed == []
    client.drop()
    assert rooms.closed == ["render"]
    refused(client.step()[0], "link.no_job")
    client.drop()  # of nothing


def test_a_job_begins_again(client: WorkClient, rooms: FakeServices, take: str) -> None:
    client.begin(bake_request(take))
    client.step()
    again = client.begin(bake_request(take))
    assert isinstance(again, orders.Stepped)
    assert again.done == 0
    assert rooms.closed == ["bake"]


def test_close_ends_all_jobs(client: WorkClient, rooms: FakeServices, take: str) -> None:
    client.begin(render_request(take))
    client.begin(bake_request(take, job="f" * 32))
    client.work.close()
    assert sorted(rooms.closed) == ["bake", "render"]


def test_jobs_go_forward_side_by_side(client: WorkClient, take: str) -> None:
    other = "f" * 32
    client.begin(bake_request(take))
    client.begin(bake_request(take, job=other))
    for job in (JOB, other, JOB, JOB):
        reply, _ = client.step(job)
    assert isinstance(reply, orders.Stepped)
    assert (reply.job, reply.done) == (JOB, 3)


# --- what goes wrong -------------------------------------------------------------------------


def out_of_gpu_memory() -> Exception:
    torch = pytest.importorskip("torch")
    return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB")


FAILURES = {
    "job.memory": (MemoryError, 1),
    "job.gpu_memory": (out_of_gpu_memory, 1),
    "job.disk": (lambda: OSError(28, "No space left on device"), 0),
    "job.failed": (lambda: RuntimeError("a bug"), 0),
    "frames.syntax": (lambda: InputError("frames.syntax", "No.", "Do."), 0),
}


@pytest.mark.parametrize("code", FAILURES)
@pytest.mark.parametrize("at", [0, 2])
def test_a_job_that_fails_ends_and_the_next_works(
    code: str, at: int, client: WorkClient, rooms: FakeServices, take: str
) -> None:
    make, forgotten = FAILURES[code]
    rooms.fails, rooms.fails_at = make(), at
    reply = client.begin(bake_request(take))
    for _ in range(at):
        assert isinstance(reply, orders.Stepped)
        reply, _ = client.step()
    refused(reply, code)
    assert rooms.forgotten == forgotten
    assert rooms.closed == ["bake"]
    refused(client.step()[0], "link.no_job")
    assert isinstance(client.run(bake_request(take))[1], messages.BakeDone)


@pytest.mark.parametrize("code", FAILURES)
def test_a_preview_that_fails_ends_no_job(
    code: str, client: WorkClient, rooms: FakeServices, take: str
) -> None:
    make, forgotten = FAILURES[code]
    client.begin(bake_request(take))
    rooms.fails = make()
    refused(client.answer(preview_request(take)), code)
    assert rooms.forgotten == forgotten
    assert isinstance(client.answer(preview_request(take)), messages.Previewed)
    assert isinstance(client.step()[0], orders.Stepped)


def test_what_a_failed_order_held_is_free_before_the_caches_are(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    """Else a full card stays full."""

    class Held:
        pass

    found: list[object] = []

    def preview(_: object) -> PreviewOutput:
        held = Held()
        found.append(weakref.ref(held))
        raise InputError("option.device_memory", "It does not fit.", "Close programs.") from None

    def forget() -> None:
        assert isinstance(found[0], weakref.ref)
        found.append(found[0]())

    services = replace(rooms.services(), preview=preview, forget=forget)
    client.work = Work(services, client.cache)
    refused(client.answer(preview_request(take)), "option.device_memory")
    assert found[1:] == [None]


def test_a_bugs_reason_is_in_the_log(
    client: WorkClient, rooms: FakeServices, caplog: pytest.LogCaptureFixture
) -> None:
    rooms.fails = RuntimeError("the very reason")
    take = client.keep(FAKE_TAKE)
    reply = refused(client.answer(preview_request(take)), "job.failed")
    assert "the very reason" not in reply.message
    assert "the very reason" in caplog.text


def test_a_long_sentence_is_cut(client: WorkClient, rooms: FakeServices, take: str) -> None:
    rooms.fails = InputError("file.damaged", "x" * 5000, "y" * 5000)
    reply = refused(client.answer(preview_request(take)), "file.damaged")
    assert (len(reply.message), len(reply.remedy)) == (4000, 4000)


def test_an_error_of_odd_characters_can_be_sent(
    client: WorkClient, rooms: FakeServices, take: str
) -> None:
    rooms.fails = InputError("file.damaged", "a\tname\x00\x1b[31m", "Do\nthis.")
    reply = refused(client.answer(preview_request(take)), "file.damaged")
    assert wire.encode(reply)


def test_a_refusal_tells_its_unit_and_no_place(client: WorkClient, rooms: FakeServices) -> None:
    error = InputError("file.damaged", "/srv/a/b is damaged.", "Look at /srv/c/d.")
    reply = work.refused(41, error, Path("/cache"))
    assert reply == orders.Refused(
        unit=41, code="file.damaged", message="b is damaged.", remedy="Look at d."
    )
