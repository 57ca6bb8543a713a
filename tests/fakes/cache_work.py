# SPDX-License-Identifier: GPL-3.0-or-later
"""Uses every way to write into a cache, and is killed at random lines of its code: each time in
FOLDER/LINE, and never in FOLDER/whole. Prints the lines as JSON.

python -m fakes.cache_work FOLDER POINTS SEED
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from affekt.shared.messages import Upload
from affekt.sidecar.cache.cache import Cache

from fakes.killed import count_lines, draw_lines, was_killed

WHOLE = bytes(range(256)) * 40
SHA256 = hashlib.sha256(WHOLE).hexdigest()
KEYS = ("ab" * 20, "cd" * 20)
LETTERS = (b"a", b"b")
PC2 = hashlib.sha256(b"head" + b"a" * 5000 + b"b" * 5000).hexdigest()
ADDED = hashlib.sha256(b"added").hexdigest()


def work(folder: Path) -> None:
    """Two chunks, an artefact of both, one added, and one uploaded in three pieces."""
    user = Cache(folder).user("local")
    chunks = [
        user.find_chunk(key) or user.add_chunk(key, [letter * 1000] * 5)
        for key, letter in zip(KEYS, LETTERS, strict=True)
    ]
    user.add_parts(b"head", chunks)
    user.add(lambda file: file.write(b"added"))
    for start in range(0, len(WHOLE), 4000):
        user.take(
            Upload(
                kind="motion",
                name="take.json",
                sha256=SHA256,
                size=len(WHOLE),
                offset=start,
                data=WHOLE[start : start + 4000],
            )
        )


def main(folder: Path, points: int, seed: int) -> None:
    inside = ("sidecar/cache/",)
    lines = count_lines(lambda: work(folder / "whole"), inside)
    drawn = draw_lines(lines, points, seed)
    for line in drawn:
        assert was_killed(lambda at=line: work(folder / str(at)), inside, line)
    print(json.dumps({"lines": drawn, "of": lines}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
