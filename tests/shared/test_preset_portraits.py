# SPDX-License-Identifier: GPL-3.0-or-later
"""What a preset's picture shows: a held face, looked at from the front."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.camera import camera_centre
from affekt.shared.preset_portraits import EDGE, HELD, hold_preset, portrait_camera, still_take
from affekt.shared.presets import Preset
from fakes.projection import to_screen


def test_a_second_of_silence_whose_middle_is_shown() -> None:
    take = still_take()
    assert (len(take), take.fps, take.space, HELD) == (31, 30.0, "open", 15)
    for name in ("expression", "jaw", "neck", "eyes", "rotation", "translation", "shape"):
        assert not getattr(take, name).any()


def test_a_preset_is_held_throughout_with_lips_that_it_may_open() -> None:
    track = hold_preset(Preset(name="Grief", values={"sad": 1.5, "fear": 0.5, "lower": 1.25}))
    assert len(track) == len(still_take())
    assert track.fps == still_take().fps
    assert track.weights.tolist() == [[0, 1.5, 0, 0.5, 0, 0]] * 31
    controls = ("influence", "upper", "lower", "geometry", "appearance", "keep_closed")
    for name, value in zip(controls, (1, 1, 1.25, 1, 1, 0), strict=True):
        assert getattr(track, name).tolist() == [value] * 31, name
    other = hold_preset(Preset(name="Forced", values={"happy": 0.5, "upper": 0.25}))
    assert other.upper.tolist() == [0.25] * 31
    assert other.lower.tolist() == [1] * 31


def test_the_picture_goes_from_the_hairline_to_the_throat() -> None:
    """A square of 20 cm about a point 18 mm below the middle of the head, 85 cm away."""
    camera = portrait_camera()
    assert (camera.width, camera.height, EDGE) == (128, 128, 128)
    np.testing.assert_allclose(camera_centre(camera), [0, -0.018, 0.85], atol=1e-9)
    for place, (x, y) in (
        ((0, -0.018, 0), (64, 64)),
        ((0, 0.0823, 0), (64, 0)),
        ((0, -0.1183, 0), (64, 128)),
        ((0.1003, -0.018, 0), (128, 64)),  # the head's left is the picture's right
    ):
        found, depth = to_screen(camera, np.array(place))
        assert tuple(found) == pytest.approx((x, y), abs=0.1)
        assert depth == pytest.approx(0.85)
