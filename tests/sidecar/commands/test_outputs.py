# SPDX-License-Identifier: GPL-3.0-or-later
"""No command writes over what it reads or over another result of its own, under a name that says
something else, or finds only after the work that it cannot write."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from affekt.sidecar import cli

SOURCES = {
    "me.ply",
    "take.npz",
    "take.usd",
    "me.safetensors",
    "photo.png",
    "flame.npz",
    "flame.safetensors",
    "emotions.json",
    "motion.npz",
    "preview.mp4",
}
"""They hold nothing that could be read: what is refused is refused before."""
EXPORT = "avatar export --avatar me.ply --motion take.npz --out"
SEQUENCE = "avatar sequence --avatar open-gaussians --motion take.usd --out"
CREATE = "avatar create photo.png --out"
RENDER = "render --avatar me.ply --motion take.npz --out"
REFUSED = {
    f"{CREATE} a.safetensors --sheet a.safetensors": "option.format",
    f"{CREATE} a.jpg": "option.format",
    f"{CREATE} a.safetensors --sheet s.gif": "option.format",
    f"{CREATE} a.safetensors --sheet photo.png": "option.same_file",
    f"{CREATE} none/a.safetensors": "file.not_writable",
    f"{CREATE} folder.safetensors": "file.not_writable",
    f"{CREATE} a.safetensors --sheet none/s.png": "file.not_writable",
    "avatar convert --avatar me.safetensors --out me.safetensors": "option.same_file",
    "avatar convert --avatar me.safetensors --out a.ply": "option.format",
    "avatar convert --avatar me.ply --head me.safetensors --out me.safetensors": "option.same_file",
    f"{EXPORT} me.ply": "option.same_file",
    f"{EXPORT} a.spz": "option.format",
    f"{EXPORT} none/a.ply": "file.not_writable",
    f"{SEQUENCE} a.usda": "option.format",
    f"{SEQUENCE} a.USDZ": "option.format",
    f"{SEQUENCE} .usdc": "option.format",
    f"{SEQUENCE} a.usdc --format spz": "option.format",
    f"{SEQUENCE} a.ply": "option.format",
    f"{SEQUENCE} a --format usd": "option.format",
    f"{SEQUENCE} me.safetensors": "file.not_writable",
    "avatar compare --out s.webp": "option.format",
    "avatar compare --avatar photo.png --out photo.png": "option.same_file",
    "avatar calibrate --avatar me.ply --show s.jpg": "option.format",
    "avatar calibrate --avatar me.safetensors --out me.safetensors": "option.same_file",
    "convert take.npz take.npz": "option.same_file",
    "convert take.npz none/a.npz": "file.not_writable",
    "head import --flame flame.npz --out a.npz": "option.format",
    "head import --flame flame.safetensors --out flame.safetensors": "option.same_file",
    "adapter linear --matrices flame.npz --out flame.npz": "option.same_file",
    "adapter build --flame flame.npz --out flame.npz": "option.same_file",
    "adapter build --flame flame.npz --out a.json": "option.same_file",
    "adapter build --flame flame.npz --out none/a.npz": "file.not_writable",
    "bake --motion motion.npz --emotions emotions.json --out .": "option.same_file",
    "bake --motion take.npz --emotions emotions.json --out me.ply/b": "file.not_writable",
    f"{RENDER} me.ply": "file.not_writable",
    f"{RENDER} . --sound preview.mp4": "option.same_file",
    f"{RENDER} new --sheet new/frame_0001.png": "option.same_file",
    f"{RENDER} new --sheet s.gif": "option.format",
    f"{RENDER} new --sheet none/s.png": "file.not_writable",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in SOURCES:
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "folder.safetensors").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", list(REFUSED))
def test_places_that_are_refused(
    line: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(line.split()) == 2
    said = capsys.readouterr().err.rstrip()
    assert said.endswith(f"[{REFUSED[line]}]"), said
    assert {path.name for path in place.iterdir()} == SOURCES | {"folder.safetensors"}
    assert all((place / name).read_bytes() == name.encode() for name in SOURCES)


def test_usd_is_no_place_for_its_own_take(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usd = SimpleNamespace(UsdVol=SimpleNamespace(ParticleField3DGaussianSplat=object))
    monkeypatch.setitem(sys.modules, "pxr", usd)  # asked only whether it is new enough
    assert cli.run([*SEQUENCE.split(), "take.usd"]) == 2
    assert capsys.readouterr().err.rstrip().endswith("[option.same_file]")
    assert (place / "take.usd").read_bytes() == b"take.usd"


@pytest.mark.parametrize(
    ("missing", "line"), [("pxr", f"{SEQUENCE} a.usdc"), ("gsply", f"{SEQUENCE} new --format spz")]
)
def test_what_is_not_installed_is_said_before_the_take_is_read(
    missing: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert cli.run(line.split()) == 2
    assert capsys.readouterr().err.rstrip().endswith("[option.missing_extra]")
