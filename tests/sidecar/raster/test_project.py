# SPDX-License-Identifier: GPL-3.0-or-later
"""Points on the screen, against the camera's equations written down plainly."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera
from affekt.shared.errors import InputError
from affekt.sidecar.raster import project
from affekt.sidecar.raster.project import (
    Ellipses,
    empty_ellipses,
    list_tiles,
    sortable,
    tile_range,
    tiles_across,
    to_pixels,
)
from fakes.projection import pixel_centres, to_screen, unproject
from hypothesis import given
from hypothesis import strategies as st


def random_view(seed: int, *, orthographic: bool) -> Camera:
    matrix = np.eye(4)
    matrix[:3] = np.random.default_rng(seed).normal(size=(3, 4))
    matrix[:3, :3] += 2 * np.eye(3)
    return Camera(
        width=40,
        height=30,
        focal_x=35.0,
        focal_y=33.0,
        centre_x=19.0,
        centre_y=16.0,
        near=0.1,
        camera_from_world=matrix,
        orthographic=orthographic,
    )


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_pixels_come_back_from_the_world(seed: int, orthographic: bool):
    view = random_view(seed, orthographic=orthographic)
    pixels = pixel_centres(view).reshape(-1, 2)
    depth = np.random.default_rng(seed).uniform(0.5, 5, len(pixels))
    found = to_pixels(unproject(view, pixels, depth), view)
    np.testing.assert_allclose(found[:, :2], pixels, atol=1e-4)
    np.testing.assert_allclose(found[:, 2], depth, rtol=1e-5)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_equals_its_twin_in_front_and_knows_nothing_of_the_rest(seed: int, orthographic: bool):
    view = random_view(seed, orthographic=orthographic)
    points = np.random.default_rng(seed).normal(0, 3, (200, 3))
    (pixels, depth), found = to_screen(view, points), to_pixels(points, view)
    seen = depth >= view.near
    np.testing.assert_allclose(found[seen, :2], pixels[seen], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found[seen, 2], depth[seen], rtol=1e-5)
    assert np.isnan(found[~seen]).all()


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_has_no_place(broken: float):
    view = replace(random_view(0, orthographic=False), camera_from_world=np.eye(4))
    points = np.array([[0, 0, 1], [broken, 0, 1], [0, broken, 1], [0, 0, broken]])
    found = to_pixels(points, view)
    np.testing.assert_allclose(found[0], [19, 16, 1])
    assert np.isnan(found[1:]).all()


def boxes_at_random(count: int, columns: int, rows: int) -> Ellipses:
    """Of which a fifth is hidden, and some are as deep as others."""
    rng = np.random.default_rng(count)
    ellipses = empty_ellipses(count)
    for first, size in ((0, columns), (2, rows)):
        ends = np.sort(rng.integers(0, size, (count, 2)), 1)
        ellipses.boxes[:, first : first + 2] = ends
    ellipses.keys[:] = rng.integers(0, 40, count) * 100_000_007 % 2**32
    ellipses.keys[rng.random(count) < 0.2] = project.HIDDEN
    return ellipses


def test_each_tile_lists_what_touches_it_from_near_to_far(monkeypatch: pytest.MonkeyPatch):
    columns, rows = 5, 3
    ellipses = boxes_at_random(200, columns, rows)
    starts, members = list_tiles(ellipses, columns, rows)
    order = [i for i in np.argsort(ellipses.keys, kind="stable")
             if ellipses.keys[i] != project.HIDDEN]  # fmt: skip
    for row in range(rows):
        for column in range(columns):
            tile = row * columns + column
            left, right, top, bottom = ellipses.boxes.T
            touching = (left <= column) & (column <= right) & (top <= row) & (row <= bottom)
            found = members[starts[tile] : starts[tile + 1]].tolist()
            assert found == [i for i in order if touching[i]]
    assert starts[-1] == len(members)
    monkeypatch.setattr(project, "MAX_PAIRS", len(members))
    list_tiles(ellipses, columns, rows)
    monkeypatch.setattr(project, "MAX_PAIRS", len(members) - 1)
    with pytest.raises(InputError) as caught:
        list_tiles(ellipses, columns, rows)
    assert caught.value.code == "avatar.too_dense"


def test_depths_sort_as_numbers():
    depths = np.float32([-np.inf, -1e30, -5, -1e-30, 0, 1e-38, 0.1, 0.10000001, 7, 1e30, np.inf])
    keys = [int(sortable(depth)) for depth in depths]
    assert keys == sorted(set(keys))
    assert max(keys) < project.HIDDEN


@pytest.mark.parametrize(
    ("centre", "reach", "tiles"),
    [
        (8.0, 3.0, (0, 0)),
        (16.0, 0.6, (0, 1)),  # the pixels' centres at 15.5 and 16.5
        (24.0, 8.4, (1, 1)),
        (24.0, 8.6, (0, 2)),
        (-20.0, 30.0, (0, 0)),
        (40.0, 500.0, (0, 2)),
        (-20.0, 5.0, None),  # before the first, behind the last, between two centres
        (100.0, 5.0, None),
        (16.0, 0.4, None),
    ],
)
def test_which_of_three_tiles_are_reached(
    centre: float, reach: float, tiles: tuple[int, int] | None
):
    first, last = tile_range(centre, reach, 3)
    if tiles is None:
        assert first > last
    else:
        assert (first, last) == tiles


def test_tiles_cover_a_picture():
    view = random_view(0, orthographic=False)
    assert tiles_across(replace(view, width=48, height=49)) == (3, 4)
    assert tiles_across(replace(view, width=1, height=16)) == (1, 1)
