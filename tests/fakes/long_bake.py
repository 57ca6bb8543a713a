# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes a long random take in a process of its own and prints its peak memory in bytes.

python -m fakes.long_bake FRAMES VERTICES small|shipped
"""

import sys
from pathlib import Path

from affekt.shared.emotion import constant_track
from affekt.sidecar.bake.bake import bake
from affekt.sidecar.bake.pc2 import write_pc2
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.motion.read import decode_motion, encode_motion

from fakes.head import small_head
from fakes.modulator import small_modulator
from fakes.takes import random_motion


class Sink:
    """Counts what is written and forgets it: a long take's vertices are gigabytes."""

    written = 0

    def write(self, data: memoryview) -> None:
        self.written += memoryview(data).nbytes


def main(frames: int, vertices: int, modulator: str) -> None:
    take = decode_motion(encode_motion(random_motion(frames)), "take.npz")
    result = bake(
        take,
        constant_track(frames, 30.0, happy=1.0),
        small_head(vertices),
        None,
        small_modulator() if modulator == "small" else load_modulator(),
    )
    encode_motion(result.motion)
    sink = Sink()
    write_pc2(sink, result.vertices, points=vertices, samples=frames, start=0)  # pyright: ignore
    assert sink.written == 32 + frames * vertices * 12
    # Not getrusage, whose peak a child takes over from the process that started it.
    status = Path("/proc/self/status").read_text().split()
    print(1024 * int(status[status.index("VmHWM:") + 1]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
