# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin that wrinkles on avatars in the scene: the nodes' formulas are the sidecar's."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render.shot import motion_for

from .conftest import ROOT, RunScript

DC = 0.28209479177387814
DATA = Path(os.environ.get("AFFEKT_TEST_DATA", ROOT.parent / "shared" / "data"))
SCOWL = {"browDownLeft": 1.0, "browDownRight": 0.9, "noseSneerLeft": 0.6}
GRIN = {"mouthSmileLeft": 0.9, "cheekSquintLeft": 0.8, "mouthSmileRight": 0.5}
RAISED = {"browInnerUp": 1.0, "browOuterUpLeft": 0.9, "browOuterUpRight": 0.7}


@dataclass(frozen=True, kw_only=True)
class Pose:
    """weights: of shape keys; turn_rad: of the bone that turns the head; within: how far colours
    may be from the sidecar's."""

    weights: Mapping[str, float] = field(default_factory=dict)
    appearance: float = 1.0
    turn_rad: float = 0.0
    within: float = 1e-5


POSES = [
    Pose(),
    Pose(turn_rad=0.5),
    Pose(weights=SCOWL),
    Pose(weights=SCOWL, appearance=0.4),
    Pose(weights=SCOWL, appearance=0.0),
    Pose(weights=GRIN),
    Pose(weights=RAISED, turn_rad=0.5),
]


def colours_of(drawn: np.ndarray) -> np.ndarray:
    return 0.5 + DC * drawn[:, :3].astype(np.float64)


def wanted_of(avatar: Avatar, pose: Pose) -> np.ndarray:
    row = np.array([[pose.weights.get(name, 0.0) for name in ARKIT_NAMES]], np.float32)
    expression = np.zeros((1, 100), np.float32)
    expression[:, : row.shape[1]] = row
    take = make_motion(expression=expression, fps=30.0, space="arkit")
    motion = motion_for(avatar, take, None)
    shown = Actor(avatar, motion, appearance=pose.appearance).pose(0).gaussians
    return shown.colours.astype(np.float64)


def check(avatar: Avatar, drawn: Mapping[str, np.ndarray], poses: Sequence[Pose]) -> None:
    rest = avatar.colours.astype(np.float64)
    for number, pose in enumerate(poses):
        base = drawn[f"pose{number}"]
        found, wanted = colours_of(base), wanted_of(avatar, pose)
        np.testing.assert_allclose(base[:, 3], avatar.opacities, atol=1e-6)
        if not pose.weights or not pose.appearance:
            np.testing.assert_allclose(found, rest, atol=1e-5, err_msg=str(pose))
        apart = np.abs(found - wanted).max()
        darkened = (rest - wanted).max()
        print(f"{pose}: at most {darkened:.3f} darker, {apart:.1e} apart")
        assert apart < pose.within, pose
        assert (darkened > 0.05) == bool(pose.weights and pose.appearance), pose


@pytest.mark.one_blender
def test_skin_of_splats(in_blender: RunScript, blender_python: str, tmp_path: Path) -> None:
    drawn = draw(in_blender, blender_python, tmp_path, "open-gaussians", "neck", POSES)
    check(open_avatar(read_head("open")), drawn, POSES)
    # An older person's mesh lies elsewhere, and is not pressed by that.
    np.testing.assert_allclose(drawn["other_person"], drawn["pose0"], atol=1e-6)


@pytest.mark.full
@pytest.mark.one_blender
def test_skin_of_a_lam_avatar(in_blender: RunScript, blender_python: str, tmp_path: Path) -> None:
    path = DATA / "lam_avatars" / "barbara.zip"
    if not path.is_file():
        pytest.skip("no LAM avatar: set AFFEKT_TEST_DATA")
    poses = [replace(pose, turn_rad=0.6 * pose.turn_rad) for pose in POSES]
    drawn = draw(in_blender, blender_python, tmp_path, str(path), "head", poses)
    # The keys of the mesh are set as they are, past what a take's weights are mapped by.
    avatar = read_avatar(path)
    assert isinstance(avatar.surface, ArkitRig)
    plain = replace(avatar, surface=replace(avatar.surface, calibration=None))
    check(plain, drawn, poses)


def draw(
    in_blender: RunScript,
    blender_python: str,
    folder: Path,
    avatar: str,
    bone: str,
    poses: Sequence[Pose],
) -> dict[str, np.ndarray]:
    if "bpy53" not in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    out = folder / "skin.npz"
    told = in_blender(
        "splats_skin.py",
        python=sys.executable,
        avatar=avatar,
        poses=[(pose.weights, pose.appearance, pose.turn_rad) for pose in poses],
        bone=bone,
        identity=avatar == "open-gaussians",
        out=out,
    )
    assert told["warnings"] == []
    with np.load(out) as drawn:
        return dict(drawn)
