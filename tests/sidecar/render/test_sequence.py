# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequences: order, what is kept, what is made again, cancelling, a disk that fills up."""

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError, JobError
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.render import exr, images, sequence
from affekt.sidecar.render.frame import Frame, RenderOptions
from affekt.sidecar.render.sequence import FileOptions, Shot, read_saved, save_sequence

from .conftest import take, view

KINDS = ["exr", "png"]


def shot_of(avatar: Avatar, **options: object) -> Shot:
    return Shot(
        subject=avatar,
        motion=take(),
        cameras=view(),
        options=RenderOptions(**options),
        numbers={"happy": [0.1 * i for i in range(6)]},
    )


def save(shot: Shot, folder: Path, kind: str = "exr", **options: object):
    return list(save_sequence(shot, folder, FileOptions(format=kind, **options)))


def stamps(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_arrive_in_order_with_their_files(kind: str, avatar: Avatar, tmp_path: Path):
    saved = save(shot_of(avatar), tmp_path / "a" / "b", kind)
    assert [s.index for s in saved] == list(range(6))
    named = sorted(path.name for s in saved for path in s.files)
    assert named == sorted(p.name for p in (tmp_path / "a" / "b").iterdir())
    assert saved[0].files[0].name == f"frame_0001.{kind}"
    assert len(saved[0].files) == (2 if kind == "png" else 1)
    # What is on the disk is what was rendered.
    for one in saved:
        found = read_saved(one.files[0])
        tolerance = 2e-3 if kind == "exr" else 0.02
        np.testing.assert_allclose(found, one.frame.combined, atol=tolerance)


def test_the_header_has_the_frames_own_numbers(avatar: Avatar, tmp_path: Path):
    saved = save(shot_of(avatar, frames=range(2, 4)), tmp_path)
    header = exr.read_exr(saved[1].files[0])[0]
    assert header["affekt:frame"] == 3
    assert header["affekt:happy"] == pytest.approx(0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_keeps_what_is_whole_and_the_same(kind: str, avatar: Avatar, tmp_path: Path):
    shot = shot_of(avatar)
    files = [s.files for s in save(shot, tmp_path, kind)]
    whole = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    files[1][0].write_bytes(whole[files[1][0].name][:-7])  # half there
    files[2][-1].unlink()  # gone
    files[4][0].write_bytes(b"someone else's")
    before = stamps(tmp_path)
    again = save(shot, tmp_path, kind)
    assert [s.index for s in again if s.frame is None] == [0, 3, 5]
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == whole
    after = stamps(tmp_path)
    assert all(after[path.name] == before[path.name] for i in (0, 3, 5) for path in files[i])
    # A longer range keeps what it shares with the shorter one.
    assert all(s.frame is None for s in save(shot_of(avatar, frames=range(1, 3)), tmp_path, kind))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("kind", KINDS)
def test_pipes_and_links_in_the_place_of_frames(kind: str, avatar: Avatar, tmp_path: Path):
    """They are replaced; nothing waits for the pipe, nothing is written through the link."""
    mine = tmp_path / "mine.txt"
    mine.write_text("not a frame")
    shot, out = shot_of(avatar), tmp_path / "out"
    files = [s.files[0] for s in save(shot, out, kind)]
    whole = files[0].read_bytes()
    files[0].unlink()
    os.mkfifo(files[0])
    files[1].unlink()
    files[1].symlink_to(mine)
    assert [s.index for s in save(shot, out, kind) if s.frame is not None] == [0, 1]
    assert files[0].read_bytes() == whole
    assert not files[1].is_symlink()
    assert mine.read_text() == "not a frame"


@pytest.mark.parametrize("kind", KINDS)
def test_another_recipe_is_made_again(kind: str, avatar: Avatar, tmp_path: Path):
    shot = shot_of(avatar)
    save(shot, tmp_path, kind)
    motion = take()
    motion.expression[3, 7] = 0.01
    other = (
        replace(shot, cameras=view(yaw_rad=0.01)),
        replace(shot, motion=motion),
        shot_of(avatar, antialiased=False),
        replace(shot, subject=replace(avatar, opacities=avatar.opacities * np.float32(0.99))),
    )
    for different in other:
        assert all(s.frame is not None for s in save(different, tmp_path, kind))
    assert all(s.frame is not None for s in save(other[-1], tmp_path, kind, resume=False))
    assert all(s.frame is None for s in save(other[-1], tmp_path, kind))


def test_vectors_depend_on_the_neighbours_cameras(avatar: Avatar, tmp_path: Path):
    cameras = {i: view() for i in range(6)}
    shot = replace(shot_of(avatar, passes=("vector",)), cameras=cameras)
    save(shot, tmp_path)
    moved = replace(shot, cameras={**cameras, 3: view(yaw_rad=0.1)})
    again = save(moved, tmp_path)
    assert [s.index for s in again if s.frame is not None] == [2, 3, 4]


def test_cancelled_between_frames(avatar: Avatar, tmp_path: Path):
    asked = iter([False] * 4 + [True])
    rendered = save_sequence(
        shot_of(avatar), tmp_path, FileOptions(format="png"), lambda: next(asked)
    )
    with pytest.raises(JobError) as caught:
        list(rendered)
    assert caught.value.code == "job.cancelled"
    kept = {p.name for p in tmp_path.iterdir()}
    assert not [name for name in kept if name.startswith(".")]
    assert "frame_0005.png" not in kept


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fills_up_names_the_frame(
    kind: str, avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    module, lock, written = (exr if kind == "exr" else images), threading.Lock(), []
    real = getattr(module, f"write_{'exr' if kind == 'exr' else 'frame'}")

    def fill_up(place: Path, frame: Frame, *rest: object, **options: object) -> None:
        if frame.index >= 3:
            raise images.not_writable(place, OSError(errno.ENOSPC, "No space left on device"))
        real(place, frame, *rest, **options)
        with lock:
            written.append(frame.index)

    monkeypatch.setattr(module, real.__name__, fill_up)
    seen: list[int] = []
    saved = save_sequence(shot_of(avatar), tmp_path, FileOptions(format=kind))
    with pytest.raises(InputError) as caught:
        seen.extend(one.index for one in saved)
    assert caught.value.code == "file.not_writable"
    assert "Frame 3 " in caught.value.message
    assert "No space left" in caught.value.message
    assert seen == [0, 1, 2]
    assert sorted(written) == [0, 1, 2]
    # Room again: the rest is made, what is there stays.
    monkeypatch.undo()
    again = save(shot_of(avatar), tmp_path, kind)
    assert [s.index for s in again if s.frame is None] == [0, 1, 2]


def test_a_folder_that_cannot_be(avatar: Avatar, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError) as caught:
        save(shot_of(avatar), tmp_path / "file" / "folder")
    assert caught.value.code == "file.not_writable"


def test_a_bad_request_makes_no_folder(avatar: Avatar, tmp_path: Path):
    with pytest.raises(InputError):
        save(shot_of(avatar, passes=("uv",)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_frames_that_wait_are_few(avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The renderer is never more than the queue ahead of a slow disk."""
    started, most = [], []
    gates = [threading.Event() for _ in range(6)]
    real = images.write_frame

    def slow(folder: Path, frame: Frame, **options: object) -> None:
        assert gates[frame.index].wait(20)
        real(folder, frame, **options)

    monkeypatch.setattr(images, "write_frame", slow)
    monkeypatch.setattr(sequence, "_MAX_WAITING", 2)
    painter = sequence.render_frames

    def count(*arguments: object):
        for frame in painter(*arguments):
            started.append(frame.index)
            yield frame

    monkeypatch.setattr(sequence, "render_frames", count)
    saved = save_sequence(shot_of(avatar), tmp_path, FileOptions(format="png"))
    for index in range(6):
        gates[index].set()
        assert next(saved).index == index
        most.append(len(started) - index)
    assert max(most) <= 3


def test_other_frames_still_in_hand_are_not_lost(avatar: Avatar, tmp_path: Path):
    """Whoever stops reading gets no half file."""
    saved = save_sequence(shot_of(avatar), tmp_path, FileOptions(format="png"))
    next(saved)
    saved.close()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    assert (tmp_path / "frame_0001.png").is_file()
