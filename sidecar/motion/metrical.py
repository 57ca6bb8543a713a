# SPDX-License-Identifier: GPL-3.0-or-later
"""metrical-tracker's `.frame` files: FLAME 2020, one torch.save zip for each frame.

`flame` holds `exp` (1, 100), `shape` (1, 300), `jaw` (1, 6), `eyes` (1, 12: left, right) and
`eyelids` (1, 2: left, right), `camera` holds `R` (1, 6) and `t` (1, 3) of a PyTorch3D camera in
metres. Rotations are six numbers (see rotations.py). There is no neck: the camera carries the head.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float64Array
from . import records, rotations
from .raw_take import RawTake
from .records import Record
from .torch_file import Tree


def is_metrical(content: Tree) -> bool:
    """Whether a torch file is laid out like a `.frame`."""
    flame = content.get("flame")
    return isinstance(flame, dict) and "exp" in flame


def decode_metrical(content: Tree, name: str) -> RawTake:
    """Decodes one frame. Raises InputError `motion.*` for arrays that are no take."""
    flame, camera = _arrays(content.get("flame")), _arrays(content.get("camera"))
    frames = len(records.expression(flame, "exp", name))
    rotation = translation = np.zeros((frames, 3))
    if "R" in camera:
        matrix = _matrix(camera, "R", 0, 6, name, frames)
        place = records.pose(camera, "t", 3, name, frames).astype(np.float64)
        rotation, translation = rotations.head_from_camera(matrix, place)
    eyes = [_axis_angle(flame, "eyes", start, 12, name, frames) for start in (0, 6)]
    return records.decode_flame(
        flame,
        name,
        "flame2020",
        {"expression": "exp", "shape": "shape", "eyelids": "eyelids"},
        jaw=_axis_angle(flame, "jaw", 0, 6, name, frames),
        eyes=np.concatenate(eyes, 1),
        rotation=rotation,
        translation=translation,
    )


def _arrays(part: object) -> Record:
    arrays = part if isinstance(part, dict) else {}
    return {key: values for key, values in arrays.items() if isinstance(values, np.ndarray)}


def _matrix(
    record: Record, key: str, start: int, width: int, name: str, frames: int
) -> Float64Array:
    """Matrices (T, 3, 3) of the 6D rotations at columns start..start + 5 of an array (T, width)."""
    values = records.pose(record, key, width, name, frames)[:, start : start + 6]
    return rotations.matrix_from_six(values.astype(np.float64), key, name)


def _axis_angle(
    record: Record, key: str, start: int, width: int, name: str, frames: int
) -> Float64Array:
    """The same as axis-angle (T, 3); zero if the record has no such key."""
    if key not in record:
        return np.zeros((frames, 3))
    return rotations.axis_angle_from_matrix(_matrix(record, key, start, width, name, frames))
