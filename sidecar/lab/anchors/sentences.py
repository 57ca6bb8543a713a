# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpus: which sentences are spoken for training, for measuring and for the demo."""

from __future__ import annotations

from functools import cache
from importlib import resources

SPLITS = ("train", "held-out", "demo")
"""Names of the parts of `assets/sentences.txt`."""


@cache
def read_sentences() -> dict[str, tuple[str, ...]]:
    """Sentences by split, in the file's order."""
    text = (resources.files("affekt.sidecar.assets") / "sentences.txt").read_text("utf-8")
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    split = SPLITS[0]
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        if line.startswith("["):
            split = line.strip("[]")
        else:
            found[split].append(line)
    return {name: tuple(lines) for name, lines in found.items()}
