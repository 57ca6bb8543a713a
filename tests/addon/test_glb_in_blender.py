# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's GLB with the animation of a bake, imported by Blender's own importer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar.glb_character import animate, decode_character
from affekt.sidecar.head.read import OPEN, read_head
from fakes.glb_character import character_glb
from fakes.takes import arkit_motion

from .conftest import run_script

FRAMES = (0, 3, 7)


@pytest.mark.one_blender
def test_blender_plays_the_weights(blender_python: str, tmp_path: Path) -> None:
    """Frame 0 of the take is frame 0 of a scene of its rate; every mesh plays its own."""
    take = arkit_motion(8)
    rows = np.zeros_like(take.expression)
    rows[:, :52] = np.random.default_rng(4).uniform(0, 1, (8, 52))
    take = replace(take, expression=rows, fps=25.0)
    plain = character_glb(read_head(OPEN), animations=[])
    made = animate(decode_character(plain, "hero.glb"), take, None, title="take")
    (tmp_path / "hero.glb").write_bytes(made)
    asked = {"file": str(tmp_path / "hero.glb"), "frames": FRAMES, "fps": 25}
    told = run_script(blender_python, tmp_path / "nobody", "glb_weights.py", asked, tmp_path)
    compared = 0
    for frame, meshes in zip(FRAMES, told["played"], strict=True):
        for keys in meshes.values():
            for shape, name in enumerate(ARKIT_NAMES):
                if f"BS_{name}" in keys:
                    wanted = rows[frame, shape]
                    assert keys[f"BS_{name}"] == pytest.approx(wanted, abs=1e-5), (frame, name)
                    compared += 1
    assert compared > 3 * 60  # the face's 52, and what the teeth, the brows and the lashes have
