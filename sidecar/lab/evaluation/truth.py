# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar made of a drawn person's photo against the same person drawn from other sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ....shared.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from ....shared.camera import Camera
from ....shared.head import HeadModel
from ....shared.motion import Motion
from ...avatar.drive import Actor
from ...portrait.create import Portrait
from ...raster.gaussians import rasterise_gaussians
from ...raster.project import to_pixels
from ...render.sheets import contact_sheet
from .avatar_looks import NECK_M, REST, YAWS_DEG, angle_name
from .drawn_people import Drawn, Scene, draw, photo_camera, set_scene
from .people import Person, read_words
from .portrait import GREY, PAPER, bytes_of, on_plain_paper, psnr_db, ssim_map
from .trunk import Trunk

NEUTRAL = "neutral, 0"
FACE_PSNR, FACE_SSIM = "PSNR of the face, dB", "SSIM of the face"
"""Of the face without the mouth's inside, as far as the truth shows it."""
HEAD_PSNR, OUTLINE = "PSNR of the head with hair, dB", "outline, share in common"
"""Of what the truth or the avatar covers above the neck; the share of it that both cover."""
APART = "the mesh's points apart, % of the eyes' distance"
"""How far the same points of both faces lie apart."""
TRUNK = "distance of MobileNetV2's features"
"""`trunk.py`'s, over the head."""
_SHEET_PIXELS = 240
_NECK_DEPTH_M, _COVERS = -0.04, 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A drawn person above the neck. picture: (H, W, 3) sRGB 0 to 1 on paper; face, whole: (H, W)
    as in `Drawn`."""

    picture: Float32Array
    face: BoolArray
    whole: BoolArray

    def rows(self, count: int) -> Seen:
        """The same without what lies below so many rows."""
        return Seen(picture=self.picture[:count], face=self.face[:count], whole=self.whole[:count])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """One view. truth: what is seen of the person; avatar: (H, W, 3) sRGB 0 to 1 on paper, above
    the neck; figures: by the names above."""

    truth: Seen
    avatar: Float32Array
    figures: dict[str, float]


def compare_with_truth(
    person: Person, head: HeadModel, portrait: Portrait, trunk: Trunk | None
) -> dict[str, Compared]:
    """Views by name: the photo's expression from `YAWS_DEG`, absolute, then neutral from the front.

    The avatar's camera turns about its head as the truth's about its own; moved and scaled in its
    picture so that the faces lie on each other on the whole, since a photo tells neither distance
    nor size."""
    words = read_words()
    scenes = {
        name: set_scene(person, head, words, weights, dressed=False)
        for name, weights in (("photo", person.photo), ("neutral", {}))
    }
    views = {angle_name(yaw): (yaw, "photo", portrait.fit.motion) for yaw in YAWS_DEG}
    views[NEUTRAL] = (0.0, "neutral", REST)
    return {
        name: _compare(scenes[scene], photo_camera(person, yaw), portrait, motion, trunk)
        for name, (yaw, scene, motion) in views.items()
    }


def truth_sheet(compared: dict[str, Compared]) -> UInt8Array:
    """(H, W, 3) the truth above the avatar, a column for each view."""
    truth = [_square(c.truth.picture) for c in compared.values()]
    avatar = [_square(c.avatar) for c in compared.values()]
    labels = [f"truth, {name}" for name in compared]
    labels += [f"avatar, face {c.figures[FACE_PSNR]:.1f} dB" for c in compared.values()]
    return contact_sheet([*truth, *avatar], labels, len(compared))


def people_sheet(seen: Mapping[str, tuple[UInt8Array, dict[str, Compared]]]) -> UInt8Array:
    """(H, W, 3) a row for each person by name, of their photo and its views: the photo, then truth
    and avatar in neutral and from both outer sides."""
    shown = (NEUTRAL, angle_name(YAWS_DEG[0]), angle_name(YAWS_DEG[-1]))
    pictures, labels = [], []
    for name, (photo, compared) in seen.items():
        first = np.asarray(photo / np.float32(255), np.float32)
        pictures.append(_square(first[: len(compared[NEUTRAL].truth.picture)]))
        labels.append(name.replace("_", " "))
        for view in shown:
            pictures += [_square(compared[view].truth.picture), _square(compared[view].avatar)]
            labels += [f"truth, {view}", f"avatar, {view}"]
    return contact_sheet(pictures, labels, 1 + 2 * len(shown))


def _square(picture: Float32Array) -> UInt8Array:
    """The picture's middle, as large as a sheet shows it."""
    edge = min(picture.shape[:2])
    beside = (picture.shape[1] - edge) // 2
    middle = picture[:edge, beside : beside + edge]
    size = _SHEET_PIXELS, _SHEET_PIXELS
    return bytes_of(np.asarray(cv2.resize(middle, size, interpolation=cv2.INTER_AREA), np.float32))


def _compare(
    scene: Scene, camera: Camera, portrait: Portrait, motion: Motion, trunk: Trunk | None
) -> Compared:
    drawn = draw(scene, camera)
    own = photo_camera(scene.person)
    turned = np.linalg.inv(own.camera_from_world) @ camera.camera_from_world
    fitted = portrait.fit.camera
    looking = replace(fitted, camera_from_world=fitted.camera_from_world @ turned)
    posed = Actor(portrait.avatar, motion).pose(0)
    assert posed.vertices is not None
    wanted = _pixels(scene.vertices[scene.skin], camera)
    found = _pixels(posed.vertices[scene.skin], looking)
    scale, shift = similarity(found, wanted)
    looking = _moved(looking, scale, shift)
    image = rasterise_gaussians(posed.gaussians.seen_by(looking), looking)
    row = int(_pixels(np.array([[0.0, NECK_M, _NECK_DEPTH_M]]), camera)[0, 1])
    avatar = on_plain_paper(image)[:row]
    truth = see(drawn).rows(row)
    apart = np.linalg.norm(scale * found + shift - wanted, axis=1).mean()
    figures = measure_view(truth, avatar, np.asarray(image.alpha[:row] > _COVERS), trunk)
    figures[APART] = float(100 * apart / _between_eyes(scene, camera))
    return Compared(truth=truth, avatar=avatar, figures=figures)


def see(drawn: Drawn) -> Seen:
    """A drawn person on paper."""
    picture = np.asarray(drawn.picture + (1 - drawn.alpha[..., None]) * PAPER, np.float32)
    return Seen(picture=picture, face=drawn.face, whole=drawn.whole)


def measure_view(
    truth: Seen, avatar: Float32Array, covered: BoolArray, trunk: Trunk | None
) -> dict[str, float]:
    """Figures of a view. avatar: (H, W, 3) on paper; covered: (H, W) where it is."""
    picture, face = truth.picture, truth.face
    either = truth.whole | covered
    figures = {
        FACE_PSNR: psnr_db(avatar[face], picture[face]),
        FACE_SSIM: float(ssim_map(avatar @ GREY, picture @ GREY)[face].mean()),
        HEAD_PSNR: psnr_db(avatar[either], picture[either]),
        OUTLINE: float((truth.whole & covered).sum() / max(int(either.sum()), 1)),
    }
    if trunk is not None:
        box = _box(either)
        figures[TRUNK] = trunk.distance(avatar[box], picture[box])
    return figures


def measure_strangers(people: Sequence[Seen], trunk: Trunk | None) -> dict[str, float]:
    """What the figures are of a wrong person: each against the next of the people, the mean."""
    rows: list[dict[str, float]] = []
    for one, other in zip(people, [*people[1:], people[0]], strict=True):
        count = min(len(one.picture), len(other.picture))
        stranger = other.rows(count)
        rows.append(measure_view(one.rows(count), stranger.picture, stranger.whole, trunk))
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def similarity(found: Float64Array, wanted: Float64Array) -> tuple[float, Float64Array]:
    """Scale and shift (2,) that bring points (N, 2) nearest to others: wanted = scale * found +
    shift."""
    here, there = found - found.mean(0), wanted - wanted.mean(0)
    scale = float((here * there).sum() / (here * here).sum())
    return scale, wanted.mean(0) - scale * found.mean(0)


def _moved(camera: Camera, scale: float, shift: Float64Array) -> Camera:
    return replace(
        camera,
        focal_x=camera.focal_x * scale,
        focal_y=camera.focal_y * scale,
        centre_x=camera.centre_x * scale + shift[0],
        centre_y=camera.centre_y * scale + shift[1],
    )


def _between_eyes(scene: Scene, camera: Camera) -> float:
    """Pixels between the eyes as they are from the front, at their distance from the camera."""
    eyes = scene.eyes
    depth = (eyes.mean(0) @ camera.camera_from_world[2, :3]) + camera.camera_from_world[2, 3]
    return float(np.linalg.norm(eyes[1] - eyes[0]) * camera.focal_x / depth)


def _pixels(points: Float32Array | Float64Array, camera: Camera) -> Float64Array:
    return to_pixels(np.asarray(points, np.float32), camera)[:, :2].astype(np.float64)


def _box(mask: BoolArray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
