# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's and VHAP's `flame_params.json`: FLAME 2023 parameters of a tracked video.

It has VHAP's names. `expr` holds dicts `expr0` to `expr99` and in LAM's files is one frame shorter
than the poses: the first frame's expression is missing, so expr[i] belongs to pose i + 1. Frame 0
then gets the first known expression; it keeps its own jaw and head pose.

`rotation` and `translation` are in the space of the tracker's camera (a single camera, so the
depth is a guess); they keep the file's axes.
"""

from __future__ import annotations

import numpy as np

from ...shared.errors import InputError
from ...shared.take_files import FLAME_KEYS
from . import records
from .json_values import array, number, wrong_shape
from .raw_take import RawTake
from .vhap import decode_vhap


def is_lam(content: dict[str, object]) -> bool:
    """Whether the JSON has the layout of `flame_params.json`."""
    return "expr" in content and "jaw_pose" in content


def decode_lam(content: dict[str, object], name: str) -> RawTake:
    """Decodes the parsed JSON. Raises InputError `motion.*`, `file.wrong_kind`."""
    missing = [key for key in FLAME_KEYS.values() if key not in content and key != "shape"]
    if missing:
        raise InputError(
            "file.wrong_kind",
            f"{name} looks like flame_params.json but has no {', '.join(missing)}.",
            "Export the take again.",
        )
    values = {**content, "expr": _expression(content["expr"], name)}
    if not content.get("shape"):
        values.pop("shape", None)
    record = {key: array(values[key], key, name) for key in FLAME_KEYS.values() if key in values}
    if "fps" in content:
        record["fps"] = np.array(number(content["fps"], "fps", name))
    expression = records.rows(record, "expr", name)
    if len(expression) == len(records.rows(record, "jaw_pose", name)) - 1:
        record["expr"] = np.concatenate([expression[:1], expression])
    return decode_vhap(record, name)


def _expression(rows: object, name: str) -> list[object]:
    """The expression of each frame as a list of numbers."""
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict | list):
        raise wrong_shape("expr", name, "a list of frames with expr0, expr1, ...")
    if isinstance(rows[0], list):
        return rows
    keys = [f"expr{i}" for i in range(len(rows[0]))]
    try:
        return [[row[key] for key in keys] for row in rows]
    except (KeyError, TypeError) as error:
        raise wrong_shape("expr", name, f"{keys[0]} to {keys[-1]} in every frame") from error
