# SPDX-License-Identifier: GPL-3.0-or-later
"""Any character with ARKit shapes is a head: its keys and bones are found, takes and bakes move it,
what it lacks is said."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.avatar.effects import open_motion
from affekt.sidecar.head.read import OPEN, read_head
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save, save_arkit_face

LOOKED_AT = ("jawOpen", "mouthSmileLeft", "cheekPuff")
JAW_GAIN = 0.5 + 0.01 * ARKIT_NAMES.index("jawOpen")
SMILE_GAIN = 0.5 + 0.01 * ARKIT_NAMES.index("mouthSmileLeft")


@pytest.fixture(scope="module")
def face_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The open head's face with ARKit's shapes: part 0 its skin, 1 its teeth, 2 the rest."""
    return save_arkit_face(tmp_path_factory.mktemp("face") / "face.npz")


@pytest.fixture
def told(in_blender: RunScript, face_file: Path, tmp_path: Path) -> dict:
    take = tmp_path / "take.csv"
    take.write_text("")
    return in_blender(
        "character.py",
        file=face_file,
        take=take,
        head=save(small_head(), tmp_path / "head.npz"),
        names=ARKIT_NAMES,
        looked_at=LOOKED_AT,
    )


@pytest.mark.one_blender
def test_characters(told: dict) -> None:
    check_look(told)
    check_take(told)
    check_bake(told)
    check_calibration(told)
    check_bake_options(told)
    check_duplicate(told)
    check_bad_input(told)


def check_look(told: dict) -> None:
    assert told["use"] == ""
    assert told["notes"] == [
        "51 of ARKit's 52 shapes were found by the names of ARKit.",
        "It lacks cheekPuff.",
        "jawOpen is in Face and Teeth: all of them move.",
    ]
    assert told["bones"] == ["Neck", "Head"]
    np.testing.assert_allclose(np.reshape(told["axes"], (3, 3)), [[1, 0, 0], [0, 0, 1], [0, -1, 0]])


def check_take(told: dict) -> None:
    assert told["space"] == ["arkit"]
    assert "left out" not in told["take_notes"]
    assert told["jaw"] == [0.5, 0.5]
    # A nod of .2 rad half way, about the x that points to the head's left in every frame here.
    assert told["nod"] == pytest.approx([math.cos(0.1), math.sin(0.1), 0, 0], abs=1e-6)
    assert told["strips"] == [["Walk", 1, 21]]  # the body goes on walking


def check_bake(told: dict) -> None:
    # The smile's edited curve counts; what the character lacks stays in the take.
    assert told["sent"] == ["arkit", 0.5, 0.75, 0.25]
    assert told["turn"] == pytest.approx([0.4, 0, 0])
    assert told["baked"] == ["take", "take baked"]
    # The fake's emotion is half of browDownLeft; all else is the take with its edit, bit for bit.
    assert [told["baked_smile"], *told["baked_jaw"], told["baked_brow"]] == [0.75, 0.5, 0.5, 0.5]
    assert told["take_brow"] == 0


def check_calibration(told: dict) -> None:
    assert told["gain"] == pytest.approx(JAW_GAIN)
    # The jaw by its gain; the smile's .5 by its own, and .25 more from the edit.
    assert told["calibrated"] == pytest.approx([JAW_GAIN, 0.5 * SMILE_GAIN + 0.25 * SMILE_GAIN])
    assert told["read"] == pytest.approx(1.0, abs=1e-6)
    assert told["off"] == pytest.approx([1.0, 0.75], abs=1e-5)
    assert told["old"] == 2
    assert told["weaker"] == pytest.approx([0.5, 0], abs=1e-5)


def check_bake_options(told: dict) -> None:
    # Strengths that were set since are no edits of the bake: it is baked again, by the new ones.
    assert told["again"] == [2, True, "take baked"]
    assert told["again_jaw"] == pytest.approx([0.5, 0.5], abs=1e-5)
    assert told["again_brow"] == pytest.approx(0.5)
    assert told["part"] == [6, 5]
    assert told["strips_of"] == [["take baked 2"], ["take baked 2"]]
    assert told["part_jaw"] == pytest.approx([0.125, 0.125], abs=1e-5)
    assert ["fewer keys" in said for said in told["unknown"]] == [True, True, False]
    assert "a mesh cache" in told["unknown"][2]
    assert "in place of 'take'" in told["copied"]
    assert "NLA strips play 'take'" in told["in_strips"]
    # Moved keys count: 13 frames on from the new start, half of the weaker jaw.
    assert told["moved"] == pytest.approx([41, 25, 0.25], abs=1e-5)
    assert (told["take_again"], told["left"]) == (3, 4)
    assert "Drivers move 1 of its shape keys" in told["driven"]


def check_duplicate(told: dict) -> None:
    assert told["unset"] == [], "what is not set could be forgotten unseen"
    assert told["forgotten"] == []
    assert told["own_actions"] == [True, True]
    assert told["copy_jaw"] == pytest.approx([0.25, 0.25], abs=1e-5)
    # Frame 18 of 24 opens the jaw by 0.75; the keys say half, by the strength of 0.5.
    assert told["copy_read"] == pytest.approx([0.75, 0.75], abs=1e-5)


def check_bad_input(told: dict) -> None:
    assert told["drawn"] == "option.avatar"
    assert told["hidden"].startswith("Face with its other meshes is no longer rendered")
    assert told["shown"] == []
    assert told["three"][0] == "3 of ARKit's 52 shapes were found by the names of ARKit."
    assert any("hardly show an emotion" in note for note in told["three"])
    assert any("2 keys for jawOpen, JawOpen and jawOpen" in note for note in told["twice"])
    assert told["chosen"] == ["JawOpen", True]
    assert (told["key_twice"], told["key_gone"]) == ("character.key_twice", "character.key_gone")
    assert any("neither a key jawOpen nor a bone" in note for note in told["no_jaw"])
    assert told["bone_gone"] == "character.bone_gone"
    assert (told["shared"], told["copy"]) == ("character.shared", ["First.001"])
    assert "has no shape key that is told" in told["none"]
    assert "Tick Relative" in told["absolute"]
    assert "head of Affekt's own" in told["own"]


@pytest.mark.one_blender
def test_the_whole_path_on_a_character(
    in_blender: RunScript, face_file: Path, tmp_path: Path
) -> None:
    """Of a face whose shapes are 1.4 times too weak, in centimetres and turned aside."""
    head, scale, frame = read_head(OPEN), 100.0, 10
    with np.load(face_file) as given:
        arrays = dict(given)
    weak = tmp_path / "weak.npz"
    np.savez(weak, **{**arrays, "shapes": arrays["shapes"] / 1.4})
    expression = np.zeros((20, 100), np.float32)
    expression[:, ARKIT_NAMES.index("jawOpen")] = 0.3
    expression[:, ARKIT_NAMES.index("mouthClose")] = 0.1
    motion = make_motion(expression=expression, fps=30.0, space="arkit")
    take = save(motion, tmp_path / "take.npz")
    told = in_blender(
        "character_path.py",
        python=sys.executable,
        file=weak,
        take=take,
        names=ARKIT_NAMES,
        scale=scale,
        frame=frame,
    )
    print({name: f"{value:.1f} s" for name, value in told["seconds"].items()})
    assert told["names"] == ["take", "take baked", "take baked 2"]
    assert told["untouched"] == 0  # influence 0 is the take, bit for bit
    np.testing.assert_array_equal(told["plain"], expression[:, :52])
    brow = ARKIT_NAMES.index("browInnerUp")
    assert told["baked"][brow] > 0.3
    np.testing.assert_allclose(told["baked"], told["before"], atol=1e-5)
    check_strength(told, arrays, head, scale)


def check_strength(told: dict, arrays: dict, head: HeadModel, scale: float) -> None:
    """Calibrated, the brow rises as far as the open head's by the same weights; else as far as the
    shapes are weak."""
    keep = np.isin(arrays["part"], [0, 2])
    weights = np.array(told["baked"])[None]
    wanted = open_motion(weights, head)[0][keep]
    moved = np.linalg.norm(wanted, axis=1)
    brow = (head.template[keep, 1] > np.quantile(head.template[keep, 1], 0.5)) & (
        moved > 0.5 * moved.max()
    )
    rest = arrays["vertices"][keep] @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T * scale
    sizes = [
        np.linalg.norm((np.array(one) - rest)[brow], axis=1).mean() / scale
        for one in told["vertices"]
    ]
    goal = np.linalg.norm(wanted[brow], axis=1).mean()
    print(f"{goal * 1000:.2f} mm wanted, {sizes[0] * 1000:.2f} and {sizes[1] * 1000:.2f} mm moved")
    assert sizes[0] / goal == pytest.approx(1 / 1.4, abs=0.08)
    # So high a brow is held back a little, where its skin would fold.
    assert sizes[1] / goal == pytest.approx(1, abs=0.2)
