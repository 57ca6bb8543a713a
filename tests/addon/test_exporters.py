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
        forms=["fbx", "glb", "usdc", "abc"],
    )
    for form, both in told.items():
        for name, one in both.items():
            print(form, name, one)
