# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench.chunks [FRAMES ...]`: a bake whose chunks are kept in the cache, beside
one in memory, both with all files, in one process and in turns. Never a pass or a fail.

Both begin with a take that nothing was prepared for; head and modulator are loaded, as in a
sidecar that has worked before. "again" is the same bake once all chunks are there.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

from affekt.shared.emotion import EmotionTrack, constant_track
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion
from affekt.sidecar.bake.bake import BakeJob
from affekt.sidecar.bake.output import write_bake
from affekt.sidecar.bake.store import ChunkStore, MemoryStore
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.head.read import read_head
from affekt.sidecar.modulation.modulator import Modulator, load_modulator

from ..fakes.takes import random_motion

Things = tuple[Motion, EmotionTrack, HeadModel, Modulator]


def seconds_of(things: Things, folder: Path, store: ChunkStore) -> float:
    """Of a bake into the folder."""
    take, track, head, modulator = things
    started = time.perf_counter()
    job = BakeJob(prepare(replace(take), head, None, modulator), track, None, store)
    write_bake(job, folder / "out", settings={}, inputs={})
    return time.perf_counter() - started


def compare(frames: int, runs: int, folder: Path) -> str:
    """One row of the table."""
    things = (
        random_motion(frames),
        constant_track(frames, 30.0, happy=1.0),
        read_head("open"),
        load_modulator(),
    )
    times: list[tuple[float, ...]] = []
    for _ in range(runs + 1):
        kept = Cache(folder / "cache").user("local")
        times.append(
            tuple(seconds_of(things, folder, store) for store in (MemoryStore(), kept, kept))
        )
        rmtree(folder / "cache")
    memory, cache, again = zip(*times[1:], strict=True)
    ratio = statistics.median(b / a for a, b in zip(memory, cache, strict=True))
    return (
        f"{frames:6} frames: in memory {min(memory):.3f} s, kept {min(cache):.3f} s (best of "
        f"{runs}: {min(cache) / min(memory):.2f}; median of pairs: {ratio:.2f}), "
        f"again {min(again):.3f} s"
    )


def main() -> None:
    wanted = [int(text) for text in sys.argv[1:]] or [300, 2400]
    with tempfile.TemporaryDirectory() as folder:
        for frames in wanted:
            print(compare(frames, 25 if frames < 1000 else 9, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
