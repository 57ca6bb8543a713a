# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a character's face looks: told by where its shapes move it, and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .arrays import Float64Array

_STRAIGHT = float(np.cos(np.radians(35)))
"""A direction nearer to one of the mesh's axes than this is that axis: characters are modelled
along them, and a mouth lies a little before the eyes."""
_HIGH, _LOW = ("brow", "eye"), ("mouth", "jaw")


def face_axes(middles: Mapping[str, Float64Array]) -> Float64Array | None:
    """(3, 3) unit rows: to the head's left, up, out of the face, in the axes of `middles` (3,),
    which are the places that each ARKit shape moves. None if the shapes do not tell."""
    pairs = [
        middles[name] - middles[f"{name.removesuffix('Left')}Right"]
        for name in middles
        if name.endswith("Left")
        and f"{name.removesuffix('Left')}Right" in middles
        and name not in ("jawLeft", "mouthLeft")
    ]
    high = [place for name, place in middles.items() if name.startswith(_HIGH)]
    low = [place for name, place in middles.items() if name.startswith(_LOW)]
    if not pairs or not high or not low:
        return None
    left = _straight(np.mean(pairs, 0))
    up = np.mean(high, 0) - np.mean(low, 0)
    up = _straight(up - (up @ left) * left)
    up = up - (up @ left) * left
    if not np.isfinite(left).all() or np.linalg.norm(left) < 0.5 or np.linalg.norm(up) < 0.5:
        return None
    up /= np.linalg.norm(up)
    return np.stack([left, up, np.cross(left, up)])


def _straight(direction: Float64Array) -> Float64Array:
    """The unit direction, or the axis that it nearly is; zeros for none."""
    length = float(np.linalg.norm(direction))
    if length < 1e-12:
        return np.zeros(3)
    unit = direction / length
    axis = int(np.abs(unit).argmax())
    if abs(unit[axis]) < _STRAIGHT:
        return unit
    return np.sign(unit[axis]) * np.eye(3)[axis]
