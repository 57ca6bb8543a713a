# SPDX-License-Identifier: GPL-3.0-or-later
"""What a photo does not show of a person's skin."""

from types import SimpleNamespace

import numpy as np
import pytest
from affekt.sidecar.portrait.colours import _clear_neck, _skin_around_eyes
from affekt.sidecar.portrait.completion import Graph, completed


@pytest.mark.parametrize(("dark", "cleared"), [(0.2, True), (0.8, False)])
def test_a_beard_does_not_grow_on_down_the_neck(dark: float, cleared: bool) -> None:
    """A strip of skin from brow to nape: seen bare above, seen bearded at the jaw, then unseen."""
    height = np.linspace(0.05, -0.16, 211)
    across = np.linspace(-0.003, 0.003, 7)
    y, x = (axis.ravel() for axis in np.meshgrid(height, across, indexing="ij"))
    places = np.stack([x, y, 0 * x], 1)
    count = len(places)
    normals = np.tile([0.0, 0, 1], (count, 1))
    graph = Graph.of(places, normals, np.zeros(count, np.int32))
    skin = np.array([0.5, 0.35, 0.25], np.float32)
    seen = (y > -0.09).astype(np.float32)
    bearded = (y < -0.04) & (y > -0.09)
    albedo = np.where(bearded[:, None], dark * skin, skin).astype(np.float32)
    other = np.arange(count, dtype=np.int32)
    whole = completed(graph, albedo, seen, other, np.zeros(count, np.bool_))
    canvas = SimpleNamespace(
        skin=np.arange(count),
        graph=graph,
        other=other,
        pieces=SimpleNamespace(places=places, of=lambda _: np.ones(count, np.bool_)),
    )
    before = whole.copy()
    _clear_neck(canvas, albedo, seen, whole)  # pyright: ignore[reportArgumentType]
    nape = y < -0.11
    np.testing.assert_array_equal(whole[y > -0.09], before[y > -0.09])
    np.testing.assert_allclose(before[nape], np.tile(dark * skin, (nape.sum(), 1)), rtol=0.25)
    wanted = skin if cleared else dark * skin
    np.testing.assert_allclose(whole[nape], np.tile(wanted, (nape.sum(), 1)), rtol=0.25)


def test_lids_in_a_faces_shadow_may_be_as_dark_as_the_skin_there() -> None:
    places = np.array([[0.03, 0, 0], [0.03, 0, 0], [-0.03, 0, 0], [-0.03, 0, 0], [-0.02, 0, 0]])
    plain = np.array([True, False, True, False, True])
    light = np.array([0.2, 0.9, 0.7, 0.9, 0.6], np.float32)
    shadow, lit = _skin_around_eyes(places, plain, light)
    np.testing.assert_array_equal(shadow[0], [True, True, False, False, False])
    np.testing.assert_array_equal(shadow[1], [True, False, False, False, False])
    np.testing.assert_array_equal(lit[1], plain)
    assert _skin_around_eyes(places, np.zeros(5, np.bool_), light) == []
