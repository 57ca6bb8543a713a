# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequences: order, what is kept, what is made again, cancelling, a disk that fills up."""

import errno
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from affekt.shared import ledger
from affekt.shared.errors import InputError
from affekt.shared.motion import cut_motion
from affekt.shared.pictures import PictureRequest
from affekt.shared.replacement import partial_name
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.render import exr, images, sequence
from affekt.sidecar.render.frame import Frame
from affekt.sidecar.render.sequence import Strangers, read_saved, save_sequence, sequence_steps
from affekt.sidecar.render.shot import Shot, make_shot

from .conftest import take, view

KINDS = ["exr", "png"]


def shot_of(avatar: Avatar, **options: object) -> Shot:
    """An EXR's with every PNG's passes, so that `save` may change the format."""
    values = {
        "cameras": (view(),),
        "passes": ("combined", "depth"),
        "format": "exr",
        "weights": np.outer(0.1 * np.arange(6), [1, 0, 0, 0, 0, 0]).astype(np.float32),
    }
    return make_shot(avatar, take(), PictureRequest(**{**values, **options}))


def of_kind(shot: Shot, kind: str, **changes: object) -> Shot:
    return replace(shot, request=replace(shot.request, format=kind, **changes))


def save(shot: Shot, folder: Path, kind: str = "exr", **options: bool):
    return list(save_sequence(of_kind(shot, kind), folder, **options))


def stamps(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in folder.glob("[!.]*")}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_arrive_in_order_with_their_files(kind: str, avatar: Avatar, tmp_path: Path):
    saved = save(shot_of(avatar), tmp_path / "a" / "b", kind)
    assert [s.index for s in saved] == list(range(6))
    named = sorted(path.name for s in saved for path in s.files)
    assert named == sorted(p.name for p in (tmp_path / "a" / "b").glob("[!.]*"))
    assert saved[0].files[0].name == f"frame_0001.{kind}"
    assert len(saved[0].files) == (2 if kind == "png" else 1)
    # What is on the disk is what was rendered.
    for one in saved:
        found = read_saved(one.files[0])
        tolerance = 2e-3 if kind == "exr" else 0.02
        np.testing.assert_allclose(found, one.frame.combined, atol=tolerance)


def test_a_png_has_a_depth_beside_it_where_that_is_wanted(avatar: Avatar, tmp_path: Path):
    for passes, names in (
        (("combined",), ["frame_0003.png"]),
        (("combined", "depth"), ["frame_0003.png", "depth_0003.png"]),
    ):
        folder = tmp_path / str(len(passes))
        (saved,) = save(shot_of(avatar, passes=passes, frames=range(2, 3)), folder, "png")
        assert [path.name for path in saved.files] == names
        assert sorted(path.name for path in folder.glob("[!.]*")) == sorted(names)


def test_the_header_has_the_frames_own_numbers(avatar: Avatar, tmp_path: Path):
    saved = save(shot_of(avatar, frames=range(2, 4)), tmp_path)
    header = exr.read_exr(saved[1].files[0])[0]
    assert header["affekt:frame"] == 3
    assert header["affekt:happy"] == pytest.approx(0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_keeps_what_is_whole_and_the_same(kind: str, avatar: Avatar, tmp_path: Path):
    shot = shot_of(avatar)
    files = [s.files for s in save(shot, tmp_path, kind)]
    whole = {p.name: p.read_bytes() for p in tmp_path.glob("[!.]*")}
    files[1][0].write_bytes(whole[files[1][0].name][:-7])  # half there
    files[2][-1].unlink()  # gone
    files[4][0].write_bytes(b"someone else's")
    before = stamps(tmp_path)
    again = save(shot, tmp_path, kind)
    assert [s.index for s in again if s.frame is None] == [0, 3, 5]
    assert {p.name: p.read_bytes() for p in tmp_path.glob("[!.]*")} == whole
    after = stamps(tmp_path)
    assert all(after[path.name] == before[path.name] for i in (0, 3, 5) for path in files[i])
    # A longer range keeps what it shares with the shorter one.
    assert all(s.frame is None for s in save(shot_of(avatar, frames=range(1, 3)), tmp_path, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_byte_is_damaged_the_frame_is_made_again(
    kind: str, avatar: Avatar, tmp_path: Path
):
    """Wherever in the file, in the picture or its depth, in one bit or in a whole run."""
    shot = shot_of(avatar, frames=range(2))
    files = save(shot, tmp_path, kind)[1].files
    random = np.random.default_rng(12)
    for number in range(24):
        path = files[number % len(files)]
        whole = path.read_bytes()
        damaged = bytearray(whole)
        low = int(random.integers(len(whole)))
        for at in range(low, min(low + int(random.choice([1, 60])), len(whole))):
            damaged[at] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        assert [s.index for s in save(shot, tmp_path, kind) if s.frame is not None] == [1]
        assert path.read_bytes() == whole


def test_what_a_dead_process_left_half_done_goes(avatar: Avatar, tmp_path: Path):
    """Even where all files are there and nothing is written any more."""
    shot = shot_of(avatar, frames=range(2))
    save(shot, tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    mine = partial_name()
    for name in (mine, mine.replace(f"-{os.getpid()}-", f"-{dead.pid}-")):
        (tmp_path / name).write_bytes(b"half")
    assert all(s.frame is None for s in save(shot, tmp_path))
    assert [p.name for p in tmp_path.glob("*.partial")] == [mine]


@pytest.mark.parametrize("kind", KINDS)
def test_swapped_files_are_not_taken_for_one_another(kind: str, avatar: Avatar, tmp_path: Path):
    """Each is whole, and its bytes are those of another frame."""
    shot = shot_of(avatar, frames=range(3))
    one, two, _ = (s.files[0] for s in save(shot, tmp_path, kind))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert [s.index for s in save(shot, tmp_path, kind) if s.frame is not None] == [0, 1]
    assert (one.read_bytes(), two.read_bytes()) == (first, second)


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
    other = (
        of_kind(shot, kind, cameras=(view(yaw_rad=0.01),)),
        shot_of(avatar, antialiased=False),
        replace(shot, subject=replace(avatar, opacities=avatar.opacities * np.float32(0.99))),
    )
    for different in other:
        assert all(s.frame is not None for s in save(different, tmp_path, kind))
    assert all(s.frame is not None for s in save(other[-1], tmp_path, kind, resume=False))
    assert all(s.frame is None for s in save(other[-1], tmp_path, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_another_motion_is_made_again_where_it_differs(kind: str, avatar: Avatar, tmp_path: Path):
    """And what is kept has the very bytes that a whole new rendering has."""
    shot, motion = shot_of(avatar), take()
    motion.expression[3, 7] = 0.1
    other = replace(shot, motion=motion)
    save(shot, tmp_path / "a", kind)
    again = save(other, tmp_path / "a", kind)
    assert [s.index for s in again if s.frame is not None] == [3]
    save(other, tmp_path / "b", kind)
    files = [{p.name: p.read_bytes() for p in (tmp_path / name).glob("[!.]*")} for name in "ab"]
    assert files[0] == files[1]


def test_frames_of_another_rendering_are_told(avatar: Avatar, tmp_path: Path):
    """Those of another size or take; not those that are the same, nor another format's."""
    told: list[Strangers] = []

    def see(shot: Shot, kind: str = "png") -> list[Strangers]:
        told.clear()
        list(save_sequence(of_kind(shot, kind), tmp_path, on_strangers=told.append))
        return told

    assert see(shot_of(avatar, frames=range(4))) == []
    assert see(shot_of(avatar, frames=range(1, 6))) == []
    assert see(shot_of(avatar), "exr") == []
    small = shot_of(avatar, cameras=(view(size=24),), frames=range(2, 4))
    assert see(small) == [Strangers(replaced=2, left=4)]
    assert see(small) == [Strangers(left=4)]
    whole = shot_of(avatar)
    request = replace(whole.request, weights=whole.request.weights[:3])
    short = replace(whole, motion=cut_motion(take(), 0, 3), request=request)
    assert see(short) == [Strangers(replaced=1, left=3)]


def test_two_renderings_at_once(avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same one may run twice, another one is refused while it runs."""
    monkeypatch.setattr(sequence, "_PATIENCE_S", 0.0)
    shot = of_kind(shot_of(avatar), "png")
    first = save_sequence(shot, tmp_path)
    next(first)
    assert [saved.index for saved in save_sequence(shot, tmp_path)] == list(range(6))
    other = of_kind(shot_of(avatar, cameras=(view(yaw_rad=0.2),)), "png")
    with pytest.raises(InputError) as caught:
        list(save_sequence(other, tmp_path))
    assert caught.value.code == "option.folder"
    assert str(tmp_path) in caught.value.message
    first.close()
    assert len(list(save_sequence(other, tmp_path))) == 6
    assert not list(tmp_path.glob("*.lock"))


def test_a_folder_in_the_ledgers_place(avatar: Avatar, tmp_path: Path):
    (tmp_path / ledger.NAME).mkdir()
    with pytest.raises(InputError) as caught:
        save(shot_of(avatar), tmp_path)
    assert str(tmp_path / ledger.NAME) in caught.value.message
    assert "Move it away" in caught.value.remedy
    assert not list(tmp_path.glob("frame_*"))


def test_vectors_depend_on_the_neighbours(avatar: Avatar, tmp_path: Path):
    cameras = [view() for _ in range(6)]
    shot = shot_of(avatar, passes=("vector",), cameras=tuple(cameras))
    save(shot, tmp_path)
    cameras[3] = view(yaw_rad=0.1)
    moved = of_kind(shot, "exr", cameras=tuple(cameras))
    again = save(moved, tmp_path)
    assert [s.index for s in again if s.frame is not None] == [2, 3, 4]
    motion = take()
    motion.expression[4, 7] = 0.1
    again = save(replace(moved, motion=motion), tmp_path)
    assert [s.index for s in again if s.frame is not None] == [3, 4, 5]


def test_closed_between_frames(avatar: Avatar, tmp_path: Path):
    asked = PictureRequest(cameras=(view(),), passes=("combined", "depth"), format="png")
    rendered = save_sequence(make_shot(avatar, take(60), asked), tmp_path)
    assert [next(rendered).index for _ in range(2)] == [0, 1]
    rendered.close()
    kept = {p.name for p in tmp_path.iterdir()}
    assert not [name for name in kept if name.endswith(".partial")]
    assert "frame_0001.png" in kept
    assert "frame_0060.png" not in kept, "only a few wait for a disk that is slow"


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
    saved = save_sequence(of_kind(shot_of(avatar), kind), tmp_path)
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
    saved = save_sequence(of_kind(shot_of(avatar), "png"), tmp_path)
    for index in range(6):
        gates[index].set()
        assert next(saved).index == index
        most.append(len(started) - index)
    assert max(most) <= 3


def test_other_frames_still_in_hand_are_not_lost(avatar: Avatar, tmp_path: Path):
    """Whoever stops reading gets no half file."""
    saved = save_sequence(of_kind(shot_of(avatar), "png"), tmp_path)
    next(saved)
    saved.close()
    assert not list(tmp_path.glob("*.partial"))
    assert (tmp_path / "frame_0001.png").is_file()


def test_the_header_has_the_frames_own_camera_and_the_takes_rate(avatar: Avatar, tmp_path: Path):
    cameras = tuple(replace(view(), centre_x=20.0 + k, centre_y=30.0 - k) for k in range(6))
    saved = save(shot_of(avatar, cameras=cameras, frames=range(2, 5)), tmp_path)
    for one in saved:
        header = exr.read_exr(one.files[0])[0]
        assert header["affekt:centre_px"].tolist() == [20.0 + one.index, 30.0 - one.index]
        assert header["affekt:fps"] == 25.0


def test_an_exr_is_packed_as_asked_for_and_has_its_own_frames_camera(
    avatar: Avatar, tmp_path: Path
):
    cameras = tuple(replace(view(), focal_x=200.0 + 10 * index) for index in range(6))
    wanted = {"cameras": cameras, "frames": range(2, 4), "codec": "piz"}
    saved = save(shot_of(avatar, **wanted), tmp_path)
    for one in saved:
        header = exr.read_exr(one.files[0])[0]
        assert header["compression"] == OpenEXR.PIZ_COMPRESSION
        assert header["affekt:focal_px"][0] == pytest.approx(200 + 10 * one.index)


@pytest.mark.parametrize("half", [True, False])
def test_numbers_are_as_fine_as_asked_for(half: bool, avatar: Avatar, tmp_path: Path):
    saved = save(shot_of(avatar, frames=range(1), half=half), tmp_path)
    pixels = exr.read_exr(saved[0].files[0])[1]
    wanted = np.float16 if half else np.float32
    assert pixels["ViewLayer.Combined.R"].dtype == wanted
    assert pixels["ViewLayer.Depth.Z"].dtype == np.float32


def test_a_step_at_a_time_into_the_recipes_own_folder(avatar: Avatar, tmp_path: Path):
    """Each step draws at most one frame; a picture of another size gets another folder."""
    recipes: list[str] = []

    def place(recipe: str) -> Path:
        recipes.append(recipe)
        return tmp_path / recipe

    for shot in (shot_of(avatar), shot_of(avatar), shot_of(avatar, cameras=(view(24),))):
        drawn = []
        for step in sequence_steps(of_kind(shot, "png"), place):
            assert step is None or step.files[0].parent == tmp_path / recipes[-1]
            drawn.append(step)
        assert [step.index for step in drawn if step is not None] == list(range(6))
    assert recipes[0] == recipes[1] != recipes[2]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(set(recipes))


def test_frames_too_large_to_wait_are_written_one_by_one(
    avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With room for none, each is on the disk before the next is drawn; it may always wait."""
    monkeypatch.setattr(sequence, "_WAITING_BYTES", 1000)
    drawn: list[int] = []
    painter = sequence.render_frames

    def count(*arguments: object):
        for frame in painter(*arguments):
            drawn.append(frame.index)
            yield frame

    monkeypatch.setattr(sequence, "render_frames", count)
    for saved in save_sequence(of_kind(shot_of(avatar), "png"), tmp_path):
        assert drawn == list(range(saved.index + 1))


def test_a_folder_is_waited_for_a_little(
    avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another rendering that ends meanwhile is no reason to refuse."""
    monkeypatch.setattr(sequence, "_PAUSE_S", 0.01)
    monkeypatch.setattr(sequence, "_PATIENCE_S", 60.0)
    first = save_sequence(of_kind(shot_of(avatar), "png"), tmp_path)
    next(first)
    asked: list[Path] = []
    real = sequence.is_claimed

    def end_at_the_third(folder: Path, *rest: str, **options: str) -> bool:
        asked.append(folder)
        if len(asked) == 3:
            first.close()
        return real(folder, *rest, **options)

    monkeypatch.setattr(sequence, "is_claimed", end_at_the_third)
    other = of_kind(shot_of(avatar, cameras=(view(24),)), "png")
    assert len(list(save_sequence(other, tmp_path))) == 6
    assert asked == [tmp_path] * 3


def test_a_picture_read_back_is_premultiplied_light(tmp_path: Path):
    """sRGB 188 is half of the light; at an alpha of a half, a quarter is left."""
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[1, 2] = (188, 255, 0, 128)
    images.write_png(tmp_path / "a.png", rgba)
    found = read_saved(tmp_path / "a.png")
    np.testing.assert_allclose(found[1, 2], [0.2526, 0.502, 0, 0.502], atol=2e-3)
    assert not found[0].any()
