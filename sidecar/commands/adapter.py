# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt adapter linear`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Make an adapter between a FLAME space and ARKit's weights from matrices in an npz."""

    matrices: Path
    """npz with arkit_from_flame, arkit_bias, flame_from_arkit, arkit_names (docs/formats.md)."""
    out: Path
    """The adapter file to write."""
    space: str = "flame2023"
    """Expression space of the takes: flame2020 or flame2023."""

    def run(self) -> None:
        from ...shared.motion import ARKIT_NAMES
        from ..motion.adapter import make_linear_adapter, write_adapter

        adapter = make_linear_adapter(self.matrices, self.space)
        write_adapter(adapter, self.out)
        unseen = [
            name
            for name, row in zip(ARKIT_NAMES, adapter.arkit_from_space, strict=True)
            if not row.any()
        ]
        print(f"{self.out}: {self.space}, {len(ARKIT_NAMES) - len(unseen)} of 52 weights")
        if unseen:
            print(f"  the matrices say nothing about {', '.join(unseen)}")
