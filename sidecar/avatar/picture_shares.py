# SPDX-License-Identifier: GPL-3.0-or-later
"""How much each Gaussian takes part in what a picture shows."""

from __future__ import annotations

import torch

from ...shared.arrays import Float32Array
from ...shared.camera import Camera
from ..raster.differentiable import rasterise_tensors
from ..raster.gaussians import GaussianTensors
from .splats import Splats


def picture_shares(gaussians: Splats, pixels: Float32Array, camera: Camera) -> Float32Array:
    """(N, C) for each Gaussian the sum over the pixels (H, W, C) of their values times its share in
    the pixel: the gradient of the picture, which is linear in its Gaussians' colours."""
    given = ("means", "quaternions", "scales", "opacities")
    tensors = {name: torch.from_numpy(getattr(gaussians, name)) for name in given}
    carried = torch.zeros((len(gaussians), pixels.shape[2]), requires_grad=True)
    picture, _, _ = rasterise_tensors(GaussianTensors(**tensors, colours=carried), camera)
    picture.backward(torch.from_numpy(pixels))
    assert carried.grad is not None
    return carried.grad.numpy()
