# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender is asked for, by a stand-in that writes it down; what it draws was compared by eye
with our own picture (docs/farm.md)."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import AffektError
from affekt.sidecar.batch.blender import Draw

STAND_IN = """#!{python}
import json, pathlib, sys
job = json.loads(pathlib.Path(sys.argv[-1]).read_text())
pathlib.Path({log!r}).write_text(json.dumps([sys.argv[1:-1], job]))
for _, target in job["frames"][:{drawn}]:
    pathlib.Path(target).write_bytes(b"new")
sys.exit({code})
"""


def draw(tmp_path: Path, drawn: int = 9, code: int = 0, **more) -> None:
    blender = tmp_path / "blender"
    log = str(tmp_path / "log.json")
    blender.write_text(STAND_IN.format(python=sys.executable, log=log, drawn=drawn, code=code))
    blender.chmod(0o755)
    places = {"splats": tmp_path / "ply", "out": tmp_path / "out"}
    Draw(
        **places, avatar="open", frames="4-6", width=64, height=32, blender=str(blender), **more
    ).run()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_blender_gets_each_frame_and_the_camera(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "frame_0005.png").write_bytes(b"of another avatar")
    draw(tmp_path, scene=tmp_path / "set.blend")
    words, job = json.loads((tmp_path / "log.json").read_text())
    assert words[:2] == ["-b", str(tmp_path / "set.blend")]
    assert words[-1] == "--"
    assert Path(words[-2]).is_file()
    names = [(Path(source).name, Path(target).name) for source, target in job["frames"]]
    assert names == [(f"frame_{n:04d}.ply", f"frame_{n:04d}.png") for n in (5, 6, 7)]
    assert (tmp_path / "out" / "frame_0005.png").read_bytes() == b"new"
    matrix = np.array(job["camera"]["camera_from_world"])
    assert (matrix.shape, job["width"], job["height"]) == ((4, 4), 64, 32)
    assert job["camera"]["centre_x"] == 32


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
@pytest.mark.parametrize("how", [{"drawn": 2}, {"code": 1}])
def test_a_blender_that_fails_is_said(tmp_path: Path, how: dict) -> None:
    with pytest.raises(AffektError) as caught:
        draw(tmp_path, **how)
    assert caught.value.code == "batch.blender"


def test_no_blender_is_said(tmp_path: Path) -> None:
    with pytest.raises(AffektError) as caught:
        Draw(
            splats=tmp_path,
            out=tmp_path / "out",
            avatar="open",
            frames="0-0",
            width=8,
            height=8,
            blender=str(tmp_path / "none"),
        ).run()
    assert caught.value.code == "batch.blender"
