# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder's ledger: a file counts only with the very bytes that were noted."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from affekt.shared import ledger, limits
from affekt.shared.errors import InputError
from affekt.shared.ledger import NAME, Entry, Ledger, hash_of, write_ledger
from fakes.obstacles import put_in_the_way
from hypothesis import given
from hypothesis import strategies as st

RECIPE = "5f" * 20


def noted(folder: Path, name: str = "frame_0001.png", data: bytes = b"a picture") -> Path:
    path = folder / name
    path.write_bytes(data)
    Ledger(folder).note(path, RECIPE)
    return path


@pytest.mark.parametrize("obstacle", ["folder", "link", "pipe"])
def test_something_else_has_the_ledgers_name(obstacle: str, tmp_path: Path) -> None:
    """It is named, and not the folder in which it is."""
    path = tmp_path / NAME
    put_in_the_way(path, obstacle)
    with pytest.raises(InputError) as caught:
        Ledger(tmp_path).check_place()
    assert caught.value.code == "file.not_writable"
    assert f"{path} cannot be written: a {obstacle}" in caught.value.message
    assert "Move it away" in caught.value.remedy
    (tmp_path / "frame_0001.png").write_bytes(b"x")
    refused = None
    try:
        Ledger(tmp_path).note(tmp_path / "frame_0001.png")
    except OSError as error:
        refused = Ledger(tmp_path).refusal(error)
    assert refused is not None
    assert f"a {obstacle}" in refused.message


def test_a_hash_is_blake2b_of_the_bytes(tmp_path: Path) -> None:
    """So that a ledger of today is still one tomorrow; the text's is RFC 7693's function."""
    (tmp_path / "a").write_bytes(b"abc")
    assert hash_of(tmp_path / "a") == "384264f676f39536840523f284921cdc68b6846b"


def test_a_line_is_a_hash_a_recipe_and_a_name(tmp_path: Path) -> None:
    """As versions before and after this one write and read it."""
    path = noted(tmp_path, "a.png", b"abc")
    line = f"\n384264f676f39536840523f284921cdc68b6846b {RECIPE} a.png"
    assert (tmp_path / NAME).read_bytes() == line.encode()
    assert NAME == ".affekt_frames"
    Ledger(tmp_path).note(path)
    other = line.replace(RECIPE, "-")
    assert (tmp_path / NAME).read_bytes() == (line + other).encode()
    assert Ledger(tmp_path).find_whole(path) == Entry(digest=hash_of(path))
    damaged = line.replace("384", "38g")
    (tmp_path / NAME).write_text(line + damaged + other[:-5])
    assert Ledger(tmp_path).entries == {"a.png": Entry(digest=hash_of(path), recipe=RECIPE)}


def test_a_hash_is_of_the_whole_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 8192 + b"end"  # of two blocks and a bit
    (tmp_path / "a").write_bytes(data)
    assert hash_of(tmp_path / "a") == hashlib.blake2b(data, digest_size=20).hexdigest()


def test_what_was_noted_is_whole(tmp_path: Path) -> None:
    path = noted(tmp_path)
    found = Ledger(tmp_path).find_whole(path)
    assert found == Entry(digest=hash_of(path), recipe=RECIPE)
    assert Ledger(tmp_path).find_whole(tmp_path / "frame_0002.png") is None


@given(at=st.integers(0, 399), mask=st.integers(1, 255))
def test_any_other_byte_is_noticed(tmp_path_factory, at: int, mask: int) -> None:
    folder = tmp_path_factory.mktemp("frames")
    data = bytearray(os.urandom(400))
    path = noted(folder, data=bytes(data))
    data[at] ^= mask
    path.write_bytes(data)
    assert Ledger(folder).find_whole(path) is None


def test_shorter_longer_and_missing_files_are_not_whole(tmp_path: Path) -> None:
    path = noted(tmp_path)
    for data in (b"", b"a pictur", b"a picture.", b"a picture" * 2):
        path.write_bytes(data)
        assert Ledger(tmp_path).find_whole(path) is None
    path.unlink()
    assert Ledger(tmp_path).find_whole(path) is None


@given(cut=st.integers(0, 200), at=st.integers(0, 200), byte=st.binary(min_size=1, max_size=3))
def test_a_damaged_ledger_believes_nothing_false(
    tmp_path_factory, cut: int, at: int, byte: bytes
) -> None:
    """Cut off or overwritten, it knows less, and what is noted afterwards counts."""
    folder = tmp_path_factory.mktemp("frames")
    paths = [noted(folder, f"frame_000{i}.png", bytes([i])) for i in (1, 2)]
    whole = (folder / NAME).read_bytes()
    for damaged in (whole[:cut], whole[:at] + byte + whole[at + len(byte) :]):
        (folder / NAME).write_bytes(damaged)
        read = Ledger(folder)
        for path in paths:
            entry = read.find_whole(path)
            assert entry is None or entry.digest == hash_of(path)
        later = noted(folder, "frame_0003.png")
        assert Ledger(folder).find_whole(later) is not None


def test_the_later_line_counts(tmp_path: Path) -> None:
    path = noted(tmp_path)
    noted(tmp_path, data=b"another")
    found = Ledger(tmp_path).find_whole(path)
    assert found is not None
    path.write_bytes(b"a picture")
    assert Ledger(tmp_path).find_whole(path) is None


def test_many_threads_note_at_once(tmp_path: Path) -> None:
    shared = Ledger(tmp_path)

    def note(number: int) -> None:
        for index in range(50):
            path = tmp_path / f"frame_{number}_{index}.png"
            path.write_bytes(bytes([number, index]))
            shared.note(path, RECIPE)

    threads = [threading.Thread(target=note, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    read = Ledger(tmp_path)
    assert len(read.entries) == 200
    assert all(read.find_whole(tmp_path / name) for name in read.entries)


def test_it_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_SPARE_LINES", 5)
    for number in range(40):
        path = noted(tmp_path, data=bytes([number]))
    assert len((tmp_path / NAME).read_bytes().split(b"\n")) < 12
    assert Ledger(tmp_path).find_whole(path) is not None


def test_one_that_has_grown_is_cleared_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as many lines as files, and the spare ones: what is noted after that stays too."""
    monkeypatch.setattr(ledger, "_SPARE_LINES", 5)
    for number in range(20):
        noted(tmp_path, f"frame_{number}.png", bytes([number]))
    first = (tmp_path / NAME).read_bytes()
    again = noted(tmp_path, "frame_0.png", b"another")
    assert (tmp_path / NAME).read_bytes().startswith(first)  # 22 of 45 lines: only appended
    writer = Ledger(tmp_path)
    for _ in range(25):
        writer.note(again, RECIPE)
    long, names = Ledger(tmp_path), [f"late_{number}.png" for number in range(3)]
    assert len((tmp_path / NAME).read_bytes().split(b"\n")) > 45
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
        long.note(tmp_path / name, RECIPE)
    assert len((tmp_path / NAME).read_bytes().split(b"\n")) == 1 + 20 + 3
    assert all(Ledger(tmp_path).find_whole(tmp_path / name) for name in names)
    assert Ledger(tmp_path).find_whole(again) is not None


def test_how_many_lines_a_ledger_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three files and two spare lines: eight lines stay, of nine only the files' own do."""
    monkeypatch.setattr(ledger, "_SPARE_LINES", 2)
    entries = {f"{number}.png": Entry(digest=f"{number}" * 40, recipe="") for number in range(3)}
    (tmp_path / "new.png").write_bytes(b"new")
    for lines, after in ((8, 9), (9, 5)):
        write_ledger(tmp_path, entries)
        with (tmp_path / NAME).open("ab") as file:
            file.write(b"\nno line of a ledger" * (lines - 4))
        assert len((tmp_path / NAME).read_bytes().split(b"\n")) == lines
        Ledger(tmp_path).note(tmp_path / "new.png", RECIPE)
        assert len((tmp_path / NAME).read_bytes().split(b"\n")) == after
        assert Ledger(tmp_path).entries.keys() == {*entries, "new.png"}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list them")
def test_no_file_stays_open(tmp_path: Path) -> None:
    """A rendering notes thousands of pictures."""
    noted(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        noted(tmp_path)
    assert len(os.listdir("/proc/self/fd")) < before + 10


def test_one_that_is_too_long_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = noted(tmp_path)
    monkeypatch.setattr(limits, "MAX_LEDGER_BYTES", 10)
    assert Ledger(tmp_path).entries == {}
    monkeypatch.setattr(limits, "MAX_LEDGER_BYTES", 200)
    with (tmp_path / NAME).open("ab") as file:
        file.write(bytes(1000))
    assert Ledger(tmp_path).entries == {}
    other = noted(tmp_path, "frame_0002.png")
    assert sorted(Ledger(tmp_path).entries) == [other.name]
    assert path.exists()


def test_written_anew(tmp_path: Path) -> None:
    path = noted(tmp_path, "old.png")
    entries = {"new.png": Entry(digest=hash_of(path)), "b.exr": Entry(digest="0" * 40)}
    write_ledger(tmp_path, entries)
    assert Ledger(tmp_path).entries == entries
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".partial")] == []


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system cannot refuse links")
def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / NAME).symlink_to(tmp_path / "mine.txt")
    with pytest.raises(OSError, match=NAME):
        noted(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_no_pipe_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    with pytest.raises(OSError, match=NAME):
        noted(tmp_path)
    (tmp_path / NAME).unlink()
    path = noted(tmp_path)
    path.unlink()
    os.mkfifo(path)
    assert Ledger(tmp_path).find_whole(path) is None


@pytest.mark.parametrize("where", ["is_file", "stat", "read_bytes"])
def test_a_ledger_that_may_not_be_read_knows_of_no_file(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is not there: what lies beside it is made again."""
    path, real = noted(tmp_path), getattr(Path, where)
    assert Ledger(tmp_path).find_whole(path) == Entry(digest=hash_of(path), recipe=RECIPE)

    def refuse(self: Path, **options: object) -> object:
        if self.name == NAME:
            raise PermissionError(13, "Permission denied")
        return real(self, **options)

    monkeypatch.setattr(Path, where, refuse)
    ledger = Ledger(tmp_path)
    assert ledger.entries == {}
    assert ledger.find_whole(path) is None
