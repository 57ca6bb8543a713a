# SPDX-License-Identifier: GPL-3.0-or-later
"""Our curves are Blender's: compared with `FCurve.evaluate` of real Blenders."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import curves

SCRIPT = Path(__file__).parent / "scripts" / "evaluate_fcurves.py"


def _specs() -> list[dict]:
    rng = np.random.default_rng(5)
    shaped = [
        [(0, 0), (30, 1)],
        [(0, 0), (10, 0.2), (30, 0.3), (35, 1), (60, 0.5)],
        [(0, 0), (1, 0.001), (100, 0.9), (101, 0.901), (102, 1)],
        [(0, 0.5), (10, 0.5), (20, 0.7), (30, 0.7), (50, 0)],
        [(4, 1.25)],
    ]
    for trial in range(120):
        count = int(rng.integers(2, 12))
        frames = np.sort(rng.choice(200, count, replace=False))
        values = rng.random(count) * 1.5
        if trial % 3 == 0:  # long runs one way are where heights are solved for
            values = np.sort(values)[:: 1 if trial % 2 else -1]
        if trial % 5 == 0:
            values = np.round(values, 1)
        shaped.append([(int(f), float(v)) for f, v in zip(frames, values, strict=True)])
    specs = []
    for number, keys in enumerate(shaped):
        at = np.linspace(keys[0][0] - 5, keys[-1][0] + 5, 97).tolist()
        kind = "bezier" if number % 6 else curves.INTERPOLATIONS[number // 6 % 3]
        specs.append({"interpolation": kind, "keys": keys, "at": at})
    return specs


@pytest.mark.two_blenders
def test_curves_are_those_of_blender(blender_python: str, tmp_path: Path) -> None:
    specs = _specs()
    (tmp_path / "curves.json").write_text(json.dumps(specs))
    command = [
        blender_python,
        str(SCRIPT),
        str(tmp_path / "curves.json"),
        str(tmp_path / "values.json"),
    ]
    subprocess.run(command, check=True, timeout=240, capture_output=True)
    blender = json.loads((tmp_path / "values.json").read_text())
    for spec, values in zip(specs, blender, strict=True):
        places, levels = np.array(spec["keys"], float).T
        ours = curves.evaluate(places, levels, spec["interpolation"], np.array(spec["at"]))
        np.testing.assert_allclose(ours, values, rtol=0, atol=1e-4, err_msg=str(spec["keys"]))
