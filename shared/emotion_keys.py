# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion keys as JSON, and what they are at each frame of a take.

    {"fps": 30, "interpolation": "linear",
     "keys": [{"frame": 0, "happy": 1.0, "influence": 1.0}, {"frame": 60, "sad": 0.8, "AU4": 0.3}]}

A key changes only the channels that it names: each channel has its own curve, holds its first
value before its first key and its last after its last. Without any key an emotion or an action
unit (see `units`) is 0 and a control is 1. Frames are in the track's own `fps` (the take's if
absent) and are met by time.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from . import curves, limits
from .arrays import Float64Array
from .emotion import CHANNELS, EMOTIONS, EmotionTrack, largest_value, usual_value
from .errors import InputError
from .units import UNIT_CHANNELS, check_unit

_FIELDS = ("fps", "interpolation", "keys", "comment")
# fmt: off
_MEANT = {
    "happiness": "happy", "joy": "happy", "smile": "happy", "sadness": "sad", "sorrow": "sad",
    "anger": "angry", "mad": "angry", "fearful": "fear", "afraid": "fear", "scared": "fear",
    "disgusted": "disgust", "surprised": "surprise", "strength": "influence",
}
# fmt: on
"""What other tools call these channels: hints for the error, never accepted silently."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmotionKeys:
    """The keys as written. channels: for each keyed channel its frames, ascending, and values."""

    channels: dict[str, tuple[Float64Array, Float64Array]]
    fps: float
    interpolation: str


def decode_track(data: bytes, frames: int, fps: float) -> EmotionTrack:
    """The track of a JSON text at each of a take's `frames`, at the take's `fps`.

    Raises InputError `emotion.json`, `emotion.unknown_name`, `emotion.not_a_number`,
    `emotion.range`, `emotion.keys`, `emotion.interpolation`.
    """
    return sample_keys(decode_keys(data, fps), frames, fps)


def sample_keys(keys: EmotionKeys, frames: int, fps: float) -> EmotionTrack:
    """The curves at frames 0..frames-1 of a take."""
    return sample_at(keys, np.arange(frames, dtype=np.float64) * (keys.fps / fps), fps)


def sample_at(keys: EmotionKeys, at: Float64Array, fps: float) -> EmotionTrack:
    """The curves at places `at` (n,) of the keys' own frames, as a track of rate `fps`."""
    units = tuple(name for name in UNIT_CHANNELS if name in keys.channels)
    values = {name: np.full(len(at), usual_value(name)) for name in CHANNELS}
    for name, (places, levels) in keys.channels.items():
        curve = curves.evaluate(places, levels, keys.interpolation, at)
        values[name] = np.clip(curve, 0, largest_value(name))  # rounding at a key, no more
    single = {name: curve.astype(np.float32) for name, curve in values.items()}
    weights = np.stack([single.pop(name) for name in EMOTIONS], 1)
    shown = np.stack([single.pop(name) for name in units], 1) if units else None
    return EmotionTrack(weights=weights, fps=fps, unit_names=units, units=shown, **single)


def hold_units(keys: EmotionKeys, units: Mapping[str, float]) -> EmotionKeys:
    """The keys with these weights of unit channels held throughout. Raises InputError
    `option.units` for one that the keys have already."""
    for name in units:
        if name in keys.channels:
            raise InputError(
                "option.units",
                f"--units sets {name}, and the emotion file has keys for it.",
                "Leave it out of one of the two.",
            )
    held = {name: (np.zeros(1), np.full(1, weight)) for name, weight in units.items()}
    return replace(keys, channels={**keys.channels, **held})


def decode_keys(data: bytes, fps: float) -> EmotionKeys:
    """The keys of a JSON text; `fps` holds where the text names none. Raises as `decode_track`."""
    content = _parse(data)
    for name in content:
        if name not in _FIELDS:
            raise _unknown(name, _FIELDS, "The emotion file has a field")
    interpolation = content.get("interpolation", "linear")
    if interpolation not in curves.INTERPOLATIONS:
        raise InputError(
            "emotion.interpolation",
            f"There is no interpolation called {_shown(interpolation)}.",
            f"Use one of {', '.join(curves.INTERPOLATIONS)}.",
        )
    rate = fps
    if "fps" in content:
        rate = check_rate(
            _number(content["fps"], "The emotion file's fps"), "The emotion file's fps"
        )
    return EmotionKeys(
        channels=_channels(content.get("keys")), fps=rate, interpolation=str(interpolation)
    )


def encode_keys(keys: EmotionKeys) -> bytes:
    """The JSON text of the keys, one key for each frame that any channel names."""
    rows: dict[float, dict[str, float]] = {}
    for name in (n for n in (*CHANNELS, *UNIT_CHANNELS) if n in keys.channels):
        for frame, value in zip(*keys.channels[name], strict=True):
            rows.setdefault(float(frame), {})[name] = float(value)
    listed = [{"frame": frame, **rows[frame]} for frame in sorted(rows)]
    content = {"fps": keys.fps, "interpolation": keys.interpolation, "keys": listed}
    return (json.dumps(content, indent=1) + "\n").encode()


def check_rate(fps: float, what: str) -> float:
    """The rate, if keys may have it. what: begins the error's sentence. Raises InputError
    `emotion.range`."""
    if not limits.LEAST_KEY_FPS <= fps <= limits.MOST_FPS:
        raise InputError(
            "emotion.range",
            f"{what} is {fps:g}.",
            f"Give a rate from {limits.LEAST_KEY_FPS:g} to {limits.MOST_FPS:g}.",
        )
    return fps


def load_once(text: str | bytes) -> object:
    """Parses JSON in which no object names a thing twice: of two values one would go unheard.
    Raises InputError `emotion.keys` for that, ValueError or RecursionError for what is no JSON."""
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for number, name in enumerate(names) if name in names[:number])
        raise InputError(
            "emotion.keys",
            f"The emotion file names '{twice:.40}' twice in one place.",
            "Keep one of the two.",
        )
    return found


def _parse(data: bytes) -> dict[str, object]:
    try:
        if len(data) > limits.MAX_TRACK_BYTES:
            raise ValueError
        content = load_once(data)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f": it breaks in line {line}." if line else "."
        raise InputError(
            "emotion.json",
            f"The emotion file is not whole JSON{where}",
            'Write it like {"fps": 30, "keys": [{"frame": 0, "happy": 1.0}]}.',
        ) from error
    if not isinstance(content, dict) or "keys" not in content:
        raise InputError(
            "emotion.json",
            "The emotion file has no list called 'keys'.",
            'Write it like {"fps": 30, "keys": [{"frame": 0, "happy": 1.0}]}.',
        )
    return content


def _channels(keys: object) -> dict[str, tuple[Float64Array, Float64Array]]:
    if not isinstance(keys, list):
        raise InputError(
            "emotion.keys",
            "In the emotion file, 'keys' is not a list.",
            'Write it like "keys": [{"frame": 0, "happy": 1.0}].',
        )
    frames = np.array([_frame(key, index) for index, key in enumerate(keys)])
    columns: dict[str, tuple[list[int], list[object]]] = {}
    for index, key in enumerate(keys):
        for name, value in key.items():
            if name != "frame":
                rows, values = columns.setdefault(name, ([], []))
                rows.append(index)
                values.append(value)
    return {name: _curve(name, frames, *column) for name, column in columns.items()}


def _frame(key: object, index: int) -> float:
    """The frame of one key."""
    if not isinstance(key, dict) or "frame" not in key:
        raise InputError(
            "emotion.keys",
            f"Key {index} has no frame.",
            'Write it like {"frame": 0, "happy": 1.0}.',
        )
    frame = key["frame"]
    if type(frame) not in (int, float) or not abs(frame) <= limits.MAX_FRAMES:
        frame = _number(frame, f"The frame of key {index}")
        raise InputError(
            "emotion.range",
            f"Key {index} is at frame {frame:g}, outside any take.",
            f"Use frames up to {limits.MAX_FRAMES}.",
        )
    return frame


def _curve(
    name: str, frames: Float64Array, rows: list[int], given: list[object]
) -> tuple[Float64Array, Float64Array]:
    """Places and values of one channel. frames: of all keys. rows: the keys that name the channel,
    and the values that they give it."""
    if name[:2] == "AU":
        check_unit(name)
    elif name not in CHANNELS:
        raise _unknown(name, CHANNELS, f"Key {rows[0]} names")
    most = largest_value(name)
    for index, value in zip(rows, given, strict=True):
        if type(value) not in (int, float) or not 0 <= value <= most:  # pyright: ignore[reportOperatorIssue]
            number = _number(value, f"{name} in key {index}")
            raise InputError(
                "emotion.range",
                f"{name} in key {index} is {number:g}, outside 0 to {most:g}.",
                "Give a value inside that range.",
            )
    order = np.argsort(frames[rows], kind="stable")
    places, values = frames[rows][order], np.array(given, np.float64)[order]
    again = order[1:][np.diff(places) == 0]
    if len(again):
        index = rows[again.min()]
        raise InputError(
            "emotion.keys",
            f"Key {index} sets {name} at frame {frames[index]:g}, which an earlier key has set.",
            "Keep one of the two.",
        )
    return places, values


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise InputError(
            "emotion.not_a_number",
            f"{what} is {_shown(value)}, not a number.",
            "Give a plain number, without quotes.",
        )
    return float(value)


def _unknown(name: str, known: tuple[str, ...], start: str) -> InputError:
    meant = _MEANT.get(name.lower())
    if meant not in known:
        near = difflib.get_close_matches(name.lower(), known, 1, 0.5)
        meant = near[0] if near else None
    return InputError(
        "emotion.unknown_name",
        f"{start} '{name:.40}', which is not known.",
        (f"Did you mean '{meant}'? " if meant else "") + f"Known are {', '.join(known)}.",
    )


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, (int, float)) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
