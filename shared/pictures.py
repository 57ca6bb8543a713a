# SPDX-License-Identifier: GPL-3.0-or-later
"""What to render: one record for the add-on, the command line, the wire and the renderer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from . import limits
from .arrays import Float32Array, Float64Array
from .camera import Camera, check_size
from .emotion import EMOTIONS, SKIN_MEMORY_S, check_curve, largest_value
from .errors import InputError
from .motion import frames_outside
from .wording import say_count

Pass = Literal["combined", "depth", "normal", "position", "mask", "index", "uv", "vector"]
PASSES: tuple[Pass, ...] = get_args(Pass)
"""Every pass, in the order of a file. An EXR always has the first two."""
PNG_PASSES = PASSES[:2]
"""The passes that PNG files can hold: colour, and depth in a second file."""
Format = Literal["png", "exr"]
FORMATS: tuple[Format, ...] = get_args(Format)
Codec = Literal["zip", "zips", "rle", "piz", "none"]
CODECS: tuple[Codec, ...] = get_args(Codec)
"""How an EXR is packed, as in OpenEXR: zip by 16 rows, zips by single ones, rle in half of zip's
time into files half as large again, piz by wavelets, none not at all. Nothing is lost by any. DWA
is not among them: it takes every channel that ends in Y for brightness, and so would bend the
second numbers of normals, positions and vectors."""
Follow = Literal["still", "stretch", "surface", "deform"]
"""How Gaussians follow the surface under them. still: only their positions do, as in LAM's own
viewer. stretch: they also turn with the bones, and widen as the surface does. surface: they turn
and scale with the surface's local frame. deform: they deform with their face as if printed on it
(on vertices: as surface)."""
FOLLOWS: tuple[Follow, ...] = get_args(Follow)


Axes = Literal["world", "camera"]
AXES: tuple[Axes, ...] = get_args(Axes)
OBJECT_INDEX = 1
"""The subject's number in the index pass, unless another one is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureRequest:
    """Which pictures of a take to make, how they look, and as what files.

    frames: indices into the take, or None for all. cameras: one for all frames, or one for each
    frame of the whole take, all of one size; with none, a portrait camera of width x height
    pixels is used. passes: names out of `PASSES`; PNG holds `PNG_PASSES` only. half: 16-bit
    floats in an EXR where they suffice. codec: how an EXR is packed. antialiased: a Gaussian that
    the low-pass widens is made fainter by as much (gsplat's mode of that name), and a head whose
    Gaussians are finer than pixels is drawn finer and averaged. follow: None for as the avatar's
    source was trained. axes: those of the normal pass: the world's, as Cycles has it, or the
    camera's (x right, y up, z towards the viewer). world_from_head: (4, 4) affine, or (T, 4, 4) for
    each frame of the whole take; positions and world normals are multiplied by it. weights,
    influence: (T, 6) and (T,) emotions, which are only noted in an EXR's header. appearance: (T,) 0
    to 2, how much an avatar's skin wrinkles with the expression; None is 1 in all frames.
    skin_emotions: (T, 6) by which an avatar's skin folds and flushes, as of
    `EmotionTrack.shown_weights`, or (more, 6) where those of frames before the take are known, by
    which it still flushes; None where no emotion made the motion. Raises InputError
    `option.size`, `option.camera`, `option.pass`, `option.format`, `option.codec`,
    `option.follow`, `option.axes`, `emotion.not_finite`, `emotion.range`.
    """

    frames: range | None = None
    width: int = 512
    height: int = 512
    cameras: tuple[Camera, ...] = ()
    passes: tuple[str, ...] = ("combined",)
    format: Format = "png"
    half: bool = True
    codec: Codec = "zip"
    antialiased: bool = True
    follow: Follow | None = None
    axes: Axes = "world"
    world_from_head: Float64Array = field(default_factory=lambda: np.eye(4))
    object_index: int = OBJECT_INDEX
    weights: Float32Array | None = None  # (T, 6)
    influence: Float32Array | None = None  # (T,)
    appearance: Float32Array | None = None  # (T,)
    skin_emotions: Float32Array | None = None  # (T, 6) or more rows before them

    def __post_init__(self) -> None:
        check_size(*self.size)
        _need_one_of("option.format", (self.format,), FORMATS)
        _need_one_of("option.codec", (self.codec,), CODECS)
        _need_one_of("option.pass", self.passes, PASSES)
        if self.format == "png":
            _need_one_of("option.pass", self.passes, PNG_PASSES, " in a PNG", "Choose EXR, or ")
        if self.follow is not None:
            _need_one_of("option.follow", (self.follow,), FOLLOWS)
        _need_one_of("option.axes", (self.axes,), AXES)
        if len({(camera.width, camera.height) for camera in self.cameras}) > 1:
            raise InputError(
                "option.camera",
                "The picture's size changes during the take.",
                "Use one resolution for all frames.",
            )
        _check_world(self.world_from_head)
        if self.appearance is not None:
            check_curve("appearance", self.appearance, largest_value("appearance"))
        if self.skin_emotions is not None:
            check_curve("weights", self.skin_emotions, limits.MAX_EMOTION_WEIGHT)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures in pixels."""
        if self.cameras:
            return self.cameras[0].width, self.cameras[0].height
        return self.width, self.height

    @property
    def suffix(self) -> str:
        """The suffix of the pictures' files, such as `.exr`."""
        return f".{self.format}"

    def camera_at(self, index: int) -> Camera:
        """The camera of the take's frame `index`. There must be cameras."""
        return self.cameras[0 if len(self.cameras) == 1 else index]

    def world_at(self, index: int) -> Float64Array:
        """(4, 4) `world_from_head` at the take's frame `index`."""
        matrix = self.world_from_head
        return matrix if matrix.ndim == 2 else matrix[0 if len(matrix) == 1 else index]

    def normal_axes(self, index: int) -> Float64Array:
        """(4, 4) turns the head's normals into those of the normal pass at the take's frame."""
        if self.axes == "world":
            return self.world_at(index)
        return np.diag([1.0, -1.0, -1.0, 1.0]) @ self.camera_at(index).camera_from_world

    def appearance_at(self, index: int) -> float:
        """How much the skin wrinkles in the take's frame `index`, 0 to 2."""
        return 1.0 if self.appearance is None else float(self.appearance[index])

    def skin_emotions_until(self, index: int, count: int, fps: float) -> Float32Array | None:
        """(n, 6) the emotions that the skin shows in the frame `index` of a take of `count` frames:
        that frame's last, by which it folds, and those before it by which it still flushes."""
        if self.skin_emotions is None:
            return None
        end = len(self.skin_emotions) - count + index + 1
        first = max(end - max(round(SKIN_MEMORY_S * fps), 1), 0)
        return self.skin_emotions[first:end]

    def emotions_at(self, index: int) -> dict[str, float]:
        """The emotions to note with the take's frame `index`, by name."""
        noted: dict[str, float] = {}
        if self.weights is not None:
            noted |= zip(EMOTIONS, self.weights[index].tolist(), strict=True)
        if self.influence is not None:
            noted["influence"] = float(self.influence[index])
        return noted

    def chosen_frames(self, count: int) -> range:
        """The frames to make of a take of `count` frames. Raises InputError
        `frames.out_of_range`."""
        frames = range(count) if self.frames is None else self.frames
        if len(frames) == 0 or min(frames) < 0 or max(frames) >= count:
            raise frames_outside(frames, count)
        return frames

    def check_take(self, count: int) -> None:
        """Checks that there is one camera, matrix and row of emotions, or one for each of `count`
        frames. Raises InputError `option.camera` or `emotion.shape`."""
        matrices = len(self.world_from_head) if self.world_from_head.ndim == 3 else 1
        for given, what in ((len(self.cameras), "cameras"), (matrices, "places of the head")):
            if given not in (0, 1, count):
                raise InputError(
                    "option.camera",
                    f"There are {given} {what} for a take of {say_count(count, 'frame')}.",
                    "Give one for all frames, or one for each.",
                )
        skin = None if self.skin_emotions is None else self.skin_emotions[-count:]
        rows = ((weights, (count, 6)) for weights in (self.weights, skin))
        curves = ((curve, (count,)) for curve in (self.influence, self.appearance))
        for values, shape in (*rows, *curves):
            if values is not None and values.shape != shape:
                raise InputError(
                    "emotion.shape",
                    f"There are {say_count(len(values), 'row')} of emotions for a take of "
                    f"{say_count(count, 'frame')}.",
                    "Give one row for each frame of the take.",
                )


def frame_name(index: int, *, kind: str = "frame", suffix: str = "png") -> str:
    """File name of a picture of the take's frame `index` (from 0). Names count from 1, since
    Blender's image sequences do."""
    return f"{kind}_{index + 1:04d}.{suffix}"


def _check_world(world_from_head: Float64Array) -> None:
    """Checks for one invertible (4, 4) matrix or (T, 4, 4) of them. Raises InputError
    `option.camera`."""
    matrix = world_from_head
    fits = matrix.ndim in (2, 3) and matrix.shape[-2:] == (4, 4) and np.isfinite(matrix).all()
    if not fits or not np.linalg.det(matrix).all():
        raise InputError(
            "option.camera", "The head's matrix is not usable.", "Reset the head's transform."
        )


def _need_one_of(
    code: str, given: Sequence[str], known: Sequence[str], where: str = "", instead: str = ""
) -> None:
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        what, choose = code.removeprefix("option."), f"hoose from {', '.join(known)}."
        raise InputError(
            code,
            f"There is no {what} {unknown!r:.40}{where}.",
            f"{instead}c{choose}" if instead else f"C{choose}",
        )
