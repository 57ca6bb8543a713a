# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's whole path, in Blender, against a real sidecar process, beside the terminal's."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.shared.motion import cut_motion
from affekt.shared.take_files import encode_motion
from affekt.sidecar.motion.read import read_take
from fakes.lam import lam_bundle
from fakes.pc2 import read_pc2

from ..conftest import MakeOnce
from .conftest import ROOT, RunScript

DEMO = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
FRAMES = 90
FPS = 30
SIZE = 64
RENDERED = 3
KEYS = [
    {"frame": 0, "happy": 1.0, "sad": 0.0, "influence": 1.0},
    {"frame": 40, "happy": 0.0, "influence": 0.5},
    {"frame": 80, "sad": 0.8, "influence": 1.0},
]


@pytest.fixture(scope="module")
def baked(make_once: MakeOnce) -> Path:
    """A folder with a take and what `affekt bake` makes of it with the same keys."""
    return make_once("terminal", bake_in_a_terminal)


def bake_in_a_terminal(folder: Path) -> None:
    take, emotions = folder / "take.npz", folder / "emotions.json"
    take.write_bytes(encode_motion(cut_motion(read_take(DEMO).motion, 60, 60 + FRAMES)))
    emotions.write_text(json.dumps({"fps": FPS, "keys": KEYS, "interpolation": "linear"}))
    command = [sys.executable, "-m", "affekt.sidecar", "bake", "--motion", str(take)]
    command += ["--emotions", str(emotions), "--out", str(folder / "bake")]
    subprocess.run(command, check=True, capture_output=True, timeout=240)


def test_the_whole_path(baked: Path, in_blender: RunScript, tmp_path: Path) -> None:
    terminal = read_pc2(baked / "bake" / "vertices.pc2")
    avatar, out = tmp_path / "avatar.zip", tmp_path / "vertices.npy"
    avatar.write_bytes(lam_bundle())
    told = in_blender(
        "animator_path.py",
        python=sys.executable,
        take=baked / "take.npz",
        avatar=avatar,
        out=out,
        keys=KEYS,
        fps=FPS,
        first_frame=11,
        size=SIZE,
        rendered=RENDERED,
        composite=tmp_path / "composite.npy",
        cached=[0, 37, len(terminal) - 1],
    )
    print({name: f"{value:.1f} s" for name, value in told["seconds"].items()})
    assert told["takes"] == [
        ["take", "TAKE", "", len(terminal)],
        ["take baked", "BAKE", "take", len(terminal)],
    ]
    assert told["untouched"]
    assert len(set(told["actions"])) == 2
    assert [told["used"], told["used_after"]] == ["take baked", "take"]
    worst = np.linalg.norm(np.load(out) - terminal, axis=2).max()
    print(f"Blender's mesh and the terminal's: {worst * 1000:.4f} mm apart at worst")
    assert worst < 0.1e-3
    assert told["cache_gap"] < 0.1e-3
    second = sorted(tmp_path.glob("frames/avatar_*"))[1]
    assert_same_picture(np.load(tmp_path / "composite.npy"), second)


def assert_same_picture(composite: np.ndarray, path: Path) -> None:
    """The compositor (linear, premultiplied) shows the PNG (sRGB, straight alpha)."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]] / 255.0
    assert picture[..., 3].max() > 0.5  # something is to be seen
    colour, alpha = picture[..., :3], picture[..., 3:]
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(composite[..., 3:], alpha, atol=2e-3)
    np.testing.assert_allclose(composite[..., :3], linear * alpha, atol=4e-3)
