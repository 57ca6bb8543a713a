# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharpening by descent, on a patch of flat skin whose photo is known."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import HeadModel
from affekt.shared.motion import ARKIT_NAMES, make_motion
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.splats import Splats
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait.framing import Frame
from affekt.sidecar.portrait.refine import (
    _BEYOND,
    _LARGEST,
    _MOST_PLACE,
    _SMALLEST,
    at_rest,
    sharpened,
)
from affekt.sidecar.raster.gaussians import GaussianImage, rasterise_gaussians

ACROSS, PIXELS, EDGE_M = 24, 64, 0.002


@pytest.fixture(scope="module")
def frame() -> Frame:
    """A photo of a dark line on light skin, three pixels wide and a little aslant."""
    camera = look_at(
        target=np.zeros(3), distance=1.0, width=PIXELS, height=PIXELS,
        fov_y_rad=0.9 * ACROSS * EDGE_M,
    )  # fmt: skip
    rows, columns = np.mgrid[:PIXELS, :PIXELS]
    line = np.abs(columns - 30.3 - 0.2 * rows / PIXELS) < 1.5
    picture = np.where(line[..., None], 0.5, np.array([0.8, 0.7, 0.6])).astype(np.float32)
    person = np.ones(line.shape, np.float32)
    return Frame(
        picture=picture, camera=camera, landmarks=np.zeros((478, 2)), person=person,
        inside=person > 0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def skin() -> Splats:
    """Discs without the line, and dark ones two centimetres behind them."""
    across = EDGE_M * (np.arange(ACROSS) - (ACROSS - 1) / 2)
    x, y = (grid.ravel() for grid in np.meshgrid(across, across))
    count = len(x)
    front = np.stack([x, y, 0 * x], 1)
    return Splats(
        means=np.concatenate([front, front - [0, 0, 0.02]]).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (2 * count, 1)),
        scales=np.tile(np.array([0.0014, 0.0014, 1e-5], np.float32), (2 * count, 1)),
        opacities=np.full(2 * count, 0.995, np.float32),
        colours=np.repeat(np.array([[0.75, 0.65, 0.6], [0, 0, 0]], np.float32), count, 0),
    )


def draw(gaussians: Splats, frame: Frame) -> GaussianImage:
    return rasterise_gaussians(gaussians.seen_by(frame.camera), frame.camera)


def middle(picture: np.ndarray) -> np.ndarray:
    """Without what lies at the patch's end."""
    return picture[8:-8, 8:-8]


def test_a_line_is_drawn_and_nothing_shines_through(frame: Frame, skin: Splats) -> None:
    count = len(skin) // 2
    trust = np.ones(len(skin), np.float32)
    found = sharpened(skin, trust, trust, frame)
    before, after = (middle(draw(g, frame).colour - frame.picture) for g in (skin, found))
    assert found.colours[:count].min() > 0.5 - _BEYOND - 1e-6  # no ringing beside the line
    assert (after**2).mean() < 0.1 * (before**2).mean()
    front = Splats(
        means=found.means[:count], quaternions=found.quaternions[:count],
        scales=found.scales[:count], opacities=found.opacities[:count],
        colours=found.colours[:count],
    )  # fmt: skip
    assert middle(draw(front, frame).alpha).min() > 0.97
    # What lies behind is left alone.
    np.testing.assert_array_equal(found.colours[count:], skin.colours[count:])
    np.testing.assert_array_equal(found.means[count:], skin.means[count:])


def test_changes_keep_to_their_bounds(frame: Frame, skin: Splats) -> None:
    count = len(skin) // 2
    trust = np.zeros(len(skin), np.float32)
    trust[:count:2], half = 1.0, slice(1, count, 4)
    trust[half] = 0.5
    dark = replace(frame, picture=np.zeros_like(frame.picture))
    found = sharpened(skin, trust, trust, dark)
    untrusted = trust == 0
    for name in ("colours", "means", "scales"):
        before, after = getattr(skin, name), getattr(found, name)
        np.testing.assert_array_equal(after[untrusted], before[untrusted])
    inner = np.abs(skin.means[:, :2]).max(1) < 0.35 * ACROSS * EDGE_M
    assert found.colours[inner & (trust == 1)].max() < 0.05
    partly = inner & (trust == 0.5)
    np.testing.assert_allclose(found.colours[partly], 0.5 * skin.colours[partly], atol=0.03)
    size = found.scales[:, :2] / skin.scales[:, :2]
    assert size.min() > _SMALLEST - 1e-4
    assert size.max() < _LARGEST + 1e-4
    slid = np.abs(found.means - skin.means)
    assert slid.max() < _MOST_PLACE * 0.0014 + 1e-6
    assert slid[:, 2].max() < 1e-6  # along the surface
    np.testing.assert_array_equal(found.quaternions, skin.quaternions)


def test_what_is_shown_alone_changes_its_colour_and_stays(frame: Frame, skin: Splats) -> None:
    trust, shown = np.zeros((2, len(skin)), np.float32)
    shown[: len(skin) // 2] = 1
    found = sharpened(skin, trust, shown, frame)
    np.testing.assert_array_equal(found.means, skin.means)
    np.testing.assert_array_equal(found.scales, skin.scales)
    assert found.colours[: len(skin) // 2, 0].min() < 0.6  # the line


def test_what_was_found_in_a_pose_is_there_again_in_that_pose() -> None:
    head: HeadModel = read_head("open")
    weights = np.zeros(52, np.float32)
    for name in ("mouthSmileLeft", "jawOpen", "browInnerUp"):
        weights[ARKIT_NAMES.index(name)] = 0.7
    motion = make_motion(
        expression=(head.arkit_expression @ weights)[None].astype(np.float32), fps=30,
        space="open", jaw=(head.arkit_jaw @ weights)[None].astype(np.float32),
    )  # fmt: skip
    avatar = replace(open_avatar(head), follow="deform")
    posed = Actor(avatar, motion).pose(0)
    generator = np.random.default_rng(4)
    seen = generator.random(len(avatar)) < 0.5
    before = posed.gaussians
    slide = generator.normal(0, 2e-4, before.means.shape) * seen[:, None]
    size = np.where(seen[:, None], generator.uniform(0.6, 1.2, before.scales.shape), 1)
    wanted = replace(
        before,
        means=(before.means + slide).astype(np.float32),
        scales=(before.scales * size).astype(np.float32),
    )
    found = at_rest(avatar, posed, wanted)
    again = Actor(found, motion).pose(0).gaussians
    np.testing.assert_allclose(again.means, wanted.means, atol=1e-6)
    np.testing.assert_allclose(
        np.sort(again.scales, 1), np.sort(wanted.scales, 1), rtol=2e-3, atol=1e-6
    )
    np.testing.assert_array_equal(found.offsets[~seen], avatar.offsets[~seen])
    assert np.abs(found.scales - avatar.scales)[seen].max() > 1e-4
