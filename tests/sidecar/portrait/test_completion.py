# SPDX-License-Identifier: GPL-3.0-or-later
"""Values are completed on the graph of neighbours: smoothly, and with the other side's detail."""

import numpy as np
from affekt.sidecar.portrait.completion import Graph, completed, mirrored


def sheet(columns: int, rows: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """A flat sheet of points a millimetre apart, its middle at x = 0, and its normals."""
    x, y = np.meshgrid(np.arange(columns) - (columns - 1) / 2, np.arange(rows), indexing="ij")
    places = 1e-3 * np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1)
    return places, np.tile([0.0, 0.0, 1.0], (len(places), 1))


def test_between_two_known_ends_values_rise_evenly() -> None:
    places, normals = sheet(21)
    graph = Graph.of(places, normals, np.zeros(len(places), np.int32))
    ends = np.abs(places[:, 0]) > 9.5e-3
    values = np.where(places[:, :1] > 0, [[1.0, 30.0]], [[0.0, 10.0]])
    known = np.where(ends, 1e3, 0.0)
    found = graph.filled(values, known, np.zeros_like(values))
    share = (places[:, 0] + 10e-3) / 20e-3
    np.testing.assert_allclose(found[:, 0], share, atol=0.04)
    np.testing.assert_allclose(found[:, 1], 10 + 20 * share, atol=0.8)


def test_parts_keep_to_themselves() -> None:
    places, normals = sheet(20)
    parts = (places[:, 0] > 0).astype(np.int32)
    graph = Graph.of(places, normals, parts)
    values = np.where(parts[:, None] == 1, 5.0, 1.0)
    known = np.where(np.abs(places[:, 0]) > 9e-3, 1e3, 0.0)
    found = graph.filled(values, known, np.zeros_like(values))[:, 0]
    assert np.abs(found[parts == 0] - 1).max() < 0.2
    assert np.abs(found[parts == 1] - 5).max() < 0.2


def test_a_mole_appears_on_the_side_that_is_not_seen() -> None:
    places, normals = sheet(20)
    parts = np.zeros(len(places), np.int32)
    other = mirrored(places, parts)
    np.testing.assert_allclose(places[other], places * [-1, 1, 1])
    mole = np.all(np.isclose(places, [6.5e-3, 2e-3, 0]), axis=1)
    assert mole.sum() == 1
    values = np.where(mole[:, None], 0.2, 0.7).astype(np.float32)
    seen = (places[:, 0] > 0).astype(np.float32)
    may = np.ones(len(places), bool)
    graph = Graph.of(places, normals, parts)
    found = completed(graph, values, seen, other, may)[:, 0]
    assert abs(found[other[np.flatnonzero(mole)[0]]] - 0.2) < 0.05
    plain = completed(graph, values, seen, other, ~may)[:, 0]
    assert abs(plain[other[np.flatnonzero(mole)[0]]] - 0.7) < 0.05
    np.testing.assert_allclose(found[seen == 1], values[seen == 1, 0], atol=0.02)


def test_diffusion_keeps_the_mean_of_a_closed_ring() -> None:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    places = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    normals = np.tile([0.0, 0.0, 1.0], (60, 1))
    graph = Graph.of(places, normals, np.zeros(60, np.int32))
    values = np.random.default_rng(3).random((60, 2))
    soft = graph.diffused(values, 300)
    np.testing.assert_allclose(soft.mean(0), values.mean(0), atol=1e-4)
    assert np.ptp(soft, axis=0).max() < 0.1
