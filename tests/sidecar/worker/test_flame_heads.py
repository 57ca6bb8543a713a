# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's own FLAME file as a head: read, spoken to in its own space, baked on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.shared import messages
from affekt.shared.conversions import TrackFields
from affekt.shared.emotion import constant_track
from affekt.shared.head import ARRAY_FIELDS
from affekt.shared.motion import FLAME_SPACES, Motion, make_motion, numbers_of
from affekt.sidecar.adapter.kept import STEPS, adapter_of
from affekt.sidecar.bake.bake import BakeJob
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.read import read_head
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.adapter import from_open, to_open
from affekt.sidecar.motion.read import decode_motion, encode_motion
from affekt.sidecar.worker import orders
from fakes.flame import npz
from fakes.flame_twin import COARSE, remeshed_twin
from fakes.orders import WorkClient, bake_request, render_request
from fakes.takes import arkit_content, as_bytes

FRAMES = 20
SPACE = "flame2023"


@pytest.fixture(scope="module")
def flame_file() -> bytes:
    return npz(remeshed_twin(read_head("open"), left=COARSE).arrays)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept from other modules' heads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFEKT_CACHE_DIR", str(tmp_path_factory.mktemp("flame_cache")))
        yield


@pytest.fixture
def name(real: WorkClient, flame_file: bytes) -> str:
    return real.keep(flame_file)


def take(space: str = SPACE) -> Motion:
    rng = np.random.default_rng(4)
    numbers = {"expression": 100, "jaw": 3, "neck": 3, "eyes": 6}
    values = {k: rng.normal(0, 0.1, (FRAMES, n)).astype(np.float32) for k, n in numbers.items()}
    shape = rng.normal(0, 1, 300).astype(np.float32)
    return make_motion(**values, shape=shape, fps=30.0, space=space)


def refused(reply: object, code: str) -> str:
    assert isinstance(reply, orders.Refused), reply
    assert reply.code == code
    return f"{reply.message} {reply.remedy}"


def test_the_head_is_the_files(
    real: WorkClient, name: str, flame_file: bytes, tmp_path: Path
) -> None:
    asked = messages.GetHead(name=name, head_space=SPACE, file_name="mine.pkl")
    told = real.answer(asked)
    assert isinstance(told, messages.HeadRead)
    (tmp_path / "flame.npz").write_bytes(flame_file)
    head = read_flame(tmp_path / "flame.npz", space=SPACE)
    for field in ARRAY_FIELDS:
        np.testing.assert_array_equal(getattr(told, field), getattr(head, field))
    assert (told.space, told.expression_names) == (SPACE, head.expression_names)


def test_what_is_no_head_is_refused_by_its_own_name(real: WorkClient, name: str) -> None:
    said = refused(real.answer(messages.GetHead(name=name, file_name="mine.pkl")), "head.version")
    assert said.startswith("mine.pkl does not tell which FLAME it is. ")
    assert "(Version)" in said
    assert name not in said
    note = real.keep(b"to do: faces")
    said = refused(real.answer(messages.GetHead(name=note)), "file.wrong_kind")
    assert said.startswith("the head's FLAME file is no FLAME file")
    refused(real.answer(messages.GetHead(name="0" * 64)), "link.no_artefact")
    refused(real.answer(messages.GetHead(name=name[:-1])), "head.unknown")


def test_nobody_elses_flame_is_a_head(real: WorkClient, flame_file: bytes) -> None:
    theirs = real.keep(flame_file, user="eve")
    refused(real.answer(messages.GetHead(name=theirs, head_space=SPACE)), "link.no_artefact")
    assert isinstance(
        real.answer(messages.GetHead(name=real.keep(flame_file), head_space=SPACE)),
        messages.HeadRead,
    )


def read(client: WorkClient, head: str, data: bytes) -> messages.Message:
    asked = messages.ReadMotion(motion=client.keep(data), name="take", head=head, head_space=SPACE)
    return client.answer(asked)


def test_a_flame_take_is_read_as_it_is(real: WorkClient, name: str) -> None:
    sent = take()
    told = read(real, name, encode_motion(sent))
    assert isinstance(told, messages.MotionRead)
    assert told.space == told.source_space == SPACE
    for field in ("expression", "jaw", "neck", "eyes", "shape"):
        np.testing.assert_array_equal(getattr(told, field), getattr(sent, field))


def test_a_take_of_another_flame_is_refused(real: WorkClient, name: str) -> None:
    other = next(space for space in FLAME_SPACES if space != SPACE)
    said = refused(read(real, name, encode_motion(take(other))), "space.other_flame")
    assert f"'{other}'" in said
    assert f"'{SPACE}'" in said


def test_an_arkit_take_comes_over_the_open_head(
    real: WorkClient, name: str, flame_file: bytes, tmp_path: Path
) -> None:
    data = as_bytes(arkit_content(FRAMES))
    told = read(real, name, data)
    assert isinstance(told, messages.MotionRead)
    assert (told.space, told.source_space) == (SPACE, "arkit")
    (tmp_path / "flame.npz").write_bytes(flame_file)
    head, spoken = read_flame(tmp_path / "flame.npz", space=SPACE), read_head("open")
    before = to_open(decode_motion(data, "take"), spoken, None)
    there = from_open(before, spoken, adapter_of(head, spoken))
    np.testing.assert_array_equal(told.expression, there.expression)
    assert np.abs(told.expression).max() > 0.05


def test_a_bake_is_flame_and_learns_the_head_once(
    real: WorkClient, name: str, flame_file: bytes, tmp_path: Path
) -> None:
    for kept in tmp_path.parent.glob("flame_cache*/adapters/*"):
        kept.unlink()
    sent = take()
    asked = bake_request(
        real.keep(encode_motion(sent)), FRAMES, head=name, head_space=SPACE, vertices=False
    )
    steps, done = real.run(asked)
    assert isinstance(done, messages.BakeDone), done
    assert [(s.done, s.total) for s in steps if s.stage == "adapter"] == [
        (done_of, STEPS) for done_of in range(STEPS + 1)
    ]
    assert steps[-1].stage == "bake"
    (tmp_path / "flame.npz").write_bytes(flame_file)
    head, spoken = read_flame(tmp_path / "flame.npz", space=SPACE), read_head("open")
    ready = prepare(sent, head, adapter_of(head, spoken), load_modulator(), spoken)
    job = BakeJob(
        ready, constant_track(FRAMES, 30, happy=1), None, MemoryStore(), with_vertices=False
    )
    assert sum(len(chunk.frames) for chunk in job) == FRAMES
    direct = job.finish()
    baked = decode_motion(real.user.read(done.take, 0).data, "take.npz")
    assert baked.space == SPACE
    np.testing.assert_array_equal(baked.expression, direct.take_motion.expression)
    np.testing.assert_array_equal(baked.jaw, direct.take_motion.jaw)
    np.testing.assert_array_equal(baked.shape, sent.shape)
    assert np.abs(baked.expression - sent.expression).max() > 0.05
    assert done.space == "open"
    np.testing.assert_array_equal(done.expression, direct.motion.expression)
    again = real.run(asked)[0]
    assert {step.stage for step in again} == {"bake"}
    show_live(real, asked, baked)


def show_live(real: WorkClient, asked: messages.Bake, baked: Motion) -> None:
    """Frames of a preview are those of the bake, in FLAME's numbers; its mesh is the FLAME head."""
    fields = {name: getattr(asked, name) for name in (*TrackFields.__annotations__, "motion")}
    preview = messages.Preview(
        **fields,
        name="take.npz",
        head=asked.head,
        head_space=SPACE,
        frame=7,
        first=0,
        frames=9,
        vertices=True,
    )
    shown = real.answer(preview)
    assert isinstance(shown, messages.Previewed), shown
    np.testing.assert_array_equal(shown.numbers, numbers_of(baked)[7:16])
    _, done = real.run(replace(asked, vertices=True))
    assert isinstance(done, messages.BakeDone), done
    assert done.vertices is not None
    mesh = np.frombuffer(real.user.read(done.vertices, 0).data[32:], "<f4")
    np.testing.assert_array_equal(shown.vertices, mesh.reshape(FRAMES, -1, 3)[7])


@pytest.mark.parametrize("subject", ["own", "open-gaussians"])
def test_a_flame_take_is_drawn_on_its_head_and_on_others(
    real: WorkClient, name: str, subject: str
) -> None:
    """The open head's Gaussians need the head's adapter, which nobody gave."""
    asked = render_request(
        real.keep(encode_motion(take())),
        head=name if subject == "own" else subject,
        take_head=name,
        head_space=SPACE,
        frames=(3, 5),
        width=48,
        height=48,
    )
    steps, done = real.run(asked)
    assert isinstance(done, messages.RenderDone), done
    files = [real.user.file(place) for step in steps for place in step.files]
    pictures = [
        cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files if "frame" in file.stem
    ]
    assert len(pictures) == 2
    assert all((picture[..., 3] > 0).mean() > 0.1 for picture in pictures)
    assert (pictures[0] != pictures[1]).any()


def test_a_bake_without_influence_is_the_take(real: WorkClient, name: str) -> None:
    sent = take()
    still = np.zeros(FRAMES, np.float32)
    asked = bake_request(
        real.keep(encode_motion(sent)), FRAMES, head=name, head_space=SPACE, influence=still
    )
    done = real.run(asked)[1]
    assert isinstance(done, messages.BakeDone), done
    baked = decode_motion(real.user.read(done.take, 0).data, "take.npz")
    for field in ("expression", "jaw", "neck", "eyes", "shape"):
        np.testing.assert_array_equal(getattr(baked, field), getattr(sent, field))
