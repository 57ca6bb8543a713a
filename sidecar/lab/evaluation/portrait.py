# SPDX-License-Identifier: GPL-3.0-or-later
"""How well an avatar that was made of a photo is that photo, and what is left of its expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ....shared.arrays import BoolArray, Float32Array, UInt8Array
from ....shared.motion import ARKIT_NAMES
from ...avatar.avatar import Avatar
from ...avatar.drive import Actor
from ...portrait.create import Portrait
from ...portrait.framing import mouth_opening, polygon
from ...portrait.landmarks import OVAL
from ...portrait.seeing import SeenFace, find_faces
from ...raster.gaussians import GaussianImage, rasterise_gaussians
from .avatar_looks import REST, look, neck_row, view

GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in how bright an sRGB picture is (Rec. 601)."""
_WINDOW, _SPREAD = (11, 11), 1.5
_STEADY = 0.01**2, 0.03**2
"""SSIM's two constants, for values from 0 to 1 (Wang et al. 2004)."""
SIDES_DEG = (-40.0, 40.0)
PIXELS = 640
"""Edge of the pictures that are measured."""
PAPER = 0.9
_SOLID, _EDGE_PIXELS, _CLOSED_PIXELS = 0.98, 6, 9
_SMILE = ("mouthSmileLeft", "mouthSmileRight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """landmark_mean, landmark_p95: how far MediaPipe finds its landmarks in the avatar's picture
    from where it finds them in the photo, percent of the distance between the eyes. psnr_db, ssim:
    of the face without the mouth's inside. smile_photo, smile_neutral: MediaPipe's score, the mean
    of both sides. see_through: percent of the pixels inside the avatar's outline at 40 degrees to
    either side whose opacity is below 0.98."""

    landmark_mean: float
    landmark_p95: float
    psnr_db: float
    ssim: float
    smile_photo: float
    smile_neutral: float
    see_through: float


def measure_portrait(portrait: Portrait, seen: SeenFace) -> Figures:
    """Measures the avatar against its photo. seen: the face as it was found in the photo."""
    frame, own = portrait.frame, own_view(portrait)
    face = polygon(frame, OVAL) & ~mouth_opening(frame)
    away = _landmarks_away(own, frame.picture)
    neutral = find_faces(still(portrait.avatar, (0.0,))[0])
    return Figures(
        landmark_mean=float(away.mean()),
        landmark_p95=float(np.quantile(away, 0.95)),
        psnr_db=psnr_db(own[face], frame.picture[face]),
        ssim=float(ssim_map(own @ GREY, frame.picture @ GREY)[face].mean()),
        smile_photo=smile(seen),
        smile_neutral=smile(neutral[0]) if neutral else float("nan"),
        see_through=see_through(portrait.avatar),
    )


def own_view(portrait: Portrait) -> Float32Array:
    """(H, W, 3) the avatar with the photo's expression and camera, before the photo."""
    frame = portrait.frame
    gaussians = Actor(portrait.avatar, portrait.fit.motion).pose(0).gaussians
    image = rasterise_gaussians(gaussians.seen_by(frame.camera), frame.camera)
    return np.asarray(image.colour + (1 - image.alpha[..., None]) * frame.picture, np.float32)


def still(avatar: Avatar, yaws_deg: Sequence[float]) -> list[UInt8Array]:
    """(H, W, 3) sRGB for each side: the avatar at rest, before paper."""
    return [bytes_of(on_plain_paper(image)) for image in _look(avatar, yaws_deg)]


def see_through(avatar: Avatar) -> float:
    """Percent of the pixels inside the outline at 40 degrees to either side, above the neck, whose
    opacity is below 0.98."""
    return 100 * float(np.mean(open_shares(avatar, SIDES_DEG)))


def psnr_db(one: Float32Array, other: Float32Array) -> float:
    """Peak signal to noise ratio of values from 0 to 1, decibels."""
    return float(-10 * np.log10(max(float(np.mean((one - other) ** 2)), 1e-12)))


def ssim_map(one: Float32Array, other: Float32Array) -> Float32Array:
    """(H, W) structural similarity of two grey pictures, values 0 to 1 (Wang et al. 2004)."""

    def soft(values: Float32Array) -> Float32Array:
        return np.asarray(cv2.GaussianBlur(values, _WINDOW, _SPREAD), np.float32)

    means, squares = (soft(one), soft(other)), soft(one) * soft(other)
    spread = soft(one * one) - means[0] ** 2 + soft(other * other) - means[1] ** 2
    together = soft(one * other) - squares
    luminance = (2 * squares + _STEADY[0]) / (means[0] ** 2 + means[1] ** 2 + _STEADY[0])
    structure = (2 * together + _STEADY[1]) / (spread + _STEADY[1])
    return np.asarray(luminance * structure, np.float32)


def open_share(alpha: Float32Array) -> float:
    """Part of the pixels inside an outline, a little off its edge, that one sees through."""
    kernel = np.ones((_CLOSED_PIXELS, _CLOSED_PIXELS), np.uint8)
    whole = cv2.morphologyEx((alpha > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    edge = np.ones((2 * _EDGE_PIXELS + 1, 2 * _EDGE_PIXELS + 1), np.uint8)
    inside: BoolArray = np.asarray(cv2.erode(whole, edge) > 0)
    return float((alpha[inside] < _SOLID).mean()) if inside.any() else 1.0


def open_shares(avatar: Avatar, yaws_deg: Sequence[float]) -> list[float]:
    """`open_share` of the avatar at rest from each side, above the neck."""
    low = neck_row(PIXELS)
    return [open_share(image.alpha[:low]) for image in _look(avatar, yaws_deg)]


def _landmarks_away(own: Float32Array, photo: Float32Array) -> np.ndarray:
    """(478,) percent of the distance between the eyes; all of it where no face is found."""
    here, there = find_faces(bytes_of(own)), find_faces(bytes_of(photo))
    if not here or not there:
        return np.full(478, 100.0)
    away = np.linalg.norm(here[0].landmarks - there[0].landmarks, axis=1)
    return 100 * away / there[0].eye_distance


def _look(avatar: Avatar, yaws_deg: Sequence[float]) -> list[GaussianImage]:
    """The avatar at rest from each side."""
    return look(avatar, REST, 0, [view(avatar, yaw, PIXELS) for yaw in yaws_deg])


def on_plain_paper(image: GaussianImage) -> Float32Array:
    """(H, W, 3) sRGB 0 to 1."""
    return np.asarray(image.colour + (1 - image.alpha[..., None]) * PAPER, np.float32)


def bytes_of(picture: Float32Array) -> UInt8Array:
    """sRGB of 8 bit from 0 to 1."""
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def smile(seen: SeenFace) -> float:
    """MediaPipe's score, the mean of both sides."""
    return float(np.mean([seen.scores[ARKIT_NAMES.index(name)] for name in _SMILE]))
