# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussian splatting on the CPU: EWA projection, one stable depth sort, 16 x 16 tiles composited
front to back, on as many threads as there are; their number changes no bit.

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
from typing import Protocol

import numpy as np

from ...shared import limits
from ...shared.arrays import Float32Array, FloatArray, Int32Array, Int64Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from .composite import composite_tiles
from .kernel_threads import even_pieces, run_ranges, thread_count
from .project import Ellipses, empty_ellipses, lens_of, project
from .tiles import list_tiles, tiles_across

_PIECES = 8
"""Pieces of a picture for each thread: enough that no thread waits long for the last."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianImage:
    """colour: (H, W, C) float32, premultiplied by alpha; alpha: (H, W) float32; depth: (H, W)
    float32 metres, the mean depth of what is seen (divided by alpha), inf where nothing is."""

    colour: Float32Array
    alpha: Float32Array
    depth: Float32Array


class Rasterise(Protocol):
    """`rasterise_gaussians`, or another with its promise."""

    def __call__(
        self,
        means: FloatArray,
        quaternions: FloatArray,
        scales: FloatArray,
        opacities: FloatArray,
        colours: FloatArray,
        camera: Camera,
        *,
        antialiased: bool = False,
    ) -> GaussianImage: ...


def rasterise_gaussians(
    means: FloatArray,
    quaternions: FloatArray,
    scales: FloatArray,
    opacities: FloatArray,
    colours: FloatArray,
    camera: Camera,
    *,
    antialiased: bool = False,
) -> GaussianImage:
    """Composites N Gaussians. Colours are blended as they are given, in whatever space.

    means: (N, 3) metres in the world; quaternions: (N, 4) w, x, y, z, of any length but 0;
    scales: (N, 3) standard deviations in metres; opacities: (N,) 0..1; colours: (N, C), any C.
    antialiased: a Gaussian that the low-pass widened is made fainter by as much, so that a
    picture keeps its brightness when it is small. A Gaussian with a value that is no number, or
    nearer than `camera.near` or past `camera.far`, is left out. Raises InputError
    `avatar.too_dense`, `avatar.too_big`, `option.size`.
    """
    return draw_gaussians(
        means, quaternions, scales, opacities, colours, camera, antialiased=antialiased
    )[1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawing:
    """Where a picture's Gaussians lie on the screen: `project.Ellipses`, `tiles.list_tiles`."""

    ellipses: Ellipses
    starts: Int64Array
    members: Int32Array


def draw_gaussians(
    means: FloatArray,
    quaternions: FloatArray,
    scales: FloatArray,
    opacities: FloatArray,
    colours: FloatArray,
    camera: Camera,
    *,
    antialiased: bool,
) -> tuple[Drawing, GaussianImage]:
    """`rasterise_gaussians`, and what its gradients start from."""
    check_sizes(len(means), colours.shape[1], camera)
    ellipses = project_all(means, quaternions, scales, opacities, camera, antialiased=antialiased)
    columns, rows = tiles_across(camera)
    starts, members = list_tiles(ellipses, columns, rows)
    carried = as_floats(colours)
    colour = np.empty((camera.height, camera.width, carried.shape[1]), np.float32)
    alpha = np.empty((camera.height, camera.width), np.float32)
    depth = np.empty((camera.height, camera.width), np.float32)

    def draw(first: int, last: int) -> None:
        composite_tiles(
            first,
            last,
            columns,
            starts,
            members,
            ellipses.centres,
            ellipses.shapes,
            carried,
            colour,
            alpha,
            depth,
        )

    run_ranges(draw, split_tiles(starts))
    drawing = Drawing(ellipses=ellipses, starts=starts, members=members)
    return drawing, GaussianImage(colour=colour, alpha=alpha, depth=depth)


def picture_bytes(camera: Camera, channels: int) -> int:
    """What a picture takes in memory while it is made: its channels, and what becomes of them."""
    return 2 * 4 * channels * camera.width * camera.height


def check_sizes(count: int, channels: int, camera: Camera) -> None:
    """Raises InputError `avatar.too_big`, `option.size` for what would not fit in memory."""
    if count > limits.MAX_GAUSSIANS:
        raise InputError(
            "avatar.too_big",
            f"The avatar has {count:,} Gaussians.",
            f"Choose an avatar of at most {limits.MAX_GAUSSIANS:,}.",
        )
    if picture_bytes(camera, channels + 2) > limits.MAX_FRAME_BYTES:
        raise InputError(
            "option.size",
            f"A picture of {camera.width} x {camera.height} pixels with {channels} channels "
            "does not fit in memory.",
            "Render it smaller, or fewer passes at once.",
        )


def project_all(
    means: FloatArray,
    quaternions: FloatArray,
    scales: FloatArray,
    opacities: FloatArray,
    camera: Camera,
    *,
    antialiased: bool,
) -> Ellipses:
    """The Gaussians on the camera's screen."""
    ellipses = empty_ellipses(len(means))
    places, turns, sizes, strengths = (
        as_floats(a) for a in (means, quaternions, scales, opacities)
    )
    pose = np.ascontiguousarray(camera.camera_from_world, np.float64)
    lens = lens_of(camera, antialiased=antialiased)

    def work(first: int, last: int) -> None:
        project(first, last, places, turns, sizes, strengths, pose, lens, ellipses)

    run_ranges(work, even_pieces(len(means)))
    return ellipses


def as_floats(values: FloatArray) -> Float32Array:
    """What the kernels take. A double beyond float32 becomes infinity, and is then left out."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, np.float32)


def split_tiles(starts: Int64Array) -> list[int]:
    """Bounds of runs of tiles that cost about the same; a tile costs its list and its pixels."""
    cost = starts + 64 * np.arange(len(starts))
    wanted = np.linspace(0, cost[-1], _PIECES * thread_count() + 1)
    return np.unique(np.searchsorted(cost, wanted)).tolist()
