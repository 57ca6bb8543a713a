# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences count by `shared/wording.py`, so that there is never one of several."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from affekt.shared.wording import say_count

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("shared", "sidecar", "addon")
NOUNS = "frames|files|keys|chunks|rows|Gaussians|faces|takes"
COUNTED = re.compile(rf"\{{[^{{}}]+\}} (?:{NOUNS})\b(?! a second|/s)")
ELSEWHERE = {
    "shared/wire.py": "pieces of a message, in a log",
    "sidecar/motion/arkit_json.py": "each of its frames",
    "sidecar/motion/read.py": "files in a series, of which there are several",
    "sidecar/motion/timeline.py": "a number that is said in words",
    "sidecar/motion/arkit_table.py": "keys.json is a file's name",
    "sidecar/motion/numbering.py": "frames a second",
}
"""Files with words that only look like it."""


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 frames"), (1, "1 frame"), (1200, "1200 frames"), (72000, "72,000 frames")],
)
def test_one_is_not_several(number: int, said: str) -> None:
    assert say_count(number, "frame") == said


def test_nobody_counts_by_hand() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number} {hit.group()}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for hit in COUNTED.finditer(line)
        if path.relative_to(ROOT).as_posix() not in ELSEWHERE
    ]
    assert not found, "\n".join(found)
