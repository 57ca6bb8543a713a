# SPDX-License-Identifier: GPL-3.0-or-later
"""*Add to Batch*: `affekt batch` makes of the sheet what Blender itself makes of the same head."""

import csv
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.addon.batch.camera_file import encode_cameras
from affekt.shared.batch_sheet import OUTPUTS
from affekt.shared.camera import Camera
from affekt.shared.motion import cut_motion
from affekt.sidecar import cli
from affekt.sidecar.batch.journal import read_journal
from affekt.sidecar.head.read import read_head
from affekt.sidecar.motion.read import read_motion
from affekt.sidecar.render.camera_file import read_cameras

from .conftest import ROOT, RunScript
from .nouns import save
from .test_export import three_heads

TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
FRAMES = 40
SAID = {
    "no folder": "There is no folder",
    "toml": "night.toml ends otherwise",
    "folder": "No file was named for the sheet",
    "nameless": "No file was named for the sheet",
    "strange": "has a column 'colour'",
    "no output": "No output is chosen",
    "no glb": "The cell 'character' is empty",
    "no such glb": "There is no file at",
    "no avatar": "No avatar is chosen",
    "avatar gone": "There is no file at",
    "no camera": "The scene has no camera",
    "no preview range": "The scene has no preview range",
    "unsaved": "is not saved yet",
    "nobody": "Select or add a head first",
    "no take": "Import a take onto the head first",
}


@pytest.mark.one_blender
@pytest.mark.timeout(600)
def test_the_sheet_makes_what_blender_makes(in_blender: RunScript, tmp_path: Path) -> None:
    take = cut_motion(read_motion(TAKE), 60, 60 + FRAMES)
    told = in_blender(
        "batch_rows.py", python=sys.executable, take=save(take, tmp_path / "take.npz")
    )
    home = tmp_path / "shots ü"
    assert not {name: said for name, said in told["refused"].items() if SAID[name] not in said}
    assert len(told["refused"]) == len(SAID)
    assert told["left"] == ["shot.blend", "strange.csv"]
    assert told["at"] == [3, 0.25]
    assert [name.lower() for name in told["outputs"]] == list(OUTPUTS)
    with (home / "batch.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["take"] for row in rows] == [f"batch_files/{row['out']}/take.npz" for row in rows]
    assert len({row["out"] for row in rows}) == 3
    assert (rows[1]["frames"], rows[1]["size"], rows[1]["avatar"]) == (
        "4-9",
        "64",
        "open-gaussians",
    )
    assert rows[1]["passes"] == "combined, depth, normal"
    moved = home.rename(tmp_path / "elsewhere")  # sheet and files go together
    words = ["batch", str(moved / "batch.csv"), "--out", str(tmp_path / "night"), "--workers", "1"]
    assert cli.run([*words, "--no-make-way"]) == 0
    check_same(told, rows, tmp_path / "night", moved)
    states = read_journal(tmp_path / "night" / ".affekt_batch" / "rows.jsonl")
    assert [row.frames for row in states] == [FRAMES, 6, FRAMES]


def pixels(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None, path
    return found.astype(int)


def check_same(told: dict, rows: list[dict[str, str]], night: Path, home: Path) -> None:
    """The first row's motion is that of Blender's bake, its pictures those that it rendered."""
    made, here = read_motion(night / rows[0]["out"] / "motion.npz"), read_motion(home / "baked.npz")
    for name in ("expression", "jaw", "neck", "eyes", "rotation", "translation"):
        np.testing.assert_allclose(
            getattr(made, name), getattr(here, name), atol=2e-5, err_msg=name
        )
    assert len(told["pictures"]) == 2
    for path, number in zip(told["pictures"], (1, 21), strict=True):
        own = pixels(home / "here" / Path(path).name)
        seen = pixels(night / rows[0]["out"] / "png" / f"frame_{number:04d}.png")
        assert (own[..., 3] > 200).mean() > 0.03
        assert np.abs(own - seen).max() <= 2
    keys = json.loads((home / rows[0]["emotions"]).read_text())
    assert keys["interpolation"] == "bezier"
    assert [key["frame"] for key in keys["keys"]] == [0, 30]
    driven = json.loads((home / rows[2]["emotions"]).read_text())
    assert {key["sad"] for key in driven["keys"] if "sad" in key} == {0.25}


@pytest.mark.full
@pytest.mark.one_blender
@pytest.mark.timeout(900)
def test_flame_heads_and_characters(in_blender: RunScript, tmp_path: Path) -> None:
    """A FLAME head's row needs no adapter, and has what its bake in Blender has."""
    heads = three_heads(read_head("open"), tmp_path, 20)
    told = in_blender("batch_heads.py", python=sys.executable, **heads)
    assert "cannot draw a FLAME head" in told["flame"][0]
    assert "is a character of your own" in told["character"][0]
    assert [told[name][1] for name in ("flame", "character")] == ["", ""]
    words = ["batch", str(tmp_path / "heads.csv"), "--out", str(tmp_path / "night")]
    assert cli.run([*words, "--workers", "1", "--no-make-way"]) == 0
    with (tmp_path / "heads.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["head"] == "flame.npz"
    made = read_motion(tmp_path / "night" / rows[0]["out"] / "take.npz")
    here = read_motion(tmp_path / "flame_baked.npz")
    assert made.space == here.space == "flame2023"
    np.testing.assert_allclose(made.expression, here.expression, atol=2e-5)
    arkit = read_motion(tmp_path / "night" / rows[1]["out"] / "arkit.json")
    assert (arkit.space, len(arkit)) == ("arkit", 20)


def test_cameras_come_back_as_they_were(tmp_path: Path) -> None:
    def camera(away: float, focal: float, *, flat: bool = False) -> Camera:
        placed = np.eye(4)
        placed[:3, 3] = 0.1, -0.2, away
        return Camera(
            width=64,
            height=48,
            focal_x=focal,
            focal_y=1.5 * focal,
            centre_x=31.0,
            centre_y=25.5,
            camera_from_world=placed,
            near=0.02,
            far=50.0,
            orthographic=flat,
        )

    given = [camera(1, 90), camera(1, 90), camera(2, 90), camera(1, 90), camera(1, 80, flat=True)]
    path = tmp_path / "camera.json"
    for cameras in (given, given[:2], given[2:3]):
        path.write_bytes(encode_cameras(cameras))
        read = read_cameras(path, len(cameras))
        read = read * len(cameras) if len(read) == 1 else read
        for got, wanted in zip(read, cameras, strict=True):
            np.testing.assert_array_equal(got.camera_from_world, wanted.camera_from_world)
            for name in ("width", "height", "focal_x", "focal_y", "centre_x", "centre_y"):
                assert getattr(got, name) == getattr(wanted, name)
            assert (got.near, got.far, got.orthographic) == (
                wanted.near, wanted.far, wanted.orthographic
            )  # fmt: skip
    assert "frames" not in json.loads(encode_cameras(given[:2]))
