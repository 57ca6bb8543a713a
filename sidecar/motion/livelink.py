# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes Live Link Face's CSV: a timecode, a count, 52 ARKit weights and nine angles in radians."""

from __future__ import annotations

import csv
import io

import numpy as np

from ...shared.motion import ARKIT_NAMES, Motion
from . import rotations
from .columns import EYES, HEAD
from .timecodes import write_timecodes

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


def encode_livelink(motion: Motion) -> bytes:
    """The CSV of a take in `arkit`, at any rate; see `write_timecodes`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = [n[0].upper() + n[1:] for n in APP_ORDER]
    writer.writerow(["Timecode", "BlendShapeCount", *names, *HEAD, *EYES])
    weights = motion.expression[:, [ARKIT_NAMES.index(n) for n in APP_ORDER]]
    angles = rotations.yaw_pitch_roll_from_axis_angle(motion.rotation.astype(np.float64))
    rows = np.concatenate([weights, angles, np.zeros((len(motion), len(EYES)))], 1)
    for clock, row in zip(write_timecodes(len(motion), motion.fps), rows.tolist(), strict=True):
        writer.writerow([clock, len(row), *(f"{value:.9g}" for value in row)])
    return out.getvalue().encode()
