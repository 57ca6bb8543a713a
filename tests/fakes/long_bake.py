# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes a long random take in a process of its own and prints its peak memory in bytes.

python -m fakes.long_bake FRAMES VERTICES small|shipped
"""

import sys
from pathlib import Path

from affekt.shared.emotion import constant_track
from affekt.sidecar.bake.bake import BakeJob
from affekt.sidecar.bake.store import MemoryStore
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.read import decode_motion, encode_motion

from fakes.head import small_head
from fakes.modulator import small_modulator
from fakes.takes import random_motion


def main(frames: int, vertices: int, modulator: str) -> None:
    motion = decode_motion(encode_motion(random_motion(frames)), "take.npz")
    model = small_modulator() if modulator == "small" else load_modulator()
    take, track = (
        prepare(motion, small_head(vertices), None, model),
        constant_track(frames, 30.0, happy=1.0),
    )
    job, done = BakeJob(take, track, None, MemoryStore()), 0
    for chunk in job:  # whose vertices are forgotten: a long take's are gigabytes
        assert chunk.vertices is not None
        done += len(chunk.vertices)
    assert done == frames
    encode_motion(job.finish().motion)
    # Not getrusage, whose peak a child takes over from the process that started it.
    status = Path("/proc/self/status").read_text().split()
    print(1024 * int(status[status.index("VmHWM:") + 1]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
