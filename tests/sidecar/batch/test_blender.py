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
for _, _, target in job["frames"][:{drawn}]:
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
    names = [(Path(source).name, Path(target).name) for source, _, target in job["frames"]]
    assert names == [(f"frame_{n:04d}.ply", f"frame_{n:04d}.png") for n in (5, 6, 7)]
    assert (tmp_path / "out" / "frame_0005.png").read_bytes() == b"new"
    assert len(job["cameras"]) == 3
    camera = job["cameras"][2]
    assert np.array(camera["camera_from_world"]).shape == (4, 4)
    assert (camera["width"], camera["height"], camera["centre_x"]) == (64, 32, 32)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_each_frame_has_its_own_camera(tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    moved = np.eye(4)
    entries = []
    for frame, away in ((0, 1.0), (6, 2.0)):
        moved[2, 3] = away
        entries.append({"frame": frame, "camera_from_head": moved.tolist()})
    lens = {"width": 64, "height": 32, "focal_px": [90.0, 90.0]}
    path.write_text(json.dumps({**lens, "frames": entries}))
    draw(tmp_path, camera=path)
    job = json.loads((tmp_path / "log.json").read_text())[1]
    away = [camera["camera_from_world"][2][3] for camera in job["cameras"]]
    assert away == [1.0, 1.0, 2.0]


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
