# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt avatar create`: what it hands on, writes and says; the avatar itself is made up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from affekt.shared.wording import say_count
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.commands import portrait
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait import making
from fakes.splats import splat_ply


@pytest.mark.parametrize("sheet", [None, "sheet.png"])
def test_a_photos_avatar_is_written_and_said(
    sheet: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = decode_avatar(splat_ply(), "me")
    asked: list[tuple[object, ...]] = []

    def steps(*question: object) -> Iterator[str]:
        asked.append(question)
        yield "reading the photo"
        yield "fitting the head"
        return SimpleNamespace(portrait=SimpleNamespace(avatar=made), said="The largest of 2.")

    drawn: list[Path] = []
    monkeypatch.setattr(making, "make_steps", steps)
    monkeypatch.setattr(portrait.Create, "_draw_sheet", lambda _, path, __: drawn.append(path))
    (tmp_path / "me.jpg").write_bytes(b"a photo")
    out = tmp_path / "me.safetensors"
    picture = None if sheet is None else tmp_path / sheet
    portrait.Create(photo=tmp_path / "me.jpg", out=out, face=2, neck="edge", sheet=picture).run()
    assert asked == [(b"a photo", "me.jpg", 2, "edge", [], read_head("open"))]
    assert out.read_bytes() == encode_avatar(made)
    assert drawn == ([] if picture is None else [picture])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4:-1] == ["  reading the photo", "  fitting the head", "The largest of 2."]
    size = out.stat().st_size / 1e6
    assert lines[-1].startswith(f"{out}: {say_count(len(made), 'Gaussian')}, {size:.1f} MB, in ")
