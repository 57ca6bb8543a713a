# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of chunks change with all that their bits depend on, and with nothing else."""

import copy
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.emotion import CONTROLS, EmotionTrack
from affekt.shared.head import ARRAY_FIELDS
from affekt.sidecar.bake import recipe
from affekt.sidecar.bake.bake import CHUNK, chunks_of
from affekt.sidecar.bake.recipe import motion_key, vertices_key
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.modulation.modulator import cue_rows, modulate_part
from fakes.bakes import ADAPTER, FRAMES, HEAD, MODULATOR, RATES, prepared, random_track, same_bits
from fakes.modulator import MODULATOR_ARRAYS, small_modulator
from fakes.takes import random_motion
from hypothesis import given, settings
from hypothesis import strategies as st

ELSEWHERE = {
    "affekt.shared.alive",
    "affekt.shared.connection",
    "affekt.shared.errors",
    "affekt.shared.limits",
    "affekt.shared.fingerprint",
    "affekt.shared.private_files",
    "affekt.shared.replacement",
    "affekt.shared.version",
    "affekt.shared.wording",
    "affekt.sidecar.files",
    "affekt.sidecar.cache",
    "affekt.sidecar.cache.parts",
    "affekt.sidecar.memory",
    "affekt.sidecar.quarantine",
    "affekt.sidecar.quarantine.process",
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


TRACK, FIRST = random_track(1), range(CHUNK)


def vars_of(record: object) -> dict[str, object]:
    """The record's fields by name."""
    return {entry.name: getattr(record, entry.name) for entry in fields(record)}  # type: ignore[arg-type]


def test_other_code_or_another_library_has_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the bytes and the place of each file that is listed, and of no other."""
    for place, text in (("bake/recipe.py", "a"), ("bake/in/deep.py", "b"), ("smooth.py", "c")):
        path = tmp_path / "sidecar" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(recipe, "__file__", str(tmp_path / "sidecar" / "bake" / "recipe.py"))
    monkeypatch.setattr(recipe, "_CODE", ("sidecar/bake", "sidecar/smooth.py"))
    key = recipe.code_key.__wrapped__
    names = [key()]
    (tmp_path / "sidecar" / "other.py").write_text("d")
    (tmp_path / "sidecar" / "bake" / "notes.txt").write_text("d")
    assert key() == names[0]
    (tmp_path / "sidecar" / "bake" / "in" / "deep.py").write_text("B")
    names.append(key())
    (tmp_path / "sidecar" / "smooth.py").write_text("C")
    names.append(key())
    (tmp_path / "sidecar" / "bake" / "in" / "deep.py").rename(tmp_path / "sidecar/bake/deep.py")
    names.append(key())
    for module, version in ((torch, "2.99"), (np, "9.9"), (recipe.numba, "0.99")):
        monkeypatch.setattr(module, "__version__", version)
        names.append(key())
    monkeypatch.setattr(recipe, "AFFEKT_VERSION", "9.9.9")
    names.append(key())
    monkeypatch.setattr(recipe.platform, "machine", lambda: "abacus")
    names.append(key())
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "by hand")
    names.append(key())
    assert len(set(names)) == len(names) == 10


CURVES = ("weights", *CONTROLS)


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
    rows = cue_rows(take.before, track, frames)
    other = track
    for curve in ("weights", "keep_closed"):
        for outside in (slice(0, rows.start), slice(rows.stop, None)):
            other = changed(other, curve, outside, 0.25)
    for curve in ("influence", "upper", "lower", "geometry"):
        for outside in (slice(0, frames.start), slice(frames.stop, None)):
            other = changed(other, curve, outside, 0.25)
    parts = [modulate_part(take.before, t, take.modulator, frames) for t in (track, other)]
    assert motion_key(take, track, frames) == motion_key(take, other, frames)
    assert same_bits(*parts)
    if rows:
        for curve in ("weights", "keep_closed"):
            inside = changed(track, curve, slice(rows.start, rows.stop), 0.125)
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


def altered(values: np.ndarray) -> np.ndarray:
    """The same but for its last number."""
    other = values.copy()
    other.flat[-1] += 1
    return other


TAKE_ARRAYS = ("expression", "jaw", "neck", "eyes", "rotation", "translation", "shape", "eyelids")


def test_nothing_is_left_out_below() -> None:
    assert set(MODULATOR_ARRAYS) == {
        "mean",
        "scale",
        "residual_scale",
        "lowest",
        "highest",
        "upper_share",
        "lip_opening",
        "mirrored",
        "variants",
    }
    assert set(vars_of(random_motion(2))) == {*TAKE_ARRAYS, "fps", "space"}


@pytest.mark.parametrize("name", MODULATOR_ARRAYS)
def test_every_array_of_the_modulator_is_in_a_chunks_name(name: str) -> None:
    take = prepared()
    other = replace(take.modulator, **{name: altered(getattr(take.modulator, name))})
    names = {motion_key(replace(take, modulator=m), TRACK, FIRST) for m in (take.modulator, other)}
    assert len(names) == 2


def test_every_tensor_of_the_network_is_in_a_chunks_name() -> None:
    take = prepared()
    names = {motion_key(take, TRACK, FIRST)}
    state = take.modulator.network.state_dict()
    for tensor in state:
        network = copy.deepcopy(take.modulator.network)
        with torch.no_grad():
            network.state_dict()[tensor].view(-1)[-1] += 1
        changed_take = replace(take, modulator=replace(take.modulator, network=network))
        names.add(motion_key(changed_take, TRACK, FIRST))
    assert len(names) == 1 + len(state)


@pytest.mark.parametrize("name", TAKE_ARRAYS)
def test_every_array_of_the_take_is_in_both_names(name: str) -> None:
    take = replace(prepared().motion, eyelids=np.zeros((FRAMES, 2), np.float32))
    other = replace(take, **{name: altered(getattr(take, name))})
    assert len({vertices_key(HEAD, shown) for shown in (take, other)}) == 2
    motions = {
        motion_key(replace(prepared(), motion=motion), TRACK, FIRST) for motion in (take, other)
    }
    assert len(motions) == 2


@pytest.mark.parametrize("name", ARRAY_FIELDS)
def test_every_array_of_the_head_is_in_both_names(name: str) -> None:
    other = replace(HEAD, **{name: altered(getattr(HEAD, name))}) if name != "faces" else None
    if other is None:  # its last corner is the head's last vertex
        other = replace(HEAD, faces=np.ascontiguousarray(HEAD.faces[::-1]))
    motion = prepared().motion
    assert vertices_key(HEAD, motion) != vertices_key(other, motion)
    spoken = replace(prepared(), spoken=other)
    assert motion_key(prepared(), TRACK, FIRST) != motion_key(spoken, TRACK, FIRST)


def test_other_frames_and_other_rates_have_other_names() -> None:
    take = prepared()
    still = replace(TRACK, influence=np.zeros(FRAMES, np.float32))
    names = [
        motion_key(take, still, range(64)),
        motion_key(take, still, range(64, 128)),
        motion_key(take, still, range(63)),
        motion_key(take, TRACK, range(64)),
        vertices_key(HEAD, take.motion),
        vertices_key(HEAD, replace(take.motion, fps=25.0)),
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", sorted({*CURVES} - {"appearance"}))
def test_every_curve_of_the_emotions_is_in_a_chunks_name(name: str) -> None:
    """At a frame inside it, not far outside; the colours have no effect on where things are."""
    ones = replace(TRACK, influence=np.ones(FRAMES, np.float32))
    other = changed(ones, name, slice(10, 11), 0.5)
    assert motion_key(prepared(), ones, FIRST) != motion_key(prepared(), other, FIRST)
    elsewhere = changed(ones, name, slice(FRAMES - 1, FRAMES), 0.5)
    assert motion_key(prepared(), ones, FIRST) == motion_key(prepared(), elsewhere, FIRST)
    coloured = changed(ones, "appearance", slice(10, 11), 0.5)
    assert motion_key(prepared(), ones, FIRST) == motion_key(prepared(), coloured, FIRST)
