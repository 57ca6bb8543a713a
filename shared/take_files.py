# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes as files that other tools read: the bytes of a `Motion` in each format.

The sidecar reads all of these again; `docs/export.md` says which tool takes which.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import limits
from .arrays import Float64Array
from .errors import InputError
from .motion import ARKIT_NAMES, WIDTHS, Motion
from .npz import encode_npz
from .timecodes import APP_RATE, write_timecodes

FIRST_FRAME = "first_frame"
FPS = 30.0
"""The rate of takes whose file names none, as trackers' files do not (LAM's clips have it, compared
with their sound); `--fps` sets another."""
FLAME_KEYS = {
    "jaw": "jaw_pose",
    "neck": "neck_pose",
    "eyes": "eyes_pose",
    "rotation": "rotation",
    "translation": "translation",
    "expression": "expr",
    "shape": "shape",
}
"""Field of `Motion` -> VHAP's name, in the order in which it is written."""
HEAD_ANGLES = ("HeadYaw", "HeadPitch", "HeadRoll")
EYE_ANGLES = tuple(
    f"{side}{angle}" for side in ("LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
)
UNITS = "units"
OWN_UNITS = {"weights": "fraction", "rotation": "axis-angle, radians, x left, y up, z forward"}
"""What an ARKit JSON of ours says under `metadata.units`."""
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
"""The order in which Live Link Face writes the weights; some importers rely on it."""


def encode_motion(motion: Motion, first_frame: int = 0) -> bytes:
    """Affekt's own motion file, an npz with the fields of `Motion`; the same motion gives the same
    bytes. first_frame: which frame of a longer take its first one is, which is written unless it
    is 0."""
    arrays = {name: getattr(motion, name) for name in (*WIDTHS, "shape", "eyelids")}
    present = {n: np.asarray(v, np.float32) for n, v in arrays.items() if v is not None}
    rest = {FIRST_FRAME: np.array(first_frame)} if first_frame else {}
    about = {"fps": np.array(motion.fps), "space": np.array(motion.space)}
    return encode_npz({**present, **about, **rest})


def encode_arkit(motion: Motion) -> bytes:
    """Weights and head rotation of a take in `arkit` in the layout of LAM's `bsData.json`. Its
    metadata say the units, which other writers leave open."""
    weights = motion.expression[:, : len(ARKIT_NAMES)].tolist()
    turns = motion.rotation.tolist()
    content = {
        "names": list(ARKIT_NAMES),
        "metadata": {
            "fps": motion.fps,
            "frame_count": len(motion),
            "blendshape_names": list(ARKIT_NAMES),
            UNITS: OWN_UNITS,
        },
        "frames": [
            {"weights": row, "time": i / motion.fps, "rotation": turn}
            for i, (row, turn) in enumerate(zip(weights, turns, strict=True))
        ],
    }
    return json.dumps(content).encode()


def encode_livelink(motion: Motion) -> bytes:
    """Live Link Face's CSV of a take in `arkit`, at any rate (see `write_timecodes`): a timecode, a
    count, 52 weights and nine angles in radians, of which those of the eyes are 0."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = [n[0].upper() + n[1:] for n in APP_ORDER]
    writer.writerow(["Timecode", "BlendShapeCount", *names, *HEAD_ANGLES, *EYE_ANGLES])
    weights = motion.expression[:, [ARKIT_NAMES.index(n) for n in APP_ORDER]]
    angles = yaw_pitch_roll_of(motion.rotation.astype(np.float64))
    rows = np.concatenate([weights, angles, np.zeros((len(motion), len(EYE_ANGLES)))], 1)
    for clock, row in zip(write_timecodes(len(motion), motion.fps), rows.tolist(), strict=True):
        writer.writerow([clock, len(row), *(f"{value:.9g}" for value in row)])
    return out.getvalue().encode()


def encode_lam(motion: Motion) -> bytes:
    """LAM's flame_params.json of a take in `flame2023`, with as many expressions as poses."""
    content: dict[str, object] = {
        key: getattr(motion, field).tolist() for field, key in FLAME_KEYS.items()
    }
    content["expr"] = [
        {f"expr{i}": value for i, value in enumerate(row)} for row in motion.expression.tolist()
    ]
    return json.dumps({**content, "fps": motion.fps}).encode()


def encode_vhap(motion: Motion) -> bytes:
    """VHAP's and GaussianAvatars' `flame_param.npz` of a take in `flame2023`; the rate and the
    eyelids have no place in it.

    `dynamic_offset`, which GaussianAvatars requires, is one zero offset for all vertices.
    """
    arrays = {key: getattr(motion, field) for field, key in FLAME_KEYS.items()}
    arrays["dynamic_offset"] = np.zeros((len(motion), 1, 3))
    return encode_npz({key: np.asarray(v, np.float32) for key, v in arrays.items()})


def yaw_pitch_roll_of(vectors: Float64Array) -> Float64Array:
    """Yaw about y, pitch about x in -pi/2..pi/2, roll about z (T, 3) of turns, axis-angle (T, 3):
    R = Ry Rx Rz."""
    m = _matrices(vectors)
    pitch = np.arcsin(np.clip(-m[:, 1, 2], -1, 1))
    yaw = np.arctan2(m[:, 0, 2], m[:, 2, 2])
    roll = np.arctan2(m[:, 1, 0], m[:, 1, 1])
    return np.stack([yaw, pitch, roll], 1)


def _matrices(vectors: Float64Array) -> Float64Array:
    """(T, 3, 3) of axis-angle (T, 3), by Rodrigues' formula; Blender's Python has no SciPy."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    cross = np.zeros((len(vectors), 3, 3))
    for row, column, axis, sign in ((0, 1, 2, -1), (0, 2, 1, 1), (1, 2, 0, -1)):
        cross[:, row, column] = sign * vectors[:, axis]
        cross[:, column, row] = -sign * vectors[:, axis]
    # sin(a)/a and (1 - cos(a))/a^2 without a division by zero: np.sinc(x) = sin(pi x)/(pi x)
    first, second = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + first * cross + second * cross @ cross


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A format. encode: makes the file's bytes. spaces: expression spaces that it can hold, all if
    empty. ending: of its files. leaves_out: fields of `Motion` that it cannot hold.
    rate_from: how many frames tell the rate. assumed_fps: what is read from fewer."""

    encode: Callable[[Motion], bytes]
    ending: str
    spaces: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()
    rate_from: int = 1
    assumed_fps: float = FPS

    def holds(self, space: str) -> bool:
        """Whether a take in that space can be written."""
        return not self.spaces or space in self.spaces


_NOT_IN_ARKIT = ("jaw", "neck", "eyes", "translation", "shape", "eyelids")
WRITERS = {
    "npz": Writer(encode=encode_motion, ending=".npz"),
    "vhap": Writer(
        encode=encode_vhap,
        ending=".npz",
        spaces=("flame2023",),
        leaves_out=("eyelids",),
        rate_from=limits.MAX_FRAMES + 1,
    ),
    "lam": Writer(
        encode=encode_lam, ending=".json", spaces=("flame2023",), leaves_out=("eyelids",)
    ),
    "arkit": Writer(
        encode=encode_arkit, ending=".json", spaces=("arkit",), leaves_out=_NOT_IN_ARKIT
    ),
    "livelink": Writer(
        encode=encode_livelink,
        ending=".csv",
        spaces=("arkit",),
        leaves_out=_NOT_IN_ARKIT,
        rate_from=2,
        assumed_fps=APP_RATE,
    ),
}
"""Formats by name; `vhap` is also GaussianAvatars' flame_param.npz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFile:
    """A file's bytes, and what it cannot hold of its take: names of nonzero fields, and the rate
    unless its readers assume that very one."""

    data: bytes
    left_out: tuple[str, ...]


def encode_take(motion: Motion, form: str) -> TakeFile:
    """The take in a format of `WRITERS`. Raises InputError `option.format`, `space.no_adapter`."""
    if form not in WRITERS:
        raise InputError(
            "option.format",
            f"There is no format called '{form:.40}'.",
            f"Use one of {_holding(motion.space)}, which can hold this take.",
        )
    writer = WRITERS[form]
    if not writer.holds(motion.space):
        raise InputError(
            "space.no_adapter",
            f"The format {form} holds takes in {', '.join(writer.spaces)}; this take is in "
            f"{motion.space}.",
            f"This take can be written as {_holding(motion.space)}.",
        )
    values = {field: getattr(motion, field) for field in writer.leaves_out}
    lost = [field for field, held in values.items() if held is not None and held.any()]
    if len(motion) < writer.rate_from and motion.fps != writer.assumed_fps:
        lost.append("the rate" if len(motion) > 1 else "the rate of a single frame")
    return TakeFile(data=writer.encode(motion), left_out=tuple(lost))


def guess_format(path: Path, space: str) -> str:
    """The name of the format that a file's ending stands for, for a take in `space`.

    Raises InputError `option.format` if there is none.
    """
    for name, writer in WRITERS.items():
        if path.suffix.lower() == writer.ending and writer.holds(space):
            return name
    raise InputError(
        "option.format",
        f"No format ends in '{path.suffix}' for a take in the space {space}.",
        f"Name one with --to: {_holding(space)}.",
    )


def _holding(space: str) -> str:
    """The names of the formats that can hold a take in the space."""
    return ", ".join(name for name, writer in WRITERS.items() if writer.holds(space))
