# SPDX-License-Identifier: GPL-3.0-or-later
"""The jaw follows jawOpen and the eyes an aim, and neither touches a take of ours; age and weight
shape the open head."""

import json
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES, make_motion
from fakes.head import small_head

from .blenders import ROOT
from .conftest import RunScript
from .nouns import save, twin_vertices

JAW_RAD = 0.3
"""How far jawOpen turns the small head's jaw."""


def test_the_rig_does_what_it_promises(in_blender: RunScript, tmp_path: Path) -> None:
    take, out = tmp_path / "take.json", tmp_path / "vertices.npy"
    take.write_text("{}")
    head = small_head()
    told = in_blender("controls.py", head=save(head, tmp_path / "head.npz"), take=take, out=out)

    # ARKit data of another tool opens the mouth as ARKit's own map does.
    expression = np.zeros((1, 100), np.float32)
    expression[0, ARKIT_NAMES.index("jawOpen")] = 0.6
    jaw = np.array([[0.6 * JAW_RAD, 0, 0]], np.float32)
    motion = make_motion(expression=expression, jaw=jaw, fps=30, space="open")
    assert np.abs(np.load(out) - twin_vertices(head, motion, 0)).max() < 0.02e-3
    assert told["other"]["turn"] == pytest.approx(0.18, abs=1e-5)
    assert told["other"]["slow"] == told["other"]["invalid"] == []

    check_takes(told)
    check_aim(told)
    check_identity(told["shaped"], head)
    jaws = told["duplicated"]["jaws"]
    assert jaws == pytest.approx([0.06, 0.15, 0.27], abs=1e-5)
    assert told["duplicated"]["aims"] == pytest.approx([0.2, 0.5, 0.9])
    assert all(told["duplicated"]["targets"])


def check_takes(told: dict) -> None:
    """A take that turns the jaw and has jawOpen does not open the mouth twice."""
    take, third = told["take"], told["performed"][2]
    assert take["weight"] == pytest.approx(0.75)
    assert take["take"] == pytest.approx(third, abs=1e-6)
    assert take["bake"] == pytest.approx(third, abs=1e-6)
    assert take["sent"]
    assert "frame by frame" not in take["said"]
    assert take["after"] == pytest.approx(JAW_RAD, abs=1e-5)  # with the take the hold is gone
    assert take["after_delete"] == pytest.approx(JAW_RAD, abs=1e-5)
    replaced = told["replaced"]
    assert "because of a constraint on the bone jaw" in replaced["said"]
    assert np.ptp(replaced["weight"]) > 0.8
    assert replaced["jaw"] == pytest.approx(JAW_RAD * np.array(replaced["weight"]), abs=1e-5)


def check_aim(told: dict) -> None:
    """Off by default, whatever is done to the bone; on, the eye looks at it, and a bake keeps
    that."""
    aimed = told["aimed"]
    assert aimed["off"] == pytest.approx([0, -1, 0], abs=1e-6)
    assert aimed["still_off"] == aimed["off"]
    eye, aim = (np.array(aimed["places"][name]) for name in ("eye_left", "eye_aim"))
    towards = aim + np.array([0.2, 0, 0.1]) - eye
    towards /= np.linalg.norm(towards)
    assert aimed["on"] == pytest.approx(towards, abs=1e-5)
    assert "because of a constraint on the bone eye_left" in aimed["said"]
    for name in ("baked", "kept"):
        assert aimed[name] == pytest.approx(aimed["on"], abs=1e-4), name
    assert np.linalg.norm(aimed["sent"]) > 0.1
    assert "frame by frame" not in aimed["plain"]
    assert "because of a constraint on the bone eye_left" in told["keyed"]


def check_identity(told: dict, head: HeadModel) -> None:
    """Mesh and joints are those of the equations, and a bake knows the identity."""
    words = json.loads((ROOT / "addon/head/identities.json").read_text())
    assert told["names"] == list(words)
    shape = 0.5 * np.array(words["Age"]) - 0.4 * np.array(words["Weight"])
    wanted = head.template + head.shape_basis @ shape[: head.shape_basis.shape[2]]
    assert np.array(told["vertices"]) == pytest.approx(wanted, abs=1e-6)
    joints = np.array(told["joints"])
    assert joints[:5] == pytest.approx(head.joint_regressor @ wanted, abs=1e-6)
    assert joints[5] == pytest.approx(joints[3:5].mean(0) + np.array([0, 0, 0.5]), abs=1e-6)
    turned = dict(zip(told["names"], told["values"], strict=True))
    rest = {name: 0 for name in words if name not in ("Age", "Weight")}
    assert turned == pytest.approx({"Age": 0.5, "Weight": -0.4, **rest}, abs=1e-5)
    assert told["sent"][: len(shape)] == pytest.approx(shape, abs=1e-5)
    x, y, z = head.template[7]
    assert told["back"] == pytest.approx([x, -z, y], abs=1e-6)
    assert "Add Head" in told["without"]
