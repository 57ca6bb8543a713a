# SPDX-License-Identifier: GPL-3.0-or-later
"""Live: a slider shows what a bake would, and nothing of it is left anywhere."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES, cut_motion, make_motion
from affekt.shared.take_files import encode_motion
from affekt.sidecar.adapter.kept import adapter_steps
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion.read import read_take
from fakes.flame import npz
from fakes.flame_twin import COARSE, remeshed_twin

from ..conftest import MakeOnce
from .conftest import ROOT, RunScript
from .nouns import save, save_arkit_face

TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
FRAMES = 150
CLOSE = 2e-6
"""Values in single precision; vertices in metres, or centimetres on a character, are as near."""
MOVED_M = 1e-3


@pytest.fixture(scope="session")
def flame_folder(make_once: MakeOnce) -> Path:
    """A FLAME file, a take on it, and in a cache folder what a sidecar learns of it."""
    return make_once("flame_that_is_live", make_flame)


def make_flame(folder: Path) -> None:
    twin = remeshed_twin(read_head("open"), left=COARSE)
    (folder / "flame.npz").write_bytes(npz(twin.arrays))
    demo = cut_motion(read_take(TAKE).motion, 60, 60 + FRAMES)
    expression, jaw = twin.numbers(demo.expression, demo.jaw)
    motion = make_motion(
        expression=np.asarray(expression, np.float32),
        jaw=np.asarray(jaw, np.float32),
        fps=30.0,
        space="flame2023",
    )
    (folder / "take.npz").write_bytes(encode_motion(motion))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFEKT_CACHE_DIR", str(folder / "cache"))
        flame = read_flame(folder / "flame.npz", space="flame2023")
        for _ in adapter_steps(flame, read_head("open")):
            pass


def run_live(in_blender: RunScript, folder: Path, **options: object) -> dict:
    """What the script tells."""
    take = cut_motion(read_take(TAKE).motion, 60, 60 + FRAMES)
    told = in_blender(
        "live.py",
        python=sys.executable,
        take=save(take, folder / "take.npz"),
        frames=[40, 97, 140],
        deadline_s=60,
        **options,
    )
    print(f"a tick takes {told['tick_ms']:.2f} ms, 95 of 100")
    return told


@pytest.mark.two_blenders
def test_live_shows_the_bake_and_leaves_nothing(in_blender: RunScript, tmp_path: Path) -> None:
    told = run_live(in_blender, tmp_path, on="open head")
    assert "Select or add a head first" in told["refused"]
    check_shown(told["shows_the_bake"])
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
    check_scrubbed(told["scrubbed"])
    check_left_over(told["left_over"])
    check_shared(told["shared"])
    paused = told["paused"]
    for name, why in (("posing", "Outside Object Mode"), ("task", "Bake is under way")):
        assert paused[name][0].startswith(f"WAITING {why}")
        assert paused[name][1] <= CLOSE
    assert not paused["is_red"]
    assert paused["back"][0] == "LIVE"
    assert paused["back"][1] <= CLOSE
    assert told["another_rate"]["state"] == "LIVE"
    assert told["another_rate"]["gap"] <= CLOSE
    check_deaths(told["killed"], told["lost"])


@pytest.mark.one_blender
def test_live_on_other_rigs(in_blender: RunScript, flame_folder: Path, tmp_path: Path) -> None:
    """A character, a FLAME head and, from Blender 5.3 on, Gaussians on a mesh that is live."""
    shutil.copytree(flame_folder / "cache", tmp_path / "cache")
    told = run_live(
        in_blender,
        tmp_path,
        on="other rigs",
        file=save_arkit_face(tmp_path / "face.npz"),
        names=[name for name in ARKIT_NAMES if name != "tongueOut"],
        flame=flame_folder / "flame.npz",
        flame_take=flame_folder / "take.npz",
    )
    check_shown(told["character"])
    check_shown(told["flame"])
    check_changed(told["changed"])
    if splats := told["splats"]:
        assert splats["state"] == "LIVE"
        assert splats["moved"] > MOVED_M
        assert splats["gap"] <= CLOSE
    assert told["idle"]  # no handler is left
    assert told["loaded"] == {"state": "LIVE", "off": True, "marked": False, "as_animated": 0}


def check_shown(shown: dict) -> None:
    assert shown["state"] == "LIVE"
    assert shown["moved"] > 0.1
    assert max(shown["gaps"]) <= CLOSE
    assert shown["script"] <= CLOSE
    assert shown["kept"]


def check_scrubbed(told: dict) -> None:
    assert [told[name] for name in ("state", "scrubbed", "edited")] == ["LIVE"] * 3
    assert told["kept"]
    assert told["asked"] == 1
    assert told["known"] == 1


def check_keys(keyed: dict) -> None:
    assert [keyed["state"], keyed["shifted"], keyed["again"]] == ["LIVE"] * 3
    assert max(keyed["near"], keyed["far"], keyed["forgotten"]) <= CLOSE
    assert min(keyed["shift"], keyed["rekeyed"]) > MOVED_M
    assert keyed["lies"] == pytest.approx(0.5, abs=1e-3)  # from its key, at 0.2
    assert keyed["one_track"]
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
    assert lost["is_red"]
    assert lost["unlinked"].startswith("WAITING No Action moves 'Anna' now.")
    assert lost["linked"] == "LIVE"
    assert "has no take in use" in lost["take"]
    assert lost["left"]
