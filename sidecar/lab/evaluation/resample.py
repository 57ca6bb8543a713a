# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures from sums over clips, with standard errors by bootstrap over performances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array, IndexArray

RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value, its standard error, and the middle 95 % of the resamples; nan if unknown."""

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resampler:
    """draws: (R, P) performances of each resample. Clips of one person and sentence stay
    together, since they are alike."""

    draws: IndexArray

    def estimate(self, shares: Float64Array) -> Estimate:
        """Estimates a ratio of sums. shares: (P, 2) numerators, denominators by performance."""
        return _estimate(_ratio(shares.sum(0)), _ratio(shares[self.draws].sum(1)))

    def compare(self, shares: Float64Array, others: Float64Array) -> Estimate:
        """Estimates the first figure divided by the second, on the same draws."""
        value = _divided(_ratio(shares.sum(0)), _ratio(others.sum(0)))
        drawn = _divided(_ratio(shares[self.draws].sum(1)), _ratio(others[self.draws].sum(1)))
        return _estimate(value, drawn)


def make_resampler(performances: int, seed: int) -> Resampler:
    """Draws `RESAMPLES` samples of the performances, with replacement."""
    rng = np.random.default_rng(seed)
    return Resampler(draws=rng.integers(performances, size=(RESAMPLES, performances)))


def by_performance(shares: Float64Array, performances: IndexArray, count: int) -> Float64Array:
    """(count, ..., 2) sums of clips' shares (C, ..., 2) that belong to each performance."""
    sums = np.zeros((count, *shares.shape[1:]))
    np.add.at(sums, performances, shares)
    return sums


def _ratio(sums: Float64Array) -> Float64Array:
    return _divided(sums[..., 0], sums[..., 1])


def _divided(a: Float64Array, b: Float64Array) -> Float64Array:
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b != 0)


def _estimate(value: Float64Array, drawn: Float64Array) -> Estimate:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Estimate(value=float(value), error=np.nan, low=np.nan, high=np.nan)
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(value=float(value), error=float(known.std()), low=float(low), high=float(high))
