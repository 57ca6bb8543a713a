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
from .gaussians import Drawing, GaussianImage, as_floats, draw_gaussians, split_tiles
from .gradient import MOMENTS, add_rows, composite_gradient
from .kernel_threads import even_pieces, run_ranges
from .project import lens_of
from .project_gradient import project_gradient
from .tiles import tiles_across


def rasterise_tensors(
    means: Tensor,
    quaternions: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    camera: Camera,
    *,
    antialiased: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour (H, W, C), alpha (H, W) and depth (H, W) as `rasterise_gaussians` gives them, with
    gradients to the five inputs, whose shapes are as there: exact but for the cuts, which have
    none (a Gaussian is drawn or not, a pixel goes on or ends). An empty pixel's infinite depth
    has no gradient. Computes in float32 on the CPU, whatever the inputs. Raises what
    `rasterise_gaussians` raises."""
    return _Rasterise.apply(means, quaternions, scales, opacities, colours, camera, antialiased)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Picture:
    """What the way back needs of the way there."""

    inputs: tuple[Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]
    camera: Camera
    antialiased: bool
    drawing: Drawing
    image: GaussianImage


class _Rasterise(torch.autograd.Function):
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
        inputs = (
            _to_floats(means),
            _to_floats(quaternions),
            _to_floats(scales),
            _to_floats(opacities),
            _to_floats(colours),
        )
        drawing, image = draw_gaussians(*inputs, camera, antialiased=antialiased)
        ctx.picture = _Picture(  # pyright: ignore[reportAttributeAccessIssue]
            inputs=inputs, camera=camera, antialiased=antialiased, drawing=drawing, image=image
        )
        pictures = (image.colour, image.alpha, image.depth)
        return tuple(torch.tensor(a, dtype=means.dtype, device=means.device) for a in pictures)

    @staticmethod
    def backward(ctx: FunctionCtx, *flows: Tensor) -> tuple[Tensor | None, ...]:
        picture: _Picture = ctx.picture  # pyright: ignore[reportAttributeAccessIssue]
        of_colour, of_alpha, of_depth = (_to_floats(flow) for flow in flows)
        gradients = find_gradients(picture, of_colour, of_alpha, of_depth)
        return (*(torch.from_numpy(a).to(flows[0]) for a in gradients), None, None)


def _to_floats(values: Tensor) -> Float32Array:
    return as_floats(values.detach().cpu().numpy())


def find_gradients(
    picture: _Picture, of_colour: Float32Array, of_alpha: Float32Array, of_depth: Float32Array
) -> tuple[Float64Array, ...]:
    """Gradients of means, quaternions, scales, opacities and colours, in float64."""
    totals = _sum_up(picture, of_colour, of_alpha, of_depth)
    means, quaternions, scales, opacities, _ = picture.inputs
    out = tuple(np.zeros(a.shape) for a in picture.inputs[:4])
    pose = np.ascontiguousarray(picture.camera.camera_from_world, np.float64)
    lens = lens_of(picture.camera, antialiased=picture.antialiased)
    keys = picture.drawing.ellipses.keys

    def work(first: int, last: int) -> None:
        project_gradient(
            first, last, means, quaternions, scales, opacities, pose, lens, keys, totals, *out
        )

    run_ranges(work, even_pieces(len(means)))
    return (*out, totals[:, MOMENTS:-1])


def _sum_up(
    picture: _Picture, of_colour: Float32Array, of_alpha: Float32Array, of_depth: Float32Array
) -> Float64Array:
    """(N, MOMENTS + C + 1) what the picture says of each Gaussian."""
    drawing, image, colours = picture.drawing, picture.image, picture.inputs[4]
    ellipses, starts, members = drawing.ellipses, drawing.starts, drawing.members
    columns, _ = tiles_across(picture.camera)
    rows = np.empty((len(members), MOMENTS + colours.shape[1] + 1), np.float32)
    totals = np.zeros((len(colours), rows.shape[1]))

    def tiles(first: int, last: int) -> None:
        composite_gradient(
            first,
            last,
            columns,
            starts,
            members,
            ellipses.centres,
            ellipses.shapes,
            colours,
            image.alpha,
            image.depth,
            of_colour,
            of_alpha,
            of_depth,
            rows,
        )

    def gaussians(first: int, last: int) -> None:
        add_rows(first, last, members, rows, totals)

    run_ranges(tiles, split_tiles(starts))
    run_ranges(gaussians, even_pieces(len(totals), 2))
    return totals
