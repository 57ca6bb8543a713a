# SPDX-License-Identifier: GPL-3.0-or-later
"""Two terms of the loss against the source's stain, what an output keeps of the source's emotion.

An output may miss the truth, but not in a direction that tells which emotion it came from.
`MeanErrors` pulls each source emotion's mean error to that of all; `ReversedProbe` is an adversary
(Ganin et al. 2016, domain-adversarial training) that reads the emotion, while the network learns to
leave it nothing to read. Both are of training alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.functional import cross_entropy, gelu

from ....shared.arrays import Float32Array
from ....shared.emotion import EMOTIONS
from ...modulation.network import NUMBERS
from .config import GeometryConfig

CLASSES = len(EMOTIONS) + 1
"""Neutral, then the six emotions."""
DECAY = 0.99
"""Of the running means: some hundred batches. They tell the stain from noise, but late: what is
pushed hard by them swings from one side to the other."""
QUANTILES = (0.1, 0.5, 0.9)
"""Over time, of a take's numbers: part of what a probe is shown."""
RAREST = 0.02
"""Share of frames below which a class's mean is no longer trusted."""
HIDDEN = 128
RAMP = 0.3
"""Share of a run in which both terms grow from 0: running means of a few batches, and a probe that
knows nothing yet, push anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What came of a batch of B windows of T frames. output, target: (B, T, 103). source_weights:
    (B, T, 6) the emotion that was in the source. cues: (B, T, K) the target's."""

    output: Tensor
    target: Tensor
    source_weights: Tensor
    cues: Tensor


def memberships(weights: Tensor) -> Tensor:
    """(…, 7) shares of neutral and the six emotions, sum 1, in weights (…, 6)."""
    neutral = (1 - weights.sum(-1, keepdim=True)).clamp_min(0)
    every = torch.cat([neutral, weights], -1)
    return every / every.sum(-1, keepdim=True)


def statistics(numbers: Tensor) -> Tensor:
    """(B, 515) as `evaluation.probe.statistics`, of each of B windows (B, T, 103)."""
    # At a spread of exactly 0 the root has no slope.
    spread = (numbers.var(1, correction=0) + 1e-10).sqrt()
    quantiles = torch.quantile(numbers, numbers.new_tensor(QUANTILES), 1)
    return torch.cat([numbers.mean(1), spread, *quantiles], 1)


class MeanErrors(nn.Module):
    """Sum of squares, over source classes and numbers, of the class's mean error less the mean
    error of all frames; their root mean square is the numerator of the figure "stain".

    A batch's own means are mostly noise. So the slope is that at the running means of the batches
    before, which makes the term linear in the batch: equal parts of a batch average to the whole,
    with the slope of half the squares.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: Tensor
        self.register_buffer("seen", torch.zeros(()))
        self.running: Tensor
        self.register_buffer("running", torch.zeros(CLASSES + 1, NUMBERS + 1))
        self.fresh = torch.zeros_like(self.running)

    def forward(self, error: Tensor, shares: Tensor) -> Tensor:
        """() of error (B, T, 103) with memberships (B, T, 7). Keeps this batch's means in `fresh`,
        which may be averaged over processes before `follow`."""
        ones = torch.ones_like(error[..., :1])
        # Row k is the mean of share_k times (error, 1), the last that of all frames.
        rows = torch.cat([shares, ones], 2).flatten(0, 1).T
        means = rows @ torch.cat([error, ones], 2).flatten(0, 1) / rows.shape[1]
        self.fresh = means.detach().clone()
        mass = self.running[:CLASSES, NUMBERS:]
        return (_shift(self.running, mass) * _shift(means, mass)).sum()

    def follow(self) -> None:
        """Takes `fresh` into the running means."""
        # In the first steps a plain mean, or the zeros of the start would stay for long.
        self.running.lerp_(self.fresh, (1 / (self.seen + 1)).clamp_min(1 - DECAY))
        self.seen += 1


def _shift(means: Tensor, mass: Tensor) -> Tensor:
    """(7, 103) each class's mean error less that of all frames, of `MeanErrors`' means (8, 104) and
    each class's share of frames (7, 1); less for a class that there is hardly, 0 without it."""
    differences = means[:CLASSES, :NUMBERS] - mass * means[CLASSES, :NUMBERS]
    return differences / mass.clamp_min(RAREST)


class ReversedProbe(nn.Module):
    """A probe that reads the source's class from how a window's statistics differ from the truth's,
    told the target's cues. It learns to read; what it is read from learns the contrary.

    scale: (103,) by which numbers are divided, 0 for those that the network cannot change."""

    def __init__(self, scale: Float32Array, cues: int) -> None:
        super().__init__()
        values = torch.from_numpy(scale)
        inverse = torch.where(values > 0, 1 / values.clamp_min(1e-6), 0)
        self.inverse: Tensor
        self.register_buffer("inverse", inverse.repeat(2 + len(QUANTILES)), persistent=False)
        self.inner = nn.Linear(len(self.inverse) + cues, HIDDEN)
        self.outer = nn.Linear(HIDDEN, CLASSES)

    def forward(self, outcome: Outcome, strength: float) -> Tensor:
        """() cross-entropy of the windows' source classes; its slope in the output is turned round
        and multiplied by `strength`."""
        left = (statistics(outcome.output) - statistics(outcome.target)) * self.inverse
        turned = _Reversed.apply(left, strength)
        told = torch.cat([turned, outcome.cues.mean(1)], 1)
        scores = self.outer(gelu(self.inner(told)))
        return cross_entropy(scores, memberships(outcome.source_weights).mean(1))


class _Reversed(torch.autograd.Function):
    """The identity, whose slope is turned round and multiplied."""

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, strength: float) -> Tensor:
        ctx.strength = strength  # pyright: ignore[reportAttributeAccessIssue]
        return values.view_as(values)

    @staticmethod
    def backward(ctx: FunctionCtx, *outer: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * outer[0], None  # pyright: ignore[reportAttributeAccessIssue]


class StainTerms(nn.Module):
    """The terms that the config has weights for; of weight 0 there is nothing.

    residual_scale: (103,) see `Scaling`."""

    def __init__(self, config: GeometryConfig, residual_scale: Float32Array) -> None:
        super().__init__()
        self.config = config
        self.means = MeanErrors() if config.stain_weight else None
        cues = config.network.cues
        self.probe = ReversedProbe(residual_scale, cues) if config.probe_weight else None

    def forward(self, outcome: Outcome, step: int) -> Tensor:
        """() both terms, times their weights, at this step of the run."""
        grown = min(step / (RAMP * self.config.steps), 1.0)
        total = outcome.output.new_zeros(())
        if self.means is not None:
            error = outcome.output - outcome.target
            shares = memberships(outcome.source_weights)
            total = total + self.config.stain_weight * grown * self.means(error, shares)
        if self.probe is not None:
            total = total + self.probe(outcome, self.config.probe_weight * grown)
        return total

    def fresh(self) -> list[Tensor]:
        """What has to be averaged over processes before `follow`."""
        return [] if self.means is None else [self.means.fresh]

    def follow(self) -> None:
        """Ends a step."""
        if self.means is not None:
            self.means.follow()
