# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar's Gaussians at rest, or moved to other places."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import Float32Array
from .avatar import Avatar
from .looks import rest_shares, with_looks
from .splats import Splats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HungGaussians:
    """Gaussians as they hang on their anchors at rest; the arrays are those of `Avatar`."""

    offsets: Float32Array
    quaternions: Float32Array
    scales: Float32Array
    opacities: Float32Array
    colours: Float32Array
    harmonics: Float32Array | None


def hung_gaussians(avatar: Avatar) -> HungGaussians:
    """The avatar's Gaussians, without its looks."""
    return HungGaussians(
        offsets=avatar.offsets,
        quaternions=avatar.quaternions,
        scales=avatar.scales,
        opacities=avatar.opacities,
        colours=avatar.colours,
        harmonics=avatar.harmonics,
    )


def rest_gaussians(avatar: Avatar) -> Splats:
    """The avatar's Gaussians at rest."""
    means = avatar.means.astype(np.float32)
    rest = splats_at(hung_gaussians(avatar), means, avatar.quaternions, avatar.scales)
    rest = replace(rest, side_look=avatar.side_look)
    return (
        rest if avatar.looks is None else with_looks(rest, avatar.looks, rest_shares(avatar.looks))
    )


def splats_at(
    hung: HungGaussians, means: Float32Array, quaternions: Float32Array, scales: Float32Array
) -> Splats:
    """The Gaussians at these places."""
    return Splats(
        means=means,
        quaternions=quaternions,
        scales=scales,
        opacities=hung.opacities,
        colours=hung.colours,
        harmonics=hung.harmonics,
    )
