# SPDX-License-Identifier: GPL-3.0-or-later
"""What LAM wants of a photo: the whole head in a square, on white."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from ...shared.arrays import Float32Array, Float64Array, UInt8Array
from ...shared.errors import InputError
from ..portrait import landmarks as marks
from ..portrait.framing import guided
from ..portrait.seeing import SeenFace, person_matte

CROP_PIXELS = 1024
_ROOM = 1.65
"""A square's edge over the root of the area of the head's box."""
_GUIDE_PIXELS = 8
_LEAST_PERSON, _MOST_PERSON = 0.03, 0.995
"""Of a crop's pixels: less is no person, more has no background."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crop:
    """pixels: (1024, 1024, 3) sRGB on white; said: what was noticed, or nothing."""

    pixels: UInt8Array
    said: str


def square_around(points: Float64Array) -> tuple[int, int, int]:
    """Left, top and edge in pixels of the square that LAM takes around the head's points (M, 2)."""
    low, high = points.min(0), points.max(0)
    width, height = high - low
    edge = max(int(_ROOM * np.sqrt(width * height)), 1)
    left, top = (round(float(one)) for one in (low + high) / 2 - edge / 2)
    return left, top, edge


def crop_head(photo: UInt8Array, seen: SeenFace, points: Float64Array, name: str) -> Crop:
    """Cuts the head out and lays it on white. photo: (H, W, 3) sRGB; points: (M, 2) pixels of the
    head's vertices in it. Raises InputError `photo.matte` where nearly nothing is left."""
    left, top, edge = square_around(points)
    square = _cut(photo, left, top, edge)
    scale = CROP_PIXELS / edge
    image = Image.fromarray(square).resize((CROP_PIXELS, CROP_PIXELS), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.uint8)
    landmarks = (seen.landmarks - [left, top]) * scale
    eyes = landmarks[[33, 133, 362, 263]].mean(0)
    unit = seen.eye_distance * scale
    matte = person_matte(pixels, eyes, unit, landmarks[list(marks.OVAL)])
    matte = guided(matte, np.asarray(pixels / 255.0, np.float32), _GUIDE_PIXELS)
    matte = np.asarray(matte * _inside(photo, left, top, edge), np.float32)
    share = float(matte.mean())
    if share < _LEAST_PERSON:
        raise InputError(
            "photo.matte",
            f"The person in {name} cannot be told from the background.",
            "Give a photo with another background, or cut the person out in a picture editor "
            "(a PNG with transparency).",
        )
    said = "" if share < _MOST_PERSON else "No background was found; the photo is used as it is."
    return Crop(pixels=on_white(pixels, matte), said=said)


def on_white(pixels: UInt8Array, matte: Float32Array) -> UInt8Array:
    """The picture (H, W, 3) where the matte (H, W) is 1, white where it is 0."""
    share = matte[..., None]
    return np.rint(pixels * share + 255 * (1 - share)).astype(np.uint8)


def network_image(pixels: UInt8Array, side: int) -> Float32Array:
    """(3, side, side) 0..1, averaged down as LAM does it; no mean is taken off."""
    small = cv2.resize(pixels / 255.0, (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.transpose(2, 0, 1), np.float32)


def _cut(photo: UInt8Array, left: int, top: int, edge: int) -> UInt8Array:
    """(edge, edge, 3), black outside of the photo."""
    out = np.zeros((edge, edge, 3), np.uint8)
    height, width = photo.shape[:2]
    rows = slice(max(top, 0), min(top + edge, height))
    columns = slice(max(left, 0), min(left + edge, width))
    part = photo[rows, columns]
    out[rows.start - top :, columns.start - left :][: part.shape[0], : part.shape[1]] = part
    return out


def _inside(photo: UInt8Array, left: int, top: int, edge: int) -> Float32Array:
    """(1024, 1024) 1 where the square lies on the photo."""
    whole = np.full((*photo.shape[:2], 3), 255, np.uint8)
    cut = _cut(whole, left, top, edge)[..., 0]
    resized = cv2.resize(cut, (CROP_PIXELS,) * 2, interpolation=cv2.INTER_NEAREST)
    return (resized > 0).astype(np.float32)
