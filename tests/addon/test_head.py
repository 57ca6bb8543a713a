# SPDX-License-Identifier: GPL-3.0-or-later
"""A head in Blender is the head of the equations."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.sidecar.head.read import read_head
from fakes.head import small_head

from .conftest import RunScript
from .nouns import random_motion, save, twin_vertices

FRAMES = 12


@pytest.mark.two_blenders
@pytest.mark.parametrize("name", ["small", "open"])
def test_blender_deforms_as_the_equations_say(
    name: str, in_blender: RunScript, tmp_path: Path
) -> None:
    """`small` has all 36 pose correctives, `open` is what animators get."""
    head: HeadModel = small_head(vertices=400) if name == "small" else read_head("open")
    motion = random_motion(FRAMES)
    out = tmp_path / "vertices.npy"
    told = in_blender(
        "deform.py",
        head=save(head, tmp_path / "head.npz"),
        motion=save(motion, tmp_path / "motion.npz"),
        out=out,
        exports=name == "small",
    )
    vertices = np.load(out)
    worst = max(
        float(np.linalg.norm(vertices[t] - twin_vertices(head, motion, t), axis=1).max())
        for t in range(FRAMES)
    )
    print(f"worst vertex: {worst * 1000:.5f} mm")
    assert worst < 0.05e-3
    assert told["errors"]["expression"] == 0  # what is keyed is what is read back
    assert max(told["errors"].values()) < 1e-6
    used = np.count_nonzero(np.abs(head.pose_basis).max((0, 1)))
    looks = np.count_nonzero(head.arkit_eyes.any(0))  # lids that follow the eyes' aim
    assert told["keys"] == 1 + 100 + used + looks
    assert told["slow_drivers"] == told["invalid_drivers"] == []
    assert told["smooth"]
    joints = ["root", "neck", "jaw", "eye_left", "eye_right"]
    assert told["groups"] == joints
    assert told["bones"] == [*joints, "eye_aim"]
    # What an animator can move: the whole head's place, every bone's turn, and what is looked at.
    turns_only = [[True] * 3, [True] * 3, [False] * 3]
    assert told["locks"] == {
        "root": [[False] * 3, [True] * 3, [False] * 3],
        **dict.fromkeys(("neck", "jaw", "eye_left", "eye_right"), turns_only),
        "eye_aim": [[False] * 3, [True] * 3, [True] * 3],
    }
    if told["colours"]:
        check_colours(told["colours"])


def check_colours(told: dict) -> None:
    """The mesh's colours are exported, and nothing of its wrinkles in their place."""
    assert "COLOR_0" in told["gltf"]
    assert told["pictures"] == 0
    told = "\n".join(told["usd"])
    assert "primvars:affekt_colour" in told
    assert 'varname = "affekt_colour"' in told
    assert "diffuseColor.connect" in told
    assert "inputs:file" not in told
    assert "inputs:normal" not in told  # which Blender would connect with a number
