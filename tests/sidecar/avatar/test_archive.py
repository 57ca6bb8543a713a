# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in an avatar's zip: which one counts, and what is no avatar's."""

from __future__ import annotations

import io
import zipfile

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar import archive
from affekt.sidecar.avatar.archive import has_entry, read_entry
from fakes.lam import pack_zip


def code_of(call: object, *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_the_file_nearest_to_the_top() -> None:
    data = pack_zip(
        {
            "a/b/meta.json": b"deep",
            "__MACOSX/meta.json": b"litter",
            "a/meta.json": b"near",
            "meta.json/": b"",
            "a/other.json": b"other",
        }
    )
    assert read_entry(data, "meta.json", "x", "Do this.") == b"near"
    assert has_entry(data, "meta.json", "x")
    assert has_entry(data, "other.json", "x")
    assert not has_entry(data, "json", "x")
    assert not has_entry(data, "META.JSON", "x")
    with pytest.raises(InputError) as caught:
        read_entry(data, "skin.glb", "x", "Do this.")
    assert (caught.value.code, caught.value.remedy) == ("avatar.missing_file", "Do this.")
    two = pack_zip({"a/meta.json": b"1", "b/meta.json": b"2", "c/d/meta.json": b"3"})
    assert code_of(read_entry, two, "meta.json", "x", "") == "avatar.zip"


def test_a_zip_that_is_damaged_or_locked() -> None:
    whole = bytearray(pack_zip({"meta.json": b"x" * 99}))
    assert code_of(has_entry, bytes(whole[:40]), "meta.json", "x") == "avatar.zip"
    assert code_of(read_entry, bytes(whole[:40]), "meta.json", "x", "") == "avatar.zip"
    for start in (b"PK\x03\x04", b"PK\x01\x02"):  # the flag of a password, in both its places
        whole[whole.index(start) + (6 if start.endswith(b"\x04") else 8)] |= 1
    with pytest.raises(InputError, match="without a password") as caught:
        read_entry(bytes(whole), "meta.json", "x", "")
    assert caught.value.code == "avatar.zip"


def test_more_files_and_bytes_than_an_avatar_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MAX_ENTRIES", 3)
    files = dict.fromkeys(("a", "b", "c"), b"x" * 2000)
    assert has_entry(pack_zip(files), "a", "x")
    more = pack_zip({**files, "d": b""})
    assert code_of(has_entry, more, "a", "x") == "avatar.too_big"
    monkeypatch.setattr(archive, "_MAX_PART_BYTES", 2000)
    assert len(read_entry(pack_zip(files), "a", "x", "")) == 2000
    monkeypatch.setattr(archive, "_MAX_PART_BYTES", 1999)
    assert code_of(read_entry, pack_zip(files), "a", "x", "") == "avatar.too_big"


@pytest.mark.parametrize(("size", "fits"), [(200 * 1024, True), (200 * 1024 + 1, False)])
def test_what_is_packed_more_tightly_than_numbers_are(size: int, fits: bool) -> None:
    """Two hundred times; what takes less than a kilobyte counts as one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr("a", bytes(size))
        assert packed.infolist()[0].compress_size < 1024
    if fits:
        assert len(read_entry(out.getvalue(), "a", "x", "")) == size
    else:
        assert code_of(read_entry, out.getvalue(), "a", "x", "") == "avatar.too_big"
