# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how a take's file is to be understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...shared.motion import HeadAxes

if TYPE_CHECKING:
    from ...shared.motion import ReadOptions, TakeRead


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the take's file does not say, or says wrong."""

    fps: float | None = None
    """The take's frames per second, for files that do not say or say it wrong. Its rows are then
    frames one after another, and nothing is resampled: another rate plays faster or slower. Frames
    that are missing are still filled in."""
    degrees: bool = False
    """The head's angles are degrees."""
    axes: HeadAxes | None = None
    """Axes of the head's rotation and place: opengl (y up, z to the viewer, as here), opencv (y
    down, z forward), blender (z up)."""

    def options(self) -> ReadOptions:
        """Raises InputError `motion.rate`."""
        from ...shared.motion import ReadOptions

        return ReadOptions(fps=self.fps, angles="degrees" if self.degrees else None, axes=self.axes)


def print_notes(name: str, take: TakeRead) -> None:
    """Prints what was noticed in reading, a line each."""
    for note in take.notes:
        print(f"{name}: {note}")
