# SPDX-License-Identifier: GPL-3.0-or-later
"""What a preview costs in the worker: every one with other emotions, as under a slider that is
dragged, and every one of another frame, as under a timeline.

`python -m tests.bench previews`; `AFFEKT_TEST_DATA` has the real LAM avatars.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from affekt.shared.conversions import preview_rows
from affekt.shared.emotion import constant_track
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.motion.read import encode_motion
from affekt.sidecar.worker.main import real_services
from affekt.sidecar.worker.services import PreviewTask, Services, Take

from .job import Job, long_take

EDGE = 512
PICTURE = PictureRequest(width=EDGE, height=EDGE)
STEPS = 997
"""Other emotions before the first come again: more than the worker remembers."""
_steps = itertools.count()


def preview_jobs() -> list[Job]:
    """One preview each."""
    services, take = real_services(), _take_file()
    services.load()
    for _ in services.warm_up():
        pass
    numbers = _Previews(services, take)
    jobs = [
        _job("numbers", numbers.dragged, "8 ms"),
        _job("numbers, the next frame", numbers.played),
        _job("numbers and vertices", _Previews(services, take, wants_vertices=True).dragged),
    ]
    for name, head, avatar in _subjects():
        shown = _Previews(services, take, head=head, avatar=avatar, picture=PICTURE)
        aim = "" if head == "open" and avatar is None else "25 ms"
        jobs.append(_job(f"{name}, {EDGE} x {EDGE}", shown.dragged, aim))
        jobs.append(_job(f"{name}, the next frame", shown.played))
    return jobs


class _Previews:
    """Asks for one preview after the other."""

    def __init__(
        self,
        services: Services,
        take: Take,
        *,
        head: str = "open",
        wants_vertices: bool = False,
        avatar: Path | None = None,
        picture: PictureRequest | None = None,
    ) -> None:
        self._services, self._take = services, take
        self._head, self._wants_vertices = head, wants_vertices
        self._avatar, self._picture = avatar, picture
        self._motion = long_take()
        self._frame: Iterator[int] = itertools.cycle(range(len(self._motion)))

    def dragged(self) -> None:
        """The same frame with other emotions."""
        self._show(40, next(_steps) % STEPS / STEPS)

    def played(self) -> None:
        """The next frame with the same emotions."""
        self._show(next(self._frame), 1.0)

    def _show(self, frame: int, happy: float) -> None:
        fps = self._motion.fps
        rows = preview_rows(frame, fps, len(self._motion))
        task = PreviewTask(
            take=self._take,
            track=constant_track(len(rows), fps, happy=happy),
            first=rows.start,
            frame=frame,
            head=self._head,
            wants_vertices=self._wants_vertices,
            avatar=self._avatar,
            picture=self._picture,
        )
        self._services.preview(task)


def _job(name: str, run: Callable[[], object], aim: str = "") -> Job:
    return Job(name=f"preview: {name}", run=run, units=1, unit="frames", aim=aim)


def _take_file() -> Take:
    path = Path(tempfile.mkdtemp(prefix="affekt-bench-")) / "take.npz"
    path.write_bytes(encode_motion(long_take()))
    return Take(path=path, name=path.name, adapter=None)


def _subjects() -> Iterator[tuple[str, str, Path | None]]:
    """Name, head, and avatar's file."""
    yield "head as mesh", "open", None
    yield "open-gaussians", "open-gaussians", None
    folder = Path(os.environ.get("AFFEKT_TEST_DATA", "")) / "lam_avatars"
    for path in sorted(folder.glob("*.zip")):
        yield f"LAM's {path.stem}", "open", path
