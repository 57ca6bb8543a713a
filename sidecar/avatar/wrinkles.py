# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin that wrinkles: how an expression changes the colours of an avatar's Gaussians.

    log colour of Gaussian n in frame t  +=  strength_t * tint * sum_w pressing_tw * pattern_nw

`own_wrinkles` says how this person's skin folds, in each emotion (`wrinkle_patterns`, how
everybody's does, where too little of it is seen), `pressing` how hard an expression presses it, and
`flush` what its blood does; this module lays all on an avatar. At rest, and at strength 0, nothing
changes, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import (
    BoolArray,
    Float32Array,
    Float64Array,
    FloatArray,
    IndexArray,
    Int32Array,
)
from ...shared.calibration import SHAPES
from ...shared.connection import default_cache_folder
from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError
from ...shared.head import REGIONS, HeadModel
from ...shared.motion import Motion, numbers_of
from ...shared.pressing import PLACES, WRINKLES
from ...shared.wrinkle_patterns import draw_patterns
from ..adapter.solve import NUMBERS, Forward
from ..files import are_indices, are_shaped, kept_arrays
from ..head.read import OPEN, read_head
from ..memory import remembered
from ..raster.mesh import vertex_normals
from . import effects
from .alignment import Alignment, align, open_alignment
from .animated_mesh import personal_head, shown_weights
from .avatar import ArkitRig, Avatar, content_key, corner_shares
from .effects import FacePlaces, face_rows, laid_places, row_names
from .flush import ZONES, blood_gain, blood_of, blood_zones, flush_change
from .own_wrinkles import is_readable, own_patterns, read_skin
from .pressing import OPEN_FACE_MM, pressing_of
from .skin_look import FAR_M, look_at_skin
from .skin_maps import STATES
from .splats import Splats

_ROWS = len(row_names())
_VERSION = 15
"""Goes up whenever the same avatar gets other wrinkles."""
_BESIDE_M, _BEFORE_M = 0.008, 0.006
"""A Gaussian that lies further beside its place, or before the skin there, shows something else: a
network's own binding, or a fringe."""
_TINT = 1.2
"""How much less a valley darkens a channel that the skin is bright in: light that is caught in a
fold has met the skin more than once. 0 is grey, 1 the skin's own colour once more."""


def wrinkled_skin(
    avatar: Avatar, motion: Motion, strength: FloatArray | float, emotions: FloatArray | None
) -> WrinkledSkin | None:
    """The avatar's skin in a take, or None if it has no face. emotions: as in `WrinkledSkin`."""
    wrinkles = find_wrinkles(avatar)
    return None if wrinkles is None else WrinkledSkin(avatar, wrinkles, motion, strength, emotions)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wrinkles:
    """An avatar's own wrinkles. gaussian (M,) indices of those that take part; pattern
    (states, wrinkles, M) and tint (3,) as in the formula above, where there are `STATES` or, for a
    pattern that does not depend on the emotion, one; basis (numbers, rows): motion of the
    face's places for one unit of each of a take's numbers. places (P, V): the motion of
    `pressing.PLACES` in mm for metres of the surface's vertices. flushing (F,) indices of those
    that show blood, zones (zones, F) as in `flush`, with the skin's own gain."""

    gaussian: Int32Array
    pattern: Float32Array
    tint: Float32Array
    basis: Float64Array
    places: Float32Array
    flushing: Int32Array
    zones: Float32Array


@remembered
def find_wrinkles(avatar: Avatar) -> Wrinkles | None:
    """The avatar's wrinkles, found once on this machine and then read from the cache folder; None
    for an avatar that has no face."""
    if avatar.surface is None:
        return None
    kept = default_cache_folder() / "wrinkles" / f"{content_key(avatar, _VERSION)}.kept"
    arrays = kept_arrays(kept, lambda found: _fit(found, avatar), lambda: _measure(avatar))
    is_face = len(arrays["gaussian"]) or len(arrays["flushing"])
    return Wrinkles(**arrays) if is_face else None


def _fit(arrays: Mapping[str, np.ndarray], avatar: Avatar) -> bool:
    """Whether kept arrays are the wrinkles of an avatar like this one."""
    count, blood = (len(arrays.get(name, ())) for name in ("gaussian", "flushing"))
    states = 1 if len(arrays.get("pattern", ())) == 1 else STATES
    numbers = SHAPES if isinstance(avatar.surface, ArkitRig) else NUMBERS
    wanted = {
        "gaussian": (np.int32, (count,)),
        "pattern": (np.float32, (states, len(WRINKLES), count)),
        "tint": (np.float32, (3,)),
        "basis": (np.float64, (numbers, _ROWS)),
        "places": (np.float32, (len(PLACES), len(avatar.vertices))),
        "flushing": (np.int32, (blood,)),
        "zones": (np.float32, (len(ZONES), blood)),
    }
    if not are_shaped(arrays, wanted):
        return False
    return all(are_indices(arrays[name], len(avatar)) for name in ("gaussian", "flushing"))


def _measure(avatar: Avatar) -> dict[str, np.ndarray]:
    """The arrays of `Wrinkles`; of no Gaussian where no face is found."""
    open_head, surface = read_head(OPEN), _surface(avatar)
    moved = motion_of_numbers(surface)
    try:
        found = _laid_on(surface, open_head)
    except InputError:
        shown, pattern = np.zeros(0, np.intp), np.zeros((1, len(WRINKLES), 0))
        basis, zones = np.zeros((len(moved), _ROWS)), np.zeros((len(ZONES), 0))
        read = np.zeros((len(PLACES), len(avatar.vertices)))
    else:
        rest = _rest(avatar)
        skin = _Skin.under(avatar, found, rest)
        shown = np.flatnonzero(skin.shows)
        pattern = _pattern(avatar, found, rest[1], shown, skin.place[shown])
        zones = blood_zones(skin.place[shown]) * blood_gain(avatar.colours[shown])
        places = laid_places(surface, found, open_head)
        basis, read = face_rows(moved, places), _read_places(places)
    wrinkles = pattern.any((0, 1))
    gaussian = shown[wrinkles].astype(np.int32)
    blood = zones.any(0)
    return {
        "gaussian": gaussian,
        "pattern": pattern[..., wrinkles].astype(np.float32),
        "tint": _tint(avatar.colours[gaussian]),
        "basis": basis,
        "places": read.astype(np.float32),
        "flushing": shown[blood].astype(np.int32),
        "zones": zones[:, blood].astype(np.float32),
    }


def _read_places(places: FacePlaces) -> Float64Array:
    """`places` of `Wrinkles`."""
    rows = [effects.PLACES.index(name) for name in PLACES]
    return places.shares[rows] * (OPEN_FACE_MM / places.height_m)


def _pattern(
    avatar: Avatar, found: Alignment, normals: Float64Array, shown: IndexArray, place: Float64Array
) -> FloatArray:
    """(states, wrinkles, M) the patterns of the M Gaussians `shown`, which show skin of the face at
    `place` (M, 3) on the open head: the person's own, or everybody's where the skin cannot be read.
    normals: (V, 3) of the surface."""
    wide = np.sort(avatar.scales[shown], 1)[:, 1]
    size_mm = 1e3 * wide * found.open_from_metres
    lit = look_at_skin(avatar, found, normals)
    if lit is not None and is_readable(lit):
        return own_patterns(read_skin(lit), lit.light, place, size_mm)
    return draw_patterns(place, size_mm).T[None]


@dataclass(frozen=True, slots=True, eq=False)
class _Skin:
    """The skin that N Gaussians show. place (N, 3): on the open head at rest, metres; shows (N,):
    whether they show the face's skin at all."""

    place: Float64Array
    shows: BoolArray

    @classmethod
    def under(
        cls, avatar: Avatar, found: Alignment, rest: tuple[Float64Array, Float64Array]
    ) -> _Skin:
        """The skin under each Gaussian: where it is bound (`seen_bindings`), and as much further as
        it lies beside that. rest: as of `_rest`."""
        corners, shares = _corners(avatar)
        points, normals = rest
        at = (shares[..., None] * points[corners]).sum(1)
        outward = (shares[..., None] * normals[corners]).sum(1)
        away = avatar.means - at
        beside = np.linalg.norm(away[:, :2], axis=1) * found.open_from_metres
        before = (away * outward).sum(1) * found.open_from_metres
        label = found.label[corners] == REGIONS.index("skin")
        near = found.distance[corners] * found.open_from_metres < FAR_M
        place = (shares[..., None] * found.place[corners]).sum(1).astype(np.float64)
        place[:, :2] += found.open_from_metres * away[:, :2]
        shows = (label & near).all(1) & (beside < _BESIDE_M) & (before < _BEFORE_M)
        return cls(place, shows)


def _surface(avatar: Avatar) -> ArkitRig | HeadModel:
    if isinstance(avatar.surface, HeadModel):
        return personal_head(avatar)
    assert avatar.surface is not None
    return avatar.surface


def _rest(avatar: Avatar) -> tuple[Float64Array, Float64Array]:
    """(V, 3) places and normals of the surface at rest."""
    points = avatar.vertices.astype(np.float64)
    return points, vertex_normals(points, np.ascontiguousarray(avatar.faces, np.int32))


def _laid_on(surface: ArkitRig | HeadModel, open_head: HeadModel) -> Alignment:
    if isinstance(surface, HeadModel) and np.array_equal(surface.faces, open_head.faces):
        return open_alignment(open_head)
    return align(surface, open_head)


def _corners(avatar: Avatar) -> tuple[Int32Array, Float32Array]:
    """(N, 1 or 3) the vertices that each Gaussian is bound to, and the share of each."""
    if avatar.binding == "vertex":
        return avatar.anchors[:, None], np.ones((len(avatar), 1), np.float32)
    return avatar.faces[avatar.anchors], corner_shares(avatar, avatar.vertices)


def _tint(colours: Float32Array) -> Float32Array:
    """(3,) how much each channel darkens, 1 in the mean, by the mean colour of the skin (M, 3)."""
    mean = np.clip(colours.mean(0), 0.05, 1) if len(colours) else np.ones(3)
    tint = (mean.mean() / mean) ** _TINT
    return (tint / tint.mean()).astype(np.float32)


def motion_of_numbers(surface: ArkitRig | HeadModel) -> Float64Array:
    """(numbers, V, 3) metres, of one unit of each number, the jaw's linear at rest."""
    if isinstance(surface, ArkitRig):
        return surface.arkit_shapes.astype(np.float64)
    jacobian = Forward(surface, np.arange(len(surface.template))).jacobian(np.zeros(NUMBERS))
    return jacobian.T.reshape(NUMBERS, -1, 3)


class WrinkledSkin:
    """An avatar's wrinkles in a take in its surface's space. strength: 0 to 2, one for all frames
    or (T,). emotions: (T, 6) or (6,) their weights, (more, 6) where those of frames before the take
    are known too, or None where no emotion made the motion: then nobody flushes."""

    def __init__(
        self,
        avatar: Avatar,
        wrinkles: Wrinkles,
        motion: Motion,
        strength: FloatArray | float,
        emotions: FloatArray | None = None,
    ) -> None:
        self._avatar, self._wrinkles = avatar, wrinkles
        rows, frames = _numbers(avatar, motion) @ wrinkles.basis, len(motion)
        self._strength = np.broadcast_to(np.asarray(strength, np.float64), frames)
        self.pressing = pressing_of(rows) * self._strength[:, None]
        weights = np.zeros((frames, len(EMOTIONS))) if emotions is None else np.asarray(emotions)
        if weights.ndim == 1:
            weights = np.broadcast_to(weights, (frames, len(EMOTIONS)))
        if emotions is None or len(wrinkles.pattern) == 1:
            self._states = np.eye(len(wrinkles.pattern), dtype=np.float32)[-1:].repeat(frames, 0)
        else:
            self._states = states_of(weights[-frames:])
        self.blood = blood_of(weights, motion.fps)[-frames:]

    def playing(
        self, motion: Motion, strength: FloatArray | float, emotions: FloatArray | None = None
    ) -> WrinkledSkin:
        """The same skin in another take."""
        return WrinkledSkin(self._avatar, self._wrinkles, motion, strength, emotions)

    def coloured(self, gaussians: Splats, index: int) -> Splats:
        """The avatar's Gaussians with the colours of the frame `index`."""
        pressed, found = self.pressing[index].astype(np.float32), self._wrinkles
        if pressed.any():
            factors = np.exp(self._change(index, pressed)[:, None] * found.tint)
            gaussians = _multiplied(gaussians, found.gaussian, factors)
        strength, blood = float(self._strength[index]), self.blood[index]
        if strength and blood.any():
            factors = np.exp(flush_change(blood, found.zones, strength))
            gaussians = _multiplied(gaussians, found.flushing, factors)
        return gaussians

    def _change(self, index: int, pressed: Float32Array) -> Float32Array:
        """(M,) change of log colour. Few states and wrinkles are at work in any frame."""
        change = np.zeros(len(self._wrinkles.gaussian), np.float32)
        for state in np.flatnonzero(self._states[index]):
            active = np.flatnonzero(pressed)
            share = self._states[index, state] * pressed[active]
            change += share @ self._wrinkles.pattern[state, active]
        return change


def _multiplied(gaussians: Splats, at: Int32Array, factors: Float32Array) -> Splats:
    """The Gaussians, of which those `at` (M,) have each channel multiplied by factors (M, 3)."""
    colours = gaussians.colours.copy()
    colours[at] *= factors
    if gaussians.harmonics is None:
        return replace(gaussians, colours=colours)
    harmonics = gaussians.harmonics.copy()
    harmonics[at] *= factors[:, None]
    return replace(gaussians, colours=colours, harmonics=harmonics)


def states_of(emotions: FloatArray) -> Float32Array:
    """(…, states) shares of the skin's states, sum 1, for emotions' weights (…, 6): what they leave
    of 1 is the state of no emotion."""
    weights = np.maximum(np.asarray(emotions, np.float32), 0)
    total = weights.sum(-1, keepdims=True)
    shares = weights / np.maximum(total, 1)
    return np.concatenate([shares, 1 - np.minimum(total, 1)], -1)


def _numbers(avatar: Avatar, motion: Motion) -> Float64Array:
    if isinstance(avatar.surface, ArkitRig):
        return shown_weights(avatar.surface, motion).astype(np.float64)
    return numbers_of(motion).astype(np.float64)
