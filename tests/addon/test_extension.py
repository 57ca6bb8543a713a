# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip: what is in it, that Blender accepts it, and what is said when it cannot be built."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.shared.version import AFFEKT_VERSION
from affekt.sidecar.commands.extension import Build
from affekt.sidecar.extension.archive import complete_manifest, move_whole, validate_zip
from affekt.sidecar.extension.wheels import PACKAGES, PLATFORMS, Target, find_wheel

from .conftest import ROOT

WHEELS = (
    "msgpack-1.2.4-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "msgpack-1.2.4-cp313-cp313-win_amd64.whl",
    "pyzmq-27.3.0-cp311-cp311-macosx_10_15_universal2.whl",
    "pyzmq-27.3.0-cp312-abi3-win_amd64.whl",
)


def blender_cli(python: str) -> Path:
    """Blender's own extension tool, beside the bpy of that Python."""
    found = sorted(Path(python).parents[1].glob("lib/*/site-packages/bpy/*/scripts/addons_core"))
    return found[0] / "bl_pkg" / "cli" / "blender_ext.py"


def test_the_zip_holds_what_blender_needs_and_nothing_else(extension_zip: Path) -> None:
    with zipfile.ZipFile(extension_zip) as archive:
        names = set(archive.namelist())
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    rooms = {name.split("/")[0] for name in names}
    assert rooms == {
        *("__init__.py", "LICENSE", "addon", "blender_manifest.toml"),
        *("manual", "shared", "sidecar_wheel", "wheels"),
    }
    (own,) = [name for name in names if name.startswith("sidecar_wheel/")]
    assert own.endswith(f"/affekt-{AFFEKT_VERSION}-py3-none-any.whl")
    assert {f"./{name}" for name in names if name.startswith("wheels/")} == set(manifest["wheels"])
    assert not [name for name in names if "__pycache__" in name or "/." in name]
    assert manifest["version"] == AFFEKT_VERSION
    assert manifest["blender_version_min"] == "4.2.0"
    for platform in manifest["platforms"]:
        tags = PLATFORMS[platform]
        wheels = [wheel for wheel in manifest["wheels"] if any(tag in wheel for tag in tags)]
        assert len(wheels) >= 4, f"{platform} has {wheels}"


def test_blender_accepts_the_zip(extension_zip: Path, blender_python: str) -> None:
    validate_zip(extension_zip, [sys.executable, str(blender_cli(blender_python)), "validate"])


@pytest.mark.two_blenders
def test_blender_refuses_a_zip_without_our_manifest(blender_python: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("__init__.py", "")
    with pytest.raises(InputError) as caught:
        validate_zip(bad, [sys.executable, str(blender_cli(blender_python)), "validate"])
    assert caught.value.code == "option.extension"


@pytest.mark.two_blenders
def test_blenders_own_build_leaves_the_same_out(
    extension_zip: Path, blender_python: str, tmp_path: Path
) -> None:
    """Who runs Blender's builder on the repository gets our files, without the wheels."""
    command = [sys.executable, str(blender_cli(blender_python)), "build"]
    command += ["--source-dir", str(ROOT), "--output-filepath", str(tmp_path / "theirs.zip")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(tmp_path / "theirs.zip") as theirs, zipfile.ZipFile(extension_zip) as ours:
        made = ("manual/", "wheels/", "sidecar_wheel/")
        expected = {name for name in ours.namelist() if not name.startswith(made)}
        found = {name for name in theirs.namelist() if not name.endswith("/")}
    assert found == expected


def test_the_same_tree_gives_the_same_zip(extension_zip: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    with zipfile.ZipFile(extension_zip) as archive:
        archive.extractall(tmp_path, [n for n in archive.namelist() if n.startswith("wheels/")])
    Build(out=tmp_path / "again", wheels_from=wheels, offline=True).run()
    assert (tmp_path / "again" / extension_zip.name).read_bytes() == extension_zip.read_bytes()


def test_no_wheels_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Build(out=tmp_path / "out", wheels_from=tmp_path, offline=True).run()
    assert caught.value.code == "option.wheels"
    assert not (tmp_path / "out").exists()


def test_a_zip_that_cannot_be_validated_is_not_left_behind(
    extension_zip: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(extension_zip) as archive:
        archive.extractall(tmp_path, [n for n in archive.namelist() if n.startswith("wheels/")])
    build = Build(
        out=tmp_path / "out",
        wheels_from=tmp_path / "wheels",
        offline=True,
        blender=tmp_path / "no_blender",
    )
    with pytest.raises(InputError) as caught:
        build.run()
    assert caught.value.code == "option.blender"
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_is_said(extension_zip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        move_whole(extension_zip, tmp_path / "file")
    assert caught.value.code == "file.not_writable"


@pytest.mark.parametrize(
    ("package", "platform", "python", "expected"),
    [
        ("msgpack", "linux-x64", "3.11", WHEELS[0]),
        ("msgpack", "linux-x64", "3.13", None),
        ("msgpack", "windows-x64", "3.13", WHEELS[1]),
        ("pyzmq", "macos-arm64", "3.11", WHEELS[2]),
        ("pyzmq", "macos-x64", "3.11", WHEELS[2]),
        ("pyzmq", "windows-x64", "3.13", WHEELS[3]),  # the stable ABI of an older Python
        ("pyzmq", "windows-x64", "3.11", None),
    ],
)
def test_wheels_are_found_for_their_blender(
    package: str, platform: str, python: str, expected: str | None, tmp_path: Path
) -> None:
    assert package in PACKAGES
    for name in WHEELS:
        (tmp_path / name).touch()
    found = find_wheel(tmp_path, package, Target(platform=platform, python=python))
    assert (found and found.name) == expected


def test_the_manifest_lists_the_wheels_and_only_their_platforms() -> None:
    text = (ROOT / "blender_manifest.toml").read_text()
    manifest = tomllib.loads(complete_manifest(text, {"linux-x64": [WHEELS[0]]}))
    assert manifest["platforms"] == ["linux-x64"]
    assert manifest["wheels"] == [f"./wheels/{WHEELS[0]}"]
    assert "build" not in manifest
    assert set(manifest["permissions"]) == {"files", "network"}
    assert all(len(reason) <= 64 for reason in manifest["permissions"].values())
