# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt compile`: what it says, and how it stands aside."""

from __future__ import annotations

import os
import sys

import pytest
from affekt.sidecar import parent_watch
from affekt.sidecar.commands.compile import Compile
from affekt.sidecar.worker import warming

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
