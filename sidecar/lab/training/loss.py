# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometry loss: parameters, surface, velocity, and lips that must meet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from .config import GeometryConfig
from .surface import Surface


@dataclass(frozen=True, slots=True, eq=False)
class GeometryLoss:
    """L = parameter L1 + vertex L1 (Feelings paper, geometry loss) + velocity L1 + gap of the
    lips on frames where a bilabial closes them. A term of weight 0 is not computed. Every term is
    a mean over B, so the mean of equal parts of a batch is the whole batch's."""

    config: GeometryConfig
    basis: Tensor  # (103, 3N) mm
    gap: Tensor  # (103, 5) mm

    def __call__(self, error: Tensor, closure: Tensor) -> Tensor:
        """error: (B, T, 103) output minus truth, in the motion's own units; closure: (B, T)."""
        config = self.config
        total = config.parameter_weight * error.abs().mean()
        if config.vertex_weight:
            total = total + config.vertex_weight * mean_absolute(error, self.basis)
        if config.velocity_weight:
            velocity = error[:, 1:] - error[:, :-1]
            total = total + config.velocity_weight * velocity.abs().mean()
        if config.lips_weight:
            gaps = (error @ self.gap).abs().mean(2)
            total = total + config.lips_weight * (gaps * closure).mean()
        return total


class _MeanAbsolute(torch.autograd.Function):
    """mean |error @ basis|. The product is far larger than all else in a step, so it is made once
    and its gradient at once in the same memory."""

    @staticmethod
    def forward(ctx: FunctionCtx, error: Tensor, basis: Tensor) -> Tensor:
        product = error.reshape(-1, len(basis)) @ basis
        value = torch.linalg.vector_norm(product, 1) / product.numel()
        gradient = (product.sign_() @ basis.T) / product.numel()
        ctx.save_for_backward(gradient.view_as(error))
        return value

    @staticmethod
    def backward(ctx: FunctionCtx, *outer: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        return gradient * outer[0], None


def mean_absolute(error: Tensor, basis: Tensor) -> Tensor:
    """() mean |error @ basis| for error (..., C), basis (C, N); differentiable in error, once."""
    return _MeanAbsolute.apply(error, basis)


def make_loss(config: GeometryConfig, surface: Surface, device: torch.device) -> GeometryLoss:
    """The loss of the config's weights, computed on `device`."""
    basis, gap = torch.from_numpy(surface.basis), torch.from_numpy(surface.gap)
    return GeometryLoss(config, basis.to(device), gap.to(device))
