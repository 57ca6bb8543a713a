# SPDX-License-Identifier: GPL-3.0-or-later
"""A real photo through all stages, with a small network on a FLAME that is the open head's mesh
made new; and what reads avatars reads what comes of it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.lam_bundle import encode_lam_bundle
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lam.making import LamMade, LamOptions, make_steps
from affekt.sidecar.portrait.networks import can_see_faces
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from affekt.sidecar.render.portrait import default_camera
from affekt.sidecar.render.shot import motion_for
from affekt.sidecar.steps import finish
from fakes.flame_twin import remeshed_twin
from fakes.lam_checkpoint import write_checkpoint
from fakes.lam_twin import SMALL

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> LamMade:
    if not can_see_faces():
        pytest.skip("the networks that see a face are not installed: pip install affekt[portrait]")
    folder = tmp_path_factory.mktemp("lam")
    twin = remeshed_twin(read_head("open"))
    weights = write_checkpoint(folder / "model.safetensors", twin.arrays, SMALL)
    photo = Path(str(resources.files("affekt.sidecar.assets") / "demo" / "astronaut.jpg"))
    options = LamOptions(weights=weights, unknown_weights=True, precision="float32", config=SMALL)
    return finish(make_steps(photo.read_bytes(), photo.name, None, options))


def test_the_crop_holds_the_head_on_white(made: LamMade) -> None:
    pixels = made.crop.pixels
    assert pixels.shape == (1024, 1024, 3)
    assert (pixels[:40, :40] > 250).all()  # a corner is background
    assert pixels[480:560, 480:560].mean() < 225  # the middle is a face
    assert (pixels[2] > 245).mean() > 0.9  # room above the hair


def test_file_and_bundle_show_the_same_head(made: LamMade) -> None:
    file = decode_avatar(encode_avatar(made.avatar), "file")
    bundle = decode_avatar(encode_lam_bundle(made.plain), "bundle")
    middles = [avatar.means - avatar.means.mean(0) for avatar in (file, bundle)]
    np.testing.assert_allclose(middles[0], middles[1], atol=1e-5)
    smile = np.zeros((1, 100), np.float32)
    smile[0, :2] = 0.7
    take = make_motion(expression=smile, fps=30, space="open")
    pictures = [_picture(avatar, take) for avatar in (file, bundle)]
    assert pictures[0].max() > 0.3
    np.testing.assert_allclose(pictures[0], pictures[1], atol=0.02)


def _picture(avatar: Avatar, take: Motion) -> np.ndarray:
    gaussians = Actor(avatar, motion_for(avatar, take, None)).pose(0).gaussians
    return rasterise_gaussians(gaussians, default_camera(avatar, 96, 96)).colour


def test_the_mouth_opens(made: LamMade) -> None:
    """ARKit's jawOpen, which the open head's adapter knows in this FLAME, moves the chin down."""
    opened = np.zeros((1, 100), np.float32)
    opened[0, ARKIT_NAMES.index("jawOpen")] = 1
    takes = [make_motion(expression=one, fps=30, space="arkit") for one in (0 * opened, opened)]
    still, moved = (Actor(made.avatar, take).pose(0).vertices[:, 1] for take in takes)
    assert (still - moved).max() > 0.01
    assert (still - moved).min() > -0.01
