# SPDX-License-Identifier: GPL-3.0-or-later
"""ARKit takes as JSON: LAM's `bsData.json` and the takes of its web renderer.

`names` (or metadata.blendshape_names) gives the order of each frame's `weights`; weights that the
file leaves out are zero, and MediaPipe's `_neutral` is ignored. The rate is metadata.fps, else it
follows from the frames' `time`, else it is 30. The head's rotation is each frame's `rotation` if
it is there, else `head_pose`; both are taken as axis-angle in radians (real takes rotate by less
than 0.07 rad, where Euler angles in any order are the same within 0.002).
"""

from __future__ import annotations

import difflib
import json

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES, Motion
from .json_values import matrix, number, wrong_shape
from .raw_take import Clock, RawTake

_IGNORED = ("_neutral",)


def is_arkit(content: dict[str, object]) -> bool:
    """Whether the JSON is a list of frames with blendshape weights."""
    frames = content.get("frames")
    first = frames[0] if isinstance(frames, list) and frames else None
    return _names(content) is not None and (first is None or _is_frame(first))


def _is_frame(frame: object) -> bool:
    return isinstance(frame, dict) and "weights" in frame


def _names(content: dict[str, object]) -> object:
    metadata = content.get("metadata")
    inner = metadata.get("blendshape_names") if isinstance(metadata, dict) else None
    return content.get("names", inner)


def decode_arkit(content: dict[str, object], name: str) -> RawTake:
    """Decodes a motion in space `arkit`. Raises InputError `motion.*`."""
    names, frames = _names(content), content.get("frames")
    if not isinstance(frames, list) or not all(_is_frame(frame) for frame in frames):
        raise wrong_shape("frames", name, "a list of frames with weights")
    columns = weight_columns(names, name)
    weights = matrix([f["weights"] for f in frames], len(columns), "weights", name)
    expression = np.zeros((len(frames), 100), np.float32)
    for source, target in enumerate(columns):
        if target is not None:
            expression[:, target] = weights[:, source]
    return RawTake(
        rows={"expression": expression, "rotation": _rotation(content, frames, name)},
        space="arkit",
        clock=_clock(frames, name),
        fps=_fps(content, name),
    )


def weight_columns(names: object, name: str) -> list[int | None]:
    """The index in `ARKIT_NAMES` of each of a file's names, None for those that are ignored.

    Raises InputError `motion.shape`, `motion.unknown_weight`.
    """
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise wrong_shape("names", name, "a list of ARKit's weight names")
    names = [plain_name(n) for n in names]
    if len(set(names)) < len(names):
        raise wrong_shape("names", name, "a list in which each name stands once")
    for unknown in (n for n in names if n not in ARKIT_NAMES and n not in _IGNORED):
        near = difflib.get_close_matches(unknown, ARKIT_NAMES, 1)
        raise InputError(
            "motion.unknown_weight",
            f"{name} has a weight called '{unknown:.40}', which ARKit does not know.",
            f"Did you mean '{near[0]}'?" if near else "Rename or remove it.",
        )
    return [None if n in _IGNORED else ARKIT_NAMES.index(n) for n in names]


def plain_name(name: str) -> str:
    """ARKit's spelling of a weight: eyeBlinkLeft for `EyeBlinkLeft` (Live Link) and `eyeBlink_L`
    (Apple's raw values). Other names are returned unchanged."""
    spelt = name[:1].lower() + name[1:]
    for short, long in (("_L", "Left"), ("_R", "Right")):
        if spelt.endswith(short):
            spelt = spelt.removesuffix(short) + long
    return spelt if spelt in ARKIT_NAMES else name


def encode_arkit(motion: Motion) -> bytes:
    """Encodes weights and head rotation in the layout of `bsData.json`."""
    weights = motion.expression[:, : len(ARKIT_NAMES)].tolist()
    turns = motion.rotation.tolist()
    content = {
        "names": list(ARKIT_NAMES),
        "metadata": {
            "fps": motion.fps,
            "frame_count": len(motion),
            "blendshape_names": list(ARKIT_NAMES),
        },
        "frames": [
            {"weights": row, "time": i / motion.fps, "rotation": turn}
            for i, (row, turn) in enumerate(zip(weights, turns, strict=True))
        ],
    }
    return json.dumps(content).encode()


def _fps(content: dict[str, object], name: str) -> float | None:
    metadata = content.get("metadata")
    if isinstance(metadata, dict) and "fps" in metadata:
        return number(metadata["fps"], "metadata.fps", name)
    return None


def _clock(frames: list[dict[str, object]], name: str) -> Clock:
    if not all("time" in frame for frame in frames):
        return Clock()
    return Clock(times=np.array([number(frame["time"], "time", name) for frame in frames]))


def _rotation(
    content: dict[str, object], frames: list[dict[str, object]], name: str
) -> Float32Array:
    """The head's rotation (T, 3), axis-angle."""
    own = [frame.get("rotation") or None for frame in frames]
    if any(row is not None for row in own):
        return matrix(own, 3, "rotation", name)
    head_pose = content.get("head_pose")
    if not head_pose:
        return np.zeros((len(frames), 3), np.float32)
    rotation = matrix(head_pose, 3, "head_pose", name)
    if len(rotation) != len(frames):
        raise wrong_shape("head_pose", name, f"one row for each of its {len(frames)} frames")
    return rotation
