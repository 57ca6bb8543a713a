# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake in chunks: the bits of `bake`, and never more work than what changed asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from affekt.shared.emotion import EmotionTrack, constant_track
from affekt.shared.errors import AffektError, InputError, JobError
from affekt.shared.motion import Motion, cut_motion
from affekt.sidecar.bake import chunks
from affekt.sidecar.bake.bake import Prepared, bake, collect_vertices, prepare
from affekt.sidecar.bake.chunks import CHUNK, BakedChunk, ChunkedBake, ChunkedResult, chunks_of
from affekt.sidecar.bake.output import sha256, write_bake
from affekt.sidecar.bake.recipe import motion_key
from affekt.sidecar.cache import user
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.user import UserCache
from affekt.sidecar.head.read import read_head
from affekt.sidecar.head.skinning import CHUNK_FRAMES
from affekt.sidecar.modulation import modulator
from affekt.sidecar.modulation.modulator import load_modulator, modulate_part, weight_rows
from affekt.sidecar.modulation.windows import HOP, windows_of
from affekt.sidecar.motion.adapter import LinearAdapter, make_linear_adapter
from affekt.sidecar.motion.read import encode_motion, read_motion
from fakes.head import small_head
from fakes.modulator import small_modulator
from fakes.takes import arkit_motion, random_motion
from hypothesis import given, settings
from hypothesis import strategies as st

FRAMES = 3 * CHUNK + 39
_RNG = np.random.default_rng(0)
HEAD, MODULATOR = (
    small_head(),
    replace(
        small_modulator(),
        asymmetry_gain=1.0,
        lip_opening=_RNG.normal(0, 1, (103, 5)).astype(np.float32),
    ),
)
ADAPTER = LinearAdapter(
    space="flame2023",
    arkit_from_space=_RNG.normal(0, 0.1, (52, 103)).astype(np.float32),
    arkit_bias=np.full(52, 0.2, np.float32),
    space_from_arkit=_RNG.normal(0, 1, (103, 52)).astype(np.float32),
)
TAKES: dict[str, Callable[[], Motion]] = {
    "open": lambda: random_motion(FRAMES),
    "arkit": lambda: arkit_motion(FRAMES),
    "flame2023": lambda: random_motion(FRAMES, space="flame2023"),
}
RATES = (30.0, 24.0, 29.97, 60.0, 120.0)


@cache
def prepared(space: str = "open", fps: float = 30.0) -> Prepared:
    return prepare(replace(TAKES[space](), fps=fps), HEAD, ADAPTER, MODULATOR)


def random_track(seed: int) -> EmotionTrack:
    """Every curve differs in each frame; about a third of the frames are not changed at all."""
    rng = np.random.default_rng(seed)
    curves = rng.random((4, FRAMES)).astype(np.float32)
    start = int(rng.integers(0, FRAMES))
    curves[0, start : start + FRAMES // 3] = 0
    return EmotionTrack(
        weights=rng.random((FRAMES, 6)).astype(np.float32),
        influence=curves[0],
        upper=curves[1] * 2,
        lower=curves[2] * 2,
        geometry=np.ones(FRAMES, np.float32),
        appearance=curves[3],
        fps=30.0,
    )


@pytest.fixture
def store(tmp_path: Path) -> UserCache:
    return Cache(tmp_path / "cache").user("local")


def run(
    store: UserCache, take: Prepared, track: EmotionTrack, frames: range | None = None, **options
) -> tuple[list[BakedChunk], ChunkedResult]:
    job = ChunkedBake(take, track, frames, store, **options)
    return list(job), job.finish()


def read_artefact(store: UserCache, sha256: str) -> bytes:
    pieces, offset = [], 0
    while data := store.read(sha256, offset).data:
        pieces.append(data)
        offset += len(data)
    return b"".join(pieces)


def same_bits(a: Motion, b: Motion) -> bool:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Motion)]
    return all(
        x.tobytes() == y.tobytes() if isinstance(x, np.ndarray) else x == y for x, y in pairs
    )


def check_same(store: UserCache, result: ChunkedResult, take: Prepared, track: EmotionTrack):
    expected = bake(
        take.motion, track, take.head, take.adapter, MODULATOR, result.frames, open_head=HEAD
    )
    assert same_bits(result.motion, expected.motion)
    assert same_bits(result.take_motion, expected.take_motion)
    assert result.vertices is not None
    data = read_artefact(store, result.vertices[0])
    assert len(data) == result.vertices[1]
    assert data[32:] == collect_vertices(expected).tobytes()


def test_chunks_are_whole_blocks() -> None:
    assert CHUNK % CHUNK_FRAMES == 0


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("space", sorted(TAKES))
def test_whole_takes_have_the_bits_of_bake(store: UserCache, space: str, fps: float) -> None:
    take, track = prepared(space, fps), random_track(1)
    seen, result = run(store, take, track)
    check_same(store, result, take, track)
    assert [chunk.frames for chunk in seen] == list(chunks_of(range(FRAMES), FRAMES))
    assert all(chunk.is_new for chunk in seen)
    again, second = run(store, take, track)  # now only read
    assert not any(chunk.is_new for chunk in again)
    assert second.vertices == result.vertices
    check_same(store, second, take, track)


@given(space=st.sampled_from(sorted(TAKES)), fps=st.sampled_from(RATES), data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_range_has_the_bits_of_bake(
    tmp_path_factory: pytest.TempPathFactory, space: str, fps: float, data: st.DataObject
) -> None:
    store = Cache(tmp_path_factory.mktemp("cache")).user("local")
    take, track = prepared(space, fps), random_track(data.draw(st.integers(0, 3)))
    start = data.draw(st.integers(0, FRAMES - 1))
    frames = range(start, data.draw(st.integers(start + 1, FRAMES)))
    seen, result = run(store, take, track, frames)
    check_same(store, result, take, track)
    assert seen[-1].done == seen[-1].total == len(frames)
    assert [frame for chunk in seen for frame in chunk.frames] == list(frames)


def test_the_pc2_is_that_of_the_command(store: UserCache, tmp_path: Path) -> None:
    frames = range(10, 150)
    _, result = run(store, prepared(), random_track(1), frames)
    baked = bake(prepared().motion, random_track(1), HEAD, None, MODULATOR, frames)
    write_bake(baked, tmp_path / "out", settings={}, inputs={})
    data = (tmp_path / "out" / "vertices.pc2").read_bytes()
    assert result.vertices == (sha256(data), len(data))
    assert read_artefact(store, sha256(data)) == data


def test_a_head_in_the_takes_own_space(store: UserCache) -> None:
    flame = replace(HEAD, name="flame", space="flame2023")
    take = prepare(TAKES["flame2023"](), flame, ADAPTER, MODULATOR, HEAD)
    _, result = run(store, take, random_track(2))
    check_same(store, result, take, random_track(2))


def test_without_vertices_none_are_made(store: UserCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("vertices were asked for")

    monkeypatch.setattr(chunks, "layer_of", fail)
    seen, result = run(store, prepared(), random_track(1), with_vertices=False)
    assert result.vertices is None
    assert all(chunk.is_new for chunk in seen)
    with pytest.raises(AssertionError):  # the control: with vertices the head is asked
        run(store, prepared(), random_track(1))


def test_parts_of_a_range_are_not_baked_twice(store: UserCache) -> None:
    run(store, prepared(), random_track(1), range(70, 80))
    seen, _ = run(store, prepared(), random_track(1))
    assert [chunk.is_new for chunk in seen] == [True, False, True, True]


def test_a_stopped_bake_goes_on(store: UserCache) -> None:
    steps = iter(ChunkedBake(prepared(), random_track(1), None, store))
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


def test_no_window_is_asked_twice(store: UserCache, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, held = [], []
    real = modulator._network_of

    def counting(network):
        answer = real(network)
        return lambda *inputs: (asked.append(1), answer(*inputs))[1]

    monkeypatch.setattr(modulator, "_network_of", counting)
    track = constant_track(FRAMES, 30.0, sad=1.0)
    job = ChunkedBake(prepared(), track, None, store, with_vertices=False)
    for _ in job:
        held.append(len(job._answers))
    assert len(asked) == len(windows_of(range(FRAMES)))
    assert max(held) <= CHUNK // HOP + 1  # and a long take's are not kept for ever


CURVES = ("weights", "influence", "upper", "lower", "geometry", "appearance")


def changed(track: EmotionTrack, curve: str, rows: slice, value: float) -> EmotionTrack:
    values = getattr(track, curve).copy()
    values[rows] = value
    return replace(track, **{curve: values})


@pytest.mark.parametrize("curve", CURVES)
@given(
    fps=st.sampled_from(RATES),
    seed=st.integers(0, 5),
    start=st.integers(0, FRAMES - 1),
    length=st.integers(1, FRAMES),
    value=st.floats(0, 1, width=32),
)
@settings(max_examples=15, deadline=None)
def test_chunks_of_one_name_have_the_same_bits(
    curve: str, fps: float, seed: int, start: int, length: int, value: float
) -> None:
    take, before = prepared("open", fps), random_track(seed)
    after = changed(before, curve, slice(start, start + length), value)
    for frames in chunks_of(range(FRAMES), FRAMES):
        tracks = before, after
        keys = [motion_key(take, track, frames) for track in tracks]
        if keys[0] == keys[1]:
            parts = [modulate_part(take.before, t, take.modulator, frames) for t in tracks]
            assert same_bits(*parts)


@given(fps=st.sampled_from(RATES), seed=st.integers(0, 5), chunk=st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_rows_outside_those_named_do_not_matter(fps: float, seed: int, chunk: int) -> None:
    """The same with every other row changed at once, and inside them one row does matter."""
    take, track = prepared("open", fps), random_track(seed)
    frames = list(chunks_of(range(FRAMES), FRAMES))[chunk]
    rows = weight_rows(take.before, track, frames)
    weights = np.ones_like(track.weights)
    weights[rows.start : rows.stop] = track.weights[rows.start : rows.stop]
    other = replace(track, weights=weights)
    for curve in ("influence", "upper", "lower", "geometry"):
        for outside in (slice(0, frames.start), slice(frames.stop, None)):
            other = changed(other, curve, outside, 0.25)
    parts = [modulate_part(take.before, t, take.modulator, frames) for t in (track, other)]
    assert motion_key(take, track, frames) == motion_key(take, other, frames)
    assert same_bits(*parts)
    if rows:
        inside = changed(track, "weights", slice(rows.start, rows.stop), 0.125)
        assert motion_key(take, track, frames) != motion_key(take, inside, frames)


def test_names_tell_takes_heads_and_modulators_apart() -> None:
    track, frames = random_track(1), range(CHUNK)
    motion = random_motion(FRAMES)
    expression = motion.expression.copy()
    expression[-1, 5] += 1
    weaker = replace(MODULATOR, residual_scale=MODULATOR.residual_scale * np.float32(0.5))
    turned = replace(HEAD, arkit_jaw=HEAD.arkit_jaw + np.float32(0.1))
    other_adapter = replace(ADAPTER, arkit_bias=ADAPTER.arkit_bias + np.float32(0.1))
    takes = [
        prepare(motion, HEAD, None, MODULATOR),
        prepare(replace(motion, expression=expression), HEAD, None, MODULATOR),
        prepare(replace(motion, fps=25.0), HEAD, None, MODULATOR),
        prepare(motion, turned, None, MODULATOR),
        prepare(motion, HEAD, None, weaker),
        prepare(motion, HEAD, None, replace(small_modulator(1), asymmetry_gain=1.0)),
        prepare(motion, HEAD, None, replace(MODULATOR, lip_closers={2: 0.8, 1: 1.0})),
        prepare(motion, HEAD, ADAPTER, MODULATOR),
        prepare(motion, HEAD, other_adapter, MODULATOR),
    ]
    keys = {motion_key(take, track, frames) for take in takes}
    assert len(keys) == len(takes)
    same = prepare(random_motion(FRAMES), HEAD, None, MODULATOR)
    assert motion_key(same, track, frames) == motion_key(takes[0], track, frames)


def test_bad_input_is_named(store: UserCache) -> None:
    def code(frames: range | None, track: EmotionTrack) -> str:
        with pytest.raises(AffektError) as caught:
            ChunkedBake(prepared(), track, frames, store)
        return caught.value.code

    track = random_track(0)
    for frames in (range(FRAMES + 1), range(5, 5), range(-1, 5), range(0, 9, 2)):
        assert code(frames, track) == "frames.out_of_range"
    assert code(None, constant_track(9, 30.0)) == "emotion.shape"
    with pytest.raises(InputError) as caught:
        prepare(TAKES["flame2023"](), HEAD, None, MODULATOR)
    assert caught.value.code == "space.no_adapter"


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


def test_a_removed_folder_loses_only_what_was_in_it(store: UserCache) -> None:
    job = ChunkedBake(prepared(), random_track(1), None, store)
    steps = iter(job)
    next(steps)
    rmtree(store.folder)
    assert len(list(steps)) == 3
    result = job.finish()
    assert result.vertices is not None
    assert not store.state(result.vertices[0]).is_complete  # its first chunk is gone
    _, result = run(store, prepared(), random_track(1))
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
    _, result = run(store, prepare(motion, head, adapter, model), track, range(20, 190))
    baked = bake(motion, track, head, adapter, model, range(20, 190))
    report = write_bake(baked, tmp_path / "out", settings={}, inputs={})
    hashes = report["sha256"]["outputs"]  # type: ignore[index]
    assert result.vertices is not None
    assert result.vertices[0] == hashes["vertices.pc2"]
    assert sha256(encode_motion(result.motion)) == hashes["motion.npz"]
    assert sha256(encode_motion(result.take_motion)) == hashes["take.npz"]
