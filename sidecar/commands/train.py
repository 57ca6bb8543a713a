# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt train geometry`: trains the geometry modulator on the project's anchors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..head.files import read_head
from ..training.config import read_config
from ..training.geometry import train


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Train the geometry modulator. Stopped runs go on where they were."""

    out: Path
    """Folder for the weights and the checkpoint."""
    config: Path | None = None
    """TOML file of settings; without it, those of the shipped default."""

    def run(self) -> None:
        config = read_config(self.config)
        path = train(config, read_head(config.head), self.out, _print_line)
        print(f"wrote {path}")


def _print_line(line: str) -> None:
    print(line, flush=True)
