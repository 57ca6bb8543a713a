# SPDX-License-Identifier: GPL-3.0-or-later
"""Results have places of their own, which are tried before the work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.files import check_ending, check_outputs


def code_of(function: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        function()
    return caught.value.code


def test_places_that_can_be_written_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"old")
    (tmp_path / "source.png").write_bytes(b"source")
    before = sorted(tmp_path.iterdir())
    check_outputs(
        tmp_path / "old.png",
        None,
        tmp_path / "new.png",
        folder=tmp_path / "far" / "away",
        names=("old.png",),
        sources=(tmp_path / "source.png", "open", None),
    )
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_no_two_results_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    out, same = tmp_path / "x.png", tmp_path / "a" / ".." / "x.png"
    assert code_of(lambda: check_outputs(out, None, same)) == "option.same_file"
    assert code_of(lambda: check_outputs(out, folder=tmp_path, names=("x.png",))) == (
        "option.same_file"
    )
    check_outputs(out, folder=tmp_path / "a", names=("x.png",))


def test_no_result_is_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "me.ply"
    source.write_bytes(b"ply")
    monkeypatch.chdir(tmp_path)
    for out in (source, Path("me.ply")):
        assert code_of(lambda out=out: check_outputs(out, sources=("x", source))) == (
            "option.same_file"
        )
    assert code_of(lambda: check_outputs(folder=Path(), names=("me.ply",), sources=(source,))) == (
        "option.same_file"
    )


def test_no_result_replaces_a_part_of_a_source_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "point_cloud.ply").write_bytes(b"ply")
    part, new = tmp_path / "point_cloud.ply", tmp_path / "new.ply"
    assert code_of(lambda: check_outputs(part, sources=(tmp_path,))) == "option.same_file"
    check_outputs(new, sources=(tmp_path,))
    check_outputs(part, sources=(tmp_path / "other",))


def test_what_is_embedded_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "motion.npz").write_bytes(b"npz")
    again, names = Path("open"), ("motion.npz",)
    check_outputs(folder=again, names=names, sources=("open", "open-gaussians"))
    assert code_of(lambda: check_outputs(folder=again, names=names, sources=(again,))) == (
        "option.same_file"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_to_a_source_is_the_source(tmp_path: Path) -> None:
    (tmp_path / "me.ply").write_bytes(b"ply")
    (tmp_path / "link.ply").symlink_to(tmp_path / "me.ply")
    assert code_of(
        lambda: check_outputs(tmp_path / "link.ply", sources=(tmp_path / "me.ply",))
    ) == ("option.same_file")


def test_a_place_that_cannot_be_written_is_known_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for name in ("none/b.png", "folder", "file/b.png", f"{'n' * 300}.png"):
        assert code_of(lambda name=name: check_outputs(tmp_path / name)) == "file.not_writable"
    for name in ("file", "file/below", f"none/{'n' * 300}"):
        assert code_of(lambda name=name: check_outputs(folder=tmp_path / name)) == (
            "file.not_writable"
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(
    sys.platform == "win32" or os.getuid() == 0, reason="whoever may write everything"
)
def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert code_of(lambda: check_outputs(tmp_path / "b.png")) == "file.not_writable"
        assert code_of(lambda: check_outputs(folder=tmp_path / "b")) == "file.not_writable"
    finally:
        tmp_path.chmod(0o700)


def test_a_results_name_says_what_it_is() -> None:
    check_ending(None, "a picture", ".png")
    check_ending(Path("a.PNG"), "a picture", ".jpg", ".png")
    for name in ("a.gif", "a", "a.png.webp", ".png"):
        assert code_of(lambda name=name: check_ending(Path(name), "a picture", ".png")) == (
            "option.format"
        )
