# SPDX-License-Identifier: GPL-3.0-or-later
"""Sheets as rows, and what is wrong with a row."""

import os
from pathlib import Path

import pytest
from affekt.shared.batch_sheet import read_csv
from affekt.shared.errors import InputError
from affekt.sidecar.batch import sheet, work
from affekt.sidecar.batch.flamenco import JOB, JOB_TYPE
from affekt.sidecar.batch.openjd import NAME
from affekt.sidecar.batch.report import NAME as REPORT
from affekt.sidecar.batch.sheet import Fault, Sheet
from affekt.sidecar.batch.work import hash_of_input


def rows_of(path: Path, **defaults: str) -> list:
    return list(Sheet(path=path, defaults=defaults).rows())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.csv", "b.csv", ".hidden"):
        (tmp_path / "takes" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "takes" / name).write_bytes(b"x")
    return tmp_path


def test_paths_are_the_sheets_own(folder: Path) -> None:
    (folder / "s.csv").write_text("take,out,avatar\ntakes/a.csv,a,open\n")
    (row,) = rows_of(folder / "s.csv")
    assert row.take == str(folder / "takes" / "a.csv")
    assert row.avatar == "open"


def test_faults_stop_no_other_row(folder: Path) -> None:
    lines = ["takes/a.csv,a", "takes/c.csv,c", "takes/b.csv,A", "takes/b.csv,", "takes/b.csv,b"]
    (folder / "s.csv").write_text("\n".join(["take,out", *lines]))
    rows = rows_of(folder / "s.csv")
    codes = [row.error.code if isinstance(row, Fault) else row.out for row in rows]
    assert codes == ["a", "file.missing", "batch.same_output", "batch.cell", "b"]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]


def test_a_missing_file_of_emotions_is_a_fault(folder: Path) -> None:
    (folder / "s.csv").write_text("take,out,emotions\ntakes/a.csv,a,keys.json\n")
    (row,) = rows_of(folder / "s.csv")
    assert isinstance(row, Fault)
    assert row.error.code == "file.missing"


def test_defaults_fill_what_is_empty(folder: Path) -> None:
    (folder / "s.csv").write_text("take,out,size\ntakes/a.csv,a,64\ntakes/b.csv,b,\n")
    rows = rows_of(folder / "s.csv", size="128", avatar="open")
    assert [row.size for row in rows] == [(64, 64), (128, 128)]
    with pytest.raises(InputError, match="colour"):
        rows_of(folder / "s.csv", colour="red")


@pytest.mark.parametrize("name", ["takes", "takes/*.csv"])
def test_a_folder_or_a_pattern_of_takes(folder: Path, name: str) -> None:
    rows = rows_of(folder / name, emotions="sad")
    assert [(Path(row.take).name, row.out) for row in rows] == [("a.csv", "a"), ("b.csv", "b")]


def test_a_folder_has_more_than_takes(folder: Path) -> None:
    for name in ("a.wav", "a.png", "night/.affekt_batch/x", "frames/0.npz"):
        (folder / "takes" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "takes" / name).write_bytes(b"x")
    assert [row.out for row in rows_of(folder / "takes")] == ["a", "b", "frames"]


@pytest.mark.parametrize("name", [NAME, "Affekt.OpenJD.json/x", JOB, JOB_TYPE, REPORT])
def test_a_row_takes_none_of_the_batchs_own_names(folder: Path, name: str) -> None:
    (folder / "s.csv").write_text(f"take,out\ntakes/a.csv,{name}\n")
    (row,) = rows_of(folder / "s.csv")
    assert isinstance(row, Fault)
    assert row.error.code == "batch.cell"


def test_toml(folder: Path) -> None:
    (folder / "s.toml").write_text(
        'avatar = "open"\n[[row]]\ntake = "takes/a.csv"\nout = "a"\noutputs = ["png", "bake"]\n'
        'size = 64\nfps = 29.97\n[[row]]\ntake = "takes/b.csv"\nout = "b"\navatar = ""\n'
    )
    first, second = rows_of(folder / "s.toml")
    assert (first.outputs, first.size, first.fps) == (("png", "bake"), (64, 64), "29.97")
    assert second.outputs == ("bake",)


@pytest.mark.parametrize(
    "text", ["", "row = 3", "[[row]", "other = 1\n[[row]]\n", "[[row]]\ntake = true\nout = 'a'"]
)
def test_files_that_are_no_toml_sheets(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.toml").write_text(text or " ")
    with pytest.raises(InputError) as caught:
        rows_of(tmp_path / "s.toml")
    assert caught.value.code == "batch.sheet"


def test_a_sheet_of_too_many_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_ROWS", 2)
    lines = ["takes/a.csv,a", "takes/a.csv,b", "takes/a.csv,c"]
    (folder / "s.csv").write_text("\n".join(["take,out", *lines]))
    with pytest.raises(InputError, match="more than 2 rows"):
        rows_of(folder / "s.csv")


def test_a_sheet_without_rows(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("take,out\n")
    with pytest.raises(InputError) as caught:
        rows_of(tmp_path / "s.csv")
    assert caught.value.code == "batch.sheet"


def test_what_another_row_would_replace_is_not_read(folder: Path) -> None:
    """A row's own folder, and what no row makes, may lie there."""
    night = folder / "night"
    for name in ("a/motion.npz", "a/ply/frame_0001.ply", "a/take.csv", "old/motion.npz"):
        (night / name).parent.mkdir(parents=True, exist_ok=True)
        (night / name).write_bytes(b"x")
    takes = ("a/take.csv", "a/motion.npz", "old/motion.npz", "../night/A/../a/ply/frame_0001.ply")
    lines = [f"night/{take},{out}" for take, out in zip(takes, "abcd", strict=True)]
    (folder / "s.csv").write_text("\n".join(["take,out", *lines]))
    (night / "A").mkdir()
    for target in (night, folder / "takes" / ".." / "night"):
        rows = list(Sheet(path=folder / "s.csv", defaults={}, target=target).rows())
        codes = [row.error.code if isinstance(row, Fault) else row.out for row in rows]
        assert codes == ["a", "option.same_file", "c", "option.same_file"]
    assert not [row for row in rows_of(folder / "s.csv") if isinstance(row, Fault)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
@pytest.mark.timeout(20)
def test_pipes_devices_and_folders_are_no_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.json")
    lines = ["pipe.json,a,,", "/dev/zero,b,,", "takes/a.csv,c,pipe.json,", "takes/a.csv,d,,takes"]
    (folder / "s.csv").write_text("\n".join(["take,out,emotions,camera", *lines]))
    codes = [row.error.code for row in rows_of(folder / "s.csv")]
    assert codes == ["file.wrong_kind"] * 3 + ["file.folder"]
    for name in ("pipe.json", "/dev/zero"):
        with pytest.raises(InputError, match="is no file"):
            list(read_csv(folder / name))
        with pytest.raises(InputError) as caught:
            hash_of_input(folder / name)
        assert caught.value.code == "file.wrong_kind"


def test_a_folder_that_is_no_take_is_not_read_to_its_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_IN_FOLDER", 2)
    with pytest.raises(InputError) as caught:
        hash_of_input(folder / "takes")
    assert caught.value.code == "file.too_large"


def test_a_toml_without_end(folder: Path) -> None:
    (folder / "s.toml").write_text("take = " + "[" * 100_000)
    with pytest.raises(InputError, match="without end"):
        rows_of(folder / "s.toml")
