# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a picture is whose."""

from dataclasses import replace

import numpy as np
from affekt.shared.camera import look_at
from affekt.sidecar.avatar.picture_shares import picture_shares
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from fakes.packed import some_splats


def test_shares_times_colours_are_the_picture() -> None:
    """Whatever the colours and whatever is counted: both sums are the same, channel by channel;
    a Gaussian's share is the picture that it alone would light."""
    rng = np.random.default_rng(2)
    splats = some_splats()
    middle, reach = splats.means.mean(0), float(np.ptp(splats.means, axis=0).max())
    camera = look_at(
        target=middle.astype(np.float64), distance=4 * reach, width=37, height=24, fov_y_rad=0.4
    )
    counted = rng.normal(size=(24, 37, 2)).astype(np.float32)
    colours = rng.normal(size=(len(splats), 2)).astype(np.float32)
    shares = picture_shares(splats, counted, camera)
    assert shares.shape == (len(splats), 2)
    shown = rasterise_gaussians(splats.carrying(colours), camera).colour
    assert np.abs(shown).sum() > 1
    np.testing.assert_allclose(
        (shares * colours).sum(0, dtype=np.float64),
        (counted * shown).sum((0, 1), dtype=np.float64),
        rtol=1e-3,
    )
    behind = replace(splats, means=splats.means + np.float32([0, 0, 9 * reach]))
    assert not picture_shares(behind, counted, camera).any()
