# SPDX-License-Identifier: GPL-3.0-or-later
"""Values on the pieces of a surface, completed where nothing is known and smoothed, on the graph of
neighbours in space: no seams, no borders of charts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray, Int32Array

_NEIGHBOURS = 8
_SAME_WAY = 0.3
"""Cosine of normals below which neighbours lie on different sides of a fold, as lips do."""
_ACROSS = 1e-3
"""Weight of an edge between two parts of the face, such as lip and skin."""

_GRAIN, _GRAIN_STEPS, _SEEN, _SEED = 1.0, 3, 0.7, 7
"""How much of the grain of what is seen in full the rest gets, and how fine that is."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Weights of neighbours, (N, N), symmetric, and their sums (N,)."""

    weights: csr_matrix
    totals: Float32Array

    @staticmethod
    def of(places: Float64Array, normals: Float64Array, parts: Int32Array) -> Graph:
        """The graph of points (N, 3) with normals (N, 3), each of one of some parts (N,)."""
        count = len(places)
        near = min(_NEIGHBOURS + 1, count)
        away, index = cKDTree(places).query(places, near)
        rows = np.repeat(np.arange(count), near - 1)
        columns, away = index[:, 1:].ravel(), away[:, 1:].ravel()
        same = (normals[rows] * normals[columns]).sum(1) > _SAME_WAY
        typical = np.median(away) if len(away) else 1.0
        weight = np.where(same, 1 / np.maximum(away / max(typical, 1e-9), 0.3), _ACROSS)
        weight = np.where(parts[rows] == parts[columns], weight, _ACROSS * weight)
        one = coo_matrix((weight.astype(np.float32), (rows, columns)), (count, count)).tocsr()
        both = csr_matrix(one.maximum(one.T))
        totals = np.asarray(both.sum(1)).ravel().astype(np.float32)
        return Graph(both, np.maximum(totals, 1e-9))

    def mean(self, values: FloatArray) -> FloatArray:
        """(N, C) the mean over each point's neighbours."""
        return (self.weights @ values) / self.totals[:, None]

    def diffused(self, values: FloatArray, steps: int) -> FloatArray:
        """Values (N, C) after some steps of diffusion, each half a mean over the neighbours."""
        for _ in range(steps):
            values = 0.5 * values + 0.5 * self.mean(values)
        return values

    def filled(
        self, values: FloatArray, known: FloatArray, start: FloatArray, sweeps: int = 400
    ) -> Float32Array:
        """(N, C) the smoothest values that keep to `values` where they are known.

        known: (N,) how firmly, 0 not at all, 1 as firmly as the neighbours, more is more.
        start: (N, C) where the sweeps begin. By conjugate gradients."""
        hold = (known * self.totals).astype(np.float32)[:, None]
        diagonal = self.totals[:, None] + hold + 1e-6

        def apply(x: FloatArray) -> FloatArray:
            return diagonal * x - self.weights @ x

        x = np.asarray(start, np.float32).copy()
        rest = hold * values.astype(np.float32) - apply(x)
        scaled = rest / diagonal
        step, product = scaled.copy(), (rest * scaled).sum(0)
        first = product.max() + 1e-30
        for _ in range(sweeps):
            if product.max() < 1e-7 * first:
                break
            moved = apply(step)
            length = product / np.maximum((step * moved).sum(0), 1e-30)
            x += length * step
            rest -= length * moved
            scaled = rest / diagonal
            new = (rest * scaled).sum(0)
            step = scaled + new / np.maximum(product, 1e-30) * step
            product = new
        return x


def mirrored(places: Float64Array, parts: Int32Array) -> Int32Array:
    """(N,) the point of the same part that is nearest to each one's mirror image in x."""
    out = np.arange(len(places), dtype=np.int32)
    for part in np.unique(parts):
        here = np.flatnonzero(parts == part)
        out[here] = here[cKDTree(places[here]).query(places[here] * [-1, 1, 1])[1]]
    return out


def completed(
    graph: Graph, values: Float32Array, seen: Float32Array, other: Int32Array, may_mirror: BoolArray
) -> Float32Array:
    """(N, C) values completed from what is seen (N,) and from the other side of the face.

    other: (N,) each point's mirror point. What is unseen takes the mirror point's detail, moved by
    a smooth change to meet what is seen around it (Pérez et al. 2003, on a graph)."""
    firm = 40.0 * seen.astype(np.float32) ** 2
    whole = (values * firm[:, None]).sum(0) / max(float(firm.sum()), 1e-9)
    start = np.where(firm[:, None] > 0, values, whole).astype(np.float32)
    base = graph.filled(values, firm + 1e-5 * (firm == 0), start)
    share = np.where(may_mirror, seen[other], 0)[:, None].astype(np.float32)
    detail = share * values[other] + (1 - share) * base
    change = graph.filled(values - detail, firm + 2e-3 * share[:, 0], np.zeros_like(detail))
    # Where the two sides differ much, such as lips in one-sided light, the sum may be anything.
    held = np.clip(detail + change, np.minimum(base, detail), np.maximum(base, detail))
    return np.where(seen[:, None] > 0, detail + change, held).astype(np.float32)


def grain(
    graph: Graph, values: FloatArray, seen: Float32Array, areas: Float64Array
) -> Float32Array:
    """(N,) factors that give what is not seen the fine grain of what is, where completion left it
    smooth as wax. areas: (N,) of the pieces: the larger, the less of it they carry."""
    light = values.mean(1, keepdims=True)
    fine = (light - graph.diffused(light, _GRAIN_STEPS))[:, 0] / np.maximum(light[:, 0], 1e-4)
    sure = seen > _SEEN
    if not sure.any():
        return np.ones(len(values), np.float32)
    noise = np.random.default_rng(_SEED).normal(size=(len(values), 1)).astype(np.float32)
    noise = (noise - graph.diffused(noise, _GRAIN_STEPS))[:, 0]
    # Medians, since brows and spots are no grain.
    depth = np.median(np.abs(fine[sure])) / np.median(np.abs(noise))
    small = np.minimum(np.median(areas[sure]) / np.maximum(areas, 1e-12), 1)
    return (1 + _GRAIN * depth * (1 - seen) * small * np.clip(noise, -2.5, 2.5)).astype(np.float32)
