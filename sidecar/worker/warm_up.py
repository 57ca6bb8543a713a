# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads what every order needs, and makes the first previews before anyone asks, which compiles
the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path

from ...shared.conversions import preview_rows
from ...shared.emotion import constant_track
from ..avatar.open_avatar import OPEN_GAUSSIANS
from ..head.read import OPEN
from ..raster.device import choose_rasteriser
from . import inputs, previews
from .services import PreviewPicture, PreviewTask, Take

_EDGE = 64
_DEMO = "demo/take.npz"


def load() -> str:
    """Loads the head and the modulator; what pictures are made on, `cpu` or `cuda`."""
    inputs.read_head(OPEN)
    inputs.modulator()
    return choose_rasteriser("auto").device


def warm_up() -> Iterator[None]:
    """Shows the demo's first frame, a little more of it between two yields."""
    assets = resources.files(f"{__package__}").joinpath("../assets")
    with resources.as_file(assets) as folder:
        path = Path(folder) / _DEMO
        take = Take(path=path, name=path.name, adapter=None)
        motion, _ = inputs.motion_of(take)
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
        picture = PreviewPicture(
            width=_EDGE, height=_EDGE, avatar=None, avatar_name="", camera=None
        )
        for task in (
            numbers,
            replace(numbers, wants_vertices=True),
            replace(numbers, picture=picture, head=OPEN_GAUSSIANS),
            replace(numbers, picture=picture),
        ):
            previews.preview(task)
            yield
