# SPDX-License-Identifier: GPL-3.0-or-later
"""The face's chart, the folds' zones on it, and the maps of a skin's look."""

import numpy as np
import pytest
from affekt.shared.head import REGIONS
from affekt.shared.pressing import WRINKLES
from affekt.shared.wrinkle_patterns import draw_patterns
from affekt.sidecar.avatar.face_chart import (
    EDGE,
    TEXEL_MM,
    bare_skin,
    blurred,
    open_chart,
    sampled,
    texel_places_mm,
    texels_of,
)
from affekt.sidecar.avatar.skin_maps import MAPS, SkinLook, identity_maps
from affekt.sidecar.avatar.skin_zones import FOLDS, fold_of_wrinkles, fold_zones, wrinkle_zones
from affekt.sidecar.head.read import read_head

OPEN = read_head("open")


def test_texels_by_hand() -> None:
    """The chart's middle lies at x 0 and y -2 mm, between texels 127 and 128; 3.3 mm are 5."""
    row, column = texels_of(np.array([[0.0033, -0.002], [0.0, 0.0013]])).T[0]
    assert (row, column) == pytest.approx((127.5, 132.5))
    assert texels_of(np.array([[0.0, 0.0013]]))[:, 0] == pytest.approx((122.5, 127.5))
    x, y = texel_places_mm()
    assert (x[9, 140], y[9, 140]) == pytest.approx((12.5 * TEXEL_MM, 118.5 * TEXEL_MM - 2))
    finer_x, finer_y = texel_places_mm(2)
    assert finer_x.shape == (2 * EDGE, 2 * EDGE)
    assert finer_x.reshape(EDGE, 2, EDGE, 2).mean((1, 3)) == pytest.approx(x, abs=1e-4)
    assert finer_y.reshape(EDGE, 2, EDGE, 2).mean((1, 3)) == pytest.approx(y, abs=1e-4)


def test_the_open_head_lies_in_its_chart() -> None:
    """A front vertex finds its own depth, colour and label where it lies."""
    chart = open_chart(OPEN)
    front = OPEN.template[(OPEN.template[:, 2] > 0.035) & (OPEN.region == REGIONS.index("skin"))]
    away = np.abs(sampled(chart.depth_mm, front) - 1e3 * front[:, 2])
    assert np.median(away) < 0.4
    nose = front[front[:, 2].argmax()]
    assert sampled(chart.normal[..., 2], nose[None]) > 0.5
    skin = bare_skin(chart)
    lip = OPEN.template[(OPEN.region == REGIONS.index("lip")) & (OPEN.template[:, 2] > 0.045)]
    pupil = OPEN.template[OPEN.region == REGIONS.index("pupil")]
    assert sampled(skin, pupil).max() < 0.05
    assert sampled(skin, lip).mean() < 0.3
    assert sampled(skin, np.array([[0.03, -0.02], [0, 0.065]])) == pytest.approx(1, abs=1e-3)


def test_a_blur_keeps_what_it_spreads() -> None:
    spot = np.zeros((EDGE, EDGE), np.float32)
    spot[100, 120] = 1
    for deviation in (0.05, 1.5, 8.0):
        assert blurred(spot, deviation).sum() == pytest.approx(1, rel=0.02)
    rows = np.arange(EDGE) - 100
    across = blurred(spot, 1.5).sum(1)
    assert np.sqrt((across * rows**2).sum()) * TEXEL_MM == pytest.approx(1.5, rel=0.03)


def test_zones_share_out_each_fold() -> None:
    zones, fold = wrinkle_zones(), fold_of_wrinkles()
    assert zones.shape == (len(WRINKLES), EDGE, EDGE)
    for index in range(len(FOLDS)):
        total = zones[fold == index].sum(0)
        np.testing.assert_allclose(total, fold_zones()[index], atol=1e-6)
    left, right = (WRINKLES.index(f"crow.{side}") for side in ("left", "right"))
    np.testing.assert_allclose(zones[left], zones[right][:, ::-1], atol=1e-6)
    assert zones[left][:, : EDGE // 2].max() == 0


def test_zones_hold_the_common_patterns() -> None:
    """What the rules draw for a wrinkle lies in its fold's zone."""
    x, y = texel_places_mm()
    places = np.stack([x, y, np.full_like(x, 40)], 2).reshape(-1, 3) * 1e-3
    drawn = np.abs(draw_patterns(places, np.full(len(places), 0.5)))
    zones = fold_zones()[fold_of_wrinkles()].reshape(len(WRINKLES), -1)
    for index, name in enumerate(WRINKLES):
        inside = (drawn[:, index] * zones[index]).sum() / drawn[:, index].sum()
        assert inside > 0.75, name


def look(colour: np.ndarray, hair: np.ndarray | None = None) -> SkinLook:
    nothing, all_of_it = np.zeros((EDGE, EDGE), np.float32), np.ones((EDGE, EDGE), np.float32)
    return SkinLook(
        colour=np.broadcast_to(colour, (EDGE, EDGE, 3)).astype(np.float32),
        seen=all_of_it,
        hair=nothing if hair is None else hair,
        depth_mm=nothing,
    )


def test_identity_maps_by_hand() -> None:
    """Of one colour, albedo is twice what each channel's logarithm is above the luminance's."""
    colour = np.array([0.8, 0.5, 0.2])
    maps = dict(zip(MAPS, identity_maps(look(colour)), strict=True))
    luminance = 0.2126 * 0.8 + 0.7152 * 0.5 + 0.0722 * 0.2
    for name, value in zip(("red", "green", "blue"), colour, strict=True):
        assert maps[name][90, 90] == pytest.approx(2 * np.log(value / luminance), abs=1e-4)
    assert maps["red"][90, 90] == pytest.approx(0.78, abs=0.01)
    for name in ("fine", "curvature", "hair"):
        assert np.abs(maps[name]).max() < 1e-4
    assert (maps["seen"] == 1).all()


def test_maps_do_not_know_how_bright_the_light_is() -> None:
    rng = np.random.default_rng(0)
    colour = rng.uniform(0.3, 0.6, (EDGE, EDGE, 3))
    np.testing.assert_allclose(
        identity_maps(look(colour)), identity_maps(look(0.6 * colour)), atol=1e-4
    )


def test_nothing_is_read_under_hair() -> None:
    rng = np.random.default_rng(1)
    hair = np.zeros((EDGE, EDGE), np.float32)
    hair[:60] = 1
    shown = rng.uniform(0.3, 0.6, (EDGE, EDGE, 3))
    other = shown.copy()
    other[:60] *= 0.3
    np.testing.assert_array_equal(
        identity_maps(look(shown, hair)), identity_maps(look(other, hair))
    )
