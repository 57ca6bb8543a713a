# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe reads what is there, and nothing else."""

import numpy as np
import pytest
from affekt.sidecar.lab.evaluation.probe import statistics, train_probe
from fakes.clips import numbers

STATES = 7


def made(count: int, stain: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features that the target moves a lot and the source by `stain`; targets; sources."""
    rng = np.random.default_rng(seed)
    target, source = rng.integers(STATES, size=(2, count))
    looks = np.random.default_rng(99).normal(0, 1, (2, STATES, 30))
    features = 10 * looks[0][target] + stain * looks[1][source] + rng.normal(0, 0.5, (count, 30))
    return features, target, source


def accuracy(stain: float, *, shuffled: bool = False, told: bool = True) -> float:
    features, target, source = made(700, stain, 1)
    if shuffled:
        source = np.random.default_rng(5).permutation(source)
    known = target if told else np.zeros_like(target)
    probe = train_probe(features, known, source, STATES)
    features, target, source = made(700, stain, 2)
    known = target if told else np.zeros_like(target)
    return float((probe.read(features, known) == source).mean())


def test_separable_data_is_read():
    assert accuracy(1.0) > 0.95


def test_shuffled_labels_are_read_at_chance():
    assert accuracy(1.0, shuffled=True) == pytest.approx(1 / STATES, abs=0.07)


def test_where_nothing_is_nothing_is_read():
    assert accuracy(0.0) == pytest.approx(1 / STATES, abs=0.07)


def test_who_is_told_the_target_reads_a_fainter_stain():
    assert accuracy(0.2) > accuracy(0.2, told=False) + 0.1
    assert accuracy(0.2) > 0.3


def test_a_barred_class_is_never_read():
    features, target, source = made(300, 1.0, 1)
    none = np.zeros_like(target)
    probe = train_probe(features, none, source, STATES)
    assert (probe.read(features, none) == source).mean() > 0.9
    assert not (probe.read_beside(features, none, source) == source).any()


def test_the_same_data_gives_the_same_probe():
    features, target, source = made(100, 1.0, 1)
    one, two = (train_probe(features, target, source, STATES) for _ in range(2))
    assert np.array_equal(one.weights, two.weights)


def test_statistics_are_those_of_time():
    take = numbers(4)
    seen = statistics(take)
    assert seen.shape == (515,)
    assert seen[:103] == pytest.approx(take.mean(0), abs=1e-6)
    assert seen[103:206] == pytest.approx(take.std(0), abs=1e-6)
    assert statistics(take[::-1]) == pytest.approx(seen)
    still = statistics(np.tile(take[:1], (5, 1)))
    assert still.reshape(5, 103)[1] == pytest.approx(0, abs=1e-9)
