# SPDX-License-Identifier: GPL-3.0-or-later
"""Any character with ARKit shapes is a head: its keys and bones are found, takes and bakes move it,
what it lacks is said."""

import math
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.head import REGIONS
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar.effects import open_motion
from affekt.sidecar.head.read import OPEN, read_head
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save

LOOKED_AT = ("jawOpen", "mouthSmileLeft", "cheekPuff")
JAW_GAIN = 0.5 + 0.01 * ARKIT_NAMES.index("jawOpen")
SMILE_GAIN = 0.5 + 0.01 * ARKIT_NAMES.index("mouthSmileLeft")


@pytest.fixture(scope="module")
def face_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The open head's face with ARKit's shapes: part 0 its skin, 1 its teeth, 2 the rest."""
    head = read_head(OPEN)
    part = np.full(len(head.region), 2)
    for number, names in enumerate((("skin", "lip"), ("teeth", "mouth", "tongue"))):
        part[np.isin(head.region, [REGIONS.index(name) for name in names])] = number
    path = tmp_path_factory.mktemp("face") / "face.npz"
    np.savez(
        path,
        vertices=head.template,
        faces=head.faces,
        part=part,
        shapes=open_motion(np.eye(len(ARKIT_NAMES)), head).astype(np.float32),
        names=np.array(ARKIT_NAMES),
    )
    return path


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


def test_characters(told: dict) -> None:
    check_look(told)
    check_take(told)
    check_bake(told)
    check_calibration(told)
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
    assert told["jaw"] == [0.5, 0.5]
    # A nod of .2 rad half way, about the x that points to the head's left in every frame here.
    assert told["nod"] == pytest.approx([math.cos(0.1), math.sin(0.1), 0, 0], abs=1e-6)
    assert told["strips"] == ["Walk"]  # the body goes on walking


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


def check_bad_input(told: dict) -> None:
    assert told["three"][0] == "3 of ARKit's 52 shapes were found by the names of ARKit."
    assert any("hardly show an emotion" in note for note in told["three"])
    assert any("2 keys for jawOpen, JawOpen and jawOpen" in note for note in told["twice"])
    assert told["chosen"] == ["JawOpen", True]
    assert (told["key_twice"], told["key_gone"]) == ("character.key_twice", "character.key_gone")
    assert any("neither a key jawOpen nor a bone" in note for note in told["no_jaw"])
    assert told["bone_gone"] == "character.bone_gone"
    assert "has no shape key that is told" in told["none"]
    assert "Tick Relative" in told["absolute"]
    assert "head of Affekt's own" in told["own"]
