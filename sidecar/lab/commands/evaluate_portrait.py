# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt evaluate portrait`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Portraits:
    """Make avatars of photos and measure how well each is its photo."""

    photos: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Photos, as for `affekt avatar create`."""

    def run(self) -> None:
        import time

        from ...head.read import OPEN, read_head
        from ...portrait.choice import choose_face
        from ...portrait.create import portrait_steps
        from ...portrait.kept import landmarks_of
        from ...portrait.photo import read_photo
        from ...steps import finish
        from ..evaluation.portrait import measure_portrait

        head = read_head(OPEN)
        found = landmarks_of(head)
        for path in self.photos:
            begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
            photo = read_photo(path)
            seen, _ = choose_face(photo.pixels, path.name, None)
            portrait = finish(
                portrait_steps(photo.pixels, seen, head, found, path.stem, photo.focal_pixels)
            )
            wall_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - begun_cpu_s
            print(
                f"{path.name}: {len(portrait.avatar):,} in all, {wall_s:.1f} s, CPU {cpu_s:.1f} s"
            )
            print("\n".join(measure_portrait(portrait, seen).lines()), flush=True)
