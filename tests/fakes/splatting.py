# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussian splatting as it is written in the papers: every Gaussian at every pixel, in double
precision, with torch's gradients. The twin of `sidecar.raster`'s kernels."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from affekt.shared.camera import Camera
from affekt.sidecar.raster.gaussians import Gaussians, GaussianTensors
from torch import Tensor

LOW_PASS, EDGE, MAX_ALPHA, MIN_ALPHA, MIN_OPEN = 0.3, 0.3, 0.999, 1 / 255, 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class TwinImage:
    """colour (H, W, C), alpha (H, W), depth (H, W); doubtful: (H, W) pixels where a Gaussian is
    so near to the alpha cut, or to the rule that ends a pixel, that rounding decides."""

    colour: Tensor
    alpha: Tensor
    depth: Tensor
    doubtful: Tensor


def splat(
    gaussians: Gaussians | GaussianTensors, camera: Camera, *, antialiased: bool = False
) -> TwinImage:
    """What `rasterise_gaussians` promises. Takes arrays, rounded to float32 as it does, or
    tensors in double precision."""
    means, quaternions, scales = map(
        as_doubles, (gaussians.means, gaussians.quaternions, gaussians.scales)
    )
    opacities, colours = as_doubles(gaussians.opacities), as_doubles(gaussians.colours)
    centres, covariance, z = project(means, quaternions, scales, camera)
    blurred = covariance + LOW_PASS * torch.eye(2, dtype=torch.float64)
    if antialiased:
        opacities = opacities * (covariance.det() / blurred.det()).clamp(min=0).sqrt()
    given = (means, quaternions, scales, opacities, colours, centres, blurred)
    count = len(means)
    flat = [a.reshape(count, a.numel() // max(count, 1)) for a in given]
    usable = torch.cat(flat, 1).isfinite().all(1)
    usable &= (z >= camera.near) & (z <= camera.far) & (z > 0 if not camera.orthographic else True)
    usable &= opacities >= MIN_ALPHA
    order = np.argsort(z.detach().numpy().astype(np.float32), kind="stable")
    chosen = torch.from_numpy(order[usable.numpy()[order]])
    values = torch.cat([colours, z[:, None]], 1)
    return composite(
        centres[chosen],
        torch.linalg.inv(blurred[chosen]),
        opacities[chosen],
        values[chosen],
        camera,
    )


def chosen(gaussians: Gaussians, rows) -> Gaussians:
    """Those rows of the Gaussians: a slice, a mask or indices."""
    return Gaussians(
        **{entry.name: getattr(gaussians, entry.name)[rows] for entry in fields(Gaussians)}
    )


def as_doubles(values) -> Tensor:
    if isinstance(values, Tensor):
        return values
    return torch.from_numpy(np.asarray(values).astype(np.float32).astype(np.float64))


def project(means: Tensor, quaternions: Tensor, scales: Tensor, camera: Camera):
    """Centres (N, 2) in pixels, covariances (N, 2, 2) in square pixels, depths (N,)."""
    pose = torch.from_numpy(np.asarray(camera.camera_from_world, np.float64))
    points = means @ pose[:3, :3].T + pose[:3, 3]
    spread = pose[:3, :3] @ rotations(quaternions) * scales[:, None]
    z = points[:, 2]
    ones, zeros = torch.ones_like(z), torch.zeros_like(z)
    rows, centres = [], []
    for axis, (focal, middle, size) in enumerate(
        (
            (camera.focal_x, camera.centre_x, camera.width),
            (camera.focal_y, camera.centre_y, camera.height),
        )
    ):
        divisor = ones if camera.orthographic else z
        slack = EDGE * 0.5 * size / focal
        ray = (points[:, axis] / z).clamp(-middle / focal - slack, (size - middle) / focal + slack)
        row = [zeros, zeros, zeros if camera.orthographic else -focal * ray / z]
        row[axis] = focal / divisor
        rows.append(torch.stack(row, 1))
        centres.append(focal * points[:, axis] / divisor + middle)
    flat = torch.stack(rows, 1) @ spread
    return torch.stack(centres, 1), flat @ flat.transpose(1, 2), z


def rotations(quaternions: Tensor) -> Tensor:
    """(N, 3, 3) of w, x, y, z of any length."""
    w, x, y, z = (quaternions / quaternions.norm(dim=1, keepdim=True)).unbind(1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y - w * z),
            2 * (x * z + w * y),
            2 * (x * y + w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z - w * x),
            2 * (x * z - w * y),
            2 * (y * z + w * x),
            1 - 2 * (x * x + y * y),
        ],
        1,
    ).reshape(-1, 3, 3)


def composite(
    centres: Tensor, conics: Tensor, opacities: Tensor, values: Tensor, camera: Camera
) -> TwinImage:
    """values: (N, C + 1), the last one depth; all in order from near to far."""
    y, x = torch.meshgrid(
        torch.arange(camera.height, dtype=torch.float64),
        torch.arange(camera.width, dtype=torch.float64),
        indexing="ij",
    )
    pixels = torch.stack([x, y], -1) + 0.5
    light = torch.zeros(camera.height, camera.width, values.shape[1], dtype=torch.float64)
    still_open = torch.ones(camera.height, camera.width, dtype=torch.float64)
    ended = torch.zeros(camera.height, camera.width, dtype=torch.bool)
    doubtful = torch.zeros_like(ended)
    for i in range(len(values)):
        away = pixels - centres[i]
        power = 0.5 * torch.einsum("hwi,ij,hwj->hw", away, conics[i], away)
        alpha = (opacities[i] * torch.exp(-power)).clamp(max=MAX_ALPHA)
        doubtful |= ((alpha / MIN_ALPHA - 1).abs() < 1e-3) & ~ended
        alpha = torch.where(alpha >= MIN_ALPHA, alpha, 0.0)
        after = still_open * (1 - alpha)
        doubtful |= ((after / MIN_OPEN - 1).abs() < 1e-2) & (alpha > 0) & ~ended
        ended = ended | (after <= MIN_OPEN)
        light = light + torch.where(ended, 0.0, alpha * still_open)[..., None] * values[i]
        still_open = torch.where(ended, still_open, after)
    alpha = 1 - still_open
    empty = alpha <= 0
    depth = torch.where(empty, torch.inf, light[..., -1] / torch.where(empty, 1.0, alpha))
    return TwinImage(colour=light[..., :-1], alpha=alpha, depth=depth, doubtful=doubtful)
