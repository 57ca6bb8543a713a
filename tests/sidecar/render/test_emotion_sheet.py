# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheet of all emotions: who stands where, seen from where."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from affekt.shared.camera import Camera, camera_centre
from affekt.shared.emotion import EMOTIONS
from affekt.shared.presets import Preset
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.modulation.modulator import Modulator
from affekt.sidecar.raster.gaussians import GaussianImage, blank_image
from affekt.sidecar.render import drawer, emotion_sheet
from affekt.sidecar.render.sheets import GAP, PAPER


def test_a_column_for_each_emotion_and_a_row_for_each_side(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each emotion is held in full, and the skin wrinkles half; the camera stands 1.2 m before the
    middle of the Gaussians' height and width."""
    held: list[dict[str, float]] = []
    posed: list[tuple[object, float, int]] = []
    cameras: list[Camera] = []
    shown: list[list[float]] = []

    def hold(preset: Preset) -> Preset:
        held.append(dict(preset.values))
        return preset

    class Actor:
        def __init__(
            self, one: Avatar, motion: object, appearance: float, emotions: np.ndarray
        ) -> None:
            assert one is avatar
            shown.append(emotions.tolist())
            self.given = motion, appearance

        def pose(self, index: int) -> SimpleNamespace:
            posed.append((*self.given, index))
            return SimpleNamespace(gaussians=SimpleNamespace(seen_by=lambda camera: self.given[0]))

    def rasterise(motion: Preset, camera: Camera) -> GaussianImage:
        cameras.append(camera)
        image = blank_image(camera, 3)
        image.alpha[:] = 1
        image.colour[:] = 0.1 * (len(cameras) % 3)
        return image

    monkeypatch.setattr(emotion_sheet, "hold_preset", hold)
    monkeypatch.setattr(emotion_sheet, "modulate", lambda still, track, modulator: track)
    monkeypatch.setattr(emotion_sheet, "motion_for", lambda one, shown, adapter: shown)
    monkeypatch.setattr(emotion_sheet, "Actor", Actor)
    monkeypatch.setattr(drawer, "rasterise_gaussians", rasterise)
    sheet = emotion_sheet.draw_emotions(avatar, cast(Modulator, object()), 20)
    assert held == [{}, *({name: 1.0} for name in EMOTIONS)]
    assert [(preset.name, wrinkles, frame) for preset, wrinkles, frame in posed] == [
        (name, 0.5, emotion_sheet.HELD) for name in ("neutral", *EMOTIONS)
    ]
    assert shown == [[float(name == one) for one in EMOTIONS] for name in ("neutral", *EMOTIONS)]
    assert len(cameras) == 21
    means = avatar.means.astype(float)
    middle = np.append(0.5 * (means.min(0) + means.max(0))[:2], 0)
    for index, camera in enumerate(cameras):
        away = camera_centre(camera) - middle
        assert np.degrees(np.arctan2(away[0], away[2])) == pytest.approx((0, 20, 40)[index % 3])
        assert np.linalg.norm(away) == pytest.approx(1.2)
        assert abs(away[1]) < 1e-9
    height = 1.12 * np.ptp(means[:, 1])
    assert cameras[0].focal_y == pytest.approx(20 * 1.2 / height)
    # Seven columns in three rows: 0, 20 and 40 degrees from above.
    assert sheet.shape[1] == 7 * (20 + GAP) + GAP
    line = (sheet.shape[0] - GAP) // 3
    shades = [[sheet[GAP + row * line + 10, GAP + 10 + 26 * column, 0] for column in range(7)]
              for row in range(3)]  # fmt: skip
    assert all(len(set(row)) == 1 for row in shades)
    assert shades[2][0] < shades[0][0] < shades[1][0]  # the third of three pictures is black
    below = [sheet[GAP + row * line + 20 : (row + 1) * line] for row in range(3)]
    assert [bool((strip != PAPER).any()) for strip in below] == [True, False, False]
