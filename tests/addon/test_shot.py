# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole shot, with a real sidecar: the open head's Gaussians between the things of a lit set.

With AFFEKT_COMPOSITOR_PICTURE=docs/compositor.jpg the shot is rendered at its full size and
joined into that picture, one row for each Blender; it takes some minutes.
"""

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from affekt.shared.emotion import EMOTIONS

from .conftest import ROOT, RunScript

TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
SKIP = 60
"""Frames of the take before the shot's first."""
PICTURE = os.environ.get("AFFEKT_COMPOSITOR_PICTURE")


@pytest.mark.one_blender
def test_the_set_hides_and_shows_the_avatar(in_blender: RunScript, tmp_path: Path) -> None:
    told = in_blender(
        "shot.py",
        python=sys.executable,
        take=TAKE,
        skip=SKIP,
        frames=[24],
        samples=4,
        percentage=25,
        subject="GAUSSIANS",
        judge=True,
        happy=0.75,
    )
    assert told["pictures"] == ["avatar_000024.exr"]
    bare, over, mesh = (np.load(tmp_path / f"{part}_0024.npy") for part in PARTS)
    path = tmp_path / "frames" / "avatar_000024.exr"
    check_header(path, 24)
    avatar = read_picture(path)
    check_place(avatar[..., 3], mesh[..., 3])
    check_layers(bare, over, avatar)


PARTS = ("set", "over", "mesh")


def check_header(path: Path, frame: int) -> None:
    """The emotions that were baked stand in the picture's header, and the frame of its motion."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        header = dict(file.header())
    noted = {name: header[f"affekt:{name}"] for name in EMOTIONS}
    assert noted == {name: 0.75 * (name == "happy") for name in EMOTIONS}
    assert header["affekt:frame"] == frame - 24


def read_picture(path: Path) -> np.ndarray:
    """(H, W, 4) Combined, linear and premultiplied."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = file.channels()
        return np.dstack(
            [channels[f"ViewLayer.Combined.{c}"].pixels.astype(np.float32) for c in "RGBA"]
        )


def check_place(alpha: np.ndarray, mesh: np.ndarray) -> None:
    """The avatar covers what Cycles draws of the head's own mesh, and no more than two pixels
    around it: Gaussians end softly."""
    ours, theirs = np.uint8(alpha > 0.5), np.uint8(mesh > 0.5)
    assert theirs.mean() > 0.05
    overlap = (ours & theirs).sum() / (ours | theirs).sum()
    print(f"silhouettes of Gaussians and mesh overlap by {overlap:.3f}")
    assert overlap > 0.9
    assert not (cv2.erode(theirs, np.ones((3, 3))) & ~ours).any()
    assert not (ours & ~cv2.dilate(theirs, np.ones((5, 5)))).any()


def check_layers(bare: np.ndarray, over: np.ndarray, avatar: np.ndarray) -> None:
    """Each pixel is the set, or the avatar over the set, but for edges of the set's things."""
    shown = avatar + (1 - avatar[..., 3:]) * bare
    is_set, is_over = (np.abs(over - expected)[..., :3].max(2) < 5e-3 for expected in (bare, shown))
    inside = (avatar[..., 3] > 0.9) & (np.abs(shown - bare)[..., :3].max(2) > 2e-2)
    hidden, seen = (inside & is_set & ~is_over).sum(), (inside & is_over & ~is_set).sum()
    print(f"of the avatar {hidden} pixels are hidden, {seen} seen")
    assert min(hidden, seen) > 0.08 * inside.sum()
    assert (is_set | is_over).mean() > 0.985
    assert is_set[avatar[..., 3] == 0].all()


@pytest.mark.skipif(not PICTURE, reason="AFFEKT_COMPOSITOR_PICTURE names no file")
def test_the_picture_for_docs(in_blender: RunScript, tmp_path: Path) -> None:
    frames = [11, 24, 37]
    in_blender(
        "shot.py",
        python=sys.executable,
        take=TAKE,
        skip=SKIP,
        frames=frames,
        samples=12,
        percentage=100,
        subject="GAUSSIANS",
        judge=False,
        happy=0,
    )
    row = np.hstack([np.load(tmp_path / f"over_{frame:04d}.npy")[..., 2::-1] for frame in frames])
    _rows.append(encode(row))
    whole = np.vstack(_rows)
    small = cv2.resize(whole, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    assert cv2.imwrite(str(PICTURE), small, [cv2.IMWRITE_JPEG_QUALITY, 88])


_rows: list[np.ndarray] = []


def encode(linear: np.ndarray) -> np.ndarray:
    """Scene-linear -> 8 bits of sRGB, as the view transform Standard shows it."""
    held = np.clip(linear, 0, 1)
    curve = np.where(held <= 0.0031308, 12.92 * held, 1.055 * held ** (1 / 2.4) - 0.055)
    return np.round(255 * curve).astype(np.uint8)
