# SPDX-License-Identifier: GPL-3.0-or-later
"""Facial motion: one take, frame by frame, in FLAME's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

import numpy as np

from . import limits
from .arrays import Float32Array
from .errors import InputError
from .wording import say_count

SPACES = ("open", "flame2020", "flame2023", "arkit")
"""Expression spaces. `arkit` holds the 52 ARKit weights in the first columns of `expression`,
in `ARKIT_NAMES` order; its jaw and eyes are zero, since ARKit says those by weights."""

FlameSpace = Literal["flame2020", "flame2023"]
FLAME_SPACES: tuple[FlameSpace, ...] = get_args(FlameSpace)
"""Those of FLAME's own parameters, one for each version of its expressions."""

# fmt: off
ARKIT_NAMES = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)
# fmt: on
"""ARKit's 52 blendshapes, alphabetical, as every (…, 52) array orders them."""

Angles = Literal["radians", "degrees"]
ANGLES: tuple[Angles, ...] = get_args(Angles)
HeadAxes = Literal["opengl", "opencv", "blender"]
HEAD_AXES: tuple[HeadAxes, ...] = get_args(HeadAxes)

TakeSpace = Literal["open", "arkit"]
TAKE_SPACES: tuple[TakeSpace, ...] = get_args(TakeSpace)
"""Spaces in which a client can have any take that was read."""

WIDTHS = {"expression": 100, "jaw": 3, "neck": 3, "eyes": 6, "rotation": 3, "translation": 3}
"""Columns of each per-frame array of a `Motion`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """A take of T frames.

    expression: (T, 100) coefficients in `space`.
    jaw, neck: (T, 3) axis-angle, radians. eyes: (T, 6) left then right, axis-angle, radians.
    rotation: (T, 3) of the whole head, axis-angle, radians. translation: (T, 3) metres.
    shape: (300,) identity coefficients. eyelids: (T, 2) left, right, 0..1, or None.
    fps: frames per second. space: one of `SPACES`; spaces are never mixed silently.

    Axes are FLAME's: x to the head's left, y up, z out of the face.
    Raises InputError `motion.shape`, `motion.not_finite`, `motion.too_long`, `motion.space`,
    `motion.rate`.
    """

    expression: Float32Array  # (T, 100)
    jaw: Float32Array  # (T, 3)
    neck: Float32Array  # (T, 3)
    eyes: Float32Array  # (T, 6)
    rotation: Float32Array  # (T, 3)
    translation: Float32Array  # (T, 3)
    shape: Float32Array  # (300,)
    eyelids: Float32Array | None = None  # (T, 2)
    fps: float
    space: str

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise InputError(
                "motion.space",
                f"The take is in an unknown expression space, '{self.space}'.",
                f"Known spaces are {', '.join(SPACES)}.",
            )
        frames = len(self.expression)
        if not 0 < frames <= limits.MAX_FRAMES:
            raise InputError(
                "motion.too_long" if frames else "motion.shape",
                f"The take has {say_count(frames, 'frame')}; 1 to {limits.MAX_FRAMES} are allowed.",
                "Cut the take into parts." if frames else "Export the take again.",
            )
        for name, width in WIDTHS.items():
            _check(name, getattr(self, name), (frames, width))
        _check("shape", self.shape, (300,))
        if self.eyelids is not None:
            _check("eyelids", self.eyelids, (frames, 2))
        check_rate(self.fps)

    def __len__(self) -> int:
        return len(self.expression)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a person says of a take's file, in place of what it says itself or leaves open.

    fps: frames per second. angles: unit of the head's angles. axes: those of the head's rotation
    and place: `opengl` x right, y up, z towards the viewer (as here), `opencv` x right, y down, z
    forward, `blender` x right, y forward, z up. None leaves it to the file. Raises InputError
    `motion.rate`, `motion.options`.
    """

    fps: float | None = None
    angles: Angles | None = None
    axes: HeadAxes | None = None

    def __post_init__(self) -> None:
        if self.fps is not None:
            check_rate(self.fps)
        for value, known in ((self.angles, ANGLES), (self.axes, HEAD_AXES)):
            if value is not None and value not in known:
                raise InputError(
                    "motion.options",
                    f"'{value:.40}' is none of {', '.join(known)}.",
                    f"Use one of {', '.join(known)}, or leave it to the file.",
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TakeRead:
    """A take that was read. notes: sentences for its user on what was filled in, converted or left
    out. first_frame: which frame of the performance its frame 0 is, where it is a part of one."""

    motion: Motion
    notes: tuple[str, ...] = ()
    first_frame: int = 0


def check_rate(fps: float) -> None:
    """Raises InputError `motion.rate` for a rate at which no face is recorded."""
    if not limits.LEAST_FPS <= fps <= limits.MOST_FPS:
        raise InputError(
            "motion.rate",
            f"A take cannot have {fps:g} frames a second.",
            f"Give a rate from {limits.LEAST_FPS:g} to {limits.MOST_FPS:g}.",
        )


def _check(name: str, values: Float32Array, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise InputError(
            "motion.shape",
            f"The take's {name} has the shape {values.shape}, not {shape}.",
            "Export the take again.",
        )
    if not np.isfinite(values).all():
        frame = int(np.argwhere(~np.isfinite(values))[0][0])
        raise InputError(
            "motion.not_finite",
            f"The take's {name} is not a number at frame {frame}.",
            "Repair or cut that frame in the tracker and export again.",
        )


def name_weights(frames: Sequence[Mapping[str, float]]) -> Float32Array:
    """(T, 100) an expression in space "arkit" of each frame's weights by name; others are zero."""
    out = np.zeros((len(frames), WIDTHS["expression"]), np.float32)
    for row, weights in enumerate(frames):
        for name, value in weights.items():
            out[row, ARKIT_NAMES.index(name)] = value
    return out


def make_motion(
    *, expression: Float32Array, fps: float, space: str, **others: Float32Array
) -> Motion:
    """A motion whose unnamed arrays are zero. `others` are `Motion` fields."""
    frames = len(expression)
    arrays: dict[str, Float32Array] = {
        name: np.zeros((frames, width), np.float32) for name, width in WIDTHS.items()
    }
    arrays["shape"] = np.zeros(300, np.float32)
    arrays.update(others)
    arrays["expression"] = expression
    return Motion(
        **{k: np.ascontiguousarray(v, np.float32) for k, v in arrays.items()}, fps=fps, space=space
    )


def frames_outside(frames: range, total: int) -> InputError:
    """The error for frames that are not all in a take of `total` frames."""
    return InputError(
        "frames.out_of_range",
        f"Frames {frames.start} to {frames.stop - 1} are not all in the take, which has frames 0 "
        f"to {total - 1}.",
        "Choose a range inside the take.",
    )


def cut_motion(motion: Motion, start: int, stop: int) -> Motion:
    """Frames start..stop-1 of the take. Raises InputError `frames.out_of_range`."""
    if not 0 <= start < stop <= len(motion):
        raise frames_outside(range(start, stop), len(motion))
    per_frame = [f.name for f in fields(motion) if f.name in WIDTHS or f.name == "eyelids"]
    cuts = {n: getattr(motion, n) for n in per_frame if getattr(motion, n) is not None}
    return replace(motion, **{name: values[start:stop] for name, values in cuts.items()})


def numbers_of(motion: Motion) -> Float32Array:  # (T, 103)
    """(T, 103) the take's expression, then its jaw."""
    return np.concatenate([motion.expression, motion.jaw], 1)
