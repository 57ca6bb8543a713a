# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of a modulator on held-out sentences and people, beside two simple baselines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....shared.arrays import BoolArray, Float32Array
from ....shared.emotion import constant_track
from ....shared.motion import make_motion, numbers_of
from ...modulation.modulator import answering, modulate_part
from ...modulation.weights import Modulator
from ...modulation.windows import MODEL_FPS
from .data import Group, Program
from .linear_head import LinearHead

CLOSED_MM = 0.5
"""Lips count as closed up to this gap; at rest it is 0."""


def measure(modulator: Modulator, groups: list[Group], linear_head: LinearHead) -> dict[str, float]:
    """Figures over all groups; of each, two sources are turned into one target program.

    parameter_error: mean absolute error against the synchronised truth, over the numbers that
    emotion changes; *_untouched: of the source itself; *_mean: of the source plus the emotion's
    mean offset. vertex_error_mm likewise, as mean distance. closure_kept: share of closure frames
    whose lips are closed. source_leak: mean difference between the outputs from two sources in
    different emotions; source_difference: between those sources.
    """
    offsets = _mean_offsets(groups)
    live = modulator.residual_scale > 0
    rows = [_measure_group(modulator, g, linear_head, offsets, live) for g in groups]
    names = rows[0].keys()
    weights = np.array([len(g.closure) for g in groups], float)
    result = {}
    for name in names:
        values = np.array([row[name] for row in rows])
        known = np.isfinite(values)
        result[name] = float(np.average(values[known], weights=weights[known]))
    return result


def _measure_group(
    modulator: Modulator,
    group: Group,
    linear_head: LinearHead,
    offsets: Float32Array,
    live: BoolArray,
) -> dict[str, float]:
    count = len(group.weights)
    target = 1 + int(group.targets.shape[1]) % (count - 1)
    truth = group.targets[target].astype(np.float32)
    program = group.program(target)
    sources = [group.sources[(target + shift) % count].astype(np.float32) for shift in (1, 2)]
    outputs = [apply(modulator, source, program) for source in sources]
    mean = sources[0] + program.weights @ offsets
    closed = group.closure > 0.95

    def vertex(values: Float32Array) -> float:
        moved = (values - truth) @ linear_head.basis
        return float(np.linalg.norm(moved.reshape(len(moved), -1, 3), axis=2).mean())

    def parameter(values: Float32Array) -> float:
        return float(np.abs(values - truth)[:, live].mean())

    opening = (outputs[0] @ linear_head.gap)[closed].mean(1)
    return {
        "parameter_error": parameter(outputs[0]),
        "parameter_error_untouched": parameter(sources[0]),
        "parameter_error_mean": parameter(mean),
        "vertex_error_mm": vertex(outputs[0]),
        "vertex_error_untouched_mm": vertex(sources[0]),
        "vertex_error_mean_mm": vertex(mean),
        "closure_kept": float((opening < CLOSED_MM).mean()) if closed.any() else float("nan"),
        "source_leak": float(np.abs(outputs[0] - outputs[1])[:, live].mean()),
        "source_difference": float(np.abs(sources[0] - sources[1])[:, live].mean()),
    }


def apply(modulator: Modulator, numbers: Float32Array, program: Program) -> Float32Array:
    """(T, 103) a take (T, 103) modulated to a program of T frames, whose weights are the network's
    amplitudes, at full influence."""
    motion = make_motion(
        expression=numbers[:, :100], jaw=numbers[:, 100:], fps=MODEL_FPS, space="open"
    )
    track = constant_track(len(numbers), MODEL_FPS, keep_closed=program.keep_closed)
    track = replace(track, weights=program.weights)
    variants = None if modulator.variants is None else program.variants
    performed = replace(answering(modulator, motion), is_keyed=False, variants=variants)
    return numbers_of(modulate_part(motion, track, performed))


def _mean_offsets(groups: list[Group]) -> Float32Array:
    """(6, 103) least-squares offset of each emotion at weight 1 from the neutral program."""
    curves = np.concatenate([g.weights.reshape(-1, g.weights.shape[2]) for g in groups])
    changes = np.concatenate(
        [(g.targets - g.targets[:1]).reshape(-1, g.targets.shape[2]) for g in groups]
    )
    return np.linalg.lstsq(curves.astype(np.float64), changes.astype(np.float64), rcond=None)[
        0
    ].astype(np.float32)
