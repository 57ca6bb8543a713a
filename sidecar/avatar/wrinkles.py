# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin that wrinkles: how an expression changes the colours of an avatar's Gaussians.

    log colour of Gaussian n in frame t  +=  strength_t * tint_n * sum_w pressing_tw * pattern_nw

`wrinkle_patterns` says where skin folds, `pressing` how hard an expression presses it; this module
lays both onto an avatar. At rest, and at strength 0, nothing changes, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, FloatArray, Int32Array
from ...shared.calibration import calibrated
from ...shared.connection import default_cache_folder
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint
from ...shared.head import HeadModel
from ...shared.motion import Motion, numbers_of
from ..files import find_arrays, keep_arrays
from ..head.read import OPEN, read_head
from ..memory import remembered
from .alignment import Alignment, align
from .animated_mesh import personal_head
from .avatar import ArkitRig, Avatar
from .effects import face_rows, laid_places, open_alignment
from .pressing import pressing_of
from .splats import Splats
from .wrinkle_patterns import WRINKLES, draw_patterns

_VERSION = 5
"""Goes up whenever the same avatar gets other wrinkles."""
_FAR_M = 0.006
"""A vertex that lies further off the laid-on open head than this shows none of its skin."""
_TINT = 0.6
"""How much less a valley darkens a channel that the skin is bright in: light that is caught in a
fold has met the skin more than once. 0 is grey, 1 the skin's own colour once more."""


def wrinkled_skin(
    avatar: Avatar, motion: Motion, strength: FloatArray | float
) -> WrinkledSkin | None:
    """The avatar's skin in a take, or None if it has no face."""
    wrinkles = find_wrinkles(avatar)
    return None if wrinkles is None else WrinkledSkin(avatar, wrinkles, motion, strength)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wrinkles:
    """An avatar's own wrinkles. gaussian (M,) indices of those that take part; pattern
    (M, wrinkles) and tint (M, 3) as in the formula above; basis (numbers, rows): motion of the
    face's places for one unit of each of a take's numbers."""

    gaussian: Int32Array
    pattern: Float32Array
    tint: Float32Array
    basis: Float64Array


@remembered
def find_wrinkles(avatar: Avatar) -> Wrinkles | None:
    """The avatar's wrinkles, found once on this machine and then read from the cache folder; None
    for an avatar that has no face."""
    if avatar.surface is None:
        return None
    kept = default_cache_folder() / "wrinkles" / f"{fingerprint(_VERSION, avatar)}.kept"
    found = _as_wrinkles(find_arrays(kept))
    if found is not None:
        return found
    try:
        found = _measure(avatar)
    except InputError as error:
        if error.code != "avatar.regions":
            raise
        return None
    keep_arrays(kept, {name: getattr(found, name) for name in Wrinkles.__slots__})
    return found


def _as_wrinkles(arrays: dict[str, np.ndarray]) -> Wrinkles | None:
    if set(arrays) != set(Wrinkles.__slots__):
        return None
    return Wrinkles(**arrays)


def _measure(avatar: Avatar) -> Wrinkles:
    from .regions import kept_labels  # which poses avatars itself
    from .visible_regions import SKIN

    open_head = read_head(OPEN)
    surface = avatar.surface
    assert surface is not None
    found = _laid_on(surface, open_head)
    corners = _corners(avatar)
    place = found.place[corners].mean(1)
    size_mm = 1e3 * np.sort(avatar.scales, 1)[:, 1] * found.open_from_metres
    skin = kept_labels(avatar) == SKIN
    near = (found.distance[corners] < _FAR_M).all(1)
    pattern = np.where((skin & near)[:, None], draw_patterns(place, size_mm), 0)
    gaussian = np.flatnonzero(pattern.any(1)).astype(np.int32)
    places = laid_places(surface, found, open_head)
    return Wrinkles(
        gaussian=gaussian,
        pattern=pattern[gaussian].astype(np.float32),
        tint=_tint(avatar.colours[gaussian]),
        basis=face_rows(_moved(avatar), places),
    )


def _laid_on(surface: ArkitRig | HeadModel, open_head: HeadModel) -> Alignment:
    if isinstance(surface, HeadModel) and surface.space == open_head.space:
        return open_alignment(open_head)
    return align(surface, open_head)


def _corners(avatar: Avatar) -> Int32Array:
    """(N, 1 or 3) the vertices that each Gaussian is bound to."""
    if avatar.binding == "vertex":
        return avatar.anchors[:, None]
    return avatar.faces[avatar.anchors]


def _tint(colours: Float32Array) -> Float32Array:
    """(M, 3) how much each channel darkens, 1 in the mean, by the skin's own mean colour."""
    mean = np.clip(colours.mean(0), 0.05, 1) if len(colours) else np.ones(3)
    tint = (mean.mean() / mean) ** _TINT
    return np.tile(tint / tint.mean(), (len(colours), 1)).astype(np.float32)


def _moved(avatar: Avatar) -> Float64Array:
    """(numbers, V, 3) metres, of one unit of each number, the jaw's linear at rest."""
    if isinstance(avatar.surface, ArkitRig):
        return avatar.surface.arkit_shapes.astype(np.float64)
    from ..adapter.solve import Forward  # torch, which other avatars do without

    head = personal_head(avatar)
    jacobian = Forward(head, np.arange(len(head.template))).jacobian(np.zeros(103))
    return jacobian.T.reshape(103, -1, 3)


class WrinkledSkin:
    """An avatar's wrinkles in a take in its surface's space. strength: 0 to 2, one for all frames
    or (T,)."""

    def __init__(
        self, avatar: Avatar, wrinkles: Wrinkles, motion: Motion, strength: FloatArray | float
    ) -> None:
        self._avatar, self._wrinkles, self._strength = avatar, wrinkles, strength
        rows = _numbers(avatar, motion) @ wrinkles.basis
        strengths = np.broadcast_to(np.asarray(strength, np.float64), len(motion))
        self.pressing = pressing_of(rows) * strengths[:, None]

    def playing(self, motion: Motion) -> WrinkledSkin:
        """The same skin in another take."""
        return WrinkledSkin(self._avatar, self._wrinkles, motion, self._strength)

    def coloured(self, gaussians: Splats, index: int) -> Splats:
        """The avatar's Gaussians with the colours of the frame `index`."""
        pressed, at = self.pressing[index].astype(np.float32), self._wrinkles.gaussian
        if not pressed.any():
            return gaussians
        change = self._wrinkles.pattern @ pressed
        factors = np.exp(change[:, None] * self._wrinkles.tint)
        colours = gaussians.colours.copy()
        colours[at] *= factors
        if gaussians.harmonics is None:
            return replace(gaussians, colours=colours)
        harmonics = gaussians.harmonics.copy()
        harmonics[at] *= factors[:, None]
        return replace(gaussians, colours=colours, harmonics=harmonics)


def _numbers(avatar: Avatar, motion: Motion) -> Float64Array:
    if isinstance(avatar.surface, ArkitRig):
        weights, calibration = motion.expression[:, :52], avatar.surface.calibration
        shown = weights if calibration is None else calibrated(weights, calibration)
        return shown.astype(np.float64)
    return numbers_of(motion).astype(np.float64)
