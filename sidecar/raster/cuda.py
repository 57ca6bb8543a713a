# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussian splatting on an NVIDIA card, through gsplat's `rasterization` (1.5.3).

Facts of gsplat that this rests on, read from its source: the view matrix acts on means and
covariances as it is, so any affine one will do (only its spherical harmonics and its unscented
transform want a rigid one, and neither is used); equally deep Gaussians keep the order given;
channels beyond 32 are composited in passes of 32; "RGB+D" returns the sum of share times depth as
the last channel, which is divided by alpha here, since "ED" gives 0 where alpha is 0; a value that
is no number may paint a whole tile, so such Gaussians get opacity 0.

Not here: finding a card and gsplat (`device`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...shared.arrays import Float32Array, FloatArray
from ...shared.camera import Camera
from ...shared.errors import InputError
from .composite import TILE
from .gaussians import GaussianImage, Gaussians, GaussianTensors, blank_image, check_sizes
from .project import LOW_PASS

Rasterization = Callable[..., tuple[Tensor, Tensor, dict[str, object]]]
"""gsplat.rasterization, or a test's replacement."""

CHANNEL_CHUNK = 32
"""Channels that one of gsplat's passes takes; beyond it the kernel spills its registers."""
NEAREST = 1e-6
"""Metres; gsplat divides by depth before it looks at anything else."""
LARGEST_SCALE = 1e3
"""Metres; larger ones, which fill every picture as this does, overflow float32 when squared and
multiplied."""
MAX_PINNED_BYTES = 256 << 20
"""Locked memory that a picture may hold; larger ones land in ordinary memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CudaRasteriser:
    """gsplat as a `Rasteriser`, on torch's current stream."""

    rasterization: Rasterization
    torch_device: torch.device
    reason: str
    device: str = "cuda"

    def __call__(
        self, gaussians: Gaussians, camera: Camera, *, antialiased: bool = False
    ) -> GaussianImage:
        check_sizes(gaussians, camera)
        if len(gaussians) == 0:
            return blank_image(camera, gaussians.colours.shape[1])
        image = self._draw(gaussians, camera, antialiased=antialiased)
        if image is None:
            raise InputError(
                "option.device_memory",
                "The picture does not fit in the card's memory.",
                "Render it smaller or with fewer passes, free the card, or use the CPU.",
            )
        return image

    def _draw(
        self, gaussians: Gaussians, camera: Camera, *, antialiased: bool
    ) -> GaussianImage | None:
        """The picture, or None if the card's memory was exhausted. A function of its own, so that
        nothing holds the failed call's tensors any more when the error is raised."""
        device = self.torch_device
        try:
            sent = GaussianTensors(
                means=_send_array(gaussians.means, device),
                quaternions=_send_array(gaussians.quaternions, device),
                scales=_send_array(gaussians.scales, device),
                opacities=_send_array(gaussians.opacities, device),
                colours=_send_array(gaussians.colours, device),
            )
            with torch.no_grad():
                return _download(
                    *rasterise_on_device(self.rasterization, sent, camera, antialiased=antialiased)
                )
        except torch.OutOfMemoryError:
            return None


def rasterise_on_device(
    rasterization: Rasterization, gaussians: GaussianTensors, camera: Camera, *, antialiased: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour (H, W, C), alpha (H, W) and depth (H, W) of `GaussianImage`, on the Gaussians'
    device. Raises torch.OutOfMemoryError."""
    channels, device = gaussians.colours.shape[-1], gaussians.means.device
    ahead = _step_back(camera)
    view, lens = camera_matrices(camera)
    view[..., 2, 3] += ahead
    # gsplat's leading axes: a scene, then its cameras.
    values, alpha, _ = rasterization(
        means=gaussians.means[None],
        quats=gaussians.quaternions[None],
        scales=gaussians.scales.clamp(-LARGEST_SCALE, LARGEST_SCALE)[None],
        opacities=_usable_opacities(gaussians)[None],
        colors=gaussians.colours[None],
        viewmats=_send(torch.from_numpy(view), device),
        Ks=_send(torch.from_numpy(lens), device),
        width=camera.width,
        height=camera.height,
        near_plane=max(camera.near + ahead, NEAREST),
        far_plane=camera.far + ahead,
        radius_clip=0.0,
        eps2d=LOW_PASS,
        packed=False,
        tile_size=TILE,
        render_mode="RGB+D",
        rasterize_mode="antialiased" if antialiased else "classic",
        channel_chunk=CHANNEL_CHUNK,
        camera_model="ortho" if camera.orthographic else "pinhole",
    )
    alpha = alpha[0, 0, ..., 0]
    depth = torch.where(alpha > 0, values[0, 0, ..., channels] / alpha - ahead, torch.inf)
    return values[0, 0, ..., :channels].contiguous(), alpha.contiguous(), depth


def camera_matrices(camera: Camera) -> tuple[Float32Array, Float32Array]:
    """(1, 1, 4, 4) camera from world and (1, 1, 3, 3) lens, both in OpenCV's axes, which are
    gsplat's; an orthographic lens holds pixels per metre."""
    lens = [[camera.focal_x, 0, camera.centre_x], [0, camera.focal_y, camera.centre_y], [0, 0, 1]]
    view = camera.camera_from_world[None, None].astype(np.float32)
    return view, np.array([[lens]], np.float32)


def _send_array(values: FloatArray, device: torch.device) -> Tensor:
    """The values as float32 on the device; to a card from locked memory, without waiting."""
    host = torch.empty(values.shape, dtype=torch.float32, pin_memory=device.type == "cuda")
    # A double beyond float32 becomes infinite, and is left out by `_usable_opacities`.
    with np.errstate(over="ignore"):
        host.numpy()[...] = values
    return _send(host, device)


def _send(host: Tensor, device: torch.device) -> Tensor:
    """Copies to a card from locked memory; from other memory torch would wait for running work."""
    if device.type == "cuda" and not host.is_pinned():
        host = host.pin_memory()
    return host.to(device, non_blocking=True)


def _step_back(camera: Camera) -> float:
    """Metres that an orthographic camera which sees behind itself is moved back: gsplat sorts
    negative depths the wrong way round."""
    return 1.0 - camera.near if camera.orthographic and camera.near <= 0 else 0.0


def _usable_opacities(gaussians: GaussianTensors) -> Tensor:
    """(N,) opacities, 0 for Gaussians that the CPU rasteriser leaves out."""
    length = gaussians.quaternions.square().sum(-1)
    usable = (
        torch.isfinite(gaussians.means).all(-1)
        & torch.isfinite(gaussians.scales).all(-1)
        & (length > 0)
        & torch.isfinite(length)
        & torch.isfinite(gaussians.opacities)
    )
    return torch.where(usable, gaussians.opacities, 0.0)


def _download(colour: Tensor, alpha: Tensor, depth: Tensor) -> GaussianImage:
    """Copies the three tensors to the processor's memory; one wait ends all three copies."""
    size = 4 * (colour.numel() + alpha.numel() + depth.numel())
    pinned = alpha.device.type == "cuda" and size <= MAX_PINNED_BYTES
    image = GaussianImage(
        colour=_to_host(colour, pinned=pinned),
        alpha=_to_host(alpha, pinned=pinned),
        depth=_to_host(depth, pinned=pinned),
    )
    if pinned:
        torch.cuda.current_stream(alpha.device).synchronize()
    return image


def _to_host(tensor: Tensor, *, pinned: bool) -> Float32Array:
    host = torch.empty(tensor.shape, dtype=torch.float32, pin_memory=pinned)
    host.copy_(tensor, non_blocking=pinned)
    return host.numpy()
