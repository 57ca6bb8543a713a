# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a person's pixels are hair."""

from __future__ import annotations

import cv2
import numpy as np

from ...shared.arrays import BoolArray, Float32Array, UInt8Array
from ...shared.head import HeadModel
from ..raster.mesh import interpolate, rasterise_mesh
from . import landmarks as marks
from .framing import EYE_PIXELS, Frame, guided, polygon
from .seeing import cut_out

_WORK_EYE_PIXELS = 55.0
_ROUNDS = 3
_STRAND_PIXELS = 5
"""How far from GrabCut's edge the picture's own may be."""
_SKIN_APART, _SKIN_FINE, _SKIN_ROUGHER = 40.0, 2.0, 1.8
"""Of 255: medians of colours that are less apart, and detail that is less, or less than so many
times the face's, are those of skin."""
_AROUND_PIXELS, _BACKGROUND = 25.0, 0.1
"""How far around a pixel the background's colour is taken from, and what of the matte is its."""
_LEAST_SHADE, _MOST_SHADE = 0.25, 1.15
"""Skin may be so much darker or brighter than the face is on the average."""
_UNLIKE_SKIN, _LIKELIER = 0.10, 0.6
"""Of 1: less unlike is skin; background is less than so many times as unlike."""
_CLOTH_HUE, _CLOTH_DARK, _CLOTH_PIXELS, _CLOTH_EDGE_PIXELS = 0.045, 0.30, 8, 9
"""Below the chin a pixel is cloth whose channels' shares of its brightness are further from the
face's, or that has less than so much of the face's brightness; so many below each other. Its
edge is a mixture."""
_STRAY_PIXELS = 2
_HAIR_SHADES, _LIKE_ROOM, _PATCH_PIXELS = (0.3, 1.8), 0.15, 40
"""Hair may be so much darker or brighter than it is on the average; background is as like that
beside; smaller patches of it are what shines through at the outline."""
_SCALP_M, _CROWN_BEHIND_M = 0.092, -0.02
"""Above this height, or this far behind, the head's template is scalp."""


def hair_mask(
    frame: Frame, head: HeadModel, vertices: Float32Array, ears: BoolArray
) -> Float32Array:
    """(H, W) 0 to 1, the person's hair. vertices: (V, 3) of the head as in the photo; ears: (H, W)
    where they may be.

    GrabCut (Rother et al. 2004) within the person: what is sure comes from the head's outline and
    the face's landmarks, the rest from colours. The background is painted with skin first, so that
    it is no third kind of thing."""
    scale = _WORK_EYE_PIXELS / EYE_PIXELS
    size = (int(frame.person.shape[1] * scale), int(frame.person.shape[0] * scale))
    seeds = np.asarray(
        cv2.resize(_seeds(frame, head, vertices, ears), size, interpolation=cv2.INTER_NEAREST),
        np.uint8,
    )
    person = cv2.resize(frame.person, size) > 0.5
    small = cv2.resize(frame.picture, size, interpolation=cv2.INTER_AREA)
    picture = np.asarray(small, np.float32)
    work = np.rint(255 * picture).astype(np.uint8)
    above_chin = np.arange(size[1])[:, None] < scale * frame.landmarks[152, 1]
    face = (seeds == cv2.GC_BGD) & person & above_chin
    if not face.any() or not (seeds == cv2.GC_FGD).any():
        return np.zeros(frame.person.shape, np.float32)
    work[~person] = np.median(work[face], 0)
    cut_out(work, seeds, _ROUNDS)
    found = np.isin(seeds, [cv2.GC_FGD, cv2.GC_PR_FGD]) & person
    found = _largest(found & ~_room_in_hair(picture, found, ~person))
    if _is_bald(work, found, face):
        return np.zeros(frame.person.shape, np.float32)
    soft = cv2.resize(found.astype(np.float32), frame.person.shape[::-1])
    return guided(np.asarray(soft, np.float32), frame.picture, _STRAND_PIXELS)


def _room_in_hair(picture: Float32Array, hair: BoolArray, outside: BoolArray) -> BoolArray:
    """(H, W) patches of the hair that have the colour of the background beside rather than that of
    the hair in any light, as what is seen between curls and shoulder."""
    if not hair.any() or not outside.any():
        return np.zeros_like(hair)
    share = cv2.GaussianBlur(outside.astype(np.float32), (0, 0), 12.0)
    room = cv2.GaussianBlur(picture * outside[..., None].astype(np.float32), (0, 0), 12.0)
    room = room / np.maximum(share, 1e-6)[..., None]
    own = np.median(picture[hair], 0)
    shade = np.clip(picture @ own / max(float(own @ own), 1e-6), *_HAIR_SHADES)[..., None]
    from_hair = np.linalg.norm(picture - shade * own, axis=2)
    from_room = np.linalg.norm(picture - room, axis=2)
    stray = hair & (from_hair > _UNLIKE_SKIN) & (from_room < _LIKELIER * from_hair)
    stray &= (share > 1e-4) & (from_room < _LIKE_ROOM)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(stray.astype(np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] >= _PATCH_PIXELS
    return stray & large[np.asarray(pieces, np.int32)]


def strayed_background(frame: Frame) -> BoolArray:
    """(H, W) what the matte takes for the person, but has the colour of the background beside
    rather than that of the face in any light, in one piece with the background."""
    outside = (frame.person < _BACKGROUND).astype(np.float32)
    face = polygon(frame, marks.OVAL, -int(0.12 * EYE_PIXELS))
    if not outside.any() or not face.any():
        return np.zeros(frame.person.shape, np.bool_)
    share = cv2.GaussianBlur(outside, (0, 0), _AROUND_PIXELS)
    room = cv2.GaussianBlur(frame.picture * outside[..., None], (0, 0), _AROUND_PIXELS)
    room = room / np.maximum(share, 1e-6)[..., None]
    skin = np.median(frame.picture[face], 0)
    shade = (frame.picture @ skin) / max(float(skin @ skin), 1e-6)
    shade = np.clip(shade, _LEAST_SHADE, _MOST_SHADE)[..., None]
    from_skin = np.linalg.norm(frame.picture - shade * skin, axis=2)
    from_room = np.linalg.norm(frame.picture - room, axis=2)
    stray = (from_skin > _UNLIKE_SKIN) & (from_room < _LIKELIER * from_skin) & (share > 1e-4)
    stray &= ~face
    _, pieces = cv2.connectedComponents((stray | (outside > 0)).astype(np.uint8))
    stray &= np.isin(pieces, np.unique(pieces[outside > 0]))
    kernel = np.ones((2 * _STRAY_PIXELS + 1,) * 2, np.uint8)
    return cv2.dilate(stray.astype(np.uint8), kernel) > 0


def clothes(frame: Frame) -> BoolArray:
    """(H, W) what lies below the face and is no skin of the face's colour in any light, and all
    that lies below such a thing: a collar, a scarf, a beard that hangs before the throat."""
    face = polygon(frame, marks.OVAL, -int(0.12 * EYE_PIXELS))
    if not face.any():
        return np.zeros(frame.person.shape, np.bool_)
    picture = cv2.GaussianBlur(frame.picture, (0, 0), 1.5)
    skin = np.median(frame.picture[face], 0)
    light = picture.sum(2, keepdims=True)
    hue = np.abs(picture / np.maximum(light, 1e-3) - skin / max(float(skin.sum()), 1e-3)).max(2)
    # What is dark has hardly a hue, and light around colours shadows.
    least = _CLOTH_HUE * np.clip(skin.sum() / np.maximum(light[..., 0], 1e-3), 1, 2.5)
    other = (hue > least) | (light[..., 0] < _CLOTH_DARK * float(skin.sum()))
    below = np.arange(len(picture))[:, None] > frame.landmarks[152, 1]
    other &= below & ~polygon(frame, marks.OVAL, 3)
    run = np.ones((_CLOTH_PIXELS, 1), np.uint8)
    first = cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_OPEN, run) > 0
    edge = np.ones((2 * _CLOTH_EDGE_PIXELS + 1,) * 2, np.uint8)
    return cv2.dilate(np.logical_or.accumulate(first, 0).astype(np.uint8), edge) > 0


def _is_bald(picture: UInt8Array, found: BoolArray, face: BoolArray) -> bool:
    """Whether what was found is skin: of the face's colour, and hardly less smooth than the face is
    in this photo."""
    if not found.any():
        return True
    inner = cv2.erode(found.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if not inner.any():
        return False
    apart = np.abs(np.median(picture[inner], 0) - np.median(picture[face], 0)).max()
    grey = picture.astype(np.float32).mean(2)
    detail = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0))
    fine = max(_SKIN_FINE, _SKIN_ROUGHER * float(np.median(detail[face])))
    return bool(apart < _SKIN_APART and detail[inner].mean() < fine)


def _seeds(frame: Frame, head: HeadModel, vertices: Float32Array, ears: BoolArray) -> UInt8Array:
    """(H, W) GrabCut's labels: surely hair, surely not, and guesses."""
    fragments = rasterise_mesh(vertices, head.faces, frame.camera)
    on_head = fragments.face >= 0
    rest = interpolate(head.template, head.faces, fragments)
    rows = np.arange(on_head.shape[0])[:, None]
    eyes = frame.landmarks[[*marks.RIGHT_LIDS, *marks.LEFT_LIDS], 1].mean()
    chin = frame.landmarks[152, 1]
    person = frame.person > 0.5
    around = cv2.dilate(on_head.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    scalp = on_head & ((rest[..., 1] > _SCALP_M) | (rest[..., 2] < _CROWN_BEHIND_M))
    scalp &= rows < eyes
    seeds = np.full(on_head.shape, cv2.GC_PR_BGD, np.uint8)
    seeds[scalp | (person & ~on_head & (rows < chin))] = cv2.GC_PR_FGD
    seeds[person & ~around & (rows < eyes)] = cv2.GC_FGD
    seeds[ears & (seeds == cv2.GC_FGD)] = cv2.GC_PR_FGD
    face = polygon(frame, marks.OVAL, -int(0.12 * EYE_PIXELS))
    below_brows = rows > frame.landmarks[list(marks.BROWS), 1].min()
    seeds[face & below_brows] = cv2.GC_BGD
    seeds[on_head & (rows > chin)] = cv2.GC_BGD
    seeds[(rows > chin + 0.35 * EYE_PIXELS) & np.ones_like(on_head)] = cv2.GC_BGD
    seeds[~person] = cv2.GC_BGD
    return seeds


def _largest(mask: BoolArray) -> BoolArray:
    """The mask's largest piece."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
