# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe that reads the source's emotion from a take: softmax regression on statistics of the
take's 103 numbers over time. If it is given each clip's target class, it subtracts that class's
mean first, which makes faint traces of the source easier to read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from ....shared.arrays import Float32Array, Float64Array, IndexArray
from ..training.stain import QUANTILES

DECAY = 0.01
"""Weight of the squared weights beside the mean cross-entropy."""
ITERATIONS = 300


def statistics(numbers: Float32Array) -> Float64Array:
    """(515,) mean, standard deviation and `QUANTILES` over time of a take (T, 103)."""
    values = numbers.astype(np.float64)
    return np.concatenate([values.mean(0), values.std(0), *np.quantile(values, QUANTILES, axis=0)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """means: (known, D) of each known class; scale: (D,); weights: (D + 1, classes)."""

    means: Float64Array
    scale: Float64Array
    weights: Float64Array

    def scores(self, features: Float64Array, known: IndexArray) -> Float64Array:
        """(N, classes) the score of each class for features (N, D). known: (N,) the class that
        the probe is told of each clip."""
        return _normed(features, known, self.means, self.scale) @ self.weights

    def read(self, features: Float64Array, known: IndexArray) -> IndexArray:
        """(N,) the class with the highest score."""
        return self.scores(features, known).argmax(1)

    def read_beside(
        self, features: Float64Array, known: IndexArray, barred: IndexArray
    ) -> IndexArray:
        """(N,) the class with the highest score apart from `barred` (N,)."""
        scores = self.scores(features, known)
        scores[np.arange(len(scores)), barred] = -np.inf
        return scores.argmax(1)


def train_probe(
    features: Float64Array, known: IndexArray, labels: IndexArray, classes: int
) -> Probe:
    """Fits features (N, D) to labels (N,). known: (N,) what the reader is told of each clip, all
    zero if nothing. The same input gives the same probe."""
    kinds = range(int(known.max()) + 1)
    means = np.stack(
        [features[known == k].mean(0) if (known == k).any() else features.mean(0) for k in kinds]
    )
    spread = (features - means[known]).std(0)
    scale = np.where(spread > 1e-6, spread, np.inf)  # what never varies says nothing
    weights = _fit(_normed(features, known, means, scale), labels, classes)
    return Probe(means=means, scale=scale, weights=weights)


def _normed(
    features: Float64Array, known: IndexArray, means: Float64Array, scale: Float64Array
) -> Float64Array:
    """(N, D + 1) features scaled to unit spread and clipped to 8 of it; the last column is 1."""
    normed = np.clip((features - means[known]) / scale, -8, 8)
    return np.concatenate([normed, np.ones((len(normed), 1))], 1)


def _fit(inputs: Float64Array, labels: IndexArray, classes: int) -> Float64Array:
    hot = np.eye(classes)[labels]

    def loss(flat: Float64Array) -> tuple[float, Float64Array]:
        weights = flat.reshape(-1, classes)
        scores = inputs @ weights
        scores -= logsumexp(scores, axis=1, keepdims=True)
        slope = inputs.T @ (np.exp(scores) - hot) / len(inputs) + 2 * DECAY * weights
        return float(-(scores * hot).sum() / len(inputs) + DECAY * (flat**2).sum()), slope.ravel()

    start = np.zeros(inputs.shape[1] * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS})
    return found.x.reshape(-1, classes)
