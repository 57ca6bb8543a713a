# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a camera: from the scene through a real sidecar into EXRs, against Cycles."""

import sys
from pathlib import Path

import numpy as np
import pytest

from .conftest import ROOT, RunScript

TAKE = ROOT / "sidecar/assets/demo/take.npz"


def read(path: Path) -> dict[str, np.ndarray]:
    """Channels by their names without the layer, top row first."""
    import OpenEXR

    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = {n: np.array(c.pixels) for p in file.parts for n, c in p.channels.items()}
    return {name.removeprefix("ViewLayer."): pixels for name, pixels in channels.items()}


def stacked(channels: dict[str, np.ndarray], name: str, letters: str = "XYZ") -> np.ndarray:
    return np.stack([channels[f"{name}.{letter}"] for letter in letters], -1)


@pytest.mark.one_blender
def test_our_passes_are_cycles_passes(in_blender: RunScript, tmp_path: Path) -> None:
    pytest.importorskip("OpenEXR", reason="OpenEXR reads the passes")
    told = in_blender("passes.py", python=sys.executable, take=TAKE)
    assert len(told["files"]) == 3
    ours, cycles = read(Path(told["files"][1])), read(tmp_path / "cycles.exr")
    alpha, seen = ours["Combined.A"], cycles["Combined.A"] > 0.5
    assert alpha.shape == seen.shape == (280, 224)
    assert seen[alpha > 0.999].all()  # a pixel that we cover whole, Cycles' middle ray meets
    assert not seen[alpha == 0].any()
    gap = np.abs(ours["Depth.Z"] - cycles["Depth.Z"])
    rise = np.maximum(*(np.abs(g) for g in np.gradient(cycles["Depth.Z"])))
    plain = seen & (alpha == 1) & (rise < 0.002)
    place = np.linalg.norm(stacked(ours, "Position") - stacked(cycles, "Position"), axis=-1)
    cosine = np.sum(stacked(ours, "Normal") * stacked(cycles, "Normal"), -1)
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))[plain]
    moved, expected = stacked(ours, "Vector", "XYZW"), stacked(cycles, "Vector", "XYZW")
    vector = np.abs(moved - expected).max(-1)[plain]
    length = np.median(np.abs(expected[plain]))
    print(
        f"worst of {plain.sum()} pixels: depth {1e3 * gap[plain].max():.4f} mm, position "
        f"{1e3 * place[plain].max():.4f} mm, vector {vector.max():.4f} pixels of {length:.1f}; "
        f"normal {np.median(angle):.2f} degrees in the median, "
        f"{np.quantile(angle, 0.99):.1f} for 99 %"
    )
    assert plain.sum() > 3000
    # A pixel beside a brow's hair may see it in one picture alone.
    assert np.quantile(gap[plain], 0.999) < 1e-4
    assert np.quantile(place[plain], 0.999) < 1e-4
    assert np.median(angle) < 1
    assert np.quantile(angle, 0.99) < 15
    assert length > 1
    assert np.quantile(vector, 0.99) < 0.05
