# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras as JSON: one for a whole take, or one for each of its frames.

{"width": 512, "height": 512, "focal_px": [900, 900], "centre_px": [256, 256],
 "camera_from_head": [[...4], [...4], [...4], [0, 0, 0, 1]],
 "near_m": 0.01, "far_m": 100, "orthographic": false,
 "frames": [{"frame": 0, "camera_from_head": ...}, {"frame": 1, "focal_px": ...}, ...]}

`camera_from_head` takes the head's space (metres, x to its left, y up, z out of the face) to the
camera's (x right, y down, z forward). An entry of `frames` says only what differs from the
rest; its frame counts from 0; a frame that is not named has the camera of the one before. All
pictures have one size.
`centre_px` is the middle, `near_m` 0.01 and `far_m` 100 where they are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...shared import limits
from ...shared.camera import Camera
from ...shared.errors import InputError
from ..files import read_bytes

_Json = Mapping[str, object]
MAX_CAMERA_BYTES = 64 * 1024 * 1024
"""A matrix and a lens take about 400 bytes: 160,000 frames."""


def read_cameras(path: Path, count: int) -> tuple[Camera, ...]:
    """Reads the one camera of a take of `count` frames, or each frame's. Raises InputError
    `file.*`, `option.camera`, `option.size`."""
    try:
        given = json.loads(read_bytes(path, MAX_CAMERA_BYTES, "camera file"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            "option.camera", f"{path.name} is not JSON.", "See docs/formats.md for its form."
        ) from error
    if not isinstance(given, dict):
        raise _broken(path, "it is not an object")
    entries = given.pop("frames", None)
    if entries is None:
        return (_camera(given, path),)
    if not isinstance(entries, list) or not entries or len(entries) > limits.MAX_FRAMES:
        raise _broken(path, "'frames' is not a list of cameras")
    keyed = dict(_keyed(given, entry, path) for entry in entries)
    return _fill_up(keyed, count)


def _keyed(given: _Json, entry: object, path: Path) -> tuple[int, Camera]:
    if not isinstance(entry, dict) or not isinstance(frame := entry.get("frame"), int):
        raise _broken(path, "an entry of 'frames' does not say its frame")
    rest = {key: value for key, value in entry.items() if key != "frame"}
    return frame, _camera({**given, **rest}, path)


def _fill_up(keyed: dict[int, Camera], count: int) -> tuple[Camera, ...]:
    cameras = [keyed[min(keyed)]]
    for frame in range(count):
        cameras.append(keyed.get(frame, cameras[-1]))
    return tuple(cameras[1:])


def _camera(given: _Json, path: Path) -> Camera:
    width, height = (_number(given, key, path) for key in ("width", "height"))
    focal = _numbers(given, "focal_px", (2,), path)
    centre = (0.5 * width, 0.5 * height)
    if "centre_px" in given:
        centre = _numbers(given, "centre_px", (2,), path)
    return Camera(
        width=int(width),
        height=int(height),
        focal_x=float(focal[0]),
        focal_y=float(focal[1]),
        centre_x=float(centre[0]),
        centre_y=float(centre[1]),
        camera_from_world=_numbers(given, "camera_from_head", (4, 4), path),
        near=_number(given, "near_m", path, 0.01),
        far=_number(given, "far_m", path, 100.0),
        orthographic=_switch(given, "orthographic", path),
    )


def _switch(given: _Json, key: str, path: Path) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise _broken(path, f"'{key}' is neither true nor false")
    return value


def _number(given: _Json, key: str, path: Path, default: float | None = None) -> float:
    if key not in given and default is not None:
        return default
    return float(_numbers(given, key, (), path))


def _numbers(given: _Json, key: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    try:
        values = np.array(given[key], np.float64)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise _broken(path, f"'{key}' is missing or not numbers") from error
    if values.shape != shape or not np.isfinite(values).all():
        raise _broken(path, f"'{key}' is not {'x'.join(map(str, shape)) or 'one'} number(s)")
    return values


def _broken(path: Path, what: str) -> InputError:
    return InputError(
        "option.camera",
        f"The camera file {path.name} cannot be used: {what}.",
        "See docs/formats.md for its form.",
    )
