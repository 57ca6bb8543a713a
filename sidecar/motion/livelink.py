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

import numpy as np

from ...shared import limits
from ...shared.arrays import Float64Array
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES, Motion
from . import rotations
from .arkit import plain_name, weight_columns
from .json_values import wrong_shape
from .raw_take import Clock, RawTake
from .timeline import too_long

HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
_SIDES = ("LeftEye", "RightEye")
EYES = tuple(f"{side}{angle}" for side in _SIDES for angle in ("Yaw", "Pitch", "Roll"))
_RATES = (24, 25, 30, 48, 50, 60, 100, 120)

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


def decode_livelink(data: bytes, name: str) -> RawTake:
    """Decodes a take in space `arkit`. Raises InputError `motion.*`, `file.damaged`."""
    header, rows = _table(data, name)
    codes = np.array([_clock(row[0], name) for row in rows])
    values = _numbers([row[1:] for row in rows], name)
    columns = _columns(header[1:], name)
    expression = np.zeros((len(rows), 100), np.float64)
    angles = np.zeros((len(rows), 3), np.float64)
    for source, (group, target) in columns.items():
        (expression if group == "weight" else angles)[:, target] = values[:, source]
    _check_finite(expression, angles, name)
    return RawTake(
        rows={"expression": expression, "head_angles": angles},
        space="arkit",
        clock=Clock(timecodes=codes),
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
        raise too_long(name, f"more than {limits.MAX_FRAMES}")
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
