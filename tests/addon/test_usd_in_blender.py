# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar's take as USD, imported by Blender itself: somebody else's reader of what we write."""

from pathlib import Path

import numpy as np
import pytest
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.splats import zeroth_harmonics
from affekt.sidecar.avatar.usd import write_usd
from fakes.lam import lam_bundle
from fakes.plain_drive import arkit_motion

from .conftest import run_script


@pytest.mark.one_blender
def test_blender_reads_our_usd(blender_python: str, tmp_path: Path) -> None:
    """Blender 5.3 makes a point cloud of it that plays; its colours are those of a PLY."""
    pytest.importorskip("pxr", reason="the extra `usd` is not installed")
    if "bpy53" not in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    take = arkit_motion(np.random.default_rng(0).random((4, 52)))
    actor = Actor(decode_lam_avatar(lam_bundle(), "egg.zip"), take, "surface")
    out, frames = tmp_path / "out.npz", (1, 2, 4)
    list(write_usd(tmp_path / "take.usdc", actor, range(4)))
    asked = {"file": str(tmp_path / "take.usdc"), "frames": frames, "out": str(out)}
    told = run_script(blender_python, tmp_path / "nobody", "usd_splats.py", asked, tmp_path)
    # Its own turn of an object whose y is up.
    up = np.array(told["matrix"]) @ (0, 1, 0, 0)
    np.testing.assert_allclose(up, (0, 0, 1, 0), atol=1e-6)
    assert told["end"] == 4
    with np.load(out) as read:
        for frame in frames:
            posed = actor.pose(frame - 1).gaussians
            np.testing.assert_array_equal(read[f"{frame}.position"], posed.means)
            np.testing.assert_array_equal(read[f"{frame}.scale"], posed.scales)
            same = np.abs(np.sum(read[f"{frame}.rotation"] * posed.quaternions, 1))
            np.testing.assert_allclose(same, 1, atol=1e-6)
            base = read[f"{frame}.radiance:base"]
            np.testing.assert_allclose(base[:, :3], zeroth_harmonics(posed), atol=1e-6)
            np.testing.assert_allclose(base[:, 3], posed.opacities, atol=1e-6)
