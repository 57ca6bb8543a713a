# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes and renderings of the real rooms: the direct ones' bits, and nothing done twice."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import conversions, messages
from affekt.shared.camera import look_at
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError, JobError
from affekt.shared.motion import Motion
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.bake.bake import CHUNK
from affekt.sidecar.head.read import read_head
from affekt.sidecar.memory import MEMORY
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.read import encode_motion, read_motion
from affekt.sidecar.render.frame import Frame
from affekt.sidecar.render.mesh_passes import MeshPainter
from affekt.sidecar.worker import inputs, orders
from affekt.sidecar.worker.inputs import SubjectSource
from affekt.sidecar.worker.rendering import _disk_errors
from affekt.sidecar.worker.services import Services, Take
from fakes.bakes import bake
from fakes.lam import lam_bundle
from fakes.orders import JOB, WorkClient, bake_request, render_request
from fakes.pc2 import read_pc2
from fakes.takes import random_motion

FRAMES = 2 * CHUNK + 5


@pytest.fixture(scope="module")
def take() -> Motion:
    return random_motion(FRAMES)


def whole(client: WorkClient, sha256: str, size: int, path: Path) -> Path:
    """An artefact of the cache as a file."""
    data = b""
    while len(data) < size:
        data += client.user.read(sha256, len(data)).data
    path.write_bytes(data)
    return path


# --- bakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [None, (3, 70)])
def test_a_bake_is_the_direct_ones(
    frames: tuple[int, int] | None, real: WorkClient, take: Motion, tmp_path: Path
) -> None:
    motion = real.keep(encode_motion(take))
    steps, done = real.run(bake_request(motion, FRAMES, frames=frames))
    assert isinstance(done, messages.BakeDone), done
    wanted = range(*(frames or (0, FRAMES)))
    direct = bake(
        take, constant_track(FRAMES, 30, happy=1), read_head("open"), None, load_modulator(), wanted
    )
    assert done.start == wanted.start
    np.testing.assert_array_equal(done.expression, direct.motion.expression)
    np.testing.assert_array_equal(done.jaw, direct.motion.jaw)
    assert done.vertices is not None
    vertices = whole(real, done.vertices, done.vertices_size, tmp_path / "v.pc2")
    np.testing.assert_array_equal(read_pc2(vertices), direct.vertices)
    own = read_motion(whole(real, done.take, done.take_size, tmp_path / "take.npz"))
    np.testing.assert_array_equal(own.expression, direct.take_motion.expression)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {step.total for step in steps} == {len(wanted)}
    assert steps[-1].done == len(wanted)


def test_a_bake_that_is_begun_again_goes_on(real: WorkClient, take: Motion) -> None:
    """What a dead worker had finished is there."""
    motion = real.keep(encode_motion(take))
    real.begin(bake_request(motion, FRAMES))
    real.step()
    chunks = sorted((real.user.folder / "chunks").iterdir())
    stamps = [chunk.stat().st_ino for chunk in chunks]
    assert chunks
    real.drop()
    done = real.run(bake_request(motion, FRAMES))[1]
    assert isinstance(done, messages.BakeDone)
    assert [chunk.stat().st_ino for chunk in chunks] == stamps
    assert len(list((real.user.folder / "chunks").iterdir())) > len(chunks)


def test_a_bake_that_cannot_be(real: WorkClient, take: Motion) -> None:
    motion = real.keep(encode_motion(take))
    bad = {
        "emotion.shape": bake_request(motion, 5),
        "frames.out_of_range": bake_request(motion, FRAMES, frames=(0, FRAMES + 1)),
        "head.unknown": bake_request(motion, FRAMES, head="closed"),
        "file.wrong_kind": bake_request(real.keep(b"nonsense"), FRAMES),
    }
    for code, request in bad.items():
        reply = real.begin(request)
        assert isinstance(reply, orders.Refused), code
        assert reply.code == code


# --- renderings ------------------------------------------------------------------------------


def places(steps: Sequence[orders.Stepped]) -> list[str]:
    return [file for step in steps for file in step.files]


def indices(steps: Sequence[orders.Stepped]) -> list[int]:
    return [index for step in steps for index in step.indices]


def files(client: WorkClient) -> dict[Path, int]:
    """All pictures, with what changes when one is written."""
    found = (client.user.folder / "pictures").rglob("[!.]*.*")  # not those half written
    return {path: path.stat().st_ino for path in found}


def shot(motion: str, yaw_rad: float = 0.0, **changes: object) -> messages.Render:
    camera = look_at(
        target=np.array([0, 0.02, 0]),
        distance=1,
        yaw_rad=yaw_rad,
        pitch_rad=0,
        width=20,
        height=16,
        fov_y_rad=0.4,
    )
    options = PictureRequest(cameras=(camera,), frames=range(2, 6))
    return replace(conversions.with_request(render_request(motion), options), **changes)


@pytest.mark.parametrize("head", ["open", "open-gaussians"])
def test_a_rendering_that_is_begun_again_goes_on(head: str, real: WorkClient, take: Motion) -> None:
    motion = real.keep(encode_motion(take))
    real.begin(shot(motion, head=head))
    while not files(real):
        real.step()
    real.drop()
    before = files(real)
    assert before
    steps, done = real.run(shot(motion, head=head))
    assert isinstance(done, messages.RenderDone)
    assert done.pictures == 4
    assert indices(steps) == [2, 3, 4, 5]
    after = files(real)
    assert len(after) == 4
    assert {path: after[path] for path in before} == before  # none was drawn again


def test_a_step_draws_one_frame(
    real: WorkClient, take: Motion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview waits for no more than that, however many frames may wait to be written."""
    drawn: list[int] = []
    paint = MeshPainter.paint

    def counted(self: MeshPainter, index: int) -> Frame:
        drawn.append(index)
        return paint(self, index)

    monkeypatch.setattr(MeshPainter, "paint", counted)
    real.begin(shot(real.keep(encode_motion(take))))
    assert drawn == []
    for count in range(1, 5):
        real.step()
        assert len(drawn) == count


def test_other_frames_of_the_same_shot_lie_together(real: WorkClient, take: Motion) -> None:
    motion = real.keep(encode_motion(take))
    first = places(real.run(shot(motion))[0])
    before = files(real)
    more = places(real.run(shot(motion, frames=(4, 8)))[0])
    assert set(first) & set(more) == set(first[2:])
    after = files(real)
    assert {path: after[path] for path in before} == before
    assert len(after) == 6


@pytest.mark.parametrize(
    "change",
    [
        {"yaw_rad": 0.2},
        {"head": "open-gaussians"},
        {"antialiased": False},
        {"format": "exr"},
        {"passes": ("combined", "depth")},
        {"weights": np.ones((FRAMES, 6), np.float32)},
    ],
)
def test_another_shot_lies_elsewhere(change: dict, real: WorkClient, take: Motion) -> None:
    """Two jobs at once must never write each other's files."""
    motion = real.keep(encode_motion(take))
    first = places(real.run(shot(motion))[0])
    other = places(real.run(shot(motion, job="f" * 32, **change))[0])
    assert first
    assert other
    assert not {Path(place).parent for place in first} & {Path(place).parent for place in other}


def test_another_take_lies_elsewhere(real: WorkClient, take: Motion) -> None:
    folders = set()
    for motion in (take, replace(take, jaw=take.jaw + np.float32(1e-3))):
        sha256 = real.keep(encode_motion(motion))
        folders |= {Path(place).parent for place in places(real.run(shot(sha256))[0])}
    assert len(folders) == 2


def test_depth_comes_with_its_picture(real: WorkClient, take: Motion) -> None:
    motion = real.keep(encode_motion(take))
    steps, done = real.run(shot(motion, passes=("combined", "depth")))
    assert isinstance(done, messages.RenderDone)
    assert done.pictures == 8
    assert indices(steps) == [2, 2, 3, 3, 4, 4, 5, 5]
    for step in steps:
        assert step.kinds in ((), ("frame", "depth"))


def test_a_damaged_picture_is_drawn_again(real: WorkClient, take: Motion) -> None:
    motion = real.keep(encode_motion(take))
    first = places(real.run(shot(motion))[0])
    path = real.user.file(first[1])
    good = path.read_bytes()
    at = len(good) // 3
    for damaged in (good[: len(good) // 2], good[:at] + bytes([good[at] ^ 8]) + good[at + 1 :]):
        path.write_bytes(damaged)
        real.run(shot(motion))
        assert path.read_bytes() == good


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"frames": (0, FRAMES + 1)}, "frames.out_of_range"),
        ({"passes": ("combined", "uv")}, "option.pass"),
    ],
)
def test_a_rendering_that_cannot_be(
    change: dict, code: str, real: WorkClient, take: Motion
) -> None:
    """It is no fault of the disk. Gaussians have no places on a texture."""
    motion = real.keep(encode_motion(take))
    reply = real.begin(shot(motion, head="open-gaussians", **change))
    for _ in range(3):
        if isinstance(reply, orders.Stepped):
            reply, _ = real.step()
    assert isinstance(reply, orders.Refused)
    assert reply.code == code


def test_only_a_disk_that_fails_is_told_as_one() -> None:
    """Where pictures are written anything may be refused while they are."""
    with pytest.raises(InputError) as refused, _disk_errors():
        raise InputError("option.size", "Too large.", "Choose less.")
    assert refused.value.code == "option.size"
    with pytest.raises(JobError) as full, _disk_errors():
        raise InputError("file.not_writable", "No space left.", "Choose another folder.")
    assert (full.value.code, full.value.message) == ("job.disk", "No space left.")
    assert "AFFEKT_CACHE_DIR" in full.value.remedy


def test_two_renderings_side_by_side(real: WorkClient, take: Motion) -> None:
    """Each keeps its generator, with its writers."""
    motion, other = real.keep(encode_motion(take)), "f" * 32
    real.begin(shot(motion))
    real.begin(shot(motion, yaw_rad=0.3, job=other))
    seen: dict[str, list[int]] = {JOB: [], other: []}
    is_over = dict.fromkeys(seen, False)
    while not all(is_over.values()):
        for job in [job for job in seen if not is_over[job]]:
            reply, event = real.step(job)
            assert isinstance(reply, orders.Stepped)
            seen[job] += reply.indices
            is_over[job] = event is not None
    assert list(seen.values()) == [[2, 3, 4, 5]] * 2


def test_a_disk_that_cannot_be_written(
    real: WorkClient, take: Motion, monkeypatch: pytest.MonkeyPatch
) -> None:
    from affekt.sidecar.render import images

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    motion = real.keep(encode_motion(take))
    with monkeypatch.context() as patch:
        patch.setattr(images, "write_frame", full)
        reply = real.begin(shot(motion))
        while not isinstance(reply, orders.Refused):
            reply, event = real.step()
            assert event is None
    assert reply.code == "job.disk"
    assert isinstance(real.run(shot(motion))[1], messages.RenderDone)


@pytest.mark.parametrize("picture_format", ["png", "exr"])
def test_a_cache_that_cannot_be_written(
    picture_format: str, real: WorkClient, take: Motion
) -> None:
    """It is the sidecar's disk, wherever that is: no folder that the user has chosen."""
    request = render_request(
        real.keep(encode_motion(take)), format=picture_format, frames=(0, 3), passes=("combined",)
    )
    reply = real.begin(request)
    assert isinstance(reply, orders.Stepped), reply
    (folder,) = (real.user.folder / "pictures").iterdir()
    folder.rmdir()
    folder.write_bytes(b"no folder")
    while isinstance(reply, orders.Stepped):
        reply, _ = real.step()
    assert isinstance(reply, orders.Refused)
    assert reply.code == "job.disk"
    assert "AFFEKT_CACHE_DIR" in reply.remedy
    assert "/" not in reply.message


def test_forget_frees_takes_and_avatars(real: WorkClient, services: Services, take: Motion) -> None:
    """Whoever remembers one keeps hundreds of megabytes."""
    path = real.user.path(real.keep(encode_motion(take)), "it")
    named = Take(path=path, name="take.npz", adapter=None)  # as the requests name it
    real.run(bake_request(named.path.name, FRAMES, frames=(0, 3)))
    bundle = real.user.path(real.keep(lam_bundle()), "egg.zip")
    shown = SubjectSource(avatar=bundle, name="the avatar", head="open")
    real.run(replace(render_request(named.path.name, frames=(0, 1)), head=None, avatar=bundle.name))
    avatar = inputs.subject(shown)
    assert isinstance(avatar, Avatar)
    held = [
        weakref.ref(inputs.prepared(named).before.expression),
        weakref.ref(inputs.source_of(named)[0].motion.expression),
        weakref.ref(avatar.anchors),
    ]
    del avatar
    gc.collect()
    assert all(reference() is not None for reference in held)  # the control arm
    assert len(MEMORY) > 10
    services.forget()
    gc.collect()
    assert [reference() for reference in held] == [None] * 3
    assert (len(MEMORY), MEMORY.size_bytes) == (0, 0)
