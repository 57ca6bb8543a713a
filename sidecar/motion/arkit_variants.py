# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts other tools' JSON takes of ARKit weights to the layout that `arkit` reads.

- Audio2Face: `facsNames`, `weightMat` (one row for each frame), `exportFps`.
- Frames with a dictionary of weights: `blendShapes`, `blendshapes` or `weights`, in `frames` or a
  bare list, possibly with `time` or `timestamp` in seconds.
- Frames that are themselves such a dictionary.
- MediaPipe: frames of `categories` (or `faceBlendshapes`), each with `categoryName` and `score`.
"""

from __future__ import annotations

from ...shared.motion import ARKIT_NAMES
from .arkit import plain_name
from .json_values import wrong_shape

_DICTIONARIES = ("blendShapes", "blendshapes", "weights")
_LISTS = ("categories", "faceBlendshapes")
_BESIDE = ("time", "timestamp", "frame", "index")
_LEAST_KNOWN = 3  # a dictionary with this many of ARKit's names is taken for weights

Frame = dict[str, object]


def is_variant(content: object) -> bool:
    """Whether the JSON is one of these takes."""
    if isinstance(content, dict) and "weightMat" in content and "facsNames" in content:
        return True
    frames = _frames(content)
    return bool(frames) and _weights(frames[0]) is not None


def plain_take(content: object, name: str) -> dict[str, object]:
    """The take with `names` and `frames`, as `decode_arkit` reads it.

    Raises InputError `motion.shape` if the frames have different names.
    """
    if isinstance(content, dict) and "weightMat" in content:
        return _audio2face(content, name)
    frames = _frames(content)
    rows = [_weights(frame) for frame in frames]
    first = rows[0] or {}
    names = list(first)
    if any(row is None or row.keys() != first.keys() for row in rows):
        raise wrong_shape("frames", name, "a list in which each frame has the same weights")
    plain = [
        {"weights": [row[n] for n in names]} | _time(frame)
        for row, frame in zip(rows, frames, strict=True)
        if row is not None
    ]
    take: dict[str, object] = {"names": names, "frames": plain}
    if isinstance(content, dict) and "fps" in content:
        take["metadata"] = {"fps": content["fps"]}
    return take


def _audio2face(content: Frame, name: str) -> dict[str, object]:
    rows = content["weightMat"]
    if not isinstance(rows, list):
        raise wrong_shape("weightMat", name, "a list of frames")
    take: dict[str, object] = {
        "names": content["facsNames"],
        "frames": [{"weights": row} for row in rows],
    }
    if "exportFps" in content:
        take["metadata"] = {"fps": content["exportFps"]}
    return take


def _frames(content: object) -> list[object]:
    if isinstance(content, dict):
        content = content.get("frames")
    return content if isinstance(content, list) else []


def _weights(frame: object) -> Frame | None:
    """The frame's weights by name, or None if it is in none of the layouts."""
    if not isinstance(frame, dict):
        return None
    for key in _DICTIONARIES:
        if isinstance(frame.get(key), dict):
            return frame[key]
    for key in _LISTS:
        if isinstance(frame.get(key), list):
            return _categories(frame[key])
    own = {key: value for key, value in frame.items() if key not in _BESIDE}
    known = [key for key in own if plain_name(key) in ARKIT_NAMES]
    return own if len(known) >= _LEAST_KNOWN else None


def _categories(rows: list[object]) -> Frame | None:
    try:
        return {str(row["categoryName"]): row["score"] for row in rows}  # pyright: ignore[reportIndexIssue]
    except (TypeError, KeyError):
        return None


def _time(frame: object) -> Frame:
    if isinstance(frame, dict):
        for key in ("time", "timestamp"):
            if key in frame:
                return {"time": frame[key]}
    return {}
