# SPDX-License-Identifier: GPL-3.0-or-later
"""IMavatar's `flame_params.json`, as PointAvatar, INSTA's and SplattingAvatar's data have it too:
FLAME 2020.

`frames` holds `expression` (50, or up to 100), `pose` (15: head, neck, jaw, left and right eye) and
`world_mat` (3, 4), from the world to a camera that looks along -z and sees the head four times its
size; `shape_params` (100) is one identity for all. A frame's number is that of its picture,
`file_path`.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from ...shared.arrays import Int64Array
from ...shared.errors import InputError
from . import numbering, records, rotations
from .json_values import array, number, wrong_shape
from .raw_take import RawTake
from .records import Record, RecordFormat

_HEAD_SCALE = 4.0
_PARTS = {
    15: {"rotation": slice(0, 3), "neck": slice(3, 6), "jaw": slice(6, 9), "eyes": slice(9, 15)},
    6: {"rotation": slice(0, 3), "jaw": slice(3, 6)},
}
"""Numbers of a pose -> the fields of `Motion` in it; DECA's poses have six."""


def is_imavatar(content: dict[str, object]) -> bool:
    """Whether the JSON has this layout."""
    frames = content.get("frames")
    first = frames[0] if isinstance(frames, list) and frames else None
    return isinstance(first, dict) and {"expression", "pose"} <= first.keys()


def decode_imavatar(content: dict[str, object], name: str) -> RawTake:
    """Decodes the parsed JSON. Raises InputError `motion.*`."""
    frames = content["frames"]
    assert isinstance(frames, list)
    if not all(isinstance(f, dict) and {"expression", "pose"} <= f.keys() for f in frames):
        raise wrong_shape("frames", name, "a list of frames with expression and pose")
    numbers = _numbers(frames)
    order = np.argsort(numbers, kind="stable")
    frames = [frames[i] for i in order]
    keys = [key for key in _OF_FRAMES if all(key in frame for frame in frames)]
    record = {key: array([frame[key] for frame in frames], key, name) for key in keys}
    if content.get("shape_params"):
        record["shape_params"] = array(content["shape_params"], "shape_params", name)
    if "fps" in content:
        record["fps"] = np.array(number(content["fps"], "fps", name))
    return numbering.numbered(_decode(record, name), numbers[order], "pictures")


def _decode(record: Record, name: str) -> RawTake:
    key = "pose" if "pose" in record else "full_pose"
    frames = len(records.expression(record, "expression", name))
    width = record[key].shape[-1] if record[key].ndim else 0
    pose = records.pose(record, key, width if width in _PARTS else 15, name, frames)
    fields = {field: pose[:, columns] for field, columns in _PARTS[pose.shape[1]].items()}
    if "world_mat" in record:
        fields |= _head(record["world_mat"], fields["rotation"], name)
    keys = {"expression": "expression", "shape": "shape_params"}
    fps = records.rate(record, "fps")
    return records.decode_flame(record, name, "flame2020", keys, fps=fps, **fields)


def _head(cameras: np.ndarray, turn: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Rotation and translation of the head before the camera of each frame."""
    if cameras.shape not in ((len(turn), 3, 4), (len(turn), 4, 4)):
        raise wrong_shape("world_mat", name, "a matrix of 3 x 4 numbers in every frame")
    flat = records.rows({"world_mat": cameras.reshape(len(cameras), -1)}, "world_mat", name)
    cameras = flat.reshape(cameras.shape).astype(np.float64)
    matrix = rotations.check_rotation(cameras[:, :3, :3], "world_mat", name)
    place = cameras[:, :3, 3] / _HEAD_SCALE
    if (matrix == np.eye(3)).all() or not np.isfinite(turn).all():
        return {"translation": place}
    of_camera = rotations.axis_angle_from_matrix(matrix)
    return {
        "rotation": rotations.compose([of_camera, turn.astype(np.float64)]),
        "translation": place,
    }


def _numbers(frames: list[dict[str, object]]) -> Int64Array:
    """The number of each frame's picture, or of the frame if the pictures do not tell them
    apart."""
    stems = [PurePosixPath(str(frame.get("file_path", ""))).stem for frame in frames]
    try:
        return numbering.frame_numbers(stems, "")
    except InputError:
        return np.arange(len(frames))


_OF_FRAMES = ("expression", "pose", "world_mat")
IMAVATAR = RecordFormat(
    keys=(*_OF_FRAMES, "full_pose", "shape_params", "fps"),
    matches=lambda keys: "expression" in keys and bool({"pose", "full_pose"} & keys),
    decode=_decode,
)
