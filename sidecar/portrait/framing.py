# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a photo that an avatar is made from, at one size whatever the photo's: the head with
its hair and neck, the camera that goes with it, and masks of who is seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...shared.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from ...shared.camera import Camera
from . import landmarks as marks
from .seeing import SeenFace, person_matte

EYE_PIXELS = 110.0
"""The distance between the eyes in the part: a millimetre of a face is then 1.8 pixels."""
_ABOVE, _BELOW, _BESIDE = 3.9, 2.9, 3.0
"""How far the part reaches from between the eyes, in distances between the eyes."""
_PERSON_REACH = 5.0
_GUIDE_PIXELS, _GUIDE_SOFTNESS = 9, 1e-3
_GREY = np.array([0.3, 0.59, 0.11], np.float32)
_EDGE_PIXELS = 2
_CLOSED_PIXELS, _MOUTH_EDGE_PIXELS, _LIP_LINE_PIXELS = 3.0, 4, 4
"""Lips that are less apart on the average are closed; others show their mouth's inside so far over
their inner edge, where a landmark's error counts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """The part of the photo. picture: (H, W, 3) 0 to 1 sRGB; camera: of it; landmarks: (478, 2)
    pixels in it; person: (H, W) 0 to 1; inside: (H, W) the person without its outermost pixels,
    which hold a share of the background."""

    picture: Float32Array
    camera: Camera
    landmarks: Float64Array
    person: Float32Array
    inside: BoolArray


def frame_face(photo: UInt8Array, seen: SeenFace, camera: Camera) -> Frame:
    """Cuts the head out of the photo and brings it to its size."""
    unit, middle = seen.eye_distance, _between_eyes(seen)
    size = np.array([photo.shape[1], photo.shape[0]])
    low = np.maximum(np.floor(middle - unit * np.array([_BESIDE, _ABOVE])), 0).astype(int)
    high = np.minimum(np.ceil(middle + unit * np.array([_BESIDE, _BELOW])), size).astype(int)
    scale = EYE_PIXELS / unit
    width, height = (max(round(n), 8) for n in (high - low) * scale)
    part = _resized(photo[low[1] : high[1], low[0] : high[0]], width, height)
    scales = np.array([width, height]) / (high - low)
    lens = replace(
        camera,
        width=width,
        height=height,
        focal_x=camera.focal_x * scales[0],
        focal_y=camera.focal_y * scales[1],
        centre_x=(camera.centre_x - low[0]) * scales[0],
        centre_y=(camera.centre_y - low[1]) * scales[1],
    )
    picture = np.asarray(part / 255.0, np.float32)
    person = _person(photo, seen, (low, high), picture)
    kernel = np.ones((2 * _EDGE_PIXELS + 1, 2 * _EDGE_PIXELS + 1), np.uint8)
    solid = cv2.erode((person > 0.6).astype(np.uint8), kernel, borderValue=1) > 0
    return Frame(
        picture=picture,
        camera=lens,
        landmarks=(seen.landmarks - low) * scales,
        person=person,
        inside=solid,
    )


def _between_eyes(seen: SeenFace) -> Float64Array:
    return seen.landmarks[[33, 133, 362, 263]].mean(0)


def polygon(frame: Frame, places: tuple[int, ...], grow: int = 0) -> BoolArray:
    """(H, W) inside the outline of these landmarks, grown by so many pixels, or shrunk."""
    mask = np.zeros(frame.person.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(frame.landmarks[list(places)]).astype(np.int32)], 1)
    if grow:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(grow) + 1,) * 2)
        mask = cv2.dilate(mask, kernel) if grow > 0 else cv2.erode(mask, kernel)
    return mask > 0


def mouth_opening(frame: Frame) -> BoolArray:
    """(H, W) what may show the inside of the mouth; nothing where the lips are closed."""
    opening = polygon(frame, marks.INNER_LIPS)
    left, right = frame.landmarks[[marks.LIP_CORNERS[3], marks.LIP_CORNERS[7]]]
    width = max(float(np.linalg.norm(right - left)), 1.0)
    if opening.sum() / width < _CLOSED_PIXELS:
        return np.zeros_like(opening)
    return polygon(frame, marks.INNER_LIPS, _MOUTH_EDGE_PIXELS)


def lip_line(frame: Frame) -> BoolArray:
    """(H, W) where closed lips meet, in shadow; nothing where the mouth is open."""
    if mouth_opening(frame).any():
        return np.zeros(frame.person.shape, np.bool_)
    return polygon(frame, marks.INNER_LIPS, _LIP_LINE_PIXELS)


def sample(picture: Float32Array, pixels: Float64Array) -> Float32Array:
    """(N, C) the picture (H, W, C) at pixel positions (N, 2), bilinear; its edge beyond."""
    image = picture if picture.ndim == 3 else picture[..., None]
    most = np.array([image.shape[1], image.shape[0]]) - 1
    at = np.clip(pixels - 0.5, 0, most)
    low = np.minimum(at.astype(int), np.maximum(most - 1, 0))
    (x, y), high = low.T, np.minimum(low + 1, most)
    u, v = (at - low).astype(np.float32).T[..., None]
    upper = (1 - u) * image[y, x] + u * image[y, high[:, 0]]
    lower = (1 - u) * image[high[:, 1], x] + u * image[high[:, 1], high[:, 0]]
    return (1 - v) * upper + v * lower


def _resized(picture: UInt8Array, width: int, height: int) -> UInt8Array:
    shrinks = width < picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=how)
    return np.asarray(resized, np.uint8)


def _person(
    photo: UInt8Array, seen: SeenFace, box: tuple[np.ndarray, np.ndarray], picture: Float32Array
) -> Float32Array:
    """The person's matte in the part, its edge laid where the picture has one."""
    unit, middle = seen.eye_distance, _between_eyes(seen)
    size = np.array([photo.shape[1], photo.shape[0]])
    reach = np.array([_PERSON_REACH * unit, _PERSON_REACH * unit])
    low = np.maximum(np.floor(middle - reach), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach), size).astype(int)
    around = np.ascontiguousarray(photo[low[1] : high[1], low[0] : high[0]])
    outline = seen.landmarks[list(marks.OVAL)] - low
    coarse = person_matte(around, middle - low, unit, outline)
    (left, top), (right, bottom) = (corner - low for corner in box)
    part = coarse[top:bottom, left:right]
    part = np.asarray(cv2.resize(part, (picture.shape[1], picture.shape[0])), np.float32)
    return guided(part, picture, _GUIDE_PIXELS)


def guided(matte: Float32Array, picture: Float32Array, reach: int) -> Float32Array:
    """The matte (H, W) as a local linear function of the grey of the picture (H, W, 3), within so
    many pixels (He et al. 2013)."""
    guide = picture @ _GREY
    window = (2 * reach + 1, 2 * reach + 1)
    mean, mean_matte = cv2.blur(guide, window), cv2.blur(matte, window)
    spread = cv2.blur(guide * guide, window) - mean * mean
    slope = (cv2.blur(guide * matte, window) - mean * mean_matte) / (spread + _GUIDE_SOFTNESS)
    base = mean_matte - slope * mean
    soft = cv2.blur(slope, window) * guide + cv2.blur(base, window)
    return np.clip(soft, 0, 1)
