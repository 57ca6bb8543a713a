# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake goes where the animator wants it, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion
from fakes.head import small_head

from .conftest import RunScript
from .nouns import random_motion, save

FRAMES = 60


def swaying() -> Motion:
    """Smooth movement in twelve shape keys, the jaw, the neck and the place."""
    rng, still = np.random.default_rng(2), random_motion(FRAMES)
    seconds = np.arange(FRAMES)[:, None] / 30
    expression = np.zeros((FRAMES, 100))
    rates, phases = rng.uniform(0.5, 3, (2, 12))
    expression[:, 1:13] = 0.5 + 0.5 * np.sin(2 * np.pi * rates * seconds + phases)
    values = {"expression": expression}
    for name in ("jaw", "neck", "rotation", "translation"):
        values[name] = 0.1 * np.sin(seconds * rng.uniform(2, 9, 3))
    values["eyes"] = np.zeros((FRAMES, 6))
    return replace(still, **{name: v.astype(np.float32) for name, v in values.items()})


def rigid_head() -> HeadModel:
    """The places of root, neck, jaw, left and right eye, and one more vertex each that turns with
    the jaw, .25 m from it, and with the right eye."""
    joints = [[0, 0, 0], [0, 0.1, 0], [0, 0.1, 0.05], [0.03, 0.15, 0.05], [-0.03, 0.15, 0.05]]
    template = np.array([*joints, [0, 0.1, 0.3], [0, 0.5, 0]], np.float32)
    weights = np.eye(5, dtype=np.float32)[[0, 1, 2, 3, 4, 2, 4]]
    return replace(small_head(vertices=7), template=template, skin_weights=weights)


@pytest.mark.one_blender
def test_options(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    told = in_blender(
        "bake_options.py",
        head=save(small_head(), tmp_path / "head.npz"),
        motion=save(swaying(), tmp_path / "motion.npz"),
        take=take,
        rigid_head=save(rigid_head(), tmp_path / "rigid.npz"),
    )
    # All turns with the root and, but for the root's own vertex, with the neck.
    assert told["arms"] == pytest.approx([0.5, 0.4, 0.25, 0, np.sqrt(0.1259)], abs=1e-6)
    check_targets(told["targets"])
    check_ranges(told["ranges"])
    check_keys(told["keys"])
    check_strips(told["strips"], told["tenth"])
    assert "no folder" in told["no_folder"]
    assert "ends in .pc2" in told["no_cache"]
    assert told["cached"] == "vertices"


def check_targets(told: dict) -> None:
    actions = told["first"]
    assert told["again"] == ["take baked", True, actions]
    assert told["happy"] == pytest.approx(0.5)
    assert told["take_kept"]
    assert told["new"] == told["last"] == "take baked 2"  # the last bake, not the first
    assert told["used"] == "take baked"
    assert told["edited_kept"]
    assert told["asks"].startswith("take baked was edited")  # what the button asks before it bakes
    assert told["asks_not"] == ""
    assert told["edited_new"] == "take baked 3"
    assert told["edited_said"].startswith(
        "take baked was edited after it was baked, so it stays as it is. Baked 60 frames into the "
        "new Action"
    )
    assert "It ends at frame 60, after the scene does, at 50." in told["edited_said"]
    assert told["overwritten"] == "take baked"
    assert told["as_baked"] != pytest.approx(0.9)
    assert told["others_kept"] == {"take": True, "take baked": False, "take baked 2": True}
    assert told["fitted"] == ["take baked", 4]  # our own fitting is no edit
    assert told["older"] == "take baked 4"


def check_ranges(told: dict) -> None:
    """The take lies at 1 to 60; what surrounds a part of it is read, since it is speech."""
    scene, preview, own, far = (told[name] for name in ("scene", "preview", "own", "far"))
    assert scene["keys"] == [21, 30]
    assert scene["place"] == [21, 10]
    assert [scene["sent"], scene["asked"]] == [60, [20, 30]]
    assert preview["keys"] == [51, 60 + 20]
    assert [preview["sent"], preview["asked"]] == [80, [50, 80]]
    assert own["keys"] == [-9, 5]
    assert [own["sent"], own["asked"]] == [70, [0, 15]]
    assert far["place"] == [1001, 10]
    assert [far["sent"], far["asked"]] == [10, None]
    assert "no preview range" in told["none"]
    assert "Frames 5 to 4 hold 0 frames" in told["backwards"]


def check_keys(told: dict) -> None:
    """What is said of the error is at least the mesh's, and not far from it."""
    print(told["simplified"])
    counts = []
    for allowed, off, keys, said, first, frames in told["simplified"]:
        stated = float(said.split("at most ")[1].split(" mm")[0])
        assert 0 < off <= stated + 1e-3  # Blender's mesh is in single precision
        assert stated <= allowed
        assert [first, frames] == [1, FRAMES]
        counts.append(keys)
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0] < 12 * FRAMES + 88
    assert told["stepped"] == [1, 8, 15, 22, 29, 36, 43, 50, 57, 60]
    assert told["stepped_place"] == [1, FRAMES, 30]


def check_strips(told: dict, tenth: float) -> None:
    assert told["laid"] == ["take baked", True, 1, 60, 1, 60]
    assert told["active"] == "None"
    assert told["shown"] == pytest.approx(tenth)
    assert told["again"] == ["take baked", True, 101, 160, 1, 60]
    assert told["moved_shown"] == pytest.approx(tenth)
    assert told["tracks"] == 1
    assert "frame by frame" not in told["said"]  # the bake's own strip is not what plays
