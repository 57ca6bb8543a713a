# SPDX-License-Identifier: GPL-3.0-or-later
"""The jaw follows jawOpen and the eyes an aim, and neither touches a take of ours; age and weight
shape the open head."""

import json
from dataclasses import replace
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


LOOKS = {
    "eyeLookDown": (0, 0.40, 0.36),
    "eyeLookUp": (0, -0.30, -0.27),
    "eyeLookIn": (1, -0.45, 0.41),
    "eyeLookOut": (1, 0.50, -0.47),
}
"""The axis about which each look turns the eyes, and how far the left and the right one."""


def looking_head() -> HeadModel:
    """The small head with eyes that its looks turn."""
    turns = np.zeros((6, len(ARKIT_NAMES)), np.float32)
    for name, (axis, left, right) in LOOKS.items():
        turns[axis, ARKIT_NAMES.index(f"{name}Left")] = left
        turns[3 + axis, ARKIT_NAMES.index(f"{name}Right")] = right
    return replace(small_head(), arkit_eyes=turns)


@pytest.mark.two_blenders
def test_the_rig_does_what_it_promises(in_blender: RunScript, tmp_path: Path) -> None:
    take, out = tmp_path / "take.json", tmp_path / "vertices.npy"
    take.write_text("{}")
    head, aimed = looking_head(), tmp_path / "aimed.npy"
    told = in_blender(
        "controls.py", head=save(head, tmp_path / "head.npz"), take=take, out=out, aimed=aimed
    )

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
    check_lids(told["aimed"], head, np.load(aimed))
    assert len(told["duplicated"]["own"]) > 3 * 8
    assert all(told["duplicated"]["own"])
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


def check_lids(aimed: dict, head: HeadModel, vertices: np.ndarray) -> None:
    """Off with the aim; on, they are those of the gaze that is seen, whatever the take's were; a
    bake reads them so."""
    names = [f"{look}{side}" for look in LOOKS for side in ("Left", "Right")]
    assert aimed["lids_off"] == dict.fromkeys(aimed["lids_off"], 0)
    assert set(aimed["lids"]) == set(names)
    sent = {name: np.array(rows, np.float32) for name, rows in aimed["sent_whole"].items()}
    taken = {"eyeLookDownLeft": 0.3}
    for name in names:
        axis, left, right = LOOKS[name[: -len("Left" if name.endswith("Left") else "Right")]]
        turn, eye = (left, 0) if name.endswith("Left") else (right, 3)
        gaze = sent["eyes"][0, eye : eye + 3]
        length = float(np.linalg.norm(gaze))
        sine = np.sin(length / 2) * gaze[axis] / length
        wanted = float(np.clip(sine / np.sin(turn / 2), 0, 1.3))
        assert aimed["lids"][name] == pytest.approx(wanted - taken.get(name, 0), abs=2e-4), name
        column = head.expression_names.index(name)
        assert sent["expression"][0, column] == pytest.approx(wanted, abs=2e-4), name
    assert max(aimed["lids"].values()) > 0.3
    seen = make_motion(fps=30, space="open", **sent)
    assert np.abs(vertices - twin_vertices(head, seen, 0)).max() < 0.02e-3


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
