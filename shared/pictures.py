# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked of a rendering: cameras, passes, and the kind of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from .arrays import Float32Array, Float64Array
from .camera import Camera, check_size
from .errors import InputError

Pass = Literal["combined", "depth", "normal", "position", "mask", "index", "uv", "vector"]
PASSES: tuple[Pass, ...] = get_args(Pass)
"""Every pass, in the order of a file. An EXR always has the first two."""
PNG_PASSES = PASSES[:2]
"""What PNG files can hold: colour, and depth in a second file."""
Format = Literal["png", "exr"]
FORMATS: tuple[Format, ...] = get_args(Format)
Follow = Literal["still", "stretch", "surface", "deform"]
"""How Gaussians go along with the surface under them. still: their places alone, as in LAM's own
viewer. stretch: they also turn with the bones, and widen as the surface does. surface: they turn
and scale with the surface's own frame at their place. deform: they go along with their face as if
printed on it, longer where it is pulled and narrower where it is pressed (on vertices: as
surface)."""
FOLLOWS: tuple[Follow, ...] = get_args(Follow)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureOptions:
    """What pictures of a take to make.

    cameras: one for all frames, or one for each frame of the whole take, all of one size; none
    for the sidecar's own portrait camera of width x height pixels. frames: all if none. passes:
    names out of `PASSES`; PNG holds `PNG_PASSES` only. half: 16-bit floats in an EXR where they
    suffice. antialiased: a Gaussian that the low-pass widens is made fainter by as much (gsplat's
    mode of that name), and a head whose Gaussians are finer than pixels is drawn finer and
    averaged. follow: None for as the avatar's source was trained. world_from_head: (4, 4), or one
    for each frame of the whole take (T, 4, 4): the axes of positions and normals. weights: (T, 6)
    emotions to note in an EXR's header. Raises InputError `option.size`,
    `option.camera`, `option.pass`, `option.format`, `option.follow`.
    """

    width: int = 512
    height: int = 512
    cameras: tuple[Camera, ...] = ()
    frames: range | None = None
    passes: tuple[str, ...] = ("combined",)
    format: Format = "png"
    half: bool = True
    antialiased: bool = True
    follow: Follow | None = None
    world_from_head: Float64Array = field(default_factory=lambda: np.eye(4))
    weights: Float32Array | None = None  # (T, 6)

    def __post_init__(self) -> None:
        check_size(*self.size)
        _need_one_of("format", (self.format,), FORMATS)
        check_passes(self.passes)
        if self.format == "png":
            _need_one_of("pass", self.passes, PNG_PASSES, " in a PNG", "Choose EXR, or ")
        if self.follow is not None:
            _need_one_of("follow", (self.follow,), FOLLOWS)
        if len({(camera.width, camera.height) for camera in self.cameras}) > 1:
            raise InputError(
                "option.camera",
                "The picture's size changes during the take.",
                "Use one resolution for all frames.",
            )
        check_world(self.world_from_head)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures in pixels."""
        if self.cameras:
            return self.cameras[0].width, self.cameras[0].height
        return self.width, self.height

    def check_take(self, frames: int) -> None:
        """Raises InputError `option.camera` or `emotion.shape` where there is neither one of a
        thing nor one for each frame of a take of so many frames."""
        matrices = len(self.world_from_head) if self.world_from_head.ndim == 3 else 1
        for count, what in ((len(self.cameras), "cameras"), (matrices, "places of the head")):
            if count not in (0, 1, frames):
                raise InputError(
                    "option.camera",
                    f"There are {count} {what} for a take of {frames} frames.",
                    "Give one for all frames, or one for each.",
                )
        if self.weights is not None and self.weights.shape != (frames, 6):
            raise InputError(
                "emotion.shape",
                f"There are {len(self.weights)} rows of emotions for a take of {frames} frames.",
                "Give one row for each frame of the take.",
            )


def frame_name(index: int, *, kind: str = "frame", suffix: str = "png") -> str:
    """File name of a picture of the take's frame `index`, which counts from 0: names count from
    1, as Blender does, which knows a sequence by its numbers."""
    return f"{kind}_{index + 1:04d}.{suffix}"


def check_passes(names: Sequence[str]) -> None:
    """Raises InputError `option.pass` for a name that is none of `PASSES`."""
    _need_one_of("pass", names, PASSES)


def check_world(world_from_head: Float64Array) -> None:
    """Raises InputError `option.camera` for what is neither an invertible (4, 4) matrix nor
    (T, 4, 4) of them."""
    matrix = world_from_head
    fits = matrix.ndim in (2, 3) and matrix.shape[-2:] == (4, 4) and np.isfinite(matrix).all()
    if not fits or not np.linalg.det(matrix).all():
        raise InputError(
            "option.camera", "The head's matrix is not usable.", "Reset the head's transform."
        )


def _need_one_of(
    what: str, given: Sequence[str], known: Sequence[str], where: str = "", instead: str = ""
) -> None:
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        choose = f"hoose from {', '.join(known)}."
        raise InputError(
            f"option.{what}",
            f"There is no {what} {unknown!r:.40}{where}.",
            f"{instead}c{choose}" if instead else f"C{choose}",
        )
