# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes as their files have them: rows of numbers, when each row was, and whether a face was seen
in it. A format's module decodes a file into a `RawTake`; `read` makes frames of it, alike for every
format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray, Int64Array
from ...shared.motion import WIDTHS, Motion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clock:
    """When the R rows of a file were. At most one of numbers, times and timecodes is there;
    without any of them the rows are consecutive frames.

    numbers: (R,) frame numbers. times: (R,) of `unit_s` seconds each, or of a unit that the numbers
    have to tell if that is None. timecodes: (R, 2) whole seconds of the day, and frames within
    the second with whatever stands behind their point.
    """

    numbers: Int64Array | None = None
    times: Float64Array | None = None
    unit_s: float | None = None
    timecodes: Float64Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawTake:
    """A take of R rows.

    rows: fields of `Motion` by name, each (R, width); `expression` is there. What is not there is
    zero. In place of `rotation` may stand `head_angles`, yaw, pitch and roll of the head. shape:
    (300,) identity, or None. seen: (R,) whether the row has a face, or None if every one has; the
    numbers of the others mean nothing. fps: the rate that the file names, or None. notes: what
    was noticed in reading.
    """

    rows: Mapping[str, FloatArray]
    space: str
    shape: Float32Array | None = None
    seen: BoolArray | None = None
    clock: Clock = field(default_factory=Clock)
    fps: float | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows["expression"])


def raw_of(motion: Motion) -> RawTake:
    """The motion as a raw take, from which `read` makes it again, bit for bit."""
    names = [*WIDTHS, *(["eyelids"] if motion.eyelids is not None else [])]
    return RawTake(
        rows={name: getattr(motion, name) for name in names},
        space=motion.space,
        shape=motion.shape,
        fps=motion.fps,
    )
