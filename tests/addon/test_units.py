# SPDX-License-Identifier: GPL-3.0-or-later
"""Action units in Blender: what the panel lists, what bakes and Live show, what files and takes
keep."""

import sys
from pathlib import Path

import pytest
from affekt.shared.motion import cut_motion
from affekt.shared.take_files import encode_motion
from affekt.sidecar.modulation.units import DEFINITIONS
from affekt.sidecar.motion.read import read_take

from .conftest import ROOT, RunScript

TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"


@pytest.mark.one_blender
def test_action_units(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.npz"
    take.write_bytes(encode_motion(cut_motion(read_take(TAKE).motion, 60, 84)))
    told = in_blender("units.py", python=sys.executable, take=str(take), deadline_s=60)
    check_listing(told["listing"])
    check_moves(told["moves"])
    assert told["files"] == {
        "written": ["AU12", "AU12_L", "AU12_R", "AU4"],
        "back": pytest.approx([0.5, 0, 0.8], abs=1e-5),
    }
    assert told["takes"] == pytest.approx([0.3, 0.7, 0.3])
    assert told["cleared"]["neutral"] == [0, 0]
    assert "AU12_R" in told["cleared"]["keyed"]
    assert told["cleared"]["curves"] == []
    assert "A driver moves AU9" in told["cleared"]["driven"]
    assert not [name for name in told["cleared"]["left"] if name.startswith("AU12")]


def check_listing(told: dict) -> None:
    assert told["nothing"] == []
    assert told["added"] == ["AU12"]
    assert told["split"] == told["cleared"] == ["AU12", "AU12_L", "AU12_R"]
    assert told["only sides"] == ["AU12", "AU12_L", "AU12_R", "AU30_L", "AU30_R"]
    assert "There is no action unit 3." in told["unknown"]


def check_moves(told: dict) -> None:
    """The left corner and both brows by as much as the definitions say, the right corner not."""
    smile, frown = DEFINITIONS[12].side["mouthSmile"], DEFINITIONS[4].weights["browDown"]
    change = told["change"]
    assert change["mouthSmileLeft"] == pytest.approx(0.8 * smile, abs=1e-3)
    assert change["mouthSmileRight"] == pytest.approx(0, abs=1e-3)
    assert change["browDownLeft"] == pytest.approx(0.5 * frown, abs=1e-3)
    assert (told["state"], told["again"]) == ("LIVE", "LIVE")
    assert told["live"] < 2e-6
    assert told["slider"] > 1e-3  # metres: the brows are seen to go back at once
    assert told["in use"] == ["AU4", "AU12", "AU12_L", "AU12_R"]
