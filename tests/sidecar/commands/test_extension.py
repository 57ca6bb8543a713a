# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt extension build`: its steps, of which each has a test of its own in
tests/sidecar/extension, and what is left where one of them fails."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.commands import extension
from affekt.sidecar.commands.extension import Build

TREE = Path("the tree")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The steps, as they come; each leaves a file of its own in what is packed."""
    steps: list[object] = []

    def collect(source: Path, destination: Path, *, download: bool) -> dict[str, list[str]]:
        steps.append((source.name, download))
        destination.mkdir()
        (destination / "zmq.whl").write_bytes(b"wheel")
        return {"linux-x64": ["zmq.whl"], "macos-x64": ["zmq.whl"]}

    def stage(source: Path, stage: Path, wheels: dict[str, list[str]]) -> None:
        assert source == TREE
        (stage / "__init__.py").write_text(str(sorted(wheels)))

    def write_into(name: str, source: Path, folder: Path) -> None:
        assert source == TREE
        folder.mkdir()
        (folder / name).write_bytes(name.encode())

    def validate(path: Path, command: list[str]) -> None:
        with zipfile.ZipFile(path) as packed:
            steps.append((command, sorted(packed.namelist())))

    monkeypatch.setattr(extension, "find_source", lambda: TREE)
    monkeypatch.setattr(extension, "collect_wheels", collect)
    monkeypatch.setattr(extension, "stage_tree", stage)
    monkeypatch.setattr(extension, "write_wheel", lambda *to: write_into("own.whl", *to))
    monkeypatch.setattr(extension, "write_manual", lambda *to: write_into("setup.html", *to))
    monkeypatch.setattr(extension, "read_version", lambda _: "1.2.3")
    monkeypatch.setattr(extension, "find_validators", lambda blender, _: [["a"], [str(blender)]])
    monkeypatch.setattr(extension, "validate_zip", validate)
    return steps


PACKED = ["__init__.py", "manual/setup.html", "sidecar_wheel/own.whl", "wheels/zmq.whl"]


def test_the_zip_that_every_blender_has_seen_goes_into_its_folder(
    asked: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Build(out=tmp_path / "new" / "dist", blender=Path("b")).run()
    assert asked == [("wheels", True), (["a"], PACKED), (["b"], PACKED)]
    path = tmp_path / "new" / "dist" / "affekt-1.2.3.zip"
    assert capsys.readouterr().out == (
        f"{path}: 0.0 MB for linux-x64, macos-x64\nValidated by 2 Blender(s).\n"
    )
    with zipfile.ZipFile(path) as packed:
        assert packed.read("manual/setup.html") == b"setup.html"
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_wheels_that_are_there_and_no_network(
    asked: list[object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(extension, "find_validators", lambda *_: [])
    Build(out=tmp_path, wheels_from=tmp_path / "mine", offline=True).run()
    assert asked == [("mine", False)]
    assert capsys.readouterr().out.endswith("\nNot validated: no Blender was found (--blender).\n")


def test_a_zip_that_blender_refuses_is_not_handed_out(
    asked: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise InputError("option.extension", "Blender refuses it.", "Mend it.")

    (tmp_path / "affekt-1.2.3.zip").write_bytes(b"of yesterday")
    monkeypatch.setattr(extension, "validate_zip", refuse)
    with pytest.raises(InputError):
        Build(out=tmp_path).run()
    assert (tmp_path / "affekt-1.2.3.zip").read_bytes() == b"of yesterday"
