# SPDX-License-Identifier: GPL-3.0-or-later
"""Cycles' picture of an avatar in the scene beside the sidecar's own: the same head in the same
place, and how near. `AFFEKT_SPLATS_PICTURE` names the picture of docs/splats.md."""

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from affekt.sidecar.raster.colour import linear_to_srgb
from affekt.sidecar.render.exr import read_combined

from .conftest import ROOT, RunScript

DEMO = ROOT / "sidecar/assets/demo/take.npz"
PICTURE = os.environ.get("AFFEKT_SPLATS_PICTURE")
INSIDE = 0.99
"""Of both pictures' coverage: what is within the head."""


def read_cycles(path: str) -> np.ndarray:
    """(H, W, 4) linear, premultiplied."""
    with OpenEXR.File(path, separate_channels=True) as file:
        channels = file.channels()
        found = {name.rpartition(".")[2]: one.pixels for name, one in channels.items()}
    return np.stack([found[letter] for letter in "RGBA"], -1).astype(np.float32)


def seen(linear: np.ndarray) -> np.ndarray:
    """(H, W, 3) sRGB 0..1, over black."""
    return linear_to_srgb(np.clip(linear[..., :3], 0, 1).astype(np.float64))


def decibels(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((seen(one) - seen(other))[where] ** 2)))


@pytest.mark.full
@pytest.mark.one_blender
def test_cycles_draws_what_the_sidecar_draws(
    in_blender: RunScript, blender_python: str, tmp_path: Path
) -> None:
    if "bpy53" not in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    told = in_blender(
        "splats_picture.py",
        python=sys.executable,
        take=DEMO,
        samples=128 if PICTURE else 64,
        width=320,
        height=400,
        turns_deg=[0] if PICTURE else [-40, 0, 40],
        with_set=bool(PICTURE),
        set_samples=64,
    )
    for own_path, cycles in zip(told["own"], told["cycles"], strict=True):
        own, drawn = read_combined(Path(own_path)), read_cycles(cycles["path"])
        inside = np.minimum(own[..., 3], drawn[..., 3]) > INSIDE
        apart = np.abs(own[..., 3] - drawn[..., 3]).mean()
        found = decibels(own, drawn, inside)
        print(f"{found:.1f} dB within the head, coverage {apart:.4f} apart, {cycles['s']:.0f} s")
        assert inside.mean() > 0.1
        assert apart < 0.01
        assert found > 30
    if PICTURE:
        own, drawn = read_combined(Path(told["own"][0])), read_cycles(told["cycles"][0]["path"])
        panels = [over_grey(own), over_grey(drawn), seen(read_cycles(told["set"]["path"]))]
        picture = (255 * np.concatenate(panels, 1)).round().astype(np.uint8)
        cv2.imwrite(PICTURE, picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


def over_grey(linear: np.ndarray) -> np.ndarray:
    """The picture before a dark grey, as a viewport has it."""
    behind = linear.copy()
    behind[..., :3] += 0.05 * (1 - linear[..., 3:])
    return seen(behind)
