# SPDX-License-Identifier: GPL-3.0-or-later
"""What a photo shows: faces with landmarks, irises and blendshapes; which pixels are a person."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...shared.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from .networks import BLENDSHAPES, DETECTOR, LANDMARKS, network

LANDMARK_COUNT = 478
"""MediaPipe's points: 468 of the face, then five of each iris, the subject's right one first."""
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)
"""Corners of the subject's eyes."""
_DETECTOR_EDGE, _LANDMARK_EDGE = 128, 256
_CUT_UNIT, _CUT_ROUNDS = 40.0, 5
"""Pixels between the eyes at which GrabCut works, and its rounds."""
_INNER_FACE, _THROAT = 0.08, 0.3
"""What is surely the person's, in distances between the eyes: the face but for so much at its
outline, and what lies so near to either side below the chin."""
_STRANDS_APART, _STRANDS_SHARE, _STRANDS_LEAST = 1.6, 0.98, 2.0
"""Hair before a smooth background has its colour, perhaps, but not its smoothness: more than so
many times the detail that all but a few of the background's pixels have, and of 255 so much."""
_STRANDS_REACH = (2.0, 2.45)
"""Half the oval around the face in which strands are looked for, in distances between the eyes."""
_FOREHEAD_PIXELS = 18
"""Hair begins at most so far from the face, at `_CUT_UNIT`."""
_LEAST_SCORE = 0.5
_SAME_FACE = 0.3
"""Boxes that share more than this of their union are one face."""
_ROOM = 1.5
"""The landmarks' network sees a square this much larger than the face's box."""
_LOOKS = ((0.92, 0.0), (1.0, -0.09), (1.0, 0.09), (1.06, -0.04), (1.06, 0.04), (0.96, 0.0))
"""Sizes and turns, in radians, of the squares whose landmarks are averaged."""
_BLENDSHAPE_POINTS = np.array(
    [0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61,
     63, 65, 66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127,
     132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160,
     161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251,
     263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308,
     310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365,
     373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397,
     398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476,
     477]
)  # fmt: skip
"""The points that MediaPipe's blendshapes are read from, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenFace:
    """One face. landmarks: (478, 2) pixels; scores: (52,) 0 to 1, ARKit's in `ARKIT_NAMES` order
    (tongueOut is not seen, 0); confidence: 0 to 1."""

    landmarks: Float64Array
    scores: Float32Array
    confidence: float

    @property
    def eye_distance(self) -> float:
        """Pixels between the middles of the two eyes' corners."""
        middles = [self.landmarks[list(eye)].mean(0) for eye in (RIGHT_EYE, LEFT_EYE)]
        return float(np.linalg.norm(middles[1] - middles[0]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Roi:
    """A turned square in the picture: its middle and edge in pixels, its turn in radians."""

    middle: Float64Array
    edge: float
    turn_rad: float

    def picture_from_square(self, pixels: int) -> Float64Array:
        """(2, 3) from a square picture of so many pixels an edge."""
        scale = self.edge / pixels
        c, s = scale * np.cos(self.turn_rad), scale * np.sin(self.turn_rad)
        turn = np.array([[c, -s], [s, c]])
        return np.column_stack([turn, self.middle - turn @ [pixels / 2, pixels / 2]])


def find_faces(picture: UInt8Array) -> list[SeenFace]:
    """All faces, the largest first. picture: (H, W, 3) sRGB. Raises InputError
    `option.missing_extra` without the packages that see."""
    sizes = _halved(picture)
    seen = [face for roi in _detect_all(sizes) if (face := _look(sizes, roi)) is not None]
    seen.sort(key=lambda face: -face.eye_distance)
    return seen


def _halved(picture: UInt8Array) -> list[UInt8Array]:
    """The picture and its halves: a square of them is then looked up without gaps or blur."""
    sizes = [np.ascontiguousarray(picture)]
    while min(sizes[-1].shape[:2]) > 2 * _DETECTOR_EDGE:
        height, width = sizes[-1].shape[:2]
        half = (width + 1) // 2, (height + 1) // 2
        sizes.append(
            np.asarray(cv2.resize(sizes[-1], half, interpolation=cv2.INTER_AREA), np.uint8)
        )
    return sizes


def _square(sizes: list[UInt8Array], back: Float64Array, pixels: int) -> Float32Array:
    """A square of a picture, black beyond its edge. back: (2, 3) from the square's pixels."""
    step = float(np.linalg.norm(back[:, 0]))
    level = int(np.clip(np.log2(max(step, 1.0)), 0, len(sizes) - 1))
    whole, chosen = sizes[0].shape[:2], sizes[level].shape[:2]
    scale = np.array([[chosen[1] / whole[1]], [chosen[0] / whole[0]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    square = cv2.warpAffine(sizes[level], back * scale, (pixels, pixels), flags=flags)
    return square.astype(np.float32)


def person_matte(
    picture: UInt8Array, eyes: Float64Array, unit: float, face: Float64Array
) -> Float32Array:
    """(H, W) 0 to 1, how much a pixel belongs to the person. picture: (H, W, 3) sRGB; eyes: (2,)
    the pixel between the eyes, and unit: their distance in pixels; face: (M, 2) its outline.

    By GrabCut (Rother et al. 2004): the face and what lies straight below it are the person, what
    is far from the head and above the shoulders is not, colours say the rest. Beside a face that is
    turned lies background, near as it is to the eyes.
    """
    scale = min(1.0, _CUT_UNIT / unit)
    shape = (max(round(picture.shape[1] * scale), 8), max(round(picture.shape[0] * scale), 8))
    small = np.asarray(cv2.resize(picture, shape, interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = np.mgrid[: shape[1], : shape[0]].astype(np.float64)
    x, y = (columns / scale - eyes[0]) / unit, (rows / scale - eyes[1]) / unit
    mask = np.full(x.shape, cv2.GC_PR_BGD, np.uint8)
    mask[_oval(x, y, -0.1, (1.75, 2.2)) | ((np.abs(x) < 2.2) & (y > 2.2))] = cv2.GC_PR_FGD
    outside = ~_oval(x, y, -0.1, (2.6, 3.1)) & (y < 1.6)
    mask[outside] = cv2.GC_BGD
    inner = np.zeros(x.shape, np.uint8)
    cv2.fillPoly(inner, [np.rint(face * scale).astype(np.int32)], 1)
    chin = face[face[:, 1].argmax()]
    throat = (np.abs(columns / scale - chin[0]) < _THROAT * unit) & (rows / scale > chin[1])
    edge = 2 * round(_INNER_FACE * unit * scale) + 1
    sure = (cv2.erode(inner, np.ones((edge, edge), np.uint8)) > 0) | throat
    mask[sure] = cv2.GC_FGD
    strands = _strands(small, outside, _oval(x, y, -0.1, _STRANDS_REACH) & (y < 1.2), sure)
    mask[strands & ~outside] = cv2.GC_FGD
    if not sure.any() or not np.isin(mask, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():
        return np.ones(picture.shape[:2], np.float32)  # so near that all of it is the person
    cut_out(small, mask, _CUT_ROUNDS)
    person = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    _, parts = cv2.connectedComponents(person)
    own = parts == np.bincount(parts[mask == cv2.GC_FGD]).argmax()
    whole = cv2.resize(own.astype(np.float32), (picture.shape[1], picture.shape[0]))
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), max(unit / 40, 0.8)), np.float32)


def _strands(picture: UInt8Array, far: BoolArray, near: BoolArray, face: BoolArray) -> BoolArray:
    """(H, W) what near the face has so much more detail than the background far off that it is
    hair, in one piece with the face; nothing before a background of much detail.

    Grey hair before a grey wall has no other sign."""
    grey = picture.astype(np.float32).mean(2)
    detail = cv2.GaussianBlur(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.0)), (0, 0), 1.5)
    if not far.any():
        return np.zeros_like(far)
    least = max(_STRANDS_APART * float(np.quantile(detail[far], _STRANDS_SHARE)), _STRANDS_LEAST)
    rough = near & (detail > least)
    rough = cv2.erode(rough.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    forehead = np.ones((2 * _FOREHEAD_PIXELS + 1,) * 2, np.uint8)
    reach = cv2.dilate(face.astype(np.uint8), forehead) > 0
    _, pieces = cv2.connectedComponents((rough | reach).astype(np.uint8))
    return rough & np.isin(pieces, np.unique(pieces[reach]))


def cut_out(picture: UInt8Array, labels: UInt8Array, rounds: int) -> None:
    """GrabCut (Rother et al. 2004), in place; the same labels every time. picture: (H, W, 3);
    labels: (H, W) of OpenCV's `GC_...`."""
    cv2.setRNGSeed(1)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture, labels, (0, 0, 1, 1), *models, rounds, cv2.GC_INIT_WITH_MASK)


def _oval(x: Float64Array, y: Float64Array, middle: float, half: tuple[float, float]) -> BoolArray:
    return (x / half[0]) ** 2 + ((y - middle) / half[1]) ** 2 < 1


def _detect_all(sizes: list[UInt8Array]) -> list[_Roi]:
    """Faces in the whole picture and in its overlapping halves, where small ones are larger."""
    height, width = sizes[0].shape[:2]
    edge = max(height, width)
    boxes = _detect(sizes, (0, 0), edge)
    half = edge / 2
    for y in np.arange(0, max(height - half, 0) + 1, half / 2):
        for x in np.arange(0, max(width - half, 0) + 1, half / 2):
            boxes += _detect(sizes, (float(x), float(y)), half)
    boxes.sort(key=lambda found: -found[0])
    kept: list[tuple[float, _Roi]] = []
    for score, roi in boxes:
        if all(_overlap(roi, other) < _SAME_FACE for _, other in kept):
            kept.append((score, roi))
    return [roi for _, roi in kept[:20]]


def _detect(
    sizes: list[UInt8Array], corner: tuple[float, float], edge: float
) -> list[tuple[float, _Roi]]:
    """Faces in a square of the picture: score and place. What lies outside is black."""
    scale = edge / _DETECTOR_EDGE
    back = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
    out = network(DETECTOR)(
        _square(sizes, back, _DETECTOR_EDGE) / np.float32(127.5) - np.float32(1)
    )
    logits = np.clip(out["classificators"].reshape(-1).astype(np.float64), -100, 100)
    scores = 1 / (1 + np.exp(-logits))
    found = []
    for index in np.flatnonzero(scores > _LEAST_SCORE):
        raw = out["regressors"].reshape(-1, 16)[index].astype(np.float64)
        places = raw.reshape(8, 2) + np.where(np.arange(8)[:, None] == 1, 0, _anchors()[index])
        places = places * scale
        points = places + corner
        between = points[3] - points[2]
        turn = float(np.arctan2(between[1], between[0]))
        size = _ROOM * float(places[1].max())
        found.append((float(scores[index]), _Roi(middle=points[0], edge=size, turn_rad=turn)))
    return found


def _anchors() -> Float64Array:
    """(896, 2) middles of the detector's cells, in its pixels: 16 x 16 twice, 8 x 8 six times."""
    parts = []
    for cells, times in ((16, 2), (8, 6)):
        at = (np.arange(cells) + 0.5) * (_DETECTOR_EDGE / cells)
        y, x = np.meshgrid(at, at, indexing="ij")
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), times, 0))
    return np.concatenate(parts)


def _overlap(one: _Roi, other: _Roi) -> float:
    """Share of two upright squares' union that both cover."""
    low = np.maximum(one.middle - one.edge / 2, other.middle - other.edge / 2)
    high = np.minimum(one.middle + one.edge / 2, other.middle + other.edge / 2)
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / (one.edge**2 + other.edge**2 - common)


def _look(sizes: list[UInt8Array], roi: _Roi) -> SeenFace | None:
    """The face in the square. It is found there, then looked at in a few squares around: what the
    network says of a point depends on the square by 1 % of the eyes' distance, the mean hardly."""
    landmarks, confidence = _landmarks(sizes, roi)
    if confidence < _LEAST_SCORE:
        return None
    around = _around(landmarks)
    looks = [
        _landmarks(sizes, replace(around, edge=around.edge * size, turn_rad=around.turn_rad + turn))
        for size, turn in _LOOKS
    ]
    if min(sure for _, sure in looks) < _LEAST_SCORE:
        return None
    landmarks = np.mean([points for points, _ in looks], 0)
    return SeenFace(landmarks=landmarks, scores=scores_of(landmarks), confidence=confidence)


def scores_of(landmarks: Float64Array) -> Float32Array:
    """(52,) 0 to 1, ARKit's in `ARKIT_NAMES` order, of a face by its landmarks (478, 2), pixels."""
    given = landmarks[_BLENDSHAPE_POINTS].astype(np.float32)
    (scores,) = network(BLENDSHAPES)(given).values()
    return np.append(scores.reshape(-1)[1:], 0).astype(np.float32)  # the first says neutral


def _landmarks(sizes: list[UInt8Array], roi: _Roi) -> tuple[Float64Array, float]:
    back = roi.picture_from_square(_LANDMARK_EDGE)
    out = network(LANDMARKS)(_square(sizes, back, _LANDMARK_EDGE) / np.float32(255))
    points = out["Identity"].reshape(LANDMARK_COUNT, 3)[:, :2].astype(np.float64)
    confidence = 1 / (1 + np.exp(-float(out["Identity_1"].reshape(-1)[0])))
    return points @ back[:, :2].T + back[:, 2], confidence


def _around(landmarks: Float64Array) -> _Roi:
    """The square for the next look, from landmarks."""
    between = landmarks[LEFT_EYE[1]] - landmarks[RIGHT_EYE[0]]
    turn = float(np.arctan2(between[1], between[0]))
    c, s = np.cos(turn), np.sin(turn)
    upright = landmarks @ np.array([[c, -s], [s, c]])
    low, high = upright.min(0), upright.max(0)
    middle = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return _Roi(middle=middle, edge=_ROOM * float((high - low).max()), turn_rad=turn)
