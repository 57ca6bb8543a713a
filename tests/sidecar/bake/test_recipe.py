# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of chunks change with all that their bits depend on, and with nothing else."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.emotion import EmotionTrack
from affekt.sidecar.bake import recipe
from affekt.sidecar.bake.bake import CHUNK, chunks_of
from affekt.sidecar.bake.recipe import motion_key
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.modulation.modulator import modulate_part, weight_rows
from fakes.bakes import ADAPTER, FRAMES, HEAD, MODULATOR, RATES, prepared, random_track, same_bits
from fakes.modulator import small_modulator
from fakes.takes import random_motion
from hypothesis import given, settings
from hypothesis import strategies as st

ELSEWHERE = {
    "affekt.shared.alive",
    "affekt.shared.errors",
    "affekt.shared.limits",
    "affekt.shared.fingerprint",
    "affekt.shared.replacement",
    "affekt.shared.version",
    "affekt.sidecar.files",
    "affekt.sidecar.cache",
    "affekt.sidecar.cache.parts",
    "affekt.sidecar.memory",
}
"""What a bake imports and no number passes through."""


def test_all_code_that_a_bake_runs_is_in_the_name() -> None:
    code = "import sys, affekt.sidecar.bake.bake; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    modules = {name for name in done.stdout.split() if name.startswith("affekt.")}
    assert "affekt.sidecar.bake.recipe" in modules
    named = {f"affekt.{place.removesuffix('.py').replace('/', '.')}" for place in recipe._CODE}
    rooms = {"affekt.shared", "affekt.sidecar"}
    assert not {
        module
        for module in modules - ELSEWHERE - rooms
        if not any(module == name or module.startswith(f"{name}.") for name in named)
    }


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
@settings(max_examples=15)
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
@settings(max_examples=30)
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
