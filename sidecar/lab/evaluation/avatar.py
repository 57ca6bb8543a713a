# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars of photos, measured and shown: `affekt evaluate avatar`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ....shared.arrays import UInt8Array
from ....shared.emotion import EMOTIONS
from ....shared.head import HeadModel
from ....shared.preset_portraits import HELD
from ...avatar.affekt_avatar import encode_avatar
from ...avatar.avatar import Avatar
from ...modulation.modulator import Modulator
from ...portrait.choice import choose_face
from ...portrait.create import Portrait, portrait_steps
from ...portrait.kept import landmarks_of
from ...portrait.landmarks import OVAL
from ...portrait.photo import Photo, read_photo
from ...portrait.seeing import SeenFace, find_faces
from ...render.emotion_sheet import emotion_take
from ...render.sheets import contact_sheet
from ...steps import finish
from .avatar_looks import YAWS_DEG, angle_name, look, view
from .drawn_people import draw_photo, photo_camera, set_scene
from .identity import IdentityReader, distances
from .people import Person, read_words
from .portrait import (
    GREY,
    PIXELS,
    bytes_of,
    measure_portrait,
    on_plain_paper,
    own_view,
    see_through,
    smile,
    still,
)

_EYES_PIXELS = 100.0
_FINE_PIXELS = 1.5
"""Sharpness is what a blur of so many pixels takes away, with `_EYES_PIXELS` between the eyes."""
SHOWN_BESIDE = ("neutral", "happy", "surprise")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sitter:
    """Whose avatar is made: a photo and the face in it. person: who was drawn, if it was."""

    name: str
    photo: Photo
    seen: SeenFace
    person: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sitting:
    """A sitter's avatar. seconds: wall and CPU that it took; data: its file."""

    sitter: Sitter
    portrait: Portrait
    seconds: tuple[float, float]
    data: bytes


def read_sitter(path: Path, name: str, person: Person | None = None) -> Sitter:
    """Raises InputError `file.*`, `photo.*`."""
    photo = read_photo(path)
    seen, _ = choose_face(photo.pixels, path.name, None)
    return Sitter(name=name, photo=photo, seen=seen, person=person)


def draw_person(person: Person, head: HeadModel) -> UInt8Array:
    """(H, W, 3) sRGB: the photo of a drawn person."""
    scene = set_scene(person, head, read_words(), person.photo, dressed=True)
    return bytes_of(draw_photo(scene, photo_camera(person)))


def make_avatar(sitter: Sitter, head: HeadModel) -> Sitting:
    """Raises InputError `photo.*`."""
    found = landmarks_of(head)
    begun = time.perf_counter(), time.process_time()
    photo = sitter.photo
    steps = portrait_steps(photo.pixels, sitter.seen, head, found, sitter.name, photo.focal_pixels)
    portrait = finish(steps)
    data = encode_avatar(portrait.avatar)
    seconds = time.perf_counter() - begun[0], time.process_time() - begun[1]
    return Sitting(sitter=sitter, portrait=portrait, seconds=seconds, data=data)


def measure(sitting: Sitting, reader: IdentityReader | None) -> dict[str, float]:
    """Figures of an avatar by what they are called in the table."""
    portrait, avatar = sitting.portrait, sitting.portrait.avatar
    found = measure_portrait(portrait, sitting.sitter.seen)
    figures: dict[str, float | None] = {
        "landmarks, mean %": found.landmark_mean,
        "landmarks, 95 %": found.landmark_p95,
        "own PSNR, dB": found.psnr_db,
        "own SSIM": found.ssim,
        "smile, photo": found.smile_photo,
        "smile, neutral": found.smile_neutral,
        "seen through at 40, %": found.see_through,
        "Gaussians": len(avatar),
        "MB": len(sitting.data) / 1e6,
        "wall, s": sitting.seconds[0],
        "CPU, s": sitting.seconds[1],
    }
    if reader is not None:
        figures |= measure_identity(portrait, reader)
    return _known(figures)


def measure_identity(portrait: Portrait, reader: IdentityReader) -> dict[str, float | None]:
    """Distances to the photo; None where the reader finds no face."""
    pictures = {
        "photo": bytes_of(portrait.frame.picture),
        "identity, own view": bytes_of(own_view(portrait)),
        **_identity_views(portrait.avatar),
    }
    return distances(reader(pictures), "photo")


def _known(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {k: v for k, v in figures.items() if v is not None and np.isfinite(v)}


def _identity_views(avatar: Avatar) -> dict[str, UInt8Array]:
    names = [f"identity, {angle_name(yaw)}" for yaw in YAWS_DEG]
    return dict(zip(names, still(avatar, YAWS_DEG), strict=True))


def measure_beside(
    sitting: Sitting, other: Avatar, modulator: Modulator, reader: IdentityReader | None
) -> dict[str, dict[str, float]]:
    """Two avatars of one photo by the same measures; the photo's own sharpness beside them."""
    photo = bytes_of(sitting.portrait.frame.picture)
    rows = {
        "ours": _measure_alone(sitting.portrait.avatar, photo, modulator, reader),
        "beside": _measure_alone(other, photo, modulator, reader),
    }
    faces = find_faces(photo)
    if faces:
        rows["photo"] = {"fine detail": fine_detail(photo, faces[0]), "smile": smile(faces[0])}
    return rows


def _measure_alone(
    avatar: Avatar, photo: UInt8Array, modulator: Modulator, reader: IdentityReader | None
) -> dict[str, float]:
    figures: dict[str, float | None] = {"Gaussians": len(avatar)}
    (front,) = still(avatar, (0.0,))
    faces = find_faces(front)
    if faces:
        figures["smile"] = smile(faces[0])
        figures["fine detail"] = fine_detail(front, faces[0])
        figures |= _emotions_move(avatar, faces[0], modulator)
    figures["seen through at 40, %"] = see_through(avatar)
    if reader is not None:
        figures |= distances(reader({"photo": photo, **_identity_views(avatar)}), "photo")
    return _known(figures)


def _emotions_move(
    avatar: Avatar, neutral: SeenFace, modulator: Modulator
) -> dict[str, float | None]:
    """How far each emotion in full moves MediaPipe's landmarks from neutral on the average, percent
    of the distance between the eyes; None where no face is found."""
    camera = view(avatar, 0.0, PIXELS)
    moved: dict[str, float | None] = {}
    for name in EMOTIONS:
        (image,) = look(avatar, emotion_take(name, modulator), HELD, [camera])
        faces = find_faces(bytes_of(on_plain_paper(image)))
        away = np.linalg.norm(faces[0].landmarks - neutral.landmarks, axis=1) if faces else None
        moved[f"{name} moves, %"] = (
            None if away is None else float(100 * away.mean() / neutral.eye_distance)
        )
    return moved


def fine_detail(picture: UInt8Array, seen: SeenFace) -> float:
    """Root mean square of what a small blur takes from the face, percent of full brightness, at one
    size of face for all."""
    scale = _EYES_PIXELS / seen.eye_distance
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(picture, size, interpolation=how), np.float32)
    grey = resized / np.float32(255) @ GREY
    fine = grey - cv2.GaussianBlur(grey, (0, 0), _FINE_PIXELS)
    mask = np.zeros(grey.shape, np.uint8)
    outline = np.rint(seen.landmarks[list(OVAL)] * scale).astype(np.int32)
    cv2.fillPoly(mask, [outline], 1)
    inside = fine[cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0]
    return float(100 * np.sqrt(np.mean(inside**2)))


def beside_sheet(pairs: Mapping[str, Avatar], modulator: Modulator, size: int) -> UInt8Array:
    """(H, W, 3) rows: `SHOWN_BESIDE` of each avatar; columns: `YAWS_DEG`."""
    pictures, labels = [], []
    for state in SHOWN_BESIDE:
        take = emotion_take(state, modulator)
        for name, avatar in pairs.items():
            cameras = [view(avatar, yaw, size) for yaw in YAWS_DEG]
            images = look(avatar, take, HELD, cameras)
            pictures += [bytes_of(on_plain_paper(image)) for image in images]
            labels += [f"{name}, {state}, {angle_name(yaw)}" for yaw in YAWS_DEG]
    return contact_sheet(pictures, labels, len(YAWS_DEG))


def with_mean(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The rows and their mean, of each column over the rows that have it."""
    out = {name: dict(row) for name, row in rows.items()}
    columns = dict.fromkeys(column for row in rows.values() for column in row)
    if len(rows) > 1:
        out["mean"] = {c: _mean([row[c] for row in rows.values() if c in row]) for c in columns}
    return out


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
