# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of an appearance network on made-up people that it never saw."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch

from ....shared.arrays import Float32Array, Float64Array
from ....shared.emotion import EMOTIONS
from ....shared.head import HeadModel
from ...avatar.effects import EXPRESSIONS, face_rows, open_motion, open_places, weights_of
from ...avatar.pressing import pressing_of
from ...avatar.skin_network import SkinNetwork
from ...avatar.skin_zones import FOLDS, fold_of_wrinkles, fold_zones, wrinkle_zones
from ..skin.samples import NO_EMOTION, Samples
from ..skin.truth import draw_heights
from ..skin.wrinkle_identity import usual_folds

_PEOPLE_OF_A_PAIR = 8


def measure_skin(
    network: SkinNetwork, samples: Samples, head: HeadModel, seed: int, people: int
) -> dict[str, float]:
    """height_error_mm: mean absolute error of the heights where truth or the common pattern folds;
    *_common: of the pattern that all people share, *_smooth: of none. truth_correlation: of what an
    expression changes with its truth, *_common likewise. pair_correlation: of two people's changes
    in the same expression, *_truth: of their truths; swapped_own, swapped_lent: of a person's
    change, whose skin got another's trace, with their own truth and with the other's."""
    faces = [samples.make("held-out", seed, number, NO_EMOTION) for number in range(people)]
    drawn = [_heights_of(network, face.maps, face.state) * samples.skin for face in faces]
    common = draw_heights(usual_folds()) * samples.skin
    truths = [face.heights for face in faces]
    pressed = _expression_pressing(head)
    changes, true = (_changes(maps, pressed) for maps in (drawn, truths))
    shared = _changes([common], pressed)[0]
    out = {
        "height_error_mm": _error(drawn, truths, common),
        "height_error_mm_common": _error([common] * people, truths, common),
        "height_error_mm_smooth": _error([0 * common] * people, truths, common),
        "truth_correlation": _mean([_alike(a, b) for a, b in zip(changes, true, strict=True)]),
        "truth_correlation_common": _mean([_alike(shared, b) for b in true]),
        "flush_error": _flush_error(network, samples, seed, min(people, _PEOPLE_OF_A_PAIR)),
    }
    pairs = list(combinations(range(min(people, _PEOPLE_OF_A_PAIR)), 2))
    out["pair_correlation"] = _mean([_alike(changes[a], changes[b]) for a, b in pairs])
    out["pair_correlation_truth"] = _mean([_alike(true[a], true[b]) for a, b in pairs])
    return out | _swapped(network, samples, seed, pressed, true)


def _heights_of(network: SkinNetwork, maps: Float32Array, state: int) -> Float32Array:
    """(folds, E, E) what the network draws for one face, within the folds' zones."""
    return _drawn(network, maps, state)[: len(FOLDS)] * fold_zones()


def _expression_pressing(head: HeadModel) -> Float64Array:
    """(expressions, wrinkles) how hard each of the expressions presses on the open head."""
    weights = np.array([weights_of(EXPRESSIONS[name]) for name in EMOTIONS])
    return pressing_of(face_rows(open_motion(weights, head), open_places(head)))


def _drawn(network: SkinNetwork, maps: Float32Array, state: int) -> Float32Array:
    with torch.no_grad():
        out = network(torch.from_numpy(maps)[None], torch.tensor([state]))[0]
    return out.float().numpy()


def _changes(people: list[Float32Array], pressed: Float64Array) -> list[Float32Array]:
    """(expressions, E, E) of each person, the pressed heights."""
    zones, fold = wrinkle_zones(), fold_of_wrinkles()
    return [
        np.tensordot(pressed.astype(np.float32), zones * heights[fold], 1) for heights in people
    ]


def _error(drawn: list[Float32Array], truths: list[Float32Array], common: Float32Array) -> float:
    errors = []
    for one, truth in zip(drawn, truths, strict=True):
        folds = np.maximum(np.abs(truth), np.abs(common)) > 0.01
        errors.append(float(np.abs(one - truth)[folds].mean()))
    return _mean(errors)


def _alike(one: Float32Array, other: Float32Array) -> float:
    """Mean correlation over the expressions."""
    return _mean([_correlation(a, b) for a, b in zip(one, other, strict=True)])


def _correlation(one: Float32Array, other: Float32Array) -> float:
    folds = (np.abs(one) > 1e-3) | (np.abs(other) > 1e-3)
    if not folds.any() or not one[folds].std() or not other[folds].std():
        return 0.0
    return float(np.corrcoef(one[folds], other[folds])[0, 1])


def _swapped(
    network: SkinNetwork,
    samples: Samples,
    seed: int,
    pressed: Float64Array,
    true: list[Float32Array],
) -> dict[str, float]:
    """The control: each person's skin with the trace of the next one's wrinkles."""
    count, own, lent = min(len(true), _PEOPLE_OF_A_PAIR), [], []
    for number in range(count):
        other = (number + 1) % count
        face = samples.make_swapped(seed, number, other, NO_EMOTION)
        heights = _heights_of(network, face.maps, face.state) * samples.skin
        change = _changes([heights], pressed)[0]
        own.append(_alike(change, true[number]))
        lent.append(_alike(change, true[other]))
    return {"swapped_own": _mean(own), "swapped_lent": _mean(lent)}


def _flush_error(network: SkinNetwork, samples: Samples, seed: int, people: int) -> float:
    """Mean error of the redness over its mean size, in the six emotions."""
    away, size = [], []
    for number in range(people):
        face = samples.make("held-out", seed, number, number % len(EMOTIONS))
        drawn = _drawn(network, face.maps, face.state)[len(FOLDS)] * samples.skin
        away.append(float(np.abs(drawn - face.flush).mean()))
        size.append(float(np.abs(face.flush).mean()))
    return sum(away) / max(sum(size), 1e-9)


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
