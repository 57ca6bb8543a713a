# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotions with time codes, as NVIDIA ACE's Audio2Face-3D takes them.

    {"live_transition_time": 0.5, "emotion_with_timecode_list": {
       "emotion_with_timecode1": {"time_code": 0.0, "emotions": {"joy": 1.0}},
       "emotion_with_timecode2": {"time_code": 2.5, "emotions": {"grief": 0.8}}}}

The list may be a list too, `emotions` is `emotion` in its gRPC messages, and configurations are
YAML as often as JSON. Seconds; an entry holds until the next, and is reached in
`live_transition_time` seconds (at once if the file has none). A name that an entry leaves out is 0.
"""

from __future__ import annotations

import json
import re

import numpy as np

from . import limits
from .emotion import CONTROLS, EMOTIONS, EmotionTrack, usual_value
from .emotion_keys import EmotionKeys, decode_track, load_once, sample_keys
from .errors import InputError

EMOTION_OF = {
    "joy": "happy",
    "grief": "sad",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fear",
    "disgust": "disgust",
    "amazement": "surprise",
}
"""ACE's emotions and ours; where two are one, the stronger counts."""
WITHOUT_COUNTERPART = ("cheekiness", "outofbreath", "pain")
ACE_EMOTIONS = tuple(sorted((*EMOTION_OF, *WITHOUT_COUNTERPART)))
ACE_OF = {
    "happy": "joy",
    "sad": "sadness",
    "angry": "anger",
    "fear": "fear",
    "disgust": "disgust",
    "surprise": "amazement",
}
LIST = "emotion_with_timecode_list"
_TRANSITION = "live_transition_time"
_TIMES = ("time_code", "timeCode", "timecode")
_MAPS = ("emotions", "emotion", "emotion_values")
_YAML_LINE = re.compile(r"( *)(?:- +)?(['\"]?)([\w.]+)\2 *:(?: +([^#]*?))? *(?:#.*)?")
_REMEDY = 'Write it like [{"time_code": 0.0, "emotions": {"joy": 1.0}}].'

Entry = tuple[float, dict[str, float]]


def decode_emotions(data: bytes, frames: int, fps: float) -> tuple[EmotionTrack, tuple[str, ...]]:
    """The track of emotion keys or of emotions with time codes, told by content, and the emotions
    that have no counterpart here. Raises InputError `emotion.*`."""
    if not is_ace(data):
        return decode_track(data, frames, fps), ()
    keys, left_out = decode_ace(data, fps)
    return sample_keys(keys, frames, fps), left_out


def is_ace(data: bytes) -> bool:
    """Whether the text holds emotions with time codes."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    has_times = any(f'"{key}"'.encode() in data for key in _TIMES)
    return LIST.encode() in data or (start == b"[" and has_times)


def decode_ace(data: bytes, fps: float) -> tuple[EmotionKeys, tuple[str, ...]]:
    """Keys at `fps`, and the names of those emotions that some entry asks for and that have no
    counterpart here.

    Raises InputError `emotion.json`, `emotion.keys`, `emotion.unknown_name`,
    `emotion.not_a_number`, `emotion.range`.
    """
    entries, transition = _parse(data)
    times = np.array([time for time, _ in entries])
    left_out = [n for n in WITHOUT_COUNTERPART if any(e.get(n, 0) for _, e in entries)]
    channels = {}
    for emotion in EMOTIONS:
        sources = [n for n, ours in EMOTION_OF.items() if ours == emotion]
        levels = np.array([max(e.get(n, 0.0) for n in sources) for _, e in entries])
        if levels.any():
            channels[emotion] = _curve(times, levels, transition, fps)
    interpolation = "linear" if transition else "constant"
    return EmotionKeys(channels=channels, fps=fps, interpolation=interpolation), tuple(left_out)


def encode_ace(track: EmotionTrack) -> tuple[bytes, tuple[str, ...]]:
    """JSON with an entry for each frame at which the weights change, and the names of the controls
    and action units that the format cannot express. Raises InputError `emotion.range` for weights
    above 1."""
    above = np.argwhere(track.weights > 1)
    if len(above):
        frame, place = above[0]
        raise InputError(
            "emotion.range",
            f"{EMOTIONS[place]} is {track.weights[frame, place]:g} at frame {frame} (the first is "
            "0); ACE's emotions with time codes end at 1.",
            "Keep the emotions at 1 or below before writing them as ACE, or write emotion keys, "
            "which hold them.",
        )
    entries: dict[str, object] = {}
    for frame, row in enumerate(track.weights):
        if frame and (row == track.weights[frame - 1]).all():
            continue
        emotions = dict.fromkeys(ACE_EMOTIONS, 0.0)
        for emotion, value in zip(EMOTIONS, row.tolist(), strict=True):
            emotions[ACE_OF[emotion]] = value
        entries[f"emotion_with_timecode{len(entries) + 1}"] = {
            "time_code": round(frame / track.fps, 9),
            "emotions": emotions,
        }
    left_out = tuple(name for name in CONTROLS if (getattr(track, name) != usual_value(name)).any())
    left_out += track.unit_names
    content = {_TRANSITION: 0.0, LIST: entries}
    return (json.dumps(content, indent=1) + "\n").encode(), left_out


def _curve(
    times: np.ndarray, levels: np.ndarray, transition: float, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Places in frames and values; times are rounded to a millionth of a frame, so that a time
    code that was written for a frame means that frame again."""
    places = np.round(times * fps, 6)
    if places[0] > 0:
        places, levels = np.append(0.0, places), np.append(0.0, levels)
    if not transition or len(places) < 2:
        return places, levels
    reached = np.minimum(places[1:] + transition * fps, np.append(places[2:], np.inf))
    before = np.stack([places[1:], np.maximum(reached - 1e-6, places[1:] + 1e-6)], 1).ravel()
    values = np.stack([levels[:-1], levels[1:]], 1).ravel()
    places, levels = np.append(places[0], before), np.append(levels[0], values)
    kept = np.append(True, np.diff(places) > 0)
    return places[kept], levels[kept]


def _parse(data: bytes) -> tuple[list[Entry], float]:
    """Entries in order of time, and the seconds of a transition."""
    if len(data) > limits.MAX_TRACK_BYTES:
        raise _not_readable()
    try:
        text = data.decode("utf-8-sig")
        plain = text.lstrip()[:1] in ("{", "[")
        content = load_once(text) if plain else _parse_yaml(text)
    except (ValueError, RecursionError) as error:
        raise _not_readable() from error
    rows, transition = content, 0.0
    if isinstance(content, dict):
        rows = content.get(LIST)
        transition = _number(content.get(_TRANSITION, 0.0), f"The emotion file's {_TRANSITION}")
    rows = list(rows.values()) if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not rows:
        raise InputError("emotion.keys", f"In the emotion file, {LIST} holds no entries.", _REMEDY)
    if not 0 <= transition <= 3600:
        raise InputError(
            "emotion.range",
            f"The emotion file's {_TRANSITION} is {transition:g} seconds.",
            "Give seconds from 0 on.",
        )
    entries = sorted((_entry(row, i) for i, row in enumerate(rows)), key=lambda entry: entry[0])
    if len({time for time, _ in entries}) < len(entries):
        raise InputError(
            "emotion.keys",
            "Two entries of the emotion file have the same time code.",
            "Keep one of the two.",
        )
    return entries, transition


def _entry(row: object, index: int) -> Entry:
    where = f"Entry {index} of the emotion file"
    if not isinstance(row, dict):
        raise InputError("emotion.keys", f"{where} is no entry.", _REMEDY)
    time = next((row[key] for key in _TIMES if key in row), None)
    emotions = next((row[key] for key in _MAPS if key in row), None)
    if time is None or not isinstance(emotions, dict):
        raise InputError("emotion.keys", f"{where} has no time code or no emotions.", _REMEDY)
    seconds = _number(time, f"The time code of entry {index}")
    if not 0 <= seconds <= limits.MAX_FRAMES:
        raise InputError(
            "emotion.range",
            f"{where} is at {seconds:g} seconds, outside any take.",
            "Give seconds from 0 on.",
        )
    return seconds, {name: _value(name, v, index) for name, v in emotions.items()}


def _value(name: str, value: object, index: int) -> float:
    if name not in ACE_EMOTIONS and name != "neutral":
        raise InputError(
            "emotion.unknown_name",
            f"Entry {index} names '{name:.40}', which is no emotion of ACE's.",
            f"Known are {', '.join(ACE_EMOTIONS)}.",
        )
    level = _number(value, f"{name} in entry {index}")
    if not 0 <= level <= 1:
        raise InputError(
            "emotion.range",
            f"{name} in entry {index} is {level:g}, outside 0 to 1.",
            "Give a value inside that range.",
        )
    return level


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise InputError(
            "emotion.not_a_number",
            f"{what} is {value!s:.40}, not a number.",
            "Give a plain number, without quotes.",
        )
    return float(value)


def _parse_yaml(text: str) -> dict[str, object]:
    """The transition and the list from a YAML configuration: nested maps of plain numbers, told
    by their indentation, and nothing else of YAML. Raises ValueError."""
    root: dict[str, object] = {}
    open_maps: list[tuple[int, dict[str, object]]] = []
    for line in text.splitlines():
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if not stripped or stripped.startswith("#"):
            continue
        if indent == 0:
            open_maps = []
            if not stripped.startswith((LIST, _TRANSITION)):
                continue
            open_maps = [(-1, root)]
        if not open_maps:
            continue
        found = _YAML_LINE.fullmatch(line)
        if found is None or stripped.startswith("-"):
            raise ValueError(line)
        while open_maps[-1][0] >= indent:
            open_maps.pop()
        key, value = found[3], (found[4] or "").strip()
        if key in open_maps[-1][1]:
            raise ValueError(line)  # twice in one place
        if value not in ("", "{}"):
            open_maps[-1][1][key] = float(value)
            continue
        inner: dict[str, object] = {}
        open_maps[-1][1][key] = inner
        open_maps.append((indent, inner))
    return root


def _not_readable() -> InputError:
    return InputError(
        "emotion.json", "The emotion file is neither whole JSON nor a plain configuration.", _REMEDY
    )
