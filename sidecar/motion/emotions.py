# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion files of every kind as emotion keys: Affekt's own, ACE's emotions with time codes, and
tables with a column for each emotion, alone (Audio2Face-3D's `a2f_smoothed_emotion_output.csv`)
or beside the weights of a take.

Rows of a table are keys with straight lines between them. Beside weights they begin with the take;
alone their times count from the sound's beginning, as Audio2Face-3D writes them.
"""

from __future__ import annotations

import numpy as np

from ...shared.ace_emotions import EMOTION_OF, WITHOUT_COUNTERPART, decode_ace, is_ace
from ...shared.arrays import Float64Array
from ...shared.emotion import EMOTIONS, EmotionTrack, largest_value
from ...shared.emotion_keys import EmotionKeys, decode_keys, sample_keys
from ...shared.errors import InputError
from . import timecodes, timeline
from .arkit_table import table_clock
from .columns import Columns, is_header, sort_columns
from .raw_take import Clock
from .tables import Table, find_header, read_table

_LATEST_START_S = 600.0  # times that begin later are of a day's or an epoch's clock
_MILLISECONDS_STEP = 5.0
_LEAST_ROWS = 8
_PERCENT = 100.0


def decode_emotion_keys(data: bytes, name: str, fps: float) -> tuple[EmotionKeys, tuple[str, ...]]:
    """Keys of any emotion file, and the names of emotions that have no counterpart here. fps: of
    frames whose file names no rate. Raises InputError `emotion.*`, `motion.*`."""
    if _is_table(data):
        return _decode_table(data, name, fps)
    try:
        return decode_ace(data, fps) if is_ace(data) else (decode_keys(data, fps), ())
    except InputError as error:
        raise InputError(error.code, f"{name}: {error.message}", error.remedy) from error


def decode_emotions(
    data: bytes, name: str, frames: int, fps: float
) -> tuple[EmotionTrack, tuple[str, ...]]:
    """The same as a track of a take's frames."""
    keys, left_out = decode_emotion_keys(data, name, fps)
    return sample_keys(keys, frames, fps), left_out


def _is_table(data: bytes) -> bool:
    if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return False
    return find_header(data, is_header) is not None


def _decode_table(data: bytes, name: str, fps: float) -> tuple[EmotionKeys, tuple[str, ...]]:
    columns = sort_columns(find_header(data, is_header) or [], name)
    if not columns.emotions:
        raise InputError(
            "emotion.keys",
            f"{name} has no column for an emotion.",
            "Give a table with columns such as joy or happy, or emotion keys.",
        )
    table = read_table(
        data, name, is_header, list(columns.emotions), [*columns.times, *columns.numbers]
    )
    seconds = _seconds(table_clock(table, columns, name), fps, len(table.short))
    if columns.weights or seconds[0] > _LATEST_START_S:
        seconds = seconds - seconds[0]
    places = np.round(seconds * fps, 6)
    values = _values(table, list(columns.emotions), name)
    channels = {}
    for emotion in EMOTIONS:
        sources = [values[:, i] for i in _sources(columns, emotion)]
        if sources and any((np.nan_to_num(level) != 0).any() for level in sources):
            channels[emotion] = _curve(places, np.fmax.reduce(sources))
    named = list(columns.emotions.values())
    asked = (np.nan_to_num(values) != 0).any(0)
    left_out = [n for n in WITHOUT_COUNTERPART if n in named and asked[named.index(n)]]
    return EmotionKeys(channels=channels, fps=fps, interpolation="linear"), tuple(left_out)


def _sources(columns: Columns, emotion: str) -> list[int]:
    """Which of the emotion columns mean one of ours."""
    names = list(columns.emotions.values())
    return [i for i, n in enumerate(names) if EMOTION_OF.get(n, n) == emotion]


def _values(table: Table, columns: list[int], name: str) -> Float64Array:
    """The emotions (R, columns), 0 to 1; percent are divided by 100."""
    values = table.numbers
    known = np.nan_to_num(values[~table.short])
    most = largest_value(EMOTIONS[0])
    if known.max(initial=0) > most and known.max() <= _PERCENT and known.min() >= 0:
        return values / _PERCENT
    if known.max(initial=0) > most or known.min(initial=0) < 0:
        wrong = np.where(table.short[:, None], 0.0, np.nan_to_num(values))
        row, place = np.argwhere((wrong > most) | (wrong < 0))[0]
        raise InputError(
            "emotion.range",
            f"In {name}, {table.cell(int(row), columns[place])} is {wrong[row, place]:g}, "
            f"outside 0 to {most:g}.",
            "Give values from 0 to 1.",
        )
    return values


def _seconds(clock: Clock, fps: float, rows: int) -> Float64Array:
    """When the rows were; those without a time lie between their neighbours. Emotions may be keyed
    as rarely as one likes, so that their distance tells a unit only where there are many, in whole
    numbers."""
    if clock.timecodes is not None:
        told = timecodes.interpret(clock.timecodes)
        if isinstance(told, timecodes.Counted):
            return (told.numbers - told.numbers[0]) / told.fps
        return told - told[0]
    if clock.times is None:
        numbers = np.arange(rows) if clock.numbers is None else clock.numbers
        return numbers / fps
    filled = timeline.whole_times(clock.times)
    times = np.nan_to_num(clock.times) if filled is None else filled
    whole = rows >= _LEAST_ROWS and (times == np.rint(times)).all()
    milliseconds = whole and np.median(np.abs(np.diff(times))) >= _MILLISECONDS_STEP
    return times * (clock.unit_s or (1e-3 if milliseconds else 1.0))


def _curve(places: Float64Array, levels: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Keys in ascending order without those that a straight line between equal neighbours says."""
    there = np.isfinite(places) & np.isfinite(levels)
    places, first = np.unique(places[there], return_index=True)
    levels = levels[there][first]
    needed = np.ones(len(levels), bool)
    needed[1:-1] = (levels[1:-1] != levels[:-2]) | (levels[1:-1] != levels[2:])
    return places[needed], levels[needed]
