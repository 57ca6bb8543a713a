# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's zip on small trees, without Blender."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.extension import archive
from affekt.sidecar.extension.archive import (
    complete_manifest,
    find_source,
    find_validators,
    move_whole,
    read_version,
    stage_tree,
    validate_zip,
    write_zip,
)

MANIFEST = """\
# A comment of ours.
id = "affekt"
version = "1.2.3"
platforms = ["linux-x64"]

[permissions]
files = "Reads takes"

[build]
paths_exclude_pattern = ["*"]
"""


def tree(folder: Path) -> Path:
    for name in ("addon/panel.py", "addon/__pycache__/panel.pyc", "shared/.hidden", "shared/a.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    for name in ("__init__.py", "LICENSE", "pyproject.toml"):
        (folder / name).write_text(name)
    (folder / archive.MANIFEST).write_text(MANIFEST)
    return folder


def test_what_is_staged(tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    wheels = {"windows-x64": ["b.whl", "a.whl"], "linux-x64": ["c.whl", "a.whl"]}
    source = tree(tmp_path / "source")
    stage_tree(source, tmp_path / "stage", wheels)
    staged = {p.relative_to(tmp_path / "stage").as_posix() for p in tmp_path.glob("stage/**/*.*")}
    assert staged == {"__init__.py", "addon/panel.py", "shared/a.py", "blender_manifest.toml"}
    assert (tmp_path / "stage" / "LICENSE").read_text() == "LICENSE"
    manifest = tomllib.loads((tmp_path / "stage" / archive.MANIFEST).read_text())
    assert manifest["platforms"] == ["windows-x64", "linux-x64"]
    assert manifest["wheels"] == ["./wheels/a.whl", "./wheels/b.whl", "./wheels/c.whl"]
    assert manifest["permissions"] == {"files": "Reads takes"}
    assert read_version(source) == "1.2.3"


def test_the_manifest_of_blender_is_as_one_writes_it() -> None:
    assert complete_manifest(MANIFEST, {"linux-x64": ["a.whl"]}) == (
        'id = "affekt"\nversion = "1.2.3"\nplatforms = ["linux-x64"]\nwheels = [\n'
        '  "./wheels/a.whl",\n]\n\n[permissions]\nfiles = "Reads takes"\n'
    )


def test_a_manifest_keeps_its_permissions_and_is_whole() -> None:
    without_build = MANIFEST.partition("[build]")[0]
    assert complete_manifest(without_build, {"linux-x64": ["a.whl"]}) == complete_manifest(
        MANIFEST, {"linux-x64": ["a.whl"]}
    )
    with pytest.raises(tomllib.TOMLDecodeError):
        complete_manifest(MANIFEST, {"linux-x64": ['a".whl']})


def test_a_zip_does_not_tell_when_or_by_whom_it_was_made(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    for name in ("z.py", "a/b.py", "a/a.py"):
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).write_text(name * 50)
    write_zip(stage, tmp_path / "first.zip")
    (stage / "z.py").chmod(0o600)
    os.utime(stage / "a/a.py", (1e9, 1e9))
    write_zip(stage, tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "first.zip") as packed:
        entries = packed.infolist()
        assert [entry.filename for entry in entries] == ["a/a.py", "a/b.py", "z.py"]
        assert packed.read("a/b.py") == b"a/b.py" * 50
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o644}
    assert all(entry.compress_size < entry.file_size for entry in entries)


def test_sources_that_are_not_all_here_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tree(tmp_path)
    (source / "README.md").touch()
    (source / "docs").mkdir()
    monkeypatch.setattr(archive, "__file__", str(source / "sidecar" / "extension" / "archive.py"))
    assert find_source() == source.resolve()
    (source / "LICENSE").unlink()
    with pytest.raises(InputError, match="LICENSE is missing") as caught:
        find_source()
    assert caught.value.code == "option.source"
    (source / "LICENSE").touch()
    (source / "docs").rmdir()
    with pytest.raises(InputError, match="docs is missing"):
        find_source()


def test_a_given_blender_validates_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = ".venv-bpy42/lib/python3.11/site-packages/bpy/4.2/scripts/addons_core/bl_pkg/cli"
    (tmp_path / place).mkdir(parents=True)
    script = tmp_path / place / "blender_ext.py"
    script.touch()
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    words = ["--factory-startup", "--command", "extension", "validate"]
    assert find_validators(None, tmp_path) == [
        ["/bin/blender", *words],
        [sys.executable, str(script), "validate"],
    ]
    assert find_validators(Path("/opt/blender"), tmp_path) == [["/opt/blender", *words]]
    for version, python in (("53", "3.13"), ("36", "3.10")):
        other = tmp_path / place.replace("42", version).replace("3.11", python)
        other.mkdir(parents=True)
        (other / "blender_ext.py").touch()
    found = [command[1] for command in find_validators(None, tmp_path)[1:]]
    assert found == sorted(found)
    assert len(found) == 3
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert find_validators(None, tmp_path / "none") == []


@pytest.mark.parametrize(
    ("returncode", "stdout", "stderr", "refused"),
    [
        (0, "Success", "a warning", False),
        (1, "", "", True),
        (0, "Error: no id", "", True),
        (0, "", "Error: no id", True),
    ],
)
def test_a_validators_word_counts(
    returncode: int,
    stdout: str,
    stderr: str,
    refused: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []

    def answer(command: list[str], **_: object) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(returncode=returncode, stdout=stdout, stderr=stderr)

    monkeypatch.setattr(subprocess, "run", answer)
    if refused:
        with pytest.raises(InputError) as caught:
            validate_zip(tmp_path / "a.zip", ["blender", "validate"])
        assert caught.value.code == "option.extension"
    else:
        validate_zip(tmp_path / "a.zip", ["blender", "validate"])
    assert asked == [["blender", "validate", str(tmp_path / "a.zip")]]


def test_what_a_validator_says_is_told(tmp_path: Path) -> None:
    """Both of what it prints; and that there is none."""
    code = "import sys; print(' out'); print('Error ' + sys.argv[1], file=sys.stderr)"
    with pytest.raises(InputError) as caught:
        validate_zip(tmp_path / "a.zip", [sys.executable, "-c", code])
    assert caught.value.code == "option.extension"
    assert caught.value.message == (
        f"Blender refuses a.zip: out\nError {tmp_path / 'a.zip'}".replace("\n", os.linesep)
    )
    with pytest.raises(InputError) as caught:
        validate_zip(tmp_path / "a.zip", [str(tmp_path / "blender"), "validate"])
    assert caught.value.code == "option.blender"
    assert caught.value.message == (
        f"{tmp_path / 'blender'} cannot be run: No such file or directory."
    )


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "affekt-1.zip").write_bytes(b"whole")
    (tmp_path / "dist").write_bytes(b"a file")
    with pytest.raises(InputError) as caught:
        move_whole(tmp_path / "affekt-1.zip", tmp_path / "dist" / "new")
    assert caught.value.code == "file.not_writable"
    assert f"{tmp_path / 'dist' / 'new' / 'affekt-1.zip'} cannot be written" in caught.value.message
    assert (tmp_path / "dist").read_bytes() == b"a file"


def test_the_finished_zip_goes_into_a_new_folder(tmp_path: Path) -> None:
    (tmp_path / "affekt-1.zip").write_bytes(b"whole")
    path = move_whole(tmp_path / "affekt-1.zip", tmp_path / "a" / "dist")
    assert path == tmp_path / "a" / "dist" / "affekt-1.zip"
    assert path.read_bytes() == b"whole"
    assert move_whole(tmp_path / "affekt-1.zip", tmp_path / "a" / "dist") == path
