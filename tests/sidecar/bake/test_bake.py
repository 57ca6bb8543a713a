# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake promises, whatever the modulator's weights are; so they are random."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from affekt.shared.emotion import EmotionTrack, constant_track
from affekt.shared.errors import AffektError, InputError
from affekt.shared.motion import cut_motion, make_motion
from affekt.sidecar.bake import bake as bake_module
from affekt.sidecar.bake.bake import CHUNK, BakeJob, chunks_of
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.head.forward import HeadLayer
from affekt.sidecar.head.skinning import CHUNK_FRAMES
from affekt.sidecar.modulation import modulator
from affekt.sidecar.modulation.windows import HOP, windows_of
from affekt.sidecar.motion.adapter import to_open
from fakes.bakes import (
    ADAPTER,
    FRAMES,
    HEAD,
    MODULATOR,
    RATES,
    SPACES,
    TAKES,
    Baked,
    bake_prepared,
    plain_bake,
    prepared,
    random_track,
    run,
    same_bits,
)
from hypothesis import given, settings
from hypothesis import strategies as st

HAPPY = constant_track(FRAMES, 30.0, happy=1.0)


@cache
def whole(space: str) -> Baked:
    return bake_prepared(prepared(space), HAPPY)


def check_same(found: Baked, wanted: Baked) -> None:
    assert same_bits(found.motion, wanted.motion)
    assert same_bits(found.take_motion, wanted.take_motion)
    assert found.vertices.tobytes() == wanted.vertices.tobytes()


def test_chunks_lie_on_one_grid_of_64_frames() -> None:
    assert list(chunks_of(range(70, 130), 200)) == [range(64, 128), range(128, 192)]
    assert list(chunks_of(range(64), 64)) == [range(64)]
    assert list(chunks_of(range(127, 128), 200)) == [range(64, 128)]
    assert list(chunks_of(range(190, 200), 200)) == [range(128, 192), range(192, 200)]


def test_chunks_are_whole_blocks() -> None:
    assert CHUNK % CHUNK_FRAMES == 0


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("space", SPACES)
def test_whole_takes_have_the_bits_of_the_plain_bake(space: str, fps: float) -> None:
    take, track = prepared(space, fps), random_track(1)
    check_same(bake_prepared(take, track), plain_bake(take, track))


@given(space=st.sampled_from(SPACES), fps=st.sampled_from(RATES), data=st.data())
@settings(max_examples=25)
def test_any_range_alone_equals_those_frames_of_the_whole(
    space: str, fps: float, data: st.DataObject
) -> None:
    take, track = prepared(space, fps), random_track(data.draw(st.integers(0, 3)))
    start = data.draw(st.integers(0, FRAMES - 1))
    frames = range(start, data.draw(st.integers(start + 1, FRAMES)))
    check_same(bake_prepared(take, track, frames), plain_bake(take, track, frames))


def test_a_head_in_the_takes_own_space_shows_the_mapped_take() -> None:
    flame = replace(HEAD, name="flame", space="flame2023")
    take = prepare(TAKES["flame2023"](), flame, ADAPTER, MODULATOR, HEAD)
    baked = bake_prepared(take, random_track(2))
    check_same(baked, plain_bake(take, random_track(2)))
    assert same_bits(
        baked.take_motion, bake_prepared(prepared("flame2023"), random_track(2)).take_motion
    )
    expected = HeadLayer(flame).vertices(baked.take_motion, 0, FRAMES)
    np.testing.assert_array_equal(baked.vertices, expected)


@pytest.mark.parametrize("space", SPACES)
def test_emotion_changes_the_take_and_what_is_seen(space: str) -> None:
    before, baked = to_open(TAKES[space](), HEAD, ADAPTER), whole(space)
    assert (before.expression != baked.motion.expression).any(1).all()
    assert baked.motion.space == "open"
    assert baked.take_motion.space == space
    assert not np.array_equal(baked.take_motion.expression, TAKES[space]().expression)
    still = HeadLayer(HEAD).vertices(before, 0, FRAMES)
    assert np.abs(baked.vertices - still).max() > 1e-4


@pytest.mark.parametrize("space", SPACES)
def test_influence_zero_gives_the_take_bit_for_bit(space: str) -> None:
    baked = bake_prepared(prepared(space), constant_track(FRAMES, 30.0, influence=0.0, sad=1.0))
    assert same_bits(baked.take_motion, TAKES[space]())
    assert same_bits(baked.motion, to_open(TAKES[space](), HEAD, ADAPTER))


@pytest.mark.parametrize("space", SPACES)
def test_influence_zero_in_part_keeps_that_part(space: str) -> None:
    influence = np.ones(FRAMES, np.float32)
    influence[40:90] = 0
    track = replace(constant_track(FRAMES, 30.0, sad=1.0), influence=influence)
    baked = bake_prepared(prepared(space), track)
    assert same_bits(cut_motion(baked.take_motion, 40, 90), cut_motion(TAKES[space](), 40, 90))


def test_a_take_is_baked_with_its_own_asymmetry() -> None:
    """Its right half moves 0.12 where its left moves 0.08: (0.12 - 0.08) / 0.2 = 0.2 of the sum,
    and half of that with a gain of 0.5. Pairs of numbers: 3 and 4, 6 and 5, left first."""
    expression = np.zeros((4, 100), np.float32)
    expression[:, [3, 6]], expression[:, [4, 5]] = 0.08, 0.12
    take = make_motion(expression=expression, fps=30.0, space="open")
    found = prepare(take, HEAD, None, replace(MODULATOR, asymmetry_gain=0.5)).modulator
    factors = found.residual_scale / MODULATOR.residual_scale
    np.testing.assert_allclose(factors[3:7], [0.9, 1.1, 1.1, 0.9], rtol=1e-5)
    np.testing.assert_allclose(np.delete(factors, range(3, 7)), 1)


def test_vertices_are_those_of_the_motion() -> None:
    expected = HeadLayer(HEAD).vertices(whole("flame2023").motion, 0, FRAMES)
    np.testing.assert_array_equal(whole("flame2023").vertices, expected)


def test_earlier_work_of_the_process_does_not_show() -> None:
    weights = TAKES["arkit"]().expression * np.float32(1e-39)  # denormal numbers
    motion, track = replace(TAKES["arkit"](), expression=weights), constant_track(FRAMES, 30, sad=1)
    results = []
    for flush in (False, True):
        torch.set_flush_denormal(flush)
        results.append(bake_prepared(prepare(motion, HEAD, None, MODULATOR), track))
    torch.set_flush_denormal(False)
    check_same(*results)


@pytest.mark.parametrize("frames", [range(FRAMES), range(5, FRAMES), range(70, 80)])
def test_chunks_count_to_the_end(frames: range) -> None:
    chunks, result = run(MemoryStore(), prepared(), HAPPY, frames)
    assert result.frames == frames
    assert [frame for chunk in chunks for frame in chunk.frames] == list(frames)
    lengths = [len(chunk.frames) for chunk in chunks]
    assert [chunk.done for chunk in chunks] == list(np.cumsum(lengths))
    assert {chunk.total for chunk in chunks} == {len(frames)}
    assert all(chunk.is_new for chunk in chunks)
    assert len(chunks) == len(list(chunks_of(frames, FRAMES)))
    assert all(
        chunk.vertices.shape == (n, len(HEAD.template), 3)  # type: ignore[union-attr]
        for chunk, n in zip(chunks, lengths, strict=True)
    )


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_who_stops_iterating_stops_the_work(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = bake_module.modulate_part
    monkeypatch.setattr(
        bake_module, "modulate_part", lambda *inputs: (made.append(1), real(*inputs))[1]
    )
    steps = iter(BakeJob(prepared(), HAPPY, None, MemoryStore()))
    for _ in range(after):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert len(made) == after


def test_without_vertices_none_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("vertices were asked for")

    monkeypatch.setattr(bake_module, "layer_of", fail)
    seen, result = run(MemoryStore(), prepared(), random_track(1), with_vertices=False)
    assert result.vertices is None
    assert all(chunk.is_new and chunk.vertices is None for chunk in seen)
    with pytest.raises(AssertionError):  # the control: with vertices the head is asked
        run(MemoryStore(), prepared(), random_track(1))


def test_no_window_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, held = [], []
    real = modulator._network_of

    def counting(network):
        answer = real(network)
        return lambda *inputs: (asked.append(1), answer(*inputs))[1]

    monkeypatch.setattr(modulator, "_network_of", counting)
    track = constant_track(FRAMES, 30.0, sad=1.0)
    job = BakeJob(prepared(), track, None, MemoryStore(), with_vertices=False)
    for _ in job:
        held.append(len(job._answers))
    assert len(asked) == len(windows_of(range(FRAMES)))
    assert max(held) <= CHUNK // HOP + 1  # and a long take's are not kept for ever


def test_bad_input_is_named() -> None:
    def code(track: EmotionTrack, frames: range | None = None) -> str:
        with pytest.raises(AffektError) as caught:
            BakeJob(prepared(), track, frames, MemoryStore())
        return caught.value.code

    assert code(constant_track(9, 30.0)) == "emotion.shape"
    for frames in (range(FRAMES + 1), range(5, 5), range(-1, 5), range(0, 9, 2)):
        assert code(HAPPY, frames) == "frames.out_of_range"
    other = replace(HEAD, space="flame2020")
    for head, adapter in ((HEAD, None), (other, ADAPTER)):
        with pytest.raises(InputError) as caught:
            prepare(TAKES["flame2023"](), head, adapter, MODULATOR, HEAD)
        assert caught.value.code == "space.no_adapter"
