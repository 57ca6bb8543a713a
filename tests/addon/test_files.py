# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a folder are a take, and as what they are sent."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from affekt.addon.motion.files import name_of, numbered_files, pack, read_file, read_source
from affekt.shared import limits
from affekt.shared.errors import InputError


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def inside(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert all(archive.read(name) == name.encode() for name in archive.namelist())
        return archive.namelist()


def code_of(read: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        read()
    return caught.value.code


def test_a_file_as_large_as_may_be(tmp_path: Path) -> None:
    fill(tmp_path, "take.csv")
    found = read_file(tmp_path / "take.csv", 8)
    assert (found.name, found.data) == ("take.csv", b"take.csv")
    assert code_of(lambda: read_file(tmp_path / "take.csv", 7)) == "file.too_large"
    assert code_of(lambda: read_file(tmp_path, 7)) == "file.missing"


def test_a_source_is_a_file_or_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "walk"
    fill(folder, "b.CSV", "a/0.npz", "a/b/1.json", "a/b/c/2.json", ".hidden/3.json", "sound.wav")
    found = read_source(folder)
    assert found.name == "walk"
    assert inside(found.data) == ["a/0.npz", "a/b/1.json", "b.CSV"]  # three folders deep, no more
    one = read_source(folder / "sound.wav")  # the sidecar says what is wrong with it
    assert (one.name, one.data) == ("sound.wav", b"sound.wav")


def test_what_trackers_write_is_found_in_a_folder(tmp_path: Path) -> None:
    text = ("take.csv", "take.gesichter", "take.json", "take.jsonl", "take.tsv", "take.txt")
    data = ("take.frame", "take.mat", "take.npy", "take.npz", "take.pkl", "take.pt", "take.pth")
    fill(tmp_path, *text, *data, "take.zip", "take.mp4", "take.png", "take.py")
    found = inside(read_source(tmp_path).data)
    assert sorted(found) == sorted([*text, *data, "take.zip"])


def test_a_folder_without_a_take(tmp_path: Path) -> None:
    fill(tmp_path, "clip.mp4")
    assert code_of(lambda: read_source(tmp_path)) == "file.folder"


def test_numbered_files_differ_by_their_numbers_alone(tmp_path: Path) -> None:
    fill(tmp_path, "f_7_a.npz", "f_10_a.npz", "f_08_a.npz", "f_7_b.npz", "f_7_a.json", "g_7_a.npz")
    fill(tmp_path, "below/f_9_a.npz", ".f_9_a.npz")
    found = [path.name for path in numbered_files(tmp_path / "f_7_a.npz")]
    assert found == ["f_08_a.npz", "f_10_a.npz", "f_7_a.npz"]
    assert [path.name for path in numbered_files(tmp_path / "g_7_a.npz")] == ["g_7_a.npz"]


def test_the_same_files_are_the_same_bytes(tmp_path: Path) -> None:
    """Whenever they were written: the sidecar knows the take again."""
    first, second = tmp_path / "1" / "walk", tmp_path / "2" / "walk"
    for folder in (first, second):
        fill(folder, "a.npz", "b.npz")
    os.utime(second / "a.npz", (1_000_000_000, 1_000_000_000))
    assert read_source(first) == read_source(second)
    assert inside(pack(first, [first / "b.npz"]).data) == ["b.npz"]


def test_folders_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "1.npz", "2.npz", "3.npz")  # of five bytes each
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 15)
    assert len(inside(read_source(tmp_path).data)) == 3
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 14)
    assert code_of(lambda: read_source(tmp_path)) == "file.too_large"
    monkeypatch.setattr(limits, "MAX_FRAMES", 3)
    assert len(numbered_files(tmp_path / "1.npz")) == 3
    monkeypatch.setattr(limits, "MAX_FRAMES", 2)
    assert code_of(lambda: numbered_files(tmp_path / "1.npz")) == "motion.too_long"


def test_what_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "1.npz")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    for read in (lambda: read_file(tmp_path / "1.npz", 99), lambda: read_source(tmp_path)):
        assert code_of(read) == "file.unreadable"
    monkeypatch.setattr(os, "listdir", refuse)
    assert code_of(lambda: numbered_files(tmp_path / "1.npz")) == "file.unreadable"


def test_a_refusal_names_the_file_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking what a path is may be refused, too; a very long name is cut."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    long = "a" * 120
    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(InputError) as caught:
        read_file(tmp_path / long, 9)
    assert caught.value.code == "file.unreadable"
    assert caught.value.message == f"{'a' * 100} cannot be read: Permission denied."
    monkeypatch.undo()
    fill(tmp_path, "take.csv")
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 7)
    with pytest.raises(InputError, match=r"take\.csv is too large") as caught:
        read_source(tmp_path / "take.csv")
    assert caught.value.code == "file.too_large"
    with pytest.raises(InputError, match="There is no file at") as caught:
        read_source(tmp_path / "none.csv")
    assert caught.value.code == "file.missing"


def test_a_file_may_vanish_while_its_folder_is_packed(tmp_path: Path) -> None:
    fill(tmp_path, "walk/1.npz", "walk/2.npz")
    with pytest.raises(InputError, match="walk cannot be read") as caught:
        pack(tmp_path / "walk", [tmp_path / "walk" / "1.npz", tmp_path / "walk" / "3.npz"])
    assert caught.value.code == "file.unreadable"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("talk/walk.json", "walk"),
        ("Speeding_Scandal/flame_params.json", "Speeding_Scandal"),
        ("shot 3/flame_param/00007.npz", "shot 3"),
        ("shot 4/0001.json", "shot 4"),
        ("shot 5/flame_params_02.npz", "shot 5"),
        ("shot 6/FLAME-Params 2.json", "shot 6"),
        ("baked/motion.npz", "baked"),
        ("take_12/take_12.csv", "take_12"),
    ],
)
def test_a_take_is_called_by_what_tells_it_from_others(
    path: str, name: str, tmp_path: Path
) -> None:
    fill(tmp_path, path)
    assert name_of(tmp_path / path) == name


def test_a_folder_of_frames_is_called_as_the_one_around_it(tmp_path: Path) -> None:
    fill(tmp_path, "shot 3/flame_param/00007.npz", "v1.2/x.json")
    assert name_of(tmp_path / "shot 3" / "flame_param") == "shot 3"
    assert name_of(tmp_path / "v1.2") == "v1.2"
    assert name_of(Path("/motion.npz")) == "motion"
