# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a mesh cache may lie is said before anything is baked."""

from __future__ import annotations

from pathlib import Path

import pytest
from affekt.addon.bake.cache import check_place
from affekt.shared.errors import InputError


@pytest.mark.parametrize("name", ["face.pc2", "FACE.PC2", "a.b.pc2"])
def test_a_pc2_in_a_folder(tmp_path: Path, name: str) -> None:
    check_place(tmp_path / name)
    (tmp_path / name).write_bytes(b"old")
    check_place(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("face.abc", "bake.cache", "face.abc is none"),
        ("face", "bake.cache", "face is none"),
        ("none/face.abc", "bake.cache", "face.abc is none"),
        ("none/face.pc2", "file.place", "There is no folder"),
        ("file.txt/face.pc2", "file.place", "There is no folder"),
    ],
)
def test_other_places(tmp_path: Path, name: str, code: str, said: str) -> None:
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(InputError, match=said) as caught:
        check_place(tmp_path / name)
    assert caught.value.code == code
    assert caught.value.remedy
