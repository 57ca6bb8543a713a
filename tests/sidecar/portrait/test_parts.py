# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces, light, folds, hair and the frame, each by one example whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.motion import ARKIT_NAMES
from affekt.shared.pressing import WRINKLES
from affekt.sidecar.portrait.folds import _MOVERS, _least_strain, _moved
from affekt.sidecar.portrait.framing import Frame, sample
from affekt.sidecar.portrait.hair import (
    _going_on,
    _lift,
    _Relief,
    _ring,
    _without_crumbs,
    grid_in,
    sheet_on,
    solid_hair,
)
from affekt.sidecar.portrait.light import fit_light, shade
from affekt.sidecar.portrait.surface import _divided, _halved


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_triangle_is_cut_into_equal_pieces(times: int) -> None:
    corners = np.array([[0.0, 0], [3, 0], [1, 2]])
    pieces = np.einsum("pcw,wk->pck", _divided(times), corners)
    edges = pieces[:, 1:] - pieces[:, :1]
    area = 0.5 * (edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    np.testing.assert_allclose(area, 3.0 / times**2)  # none is turned over either
    assert len(area) == times**2


def test_light_from_one_side_is_found() -> None:
    generator = np.random.default_rng(2)
    normals = generator.normal(size=(4000, 3))
    normals[:, 2] = np.abs(normals[:, 2])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    brightness = 1 + 0.4 * normals[:, 0]
    linear = (0.3 * brightness[:, None] * [1.2, 1.0, 0.8]).astype(np.float32)
    linear[::50] = 0.9  # gloss
    light = fit_light(normals, linear, np.ones(4000, np.float32))
    sides = shade(np.array([[0.8, 0, 0.6], [-0.8, 0, 0.6]]), light)
    assert sides[0] / sides[1] == pytest.approx(1.32 / 0.68, rel=0.08)  # held back a little


def test_a_face_pressed_to_half_along_one_side() -> None:
    rest = np.array([[0, 0, 0], [2, 0, 0], [0, 1, 0]], np.float32)
    posed = np.array([[0, 0, 0], [1, 0, 0], [0, 1.3, 0]], np.float32)
    strain = _least_strain(rest, posed, np.array([[0, 1, 2]], np.int32))
    assert strain[0] == pytest.approx(0.5 * (0.25 - 1))


def test_folds_of_a_movement_that_is_not_seen_are_the_persons_own() -> None:
    scores = np.zeros(52, np.float32)
    assert not _moved(scores).any()
    scores[ARKIT_NAMES.index("browDownLeft")] = 0.45
    scores[ARKIT_NAMES.index("browInnerUp")] = 0.9
    moved = dict(zip(WRINKLES, _moved(scores), strict=True))
    assert moved["glabella.left"] == pytest.approx(0.5)
    assert moved["glabella.right"] == 0
    assert moved["forehead.middle.right"] == 1  # one weight for both sides
    assert moved["smile.left"] == 0
    assert set(_MOVERS) == {name.rpartition(".")[0] for name in WRINKLES} - {"socket"}


def test_a_pixel_is_looked_up_between_its_neighbours() -> None:
    picture = np.zeros((4, 5, 2), np.float32)
    picture[1, 3] = (8, 4)
    found = sample(picture, np.array([[3.5, 1.5], [3.75, 1.5], [3.5, 1.0], [99, -9]]))
    np.testing.assert_allclose(found, [[8, 4], [6, 3], [4, 2], [0, 0]], atol=1e-5)


def test_a_disc_is_blown_up_to_a_ball_and_a_knot_to_a_small_one() -> None:
    rows, columns = np.mgrid[:240, :200]
    head = np.hypot(rows - 150, columns - 100) < 80
    knot = np.hypot(rows - 45, columns - 100) < 20
    lift = _lift(head | knot)
    assert lift[150, 100] == pytest.approx(80, abs=4)
    assert lift[150, 148] == pytest.approx(64, abs=6)  # 48 beside the middle
    assert lift[45, 100] == pytest.approx(20, abs=8)
    assert lift[10, 10] == 0


def test_an_outline_without_hair_has_no_ring() -> None:
    """A shaved head before its plain background; one row of hair on top, as a control."""
    rows, columns = np.mgrid[:120, :100]
    inside = np.hypot(rows - 60, columns - 50) < 40
    relief = _Relief(
        front=np.full((120, 100), 0.9),
        back=np.full((120, 100), 1.0),
        plane=0.95,
        inside=inside,
        lowest=90,
    )
    camera = look_at(
        target=np.zeros(3), distance=1, yaw_rad=0, pitch_rad=0, width=100, height=120, fov_y_rad=0.3
    )
    frame = SimpleNamespace(camera=camera)
    assert len(_ring(frame, relief, np.zeros_like(inside)).means) == 0
    top = _ring(frame, relief, inside & (rows < 25)).means
    assert len(top) > 20


def test_a_few_pixels_are_no_hair() -> None:
    """Of hair 400 pixels are needed, and those of another person do not count."""
    person = np.ones((60, 80), np.float32)
    person[:, :10] = 0.5
    frame = SimpleNamespace(person=person)
    mask = np.zeros((60, 80), np.float32)
    mask[:20, :29] = 0.6  # 380 of these pixels are the person's
    assert solid_hair(frame, mask) is None
    mask[:20, 29] = 0.6
    solid = solid_hair(frame, mask)
    assert solid is not None
    assert solid.sum() == 400
    mask[:20, 29] = 0.5
    assert solid_hair(frame, mask) is None


def test_steep_hair_has_no_gap_and_stands_out_nowhere() -> None:
    camera = look_at(target=np.zeros(3), distance=1.0, width=80, height=60, fov_y_rad=0.05)
    empty = np.zeros((60, 80), np.float32)
    frame = Frame(
        picture=np.zeros((60, 80, 3), np.float32), camera=camera, landmarks=np.zeros((478, 2)),
        person=empty, inside=empty > 0,
    )  # fmt: skip
    cliff = np.clip((np.arange(80) - 39.5) / 4, -0.5, 0.5)
    depth = np.tile(1 + 0.02 * cliff, (60, 1))  # two centimetres within four pixels
    pixels = np.stack([np.arange(21.5, 61, 2), np.full(20, 31.5)], 1).astype(np.float64)
    sheet = sheet_on(frame, depth, np.full((60, 80), 30, np.float32), pixels, 2)
    deep = np.sort((camera.camera_from_world @ np.insert(sheet.means, 3, 1, 1).T)[2])
    assert len(deep) > len(pixels)
    size = 2 / camera.focal_x
    assert np.diff(deep).max() < 5.5 * size  # what a Gaussian is stretched to at most
    assert deep.min() >= 0.99 - 1e-6
    assert deep.max() <= 1.01 + 1e-6
    flat = sheet_on(frame, 0 * depth + 1, np.full((60, 80), 30, np.float32), pixels, 2)
    assert len(flat.means) == len(pixels)
    rim = sheet_on(frame, depth, np.full((60, 80), 3, np.float32), pixels, 2)
    assert len(rim.means) == len(pixels)


def test_no_gaussian_of_hair_reaches_far_beyond_its_outline() -> None:
    camera = look_at(target=np.zeros(3), distance=1.0, width=80, height=60, fov_y_rad=0.05)
    frame = SimpleNamespace(camera=camera)
    places = np.array([[10.5, 20.5], [40.5, 20.5]])
    away = np.full((60, 80), 30, np.float32)
    away[20, 10] = 2
    near, far = sheet_on(frame, np.ones((60, 80)), away, places, 7).scales[:, :2] * camera.focal_x
    assert near.max() < 2
    assert far.max() == pytest.approx(0.72 * 7, rel=0.01)


def test_hair_lies_on_an_even_grid_of_any_width() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:30, 12:42] = True
    places = grid_in(mask, 2.5)
    rows, columns = np.unique(places[:, 1]), np.unique(places[:, 0])
    np.testing.assert_allclose(np.diff(rows), 2.5)
    np.testing.assert_allclose(np.diff(columns), 2.5)
    assert len(places) == len(rows) * len(columns) == 8 * 12


def test_a_sliver_is_halved_into_pieces_as_wide_as_long() -> None:
    sliver = np.array([[[0.0, 0, 0], [8, 0, 0], [0, 1, 0]], [[0, 0, 5], [1, 0, 5], [0, 1, 5]]])
    owner, weights = _halved(sliver, np.array([1.6, 1.6]))
    pieces = weights @ sliver[owner]
    edges = np.linalg.norm(np.roll(pieces, -1, 1) - pieces, axis=2)
    assert edges.max() <= 1.6
    assert (owner == 1).sum() == 1
    area = 0.5 * np.linalg.norm(
        np.cross(pieces[:, 1] - pieces[:, 0], pieces[:, 2] - pieces[:, 0]), axis=1
    )
    assert area[owner == 0].sum() == pytest.approx(4)
    assert len(owner) < 40


def test_the_hairs_lower_end_is_no_outline() -> None:
    inside = np.zeros((100, 60), bool)
    inside[10:50, 20:40] = True
    longer = _going_on(inside, 49)
    assert longer[99, 25]
    assert not longer[99, 10]
    np.testing.assert_array_equal(longer[:50], inside[:50])


def test_thin_ends_of_hair_beside_the_ear_do_not_float() -> None:
    solid = np.zeros((200, 160), bool)
    solid[10:90, 20:140] = True
    solid[90:150, 20:26] = True  # a thin tail
    solid[90:180, 110:140] = True  # a lock
    solid[140:160, 50:70] = True  # a crumb
    solid[30:60, 145:150] = True  # thin, small, but above the eyes, and beside the rest
    solid[40, 140:145] = True
    kept = _without_crumbs(solid, 80.0)
    assert kept[:80].sum() == solid[:80].sum()
    assert not kept[110:, :80].any()
    assert kept[100:170, 115:135].all()
