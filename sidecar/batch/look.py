# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a row in the report: three moments side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...shared.arrays import UInt8Array
from ...shared.motion import ReadOptions

HEIGHT = 120


@dataclass(frozen=True, kw_only=True)
class Look:
    """Draws it: of pictures that are there, else of the motion on the open head."""

    motion: Path
    out: Path
    pictures: tuple[Path, ...] = ()
    fps: float | None = None

    def run(self) -> None:
        from ..render.images import write_sheet

        moments = [_saved(path) for path in self.pictures] if self.pictures else self._drawn()
        self.out.parent.mkdir(parents=True, exist_ok=True)
        write_sheet(self.out, np.ascontiguousarray(np.concatenate(moments, 1)))

    def _drawn(self) -> list[UInt8Array]:
        from ..head.read import OPEN, read_head
        from ..motion.adapter import to_open
        from ..motion.read import read_motion
        from ..render.portrait import draw_frame

        motion, head = read_motion(self.motion, ReadOptions(fps=self.fps)), read_head(OPEN)
        if motion.space not in ("open", "arkit"):
            return [np.full((HEIGHT, HEIGHT, 3), 40, np.uint8)]
        shown = to_open(motion, head, None)
        size = HEIGHT * 4 // 5, HEIGHT
        moments = [part * len(shown) // 4 for part in (1, 2, 3)]
        return [draw_frame(shown, frame, head, size)[..., :3] for frame in moments]


def _saved(path: Path) -> UInt8Array:
    """A frame's picture, small, over grey."""
    import cv2

    from ..raster.colour import over
    from ..render.sequence import read_saved

    picture = over(read_saved(path))
    width = max(round(picture.shape[1] * HEIGHT / picture.shape[0]), 1)
    small = cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8)
