# SPDX-License-Identifier: GPL-3.0-or-later
"""What every order needs, and the first previews before anyone waits for them: they compile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

from ...shared.conversions import preview_rows
from ...shared.emotion import constant_track
from ...shared.pictures import PictureRequest
from ..avatar.open_avatar import OPEN_GAUSSIANS
from ..head.read import OPEN
from ..raster.device import choose_rasteriser
from . import previews, resident
from .services import PreviewTask, Take

_EDGE = 64
_DEMO = "demo/take.npz"


def load() -> str:
    """Loads the head and the modulator; what pictures are made on, `cpu` or `cuda`."""
    resident.read_head(OPEN)
    resident.modulator()
    return choose_rasteriser("auto").device


def warm_up() -> Iterator[None]:
    """Shows the demo's first frame, a little more of it between two yields."""
    assets = resources.files(f"{__package__}").joinpath("../assets")
    with resources.as_file(assets) as folder:
        path = Path(folder) / _DEMO
        take = Take(path=path, name=path.name, adapter=None)
        motion, _ = resident.motion_of(take)
        rows = preview_rows(0, motion.fps, len(motion))
        numbers = PreviewTask(
            take=take,
            track=constant_track(len(rows), motion.fps, happy=1),
            first=0,
            frame=0,
            head=OPEN,
            wants_vertices=False,
            picture=None,
        )
        picture = PictureRequest(width=_EDGE, height=_EDGE)
        for task in (
            numbers,
            replace(numbers, wants_vertices=True),
            replace(numbers, picture=picture, head=OPEN_GAUSSIANS),
            replace(numbers, picture=picture),
        ):
            previews.preview(task)
            yield
