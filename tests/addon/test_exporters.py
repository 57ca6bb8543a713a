# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's own exporters keep of a head's and a character's animation (docs/export.md)."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES, cut_motion
from affekt.sidecar.avatar.effects import open_motion
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.motion.adapter import as_arkit
from affekt.sidecar.motion.read import read_take
from fakes.characters import Character

from .conftest import ROOT, RunScript
from .nouns import save

MOST_OFF_MM = {"fbx": (1.0, 0.01), "glb": (1.0, 0.01), "usdc": (1.0, 0.01), "abc": (0.01, 0.01)}
"""How far a head and a character may be off when they come back. The head's pose correctives follow
its bones by drivers, which become keys."""
TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"


@pytest.mark.full
@pytest.mark.one_blender
def test_blenders_exporters_keep_the_animation(in_blender: RunScript, tmp_path: Path) -> None:
    head = read_head(OPEN)
    take = cut_motion(read_take(TAKE).motion, 60, 76)
    made = Character(
        vertices=head.template,
        faces=head.faces,
        part=np.zeros(len(head.template), np.int64),
        shapes=open_motion(np.eye(len(ARKIT_NAMES)), head),
    )
    told = in_blender(
        "exporters.py",
        head=save(head, tmp_path / "head.npz"),
        take=save(take, tmp_path / "take.npz"),
        arkit=save(as_arkit(take, head), tmp_path / "arkit.npz"),
        face=made.save(tmp_path / "face.npz"),
        names=ARKIT_NAMES,
        frames=[1, 8, 16],
        forms=list(MOST_OFF_MM),
    )
    for form, (of_head, of_character) in MOST_OFF_MM.items():
        for name, most in (("head", of_head), ("character", of_character)):
            came = told[form][name]
            print(form, name, came)
            assert came["moved_mm"] > 3
            assert max(came["off_mm"]) < most
            # Shape keys with a curve each; Alembic has the moving mesh instead.
            least = 0 if form == "abc" else 52
            assert came["keys"] >= least
            assert came["animated"] >= least
