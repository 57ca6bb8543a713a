# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake promises, whatever the modulator's weights are; so they are random."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from affekt.shared.emotion import EmotionTrack, constant_track
from affekt.shared.errors import AffektError
from affekt.shared.motion import Motion, cut_motion
from affekt.sidecar.bake.bake import BakeProgress, BakeResult, bake, collect_vertices
from affekt.sidecar.head.forward import HeadLayer
from affekt.sidecar.motion.adapter import LinearAdapter, to_open
from fakes.head import small_head
from fakes.modulator import small_modulator
from fakes.takes import arkit_motion, random_motion
from hypothesis import given, settings
from hypothesis import strategies as st

HEAD, MODULATOR, FRAMES = small_head(), small_modulator(), 131
_RNG = np.random.default_rng(0)
ADAPTER = LinearAdapter(
    space="flame2023",
    arkit_from_space=_RNG.normal(0, 0.1, (52, 103)).astype(np.float32),
    arkit_bias=np.full(52, 0.2, np.float32),
    space_from_arkit=_RNG.normal(0, 1, (103, 52)).astype(np.float32),
)
TAKES = {
    "open": random_motion(FRAMES),
    "arkit": arkit_motion(FRAMES),
    "flame2023": random_motion(FRAMES, space="flame2023"),
}
SPACES = sorted(TAKES)


def run(space: str, track: EmotionTrack | None = None, **options) -> BakeResult:
    track = constant_track(FRAMES, 30.0, happy=1.0) if track is None else track
    return bake(TAKES[space], track, HEAD, ADAPTER, MODULATOR, **options)


def same_bits(a: Motion, b: Motion) -> bool:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Motion)]
    return all(
        x.tobytes() == y.tobytes() if isinstance(x, np.ndarray) else x == y for x, y in pairs
    )


WHOLE = {space: run(space) for space in SPACES}
VERTICES = {space: collect_vertices(WHOLE[space]) for space in SPACES}


@pytest.mark.parametrize("space", SPACES)
def test_emotion_changes_the_take_and_what_is_seen(space: str) -> None:
    before, after = to_open(TAKES[space], HEAD, ADAPTER), WHOLE[space].motion
    assert (before.expression != after.expression).any(1).all()
    assert after.space == "open"
    assert WHOLE[space].take_motion.space == space
    assert not np.array_equal(WHOLE[space].take_motion.expression, TAKES[space].expression)
    still = HeadLayer(HEAD).vertices(before, 0, FRAMES)
    assert np.abs(VERTICES[space] - still).max() > 1e-4


@pytest.mark.parametrize("space", SPACES)
def test_influence_zero_gives_the_take_bit_for_bit(space: str) -> None:
    result = run(space, constant_track(FRAMES, 30.0, influence=0.0, sad=1.0))
    assert same_bits(result.take_motion, TAKES[space])
    assert same_bits(result.motion, to_open(TAKES[space], HEAD, ADAPTER))


@pytest.mark.parametrize("space", SPACES)
def test_influence_zero_in_part_keeps_that_part(space: str) -> None:
    track = constant_track(FRAMES, 30.0, sad=1.0)
    influence = np.ones(FRAMES, np.float32)
    influence[40:90] = 0
    result = run(space, replace(track, influence=influence))
    assert same_bits(cut_motion(result.take_motion, 40, 90), cut_motion(TAKES[space], 40, 90))


@given(space=st.sampled_from(SPACES), start=st.integers(0, FRAMES - 1), data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_range_alone_equals_those_frames_of_the_whole(
    space: str, start: int, data: st.DataObject
) -> None:
    stop = data.draw(st.integers(start + 1, FRAMES))
    part = run(space, frames=range(start, stop))
    assert part.frames == range(start, stop)
    assert same_bits(part.motion, cut_motion(WHOLE[space].motion, start, stop))
    assert same_bits(part.take_motion, cut_motion(WHOLE[space].take_motion, start, stop))
    assert collect_vertices(part).tobytes() == VERTICES[space][start:stop].tobytes()


def test_vertices_are_those_of_the_motion() -> None:
    expected = HeadLayer(HEAD).vertices(WHOLE["flame2023"].motion, 0, FRAMES)
    np.testing.assert_array_equal(VERTICES["flame2023"], expected)


def test_earlier_work_of_the_process_does_not_show() -> None:
    weights = TAKES["arkit"].expression * np.float32(1e-39)  # denormal numbers
    take, track = replace(TAKES["arkit"], expression=weights), constant_track(FRAMES, 30.0, sad=1)
    results = []
    for flush in (False, True):
        torch.set_flush_denormal(flush)
        results.append(bake(take, track, HEAD, None, MODULATOR))
    torch.set_flush_denormal(False)
    assert same_bits(results[0].motion, results[1].motion)
    assert same_bits(results[0].take_motion, results[1].take_motion)


def test_vertices_come_in_small_chunks() -> None:
    lengths = [len(chunk) for chunk in run("open", frames=range(5, FRAMES)).vertices]
    assert lengths == [27, 32, 32, 32, 3]


def test_a_head_in_the_takes_own_space_shows_the_mapped_take() -> None:
    flame = replace(HEAD, name="flame", space="flame2023")
    track = constant_track(FRAMES, 30.0, happy=1.0)
    result = bake(TAKES["flame2023"], track, flame, ADAPTER, MODULATOR, open_head=HEAD)
    assert same_bits(result.take_motion, WHOLE["flame2023"].take_motion)
    expected = HeadLayer(flame).vertices(result.take_motion, 0, FRAMES)
    np.testing.assert_array_equal(collect_vertices(result), expected)


def test_progress_counts_every_stage_to_its_end() -> None:
    seen: list[BakeProgress] = []
    collect_vertices(run("arkit", on_progress=seen.append, frames=range(10, 100)))
    for stage in ("modulate", "vertices"):
        steps = [p for p in seen if p.stage == stage]
        assert [p.done for p in steps] == sorted({p.done for p in steps})
        assert steps[-1].done == steps[-1].total
    assert seen[-1] == BakeProgress(stage="vertices", done=90, total=90)


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_cancel_stops_at_the_next_chunk(after: int) -> None:
    calls = iter(range(99))
    with pytest.raises(AffektError) as caught:
        collect_vertices(run("open", is_cancelled=lambda: next(calls) >= after))
    assert caught.value.code == "job.cancelled"
    assert next(calls) == after + 1


def test_bad_input_is_named() -> None:
    def code(*args, **kwargs) -> str:
        with pytest.raises(AffektError) as caught:
            bake(*args, **kwargs)
        return caught.value.code

    track, take = constant_track(FRAMES, 30.0), TAKES["flame2023"]
    assert code(take, track, HEAD, None, MODULATOR) == "space.no_adapter"
    assert code(take, constant_track(9, 30.0), HEAD, ADAPTER, MODULATOR) == "emotion.shape"
    for frames in (range(FRAMES + 1), range(5, 5), range(-1, 5), range(0, 9, 2)):
        assert code(take, track, HEAD, ADAPTER, MODULATOR, frames) == "frames.out_of_range"
    other = replace(HEAD, space="flame2020")
    assert code(take, track, other, ADAPTER, MODULATOR, open_head=HEAD) == "space.no_adapter"
