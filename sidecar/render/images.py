# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures as files: a PNG sequence that Blender's compositor loads, and depth beside it.

`frame_0001.png` is the take's frame 0, as Blender counts from 1: RGBA, 8 bit, sRGB, straight
alpha. `depth_0001.png`: one channel of 16 bit, tenths of a millimetre from the camera's plane,
65535 where nothing is (or farther than 6.55 m). Each file appears whole or not at all.
"""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...shared.arrays import Float32Array, UInt8Array
from ...shared.errors import InputError
from ...shared.pictures import frame_name
from ...shared.replacement import sweep_partials
from ..files import check_ending, not_writable, write_whole
from ..raster.colour import straight_srgb
from .frame import Frame

DEPTH_STEPS_PER_M = 10_000
NOTHING = 65535
_FAST_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3)


def write_frame(folder: Path, frame: Frame, *, with_depth: bool = True) -> None:
    """Writes a frame's picture, and its depth. Raises InputError `file.not_writable`."""
    if with_depth:
        name = frame_name(frame.index, kind="depth")
        write_png(folder / name, depth_steps(frame.depth))
    write_png(folder / frame_name(frame.index), straight_srgb(frame.combined))


def depth_steps(depth: Float32Array) -> NDArray[np.uint16]:
    """Metres -> tenths of a millimetre, `NOTHING` where there is nothing."""
    steps = np.where(np.isfinite(depth), depth, np.inf) * DEPTH_STEPS_PER_M
    return np.minimum(np.round(steps), NOTHING).astype(np.uint16)


def write_png(path: Path, picture: UInt8Array | NDArray[np.uint16]) -> None:
    """Writes (H, W), (H, W, 3) or (H, W, 4). Raises InputError `file.not_writable`."""
    # OpenCV keeps blue first.
    stored = picture if picture.ndim == 2 else picture[..., [2, 1, 0, 3][: picture.shape[2]]]
    write_whole(path, cv2.imencode(".png", np.ascontiguousarray(stored), _FAST_PNG)[1].tobytes())


def check_sheet_name(path: Path | None) -> None:
    """Raises InputError `option.format` if `write_sheet` would write what the name does not say."""
    check_ending(path, "a PNG or JPEG", ".png", ".jpg", ".jpeg")


def write_sheet(path: Path, picture: UInt8Array) -> None:
    """Writes (H, W, 3) as a small PNG, or as a JPEG by the path's ending. Raises InputError
    `file.not_writable`."""
    encoded = io.BytesIO()
    kind = "JPEG" if path.suffix.lower() in (".jpg", ".jpeg") else "PNG"
    Image.fromarray(picture).save(encoded, kind, quality=90, optimize=True)
    write_whole(path, encoded.getvalue())


def read_picture(path: Path) -> UInt8Array:
    """Reads a PNG as (H, W, 4) sRGB, straight alpha. Raises InputError `file.wrong_kind`."""
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found is None or found.ndim != 3 or found.shape[2] != 4 or found.dtype != np.uint8:
        raise InputError(
            "file.wrong_kind", f"{path} is not a picture with alpha.", "Render it again."
        )
    return found[..., [2, 1, 0, 3]].astype(np.uint8)


def make_folder(folder: Path) -> None:
    """Makes the folder and those above it; removes what dead processes left half done in it. Raises
    InputError `file.not_writable`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from error
    sweep_partials(folder)
