# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's and VHAP's `flame_params.json`: FLAME 2023 parameters of a tracked video.

`expr` holds dicts `expr0` to `expr99` and in LAM's files is one frame shorter than the poses:
the first frame's expression is missing, so expr[i] belongs to pose i + 1. Frame 0 then holds the
first known expression; it keeps its own jaw and head pose.

`rotation` and `translation` are those that the tracker found in its camera's space (a single
camera, so its depth is a guess); they are kept as they are, with the file's own axes.
"""

from __future__ import annotations

import json

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from ...shared.motion import Motion
from .tables import matrix, number, wrong_shape

_POSES = {
    "jaw": ("jaw_pose", 3),
    "neck": ("neck_pose", 3),
    "eyes": ("eyes_pose", 6),
    "rotation": ("rotation", 3),
    "translation": ("translation", 3),
}
FPS = 30.0
"""The format does not say; LAM's clips are 30 frames a second (compared with their sound)."""


def is_lam(content: dict[str, object]) -> bool:
    """Whether the JSON is laid out like `flame_params.json`."""
    return "expr" in content and "jaw_pose" in content


def decode_lam(content: dict[str, object], name: str) -> Motion:
    """Raises InputError `motion.*`, `file.wrong_kind`."""
    missing = [key for key, _ in _POSES.values() if key not in content]
    if missing:
        raise InputError(
            "file.wrong_kind",
            f"{name} looks like flame_params.json but has no {', '.join(missing)}.",
            "Export the take again.",
        )
    poses = {
        field: matrix(content[key], width, key, name) for field, (key, width) in _POSES.items()
    }
    expression = _expression(content["expr"], name)
    frames = len(poses["jaw"])
    if len(expression) == frames - 1 and frames > 1:
        expression = np.concatenate([expression[:1], expression])
    fps = number(content.get("fps", FPS), "fps", name)
    shape = _shape(content.get("shape", []), name)
    return Motion(expression=expression, **poses, shape=shape, fps=fps, space="flame2023")


def encode_lam(motion: Motion) -> bytes:
    """flame_params.json of a take in `flame2023`, with as many expressions as poses."""
    content: dict[str, object] = {
        key: getattr(motion, field).tolist() for field, (key, _) in _POSES.items()
    }
    content["expr"] = [
        {f"expr{i}": value for i, value in enumerate(row)} for row in motion.expression.tolist()
    ]
    content |= {"shape": motion.shape.tolist(), "fps": motion.fps}
    return json.dumps(content).encode()


def _expression(rows: object, name: str) -> Float32Array:
    """(T, 100); components that the file leaves out are zero."""
    if not isinstance(rows, list) or not rows:
        raise wrong_shape("expr", name, "a list of frames")
    first = rows[0]
    if isinstance(first, list):
        width = len(first)
    elif isinstance(first, dict):
        width = len(first)
        keys = [f"expr{i}" for i in range(width)]
        try:
            rows = [[row[key] for key in keys] for row in rows]
        except (KeyError, TypeError) as error:
            raise wrong_shape("expr", name, f"expr0 to expr{width - 1} in every frame") from error
    else:
        raise wrong_shape("expr", name, "a list of frames with expr0, expr1, ...")
    if width > 100:
        raise wrong_shape("expr", name, "at most 100 numbers in every frame")
    return np.pad(matrix(rows, width, "expr", name), ((0, 0), (0, 100 - width)))


def _shape(values: object, name: str) -> Float32Array:
    """(300,); a list, or a list with one list in it."""
    if isinstance(values, list) and len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if not isinstance(values, list) or len(values) > 300:
        raise wrong_shape("shape", name, "a list of at most 300 numbers")
    padded = np.zeros(300, np.float32)
    padded[: len(values)] = matrix([values], len(values), "shape", name)[0] if values else 0
    return padded
