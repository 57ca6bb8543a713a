# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar's Gaussians at rest, or moved to other places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...shared.arrays import Float32Array
from .avatar import Avatar
from .looks import rest_shares, with_looks
from .splats import Splats


def rest_gaussians(avatar: Avatar) -> Splats:
    """The avatar's Gaussians at rest."""
    means = avatar.means.astype(np.float32)
    rest = splats_at(avatar, means, avatar.quaternions, avatar.scales)
    rest = replace(rest, side_look=avatar.side_look)
    return (
        rest if avatar.looks is None else with_looks(rest, avatar.looks, rest_shares(avatar.looks))
    )


def splats_at(
    avatar: Avatar, means: Float32Array, quaternions: Float32Array, scales: Float32Array
) -> Splats:
    """The avatar's Gaussians at these places, without its looks."""
    return Splats(
        means=means,
        quaternions=quaternions,
        scales=scales,
        opacities=avatar.opacities,
        colours=avatar.colours,
        harmonics=avatar.harmonics,
    )
