# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussian splatting on the CPU: EWA projection, one stable depth sort, 16 x 16 tiles composited
front to back. Any number of threads gives the same bits.

Conventions are gsplat's, so that its CUDA path can stand in for this one: pixel centres at +0.5;
the projection's Jacobian is taken no further than 0.3 of the half picture beyond its edge; 0.3
square pixels are added to the projected covariance; alpha is at most 0.999, below 1 / 255
skipped; a pixel ends before the Gaussian that would leave 1e-4 or less of it open. Sources:
Zwicker et al. 2001 (EWA splatting, eq. 29), Kerbl et al. 2023 (3D Gaussian splatting, section 4),
Yu et al. 2024 (Mip-Splatting, section 4.2) for `antialiased`. Equally deep Gaussians composite in
the order given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...shared import limits
from ...shared.arrays import Float32Array, FloatArray, Int32Array, Int64Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from ...shared.wording import say_count
from .composite import composite_tiles
from .parallel import even_pieces, run_ranges, thread_count
from .project import Ellipses, empty_ellipses, lens_of, list_tiles, project, tiles_across

if TYPE_CHECKING:
    from torch import Tensor

_PIECES = 8
"""Pieces of a picture for each thread: enough that no thread waits long for the last."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gaussians:
    """N Gaussians in the world. means: (N, 3) metres; quaternions: (N, 4) w, x, y, z, of any
    length but 0; scales: (N, 3) standard deviations in metres; opacities: (N,) 0..1; colours:
    (N, C), any C channels in any space, which are blended as they are."""

    means: FloatArray
    quaternions: FloatArray
    scales: FloatArray
    opacities: FloatArray
    colours: FloatArray

    def __len__(self) -> int:
        return len(self.means)

    def carrying(self, colours: FloatArray) -> Gaussians:
        """The same Gaussians with other channels (N, C)."""
        return Gaussians(
            means=self.means,
            quaternions=self.quaternions,
            scales=self.scales,
            opacities=self.opacities,
            colours=colours,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianTensors:
    """`Gaussians` as torch tensors, for autograd and for a card. A class of its own, so that who
    draws arrays imports no torch."""

    means: Tensor
    quaternions: Tensor
    scales: Tensor
    opacities: Tensor
    colours: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianImage:
    """colour: (H, W, C) float32, premultiplied by alpha; alpha: (H, W) float32; depth: (H, W)
    float32 metres, the mean depth of what is seen (divided by alpha), inf where nothing is."""

    colour: Float32Array
    alpha: Float32Array
    depth: Float32Array


class Rasterise(Protocol):
    """`rasterise_gaussians`, or another function with the same contract."""

    def __call__(
        self, gaussians: Gaussians, camera: Camera, *, antialiased: bool = False
    ) -> GaussianImage: ...


def rasterise_gaussians(
    gaussians: Gaussians, camera: Camera, *, antialiased: bool = False
) -> GaussianImage:
    """Composites the Gaussians into a picture.

    antialiased: a Gaussian that the low-pass widened is made fainter by as much, so that a
    picture keeps its brightness when it is small. A Gaussian with a value that is no number, or
    nearer than `camera.near` or past `camera.far`, is left out. Raises InputError
    `avatar.too_big` for more Gaussians than `limits.MAX_GAUSSIANS`, `avatar.too_dense` if their
    tile lists do not fit in memory, `option.size` if the picture does not.
    """
    return draw_gaussians(gaussians, camera, antialiased=antialiased)[1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawing:
    """Where a picture's Gaussians lie on the screen, and the lists of `project.list_tiles`."""

    ellipses: Ellipses
    starts: Int64Array
    members: Int32Array


def draw_gaussians(
    gaussians: Gaussians, camera: Camera, *, antialiased: bool
) -> tuple[Drawing, GaussianImage]:
    """`rasterise_gaussians`, and the projected Gaussians, from which its gradients start."""
    check_sizes(gaussians, camera)
    ellipses = _project_all(gaussians, camera, antialiased=antialiased)
    columns, rows = tiles_across(camera)
    starts, members = list_tiles(ellipses, columns, rows)
    colours = as_floats(gaussians.colours)
    image = empty_image(camera.width, camera.height, colours.shape[1])
    given = (columns, starts, members, ellipses.centres, ellipses.shapes, colours)

    def draw(first: int, last: int) -> None:
        composite_tiles(first, last, *given, image.colour, image.alpha, image.depth)

    run_ranges(draw, split_tiles(starts))
    return Drawing(ellipses=ellipses, starts=starts, members=members), image


def empty_image(width: int, height: int, channels: int) -> GaussianImage:
    """An image whose pixels are not set yet."""
    return GaussianImage(
        colour=np.empty((height, width, channels), np.float32),
        alpha=np.empty((height, width), np.float32),
        depth=np.empty((height, width), np.float32),
    )


def blank_image(camera: Camera, channels: int) -> GaussianImage:
    """The image of no Gaussians."""
    image = empty_image(camera.width, camera.height, channels)
    image.colour[:], image.alpha[:], image.depth[:] = 0, 0, np.inf
    return image


def picture_bytes(camera: Camera, channels: int) -> int:
    """Memory that a picture takes while it is made: its channels, and a copy of their size."""
    return 2 * 4 * channels * camera.width * camera.height


def check_sizes(gaussians: Gaussians, camera: Camera) -> None:
    """Refuses what would not fit in memory. Raises InputError `avatar.too_big` for too many
    Gaussians, `option.size` for too large a picture with so many channels."""
    if len(gaussians) > limits.MAX_GAUSSIANS:
        raise InputError(
            "avatar.too_big",
            f"The avatar has {say_count(len(gaussians), 'Gaussian')}.",
            f"Choose an avatar of at most {limits.MAX_GAUSSIANS:,}.",
        )
    channels = gaussians.colours.shape[1]
    if picture_bytes(camera, channels + 2) > limits.MAX_FRAME_BYTES:
        raise InputError(
            "option.size",
            f"A picture of {camera.width} x {camera.height} pixels with {channels} channels "
            "does not fit in memory.",
            "Render it smaller, or fewer passes at once.",
        )


def _project_all(gaussians: Gaussians, camera: Camera, *, antialiased: bool) -> Ellipses:
    ellipses = empty_ellipses(len(gaussians))
    means, quaternions = as_floats(gaussians.means), as_floats(gaussians.quaternions)
    scales, opacities = as_floats(gaussians.scales), as_floats(gaussians.opacities)
    pose = np.ascontiguousarray(camera.camera_from_world, np.float64)
    lens = lens_of(camera, antialiased=antialiased)

    def work(first: int, last: int) -> None:
        project(first, last, means, quaternions, scales, opacities, pose, lens, ellipses)

    run_ranges(work, even_pieces(len(gaussians)))
    return ellipses


def as_floats(values: FloatArray) -> Float32Array:
    """Contiguous float32, as the kernels take it. A double beyond float32 becomes infinite, and
    its Gaussian is then left out."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, np.float32)


def split_tiles(starts: Int64Array) -> list[int]:
    """Bounds of runs of tiles that cost about the same; a tile costs its list and its pixels."""
    cost = starts + 64 * np.arange(len(starts))
    wanted = np.linspace(0, cost[-1], _PIECES * thread_count() + 1)
    return np.unique(np.searchsorted(cost, wanted)).tolist()
