# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes of every emotion by the modulator that ships, out of each exporter and in again."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.ace_emotions import decode_emotions, encode_ace
from affekt.shared.emotion import EMOTIONS, EmotionTrack
from affekt.shared.emotion_keys import decode_track
from affekt.shared.motion import Motion, cut_motion
from affekt.shared.take_files import WRITERS, encode_take
from affekt.sidecar.bake.bake import BakeJob
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.adapter import as_arkit, from_open, make_linear_adapter
from affekt.sidecar.motion.read import decode_take, read_motion

DEMO = Path(__file__).parents[3] / "sidecar" / "assets" / "demo" / "take.npz"
FRAMES = 64
AS_ARKIT = ("npz", "arkit", "livelink")
AS_FLAME = ("npz", "vhap", "lam")
PUSHED = ("sad", "fear", "surprise")


def track_of(emotion: str, fps: float) -> EmotionTrack:
    keys = {"fps": fps, "keys": [{"frame": 0, emotion: 1.0}]}
    return decode_track(json.dumps(keys).encode(), FRAMES, fps)


@cache
def baked(emotion: str) -> Motion:
    """The shipped take with the emotion at weight 1, in the open head's space."""
    head, take = read_head(OPEN), cut_motion(read_motion(DEMO), 0, FRAMES)
    prepared = prepare(take, head, None, load_modulator(None), head)
    track = track_of(emotion, take.fps)
    job = BakeJob(prepared, track, None, MemoryStore(), with_vertices=False)
    assert sum(len(chunk.frames) for chunk in job) == FRAMES
    return job.finish().motion


def same(again: Motion, motion: Motion) -> None:
    assert (again.space, again.fps, len(again)) == (motion.space, motion.fps, FRAMES)
    np.testing.assert_array_equal(again.expression, motion.expression)
    np.testing.assert_allclose(again.rotation, motion.rotation, atol=1e-6, rtol=0)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_bake_as_arkits_weights_comes_in_again(emotion: str) -> None:
    motion = as_arkit(baked(emotion), read_head(OPEN))
    assert (motion.expression.max() > 2) == (emotion in PUSHED)
    for form in AS_ARKIT:
        again = decode_take(encode_take(motion, form).data, "take")
        same(again.motion, motion)
        said = [note for note in again.notes if "beyond ARKit's 1" in note]
        assert len(said) == (form == "livelink" and emotion in PUSHED)


@pytest.mark.parametrize("emotion", PUSHED)
def test_an_arkit_json_needs_no_mark_to_come_in_again(emotion: str) -> None:
    """As of another tool, or of an Affekt that wrote none."""
    motion = as_arkit(baked(emotion), read_head(OPEN))
    content = json.loads(encode_take(motion, "arkit").data)
    del content["metadata"]["units"]
    same(decode_take(json.dumps(content).encode(), "take").motion, motion)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_bake_as_flames_codes_comes_in_again(emotion: str, real_data: Path) -> None:
    matrices = real_data / "flame_open" / "flame2023_arkit_regression.npz"
    adapter = make_linear_adapter(matrices, "flame2023")
    motion = from_open(baked(emotion), read_head(OPEN), adapter)
    for form in AS_FLAME:
        again = decode_take(encode_take(motion, form).data, "take").motion
        same(again, motion)
        np.testing.assert_array_equal(again.jaw, motion.jaw)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_emotions_come_in_again_as_ace(emotion: str) -> None:
    track = track_of(emotion, 30.0)
    again, left_out = decode_emotions(encode_ace(track)[0], FRAMES, 30.0)
    np.testing.assert_array_equal(again.weights, track.weights)
    assert again.weights[:, EMOTIONS.index(emotion)].min() == 1
    assert left_out == ()


def test_every_writer_is_tried() -> None:
    assert {*AS_ARKIT, *AS_FLAME} == set(WRITERS)
