# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench.chunks [FRAMES ...]`: what a bake in kept chunks costs beside `affekt
bake`, with all outputs, in one process and in turns. Never a pass or a fail.

Both begin with a take that nothing was prepared for; head and modulator are loaded, as in a
sidecar that has worked before. "again" is the same bake once all chunks are there.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

from affekt.shared.emotion import EmotionTrack, constant_track
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion
from affekt.sidecar.bake.bake import bake, prepare
from affekt.sidecar.bake.chunks import ChunkedBake
from affekt.sidecar.bake.output import write_bake
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.head.read import read_head
from affekt.sidecar.modulation.modulator import Modulator, load_modulator
from affekt.sidecar.motion.read import encode_motion

from ..fakes.takes import random_motion

Things = tuple[Motion, EmotionTrack, HeadModel, Modulator]


def plain(things: Things, folder: Path) -> None:
    """As the command does it."""
    take, track, head, modulator = things
    write_bake(bake(take, track, head, None, modulator), folder, settings={}, inputs={})


def chunked(things: Things, folder: Path) -> None:
    """As a sidecar does it."""
    take, track, head, modulator = things
    store = Cache(folder).user("local")
    job = ChunkedBake(prepare(take, head, None, modulator), track, None, store)
    for _ in job:
        pass
    result = job.finish()
    for motion in (result.motion, result.take_motion):
        data = encode_motion(motion)
        store.add(lambda file, data=data: file.write(data))


def seconds_of(work: Callable[[Things, Path], None], things: Things, folder: Path) -> float:
    fresh = (replace(things[0]), *things[1:])  # another take, for which nothing is prepared
    started = time.perf_counter()
    work(fresh, folder)
    return time.perf_counter() - started


def compare(frames: int, runs: int, folder: Path) -> str:
    """One row of the table."""
    things = (
        random_motion(frames),
        constant_track(frames, 30.0, happy=1.0),
        read_head("open"),
        load_modulator(),
    )
    times: list[tuple[float, float, float]] = []
    for _ in range(runs + 1):
        pair = [seconds_of(work, things, folder / work.__name__) for work in (plain, chunked)]
        times.append((pair[0], pair[1], seconds_of(chunked, things, folder / "chunked")))
        for work in (plain, chunked):
            rmtree(folder / work.__name__)
    plains, chunks, again = zip(*times[1:], strict=True)
    ratio = statistics.median(b / a for a, b in zip(plains, chunks, strict=True))
    return (
        f"{frames:6} frames: command {min(plains):.3f} s, chunks {min(chunks):.3f} s (best of "
        f"{runs}: {min(chunks) / min(plains):.2f}; median of pairs: {ratio:.2f}), "
        f"again {min(again):.3f} s"
    )


def main() -> None:
    wanted = [int(text) for text in sys.argv[1:]] or [300, 2400]
    with tempfile.TemporaryDirectory() as folder:
        for frames in wanted:
            print(compare(frames, 25 if frames < 1000 else 9, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
