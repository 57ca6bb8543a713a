# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's own wrinkles: what the appearance network reads in an avatar's skin at rest, as
patterns for its Gaussians.

The network draws heights on the face's chart. A height darkens what lies deep, and its slopes turn
the skin to the light or away from it. What carries the colours blurs all that by its own size, so a
coarse Gaussian takes a wider and deeper fold.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...shared.arrays import Float32Array, Float64Array, FloatArray
from ...shared.pressing import WRINKLES
from ...shared.wrinkle_patterns import CARRIED, DEEPEST, FRONT_MM
from ..head.read import OPEN, read_head
from .face_chart import TEXEL_MM, bare_skin, blurred, open_chart, sampled
from .skin_look import LitSkin
from .skin_maps import STATES, identity_maps
from .skin_zones import FOLDS, fold_of_wrinkles, fold_zones, wrinkle_zones

_CAVITY = 1.0
"""Change of log colour by a millimetre of depth."""
_SIZES_MM = np.array([0.4, 0.8, 1.2, 1.7, 2.3, 3.0, 4.0])
"""Sizes of Gaussians for which the maps are blurred; one in between takes from both."""
_WIDTH_MM, _SOFT_WIDTH_MM = 1.6, 3.5
_SOFT = ("socket", "nasolabial", "smile", "dimple", "corner.down")
"""Widths of a usual groove, and of those folds' shades."""
_LEAST_SEEN = 0.35
"""Of a fold's zone: where less skin is seen, nothing can be read."""
_HAIR_MM = 1.0
_MOST_DEEPER = 1.8
_HOLE = 17
"""Texels."""
_LEAST = 3e-3
"""A smaller change of log colour is none."""


def is_readable(skin: LitSkin) -> bool:
    """Whether enough of a face's skin is seen for the network to read it."""
    zone = wrinkle_zones().max(0) > 0.5
    bare = skin.look.seen * (1 - skin.look.hair)
    return bool(bare[zone].mean() > _LEAST_SEEN)


def read_skin(skin: LitSkin) -> Float32Array:
    """(states, folds, E, E) heights in mm at full pressing, as the shipped network reads them, in
    half a second. Raises InputError `file.*` if its weights are not there."""
    import torch  # which avatars without a skin to read do without

    from ..denormals import flushed_denormals
    from .skin_weights import load_shipped_skin

    network = load_shipped_skin().network
    maps = torch.from_numpy(identity_maps(skin.look))[None]
    with torch.no_grad(), flushed_denormals():
        drawn = [network(maps, torch.tensor([state]))[0].numpy() for state in range(STATES)]
    bare = _bare(skin)
    own, common = np.stack(drawn)[:, : len(FOLDS)] * bare, network.common.numpy() * bare
    return as_deep(own, common, fold_zones())


def as_deep(own: Float32Array, common: Float32Array, zones: Float32Array) -> Float32Array:
    """Heights (states, folds, E, E), each fold in its zone (folds, E, E) on the whole as deep as
    the one (folds, E, E) that people have in common, unless it is deeper: the network says which
    lines a person has, and draws fainter what it is less sure of; how much skin folds is the rules'
    to say."""
    sunk, usual = (-(np.minimum(heights, 0) * zones).sum((-2, -1)) for heights in (own, common))
    factor = np.clip(usual / np.maximum(sunk, 1e-6), 1, _MOST_DEEPER)
    return (own * factor[..., None, None]).astype(np.float32)


def _bare(skin: LitSkin) -> Float32Array:
    """(E, E) 0..1, where skin may fold: not under hair. A small hole in a mesh stops no fold."""
    closed = cv2.morphologyEx(skin.look.seen, cv2.MORPH_CLOSE, np.ones((_HOLE, _HOLE)))
    bare = blurred(np.asarray(closed, np.float32) * (1 - skin.look.hair), _HAIR_MM)
    return bare * bare_skin(open_chart(read_head(OPEN)))


def shaded(heights: Float32Array, light: Float32Array) -> Float32Array:
    """(E, E) change of log colour by heights (E, E) in mm. light: as in `LitSkin`."""
    down, across = np.gradient(heights, TEXEL_MM)
    change = _CAVITY * heights + light[..., 0] * across - light[..., 1] * down
    return np.asarray(change, np.float32)


def own_patterns(
    heights: Float32Array, light: Float32Array, places: Float64Array, size_mm: FloatArray
) -> Float32Array:
    """(states, wrinkles, N) change of log colour at full pressing of what lies at places (N, 3) on
    the open head and is of a size (N,). heights: as of `read_skin`; light: as in `LitSkin`."""
    states = len(heights)
    out = np.zeros((states, len(WRINKLES), len(places)), np.float32)
    front = places[:, 2] > 1e-3 * FRONT_MM
    fold, zones = fold_of_wrinkles(), wrinkle_zones()
    level = np.interp(size_mm, _SIZES_MM, np.arange(len(_SIZES_MM)))
    for index in range(len(FOLDS)):
        mine = np.flatnonzero(fold == index)
        shares = np.stack([sampled(zones[wrinkle], places) for wrinkle in mine])
        near = np.flatnonzero(shares.any(0) & front)
        for state in range(states):
            change = shaded(heights[state, index], light)
            width = _SOFT_WIDTH_MM if FOLDS[index] in _SOFT else _WIDTH_MM
            value = _carried(change, places[near], level[near], width)
            out[state, mine[:, None], near] = value * shares[:, near]
    out[np.abs(out) < _LEAST] = 0
    return out


def _carried(
    change: Float32Array, places: Float64Array, level: Float64Array, width_mm: float
) -> Float32Array:
    """(N,) a map of folds of this width as Gaussians of such sizes, as indices into `_SIZES_MM`,
    carry it."""
    out = np.zeros(len(places), np.float32)
    for index, size in enumerate(_SIZES_MM):
        share = np.clip(1 - np.abs(level - index), 0, 1)
        some = share > 0
        if some.any():
            wider = np.hypot(width_mm, CARRIED * size) / width_mm
            deeper = np.hypot(width_mm, size) / width_mm
            values = wider * deeper * sampled(blurred(change, CARRIED * size), places[some])
            out[some] += share[some].astype(np.float32) * values.astype(np.float32)
    return np.maximum(out, -DEEPEST)
