# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt convert`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ...shared.wording import say_count
from .reading import Reading, print_notes

if TYPE_CHECKING:
    from ...shared.motion import Motion

_EMOTIONS = ("ace", "keys")


@dataclass(frozen=True)
class Convert:
    """Write a take in another format; with --to ace or --to keys, an emotion track."""

    source: Annotated[Path, tyro.conf.Positional]
    """The take, a folder or zip that holds one, or an emotion file."""
    out: Annotated[Path, tyro.conf.Positional]
    """The file to write."""
    to: str | None = None
    """npz for any take; vhap (GaussianAvatars too) and lam for takes on FLAME 2023, arkit and
    livelink for takes of ARKit's weights and of the open head; ace, keys for emotions. By OUT's
    ending if absent."""
    reading: tyro.conf.OmitArgPrefixes[Reading] = field(default_factory=Reading)

    def run(self) -> None:
        from ..files import check_outputs

        check_outputs(self.out, sources=(self.source,))
        if self.to in _EMOTIONS:
            self._convert_emotions()
            return
        from ..motion.read import read_take
        from ..motion.write import write_motion

        take = read_take(self.source, self.reading.options())
        print_notes(self.source.name, take)
        motion, form = self._in_form(take.motion)
        left_out = write_motion(motion, self.out, form)
        frames = say_count(len(motion), "frame")
        print(f"{self.out}: {form}, {frames} at {motion.fps:g} fps, {motion.space}")
        if left_out:
            print(f"  {form} has no place for {', '.join(left_out)}")

    def _in_form(self, motion: Motion) -> tuple[Motion, str]:
        """The take and the format's name. The open head's own take becomes ARKit's weights where
        the format holds these alone. Raises InputError `option.format`."""
        from ...shared.take_files import WRITERS, guess_format

        can_turn = motion.space == "open" and self.out.suffix.lower() != WRITERS["npz"].ending
        form = self.to or guess_format(self.out, "arkit" if can_turn else motion.space)
        writer = WRITERS.get(form)
        if writer is None or motion.space != "open" or "arkit" not in writer.spaces:
            return motion, form
        from ..head.read import OPEN, read_head
        from ..motion.adapter import as_arkit

        print("  as ARKit's weights, the nearest to the open head's expressions")
        return as_arkit(motion, read_head(OPEN)), form

    def _convert_emotions(self) -> None:
        from ...shared import limits
        from ...shared.ace_emotions import encode_ace
        from ...shared.emotion_keys import encode_keys, sample_keys
        from ...shared.take_files import FPS
        from ..files import read_bytes, write_whole
        from ..motion.emotions import decode_emotion_keys

        data = read_bytes(self.source, limits.MAX_MOTION_BYTES, "emotion file")
        fps = self.reading.options().fps or FPS
        keys, left_out = decode_emotion_keys(data, self.source.name, fps)
        if self.to == "keys":
            write_whole(self.out, encode_keys(keys))
        else:
            ends = [places[-1] for places, _ in keys.channels.values()]
            track = sample_keys(
                keys, int(min(max(ends, default=0), limits.MAX_FRAMES)) + 1, keys.fps
            )
            text, controls = encode_ace(track)
            write_whole(self.out, text)
            left_out = (*left_out, *controls)
        print(f"{self.out}: {self.to}")
        if left_out:
            print(f"  {self.to} has no counterpart for {', '.join(left_out)}")
