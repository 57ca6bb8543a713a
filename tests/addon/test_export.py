# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes and bakes go out into other tools' files, and our own readers find in them what the curves
say."""

import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES, Motion, ReadOptions, cut_motion, make_motion
from affekt.shared.take_files import encode_motion
from affekt.sidecar.avatar.effects import open_motion
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.motion.adapter import as_arkit
from affekt.sidecar.motion.read import read_take
from fakes.characters import Character
from fakes.flame import npz
from fakes.flame_twin import COARSE, remeshed_twin

from .conftest import ROOT, RunScript
from .nouns import save

TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
FRAMES = 40
PER_FRAME = ("expression", "jaw", "neck", "eyes", "rotation", "translation")
ROUNDED = 1e-6
"""Blender keeps keys, and turns as quaternions, in single precision; CSV has nine digits."""


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


def plain_character(head: HeadModel) -> Character:
    return Character(
        vertices=head.template,
        faces=head.faces,
        part=np.zeros(len(head.template), np.int64),
        shapes=open_motion(np.eye(len(ARKIT_NAMES)), head),
    )


def flame_take(head: HeadModel, take: Motion) -> tuple[bytes, Motion]:
    """A FLAME file, and a take on it."""
    twin = remeshed_twin(head, left=COARSE)
    expression, jaw = (v.astype(np.float32) for v in twin.numbers(take.expression, take.jaw))
    shape = np.zeros(300, np.float32)
    shape[:3] = 0.5, -1.0, 0.25
    turns = {name: getattr(take, name) for name in ("neck", "eyes", "rotation", "translation")}
    motion = make_motion(
        expression=expression, jaw=jaw, fps=30.0, space="flame2023", shape=shape, **turns
    )
    return npz(twin.arrays), motion


def three_heads(head: HeadModel, folder: Path, frames: int) -> dict[str, object]:
    """A take of the open head, a FLAME file with one of its own, and a character, as options of a
    script."""
    take = cut_motion(read_take(TAKE).motion, 60, 60 + frames)
    flame, motion = flame_take(head, take)
    (folder / "flame.npz").write_bytes(flame)
    (folder / "flame_take.npz").write_bytes(encode_motion(motion))
    return {
        "take": save(take, folder / "take.npz"),
        "flame": folder / "flame.npz",
        "flame_take": folder / "flame_take.npz",
        "face": plain_character(head).save(folder / "face.npz"),
        "names": ARKIT_NAMES,
    }


@pytest.mark.one_blender
def test_takes_go_out_and_come_back(in_blender: RunScript, head: HeadModel, tmp_path: Path) -> None:
    told = in_blender("export.py", python=sys.executable, **three_heads(head, tmp_path, FRAMES))
    check_own_head(told["open"], tmp_path / "out", head)
    check_flame_head(told["flame"], tmp_path / "out", head)
    check_character(told["face"], tmp_path / "out")
    assert not [name for name in told["files"] if "partial" in name]
    assert not {"open.json", "face.npz"} & set(told["files"])


def curves(folder: Path, name: str) -> Motion:
    return read_take(folder / f"{name}_curves.npz").motion


def check_same(got: Motion, wanted: Motion, tolerance: float, fields: tuple[str, ...]) -> None:
    assert (got.space, len(got)) == (wanted.space, len(wanted))
    assert got.fps == pytest.approx(wanted.fps, abs=1e-4)
    for field in fields:
        np.testing.assert_allclose(
            getattr(got, field), getattr(wanted, field), atol=tolerance, rtol=0, err_msg=field
        )


def check_own_head(told: dict[str, str], folder: Path, head: HeadModel) -> None:
    assert {
        form: told[form] for form in ("NPZ", "ARKIT", "LIVELINK", "fast", "baked")
    } == dict.fromkeys(("NPZ", "ARKIT", "LIVELINK", "fast", "baked"), "")
    own = curves(folder, "open")
    column = head.expression_names.index("mouthSmileLeft")
    np.testing.assert_allclose(own.expression[:, column], 0.5, atol=ROUNDED)  # the edit
    check_same(read_take(folder / "open_npz.npz").motion, own, 0, PER_FRAME)
    check_same(read_take(folder / "baked.npz").motion, curves(folder, "baked"), 0, PER_FRAME)
    weights = as_arkit(own, head)
    for name in ("open_arkit.json", "open_livelink.csv"):
        check_same(read_take(folder / name).motion, weights, ROUNDED, ("expression", "rotation"))
    # Twice as many frames a second: every other one is a frame of the take, the rest lie between.
    fast = read_take(folder / "open_fast.csv").motion
    assert fast.fps == pytest.approx(59.94, abs=1e-3)
    assert len(fast) == int((FRAMES - 1) * 59.94 / 30) + 1
    times = np.arange(len(fast)) * 30 / 59.94
    jaw = ARKIT_NAMES.index("jawOpen")
    between = np.interp(times, np.arange(FRAMES), weights.expression[:, jaw])
    np.testing.assert_allclose(fast.expression[:, jaw], between, atol=0.02)
    assert "none of FLAME's expressions" in told["flame"]
    assert "Add > Mesh > FLAME Head" in told["flame"]
    assert "There is no folder" in told["nowhere"]
    assert "No file was named" in told["nameless"]


def check_flame_head(told: dict[str, str], folder: Path, head: HeadModel) -> None:
    assert told == {"LAM": "", "VHAP": "", "ARKIT": ""}
    own = curves(folder, "flame")
    assert own.shape[1] == pytest.approx(-1)
    check_same(read_take(folder / "flame_lam.json").motion, own, 0, (*PER_FRAME, "shape"))
    vhap = read_take(folder / "flame_vhap.npz", ReadOptions(fps=own.fps)).motion
    check_same(vhap, own, 0, (*PER_FRAME, "shape"))
    weights = read_take(folder / "flame_arkit.json").motion
    assert weights.space == "arkit"
    # The mouth opens in the weights as it did in the take that FLAME's was made of.
    source = as_arkit(read_take(folder.parent / "take.npz").motion, head)
    jaw = ARKIT_NAMES.index("jawOpen")
    np.testing.assert_allclose(weights.expression[:, jaw], source.expression[:, jaw], atol=0.1)


def check_character(told: dict[str, str], folder: Path) -> None:
    assert {form: told[form] for form in ("ARKIT", "LIVELINK", "NPZ", "slow")} == dict.fromkeys(
        ("ARKIT", "LIVELINK", "NPZ", "slow"), ""
    )
    own = curves(folder, "face")
    assert own.space == "arkit"
    for name in ("face_arkit.json", "face_livelink.csv", "face_npz.npz"):
        check_same(read_take(folder / name).motion, own, ROUNDED, ("expression", "rotation"))
    slow = read_take(folder / "face_slow.csv").motion
    assert (slow.fps, len(slow)) == (12.0, int((FRAMES - 1) * 12 / 30) + 1)
    np.testing.assert_allclose(slow.expression[2], own.expression[5], atol=ROUNDED)
    assert "none of FLAME's expressions" in told["flame"]
