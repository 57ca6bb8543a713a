# SPDX-License-Identifier: GPL-3.0-or-later
"""`gsplat.rasterization` 1.5.3 to stand in where gsplat is not: its signature, its demands on
shapes and types, and its pictures by the plain twin of our own rasteriser."""

from __future__ import annotations

from typing import Literal

import torch
from affekt.shared.camera import Camera
from affekt.sidecar.raster.gaussians import GaussianTensors
from torch import Tensor

from .splatting import LOW_PASS, splat


def rasterization(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    radius_clip: float = 0.0,
    eps2d: float = 0.3,
    sh_degree: int | None = None,
    packed: bool = True,
    tile_size: int = 16,
    backgrounds: Tensor | None = None,
    render_mode: Literal["RGB", "D", "ED", "RGB+D", "RGB+ED"] = "RGB",
    sparse_grad: bool = False,
    absgrad: bool = False,
    rasterize_mode: Literal["classic", "antialiased"] = "classic",
    channel_chunk: int = 32,
    distributed: bool = False,
    camera_model: Literal["pinhole", "ortho", "fisheye", "ftheta"] = "pinhole",
    segmented: bool = False,
    covars: Tensor | None = None,
    with_ut: bool = False,
    with_eval3d: bool = False,
    radial_coeffs: Tensor | None = None,
    tangential_coeffs: Tensor | None = None,
    thin_prism_coeffs: Tensor | None = None,
    ftheta_coeffs: object = None,
    rolling_shutter: object = None,
    viewmats_rs: Tensor | None = None,
) -> tuple[Tensor, Tensor, dict]:
    """Batches of frames with one camera each, "RGB+D" only: what our adapter asks for."""
    batch, count = means.shape[:-2], means.shape[-2]
    cameras = viewmats.shape[-3]
    shapes = (
        (means, (*batch, count, 3)),
        (quats, (*batch, count, 4)),
        (scales, (*batch, count, 3)),
        (opacities, (*batch, count)),
        (colors, (*batch, count, colors.shape[-1])),
        (viewmats, (*batch, cameras, 4, 4)),
        (Ks, (*batch, cameras, 3, 3)),
    )
    assert eps2d == LOW_PASS
    assert radius_clip == 0
    for tensor, shape in shapes:
        assert tensor.shape == shape, (tensor.shape, shape)
        assert tensor.dtype == torch.float32
        assert tensor.device == means.device
    assert sh_degree is None
    assert backgrounds is None
    assert render_mode == "RGB+D"
    assert camera_model in ("pinhole", "ortho")
    assert len(batch) == 1
    assert cameras == 1
    values, alphas = [], []
    for frame, (view, lens) in enumerate(zip(viewmats[:, 0], Ks[:, 0], strict=True)):
        camera = Camera(
            width=width,
            height=height,
            focal_x=float(lens[0, 0]),
            focal_y=float(lens[1, 1]),
            centre_x=float(lens[0, 2]),
            centre_y=float(lens[1, 2]),
            near=near_plane,
            far=far_plane,
            camera_from_world=view.double().numpy(),
            orthographic=camera_model == "ortho",
        )
        given = GaussianTensors(
            means=means[frame].double(),
            quaternions=quats[frame].double(),
            scales=scales[frame].double(),
            opacities=opacities[frame].double(),
            colours=colors[frame].double(),
        )
        image = splat(given, camera, antialiased=rasterize_mode == "antialiased")
        depth = torch.where(image.alpha > 0, image.depth * image.alpha, 0.0)
        values.append(torch.cat([image.colour, depth[..., None]], -1))
        alphas.append(image.alpha[..., None])
    return torch.stack(values)[:, None].float(), torch.stack(alphas)[:, None].float(), {}
