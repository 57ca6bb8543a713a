# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that says which emotion holds when, and the one for keys that do nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from affekt.shared.emotion import EmotionTrack
from affekt.shared.emotion_keys import decode_keys, sample_keys
from affekt.sidecar.bake.emotion_summary import describe_outside, describe_track


def keys_of(*keys: dict[str, float], fps: float = 20.0, interpolation: str = "linear"):
    content = {"fps": fps, "interpolation": interpolation, "keys": list(keys)}
    return decode_keys(json.dumps(content).encode(), 30.0)


def track(frames: int, *keys: dict[str, float]) -> EmotionTrack:
    return sample_keys(keys_of(*keys, interpolation="constant"), frames, 20.0)


def test_what_holds_when() -> None:
    """Of two emotions at once the stronger one is named; what hardly shows is neutral."""
    made = track(
        90,
        {"frame": 0, "happy": 0.0, "sad": 0.02, "fear": 0.0},
        {"frame": 25, "happy": 0.8, "sad": 0.5},
        {"frame": 60, "happy": 0.0, "sad": 0.0, "fear": 1.5},
    )
    assert describe_track(made, range(90)) == (
        "neutral from 0 to 1.25 s, then happy 0.8 until 3 s, then fear 1.5 until 4.5 s"
    )
    assert (
        describe_track(made, range(30, 70))
        == "happy 0.8 from 1.5 to 3 s, then fear 1.5 until 3.5 s"
    )


def test_a_performance_that_is_left_alone() -> None:
    made = track(40, {"frame": 0, "angry": 1.0, "influence": 0.0}, {"frame": 20, "influence": 1.0})
    assert describe_track(made, range(40)) == (
        "the take as it is from 0 to 1 s, then angry 1 until 2 s"
    )
    silent = replace(made, geometry=np.zeros(40, np.float32))
    assert describe_track(silent, range(40)) == "the take as it is from 0 to 2 s"


def test_an_emotion_that_rises_and_many_keys() -> None:
    rising = sample_keys(keys_of({"frame": 0, "sad": 0.2}, {"frame": 39, "sad": 1.0}), 40, 20.0)
    assert describe_track(rising, range(40)) == "sad up to 1 from 0 to 2 s"
    often = [{"frame": i * 10, "happy": float(i % 2)} for i in range(40)]
    told = describe_track(track(400, *often), range(400))
    assert told.startswith("neutral from 0 to 0.5 s, then happy 1 until 1 s")
    assert told.endswith("then happy 1 until 3 s, and 34 changes more")


def test_keys_outside_the_take() -> None:
    """At the rate of the keys; the take's very end counts as inside."""
    keys = keys_of({"frame": -4, "sad": 1}, {"frame": 20, "sad": 0}, {"frame": 21, "fear": 1})
    told = describe_outside(keys, 30, 30.0)
    assert told is not None
    assert told.startswith("2 of 3 keys lie outside the take of 30 frames at 30 fps: 1 before it")
    assert "1 after it" in told
    assert "20 fps" in told
    assert describe_outside(keys, 32, 30.0).startswith("1 of 3 keys lies outside")
    assert describe_outside(keys_of({"frame": 0, "sad": 1}), 1, 30.0) is None
