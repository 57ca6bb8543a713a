# SPDX-License-Identifier: GPL-3.0-or-later
"""The loss of the geometry network: parameters, vertices, velocity, and lips: they must meet, and
must not flutter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from .config import GeometryConfig
from .linear_head import LinearHead


@dataclass(frozen=True, slots=True, eq=False)
class GeometryLoss:
    """L1 of parameters and vertices (Feelings paper, geometry loss) and of velocity, plus the gap
    of the lips in frames in which they must meet, and the gap's second difference everywhere, each
    times its weight in the config; terms of weight 0 are not computed. Every term is a mean over B,
    so equal parts of a batch average to the whole."""

    config: GeometryConfig
    basis: Tensor  # (103, 3N) mm
    gap: Tensor  # (103, 5) mm

    def __call__(self, error: Tensor, contact: Tensor) -> Tensor:
        """() loss of error (B, T, 103), output minus truth in the motion's units, with contact
        (B, T)."""
        config = self.config
        total = config.parameter_weight * error.abs().mean()
        if config.vertex_weight:
            total = total + config.vertex_weight * mean_absolute(error, self.basis)
        if config.velocity_weight:
            velocity = error[:, 1:] - error[:, :-1]
            total = total + config.velocity_weight * velocity.abs().mean()
        gaps = error @ self.gap
        if config.lips_weight:
            total = total + config.lips_weight * (gaps.abs().mean(2) * contact).mean()
        if config.flutter_weight:
            flutter = gaps[:, 2:] - 2 * gaps[:, 1:-1] + gaps[:, :-2]
            total = total + config.flutter_weight * flutter.abs().mean()
        return total


class _MeanAbsolute(torch.autograd.Function):
    """mean |error @ basis|. The product takes most of a step's memory, so the forward pass also
    computes the gradient, in the same memory."""

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
    """() mean |error @ basis| of error (..., C) and basis (C, N). It has a first derivative in
    error, and no others."""
    return _MeanAbsolute.apply(error, basis)


def make_loss(
    config: GeometryConfig, linear_head: LinearHead, device: torch.device
) -> GeometryLoss:
    """The loss with the config's weights, on `device`."""
    basis, gap = torch.from_numpy(linear_head.basis), torch.from_numpy(linear_head.gap)
    return GeometryLoss(config, basis.to(device), gap.to(device))
