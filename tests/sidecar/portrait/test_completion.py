# SPDX-License-Identifier: GPL-3.0-or-later
"""Values are completed on the graph of neighbours: smoothly, and with the other side's detail."""

import numpy as np
from affekt.sidecar.portrait.completion import Graph, completed, grain, mirrored


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


def test_a_dark_sides_detail_never_makes_the_bright_side_negative() -> None:
    """The left is lit ten times as brightly; of its inner half only the mirror image is known."""
    places, normals = sheet(20)
    x = 1e3 * places[:, 0]
    values = np.where(x < 0, 0.1, 1.0)[:, None].astype(np.float32)
    values[np.isclose(x, -3.5)] = 0.9  # gloss
    seen = np.where((x > 5) | (x < 0), 1.0, 0.0).astype(np.float32)
    graph = Graph.of(places, normals, np.zeros(len(x), np.int32))
    found = completed(graph, values, seen, mirrored(places, seen.astype(np.int32) * 0), seen >= 0)
    assert found.min() > 0.05
    assert found.max() < 1.05


def test_what_is_not_seen_has_the_grain_of_what_is() -> None:
    places, normals = sheet(80, 40)
    graph = Graph.of(places, normals, np.zeros(len(places), np.int32))
    seen = (places[:, 0] < 0).astype(np.float32)
    noise = np.random.default_rng(5).normal(0, 0.04, (len(places), 1))
    values = (0.5 * (1 + seen[:, None] * noise)).astype(np.float32)
    areas = np.where((places[:, 1] < 0.02) | (seen == 1), 1.0, 16.0)
    factor = grain(graph, values, seen, areas)
    assert (factor[seen == 1] == 1).all()
    hidden = seen == 0
    assert 0.025 < factor[hidden & (areas == 1)].std() < 0.055
    assert factor[hidden & (areas == 16)].std() < 0.01
    np.testing.assert_array_equal(grain(graph, values, 0 * seen, areas), 1)
