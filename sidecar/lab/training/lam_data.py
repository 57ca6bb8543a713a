# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips to fine-tune LAM on, in LAM's own layout, with the emotion of each beside it.

A folder of clips, and in each

    transforms_train.json         frames: file_path, fg_mask_path, flame_param_path, fl_x, fl_y, cx,
                                  cy, transform_matrix (camera to world, OpenGL axes)
    images/, fg_masks/            as named there
    flame_param/00000.npz         expr, rotation, neck_pose, jaw_pose, eyes_pose, translation
    canonical_flame_param.npz     shape (300,)
    emotion.json                  ours: {"group": "person 1, sentence 3", "emotion": "happy"}; the
                                  emotion a name, "neutral" or six weights, or a list of these for
                                  the frames

Clips of one group are the same person and sentence, frame by frame. `ids.json`, if it is there,
lists the clips to use.
"""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....shared.arrays import Float32Array, Float64Array, UInt8Array
from ....shared.camera import Camera
from ....shared.emotion import EMOTIONS
from ....shared.errors import InputError
from ....shared.wording import say_count
from ...files import read_bytes
from ...lam.crop import network_image
from ...motion.npz import BROKEN, decode_npz

_MOST_JSON_BYTES, _MOST_PICTURE_BYTES, _MOST_NPZ_BYTES = 64 * 2**20, 64 * 2**20, 2**20
_MOST_ARRAY_BYTES = 2**16
"""An array of 300 numbers has 2.4 kB; a small npz may unpack to a gigabyte."""
_MASK = 180
"""A mask's pixel above it is the person, LAM's limit."""
_BACKGROUNDS = (0.0, 0.5, 1.0)
_CHUNKED = 0.7
"""Of the samples have frames from equal chunks of the clip, the others from anywhere."""
_LARGER = (0.8, 1.2)
_POSE = {"rotation": 3, "neck_pose": 3, "jaw_pose": 3, "eyes_pose": 6, "translation": 3}
_REMEDY = "See docs/lam.md for the layout."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipFrame:
    """A frame's files, its camera and its emotion's weights (6,)."""

    image: Path
    mask: Path
    flame: Path
    camera: Camera
    emotion: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """A clip of one person. shape: (300,)."""

    name: str
    group: str
    shape: Float32Array
    frames: tuple[ClipFrame, ...]

    @property
    def is_neutral(self) -> bool:
        return not any(frame.emotion.any() for frame in self.frames)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """A frame to be compared: picture (H, W, 3) on its background, mask (H, W), background 0..1;
    numbers: expression (100,) and `_POSE`'s, by their names."""

    picture: Float32Array
    mask: Float32Array
    background: float
    camera: Camera
    numbers: Mapping[str, Float32Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LamSample:
    """What the network sees, image (3, S, S) and shape (300,), the emotion (6,) that it is to show,
    and frames that show it."""

    image: Float32Array
    shape: Float32Array
    emotion: Float32Array
    targets: tuple[Target, ...]


def read_clips(folder: Path) -> list[Clip]:
    """The clips in a folder, in the order of their names. Raises InputError `data.clips`,
    `file.*`."""
    listed = folder / "ids.json"
    if listed.is_file():
        names = _read_json(listed)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _bad(listed, "it is no list of names")
        chosen = [folder / name for name in names]
    elif folder.is_dir():
        chosen = sorted(p for p in folder.iterdir() if (p / "transforms_train.json").is_file())
    else:
        chosen = []
    if not chosen:
        raise InputError("data.clips", f"There are no clips in {folder}.", _REMEDY)
    return [_read_clip(path) for path in chosen]


def draw_sample(
    clips: Sequence[Clip],
    rng: np.random.Generator,
    targets: int,
    side: int,
    image_side: int,
    *,
    neutral_too: bool = True,
) -> LamSample:
    """A random sample. The reference is any frame of a neutral clip of the same group, or where
    there is none of the clip itself; targets are frames of the clip in one emotion. side: of the
    targets' pictures, image_side: of the reference, pixels; neutral_too: whether the clip may be a
    neutral one."""
    shown = clips if neutral_too else [one for one in clips if not one.is_neutral]
    clip = shown[int(rng.integers(len(shown)))]
    sources = [one for one in clips if one.group == clip.group and one.is_neutral]
    source = sources[int(rng.integers(len(sources)))] if sources else clip
    index = 0 if rng.random() < 0.5 else int(rng.integers(len(source.frames)))
    first = clip.frames[int(rng.integers(len(clip.frames)))]
    same = [one for one in clip.frames if np.array_equal(one.emotion, first.emotion)]
    chosen = [same[k] for k in _spread(len(same), targets, rng)]
    return LamSample(
        image=_reference(source.frames[index], rng, image_side),
        shape=clip.shape,
        emotion=first.emotion,
        targets=tuple(_target(frame, rng, side) for frame in chosen),
    )


def _spread(count: int, wanted: int, rng: np.random.Generator) -> list[int]:
    """Which of so many frames: one of each of equal chunks, or any."""
    if rng.random() >= _CHUNKED or count < wanted:
        return rng.integers(count, size=wanted).tolist()
    ends = np.linspace(0, count, wanted + 1).astype(int)
    return [int(rng.integers(low, high)) for low, high in itertools.pairwise(ends)]


def _reference(frame: ClipFrame, rng: np.random.Generator, side: int) -> Float32Array:
    """The picture that the network sees: on a background, cut about the middle by the mask."""
    picture, mask = _read_picture(frame.image), _read_mask(frame.mask)
    background = 255 * _BACKGROUNDS[int(rng.integers(len(_BACKGROUNDS)))]
    on = np.where(mask[..., None], picture, np.uint8(background))
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    if not len(rows):
        raise _bad(frame.mask, "it shows no person")
    middle = np.array([width // 2, height // 2])
    ends = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
    half = int(np.abs(ends.reshape(2, 2) - middle).max() * rng.uniform(*_LARGER))
    half = int(np.clip(half, 2, min(width, height) // 2))
    part = on[middle[1] - half : middle[1] + half, middle[0] - half : middle[0] + half]
    return network_image(np.ascontiguousarray(part), side)


def _target(frame: ClipFrame, rng: np.random.Generator, side: int) -> Target:
    picture = cv2.resize(_read_picture(frame.image), (side, side), interpolation=cv2.INTER_AREA)
    mask = _read_mask(frame.mask).astype(np.float32)
    mask = np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    background = _BACKGROUNDS[int(rng.integers(len(_BACKGROUNDS)))]
    share = mask[..., None]
    return Target(
        picture=np.asarray(share * (picture / 255.0) + (1 - share) * background, np.float32),
        mask=mask,
        background=background,
        camera=_scaled(frame.camera, side),
        numbers=_read_numbers(frame.flame),
    )


def _scaled(camera: Camera, side: int) -> Camera:
    across, down = side / camera.width, side / camera.height
    return Camera(
        width=side,
        height=side,
        focal_x=camera.focal_x * across,
        focal_y=camera.focal_y * down,
        centre_x=camera.centre_x * across,
        centre_y=camera.centre_y * down,
        camera_from_world=camera.camera_from_world,
    )


def _read_clip(folder: Path) -> Clip:
    path = folder / "transforms_train.json"
    said, felt = _read_json(path), _read_json(folder / "emotion.json")
    frames = said.get("frames") if isinstance(said, dict) else None
    if not isinstance(frames, list) or not frames:
        raise _bad(path, "it has no frames")
    if not isinstance(felt, dict) or not isinstance(felt.get("group"), str):
        raise _bad(folder / "emotion.json", "it names no group")
    emotions = _emotions(felt.get("emotion"), len(frames), folder / "emotion.json")
    shape = _read_npz(folder / "canonical_flame_param.npz", {"shape": 300})["shape"]
    read = [_frame(f, e, folder, path) for f, e in zip(frames, emotions, strict=True)]
    return Clip(name=folder.name, group=str(felt["group"]), shape=shape, frames=tuple(read))


def _frame(said: object, emotion: Float32Array, folder: Path, path: Path) -> ClipFrame:
    try:
        assert isinstance(said, dict)
        matrix = np.array(said["transform_matrix"], np.float64)
        lens = [float(said[key]) for key in ("fl_x", "fl_y", "cx", "cy")]
        places = [folder / str(said[f"{key}_path"]) for key in ("file", "fg_mask", "flame_param")]
        assert matrix.shape == (4, 4)
        assert np.isfinite([*matrix.ravel(), *lens]).all()
        camera = opengl_camera(matrix, lens)
    except (
        AssertionError,
        OverflowError,
        KeyError,
        TypeError,
        ValueError,
        np.linalg.LinAlgError,
    ) as error:
        raise _bad(path, "a frame lacks a file, its camera or its lens") from error
    return ClipFrame(
        image=places[0], mask=places[1], flame=places[2], camera=camera, emotion=emotion
    )


def opengl_camera(world_from_camera: Float64Array, lens: Sequence[float]) -> Camera:
    """LAM's camera: axes as OpenGL's (x right, y up, backward), lens fl_x, fl_y, cx, cy of a
    picture twice as large as its principal point is far."""
    turned = world_from_camera @ np.diag([1.0, -1.0, -1.0, 1.0])
    focal_x, focal_y, centre_x, centre_y = lens
    return Camera(
        width=round(2 * centre_x),
        height=round(2 * centre_y),
        focal_x=focal_x,
        focal_y=focal_y,
        centre_x=centre_x,
        centre_y=centre_y,
        camera_from_world=np.asarray(np.linalg.inv(turned), np.float64),
    )


def _emotions(said: object, count: int, path: Path) -> list[Float32Array]:
    """(6,) weights of each frame."""
    is_list = isinstance(said, list) and not (said and isinstance(said[0], int | float))
    rows = said if is_list and isinstance(said, list) else [said] * count
    if len(rows) != count:
        raise _bad(
            path, f"it has {say_count(len(rows), 'emotion')} for {say_count(count, 'frame')}"
        )
    return [_weights(one, path) for one in rows]


def _weights(said: object, path: Path) -> Float32Array:
    out = np.zeros(len(EMOTIONS), np.float32)
    if said == "neutral":
        return out
    if isinstance(said, str) and said in EMOTIONS:
        out[EMOTIONS.index(said)] = 1
        return out
    if isinstance(said, list) and len(said) == len(out):
        numbers = [value if isinstance(value, int | float) else np.nan for value in said]
        with np.errstate(all="ignore"):
            given = np.array(numbers, np.float32)
        if np.isfinite(given).all() and (given >= 0).all():
            return given
    raise _bad(path, f"{str(said)[:40]!r} is no emotion")


def _read_json(path: Path) -> object:
    try:
        return json.loads(read_bytes(path, _MOST_JSON_BYTES, "description").decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _bad(path, "it is not JSON") from error


def _read_numbers(path: Path) -> dict[str, Float32Array]:
    found = _read_npz(path, {"expr": 100, **_POSE})
    return {"expression": found.pop("expr"), **found}


def _read_npz(path: Path, wanted: Mapping[str, int]) -> dict[str, Float32Array]:
    """Arrays flattened, of these sizes; longer ones lose their end, as LAM cuts them."""
    data = read_bytes(path, _MOST_NPZ_BYTES, "FLAME parameters")
    out: dict[str, Float32Array] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {m.filename.removesuffix(".npy"): m.file_size for m in archive.infolist()}
        if any(sizes[name] > _MOST_ARRAY_BYTES for name in wanted):
            raise _bad(path, "an array in it is larger than FLAME's are")
        held = decode_npz(data, path.name, dict.fromkeys(wanted))
        for name, size in wanted.items():
            values = np.asarray(held[name], np.float32).ravel()
            if len(values) < size or not np.isfinite(values).all():
                raise _bad(path, f"{name} has not {size} numbers")
            out[name] = values[:size]
    except (KeyError, TypeError, *BROKEN) as error:
        raise _bad(path, "it holds no FLAME parameters") from error
    return out


def _read_picture(path: Path) -> UInt8Array:
    """(H, W, 3)."""
    return np.asarray(_open(path).convert("RGB"), np.uint8)


def _read_mask(path: Path) -> NDArray[np.bool_]:
    """(H, W) where the person is."""
    return np.asarray(_open(path).convert("L"), np.uint8) > _MASK


def _open(path: Path) -> Image.Image:
    data = read_bytes(path, _MOST_PICTURE_BYTES, "picture")
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _bad(path, "it is no picture") from error
    return image


def _bad(path: Path, what: str) -> InputError:
    return InputError("data.clips", f"The clip's file {path} cannot be used: {what}.", _REMEDY)
