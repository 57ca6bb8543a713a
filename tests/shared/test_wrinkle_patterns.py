# SPDX-License-Identifier: GPL-3.0-or-later
"""Where skin wrinkles, drawn on the open head."""

import numpy as np
import pytest
from affekt.shared.pressing import WRINKLES
from affekt.shared.wrinkle_patterns import Groove, Shade, draw_patterns, draw_stroke

EYES_MM, MOUTH_MM, PUPIL_MM = (13.0, 5.0), (20.0, 6.0), (30.5, 18.5)


def at(*rows: tuple[float, float]) -> np.ndarray:
    return np.array(rows, np.float64)


def test_a_groove_by_hand() -> None:
    """2 mm beside the middle of its second part, on something of 1.2 mm."""
    line = ((17, 11.5), (24, 7.2), (33, 6), (43, 10))
    found = draw_stroke(Groove(line, 1.6, 0.32, 0.4), at((28.76432, 8.58243)), np.array([1.2]))
    width, away = np.hypot(1.6, 0.72), 2 / np.hypot(1.6, 0.72)
    assert width == pytest.approx(1.75454, abs=1e-5)
    profile = np.exp(-0.5 * away**2) - 0.12 * np.exp(-0.5 * (away - 2.4) ** 2)
    assert found == pytest.approx([0.32 * 1.25 * profile], abs=1e-5)
    assert found == pytest.approx([0.18718], abs=1e-4)
    beside = Groove(line, 1.6, 0.32, 0.4, 4)  # 2 mm of blur are 1.25 of what shows 4 mm apart
    muted = draw_stroke(beside, at((28.76432, 8.58243)), np.array([1.2]))
    assert muted == pytest.approx(0.25 * found)
    coarse = draw_stroke(Groove(line, 1.6, 0.32), at((28.5, 6.6)), np.array([9.0]))
    assert coarse == pytest.approx([0.75], abs=0.01)


def test_a_groove_fades_out_to_its_ends() -> None:
    """A quarter of the way into a fade of 0.4, it is smoothly there by 0.15625 x its depth."""
    groove = Groove(((0, 0), (10, 0)), 2.0, 0.5, 0.4)
    found = draw_stroke(groove, at((-5, 0), (1, 0), (5, 0), (9, 0)), np.zeros(4))
    ridge = 0.12 * np.exp(-0.5 * 2.4**2)
    assert found == pytest.approx(0.5 * (1 - ridge) * np.array([0, 0.15625, 1, 0.15625]), abs=1e-9)


def test_a_shade_by_hand() -> None:
    """A standard deviation away along each of its axes, which are not as long as one another."""
    found = draw_stroke(Shade((27.5, -46.5), (2.2, 3.6), 0.2), at((29.7, -42.9)), np.array([2.0]))
    assert found == pytest.approx([0.2 * np.exp(-1)])
    assert found == pytest.approx([0.0735759], abs=1e-6)


def test_sides_mirror_each_other() -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform((-0.07, -0.09, 0.02), (0.07, 0.09, 0.06), (4000, 3))
    size = rng.uniform(0.5, 2.5, 4000)
    one, other = (draw_patterns(places * (sign, 1, 1), size) for sign in (1, -1))
    np.testing.assert_allclose(one[:, 0::2], other[:, 1::2])
    assert all(name.endswith("left") for name in WRINKLES[0::2])
    crow = one[:, WRINKLES.index("crow.left")]
    assert crow[places[:, 0] > 0.03].min() < -0.1
    np.testing.assert_array_equal(crow[places[:, 0] < 0.03], 0)


def test_eyes_mouth_and_nape_stay_smooth() -> None:
    """The open eye, the lips, and what has a face's x and y and lies behind."""
    turn = np.linspace(0, 2 * np.pi, 40)
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)[:, None] * np.linspace(0, 1, 5)[:, None]
    ring = ring.reshape(-1, 2)
    for side in (-1, 1):
        eye = 0.5 * ring * EYES_MM + (side * PUPIL_MM[0], PUPIL_MM[1])
        assert np.abs(drawn(eye)).sum(1).max() < 0.03
    assert np.abs(drawn(ring * MOUTH_MM * 0.8 + (0, -46))).sum(1).max() < 0.05
    behind = np.concatenate([ring * 60, np.full((len(ring), 1), -20)], 1) * 1e-3
    np.testing.assert_array_equal(draw_patterns(behind, np.ones(len(behind))), 0)


def drawn(places_mm: np.ndarray) -> np.ndarray:
    places = np.concatenate([places_mm, np.full((len(places_mm), 1), 40)], 1) * 1e-3
    return draw_patterns(places, np.full(len(places), 1.0))


def test_what_is_pressed_together_loses_light() -> None:
    """All over the face, much more is lost than ridges gain."""
    x, y = np.meshgrid(np.arange(-70, 71, 1.0), np.arange(-90, 91, 1.0))
    patterns = drawn(np.stack([x, y], -1).reshape(-1, 2))
    assert (patterns.sum(0) < 0).all()
    assert (patterns.min(0) < -0.1).all()
    assert patterns.sum(1).max() < 0.12
    assert patterns.sum(1).min() > -1.0
