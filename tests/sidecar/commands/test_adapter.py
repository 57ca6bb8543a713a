# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt adapter linear`: what it says of the matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.commands.adapter import Linear
from affekt.sidecar.motion.adapter import read_adapter


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
