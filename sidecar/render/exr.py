# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes as a multilayer EXR, named as Blender names them: any compositor shows them as layers.

Combined is linear Rec. 709 light, premultiplied. Depth is in metres, infinite where nothing is:
Blender's Z Combine takes that as behind everything, as it does its own 1e10. Depth, position and
motion vectors are always 32-bit floats, the rest as asked; packed as asked, without a loss. The
header says what the picture is (`affekt:*`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from ...shared.arrays import Float32Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from ...shared.pictures import Codec
from ...shared.replacement import replacing
from ..avatar.regions import PASS_REGIONS
from ..files import not_writable
from .frame import Frame

LAYER = "ViewLayer"
COLOUR_SPACE = "scene_linear, Rec.709"
REC_709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Chromaticities of red, green, blue and white (ITU-R BT.709)."""

Channels = dict[str, NDArray[np.float16] | Float32Array]
_COMPRESSIONS: dict[Codec, OpenEXR.Compression] = {
    "zip": OpenEXR.ZIP_COMPRESSION,
    "zips": OpenEXR.ZIPS_COMPRESSION,
    "rle": OpenEXR.RLE_COMPRESSION,
    "piz": OpenEXR.PIZ_COMPRESSION,
    "none": OpenEXR.NO_COMPRESSION,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class About:
    """The header's contents. camera: the frame's; numbers: others by name, such as the emotions'
    weights."""

    fps: float
    camera: Camera
    numbers: Mapping[str, float] = field(default_factory=dict)


def write_exr(
    path: Path, frame: Frame, about: About, *, half: bool = True, codec: Codec = "zip"
) -> None:
    """Writes one frame atomically. Others may run meanwhile: it is packed without Python's lock.
    Raises InputError `file.not_writable`."""
    header = _header(frame, about) | {"compression": _COMPRESSIONS[codec]}
    try:
        picture = OpenEXR.File(header, channels_of(frame, half=half))
        with replacing(path) as partial:
            picture.write(str(partial))
    except (RuntimeError, OSError) as error:
        raise not_writable(path, _reason(error)) from error


def channels_of(frame: Frame, *, half: bool) -> Channels:
    """The frame's passes by their channels' names, each (H, W)."""
    small = np.float16 if half else np.float32
    out: Channels = {}
    _add(out, "Combined", "RGBA", frame.combined, small)
    _add(out, "Depth", "Z", frame.depth[..., None], np.float32)
    if frame.normal is not None:
        _add(out, "Normal", "XYZ", frame.normal, small)
    if frame.position is not None:
        _add(out, "Position", "XYZ", frame.position, np.float32)
    if frame.vector is not None:
        _add(out, "Vector", "XYZW", frame.vector, np.float32)
    if frame.uv is not None:
        filled = (frame.combined[..., 3:] > 0).astype(np.float32)
        _add(out, "UV", "UVA", np.concatenate([frame.uv, filled], 2), np.float32)
    if frame.object_index is not None:
        _add(out, "IndexOB", "X", frame.object_index[..., None], small)
    if frame.masks is not None:
        for k, name in enumerate(PASS_REGIONS):
            _add(out, f"mask_{name}", "X", frame.masks[..., k : k + 1], small)
    return out


def _add(out: Channels, name: str, letters: str, values: Float32Array, dtype: type) -> None:
    for k, letter in enumerate(letters):
        out[f"{LAYER}.{name}.{letter}"] = np.ascontiguousarray(values[..., k], dtype)


def _header(frame: Frame, about: About) -> dict[str, object]:
    camera = about.camera
    header: dict[str, object] = {
        "type": OpenEXR.scanlineimage,
        "chromaticities": REC_709,
        "colorInteropID": "lin_rec709_scene",
        "affekt:colour": COLOUR_SPACE,
        "affekt:frame": frame.index,
        "affekt:fps": float(about.fps),
        "affekt:focal_px": np.array([camera.focal_x, camera.focal_y], np.float32),
        "affekt:centre_px": np.array([camera.centre_x, camera.centre_y], np.float32),
        "affekt:orthographic": int(camera.orthographic),
        "affekt:camera_from_head": camera.camera_from_world.astype(np.float32),
    }
    return header | {f"affekt:{name}": float(value) for name, value in about.numbers.items()}


def _reason(error: Exception) -> Exception:
    # OpenEXR names the temporary file, and then says what the system said.
    text = str(error).rsplit('". ', 1)[-1].rstrip(".")
    return error if isinstance(error, OSError) else OSError(text)


def read_exr(path: Path) -> tuple[dict[str, object], dict[str, Float32Array]]:
    """Reads the header, and the channels (H, W) by full name. Raises InputError `file.missing`,
    `file.wrong_kind`."""
    if not path.is_file():
        raise InputError("file.missing", f"There is no picture at {path}.", "Check the path.")
    try:
        with OpenEXR.File(str(path), separate_channels=True) as picture:
            pixels = {name: channel.pixels for name, channel in picture.channels().items()}
            return dict(picture.header()), pixels
    except (RuntimeError, ValueError, MemoryError) as error:
        raise InputError(
            "file.wrong_kind", f"{path} is not a whole EXR picture.", "Render it again."
        ) from error


def read_combined(path: Path) -> Float32Array:
    """(H, W, 4) linear light premultiplied by alpha. Raises as `read_exr` does."""
    pixels = read_exr(path)[1]
    return np.stack([pixels[f"{LAYER}.Combined.{k}"] for k in "RGBA"], -1).astype(np.float32)
