# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes 240 frames in chunks, killed at random lines, each time in a child of its own; prints one
line of JSON.

python -m fakes.killed_bake FOLDER POINTS SEED
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from affekt.shared.emotion import constant_track
from affekt.sidecar.bake.bake import BakeJob
from affekt.sidecar.bake.take import prepare
from affekt.sidecar.cache.cache import Cache

from fakes.head import small_head
from fakes.killed import count_lines, draw_lines, was_killed
from fakes.modulator import small_modulator
from fakes.takes import random_motion

FRAMES = 240
INSIDE = ("sidecar/cache/", "sidecar/bake/")
TAKE = prepare(random_motion(FRAMES), small_head(), None, small_modulator())
TRACK = constant_track(FRAMES, 30.0, happy=1.0)


def bake_in(folder: Path) -> tuple[int, str]:
    """How many chunks were new, and the SHA-256 of the vertices as they lie in the cache."""
    user = Cache(folder).user("local")
    job = BakeJob(TAKE, TRACK, None, user)
    new, vertices = sum([chunk.is_new for chunk in job]), job.finish().vertices
    assert vertices is not None
    return new, user.add_parts(vertices.header, vertices.parts)[0]


def main(folder: Path, points: int, seed: int) -> None:
    torch.set_num_threads(1)
    new, vertices = bake_in(folder / "whole")
    lines = count_lines(lambda: bake_in(folder / "counted"), INSIDE)
    rows = []
    for line in draw_lines(lines, points, seed):
        own = folder / str(line)
        killed = was_killed(lambda own=own: bake_in(own), INSIDE, line)
        files = len(list(own.glob("users/local/chunks/" + "[0-9a-f]" * 40)))
        again, same = bake_in(own)
        rows.append(
            {
                "line": line,
                "was_killed": killed,
                "files_before": files,
                "new_after": again,
                "is_same": same == vertices,
            }
        )
    print(json.dumps({"chunks": new, "lines": lines, "rows": rows}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
