# SPDX-License-Identifier: GPL-3.0-or-later
"""The moist line: tears that stand between the lower lid and the eyeball."""

from __future__ import annotations

import numpy as np

from ....shared.arrays import Float64Array, Int64Array
from .hair import lid_rim, shares_along
from .parts import Part, eyeball_sphere, region_index

WATER = np.array([0.97, 0.90, 0.87])
_POINTS = 24
_ENDS = 0.03, 0.98
"""The line's ends, as shares of the lid's rim."""
_ROWS = np.array([[-0.0003, 0.0006], [0.0002, 0.0004], [0.0005, 0.0000]])
"""Its three rows across, metres: up from the lid's rim, and out from the eyeball. They make a
hollow edge of water, half a millimetre high, that mirrors lamps along the lid."""


def make_tear_line(
    positions: Float64Array, helper: Int64Array, ball: Int64Array, side: str
) -> Part:
    """Makes the line of one eye. helper: (n,) MakeHuman's strip of lower lashes, whose rim is the
    lid's; ball: (m,) its helper eye. The line follows the lid."""
    centre, radius = eyeball_sphere(positions, ball)
    rim = helper[lid_rim(positions[helper] - centre)]
    shares = shares_along(positions[rim], _POINTS, _ENDS)
    root = shares @ positions[rim] - centre
    rows = []
    for up, out in _ROWS:
        point = root + np.array([0.0, up, 0.0])
        rows.append(point * (radius + out) / np.linalg.norm(point, axis=1, keepdims=True))
    # Its ends taper into the corners of the eye.
    rows[0][[0, -1]] = rows[2][[0, -1]] = rows[1][[0, -1]]
    i = np.arange(_POINTS - 1)
    faces = np.concatenate(
        [
            np.stack(corners, 1) + row * _POINTS
            for row in (0, 1)
            for corners in ((i, i + 1, i + 1 + _POINTS), (i, i + 1 + _POINTS, i + _POINTS))
        ]
    )
    vertices = centre + np.concatenate(rows)
    return Part(
        name=f"tear_{side}",
        vertices=vertices,
        faces=faces,
        uv=np.zeros((len(faces), 3, 2)),
        region=np.full(len(vertices), region_index("sclera")),
        colour=np.tile(WATER, (len(vertices), 1)),
        carry=lambda d: np.tile(shares @ d[rim], (len(_ROWS), 1)),
    )
