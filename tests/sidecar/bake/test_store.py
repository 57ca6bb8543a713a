# SPDX-License-Identifier: GPL-3.0-or-later
"""Chunks that are kept: never more work than what changed asks for, and what faults leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from affekt.shared.emotion import EmotionTrack, constant_track
from affekt.shared.errors import JobError
from affekt.shared.motion import cut_motion
from affekt.sidecar.bake.bake import CHUNK, BakeJob, BakeResult, chunks_of
from affekt.sidecar.bake.output import sha256, write_bake
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.bake.take import Prepared, prepare
from affekt.sidecar.cache import user
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.parts import Part
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.head.read import read_head
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.adapter import make_linear_adapter
from affekt.sidecar.motion.read import encode_motion, read_motion
from fakes.bakes import FRAMES, plain_bake, prepared, random_track, run, same_bits


@pytest.fixture
def store(tmp_path: Path) -> UserCache:
    return Cache(tmp_path / "cache").user("local")


def read_artefact(store: UserCache, sha256: str) -> bytes:
    pieces, offset = [], 0
    while data := store.read(sha256, offset).data:
        pieces.append(data)
        offset += len(data)
    return b"".join(pieces)


def keep(store: UserCache, result: BakeResult) -> tuple[str, int]:
    """The vertices as an artefact: SHA-256 and size."""
    assert result.vertices is not None
    return store.add_parts(result.vertices.header, result.vertices.parts, result.vertices.sha256)


def check_same(store: UserCache, result: BakeResult, take: Prepared, track: EmotionTrack):
    expected = plain_bake(take, track, result.frames)
    assert same_bits(result.motion, expected.motion)
    assert same_bits(result.take_motion, expected.take_motion)
    name, size = keep(store, result)
    data = read_artefact(store, name)
    assert (sha256(data), len(data)) == (name, size)
    assert data[32:] == expected.vertices.tobytes()


@pytest.mark.parametrize("space", ["open", "flame2023"])
def test_a_second_bake_only_reads(store: UserCache, space: str) -> None:
    take, track = prepared(space), random_track(1)
    seen, result = run(store, take, track)
    check_same(store, result, take, track)
    assert [chunk.frames for chunk in seen] == list(chunks_of(range(FRAMES), FRAMES))
    assert all(chunk.is_new for chunk in seen)
    again, second = run(store, take, track)
    assert not any(chunk.is_new for chunk in again)
    assert second.vertices == result.vertices
    check_same(store, second, take, track)
    for one, other in zip(seen, again, strict=True):
        np.testing.assert_array_equal(one.vertices, other.vertices)


def test_memory_keeps_the_newest_chunks() -> None:
    store, track = MemoryStore(), random_track(1)
    run(store, prepared(), track)
    seen, _ = run(store, prepared(), track)
    assert not any(chunk.is_new for chunk in seen)
    small = MemoryStore(most_bytes=100)
    for key in "abc":
        small.add_chunk(key, [key.encode() * 20, key.encode() * 20])
    assert small.find_chunk("a") is None
    part = small.find_chunk("c", 40)
    assert part is not None
    assert b"".join(small.part_blocks(part)) == b"c" * 40
    assert small.find_chunk("c", 41) is None
    small.add_chunk("d", [bytes(101)])  # larger than all that may be kept
    assert [key for key in "abcd" if small.find_chunk(key)] == []


def test_the_pc2_is_that_of_the_files(store: UserCache, tmp_path: Path) -> None:
    frames = range(10, 150)
    _, result = run(store, prepared(), random_track(1), frames)
    job = BakeJob(prepared(), random_track(1), frames, MemoryStore())
    write_bake(job, tmp_path / "out", settings={}, inputs={})
    data = (tmp_path / "out" / "vertices.pc2").read_bytes()
    assert keep(store, result) == (sha256(data), len(data))
    assert read_artefact(store, sha256(data)) == data


def test_parts_of_a_range_are_not_baked_twice(store: UserCache) -> None:
    run(store, prepared(), random_track(1), range(70, 80))
    seen, _ = run(store, prepared(), random_track(1))
    assert [chunk.is_new for chunk in seen] == [True, False, True, True]


def test_a_stopped_bake_goes_on(store: UserCache) -> None:
    steps = iter(BakeJob(prepared(), random_track(1), None, store))
    next(steps)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    seen, result = run(store, prepared(), random_track(1))
    assert [chunk.is_new for chunk in seen] == [False, False, True, True]
    check_same(store, result, prepared(), random_track(1))


def test_a_changed_key_bakes_only_what_it_touches(store: UserCache) -> None:
    track = constant_track(FRAMES, 30.0, happy=1.0)
    run(store, prepared(), track)
    weights = track.weights.copy()
    weights[10] = 0.5  # in the window of frames 0 to 63, and in those beside it
    seen, result = run(store, prepared(), replace(track, weights=weights))
    assert [chunk.is_new for chunk in seen] == [True, False, False, False]
    check_same(store, result, prepared(), replace(track, weights=weights))
    upper = track.upper.copy()
    upper[CHUNK] = 0.5
    seen, _ = run(store, prepared(), replace(track, upper=upper))
    assert [chunk.is_new for chunk in seen] == [False, True, False, False]
    seen, _ = run(store, prepared(), replace(track, appearance=upper, fps=25.0))
    assert not any(chunk.is_new for chunk in seen)


def test_where_nothing_is_changed_the_track_does_not_matter(store: UserCache) -> None:
    still = constant_track(FRAMES, 30.0, influence=0.0, happy=1.0)
    run(store, prepared(), still)
    seen, _ = run(store, prepared(), constant_track(FRAMES, 30.0, influence=0.0, sad=1.0))
    assert not any(chunk.is_new for chunk in seen)


# Faults.


def chunk_files(store: UserCache) -> list[Path]:
    return sorted((store.folder / "chunks").iterdir())


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
def test_damaged_chunks_are_baked_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, first = run(Cache(tmp_path).user("local"), prepared(), random_track(1))
    for path in chunk_files(Cache(tmp_path).user("local")):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        if damage == "remove":
            path.unlink()
        else:
            path.write_bytes({"flip": data, "cut": data[:-1], "empty": b""}[damage])
    store = Cache(tmp_path).user("local")  # as after a restart
    seen, result = run(store, prepared(), random_track(1))
    assert all(chunk.is_new for chunk in seen)
    assert result.vertices == first.vertices
    check_same(store, result, prepared(), random_track(1))
    assert ("damaged" in caplog.text) == (damage != "remove")


@pytest.mark.parametrize("after", [0, 1, 2, 5])
def test_a_full_disk_ends_the_bake_and_a_retry_works(
    store: UserCache, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real, calls = user.write_chunk, iter(range(99))

    def write(file, blocks):
        if next(calls) == after:
            file.write(b"half")
            raise OSError(28, "No space left on device")
        return real(file, blocks)

    monkeypatch.setattr(user, "write_chunk", write)
    track = random_track(1)
    with pytest.raises(JobError) as caught:
        run(store, prepared(), track)
    assert caught.value.code == "job.disk"
    assert len(chunk_files(store)) == after  # and nothing by another name
    _, result = run(store, prepared(), track)
    check_same(store, result, prepared(), track)


@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_full_disk_need_not_end_the_bake(
    store: UserCache, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real, calls, told = user.write_chunk, iter(range(99)), []

    def write(file, blocks):
        if next(calls) >= after:
            raise OSError(28, "No space left on device")
        return real(file, blocks)

    monkeypatch.setattr(user, "write_chunk", write)
    seen, result = run(store, prepared(), random_track(1), on_disk_error=told.append)
    assert [error.code for error in told] == ["job.disk"]
    expected = plain_bake(prepared(), random_track(1))
    assert same_bits(result.motion, expected.motion)
    assert (
        np.concatenate([chunk.vertices for chunk in seen]).tobytes() == expected.vertices.tobytes()
    )
    assert len(chunk_files(store)) == after


def test_a_removed_folder_loses_only_what_was_in_it(store: UserCache) -> None:
    job = BakeJob(prepared(), random_track(1), None, store)
    steps = iter(job)
    next(steps)
    rmtree(store.folder)
    assert len(list(steps)) == 3
    assert not store.state(keep(store, job.finish())[0]).is_complete  # its first chunk is gone
    _, result = run(store, prepared(), random_track(1))
    check_same(store, result, prepared(), random_track(1))


def test_chunks_that_another_process_removes_meanwhile_are_baked_again(
    store: UserCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is gone between being found and being read."""
    run(store, prepared(), random_track(1))
    find = UserCache.find_chunk

    def find_and_lose(self: UserCache, key: str, length: int | None = None) -> Part | None:
        part = find(self, key, length)
        self.chunk_path(key).unlink(missing_ok=True)
        return part

    with monkeypatch.context() as patch:
        patch.setattr(UserCache, "find_chunk", find_and_lose)
        seen, result = run(store, prepared(), random_track(1))
    assert all(chunk.is_new for chunk in seen)
    check_same(store, result, prepared(), random_track(1))


def test_results_are_those_frames_of_the_whole(store: UserCache) -> None:
    _, whole = run(store, prepared(), random_track(1), with_vertices=False)
    _, part = run(store, prepared(), random_track(1), range(50, 90), with_vertices=False)
    assert same_bits(part.motion, cut_motion(whole.motion, 50, 90))


@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_a_real_take_with_the_shipped_modulator(
    store: UserCache, tmp_path: Path, real_data: Path, fps: float
) -> None:
    matrices = real_data / "flame_open" / "flame2023_arkit_regression.npz"
    motion = read_motion(sorted((real_data / "lam_motion").glob("*/flame_params.json"))[0])
    motion = replace(cut_motion(motion, 0, min(len(motion), 200)), fps=fps)
    head, model = read_head("open"), load_modulator()
    adapter = make_linear_adapter(matrices, motion.space)
    track = constant_track(len(motion), fps, happy=1.0, surprise=0.3)
    take = prepare(motion, head, adapter, model)
    _, result = run(store, take, track, range(20, 190))
    check_same(store, result, take, track)
    job = BakeJob(take, track, range(20, 190), MemoryStore())
    report = write_bake(job, tmp_path / "out", settings={}, inputs={})
    hashes = report["sha256"]["outputs"]  # type: ignore[index]
    assert keep(store, result)[0] == hashes["vertices.pc2"]
    assert sha256(encode_motion(result.motion, 20)) == hashes["motion.npz"]
    assert sha256(encode_motion(result.take_motion, 20)) == hashes["take.npz"]


def test_memory_forgets_the_oldest_once_it_holds_too_much() -> None:
    store = MemoryStore(10)
    assert store.add_chunk("a", [b"12", b"3456"]) == Part(key="a", offset=0, length=6)
    store.add_chunk("b", [b"7890"])
    assert store.find_chunk("a") == store.find_chunk("a", 6) == Part(key="a", offset=0, length=6)
    assert store.find_chunk("a", 5) is None
    assert b"".join(store.part_blocks(Part(key="a", offset=1, length=3))) == b"234"
    store.add_chunk("c", [b"x"])
    assert [store.find_chunk(key) is None for key in "abc"] == [True, False, False]


def test_memory_holds_32_mib_unless_told_otherwise() -> None:
    store, half = MemoryStore(), bytes(16 << 20)
    for key in "ab":
        store.add_chunk(key, [half])
    assert store.find_chunk("a") is not None
    store.add_chunk("c", [b"x"])
    assert store.find_chunk("a") is None
