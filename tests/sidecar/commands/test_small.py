# SPDX-License-Identifier: GPL-3.0-or-later
"""Small commands: what each hands on, and what it says."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.shared.wording import say_count
from affekt.sidecar import parent_watch
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.commands import avatar, portrait
from affekt.sidecar.commands.adapter import Linear
from affekt.sidecar.commands.compile import Compile
from affekt.sidecar.motion.adapter import read_adapter
from affekt.sidecar.portrait import making
from affekt.sidecar.worker import warming
from fakes.splats import splat_ply

PIECES = ((1, 3, "the head"), (2, 3, "the mesh"), (3, 3, "the splats"))


@pytest.mark.parametrize(
    ("aside", "system", "nice"), [(False, "linux", []), (True, "linux", [15]), (True, "win32", [])]
)
def test_compiling_says_each_piece_before_it(
    aside: bool,
    system: str,
    nice: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Aside it lets others go first, and ends with its standard input."""
    lowered: list[int] = []
    watched: list[object] = []
    ended: list[int] = []
    monkeypatch.setattr(warming, "compile_all", lambda: iter(PIECES))
    monkeypatch.setattr(parent_watch, "watch_input", watched.append)
    monkeypatch.setattr(os, "nice", lowered.append)
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(sys, "platform", system)
    Compile(aside=aside).run()
    assert capsys.readouterr().out == (
        "1/3 the head\n2/3 the mesh\n3/3 the splats\nAll is compiled.\n"
    )
    assert (lowered, len(watched)) == (nice, int(aside))
    for on_gone in watched:
        assert callable(on_gone)
        on_gone()
    assert ended == [0] * len(watched)


def test_a_linear_adapter_says_which_weights_it_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [name for name in ARKIT_NAMES if name not in ("tongueOut", "cheekPuff")]
    forward = np.random.default_rng(0).normal(0, 0.1, (50, 103)).astype(np.float32)
    np.savez(
        tmp_path / "m.npz",
        arkit_from_flame=forward,
        arkit_bias=np.zeros(50, np.float32),
        flame_from_arkit=np.zeros((103, 50), np.float32),
        arkit_names=np.array(names),
    )
    out = tmp_path / "adapter.npz"
    Linear(matrices=tmp_path / "m.npz", out=out, space="flame2020").run()
    assert capsys.readouterr().out == (
        f"{out}: flame2020, 50 of 52 weights\n"
        "  the matrices say nothing about cheekPuff, tongueOut\n"
    )
    assert read_adapter(out).space == "flame2020"


@pytest.mark.parametrize("given", [{}, {"file": "a.ply", "avatar": "b.ply"}])
def test_of_one_avatar_is_told(given: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        avatar.Info(**given).run()
    assert caught.value.code == "option.lacking"


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
    assert asked == [(b"a photo", "me.jpg", 2, "edge")]
    assert out.read_bytes() == encode_avatar(made)
    assert drawn == ([] if picture is None else [picture])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4:-1] == ["  reading the photo", "  fitting the head", "The largest of 2."]
    size = out.stat().st_size / 1e6
    assert lines[-1].startswith(f"{out}: {say_count(len(made), 'Gaussian')}, {size:.1f} MB, in ")
