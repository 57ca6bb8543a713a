# SPDX-License-Identifier: GPL-3.0-or-later
"""Live Link Face's CSV: a timecode, a count, 52 ARKit weights and nine angles in radians.

Columns are found by name, in any order and case, as tools differ in whether they write the left or
the right side first. `Timecode` is hours:minutes:seconds:frames, where frames may have a fraction.
The file has no frame rate: it is the known rate at which the rows are evenly spaced with the fewest
gaps, or 60 (the app's own) if the take lies within one second. Frames that the phone dropped are
interpolated. The eyes' angles repeat the weights eyeLook... and are ignored.
"""

from __future__ import annotations

import csv
import io
import itertools
import math

import numpy as np

from ...shared import limits
from ...shared.arrays import Float64Array, Int64Array
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES, Motion, make_motion
from . import npz, rotations
from .arkit import plain_name, weight_columns
from .json_values import wrong_shape

HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
_SIDES = ("LeftEye", "RightEye")
EYES = tuple(f"{side}{angle}" for side in _SIDES for angle in ("Yaw", "Pitch", "Roll"))
_RATES = (24, 25, 30, 48, 50, 60, 100, 120)
_RATE = 60
_UNEVEN = 0.3  # steps; rows further than this from their place are not evenly spaced
_DAY = 24 * 3600

# fmt: off
APP_ORDER = (
    *(f"eye{part}{side}" for side in ("Left", "Right") for part in (
        "Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")),
    "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker",
    "mouthRight", "mouthLeft",
    *(f"mouth{part}{side}" for part in ("Smile", "Frown", "Dimple", "Stretch")
      for side in ("Left", "Right")),
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    *(f"mouth{part}{side}" for part in ("Press", "LowerDown", "UpperUp")
      for side in ("Left", "Right")),
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight",
    "tongueOut",
)
# fmt: on
"""The order in which the app writes the weights; some importers rely on it."""


def is_livelink(data: bytes) -> bool:
    """Whether the file begins with the CSV's header."""
    start = data[:16].removeprefix(b"\xef\xbb\xbf").lower()
    return start.startswith((b"timecode,", b'"timecode",'))


def decode_livelink(data: bytes, name: str) -> Motion:
    """Decodes a motion in space `arkit`. Raises InputError `motion.*`, `file.damaged`."""
    header, rows = _table(data, name)
    times, fps = _times([row[0] for row in rows], name)
    values = _numbers([row[1:] for row in rows], name)
    columns = _columns(header[1:], name)
    expression = np.zeros((len(rows), 100), np.float64)
    angles = np.zeros((len(rows), 3), np.float64)
    for source, (group, target) in columns.items():
        (expression if group == "weight" else angles)[:, target] = values[:, source]
    _check_finite(expression, angles, name)
    expression, angles = (_fill(times, part) for part in (expression, angles))
    return make_motion(
        expression=npz.to_float32(expression),
        fps=fps,
        space="arkit",
        rotation=npz.to_float32(rotations.axis_angle_from_yaw_pitch_roll(angles)),
    )


def encode_livelink(motion: Motion) -> bytes:
    """The CSV of a take in `arkit`.

    Raises InputError `motion.rate` for rates that the timecode, which counts frames, cannot hold.
    """
    fps = round(motion.fps)
    if abs(fps - motion.fps) > 1e-6 or fps not in _RATES:
        raise InputError(
            "motion.rate",
            f"Live Link's timecode cannot say {motion.fps:g} frames a second.",
            f"Convert with --fps and one of {', '.join(map(str, _RATES))}.",
        )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = [n[0].upper() + n[1:] for n in APP_ORDER]
    writer.writerow(["Timecode", "BlendShapeCount", *names, *HEAD, *EYES])
    weights = motion.expression[:, [ARKIT_NAMES.index(n) for n in APP_ORDER]]
    angles = rotations.yaw_pitch_roll_from_axis_angle(motion.rotation.astype(np.float64))
    rows = np.concatenate([weights, angles, np.zeros((len(motion), len(EYES)))], 1)
    for frame, row in enumerate(rows):
        second = frame // fps
        clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}:{frame % fps:02}.000"
        writer.writerow([clock, len(row), *(f"{value:.9g}" for value in row)])
    return out.getvalue().encode()


def _table(data: bytes, name: str) -> tuple[list[str], list[list[str]]]:
    try:
        text = data.decode("utf-8-sig")
        read = (row for row in csv.reader(io.StringIO(text, newline="")) if row)
        table = list(itertools.islice(read, limits.MAX_FRAMES + 2))  # one more is too many
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            "file.damaged", f"{name} is not a readable table.", "Export or download it again."
        ) from error
    header, rows = [cell.strip() for cell in table[0]], table[1:]
    if not rows:
        raise wrong_shape("the table", name, "a header and at least one frame")
    if len(rows) > limits.MAX_FRAMES:
        raise _too_long(name, f"more than {limits.MAX_FRAMES}")
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise wrong_shape(f"line {line}", name, f"a row of {len(header)} values")
    return header, rows


def _columns(header: list[str], name: str) -> dict[int, tuple[str, int]]:
    """Maps each column that is read to "weight" or "head" and its index in that group."""
    known = {n.lower(): n for n in (*ARKIT_NAMES, *HEAD, *EYES)}
    spelt = [plain_name(known.get(cell.lower(), cell)) for cell in header]
    weights = [(i, n) for i, n in enumerate(spelt) if n not in (*HEAD, *EYES)]
    weights = [(i, n) for i, n in weights if n.lower() not in ("blendshapecount", "_neutral")]
    if not weights:
        raise wrong_shape("the header", name, "a list of ARKit's weight names")
    places = weight_columns([n for _, n in weights], name)
    found = {
        i: ("weight", place)
        for (i, _), place in zip(weights, places, strict=True)
        if place is not None
    }
    return found | {i: ("head", HEAD.index(n)) for i, n in enumerate(spelt) if n in HEAD}


def _numbers(rows: list[list[str]], name: str) -> Float64Array:
    try:
        return np.array([[float(cell or 0) for cell in row] for row in rows], np.float64)
    except ValueError as error:
        raise InputError(
            "motion.not_a_number",
            f"{name} holds something that is not a number: {error}.",
            "Repair that value or export the take again.",
        ) from error


def _check_finite(expression: Float64Array, angles: Float64Array, name: str) -> None:
    sound = np.isfinite(expression).all(1) & (np.abs(angles) < 1e6).all(1)
    if not sound.all():
        raise InputError(
            "motion.not_finite",
            f"In {name}, frame {int(np.argmin(sound))} holds something that is not a number.",
            "Repair or cut that frame and export again.",
        )


def _times(codes: list[str], name: str) -> tuple[Int64Array, float]:
    """The frame index of each row, from 0, and the frames per second."""
    parts = np.array([_clock(code, name) for code in codes])
    seconds, counted = parts[:, 0], parts[:, 1]
    seconds = seconds + _DAY * np.cumsum(np.diff(seconds, prepend=seconds[:1]) < -_DAY / 2)
    if len(codes) == 1:
        return np.zeros(1, np.int64), float(_RATE)
    possible = [rate for rate in _RATES if rate > counted.max()] or [math.ceil(counted.max() + 1)]
    told = seconds[-1] > seconds[0]
    if not told:
        possible = [rate for rate in possible if rate >= _RATE] or possible[-1:]
    fits = [(_fit(seconds + counted / rate), rate) for rate in possible]
    (gaps, _, step), rate = min(fits) if told else fits[0]
    if not np.isfinite(gaps):
        raise InputError(
            "motion.times",
            f"The timecodes of {name} do not run evenly.",
            "Export the take again, at a fixed frame rate.",
        )
    frames = np.rint((seconds + counted / rate - seconds[0] - counted[0] / rate) / step)
    if frames[-1] >= limits.MAX_FRAMES:
        raise _too_long(name, int(frames[-1]))
    return frames.astype(np.int64), _tidy(1 / step)


def _fit(times: Float64Array) -> tuple[float, float, float]:
    """How evenly the times are spaced: the number of missing frames (infinite if they are not
    even), the largest deviation in steps, and the step in seconds."""
    steps = np.diff(times)
    if not (steps > 0).all():
        return np.inf, np.inf, 0.0
    count = np.rint(steps / np.median(steps))
    if not (count > 0).all() or not count.sum() < 1e9:
        return np.inf, np.inf, 0.0
    step = float((times[-1] - times[0]) / count.sum())
    places = np.concatenate([[0], np.cumsum(count)]) * step
    worst = max(np.abs(times - times[0] - places).max(), np.abs(steps - count * step).max()) / step
    return float(count.sum() - len(count)) if worst <= _UNEVEN else np.inf, float(worst), step


def _clock(code: str, name: str) -> tuple[float, float]:
    """A timecode as whole seconds and frames."""
    parts = code.strip().replace(";", ":").split(":")
    try:
        hours, minutes, seconds = (int(part) for part in parts[:3])
        frames = float(parts[3])
        sound = len(parts) == 4 and 0 <= hours < 48 and 0 <= minutes < 60 and 0 <= seconds < 60
        if sound and 0 <= frames < 1000:
            return 3600.0 * hours + 60 * minutes + seconds, frames
    except (ValueError, IndexError):
        pass
    raise InputError(
        "motion.times",
        f"{name} has the timecode '{code:.40}', not hours:minutes:seconds:frames.",
        "Export the take again.",
    )


def _tidy(fps: float) -> float:
    """The known rate nearest to `fps` if it is that near, else `fps` itself."""
    near = min((*_RATES, 23.976, 29.97, 59.94), key=lambda rate: abs(rate - fps))
    return float(near) if abs(near - fps) < 0.02 else fps


def _fill(frames: Int64Array, values: Float64Array) -> Float64Array:
    """Values at every frame, linearly interpolated where rows are missing."""
    if len(values) == frames[-1] + 1:
        return values
    at = np.arange(frames[-1] + 1)
    after = np.searchsorted(frames, at)
    before = np.where(frames[after] == at, after, after - 1)
    span = np.maximum(frames[after] - frames[before], 1)
    part = ((at - frames[before]) / span)[:, None]
    return values[before] * (1 - part) + values[after] * part


def _too_long(name: str, frames: int | str) -> InputError:
    return InputError(
        "motion.too_long",
        f"The take in {name} has {frames} frames; {limits.MAX_FRAMES} are allowed.",
        "Cut the take into parts.",
    )
