# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes as their files have them: rows of numbers, when each row was, and whether a face was seen
in it. A format's module decodes a file into a `RawTake`; `read` makes frames of it, alike for every
format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray, Int64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timecodes:
    """Timecodes of R rows. seconds: (R,) whole seconds of the day. frames: (R,) whole frames
    within the second. fractions, digits: (R,) what stands behind the frames' point, as a part of
    one and as a whole number. places: how many digits those are, 0 if that differs between the
    rows. drop: whether they are written as drop-frame codes."""

    seconds: Int64Array
    frames: Int64Array
    fractions: Float64Array
    digits: Int64Array
    places: int = 0
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clock:
    """When the R rows of a file were. Without numbers, times or timecodes the rows are consecutive
    frames; numbers help where the times are too coarse to tell the rows apart.

    numbers: (R,) frame numbers. times: (R,) of `unit_s` seconds each, or of a unit that the numbers
    have to tell if that is None; NaN where a row has none.
    """

    numbers: Int64Array | None = None
    times: Float64Array | None = None
    unit_s: float | None = None
    timecodes: Timecodes | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawTake:
    """A take of R rows.

    rows: fields of `Motion` by name, each (R, width); `expression` is there. What is not there is
    zero; NaN is a value that is missing. In place of `rotation` may stand `head_angles`, yaw, pitch
    and roll of the head. shape: (300,) identity, or None. seen: (R,) whether the row has a face, or
    None if every one has; the numbers of the others mean nothing. faces: (R,) which face the row
    is of, or None if there is one. ours: whether the file says that its units are ours, as
    Affekt's own do. fps: the rate that the file names, or None. notes: what was noticed in reading.
    first_frame: which frame of a longer take the first row is.
    """

    rows: Mapping[str, FloatArray]
    space: str
    shape: Float32Array | None = None
    seen: BoolArray | None = None
    faces: Int64Array | None = None
    ours: bool = False
    clock: Clock = field(default_factory=Clock)
    fps: float | None = None
    notes: tuple[str, ...] = ()
    first_frame: int = 0

    def __len__(self) -> int:
        return len(self.rows["expression"])
