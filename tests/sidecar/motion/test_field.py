# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs after public reports, in the layouts that were refused or misread once."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES, ReadOptions
from affekt.sidecar.motion.read import read_take

JAW = ARKIT_NAMES.index("jawOpen")

TAKES = {
    "subframe_count_30fps.csv": (1100, 30.0, ""),
    "subframe_count_25fps.csv": (1100, 25.0, ""),
    "subframe_count_short_30fps.csv": (90, 30.0, ""),
    "drop_frame_29_97.csv": (90, 29.97, ""),
    "repeated_timecode.csv": (60, 30.0, "1 of 60 times were repeated"),
    "degrees_head_yaw.csv": (60, 30.0, "angles are degrees"),
    "semicolons_decimal_comma.csv": (60, 30.0, ""),
    "face_lost_short_rows.csv": (
        60,
        30.0,
        "5 of 60 frames have no face and were filled in (20-24)",
    ),
    "animation_frames.csv": (60, 30.0, ""),
    "timestamps_in_milliseconds.json": (60, 30.0, ""),
    "frames_dropped.json": (60, 30.0, "3 of 60 frames were missing and were filled in (20-22)"),
    "weights_in_percent.json": (60, 30.0, "weights are percent"),
    "mediapipe_javascript_result.json": (30, 30.0, "does not say its frame rate"),
    "head_angles_among_names.json": (60, 60.0, ""),
}
"""Name -> frames, rate, and what is said."""


@pytest.fixture
def field(real_data: Path) -> Path:
    if not (real_data / "field").is_dir():
        pytest.skip("the inputs from the field are not here")
    return real_data / "field"


@pytest.mark.parametrize("name", TAKES)
def test_each_reads_as_it_was_meant(field: Path, name: str) -> None:
    frames, fps, said = TAKES[name]
    take = read_take(field / name)
    assert (len(take.motion), take.motion.fps) == (frames, fps)
    assert said in " ".join(take.notes)
    assert bool(take.notes) == bool(said)
    expected = 0.3 + 0.3 * np.sin(2 * np.pi * np.arange(frames) / (25 if fps == 25 else 30))
    if fps != 29.97:
        filled = "filled" in said
        away = np.abs(take.motion.expression[:, JAW] - expected)
        assert away.max() < (0.06 if filled else 1e-4)


@pytest.mark.parametrize("name", TAKES)
def test_a_rate_by_hand_always_helps(field: Path, name: str) -> None:
    take = read_take(field / name, ReadOptions(fps=24.0))
    assert take.motion.fps == 24
    assert len(take.motion) == TAKES[name][0]


def test_the_heads_of_two(field: Path) -> None:
    turned = read_take(field / "degrees_head_yaw.csv").motion.rotation
    assert np.abs(turned[:, 1]).max() == pytest.approx(np.radians(25), abs=0.01)
    steady = read_take(field / "head_angles_among_names.json").motion.rotation
    np.testing.assert_allclose(steady, [[0, 0.1, 0]] * 60, atol=1e-6)
