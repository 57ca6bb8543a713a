# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt data anchors --dask` writes the very files that it writes without."""

import contextlib
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.lab.anchors.dataset import MANIFEST
from affekt.sidecar.lab.commands import data
from affekt.sidecar.lab.commands.data import Anchors
from fakes.engines import InlineEngine


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError) as caught:
        Anchors(out=tmp_path, count=3, dask="tcp://nowhere:1").run()
    assert caught.value.code == "file.not_empty"


@pytest.mark.full
def test_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("espeakng_loader")
    monkeypatch.setattr(data, "SHARE", 2)
    monkeypatch.setattr(data, "Cluster", lambda *_: contextlib.nullcontext(InlineEngine()))
    Anchors(out=tmp_path / "here", count=3, seed=5).run()
    Anchors(out=tmp_path / "there", count=3, seed=5, dask="tcp://nowhere:1").run()
    here = sorted(path for path in (tmp_path / "here").rglob("*") if path.is_file())
    assert len(here) > 60
    for path in here:
        other = tmp_path / "there" / path.relative_to(tmp_path / "here")
        assert other.read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / "there" / MANIFEST).is_file()
