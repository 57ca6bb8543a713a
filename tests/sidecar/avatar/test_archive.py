# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of zips: which one counts, and how much of one is read."""

import io
import zipfile

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar import archive
from affekt.sidecar.avatar.archive import has_entry, read_entry
from fakes.lam import pack_zip


def read(data: bytes, entry: str = "a.txt") -> bytes:
    return read_entry(data, entry, "b.zip", "Do this.")


def code_of(data: bytes, entry: str = "a.txt") -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        read(data, entry)
    return caught.value.code, caught.value.remedy


def test_the_entry_nearest_the_top_counts() -> None:
    """Whole names count, not their ends, and neither folders nor what macOS puts beside them."""
    data = pack_zip(
        {
            "deep/er/a.txt": b"too deep",
            "a.txt/": b"",
            "__MACOSX/a.txt": b"of macOS",
            "__MACOSX/in/a.txt": b"of macOS",
            "in/ba.txt": b"another",
            "in/._a.txt": b"of macOS",
            "in/a.txt": b"this",
        }
    )
    assert read(data) == b"this"
    assert has_entry(data, "ba.txt", "b.zip")
    assert not has_entry(data, "A.txt", "b.zip")
    assert code_of(data, "c.txt") == ("avatar.missing_file", "Do this.")
    assert not has_entry(pack_zip({"__MACOSX/a.txt": b"", "a.txt/": b""}), "a.txt", "b.zip")
    assert code_of(pack_zip({"x/a.txt": b"1", "y/a.txt": b"2"}))[0] == "avatar.zip"


def test_a_zip_lists_ten_thousand_files_at_the_most() -> None:
    names = {f"{index}": b"" for index in range(9_999)}
    assert read(pack_zip({**names, "a.txt": b"1"})) == b"1"
    many = pack_zip({**names, "9999": b"", "a.txt": b"1"})
    assert code_of(many)[0] == "avatar.too_big"
    with pytest.raises(InputError) as caught:
        has_entry(many, "a.txt", "b.zip")
    assert caught.value.code == "avatar.too_big"


@pytest.mark.parametrize(("size", "fits"), [(200 * 1024, True), (200 * 1024 + 1, False)])
def test_what_is_packed_more_tightly_than_numbers_can_be(size: int, fits: bool) -> None:
    """Two hundredfold; what packs into less than 1 KiB counts as that."""
    data = pack_zip({"a.txt": bytes(size)})
    if fits:
        assert read(data) == bytes(size)
    else:
        assert code_of(data)[0] == "avatar.too_big"


def test_what_is_locked_or_damaged_says_so() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        bundle.writestr("a.txt", b"0123456789" * 9)
    whole = stream.getvalue()
    assert read(whole) == b"0123456789" * 9
    locked = bytearray(whole)
    for start, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        locked[whole.index(start) + flags] |= 1
    changed = whole.replace(b"0123456789", b"0123456780", 1)
    for data in (bytes(locked), changed, whole[:-5], b"PK\3\4"):
        assert code_of(data)[0] == "avatar.zip"
    with pytest.raises(InputError) as caught:
        has_entry(whole[:-5], "a.txt", "b.zip")
    assert caught.value.code == "avatar.zip"


def test_an_entry_holds_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pack_zip({"a.txt": b"x" * 2000})
    monkeypatch.setattr(archive, "_MAX_PART_BYTES", 2000)
    assert len(read(data)) == 2000
    monkeypatch.setattr(archive, "_MAX_PART_BYTES", 1999)
    assert code_of(data)[0] == "avatar.too_big"
