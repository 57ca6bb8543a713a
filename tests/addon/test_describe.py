# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for a face in Blender: keys at the playhead that the animator sees and can edit."""

import sys
from pathlib import Path

import pytest
from affekt.shared.motion import cut_motion
from affekt.shared.take_files import encode_motion
from affekt.sidecar.motion.read import read_take

from .conftest import ROOT, RunScript

TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"


@pytest.mark.one_blender
def test_words_become_keys(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.npz"
    take.write_bytes(encode_motion(cut_motion(read_take(TAKE).motion, 60, 84)))
    told = in_blender("describe.py", python=sys.executable, take=str(take), deadline_s=60)
    check_playhead(told["playhead"])
    assert told["moves"]["state"] == "LIVE"
    assert told["moves"]["live"] < 2e-6
    assert told["moves"]["left"] > told["moves"]["right"] + 0.3
    check_time(told["time"])
    check_refusals(told["refused"])
    (first, last), there = told["stretched"]["keys"], told["stretched"]["there"]
    assert (first[0], last) == (120, [125, 0.3])
    assert there == pytest.approx(first[1], abs=1e-3)
    before, described, undone = told["undone"]
    assert (before, described, undone) == ([], [[50, 1]], [])


def check_playhead(told: dict) -> None:
    """The animator's own key of frame 3 stays; nothing on the right."""
    (first, second) = told["AU12_L"]
    assert first == [3, 0.2]
    assert second[0] == 12
    assert 0.3 < second[1] < 0.8
    assert [frame for frame, _ in told["AU2_L"]] == [12]
    assert told["AU2_R"] == []
    assert told["happy"][0][1] > 0.2
    words = {channel: said for said, channel, _ in told["listed"]}
    assert "half smile" in words["AU12_L"]
    assert "brow raised" in words["AU2_L"]
    assert told["notes"] == []


def check_time(told: dict) -> None:
    """From the slider's .25 at frame 31 up in 1.5 s, .6 s there, and at once to 0."""
    frames, values = zip(*told["AU1"], strict=True)
    assert frames == pytest.approx([31, 76, 94, 97.6], abs=0.05)
    assert values == pytest.approx([0.25, 0.7, 0.7, 0], abs=1e-3)
    assert len(told["AU12_L"]) == 2
    assert told["now"] == pytest.approx(0.25)


def check_refusals(told: dict) -> None:
    assert told["same"]
    car, empty, both, long, chinese = told["said"]
    assert "says nothing of a face" in car
    assert "There are no words." in empty
    assert "contradict" in both
    assert "10,000 characters" in long
    assert "Chinese" in chinese
