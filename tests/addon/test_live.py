# SPDX-License-Identifier: GPL-3.0-or-later
"""Live: a slider shows what a bake would, and nothing of it is left anywhere."""

import sys
from pathlib import Path

import pytest
from affekt.shared.motion import ARKIT_NAMES, cut_motion
from affekt.sidecar.motion.read import read_take

from .conftest import ROOT, RunScript
from .nouns import save, save_arkit_face

TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
FRAMES = 150
CLOSE = 2e-6
"""Values in single precision; vertices in metres, or centimetres on a character, are as near."""
MOVED_M = 1e-3


@pytest.mark.two_blenders
def test_live_shows_the_bake_and_leaves_nothing(in_blender: RunScript, tmp_path: Path) -> None:
    take = cut_motion(read_take(TAKE).motion, 60, 60 + FRAMES)
    told = in_blender(
        "live.py",
        python=sys.executable,
        take=save(take, tmp_path / "take.npz"),
        frames=[40, 97, 140],
        file=save_arkit_face(tmp_path / "face.npz"),
        names=[name for name in ARKIT_NAMES if name != "tongueOut"],
        deadline_s=60,
    )
    assert "Select or add a head first" in told["refused"]
    for name in ("shows_the_bake", "character"):
        shown = told[name]
        assert shown["state"] == "LIVE", name
        assert shown["moved"] > 0.1, name
        assert max(shown["gaps"]) <= CLOSE, name
        assert shown["script"] <= CLOSE, name
        assert shown["kept"], name
    check_keys(told["keyed"])
    edited = told["edited"]
    assert edited["state"] == "LIVE"
    assert edited["moved"] > MOVED_M
    assert max(edited["stays"], edited["gap"]) <= CLOSE
    check_elsewhere(told["elsewhere"])
    undone = told["undone"]
    assert [undone["state"], undone["undone"], undone["renamed"]] == ["LIVE"] * 3
    assert max(undone["back"]) <= CLOSE
    assert undone["another"][0] == "LIVE"
    assert undone["another"][1] <= CLOSE
    assert undone["renamed_moved"] == pytest.approx(undone["moved"])
    assert undone["moved"] > MOVED_M
    check_left_over(told["left_over"])
    check_shared(told["shared"])
    check_changed(told["changed"])
    paused = told["paused"]
    for name, why in (("posing", "Outside Object Mode"), ("task", "Bake is under way")):
        assert paused[name][0].startswith(f"WAITING {why}")
        assert paused[name][1] <= CLOSE
    assert paused["back"][0] == "LIVE"
    assert paused["back"][1] <= CLOSE
    assert told["another_rate"]["state"] == "LIVE"
    assert told["another_rate"]["gap"] <= CLOSE
    check_deaths(told["killed"], told["lost"])
    assert told["idle"]  # no handler is left
    assert told["loaded"] == {"state": "LIVE", "off": True, "as_animated": 0}
    print(f"a tick takes {told['tick_ms']:.2f} ms, 95 of 100")


def check_keys(keyed: dict) -> None:
    assert [keyed["state"], keyed["shifted"], keyed["again"]] == ["LIVE"] * 3
    assert max(keyed["near"], keyed["far"], keyed["forgotten"]) <= CLOSE
    assert min(keyed["shift"], keyed["rekeyed"]) > MOVED_M
    before, after = keyed["share"]
    assert before == 1
    assert 0.1 < after < 0.9  # what lies around the key is computed anew, and no more


def check_left_over(told: dict) -> None:
    assert told["state"] == "LIVE"
    assert min(told["moved"], told["wider"]) > 0.05
    assert max(*told["undone"], *told["stopped"], told["copy"], told["edited"]) <= CLOSE


def check_shared(told: dict) -> None:
    assert "shares a mesh or its jaw with" in told["refused"]
    assert [told["state"], told["two"], told["again"], told["first"][0]] == ["LIVE"] * 4
    assert told["later"].startswith("WAITING")
    assert "shares a mesh" in told["later"]
    assert told["first"][1] <= CLOSE


def check_changed(told: dict) -> None:
    for name in ("strength", "key"):
        moved, near = told[name]
        assert moved > MOVED_M, name
        assert near <= CLOSE, name
    assert [told["state"], told["bones"][0], told["boneless"][0]] == ["LIVE"] * 3
    assert told["bones"][1] > 1e-4
    assert told["boneless"][1] <= CLOSE
    assert "There is no bone 'jaw'" in told["renamed"]


def check_elsewhere(told: dict) -> None:
    """A save and a render find the take; the preview is back afterwards."""
    assert told["state"] == "LIVE"
    assert max(told["saved"], told["rendered"], told["stepped"]) <= CLOSE
    for state, gap in (told["after_save"], told["after_render"]):
        assert state == "LIVE"
        assert gap <= CLOSE


def check_deaths(killed: dict, lost: dict) -> None:
    assert [killed["state"], killed["again"], killed["as_before"][0]] == ["LIVE"] * 3
    assert killed["known"] <= CLOSE
    assert killed["unknown"][0] == "WAITING The sidecar is not connected."
    assert killed["unknown"][1] <= CLOSE
    assert killed["as_before"][1] <= CLOSE
    assert lost["unlinked"].startswith("WAITING No Action moves 'Anna' now.")
    assert lost["linked"] == "LIVE"
    assert "has no take in use" in lost["take"]
    assert lost["left"]
