# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt describe`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True, kw_only=True)
class Describe:
    """Turn words for a face into action units and emotions, or into keys over time. Left and right
    are the character's own."""

    words: Annotated[str, tyro.conf.Positional]
    """The description in quotes, such as "a smug half smile, left brow raised, slowly"."""
    json: bool = False
    """Print JSON: units, emotions and, where words speak of time, keys."""
    out: Path | None = None
    """A JSON file of emotion keys to write, as `affekt bake --emotions` takes it."""
    fps: float = 30.0
    """Frames a second of the keys, and of frames that the words speak of."""

    def run(self) -> None:
        from ...shared.emotion_keys import check_rate, encode_keys
        from ..files import check_ending, check_outputs, write_whole
        from ..words.describe import describe
        from ..words.keys import to_emotion_keys
        from ..words.listing import encode_description, list_description

        check_ending(self.out, "a file of emotion keys", ".json")
        check_outputs(self.out)
        fps = check_rate(self.fps, "--fps")
        description = describe(self.words, fps=fps)
        if self.json:
            print(encode_description(description))
        else:
            print("\n".join(list_description(description)))
        if self.out is not None:
            write_whole(self.out, encode_keys(to_emotion_keys(description, fps)))
            if not self.json:
                print(f"{self.out}: keys at {fps:g} fps")
