# SPDX-License-Identifier: GPL-3.0-or-later
"""What each short call sends, piece by piece, and what it makes of the answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from affekt.shared.conversions import head_message, motion_fields
from affekt.shared.emotion import constant_track
from affekt.shared.errors import InputError, LinkError
from affekt.shared.messages import (
    ArtefactChunk,
    ArtefactState,
    Bake,
    Calibrate,
    Calibrated,
    Download,
    FindArtefact,
    GetHead,
    MotionRead,
    Preview,
    ReadMotion,
    Render,
    Upload,
)
from affekt.shared.motion import ReadOptions
from affekt.shared.pictures import PictureRequest
from affekt.shared.schema import field_rules
from fakes.calibrations import any_calibration
from fakes.head import small_head
from fakes.scripted import ScriptedSidecar
from fakes.takes import random_motion

DATA = b"abcdef"
SHA = hashlib.sha256(DATA).hexdigest()
MADE = Artefact(sha256=SHA, kind="vertices", name="take.pc2", size=6)
TAKE = Artefact(sha256="a" * 64, kind="motion", name="take.csv", size=10)
ADAPTER = Artefact(sha256="b" * 64, kind="adapter", name="flame.npz", size=5)
AVATAR = Artefact(sha256="c" * 64, kind="avatar", name="face.zip", size=7)
Begin = Callable[[Callable[[], object]], Future]


@pytest.fixture
def client(sidecar: ScriptedSidecar) -> Iterator[Client]:
    with Client.connect(sidecar.connection) as client:
        yield client


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Makes a call on a thread of its own, since calls wait."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def give(sidecar: ScriptedSidecar, data: bytes, offset: int) -> int:
    """Answers the next download; from where on it was asked for."""
    asked = sidecar.expect(Download)
    assert asked.sha256 == SHA
    sidecar.answer(Download, ArtefactChunk(sha256=SHA, offset=offset, data=data))
    return asked.offset


def test_a_download_goes_on_where_it_is(
    sidecar: ScriptedSidecar, client: Client, begin: Begin, tmp_path: Path
) -> None:
    done = begin(lambda: client.download(MADE, tmp_path / "take.pc2"))
    assert [give(sidecar, b"abcd", 0), give(sidecar, b"ef", 4)] == [0, 4]
    done.result(10)
    assert (tmp_path / "take.pc2").read_bytes() == DATA


@pytest.mark.parametrize(
    "pieces",
    [[(b"abcdeg", 0)], [(b"abcd", 0), (b"", 4)], [(b"abcd", 0), (b"ef", 0)], [(b"abcdefg", 0)]],
    ids=["another byte", "an end too soon", "another place", "a byte too many"],
)
def test_a_damaged_download_leaves_what_was_there(
    sidecar: ScriptedSidecar,
    client: Client,
    begin: Begin,
    tmp_path: Path,
    pieces: list[tuple[bytes, int]],
) -> None:
    (tmp_path / "take.pc2").write_bytes(b"old")
    done = begin(lambda: client.download(MADE, tmp_path / "take.pc2"))
    for data, offset in pieces:
        give(sidecar, data, offset)
    with pytest.raises(LinkError, match=r"take\.pc2 arrived damaged") as caught:
        done.result(10)
    assert caught.value.code == "link.hash"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_an_upload_sends_what_is_missing(
    sidecar: ScriptedSidecar, client: Client, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    field_rules(Upload)  # which are made once, from the limits as they are then
    monkeypatch.setattr(limits, "CHUNK_BYTES", 3)
    done = begin(lambda: client.upload(DATA, "adapter", "a/b.npz"))
    assert sidecar.expect(FindArtefact).sha256 == SHA
    sidecar.answer(FindArtefact, ArtefactState(sha256=SHA, received=1, is_complete=False))
    for received, data in ((1, b"bcd"), (4, b"ef")):
        asked = sidecar.expect(Upload)
        assert (asked.kind, asked.name, asked.sha256) == ("adapter", "a_b.npz", SHA)
        assert (asked.size, asked.offset, asked.data) == (6, received, data)
        arrived = received + len(data)
        state = ArtefactState(sha256=SHA, received=arrived, is_complete=arrived == 6)
        sidecar.answer(Upload, state)
    assert done.result(10) == Artefact(sha256=SHA, kind="adapter", name="a_b.npz", size=6)


def test_an_upload_as_large_as_may_be(
    sidecar: ScriptedSidecar, client: Client, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.ARTEFACT_BYTES, "avatar", 6)
    done = begin(lambda: client.upload(DATA, "avatar", "x" * 300))
    sidecar.expect(FindArtefact)
    sidecar.answer(FindArtefact, ArtefactState(sha256=SHA, received=6, is_complete=True))
    assert done.result(10).name == "x" * 200
    with pytest.raises(InputError) as caught:
        client.upload(DATA + b"g", "avatar", "face.zip")
    assert caught.value.code == "file.too_large"
    with pytest.raises(InputError):  # only the sidecar makes these
        client.upload(DATA, "vertices", "take.pc2")


def test_a_take_is_read_as_was_said(sidecar: ScriptedSidecar, client: Client, begin: Begin) -> None:
    options = ReadOptions(fps=59.94, angles="degrees", axes="opencv")
    done = begin(lambda: client.read_take(TAKE, ADAPTER, options))
    asked = sidecar.expect(ReadMotion)
    assert (asked.motion, asked.name, asked.adapter) == ("a" * 64, "take.csv", "b" * 64)
    assert (asked.fps, asked.angles, asked.axes) == (59.94, "degrees", "opencv")
    motion, notes = random_motion(3), ("Two frames were filled in.", "Degrees were converted.")
    read = MotionRead(**motion_fields(motion), source_space="arkit", notes=notes)
    sidecar.answer(ReadMotion, read)
    found = done.result(10)
    assert found.notes == notes
    assert found.motion.jaw.tolist() == motion.jaw.tolist()
    begin(lambda: client.read_take(TAKE))
    asked = sidecar.expect(ReadMotion)
    assert (asked.adapter, asked.fps, asked.angles, asked.axes) == (None, None, None, None)
    sidecar.answer(ReadMotion, read)


def test_a_take_in_another_space_than_asked_for(
    sidecar: ScriptedSidecar, client: Client, begin: Begin
) -> None:
    """As from a sidecar that knows one space alone."""
    done = begin(lambda: client.read_take(TAKE, space="arkit"))
    assert sidecar.expect(ReadMotion).space == "arkit"
    read = MotionRead(**motion_fields(random_motion(3)), source_space="arkit")
    sidecar.answer(ReadMotion, read)
    with pytest.raises(LinkError, match="came for one in arkit") as caught:
        done.result(10)
    assert caught.value.code == "link.protocol"


def test_a_take_for_another_head(sidecar: ScriptedSidecar, client: Client, begin: Begin) -> None:
    done = begin(lambda: client.read_take(TAKE, head="d" * 64, head_space="flame2020"))
    asked = sidecar.expect(ReadMotion)
    assert (asked.head, asked.head_space, asked.space) == ("d" * 64, "flame2020", "open")
    motion = replace(random_motion(3), space="flame2020")
    read = MotionRead(**motion_fields(motion), source_space="arkit")
    sidecar.answer(ReadMotion, read)
    assert done.result(10).motion.space == "flame2020"
    done = begin(lambda: client.read_take(TAKE))
    asked = sidecar.expect(ReadMotion)
    assert (asked.head, asked.head_space, asked.space) == ("open", None, "open")
    sidecar.answer(ReadMotion, read)
    with pytest.raises(LinkError, match="a take in the space flame2020 came for one in open"):
        done.result(10)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (None, None),
        ("flame 2023.pkl", "flame 2023.pkl"),
        ("C:\\me/größe\n.pkl", "C:_me_größe_.pkl"),
        ("", "_"),
        ("x" * 201, "x" * 200),
    ],
)
def test_a_head_is_asked_for_as_was_said(
    name: str | None, told: str | None, sidecar: ScriptedSidecar, client: Client, begin: Begin
) -> None:
    done = begin(lambda: client.get_head("d" * 64, head_space="flame2023", file_name=name))
    asked = sidecar.expect(GetHead)
    assert (asked.name, asked.head_space, asked.file_name) == ("d" * 64, "flame2023", told)
    head = small_head()
    sidecar.answer(GetHead, head_message(head))
    np.testing.assert_array_equal(done.result(10).template, head.template)


@pytest.mark.parametrize(("received", "is_complete"), [(6, True), (6, False), (0, False)])
def test_whether_the_sidecar_holds_a_file(
    received: int, is_complete: bool, sidecar: ScriptedSidecar, client: Client, begin: Begin
) -> None:
    done = begin(lambda: client.holds(SHA))
    assert sidecar.expect(FindArtefact).sha256 == SHA
    state = ArtefactState(sha256=SHA, received=received, is_complete=is_complete)
    sidecar.answer(FindArtefact, state)
    assert done.result(10) is is_complete


def test_what_a_bake_asks_for(sidecar: ScriptedSidecar, client: Client) -> None:
    track = constant_track(9, 24.0, keep_closed=0.25, sad=0.5)
    plain = client.start_bake(TAKE, track)
    asked = sidecar.expect(Bake)
    assert (asked.job, asked.motion, asked.name) == (plain, "a" * 64, "take.csv")
    assert (asked.adapter, asked.head, asked.head_space) == (None, "open", None)
    assert (asked.frames, asked.vertices) == (None, True)
    assert asked.weights[8].tolist() == [0, 0.5, 0, 0, 0, 0]
    assert asked.keep_closed is not None
    assert (asked.keep_closed[8], asked.fps) == (0.25, 24)
    other = client.start_bake(
        TAKE, track, adapter=ADAPTER, head="d" * 64, head_space="flame2023", frames=range(2, 7),
        vertices=False,
    )  # fmt: skip
    asked = sidecar.expect(Bake)
    assert asked.job == other != plain
    assert (asked.adapter, asked.head, asked.head_space) == ("b" * 64, "d" * 64, "flame2023")
    assert (asked.frames, asked.vertices, len(asked.weights)) == ((2, 7), False, 9)


def test_what_a_rendering_asks_for(
    sidecar: ScriptedSidecar, client: Client, tmp_path: Path
) -> None:
    pictures = PictureRequest(width=64, height=32, frames=range(3, 5), format="exr")
    job = client.start_render(
        AVATAR, TAKE, tmp_path / "a", pictures, adapter=ADAPTER, head="d" * 64,
        head_space="flame2020",
    )  # fmt: skip
    asked = sidecar.expect(Render)
    assert (asked.job, asked.motion, asked.name) == (job, "a" * 64, "take.csv")
    assert (asked.avatar, asked.avatar_name, asked.head) == ("c" * 64, "face.zip", None)
    assert (asked.adapter, asked.take_head, asked.head_space) == ("b" * 64, "d" * 64, "flame2020")
    assert (asked.width, asked.height, asked.frames, asked.format) == (64, 32, (3, 5), "exr")
    assert (asked.pictures, asked.credit) == (0, limits.PIECES_AHEAD)
    client.start_render("open", TAKE, tmp_path / "b")
    asked = sidecar.expect(Render)
    assert (asked.avatar, asked.avatar_name, asked.head) == (None, None, "open")
    assert (asked.adapter, asked.take_head, asked.head_space) == (None, "open", None)
    assert (asked.width, asked.height, asked.frames, asked.format) == (512, 512, None, "png")


def test_what_a_preview_asks_for(sidecar: ScriptedSidecar, client: Client) -> None:
    track = constant_track(5, 30.0, fear=0.75)
    client.start_preview(
        TAKE, track, 3, view=7, subject=AVATAR, adapter=ADAPTER, vertices=True, size=(64, 32)
    )
    asked = sidecar.expect(Preview)
    assert (asked.view, asked.motion, asked.name) == (7, "a" * 64, "take.csv")
    assert (asked.avatar, asked.avatar_name, asked.head) == ("c" * 64, "face.zip", "open")
    assert (asked.adapter, asked.frame, asked.first, asked.vertices) == ("b" * 64, 3, 0, True)
    assert (asked.width, asked.height, asked.weights[4, 3]) == (64, 32, 0.75)
    client.start_preview(TAKE, track, 4, view=8, subject="d" * 64)
    asked = sidecar.expect(Preview)
    assert (asked.view, asked.avatar, asked.avatar_name, asked.head) == (8, None, None, "d" * 64)
    assert (asked.adapter, asked.frame, asked.vertices) == (None, 4, False)
    assert (asked.width, asked.height, asked.is_shared) == (None, None, False)


def test_a_character_is_calibrated(sidecar: ScriptedSidecar, client: Client, begin: Begin) -> None:
    vertices, faces = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32)
    shapes = np.arange(52 * 9, dtype=np.float32).reshape(52, 3, 3)
    done = begin(lambda: client.calibrate(vertices, faces, shapes))
    asked = sidecar.expect(Calibrate)
    assert asked.faces.tolist() == [[0, 1, 2]]
    assert asked.shapes[51, 2].tolist() == shapes[51, 2].tolist()
    kept = any_calibration()
    fields = {name: getattr(kept, name) for name in ("map", "most", "gaps", "reach")}
    sidecar.answer(Calibrate, Calibrated(**fields))
    np.testing.assert_array_equal(done.result(10).map, kept.map)


def test_a_character_too_large_for_a_message(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_REQUEST_BUFFER_BYTES", 52 * 36 - 1)
    with pytest.raises(InputError) as caught:
        client.calibrate(
            np.eye(3, dtype=np.float32),
            np.zeros((1, 3), np.int32),
            np.zeros((52, 3, 3), np.float32),
        )
    assert caught.value.code == "character.too_large"


CALLS: dict[str, Callable[[Client, Path], object]] = {
    "status": lambda client, _: client.status(timeout_s=0.06),
    "upload": lambda client, _: client.upload(DATA, "motion", "a.npz", timeout_s=0.06),
    "download": lambda client, folder: client.download(MADE, folder / "a", timeout_s=0.06),
    "read_take": lambda client, _: client.read_take(MADE, timeout_s=0.06),
    "get_head": lambda client, _: client.get_head(timeout_s=0.06),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", CALLS)
def test_nobody_waits_longer_than_was_said(name: str, client: Client, tmp_path: Path) -> None:
    """Each call has a limit of its own, and names it when nobody answers."""
    with pytest.raises(LinkError, match=r"within 0\.06 seconds") as caught:
        CALLS[name](client, tmp_path)
    assert caught.value.code == "link.timeout"
    assert list(tmp_path.iterdir()) == []
