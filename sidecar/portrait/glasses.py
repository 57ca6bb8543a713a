# SPDX-License-Identifier: GPL-3.0-or-later
"""Glasses with a dark frame: taken off the skin, and set before it so that they move with the skull
alone, not with cheeks and brows.

What tells them is the bridge: nothing else draws a thin dark line across the nose between the eyes.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...shared.arrays import BoolArray, Float32Array
from ...shared.head import HeadModel
from ..raster.colour import srgb_to_linear
from ..raster.mesh import rasterise_mesh
from . import landmarks as marks
from .framing import EYE_PIXELS, Frame, polygon
from .hair import Hair, grid_in, rigid_anchors, sheet_on
from .surface import Pieces, Sight

_THICK_PIXELS, _DARK = 19, 0.28
"""A frame is thinner than this, and by so much of the skin's light darker than what is around."""
_BRIDGE, _ACROSS = 0.2, 0.9
"""Of the eyes' distance, how wide the strip on the nose is, and how much of it a bridge crosses."""
_BELOW_BROWS_PIXELS = 3
_RIMS, _ARMS, _ARMS_AT = (0.6, 0.6), 0.3, (0.4, 0.2)
"""In distances between the eyes: how far above and below the eyes rims reach, how far beside the
face arms do, and within which heights."""
_LEAST_PIXELS, _EDGE_PIXELS = 600, 3
_STEP_PIXELS, MOST_OF_GLASSES = 1.6, 2500
_BEFORE_M, _OFF_M, _EVEN_PIXELS = 0.006, 0.002, 14.0
"""The frame lies so far before the evened face, and at least so far off the skin."""
_OPACITY = 0.99


def find_glasses(frame: Frame, hair: Float32Array) -> BoolArray | None:
    """(H, W) the frame of a pair of glasses in the photo; None without. hair: (H, W), as of
    `hair_mask`."""
    grey = cv2.GaussianBlur(frame.picture.mean(2), (0, 0), 1.0)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_THICK_PIXELS, _THICK_PIXELS))
    darker = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, around) - grey
    face = polygon(frame, marks.OVAL, -int(0.12 * EYE_PIXELS))
    if not face.any():
        return None
    thin = (darker > _DARK * np.median(grey[face])) & (hair < 0.5)
    points = frame.landmarks
    rows, columns = np.mgrid[: grey.shape[0], : grey.shape[1]]
    top = points[[55, 285], 1].max() + _BELOW_BROWS_PIXELS
    strip = (np.abs(columns - points[168, 0]) < 0.5 * _BRIDGE * EYE_PIXELS) & (rows > top)
    strip &= rows < points[197, 1]
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((thin & strip).astype(np.uint8))
    wide = stats[:, cv2.CC_STAT_WIDTH] >= _ACROSS * _BRIDGE * EYE_PIXELS
    wide[0] = False
    bridge = wide[np.asarray(pieces, np.int32)]
    height = (rows - points[[*marks.RIGHT_LIDS, *marks.LEFT_LIDS], 1].mean()) / EYE_PIXELS
    near = polygon(frame, marks.OVAL) & (height > -_RIMS[0]) & (height < _RIMS[1])
    arms = polygon(frame, marks.OVAL, int(_ARMS * EYE_PIXELS))
    near |= arms & (height > -_ARMS_AT[0]) & (height < _ARMS_AT[1])
    inner = polygon(frame, marks.RIGHT_LIDS, 1) | polygon(frame, marks.LEFT_LIDS, 1)
    _, whole = cv2.connectedComponents((thin & near & ~inner).astype(np.uint8))
    found = np.isin(whole, np.setdiff1d(np.unique(whole[bridge]), [0]))
    return found if found.sum() >= _LEAST_PIXELS else None


def behind_glasses(glasses: BoolArray, sight: Sight) -> BoolArray:
    """(N,) pieces of which the photo shows glasses (H, W) instead."""
    wider = cv2.dilate(glasses.astype(np.uint8), np.ones((2 * _EDGE_PIXELS + 1,) * 2, np.uint8))
    height, width = glasses.shape
    column, row = (sight.pixels.astype(int)).clip(0, [width - 1, height - 1]).T
    return wider[row, column] > 0


def put_on(
    head: HeadModel,
    pieces: Pieces,
    vertices: Float32Array,
    frame: Frame,
    glasses: BoolArray,
    hair: Hair | None,
) -> Hair:
    """The hair with the glasses' Gaussians before its own. vertices: (V, 3) of the head as in the
    photo."""
    near = rasterise_mesh(vertices, head.faces, frame.camera)
    known = (near.face >= 0).astype(np.float32)
    depth = np.where(near.face >= 0, near.depth, 0).astype(np.float32)
    share = np.maximum(cv2.GaussianBlur(known, (0, 0), _EVEN_PIXELS), 1e-6)
    even = cv2.GaussianBlur(depth, (0, 0), _EVEN_PIXELS) / share - _BEFORE_M
    relief = np.minimum(even, np.where(near.face >= 0, near.depth - _OFF_M, np.inf))
    away = cv2.distanceTransform(glasses.astype(np.uint8), cv2.DIST_L2, 5).astype(np.float32)
    step = max(_STEP_PIXELS, float(np.sqrt(glasses.sum() / (0.9 * MOST_OF_GLASSES))))
    sheet = sheet_on(frame, relief.astype(np.float64), away, grid_in(glasses, step), step)
    x, y = sheet.pixels.T
    colours = srgb_to_linear(frame.picture[y, x].clip(0, 1)).astype(np.float32)
    anchors = rigid_anchors(head, pieces, sheet.means)
    rest = pieces.avatar.vertices[head.faces].mean(1)
    count, pieces_count = len(x), len(pieces.region)
    worn = Hair(
        anchors=anchors,
        offsets=(sheet.means - rest[anchors]).astype(np.float32),
        quaternions=sheet.quaternions,
        scales=sheet.scales,
        opacities=np.full(count, _OPACITY, np.float32),
        colours=colours,
        front=count,
        firm=np.ones(count, np.bool_),
        scalp=np.zeros(pieces_count, np.bool_),
        scalp_colour=np.zeros((pieces_count, 3), np.float32),
    )
    return worn if hair is None else _before(worn, hair)


def _before(worn: Hair, hair: Hair) -> Hair:
    return Hair(
        anchors=np.concatenate([worn.anchors, hair.anchors]),
        offsets=np.concatenate([worn.offsets, hair.offsets]),
        quaternions=np.concatenate([worn.quaternions, hair.quaternions]),
        scales=np.concatenate([worn.scales, hair.scales]),
        opacities=np.concatenate([worn.opacities, hair.opacities]),
        colours=np.concatenate([worn.colours, hair.colours]),
        front=worn.front + hair.front,
        firm=np.concatenate([worn.firm, hair.firm]),
        scalp=hair.scalp,
        scalp_colour=hair.scalp_colour,
    )
