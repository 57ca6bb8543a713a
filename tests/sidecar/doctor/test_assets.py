# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that ship are those that were published."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from affekt.sidecar.doctor import assets
from affekt.sidecar.doctor.finding import Finding

AGAIN = "Download or clone Affekt again, and install it from there"
CHECKS = [(assets.check_head, assets.HEAD), (assets.check_modulator, assets.MODULATOR)]
each = pytest.mark.parametrize(("check", "name"), CHECKS)


@each
def test_the_shipped_one(check: Callable[..., Finding], name: str) -> None:
    """If this fails since an asset was made anew: change its line in `assets.SHA256`."""
    finding = check()
    assert finding.state == "ok", finding
    assert finding.detail.startswith(f"{name}, ")
    assert finding.detail.endswith(f"SHA-256 {assets.SHA256[name][:12]}…")


@each
def test_bad_ones(check: Callable[..., Finding], name: str, tmp_path: Path) -> None:
    absent = check(tmp_path)
    assert (absent.state, absent.remedy) == ("missing", AGAIN)
    assert absent.detail == f"{tmp_path / name}: No such file or directory"
    (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    pointer = check(tmp_path)
    assert (pointer.state, pointer.remedy) == ("missing", "git lfs pull")
    shutil.copyfile(assets.ASSETS / name, tmp_path / name)
    with (tmp_path / name).open("r+b") as file:
        file.seek(100_000)
        file.write(b"\x55\xaa")
    damaged = check(tmp_path)
    assert (damaged.state, damaged.remedy) == ("missing", AGAIN)
    assert "is damaged" in damaged.detail
