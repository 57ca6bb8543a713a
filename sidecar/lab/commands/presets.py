# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt presets draw`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ....shared.wording import say_count

_COLUMNS = 7


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Draw the pictures of the presets that Blender's panel shows, and all of them on one sheet."""

    out: Path
    """Folder for the pictures: addon/presets/pictures in a clone of the repository."""
    sheet: Path | None = None
    """PNG of all of them with their names; none is written if absent."""
    modulator: Path | None = None
    """A trained modulator; the one that ships if absent."""

    def run(self) -> None:
        import numpy as np

        from ....shared.presets import BUILT_IN, picture_name
        from ...files import write_whole
        from ...head.read import read_head
        from ...modulation.weights import load_modulator
        from ...render.images import make_folder, write_png
        from ...render.sheets import contact_sheet
        from ..evaluation.preset_pictures import draw_presets, encode_picture

        head, modulator = read_head("open"), load_modulator(self.modulator)
        pictures = list(draw_presets(BUILT_IN, head, modulator))
        make_folder(self.out)
        size = 0
        for preset, picture in zip(BUILT_IN, pictures, strict=True):
            data = encode_picture(picture)
            write_whole(self.out / picture_name(preset.name), data)
            size += len(data)
        if self.sheet is not None:
            names = [preset.name for preset in BUILT_IN]
            sheet = contact_sheet([np.asarray(p) for p in pictures], names, _COLUMNS)
            write_png(self.sheet, sheet)
        print(f"{self.out}: {say_count(len(pictures), 'picture')}, {size / 1024:.0f} KB")
