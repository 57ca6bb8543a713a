# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of an adapter: the registration, and every ARKit shape on both heads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import FloatArray, Int32Array, UInt8Array
from ...shared.camera import Camera, look_at
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES
from ..adapter.registration import Registration
from ..adapter.solve import Forward, Solution, arkit_numbers
from .shade import draw_head, draw_mesh
from .sheets import contact_sheet

SIZE = (200, 240)
PAIRS_A_ROW = 4
SHAPES_A_SHEET = 13
_CLOSE = (360, 360)
_SKIN = (0.78, 0.66, 0.60)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heads:
    """The two heads and their registration."""

    flame: HeadModel
    open: HeadModel
    registration: Registration

    def coloured(self) -> HeadModel:
        """FLAME's head with colours and regions copied from the open head, as its file has none."""
        one = self.registration
        there = one.target.vertex[one.hits.corner(one.target.faces)]
        colour, region = self.flame.colour.copy(), self.flame.region.copy()
        colour[one.source.vertex] = self.open.colour[there]
        region[one.source.vertex] = self.open.region[there]
        return replace(self.flame, colour=colour, region=region)

    def placed(self, vertices: FloatArray) -> FloatArray:
        """Transforms FLAME's vertices (V, 3) to the open head's place and size."""
        one = self.registration
        return one.scale * vertices @ one.turn.T + one.shift


def shape_sheets(heads: Heads, solution: Solution) -> list[UInt8Array]:
    """Draws ARKit shapes on the open head and beside it on FLAME, `SHAPES_A_SHEET` on each sheet.

    mouthClose is drawn with jawOpen, which it closes.
    """
    flame = Forward(heads.flame, np.arange(len(heads.flame.template)))
    there = Forward(heads.open, np.arange(len(heads.open.template)))
    coloured = heads.coloured()
    pairs = []
    weights = np.eye(len(ARKIT_NAMES))
    weights[ARKIT_NAMES.index("mouthClose"), ARKIT_NAMES.index("jawOpen")] = 1
    numbers = weights @ arkit_numbers(heads.open), weights @ solution.numbers
    for on_open, on_flame in zip(*numbers, strict=True):
        left = there.rest + there(on_open[None])[0]
        right = heads.placed(flame.rest + flame(on_flame[None])[0])
        drawn = draw_head(left, heads.open, _front()), draw_head(right, coloured, _front())
        pairs.append(np.concatenate(drawn, 1))
    starts = range(0, len(pairs), SHAPES_A_SHEET)
    return [
        contact_sheet(
            pairs[a : a + SHAPES_A_SHEET],
            ARKIT_NAMES[a : a + SHAPES_A_SHEET],
            PAIRS_A_ROW,
            title="open head, FLAME",
        )
        for a in starts
    ]


def registration_sheet(heads: Heads) -> UInt8Array:
    """Draws the open head, FLAME deformed onto it, and FLAME: whole, mouth and an eye."""
    one = heads.registration
    source = one.source.faces.astype(np.int32), one.bent
    target = one.target.faces.astype(np.int32), one.target.points
    itself = heads.flame.faces, heads.placed(heads.flame.template)
    pictures = [
        _draw(vertices, faces, camera)
        for faces, vertices in (target, source, itself)
        for camera in (
            _front(_CLOSE),
            _near((0, -0.045, 0.05), 0.25),
            _near((0.03, 0.02, 0.04), 0.2),
        )
    ]
    labels = ["open head", "", "", "FLAME laid onto it", "", "", "FLAME", "", ""]
    return contact_sheet(pictures, labels, 3)


def _draw(vertices: FloatArray, faces: Int32Array, camera: Camera) -> UInt8Array:
    colour = np.tile(np.array(_SKIN, np.float32), (len(vertices), 1))
    return draw_mesh(vertices, faces, colour, np.zeros(len(vertices), np.uint8), camera)


def _front(size: tuple[int, int] = SIZE) -> Camera:
    return look_at(
        target=np.array([0.0, -0.02, 0.0]),
        distance=0.85,
        width=size[0],
        height=size[1],
        fov_y_rad=0.24,
    )


def _near(target: tuple[float, float, float], fov_y_rad: float) -> Camera:
    return look_at(
        target=np.array(target),
        distance=0.3,
        yaw_rad=0.25,
        width=_CLOSE[0],
        height=_CLOSE[1],
        fov_y_rad=fov_y_rad,
    )
