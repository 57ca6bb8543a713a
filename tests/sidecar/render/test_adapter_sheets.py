# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheets of an adapter: every shape is drawn on both heads."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.cli import run
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render import adapter_sheets
from fakes.flame import npz
from fakes.flame_twin import remeshed_twin


@pytest.mark.full
def test_a_head_without_expressions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jaw still opens, also on the sheets; the rest is left out and said so."""
    drawn: list[np.ndarray] = []

    def draw(vertices: np.ndarray, *_: object) -> np.ndarray:
        drawn.append(vertices)
        return np.zeros((12, 10, 4), np.uint8)

    monkeypatch.setattr(adapter_sheets, "draw_head", draw)  # 104 portraits take half a minute
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "cache"))
    arrays = remeshed_twin(read_head("open")).arrays
    arrays["shapedirs"][..., 300:] = 0
    (tmp_path / "flame.npz").write_bytes(npz(arrays))
    words = ["--flame", str(tmp_path / "flame.npz"), "--space", "flame2020"]
    words += ["--out", str(tmp_path / "adapter.npz"), "--pictures", str(tmp_path / "pictures")]
    assert run(["adapter", "build", *words]) == 0
    said = capsys.readouterr().out
    assert "does not show browDownLeft" in said
    assert "jawOpen" not in said.rsplit("does not show", 1)[1]
    assert (tmp_path / "pictures" / "registration.png").is_file()
    assert len(list((tmp_path / "pictures").glob("shapes_*.png"))) == 4
    assert len(drawn) == 104
    opened = drawn[2 * ARKIT_NAMES.index("jawOpen") + 1] - drawn[1]
    assert opened[:, 1].min() < -0.02
