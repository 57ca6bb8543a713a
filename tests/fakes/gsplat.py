# SPDX-License-Identifier: GPL-3.0-or-later
"""`gsplat.rasterization` 1.5.3 to stand in where gsplat is not: its signature, its demands on
shapes and types, and its pictures by the plainest means, every Gaussian at every pixel."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

LIMITS = {"max_alpha": 0.999, "min_alpha": 1 / 255, "min_open": 1e-4}


def rasterization(
    means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, colors: Tensor,
    viewmats: Tensor, Ks: Tensor, width: int, height: int, near_plane: float = 0.01,
    far_plane: float = 1e10, radius_clip: float = 0.0, eps2d: float = 0.3,
    sh_degree: int | None = None, packed: bool = True, tile_size: int = 16,
    backgrounds: Tensor | None = None,
    render_mode: Literal["RGB", "D", "ED", "RGB+D", "RGB+ED"] = "RGB",
    sparse_grad: bool = False, absgrad: bool = False,
    rasterize_mode: Literal["classic", "antialiased"] = "classic", channel_chunk: int = 32,
    distributed: bool = False,
    camera_model: Literal["pinhole", "ortho", "fisheye", "ftheta"] = "pinhole",
    segmented: bool = False, covars: Tensor | None = None, with_ut: bool = False,
    with_eval3d: bool = False, radial_coeffs: Tensor | None = None,
    tangential_coeffs: Tensor | None = None, thin_prism_coeffs: Tensor | None = None,
    ftheta_coeffs: object = None, rolling_shutter: object = None,
    viewmats_rs: Tensor | None = None,
) -> tuple[Tensor, Tensor, dict]:  # fmt: skip
    """Batches of frames with one camera each, "RGB+D" only: what our adapter asks for."""
    batch, count = means.shape[:-2], means.shape[-2]
    cameras = viewmats.shape[-3]
    shapes = (
        (means, (*batch, count, 3)), (quats, (*batch, count, 4)), (scales, (*batch, count, 3)),
        (opacities, (*batch, count)), (colors, (*batch, count, colors.shape[-1])),
        (viewmats, (*batch, cameras, 4, 4)), (Ks, (*batch, cameras, 3, 3)),
    )  # fmt: skip
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
    for frame in range(batch[0]):
        flat = project(
            means[frame], quats[frame], scales[frame], viewmats[frame, 0], Ks[frame, 0],
            width, height, eps2d, camera_model,
        )  # fmt: skip
        opacity = opacities[frame].double()
        if rasterize_mode == "antialiased":
            opacity = opacity * flat["compensation"]
        inside = (flat["depth"] >= near_plane) & (flat["depth"] <= far_plane)
        value, alpha = composite(flat, opacity, inside, colors[frame], width, height)
        values.append(value)
        alphas.append(alpha)
    return torch.stack(values)[:, None].float(), torch.stack(alphas)[:, None].float(), {}


def project(means, quats, scales, view, lens, width, height, eps2d, model) -> dict[str, Tensor]:
    """gsplat's ellipses on the screen, in double precision."""
    means, quats, scales, view, lens = (
        t.double() for t in (means, quats, scales, view, lens)
    )  # fmt: skip
    points = means @ view[:3, :3].T + view[:3, 3]
    z = points[:, 2]
    w, x, y, q = torch.nn.functional.normalize(quats, dim=-1).unbind(-1)
    turn = torch.stack(
        [
            1 - 2 * (y * y + q * q), 2 * (x * y - w * q), 2 * (x * q + w * y),
            2 * (x * y + w * q), 1 - 2 * (x * x + q * q), 2 * (y * q - w * x),
            2 * (x * q - w * y), 2 * (y * q + w * x), 1 - 2 * (x * x + y * y),
        ],
        -1,
    ).reshape(-1, 3, 3)  # fmt: skip
    jacobian = torch.zeros(len(means), 2, 3, dtype=torch.float64)
    centre = torch.empty(len(means), 2, dtype=torch.float64)
    for axis, size in ((0, width), (1, height)):
        focal, middle = lens[axis, axis], lens[axis, 2]
        if model == "ortho":
            jacobian[:, axis, axis] = focal
            centre[:, axis] = focal * points[:, axis] + middle
            continue
        slack = 0.3 * 0.5 * size / focal
        ray = (points[:, axis] / z).clamp(-middle / focal - slack, (size - middle) / focal + slack)
        jacobian[:, axis, axis] = focal / z
        jacobian[:, axis, 2] = -focal * ray / z
        centre[:, axis] = focal * points[:, axis] / z + middle
    spread = jacobian @ view[:3, :3] @ (turn * scales[:, None, :])
    sharp = spread @ spread.mT
    covariance = sharp + eps2d * torch.eye(2, dtype=torch.float64)
    ratio = torch.linalg.det(sharp) / torch.linalg.det(covariance)
    return {
        "depth": z, "centre": centre, "covariance": covariance,
        "compensation": ratio.clamp(min=0).sqrt(),
    }  # fmt: skip


def composite(flat, opacity, inside, colors, width, height) -> tuple[Tensor, Tensor]:
    """(H, W, C + 1) colours and summed depth, (H, W, 1) alpha."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64),
        indexing="ij",
    )  # fmt: skip
    pixels = torch.stack([x, y], -1) + 0.5
    values = torch.cat([colors.double(), flat["depth"][:, None]], 1)
    image = torch.zeros(height, width, values.shape[1], dtype=torch.float64)
    left = torch.ones(height, width, dtype=torch.float64)
    done = torch.zeros(height, width, dtype=torch.bool)
    for i in torch.argsort(flat["depth"].float(), stable=True):
        if not inside[i] or not opacity[i] >= LIMITS["min_alpha"]:
            continue
        away = pixels - flat["centre"][i]
        conic = torch.linalg.inv(flat["covariance"][i])
        power = 0.5 * torch.einsum("hwi,ij,hwj->hw", away, conic, away)
        alpha = (opacity[i] * torch.exp(-power)).clamp(max=LIMITS["max_alpha"])
        alpha = torch.where(alpha >= LIMITS["min_alpha"], alpha, 0)
        after = left * (1 - alpha)
        done |= (after <= LIMITS["min_open"]) & (alpha > 0)
        image += torch.where(done, 0, alpha * left)[..., None] * values[i]
        left = torch.where(done, left, after)
        if math.isclose(float((~done).sum()), 0):
            break
    return image, (1 - left)[..., None]
