# SPDX-License-Identifier: GPL-3.0-or-later
"""The first preview, before anyone waits for it: it loads what all others need, and compiles."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ...shared.conversions import preview_rows
from ...shared.emotion import constant_track
from ..avatar.open_avatar import OPEN_GAUSSIANS
from ..head.files import OPEN
from ..raster.device import choose_rasteriser
from . import previews, resident
from .services import PreviewPicture, PreviewTask, Take

_EDGE = 64
_DEMO = "demo/take.npz"


def warm_up() -> str:
    """Draws the demo's first frame; what the pictures are made on, `cpu` or `cuda`."""
    assets = resources.files(f"{__package__}").joinpath("../assets")
    with resources.as_file(assets) as folder:
        _show(Path(folder) / _DEMO)
    return choose_rasteriser("auto").device


def _show(path: Path) -> None:
    take = Take(path=path, name=path.name, adapter=None)
    motion, _ = resident.motion_of(take)
    rows = preview_rows(0, motion.fps, len(motion))
    track = constant_track(len(rows), motion.fps, happy=1)
    picture = PreviewPicture(width=_EDGE, height=_EDGE, avatar=None, avatar_name="", camera=None)
    for head in (OPEN, OPEN_GAUSSIANS):
        task = PreviewTask(
            take=take, track=track, first=0, frame=0, head=head, wants_vertices=True,
            picture=picture,
        )  # fmt: skip
        previews.preview(task)
