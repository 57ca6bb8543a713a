# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts and farms call the same operators as the buttons, without a window: each is FINISHED or
raises with the sentence."""

import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES, make_motion
from fakes.flame import flame_arrays, npz

from .conftest import RunScript
from .nouns import save, save_arkit_face

NAMED = (
    *("start_sidecar", "add_flame_head", "use_character", "calibrate"),
    *("import_take", "bake", "add_head"),
)
REFUSED = {
    "start_sidecar": "did not connect within 0 seconds",
    "add_flame_head": "There is no file at",
    "use_character": "Select a character's mesh or armature",
    "calibrate": "Select a character that is in use",
    "import_take": "There is no file",
    "bake": "frame",
    "add_head": "Go to Object Mode first",
}
LOCAL = ("start_sidecar", "use_character")
"""What needs no sidecar."""


@pytest.mark.one_blender
def test_each_named_operator_does_or_says_why_not(in_blender: RunScript, tmp_path: Path) -> None:
    expression = np.zeros((10, 100), np.float32)
    expression[:, 7] = np.linspace(0, 0.6, 10)
    take = save(make_motion(expression=expression, fps=30.0, space="arkit"), tmp_path / "take.npz")
    flame = tmp_path / "flame.npz"
    flame.write_bytes(npz(flame_arrays()))
    told = in_blender(
        "callable.py",
        python=sys.executable,
        face=save_arkit_face(tmp_path / "face.npz"),
        names=ARKIT_NAMES,
        take=take,
        flame=flame,
        no_file=tmp_path / "none.npz",
        local=LOCAL,
    )
    assert told["done"] == {name: ["FINISHED"] for name in NAMED}
    for name in NAMED:
        assert REFUSED[name] in told["refused"][name], (name, told["refused"][name])
        if name not in LOCAL:
            words = told["without"][name]
            assert any(
                asked in words for asked in ("Start the sidecar first", "Select a", "Select or")
            ), (name, words)
    assert told["takes"] == [["take", "TAKE", 10], ["take baked", "BAKE", 6]]
    assert len(told["heads"]) == 3
    assert told["is_untouched"], "the extension's folder may be one where nobody may write"
