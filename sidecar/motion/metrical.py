# SPDX-License-Identifier: GPL-3.0-or-later
"""metrical-tracker's `.frame` files: FLAME 2020, one torch.save zip for each frame.

`flame` holds `exp` (1, 100), `shape` (1, 300), `jaw` (1, 6), `eyes` (1, 12: left, right) and
`eyelids` (1, 2: left, right), `camera` holds `R` (1, 6) and `t` (1, 3) of a PyTorch3D camera in
metres. Rotations are six numbers (see rotations.py). There is no neck: the camera carries the head.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float64Array
from ...shared.motion import Motion, make_motion
from . import records, rotations
from .records import Record
from .torch_file import Tree


def is_metrical(content: Tree) -> bool:
    """Whether a torch file is laid out like a `.frame`."""
    flame = content.get("flame")
    return isinstance(flame, dict) and "exp" in flame


def decode_metrical(content: Tree, name: str) -> Motion:
    """One frame. Raises InputError `motion.*`."""
    flame, camera = _arrays(content.get("flame")), _arrays(content.get("camera"))
    expression = records.expression(flame, "exp", name)
    frames = len(expression)
    others = {"shape": records.shape(flame, "shape", name)}
    if "eyelids" in flame:
        others["eyelids"] = np.clip(records.pose(flame, "eyelids", 2, name, frames), 0, 1)
    if "R" in camera:
        matrix = _matrix(camera, "R", 0, 6, name, frames)
        place = records.pose(camera, "t", 3, name, frames).astype(np.float64)
        others["rotation"], others["translation"] = (
            values.astype(np.float32) for values in rotations.head_from_camera(matrix, place)
        )
    eyes = [_turn(flame, "eyes", start, 12, name, frames) for start in (0, 6)]
    return make_motion(
        expression=expression,
        jaw=_turn(flame, "jaw", 0, 6, name, frames),
        eyes=np.concatenate(eyes, 1),
        fps=records.FPS,
        space="flame2020",
        **others,
    )


def _arrays(part: object) -> Record:
    arrays = part if isinstance(part, dict) else {}
    return {key: values for key, values in arrays.items() if isinstance(values, np.ndarray)}


def _matrix(
    record: Record, key: str, start: int, width: int, name: str, frames: int
) -> Float64Array:
    values = records.pose(record, key, width, name, frames)[:, start : start + 6]
    return rotations.matrix_from_six(values.astype(np.float64), key, name)


def _turn(record: Record, key: str, start: int, width: int, name: str, frames: int) -> np.ndarray:
    """(T, 3) axis-angle; zero where the record has no such key."""
    if key not in record:
        return np.zeros((frames, 3), np.float32)
    matrix = _matrix(record, key, start, width, name, frames)
    return rotations.axis_angle_from_matrix(matrix).astype(np.float32)
