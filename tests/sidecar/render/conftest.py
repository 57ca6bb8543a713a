# SPDX-License-Identifier: GPL-3.0-or-later
"""A small avatar, a take, and cameras that every test of the passes shares."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.lam import decode_lam_avatar
from fakes.lam import lam_bundle


@pytest.fixture(scope="session")
def avatar() -> Avatar:
    """Its light is what its Gaussians add up to (`test_solid` has those that are solid)."""
    return replace(decode_lam_avatar(lam_bundle(), "test.zip"), opaque_core=False)


def take(frames: int = 6, space: str = "arkit") -> Motion:
    expression = np.zeros((frames, 100), np.float32)
    expression[:, ARKIT_NAMES.index("jawOpen")] = np.linspace(0, 1, frames)
    rotation = np.zeros((frames, 3), np.float32)
    rotation[:, 1] = np.linspace(0, 0.4, frames)
    return make_motion(expression=expression, fps=25.0, space=space, rotation=rotation)


def view(size: int = 48, yaw_rad: float = 0.0, target: tuple[float, ...] = (0, 1.64, 0)) -> Camera:
    return look_at(
        target=np.array(target, float),
        distance=1.5,
        yaw_rad=yaw_rad,
        pitch_rad=0.1,
        width=size,
        height=size,
        fov_y_rad=0.25,
    )
