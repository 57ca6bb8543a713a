# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharpens an avatar until its picture is the photo: colours, sizes and places of the Gaussians
that the photo shows, by descent through the rasteriser (Kingma and Ba 2015, Adam).

A piece's size is chosen for the smooth skin of a mesh, and where the photo has a line, it covers
both of its sides. So pieces may shrink and slide along the surface a little, as long as none shines
through. What no photo shows stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from ...shared.arrays import Float32Array, IndexArray
from ..avatar import kernels
from ..avatar.avatar import Avatar
from ..avatar.drive import PosedAvatar
from ..avatar.picture_shares import picture_shares
from ..avatar.splats import Splats
from ..raster.differentiable import rasterise_tensors
from ..raster.gaussians import GaussianTensors, rasterise_gaussians
from ..raster.project import to_pixels
from .framing import Frame, mouth_opening, sample

_STEPS = 40
_COLOUR_STEP, _SIZE_STEP, _PLACE_STEP = 0.03, 0.05, 0.08
_AROUND_PIXELS, _BEYOND = 7, 0.08
"""A piece takes no colour that lies further than this beyond all that the photo has so near it:
there is ringing."""
_SMALLEST, _LARGEST = 0.6, 1.25
"""Factors of a piece's size. Smaller ones leave gaps on skin that an expression stretches."""
_MOST_PLACE = 0.6
"""How far a piece slides, in its own standard deviations."""
_OPEN_COST = 50.0
"""What a pixel that one sees through costs, against one whose colour is wrong altogether."""
_LEAST_SHARE = 0.2
"""Pieces that make up less than this of a pixel in all lie behind others."""
_COLOUR_HOLD = 0.05
"""What a piece's colour costs that differs by one from its first, against a pixel: a piece that
others hide would take any."""
_COVERED = 0.98
"""Where the head's opacity is less, it ends."""
_BETAS = (0.8, 0.98)
_FAINT = 0.01
"""Slopes of the cost that are smaller than this make steps shorter than whole ones."""


@dataclass(frozen=True, slots=True, eq=False)
class _Changes:
    """What is sought, of the pieces that are seen: colours (N, 3), logarithms of the two sizes
    along the surface (N, 2), slides along it in standard deviations (N, 2)."""

    colours: Tensor
    sizes: Tensor
    slides: Tensor


def sharpened(gaussians: Splats, trust: Float32Array, shown: Float32Array, frame: Frame) -> Splats:
    """The Gaussians so that their picture is the photo where that is trusted. trust: (N,) 0 to 1,
    how much the photo may change each of them; shown: (N,) the same of their colours alone. A
    piece's third axis is its thin one."""
    shares = picture_shares(gaussians, np.ones((*frame.person.shape, 1), np.float32), frame.camera)
    seen = np.flatnonzero(shares[:, 0] > _LEAST_SHARE)
    first = _part(gaussians, seen)
    sure, sure_colour = (torch.from_numpy(its[seen, None]) for its in (trust, shown))
    bounds = _colour_bounds(first, frame)
    counts = torch.from_numpy(_counting(first, shown[seen], frame))
    changes = _first(first)
    descent = torch.optim.Adam(
        [
            {"params": [changes.colours], "lr": _COLOUR_STEP},
            {"params": [changes.sizes], "lr": _SIZE_STEP},
            {"params": [changes.slides], "lr": _PLACE_STEP},
        ],
        betas=_BETAS,
        eps=_FAINT,
    )
    begun = torch.from_numpy(first.colours)
    photo = torch.from_numpy(frame.picture)
    along = torch.from_numpy(_axes(first)[:, :, :2]) * torch.from_numpy(first.scales)[:, None, :2]
    for _ in range(_STEPS):
        picture, alpha, _ = rasterise_tensors(_changed(first, along, changes), frame.camera)
        wrong = ((picture - photo) ** 2).sum(2) + _OPEN_COST * (1 - alpha) ** 2
        cost = (wrong * counts).sum() + _COLOUR_HOLD * ((changes.colours - begun) ** 2).sum()
        descent.zero_grad()
        cost.backward()
        descent.step()
        _hold(changes, (begun, bounds, sure_colour), sure)
    return _whole(gaussians, _changed(first, along, changes), seen)


def _part(gaussians: Splats, chosen: IndexArray) -> Splats:
    return Splats(
        means=gaussians.means[chosen],
        quaternions=gaussians.quaternions[chosen],
        scales=gaussians.scales[chosen],
        opacities=gaussians.opacities[chosen],
        colours=gaussians.colours[chosen],
    )


def _counting(gaussians: Splats, trust: Float32Array, frame: Frame) -> Float32Array:
    """(H, W) how much each pixel counts: by how much it is made up of Gaussians that the photo may
    change, since neighbours would make up for the others; and not at all beside the head or in the
    mouth, whose colours would get onto skin and lips."""
    image = rasterise_gaussians(
        gaussians.carrying(np.ascontiguousarray(trust[:, None])), frame.camera
    )
    of_head = frame.inside & (image.alpha > _COVERED) & ~mouth_opening(frame)
    return image.colour[..., 0] * of_head


def _first(gaussians: Splats) -> _Changes:
    count = len(gaussians)
    return _Changes(
        torch.from_numpy(gaussians.colours.copy()).requires_grad_(),
        torch.zeros((count, 2), requires_grad=True),
        torch.zeros((count, 2), requires_grad=True),
    )


def _axes(gaussians: Splats) -> Float32Array:
    """(N, 3, 3) with the Gaussians' axes as columns."""
    return Rotation.from_quat(np.roll(gaussians.quaternions, -1, 1)).as_matrix().astype(np.float32)


def _changed(first: Splats, along: Tensor, changes: _Changes) -> GaussianTensors:
    """The Gaussians with their changes. along: (N, 3, 2) their axes on the surface, a standard
    deviation long."""
    scales = torch.from_numpy(first.scales)
    moved = (along * changes.slides[:, None]).sum(2)
    return GaussianTensors(
        means=torch.from_numpy(first.means) + moved,
        quaternions=torch.from_numpy(first.quaternions),
        scales=torch.cat([scales[:, :2] * torch.exp(changes.sizes), scales[:, 2:]], 1),
        opacities=torch.from_numpy(first.opacities),
        colours=changes.colours,
    )


def _colour_bounds(gaussians: Splats, frame: Frame) -> tuple[Tensor, Tensor]:
    """(N, 3) the least and the greatest colour that each Gaussian may take."""
    around = np.ones((_AROUND_PIXELS, _AROUND_PIXELS), np.uint8)
    pixels = to_pixels(gaussians.means, frame.camera)[:, :2].astype(np.float64)
    least, most = (
        sample(np.asarray(extreme(frame.picture, around), np.float32), pixels)
        for extreme in (cv2.erode, cv2.dilate)
    )
    least = np.minimum(np.maximum(least - _BEYOND, 0), gaussians.colours)
    most = np.maximum(np.minimum(most + _BEYOND, 1), gaussians.colours)
    return torch.from_numpy(least), torch.from_numpy(most)


@torch.no_grad()
def _hold(
    changes: _Changes, colours: tuple[Tensor, tuple[Tensor, Tensor], Tensor], sure: Tensor
) -> None:
    """Keeps each change within its bounds, which are the narrower the less the photo shows.
    colours: the first, their bounds, and how sure each is."""
    begun, bounds, sure_colour = colours
    least, most = (sure_colour * (bound - begun) for bound in bounds)
    changes.colours.copy_(begun + (changes.colours - begun).clamp(least, most))
    changes.sizes.clamp_(np.log(_SMALLEST) * sure, np.log(_LARGEST) * sure)
    changes.slides.clamp_(-_MOST_PLACE * sure, _MOST_PLACE * sure)


def _whole(gaussians: Splats, changed: GaussianTensors, seen: IndexArray) -> Splats:
    """All of the Gaussians, those that are seen with their changes."""
    means, scales, colours = (
        values.copy() for values in (gaussians.means, gaussians.scales, gaussians.colours)
    )
    means[seen] = changed.means.detach().numpy()
    scales[seen] = changed.scales.detach().numpy()
    colours[seen] = changed.colours.detach().numpy()
    return replace(gaussians, means=means, scales=scales, colours=colours)


def at_rest(avatar: Avatar, posed: PosedAvatar, wanted: Splats) -> Avatar:
    """The avatar whose first Gaussians, those that follow its faces, become the wanted ones in the
    pose. posed: the avatar as it is."""
    maps = np.empty((len(avatar.faces), 3, 3), np.float32)
    kernels.face_maps(
        np.ascontiguousarray(avatar.vertices, np.float32), posed.vertices, avatar.faces, maps
    )
    count = len(avatar)
    before = posed.gaussians
    moved = (wanted.means[:count] != before.means).any(1)
    moved |= (wanted.scales[:count] != before.scales).any(1)
    chosen = np.flatnonzero(moved)
    back = np.linalg.inv(maps[avatar.anchors[chosen]])
    part = _part(wanted, chosen)
    sides, scales, _ = np.linalg.svd(back @ (_axes(part) * part.scales[:, None]))
    sides[:, :, 2] *= np.linalg.det(sides)[:, None]
    offsets, quaternions, sizes = (
        values.copy() for values in (avatar.offsets, avatar.quaternions, avatar.scales)
    )
    offsets[chosen] += np.einsum("nij,nj->ni", back, part.means - before.means[chosen])
    quaternions[chosen] = np.roll(Rotation.from_matrix(sides).as_quat(), 1, 1)
    sizes[chosen] = scales
    return replace(avatar, offsets=offsets, quaternions=quaternions, scales=sizes)
