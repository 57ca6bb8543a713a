# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels Gaussians by what an avatar shows where each of them is.

The surface that they are bound to, drawn beside them, labels the pixels: networks train them on
it. Their own anchors say less, since spare Gaussians of the eyeballs and of the mouth's inside
paint the skin near by. Hair is found by place and colour, teeth by an open mouth's brightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float32Array, FloatArray, Int32Array, Int64Array, UInt8Array
from ...shared.camera import Camera, look_at
from ...shared.head import REGIONS, HeadModel
from ...shared.motion import ARKIT_NAMES, Motion, make_motion
from ..head.read import OPEN, read_head
from ..raster.gaussians import rasterise_gaussians
from ..raster.mesh import interpolate, rasterise_mesh, seen_from_behind
from .alignment import Alignment
from .avatar import Avatar
from .drive import Actor
from .picture_shares import picture_shares
from .rest_pose import rest_gaussians
from .splats import Splats, seen_colours

PASS_REGIONS = ("skin", "lips", "eyes", "teeth", "mouth", "hair")
"""The masks, in the order of their channels."""
SKIN, LIPS, EYES, TEETH, MOUTH, HAIR = range(len(PASS_REGIONS))
_NONE = len(PASS_REGIONS)
"""The label of pixels that do not vote."""

_AROUND_DEG = (-60.0, -30.0, 0.0, 30.0, 60.0, 120.0, 180.0, 240.0)
_FRONT_DEG = (-30.0, 0.0, 30.0)
_PIXELS, _DISTANCE_M, _MARGIN = 320, 1.5, 1.1
_FACE_MARGIN = 1.5
"""Leaves room around eyes and lips for an open mouth."""
_OPAQUE = 0.9
_FROM_BEHIND = 0.1
"""Weight of views from behind: networks that know a portrait leave the back open, and the face's
inside shows through it."""
_UNSEEN = 1e-3
"""Pixels: a Gaussian that has less than that in all views keeps its anchor's label."""
_JAW_OPEN, _JAW_RAD = 0.7, 0.25
_TEETH_STAND_OUT = 15.0
"""Steps of CIE lightness between the middles of bright and of dark in an open mouth that holds
teeth: a tongue and its shadows differ by less."""

_SKULL_MIDDLE_M = np.array([0.0, 0.02, -0.035])
"""The middle of the open head's skull."""
_AZIMUTH_DEG = np.array([0.0, 45.0, 70.0, 90.0, 115.0, 140.0, 180.0])
_SCALP_DEG = np.array([68.0, 60.0, 36.0, 26.0, 20.0, -30.0, -37.0])
"""Elevation above which the open head has scalp, by azimuth from the face: 8 to 30 degrees above
its hairline, since foreheads are high and low."""
_HAIR_DEG = np.array([24.0, 16.0, -29.0, -56.0, -58.0, -68.0, -70.0])
"""Elevation down to which hair may hang: to the brow in front, past the ears at the sides."""
_BARE_AZIMUTH_DEG, _BARE_DEG = 50.0, (-35.0, 12.0)
"""Up to this azimuth and between these elevations a face is bare skin."""
_APART = 1.5
"""Deviations that the scalp's colour must differ from the face's to be hair by that alone."""
_STANDS_OFF_M = 0.008
"""A scalp that stands off the open head's skull by this, in the median, is hair."""
_BROW_M = 0.005
_LEAST_POINTS = 50
_JUST_SEEN = 2.0
"""The least spread of a colour, in steps of CIE Lab: what an eye can just tell apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A picture of N Gaussians, reduced to the P pixels that they fill, and what the surface shows
    there. row, column, label: (P,); inside: (P,) True where no outside of the surface is seen;
    colour: (P, 3) sRGB; stood: (P, 3) the Gaussians' places on the open head; place: (P, 3) the
    surface's, or `stood` where there is none. weight: that of a pixel's vote."""

    gaussians: Splats
    camera: Camera
    row: Int64Array
    column: Int64Array
    label: UInt8Array
    inside: BoolArray
    colour: Float32Array
    stood: Float32Array
    place: Float32Array
    weight: float

    def votes(self) -> Float32Array:
        """(N, 6) each Gaussian's share in the pixels of each label."""
        count = len(PASS_REGIONS)
        wanted = np.zeros((self.camera.height, self.camera.width, count), np.float32)
        wanted[self.row, self.column] = np.eye(count + 1, count, dtype=np.float32)[self.label]
        return picture_shares(self.gaussians, wanted, self.camera)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Subject:
    """An avatar, as far as its views share it. known: (V, 9) one-hot labels of its surface, and its
    places on the open head; stood: (N, 3) the Gaussians' places there; size: metres."""

    faces: Int32Array
    known: Float32Array
    stood: Float32Array
    size: float

    def view(
        self,
        splats: Splats,
        vertices: Float32Array,
        cube: tuple[Float32Array, float],
        yaw_deg: float,
    ) -> View:
        """The view from one side, filled by the cube (its middle (3,) and size, metres)."""
        camera = look_at(
            target=cube[0].astype(np.float64),
            distance=_DISTANCE_M,
            yaw_rad=np.radians(yaw_deg),
            pitch_rad=0.0,
            width=_PIXELS,
            height=_PIXELS,
            fov_y_rad=2 * np.arctan(0.5 * cube[1] / _DISTANCE_M),
        )
        carried = np.concatenate([seen_colours(splats, camera), self.stood], 1, dtype=np.float32)
        image = rasterise_gaussians(splats.carrying(carried), camera)
        row, column = np.nonzero(image.alpha > _OPAQUE)
        shown = image.colour[row, column] / image.alpha[row, column, None]
        fragments = rasterise_mesh(vertices, self.faces, camera)
        known = interpolate(self.known, self.faces, fragments)[row, column]
        face, count = fragments.face[row, column], len(PASS_REGIONS)
        behind = seen_from_behind(vertices, self.faces, camera)
        # A pixel counts by its size on the head.
        weight = (cube[1] / self.size) ** 2 * (_FROM_BEHIND if abs(yaw_deg - 180) < 90 else 1.0)
        return View(
            gaussians=splats,
            camera=camera,
            row=row,
            column=column,
            label=known[:, :count].argmax(1).astype(np.uint8),  # skin where no surface is
            inside=(face < 0) | behind[face],
            colour=shown[:, :3],
            stood=shown[:, 3:],
            place=np.where((face >= 0)[:, None], known[:, count:], shown[:, 3:]),
            weight=weight,
        )


def labels_as_seen(
    avatar: Avatar, label: UInt8Array, found: Alignment, home: Int32Array
) -> UInt8Array:
    """(N,) index into `PASS_REGIONS`. label: (V,) of the surface's vertices, from its alignment
    `found`; home: (N,) the vertex that each Gaussian is bound to."""
    offsets = avatar.means - avatar.vertices[home]
    one_hot = np.eye(len(PASS_REGIONS), dtype=np.float32)[label]
    middle, extent = _bounds(avatar.vertices)
    head = middle, _MARGIN * float(np.linalg.norm(extent))
    middle, extent = _bounds(avatar.vertices[(label == LIPS) | (label == EYES)])
    face = middle, _FACE_MARGIN * float(extent.max())
    subject = _Subject(
        faces=avatar.faces,
        known=np.concatenate([one_hot, found.place], 1),
        stood=(found.place[home] + offsets * found.open_from_metres).astype(np.float32),
        size=head[1],
    )
    rest, opened = rest_gaussians(avatar), Actor(avatar, _open_mouth(avatar)).pose(0)
    views = [subject.view(rest, avatar.vertices, head, yaw) for yaw in _AROUND_DEG]
    views += [subject.view(rest, avatar.vertices, face, yaw) for yaw in _FRONT_DEG]
    _label_hair(views, read_head(OPEN))
    posed = opened.gaussians, opened.vertices
    mouths = [subject.view(*posed, face, yaw) for yaw in _FRONT_DEG]
    _label_mouths(mouths)
    votes = np.zeros((len(home), len(PASS_REGIONS)))
    for view in views + mouths:
        votes += view.weight * view.votes()
    return np.where(votes.max(1) < _UNSEEN, label[home], votes.argmax(1)).astype(np.uint8)


def _bounds(points: Float32Array) -> tuple[Float32Array, Float32Array]:
    """The middle (3,) and the extent (3,) of the points' bounding box."""
    low, high = points.min(0), points.max(0)
    return 0.5 * (low + high), high - low


def _open_mouth(avatar: Avatar) -> Motion:
    """One frame with an open mouth, in the space of the avatar's surface."""
    expression = np.zeros((1, 100), np.float32)
    if isinstance(avatar.surface, HeadModel):
        jaw = np.array([[_JAW_RAD, 0, 0]], np.float32)
        return make_motion(expression=expression, fps=25.0, space=avatar.surface.space, jaw=jaw)
    expression[0, ARKIT_NAMES.index("jawOpen")] = _JAW_OPEN
    return make_motion(expression=expression, fps=25.0, space="arkit")


def _label_mouths(views: Sequence[View]) -> None:
    """Labels what is between the lips of open mouths, bright as teeth; the rest gets no label."""
    between = [
        _hull(view, view.label == LIPS) & (view.inside | (view.label == MOUTH)) for view in views
    ]
    colours = [view.colour[mine] for view, mine in zip(views, between, strict=True)]
    bright = _split(_stand_out(np.concatenate(colours)), colours)
    for view, mine, teeth in zip(views, between, bright, strict=True):
        view.label[:] = _NONE
        view.label[mine] = np.where(teeth, TEETH, MOUTH)


def _hull(view: View, chosen: BoolArray) -> BoolArray:
    """(P,) the pixels within the convex hull of the chosen ones (P,)."""
    filled = np.zeros((view.camera.height, view.camera.width), np.uint8)
    if chosen.any():
        points = np.column_stack([view.column, view.row])[chosen].astype(np.int32)
        cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
    return filled[view.row, view.column] > 0


def _stand_out(colours: Float32Array) -> BoolArray:
    """(P,) the bright ones of colours (P, 3) sRGB, if they are well apart from the dark."""
    if len(colours) < 2:
        return np.zeros(len(colours), bool)
    grey = cv2.cvtColor(np.clip(colours, 0, 1)[None], cv2.COLOR_RGB2LAB)[0, :, 0]
    steps = np.round(2.55 * grey).astype(np.uint8)
    limit = cv2.threshold(steps, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0] / 2.55
    bright = grey > limit
    if bright.all() or not bright.any():
        return np.zeros(len(colours), bool)
    apart = np.median(grey[bright]) - np.median(grey[~bright])
    return bright & (apart > _TEETH_STAND_OUT)


def _split(values: BoolArray, like: Sequence[FloatArray]) -> list[BoolArray]:
    """Concatenated values, cut into pieces as long as those of `like`."""
    return np.split(values, np.cumsum([len(part) for part in like])[:-1])


def _label_hair(views: Sequence[View], open_head: HeadModel) -> None:
    """Labels hair and brows among the views' skin, by all their pixels together."""
    stood, place, colour = (
        np.concatenate([getattr(view, name) for view in views])
        for name in ("stood", "place", "colour")
    )
    skin = np.concatenate([view.label for view in views]) == SKIN
    hair = skin & _looks_like_hair(stood, place, colour, skin, open_head)
    for view, mine in zip(views, _split(hair, [view.place for view in views]), strict=True):
        view.label[mine] = HAIR


def _looks_like_hair(
    stood: Float32Array,
    place: Float32Array,
    colour: Float32Array,
    skin: BoolArray,
    open_head: HeadModel,
) -> BoolArray:
    """(P,) the pixels on the scalp, those where hair may hang that look like the scalp, and dark
    ones on the brows; none on a bald head. stood, place, colour: as in `View`."""
    azimuth, elevation, _ = _polar(place)
    scalp = elevation > np.interp(azimuth, _AZIMUTH_DEG, _SCALP_DEG)
    hangs = elevation > np.interp(azimuth, _AZIMUTH_DEG, _HAIR_DEG)
    low, high = _BARE_DEG
    bare = skin & (azimuth < _BARE_AZIMUTH_DEG) & (elevation > low) & (elevation < high)
    if min(bare.sum(), scalp.sum()) < _LEAST_POINTS:
        return np.zeros(len(skin), bool)
    lab = cv2.cvtColor(np.clip(colour, 0, 1)[None], cv2.COLOR_RGB2LAB)[0]
    stands_off = _polar(stood)[2] - _skull(stood, open_head)
    colour_apart = _tell_apart(lab[bare], lab[scalp])[2]
    if colour_apart < _APART and np.median(stands_off[scalp]) < _STANDS_OFF_M:
        return np.zeros(len(skin), bool)
    looks = np.column_stack([lab, 1e3 * stands_off])
    toward, halfway, _ = _tell_apart(looks[bare], looks[scalp])
    lightness = np.median(lab[bare, 0])
    spread = 1.48 * np.median(np.abs(lab[bare, 0] - lightness))
    dark = lab[:, 0] < lightness - max(spread, 5.0)
    brow = cKDTree(open_head.template[open_head.region == REGIONS.index("brow")])
    on_brow = brow.query(place)[0] < _BROW_M
    return scalp | (hangs & (looks @ toward > halfway)) | (on_brow & dark)


def _tell_apart(a: FloatArray, b: FloatArray) -> tuple[FloatArray, float, float]:
    """Fisher's discriminant of two groups (n, K): the direction (K,), the threshold halfway
    between their medians along it, and how many deviations those are apart."""
    middle_a, middle_b = np.median(a, 0), np.median(b, 0)
    spread = 0.5 * (_covariance(a - middle_a) + _covariance(b - middle_b))
    toward = np.linalg.solve(spread, middle_b - middle_a)
    apart = np.sqrt(max(float((middle_b - middle_a) @ toward), 0.0))
    return toward, float(0.5 * (middle_a + middle_b) @ toward), apart


def _covariance(values: FloatArray) -> FloatArray:
    # Outliers beyond three robust deviations would else set the scale.
    limit = 3 * np.maximum(1.48 * np.median(np.abs(values), 0), _JUST_SEEN)
    clipped = np.clip(values, -limit, limit)
    return clipped.T @ clipped / len(clipped) + _JUST_SEEN**2 * np.eye(values.shape[1])


def _polar(places: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(N,) each, from the skull's middle: degrees of azimuth from the face and of elevation, and
    metres of distance."""
    x, y, z = (places - _SKULL_MIDDLE_M).T
    reach = np.sqrt(x * x + y * y + z * z)
    azimuth = np.degrees(np.arctan2(np.abs(x), z))
    return azimuth, np.degrees(np.arcsin(y / np.maximum(reach, 1e-9))), reach


def _skull(places: FloatArray, open_head: HeadModel) -> FloatArray:
    """(N,) metres from the skull's middle to the open head's skin in each place's direction."""
    skin = open_head.template[open_head.region == REGIONS.index("skin")] - _SKULL_MIDDLE_M
    reach = np.linalg.norm(skin, axis=1)
    direction = places - _SKULL_MIDDLE_M
    direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    return reach[cKDTree(skin / reach[:, None]).query(direction)[1]]
