# SPDX-License-Identifier: GPL-3.0-or-later
"""ARKit takes as JSON: LAM's `bsData.json` and the takes of its web renderer, Audio2Face's
exports, MediaPipe's results in JavaScript and Python, dictionaries of weights, and columns.

Names give the order of each frame's weights where those are a list; weights that the file leaves
out are zero, and MediaPipe's `_neutral` is ignored. The head's rotation is each frame's `rotation`
if it is there, else `head_pose`; both are axis-angle in radians (real takes rotate by less than
0.07 rad, where Euler angles in any order are the same within 0.002). Yaw, pitch and roll may stand
among the weights or beside them, and a matrix of the head beside those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...shared.arrays import Float64Array, FloatArray, Int64Array
from ...shared.errors import InputError
from ...shared.take_files import HEAD_ANGLES, OWN_UNITS, UNITS
from . import head_matrix
from .columns import Columns, is_clock, is_number, is_time, passed_over_note, sort_columns, unit_of
from .json_frames import Face, Frame, columns_of, find_faces, find_frames, is_faceless, names_of
from .json_values import matrix, number, table, wrong_shape
from .raw_take import Clock, RawTake
from .timecodes import clock_seconds, read_timecodes
from .tracking import follow
from .weight_names import key_of

_RATES = ("fps", "framerate", "exportfps", "framespersecond", "capturerate")
_HEAD_DICTIONARIES = ("head", "headpose", "headrotation", "rotation", "pose", "eulerangles")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A face, or None, in a frame; and which frame of the file that is."""

    face: Face | None
    frame: Frame
    number: int


def is_arkit_json(content: object) -> bool:
    """Whether the JSON is one of these takes."""
    if isinstance(content, dict) and "weightMat" in content and "facsNames" in content:
        return True
    frames = find_frames(content)
    faces = (next(find_faces(frame), None) for frame in frames)
    first = next((face for face in faces if face is not None), None)
    if first is not None:
        return isinstance(first.weights, dict) or names_of(content) is not None
    return columns_of(content) is not None or bool(
        (frames and any(isinstance(f, dict) for f in frames) and all(map(is_faceless, frames)))
        or (isinstance(content, dict) and content.get("frames") == [] and names_of(content))
    )


def decode_arkit_json(content: object, name: str) -> RawTake:
    """Decodes a take in space `arkit`. Raises InputError `motion.*`."""
    columns = None if find_frames(content) else columns_of(content)
    if columns is not None:
        return _by_columns(columns, _fps(content, name), name)
    rows = _rows(_frames(content, name), name)
    names = names_of(content)
    first = next((row.face.weights for row in rows if row.face is not None), None)
    if isinstance(first, dict):
        names = list(first)
    if first is None and names is None:
        names = []
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise wrong_shape("names", name, "a list of ARKit's weight names")
    found = sort_columns(names, name)
    values = _values(rows, names, name)
    seen = np.array([row.face is not None for row in rows], bool)
    arrays = {"expression": _spread(values, found.weights, 100)}
    arrays |= _head(content, rows, values, found, name)
    return RawTake(
        rows=arrays,
        space="arkit",
        seen=None if seen.all() else seen,
        faces=_faces(rows, name),
        ours=_says_units(content),
        clock=_clock(rows, name),
        fps=_fps(content, name),
        notes=passed_over_note([*found.passed_over, *found.emotions.values()]),
    )


def _frames(content: object, name: str) -> list[object]:
    if isinstance(content, dict) and "weightMat" in content:
        rows = content["weightMat"]
        if not isinstance(rows, list):
            raise wrong_shape("weightMat", name, "a list of frames")
        return [{"weights": row} for row in rows]
    return find_frames(content)


def _rows(frames: list[object], name: str) -> list[_Row]:
    rows: list[_Row] = []
    for number_, frame in enumerate(frames):
        own = frame if isinstance(frame, dict) else {}
        faces = list(find_faces(frame))
        if not faces and not is_faceless(frame):
            raise wrong_shape("frames", name, "a list of frames with weights")
        rows += [_Row(face=face, frame=own, number=number_) for face in faces or [None]]
    return rows


def _values(rows: list[_Row], names: list[str], name: str) -> Float64Array:
    """The weights (R, names), NaN where there is no face or no value."""
    listed: list[Sequence[object]] = []
    blank = [None] * len(names)
    known = set(names)
    for row in rows:
        weights = None if row.face is None else row.face.weights
        if weights is None:
            listed.append(blank)
        elif isinstance(weights, list):
            listed.append(weights)
        elif weights.keys() == known:
            listed.append([weights[key] for key in names])
        else:
            raise wrong_shape("frames", name, "a list in which each frame has the same weights")
    return table(listed, len(names), "weights", name)


def _spread(values: Float64Array, columns: dict[int, int], width: int) -> Float64Array:
    """The columns (R, width) at their targets; those that are blank throughout are zero."""
    out = np.zeros((len(values), width))
    for source, target in columns.items():
        if not np.isnan(values[:, source]).all():
            out[:, target] = values[:, source]
    return out


def _faces(rows: list[_Row], name: str) -> Int64Array | None:
    """Which face each row is of, None if no frame has two."""
    if all(row.face is None or row.face.index == 0 for row in rows):
        return None
    return follow([row.number for row in rows], [_place(row) for row in rows], name)


def _place(row: _Row) -> Float64Array | None:
    if row.face is None:
        return None
    found = head_matrix.place_of(row.face.own, row.face.index)
    return head_matrix.place_of(row.frame, row.face.index) if found is None else found


def _clock(rows: list[_Row], name: str) -> Clock:
    """When the rows were; the frames' own numbers where a frame has several rows or says one."""
    numbers = np.array([row.number for row in rows], np.int64)
    several = bool((np.diff(numbers) == 0).any())
    frames = [{**(row.face.own if row.face else {}), **row.frame} for row in rows]
    keys = [key for key in dict.fromkeys(key for frame in frames for key in frame) if is_time(key)]
    clocks = {key: [frame.get(key) for frame in frames] for key in filter(is_clock, keys)}
    # A frame without a face may have no time. What only counts is a time where nothing better is.
    for key, values in sorted(clocks.items(), key=lambda entry: _only_counts(entry[1])):
        if sum(value is None for value in values) > len(values) / 2:
            continue
        if all(isinstance(value, str | None) for value in values):
            return _text_clock([str(value or "") for value in values], name)
        if all(isinstance(value, dict | None) for value in values):
            seconds = [_qualified(value) for value in values]
            return Clock(times=np.array(seconds), unit_s=1.0)
        own = _numbers(frames, keys)
        times = [number(v, key, name) if v is not None else np.nan for v in values]
        return Clock(times=np.array(times), unit_s=unit_of(key), numbers=own)
    own = _numbers(frames, keys)
    return Clock(numbers=own if own is not None or not several else numbers)


def _only_counts(values: list[object]) -> bool:
    """Whether these are whole numbers that go up by one."""
    whole = [value for value in values if type(value) is int]
    return whole == list(range(whole[0], whole[0] + len(values))) if whole else False


def _numbers(frames: list[Frame], keys: list[str]) -> Int64Array | None:
    """The frames' own numbers, if all of them say whole ones."""
    for key in keys:
        values = [frame.get(key) for frame in frames]
        whole = [v for v in values if type(v) is int and abs(v) < 1e12]
        if is_number(key) and len(whole) == len(values) and len(set(whole)) > 1:
            return np.array(whole, np.int64)
    return None


def _text_clock(texts: list[str], name: str) -> Clock:
    if any(text.count(":") + text.count(";") > 2 and "-" not in text for text in texts[:8]):
        return Clock(timecodes=read_timecodes(texts, name))
    seconds = clock_seconds(texts)
    if seconds is None:
        try:
            return Clock(times=np.array([float(text) for text in texts]))
        except ValueError as error:
            raise InputError(
                "motion.times",
                f"{name} has the time '{texts[0]:.40}', which is neither a number nor a timecode.",
                "Remove the times, and say the take's rate (--fps, or Frame Rate in Blender).",
            ) from error
    return Clock(times=seconds, unit_s=1.0)


def _qualified(value: object) -> float:
    """Seconds of Unreal's frame time: a number, a part of it, and a rate as a fraction; NaN if it
    is none."""
    if not isinstance(value, dict):
        return np.nan
    parts = [value.get(k) for k in ("frame_number", "sub_frame", "numerator", "denominator")]
    numbers = [float(p) if isinstance(p, (int, float)) else np.nan for p in parts]
    frame, part, rate, divisor = numbers
    return (frame + (0.0 if np.isnan(part) else part)) * divisor / rate if rate > 0 else np.nan


def _says_units(content: object) -> bool:
    """Whether the file says that its numbers have our units, as those that we write do."""
    metadata = content.get("metadata") if isinstance(content, dict) else None
    return isinstance(metadata, dict) and metadata.get(UNITS) == OWN_UNITS


def _fps(content: object, name: str) -> float | None:
    if not isinstance(content, dict):
        return None
    metadata = content.get("metadata")
    for place in (metadata if isinstance(metadata, dict) else {}, content):
        for key, value in place.items():
            if key_of(key) in _RATES and value is not None:
                return number(value, f"metadata.{key}" if place is metadata else key, name)
    return None


def _head(
    content: object, rows: list[_Row], values: Float64Array, columns: Columns, name: str
) -> dict[str, FloatArray]:
    """Rotation or angles of the head, and its place where a matrix says it."""
    if columns.head:
        return {"head_angles": _spread(values, columns.head, 3) * columns.head_unit_rad}
    frames = [row.frame for row in rows]
    seen = np.array([row.face is not None for row in rows], bool)
    angles = _angles(rows)
    if angles is not None:
        return {"head_angles": table(angles, 3, "the head's angles", name)}
    own = [turn if isinstance(turn := f.get("rotation"), list) and turn else None for f in frames]
    if any(row is not None for row in own):
        turns: list[list[object]] = [[None] * 3 if row is None else row for row in own]
        return {"rotation": table(turns, 3, "rotation", name)}
    found = head_matrix.head_of([_matrix(row) for row in rows], seen, name)
    if found is not None:
        return found
    head_pose = content.get("head_pose") if isinstance(content, dict) else None
    if not head_pose:
        return {}
    rotation = matrix(head_pose, 3, "head_pose", name)
    if len(rotation) != len(frames):
        raise wrong_shape("head_pose", name, f"one row for each of its {len(frames)} frames")
    return {"rotation": rotation}


def _matrix(row: _Row) -> object:
    if row.face is None:
        return None
    found = head_matrix.matrix_in(row.face.own, row.face.index)
    return head_matrix.matrix_in(row.frame, row.face.index) if found is None else found


def _angles(rows: list[_Row]) -> list[list[object]] | None:
    """Yaw, pitch and roll (R, 3) that stand beside the weights; None if they do not."""
    found = [_angles_in({**row.frame, **(row.face.own if row.face else {})}) for row in rows]
    if all(angles is None for angles in found):
        return None
    return [[None] * 3 if angles is None else angles for angles in found]


def _angles_in(frame: Frame) -> list[object] | None:
    places = [frame, *(v for k, v in frame.items() if key_of(k) in _HEAD_DICTIONARIES)]
    for place in places:
        if not isinstance(place, dict):
            continue
        plain = {key_of(key): value for key, value in place.items()}
        for prefix in ("head", "headrotation", ""):
            keys = [prefix + angle for angle in ("yaw", "pitch", "roll")]
            if all(key in plain for key in keys):
                return [plain[key] for key in keys]
    return None


def _by_columns(columns: dict[str, list[object]], fps: float | None, name: str) -> RawTake:
    """A take whose values stand column by column."""
    names = [key for key in columns if not is_time(key)]
    found = sort_columns(names, name)
    numeric = [n for i, n in enumerate(names) if i in found.weights or i in found.head]
    listed = list(zip(*(columns[n] for n in numeric), strict=True))
    values = table(listed, len(numeric), "weights", name)
    sorted_ = sort_columns(numeric, name)
    rows = {"expression": _spread(values, sorted_.weights, 100)}
    if sorted_.head:
        angles = _spread(values, sorted_.head, len(HEAD_ANGLES))
        rows["head_angles"] = angles * sorted_.head_unit_rad
    frames = [
        _Row(face=None, frame={key: columns[key][i] for key in columns if is_time(key)}, number=i)
        for i in range(len(values))
    ]
    seen = np.array(np.isfinite(values[:, list(sorted_.weights)]).any(1), bool)
    return RawTake(
        rows=rows,
        space="arkit",
        seen=None if seen.all() else seen,
        clock=_clock(frames, name),
        fps=fps,
        notes=passed_over_note(found.passed_over),
    )
