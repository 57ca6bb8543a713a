# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the frames of a JSON take, and the faces in each, in whatever way tools nest them.

A face is a dictionary of weights, a list of them in the order of the file's names, or a list of
categories with a name and a score. A frame holds one face or several (MediaPipe), or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .columns import is_time
from .weight_names import is_weight, key_of

Frame = dict[str, object]

_FRAMES = ("frames", "results", "data", "samples", "keyframes", "animation", "recording", "takes")
_FACES = ("faces", "people", "persons", "detections")
_NESTED = ("result", "data", "face", "value", "detection")
_WEIGHTS = ("weights", "blendshapes", "faceblendshapes", "categories", "coefficients", "blendshape",
            "blendshapeweights", "blendshapecoefficients", "shapes", "arkit", "bs")  # fmt: skip
_NAMES = ("categoryName", "category_name", "name", "label", "displayName", "display_name", "key")
_SCORES = ("score", "value", "weight", "coefficient")
_LEAST_KNOWN = 3
"""A dictionary with this many of ARKit's names is taken for weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """weights: values by name, or in the order of the file's names. own: what stands beside them.
    index: which of the frame's faces it is."""

    weights: dict[str, object] | list[object]
    own: Frame = field(default_factory=dict)
    index: int = 0


def find_frames(content: object) -> list[object]:
    """The list of frames in a JSON text; empty if none is found."""
    if isinstance(content, list):
        return content if any(_is_frame(frame) for frame in content[:64]) else []
    if not isinstance(content, dict):
        return []
    for key in _FRAMES:
        if isinstance(content.get(key), list):
            return content[key]
    numbered = [key for key in content if key.lstrip("-").isdecimal()]
    if numbered and len(numbered) >= len(content) - 2:
        return [_numbered(content[key], key) for key in numbered]
    return []


def _numbered(frame: object, key: str) -> object:
    return {"frame": int(key), **frame} if isinstance(frame, dict) and len(key) < 16 else frame


def _is_frame(frame: object) -> bool:
    """Whether this is a frame, with a face or with none."""
    return isinstance(frame, dict) and (has_face(frame) or is_faceless(frame))


def has_face(frame: object) -> bool:
    """Whether a frame has a face."""
    return next(find_faces(frame), None) is not None


def is_faceless(frame: object) -> bool:
    """Whether a frame says that it has no face: its list or dictionary is empty."""
    if frame is None:
        return True
    if not isinstance(frame, dict):
        return False
    for key, value in frame.items():
        if key_of(key) in _WEIGHTS and not _weights_in(value):
            return True
        if key_of(key) in _FACES and isinstance(value, list) and all(map(is_faceless, value)):
            return True
    return any(is_faceless(frame[key]) for key in frame if key_of(key) in _NESTED) or all(
        is_time(key) or value in (None, False) for key, value in frame.items()
    )


def find_faces(frame: object) -> Iterator[Face]:
    """The faces of a frame."""
    if not isinstance(frame, dict):
        return
    for key, value in frame.items():
        plain = key_of(key)
        if plain in _FACES and isinstance(value, list):
            for index, part in enumerate(value):
                for face in find_faces(part):
                    yield Face(weights=face.weights, own=face.own, index=index)
            return
        if plain in _WEIGHTS and value:
            for index, weights in enumerate(_weights_in(value)):
                yield Face(weights=weights, own=frame, index=index)
            return
    own = {key: value for key, value in frame.items() if _is_number(value)}
    if sum(is_weight(key) for key in own) >= _LEAST_KNOWN:
        yield Face(weights={k: v for k, v in frame.items() if not is_beside(k, v)}, own=frame)
        return
    for key in frame:
        if key_of(key) in _NESTED:
            yield from find_faces(frame[key])


def is_beside(key: str, value: object) -> bool:
    """Whether a value in a dictionary of weights is none of them."""
    return not is_weight(key) and (is_time(key) or isinstance(value, (list, dict, str, bool)))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) or value is None


def _weights_in(value: object) -> list[dict[str, object] | list[object]]:
    """The weights of each face under a key: one dictionary, one list, or a list of either."""
    if isinstance(value, dict):
        inner = next((value[k] for k in value if key_of(k) == "categories"), None)
        if inner is not None or not value:
            return _weights_in(inner)
        return [value]
    if not isinstance(value, list) or not value:
        return []
    named = _categories(value)
    if named is not None:
        return [named]
    if isinstance(value[0], (list, dict)) or all(part is None for part in value):
        return [face for part in value if part for face in _weights_in(part)]
    return [value]


def _categories(rows: list[object]) -> dict[str, object] | None:
    """Names and scores of a list of categories, or None if it is none."""
    found: dict[str, object] = {}
    for row in rows:
        if not isinstance(row, dict):
            return None
        names = (row.get(key) for key in _NAMES)
        name = next((text for text in names if isinstance(text, str) and text), None)
        score = next((key for key in _SCORES if key in row), None)
        if name is None or score is None:
            return None
        found[name] = row[score]
    return found


def columns_of(content: object) -> dict[str, list[object]] | None:
    """Lists of values by name, as tables are written to JSON column by column; None if this is
    none."""
    if not isinstance(content, dict):
        return None
    lists = {key: value for key, value in content.items() if isinstance(value, list)}
    known = [key for key in lists if is_weight(key)]
    if len(known) < _LEAST_KNOWN:
        return None
    length = len(lists[known[0]])
    return {key: value for key, value in lists.items() if len(value) == length}


def names_of(content: object) -> object:
    """The file's own list of names, or None."""
    if not isinstance(content, dict):
        return None
    metadata = content.get("metadata")
    inside = metadata if isinstance(metadata, dict) else {}
    for key in ("names", "blendshape_names", "blendShapeNames", "blendshapeNames", "facsNames"):
        for place in (content, inside):
            if key in place:
                return place[key]
    return None
