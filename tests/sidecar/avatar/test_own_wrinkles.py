# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's own wrinkles, read from the skin at rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.pressing import WRINKLES
from affekt.shared.wrinkle_patterns import draw_patterns
from affekt.sidecar.avatar import wrinkles
from affekt.sidecar.avatar.alignment import open_alignment
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.face_chart import EDGE, bare_skin, open_chart, sampled, texel_places_mm
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.own_wrinkles import as_deep, is_readable, own_patterns, read_skin, shaded
from affekt.sidecar.avatar.skin_look import LitSkin, look_at_skin
from affekt.sidecar.avatar.skin_maps import STATES
from affekt.sidecar.avatar.skin_zones import FOLDS
from affekt.sidecar.head.read import read_head

OPEN = read_head("open")


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(OPEN)


def look(avatar: Avatar) -> LitSkin:
    found = look_at_skin(avatar, open_alignment(OPEN), wrinkles._rest(avatar)[1])
    assert found is not None
    return found


def test_what_is_seen_on_the_chart_is_what_the_gaussians_there_show(avatar: Avatar) -> None:
    lit = look(avatar)
    skin = bare_skin(open_chart(OPEN)) > 0.99
    places = avatar.means[np.abs(avatar.means[:, 0]) < 0.03]
    near = (sampled(skin.astype(float), places) > 0.99) & (places[:, 2] > 0.04)
    places = places[near]
    seen = np.stack([sampled(lit.look.colour[..., c], places) for c in range(3)], 1)
    own = avatar.colours[np.abs(avatar.means[:, 0]) < 0.03][near]
    away = np.abs(seen - own).max(1)
    assert np.median(away) < 0.02
    assert lit.look.seen[skin].mean() > 0.9
    assert lit.look.hair[skin].mean() < 0.05
    assert is_readable(lit)


def test_light_from_above_darkens_what_looks_down(avatar: Avatar) -> None:
    """The open head's lamp is above and to its left: skin that rises upwards, and so looks down,
    darkens, as does what rises to its left."""
    light = look(avatar).light[100:160, 90:166]
    assert light[..., 1].max() < -0.05
    assert light[..., 0].mean() < -0.02


@pytest.mark.parametrize("colour", [0.0, -0.5])
def test_black_skin_turns_to_no_light(avatar: Avatar, colour: float) -> None:
    """An avatar's file may hold colours that are 0, or below it."""
    black = look(replace(avatar, colours=np.full_like(avatar.colours, colour)))
    assert np.array_equal(black.light, np.zeros_like(black.light))


def test_a_slope_by_hand() -> None:
    """Heights that rise by 0.02 mm a mm to the left and sink by 0.03 upwards, under a light of
    -0.4 and 0.5: -0.008 - 0.015, and the depth itself."""
    x, y = texel_places_mm()
    heights = 0.02 * x - 0.03 * y
    light = np.broadcast_to(np.float32([-0.4, 0.5]), (EDGE, EDGE, 2))
    found = shaded(heights, light)
    assert found[50, 70] == pytest.approx(heights[50, 70] - 0.008 - 0.015, abs=1e-5)


def dented(fold: str, state: int, at_mm: tuple[float, float]) -> np.ndarray:
    """Skin with one dent 0.4 mm deep and 2 mm wide, in one fold and state."""
    x, y = texel_places_mm()
    dent = -0.4 * np.exp(-0.5 * ((x - at_mm[0]) ** 2 + (y - at_mm[1]) ** 2) / 2.0**2)
    heights = np.zeros((STATES, len(FOLDS), EDGE, EDGE), np.float32)
    heights[state, FOLDS.index(fold)] = dent
    return heights


def test_a_dent_lies_where_it_is_read_and_is_pressed_by_its_own_side() -> None:
    own = dented("crow", 2, (-55.0, 18.0))
    places = np.array([[-55, 18, 30], [-55, 21, 30], [55, 18, 30], [-55, 18, 2]]) * 1e-3
    dark = np.zeros((EDGE, EDGE, 2), np.float32)
    found = own_patterns(own, dark, places, np.full(4, 0.4))
    assert found.shape == (STATES, len(WRINKLES), 4)
    mine = WRINKLES.index("crow.right")
    assert np.flatnonzero(found.any((1, 2))).tolist() == [2]
    assert np.flatnonzero(found.any((0, 2))).tolist() == [mine]
    wanted = -0.4 * np.exp(-0.5 * np.array([0, 1.5, np.inf, np.inf]) ** 2)
    np.testing.assert_allclose(found[2, mine], wanted, atol=0.02)


def test_folds_are_as_deep_as_everybodys() -> None:
    """1.25 times as faint: made up for. 3 times: as far as it may be. Deeper: as it is."""
    common = np.full((3, 4, 4), -0.3, np.float32)
    common[:, 0] = 0.1  # ridges count for nothing
    own = common * np.float32([0.8, 1 / 3, 1.5])[:, None, None]
    common[:, 1], own[:, 1] = -9, 0  # outside of the zone
    zones = np.ones((3, 4, 4), np.float32)
    zones[:, 1] = 0
    found = as_deep(own[None], common, zones)
    assert found.shape == (1, 3, 4, 4)
    for fold, wanted in enumerate((-0.3, -0.18, -0.45)):
        assert found[0, fold, 2, 1] == pytest.approx(wanted, abs=1e-6)
    assert not as_deep(np.zeros((1, 3, 4, 4), np.float32), common, zones).any()


def test_what_is_coarse_carries_it_wider_and_deeper() -> None:
    own = dented("glabella", 6, (6.0, 40.0))
    places = np.array([[6, 40, 40], [6, 43.5, 40], [6, 40, 40], [6, 43.5, 40]]) * 1e-3
    dark = np.zeros((EDGE, EDGE, 2), np.float32)
    found = own_patterns(own, dark, places, np.array([0.4, 0.4, 2.3, 2.3]))
    change = found[6, WRINKLES.index("glabella.left")]
    assert change[3] / change[2] > 1.4 * change[1] / change[0]
    assert change.min() >= -0.75


def test_hidden_skin_keeps_everybodys_wrinkles(avatar: Avatar) -> None:
    """Nothing can be read behind a mask that stands off the face."""
    mask = avatar.means[:, 2] > 0
    hidden = replace(avatar, offsets=avatar.offsets + np.float32([0, 0, 0.015]) * mask[:, None])
    lit = look(hidden)
    assert not is_readable(lit)
    plain = replace(avatar, opacities=np.where(mask, 1e-4, 1).astype(np.float32))
    rest = wrinkles._rest(plain)
    skin = wrinkles._Skin.under(plain, open_alignment(OPEN), rest)
    shown = np.flatnonzero(skin.shows)
    found = wrinkles._pattern(plain, open_alignment(OPEN), rest[1], shown, skin.place[shown])
    assert found.shape[0] == 1
    assert 0 < len(shown) < len(plain)
    # Drawn for all of them it is the same, to the last bit.
    wanted = draw_patterns(skin.place, 1e3 * np.sort(plain.scales, 1)[:, 1])[shown].T
    np.testing.assert_array_equal(found[0], wanted)


def test_lines_in_the_skin_change_what_is_read(avatar: Avatar) -> None:
    """A forehead with three faint lines of its own folds along them, and elsewhere as before."""
    before_it = read_skin(look(avatar))
    x, y, z = (1e3 * avatar.means).T
    on_brow = (z > 20) & (np.abs(x) < 40)
    lines = sum(np.exp(-0.5 * ((y - at) / 1.2) ** 2) for at in (51, 62.5, 71))
    painted = avatar.colours * np.exp(-0.12 * lines * on_brow)[:, None].astype(np.float32)
    other = read_skin(look(replace(avatar, colours=painted)))
    forehead = FOLDS.index("forehead")
    none = STATES - 1
    changed = np.abs(other - before_it)[none].mean((1, 2))
    assert changed[forehead] > 4 * np.median(np.delete(changed, forehead))
    middle = np.abs(texel_places_mm()[0][0]) < 8
    profile = other[none, forehead][:, middle].mean(1)
    rows = texel_places_mm()[1][:, 0]
    before = before_it[none, forehead][:, middle].mean(1)
    at = [int(np.abs(rows - line).argmin()) for line in (62.5, 71)]
    assert (profile[at] < before[at] - 0.02).all()
