# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a row before it is made: how many frames, in which space; and whether its files
can be read at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import FLAME_SPACES, ReadOptions


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Reads a row's files. `run` raises what reading them raises. bakes: whether the row is baked,
    as it is with emotions, but also without."""

    motion: Path
    emotions: Path | None = None
    avatar: str | None = None
    head: str | None = None
    adapter: Path | None = None
    character: Path | None = None
    frames: str | None = None
    fps: float | None = None
    bakes: bool = False

    def run(self) -> dict[str, object]:
        """frames: that the row makes; all: that the take has; fps; space."""
        from ..files import read_bytes
        from ..motion.adapter import read_adapter
        from ..motion.emotions import decode_emotion_keys
        from ..motion.frames import parse_frames
        from ..motion.read import read_take

        take = read_take(self.motion, ReadOptions(fps=self.fps))
        frames = parse_frames(self.frames, len(take.motion))
        if self.emotions is not None:
            data = read_bytes(self.emotions, limits.MAX_MOTION_BYTES, "emotion file")
            decode_emotion_keys(data, self.emotions.name, take.motion.fps)
        if self.adapter is not None:
            read_adapter(self.adapter)
        if self.character is not None:
            from ..avatar.glb_character import read_character

            read_character(self.character)
        self._check_avatar(take.motion.space)
        for note in take.notes:
            print(f"{self.motion.name}: {note}")
        return {"frames": len(frames), "fps": take.motion.fps, "space": take.motion.space}

    def _check_avatar(self, space: str) -> None:
        """Raises InputError `space.no_adapter` for a take on FLAME that nothing brings over."""
        if self.avatar is not None:
            from ..render.shot import read_subject

            read_subject(self.avatar, self.head)
        has_way = self.adapter is not None or space not in FLAME_SPACES
        if self.bakes and not has_way and not self._is_own(space):
            raise InputError(
                "space.no_adapter",
                f"The take is in the space '{space}', which is baked through an adapter.",
                "Name one in the column adapter (`affekt adapter build` makes it), or its FLAME "
                "file in the column head.",
            )

    def _is_own(self, space: str) -> bool:
        """Whether the row's head is a FLAME file in the take's own space."""
        from ..head.read import read_head

        return self.head is not None and read_head(self.head, space).space == space
