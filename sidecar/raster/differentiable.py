# SPDX-License-Identifier: GPL-3.0-or-later
"""The rasteriser as a step of torch's autograd, for fitting and small trainings on the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from ...shared.arrays import Float32Array, Float64Array
from ...shared.camera import Camera
from .gaussians import (
    Drawing,
    GaussianImage,
    Gaussians,
    GaussianTensors,
    as_floats,
    draw_gaussians,
    split_tiles,
)
from .gradient import MOMENTS, add_rows, composite_gradient, project_gradient
from .parallel import even_pieces, run_ranges
from .project import lens_of, tiles_across


def rasterise_tensors(
    gaussians: GaussianTensors, camera: Camera, *, antialiased: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour (H, W, C), alpha (H, W) and depth (H, W) as `rasterise_gaussians` gives them, with
    gradients to all five tensors. The gradients are exact but for the cuts, which have none (a
    Gaussian is drawn or not, a pixel goes on or ends); an empty pixel's infinite depth has none
    either. Computes in float32 on the CPU, whatever the inputs. Raises the errors of
    `rasterise_gaussians`."""
    return _Rasterise.apply(
        gaussians.means,
        gaussians.quaternions,
        gaussians.scales,
        gaussians.opacities,
        gaussians.colours,
        camera,
        antialiased,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Picture:
    """The forward pass's input and output, which the backward pass reads."""

    gaussians: Gaussians
    camera: Camera
    antialiased: bool
    drawing: Drawing
    image: GaussianImage


class _Rasterise(torch.autograd.Function):
    # torch finds tensors among the arguments only, not in a record.
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        means: Tensor,
        quaternions: Tensor,
        scales: Tensor,
        opacities: Tensor,
        colours: Tensor,
        camera: Camera,
        antialiased: bool,
    ) -> tuple[Tensor, ...]:
        gaussians = Gaussians(
            means=_to_floats(means),
            quaternions=_to_floats(quaternions),
            scales=_to_floats(scales),
            opacities=_to_floats(opacities),
            colours=_to_floats(colours),
        )
        drawing, image = draw_gaussians(gaussians, camera, antialiased=antialiased)
        ctx.picture = _Picture(  # pyright: ignore[reportAttributeAccessIssue]
            gaussians=gaussians,
            camera=camera,
            antialiased=antialiased,
            drawing=drawing,
            image=image,
        )
        pictures = (image.colour, image.alpha, image.depth)
        return tuple(torch.tensor(a, dtype=means.dtype, device=means.device) for a in pictures)

    @staticmethod
    def backward(ctx: FunctionCtx, *flows: Tensor) -> tuple[Tensor | None, ...]:
        picture: _Picture = ctx.picture  # pyright: ignore[reportAttributeAccessIssue]
        of_colour, of_alpha, of_depth = (_to_floats(flow) for flow in flows)
        gradients = _find_gradients(picture, of_colour, of_alpha, of_depth)
        return (*(torch.from_numpy(a).to(flows[0]) for a in gradients), None, None)


def _to_floats(values: Tensor) -> Float32Array:
    return as_floats(values.detach().cpu().numpy())


def _find_gradients(
    picture: _Picture, of_colour: Float32Array, of_alpha: Float32Array, of_depth: Float32Array
) -> tuple[Float64Array, ...]:
    """Gradients of means, quaternions, scales, opacities and colours, in float64, from those of
    the three pictures."""
    totals = _sum_over_pixels(picture, of_colour, of_alpha, of_depth)
    given = picture.gaussians
    inputs = (given.means, given.quaternions, given.scales, given.opacities)
    out = tuple(np.zeros(a.shape) for a in inputs)
    pose = np.ascontiguousarray(picture.camera.camera_from_world, np.float64)
    lens = lens_of(picture.camera, antialiased=picture.antialiased)
    keys = picture.drawing.ellipses.keys

    def work(first: int, last: int) -> None:
        project_gradient(first, last, *inputs, pose, lens, keys, totals, *out)

    run_ranges(work, even_pieces(len(given)))
    return (*out, totals[:, MOMENTS:-1])


def _sum_over_pixels(
    picture: _Picture, of_colour: Float32Array, of_alpha: Float32Array, of_depth: Float32Array
) -> Float64Array:
    """(N, MOMENTS + C + 1) each Gaussian's moments and channel gradients, summed over the
    picture's pixels."""
    drawing, image, colours = picture.drawing, picture.image, picture.gaussians.colours
    ellipses, starts, members = drawing.ellipses, drawing.starts, drawing.members
    columns, _ = tiles_across(picture.camera)
    rows = np.empty((len(members), MOMENTS + colours.shape[1] + 1), np.float32)
    totals = np.zeros((len(colours), rows.shape[1]))
    given = (columns, starts, members, ellipses.centres, ellipses.shapes, colours)
    pictures = (image.alpha, image.depth, of_colour, of_alpha, of_depth)

    def tiles(first: int, last: int) -> None:
        composite_gradient(first, last, *given, *pictures, rows)

    def gaussians(first: int, last: int) -> None:
        add_rows(first, last, members, rows, totals)

    run_ranges(tiles, split_tiles(starts))
    run_ranges(gaussians, even_pieces(len(totals), 2))
    return totals
