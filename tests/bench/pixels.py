# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench.pixels`: what a picture costs on its way through shared memory."""

from __future__ import annotations

import hashlib

import numpy as np
from affekt.shared.pixels import PixelRing, Slot

from .job import seconds

RUNS = 200
SHAPES = {"RGBA of 512 x 512, 1 MiB": (512, 512), "a buffer of 60 KB": (125, 120)}


def rounds(height: int, width: int, runs: int = RUNS) -> tuple[float, float]:
    """Best seconds of a write and of a read, through two mappings of one ring."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 4), dtype=np.uint8)
    ring = PixelRing.create(4, pixels.nbytes)
    try:
        reader = PixelRing.open(ring.name, ring.token)
        written: list[Slot] = []

        def read() -> None:
            last = written[-1]
            assert reader.read(last.slot, last.sequence, last.checksum, height, width) is not None

        times = [
            (seconds(lambda: written.append(ring.write(pixels))), seconds(read))
            for _ in range(runs)
        ]
        reader.close()
    finally:
        ring.remove()
    write_s, read_s = (min(column) for column in zip(*times, strict=True))
    return write_s, read_s


def main() -> None:
    for name, (height, width) in SHAPES.items():
        write_s, read_s = rounds(height, width)
        data = bytes(height * width * 4)
        hash_s = min(seconds(lambda data=data: hashlib.sha256(data)) for _ in range(RUNS))
        print(
            f"{name}: write {1e3 * write_s:.3f} ms, read {1e3 * read_s:.3f} ms, of each SHA-256 "
            f"{1e3 * hash_s:.3f} ms; best of {RUNS}"
        )


if __name__ == "__main__":
    main()
