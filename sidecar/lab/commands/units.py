# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt units draw`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ....shared.wording import say_count

_COLUMNS = 10


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Draw every action unit on the open head, on a sheet with names: both sides from the front and
    from 30 degrees aside, each side alone, and the left one from aside."""

    out: Path
    """The sheet, a PNG."""
    edge: int = 160
    """Pixels of one picture's edge."""
    only: tuple[int, ...] = ()
    """Numbers of units; all if absent."""
    modulator: Path | None = None
    """A trained modulator; the one that ships if absent."""

    def run(self) -> None:
        from ....shared.units import UNITS
        from ...head.read import read_head
        from ...modulation.weights import load_modulator
        from ...render.images import write_png
        from ...render.sheets import contact_sheet
        from ..evaluation.unit_pictures import draw_units

        head, modulator = read_head("open"), load_modulator(self.modulator)
        units = tuple(u for u in UNITS if not self.only or u.number in self.only)
        labels, pictures = zip(*draw_units(head, modulator, self.edge, units), strict=True)
        write_png(self.out, contact_sheet(pictures, labels, _COLUMNS))
        print(f"{self.out}: {say_count(len(units), 'action unit')}")
