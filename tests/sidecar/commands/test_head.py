# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt head import`: the head file that it writes, and what it says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from affekt.sidecar.commands.head import Import
from affekt.sidecar.head.read import read_head
from fakes import flame


def test_a_flame_file_becomes_a_head_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "flame.pkl").write_bytes(flame.LAYOUTS["python2 chumpy"](flame.flame_arrays(20)))
    out = tmp_path / "mine.safetensors"
    Import(flame=tmp_path / "flame.pkl", out=out, space="flame2020").run()
    head = read_head(str(out))
    assert head.space == "flame2020"
    sizes = (len(head.template), head.shape_basis.shape[2], len(head.expression_names))
    assert len(set(sizes)) == 3
    assert capsys.readouterr().out == (
        f"{out}: flame2020, {sizes[0]} vertices, {sizes[1]} identity and {sizes[2]} expression "
        "components, no landmarks\n"
    )
