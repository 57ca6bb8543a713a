# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that are seen from one side of an avatar alone, as a photo's are of skin that looks
sideways in it: a drawing's line around a face, hair's edge on a forehead (view-dependent texture
mapping, Debevec et al. 1996). From elsewhere the Gaussians have their own colours.

Spherical harmonics cannot say it: of degree 3 they still have four fifths of the photo's colour
at 20 degrees, and they do not turn with the head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, Int32Array
from ...shared.camera import Camera, camera_axis, camera_centre

_WHOLE_RAD, _NOTHING_RAD = np.radians(4.0), np.radians(20.0)
"""All of it is seen up to the first angle from that side, nothing from the second on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SideLook:
    """What M Gaussians look like from one side. gaussian: (M,) indices, each once; colours: (M, 3)
    what is added to their sRGB when seen from there; toward: (3,) unit, in the world, from the
    Gaussians to that side."""

    gaussian: Int32Array
    colours: Float32Array
    toward: Float32Array


def seen_share(look: SideLook, means: Float32Array, camera: Camera) -> float:
    """0 to 1, how much of it a camera sees. means: (N, 3) of all of the avatar's Gaussians."""
    way = -camera_axis(camera)
    if not camera.orthographic:
        way = camera_centre(camera) - means[look.gaussian].mean(0)
    cosine = float(way @ look.toward) / max(float(np.linalg.norm(way)), 1e-12)
    away = (np.arccos(np.clip(cosine, -1, 1)) - _WHOLE_RAD) / (_NOTHING_RAD - _WHOLE_RAD)
    left = 1 - np.clip(away, 0, 1)
    return float(left * left * (3 - 2 * left))


def turned_with(look: SideLook, rest: Float32Array, posed: Float32Array) -> SideLook:
    """The look of a head that has moved. rest, posed: (N, 3) middles of the avatar's Gaussians, of
    which the look's own say how the head has turned (Kabsch 1976)."""
    before, after = (_around_middle(means[look.gaussian]) for means in (rest, posed))
    u, _, vt = np.linalg.svd(before.T @ after)
    turn = (u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt).T
    return in_turned_axes(look, turn)


def in_turned_axes(look: SideLook, new_from_old: Float64Array) -> SideLook:
    """The look in other axes. new_from_old: (3, 3) orthogonal."""
    return replace(look, toward=(new_from_old @ look.toward).astype(np.float32))


def _around_middle(points: Float32Array) -> Float64Array:
    return points.astype(np.float64) - points.mean(0)
