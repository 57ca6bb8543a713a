# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be chosen of a bake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FrameRange = Literal["TAKE", "SCENE", "PREVIEW", "OWN"]
Target = Literal["UPDATE", "NEW"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BakeOptions:
    """frame_range: of the take, the scene, its preview, or first to last, in the timeline's frames.
    step: a key on each so many-th frame. target: whether a bake that the take has is baked again,
    or a new one is made. overwrite: whether that may undo an animator's edits of it. simplify_mm:
    how far the mesh may be off for the sake of fewer keys; 0 keeps all, and otherwise step has no
    meaning. cache: where the mesh goes as well (PC2), if anywhere. as_strip: whether the bake
    becomes a strip in the NLA editor."""

    frame_range: FrameRange = "TAKE"
    first: int = 1
    last: int = 250
    step: int = 1
    target: Target = "UPDATE"
    overwrite: bool = False
    simplify_mm: float = 0.0
    cache: Path | None = None
    as_strip: bool = False
