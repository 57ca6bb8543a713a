# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures as files: a PNG sequence that Blender's compositor loads, and depth beside it.

`frame_0001.png` is the take's frame 0, as Blender counts from 1: RGBA, 8 bit, sRGB, straight
alpha. `depth_0001.png`: one channel of 16 bit, tenths of a millimetre from the camera's plane,
65535 where nothing is (or farther than 6.55 m). Each file appears whole or not at all.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..files import not_writable, write_whole
from .render import RenderedFrame

DEPTH_STEPS_PER_M = 10_000
NOTHING = 65535
_FAST_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3)


def frame_name(index: int, *, kind: str = "frame") -> str:
    """File name of the take's frame `index`, which counts from 0."""
    return f"{kind}_{index + 1:04d}.png"


def write_frame(folder: Path, frame: RenderedFrame, *, with_depth: bool = True) -> None:
    """Writes a frame's picture, and its depth. Raises InputError `file.not_writable`."""
    picture = straight_srgb(frame.rgba)
    write_png(folder / frame_name(frame.index), picture)
    if with_depth:
        write_png(folder / frame_name(frame.index, kind="depth"), depth_steps(frame.depth))


def straight_srgb(rgba: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Premultiplied float (H, W, 4) -> straight alpha, 8 bit."""
    alpha = np.clip(rgba[..., 3:], 0, 1)
    colour = rgba[..., :3] / np.maximum(alpha, 1e-6)
    return np.round(255 * np.clip(np.concatenate([colour, alpha], -1), 0, 1)).astype(np.uint8)


def over(
    rgba: NDArray[np.float32], background: tuple[float, float, float] = (0.9, 0.9, 0.905)
) -> NDArray[np.uint8]:
    """Premultiplied float (H, W, 4) laid over a plain sRGB colour: (H, W, 3), 8 bit."""
    laid = rgba[..., :3] + (1 - rgba[..., 3:]) * np.array(background, np.float32)
    return np.round(255 * np.clip(laid, 0, 1)).astype(np.uint8)


def depth_steps(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Metres -> tenths of a millimetre, `NOTHING` where there is nothing."""
    steps = np.where(np.isfinite(depth), depth, np.inf) * DEPTH_STEPS_PER_M
    return np.minimum(np.round(steps), NOTHING).astype(np.uint16)


def write_png(path: Path, picture: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Writes (H, W), (H, W, 3) or (H, W, 4). Raises InputError `file.not_writable`."""
    # OpenCV keeps blue first.
    stored = picture if picture.ndim == 2 else picture[..., [2, 1, 0, 3][: picture.shape[2]]]
    encoded = cv2.imencode(".png", np.ascontiguousarray(stored), _FAST_PNG)[1]
    write_whole(path, encoded.tobytes())


def make_folder(folder: Path) -> None:
    """Makes the folder and those above it. Raises InputError `file.not_writable`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from error
