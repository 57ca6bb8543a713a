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

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...shared.arrays import Float32Array, FloatArray
from ...shared.camera import Camera
from ...shared.errors import InputError
from .composite import TILE
from .device import GaussianFrame
from .gaussians import GaussianImage, check_sizes
from .project import LOW_PASS

Rasterization = Callable[..., tuple[Tensor, Tensor, dict[str, object]]]
"""gsplat.rasterization, or what a test puts in its place."""

CHANNEL_CHUNK = 32
"""Channels that one of gsplat's passes takes; beyond it the kernel spills its registers."""
NEAREST = 1e-6
"""Metres; gsplat divides by depth before it looks at anything else."""
LARGEST_SCALE = 1e3
"""Metres; larger ones, which fill every picture as this does, overflow float32 when squared and
multiplied."""
MAX_CALL_BYTES = 4 << 30
"""Of the card's memory for one call, which also keeps gsplat's kernels within the 32 bits that
they count in, and its sort keys within the 32 that they have for picture and tile."""
FREE_SHARE = 0.5
"""Of the card's free memory for one call; the estimate knows nothing of how Gaussians overlap."""
MAX_PINNED_BYTES = 256 << 20
"""Locked memory that a batch's pictures may hold; larger batches land in ordinary memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianBatch:
    """N Gaussians in each of B frames, float32 on one device: means (B, N, 3), quaternions
    (B, N, 4), scales (B, N, 3), opacities (B, N), colours (B, N, C). What all frames share may be
    an expanded view."""

    means: Tensor
    quaternions: Tensor
    scales: Tensor
    opacities: Tensor
    colours: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageBatch:
    """`GaussianImage` of B frames on one device: colour (B, H, W, C), alpha and depth (B, H, W)."""

    colour: Tensor
    alpha: Tensor
    depth: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CudaRasteriser:
    """gsplat as a `Rasteriser`, on torch's current stream."""

    rasterization: Rasterization
    torch_device: torch.device
    reason: str
    device: str = "cuda"

    def __call__(
        self,
        means: FloatArray,
        quaternions: FloatArray,
        scales: FloatArray,
        opacities: FloatArray,
        colours: FloatArray,
        camera: Camera,
        *,
        antialiased: bool = False,
    ) -> GaussianImage:
        frame = GaussianFrame(
            means=means,
            quaternions=quaternions,
            scales=scales,
            opacities=opacities,
            colours=colours,
            camera=camera,
        )
        return self.batch([frame], antialiased=antialiased)[0]

    def batch(
        self, frames: Sequence[GaussianFrame], *, antialiased: bool = False
    ) -> list[GaussianImage]:
        """One picture a frame. Neighbours of one size are drawn in one call, as many as half the
        card's free memory takes; where that was too bold, in halves. Raises InputError
        `avatar.too_big`, `option.size`, and `option.device_memory` where one frame alone does
        not fit."""
        for frame in frames:
            check_sizes(len(frame.means), frame.colours.shape[1], frame.camera)
        pinned = sum(map(_picture_bytes, frames)) <= MAX_PINNED_BYTES and self._is_cuda()
        images: list[GaussianImage] = []
        for call in split_calls(frames, self._free_bytes()):
            images += self._draw_or_halve(call, antialiased=antialiased, pinned=pinned)
        return images

    def draw(
        self, gaussians: GaussianBatch, cameras: Sequence[Camera], *, antialiased: bool = False
    ) -> ImageBatch:
        """B frames that are on the card already, in one call; what comes back stays there. The
        cameras are of one size, clipping and kind. Nothing bounds the memory but B.
        Raises torch.OutOfMemoryError."""
        with torch.no_grad():
            return rasterise_batch(self.rasterization, gaussians, cameras, antialiased=antialiased)

    def _draw_or_halve(
        self, frames: Sequence[GaussianFrame], *, antialiased: bool, pinned: bool
    ) -> list[GaussianImage]:
        images = self._draw_frames(frames, antialiased=antialiased, pinned=pinned)
        if images is not None:
            return images
        if len(frames) == 1:
            raise InputError(
                "option.device_memory",
                "The picture does not fit in the card's memory.",
                "Render it smaller or with fewer passes, free the card, or use the CPU.",
            )
        if self._is_cuda():
            torch.cuda.empty_cache()
        middle = len(frames) // 2
        return [
            image
            for half in (frames[:middle], frames[middle:])
            for image in self._draw_or_halve(half, antialiased=antialiased, pinned=pinned)
        ]

    def _draw_frames(
        self, frames: Sequence[GaussianFrame], *, antialiased: bool, pinned: bool
    ) -> list[GaussianImage] | None:
        """None where the card's memory ended; a function of its own, so that by then nothing
        holds the failed call's tensors."""
        try:
            gaussians = self._upload(frames)
            cameras = [frame.camera for frame in frames]
            return _download(self.draw(gaussians, cameras, antialiased=antialiased), pinned=pinned)
        except torch.OutOfMemoryError:
            return None

    def _upload(self, frames: Sequence[GaussianFrame]) -> GaussianBatch:
        def send(arrays: list[FloatArray]) -> Tensor:
            return send_rows(arrays, self.torch_device)

        return GaussianBatch(
            means=send([f.means for f in frames]),
            quaternions=send([f.quaternions for f in frames]),
            scales=send([f.scales for f in frames]),
            opacities=send([f.opacities for f in frames]),
            colours=send([f.colours for f in frames]),
        )

    def _is_cuda(self) -> bool:
        return self.torch_device.type == "cuda"

    def _free_bytes(self) -> int:
        if not self._is_cuda():
            return MAX_CALL_BYTES
        free, _ = torch.cuda.mem_get_info(self.torch_device)
        # What torch's allocator keeps for itself is free to us.
        kept = torch.cuda.memory_reserved(self.torch_device)
        kept -= torch.cuda.memory_allocated(self.torch_device)
        return free + kept


def rasterise_batch(
    rasterization: Rasterization,
    gaussians: GaussianBatch,
    cameras: Sequence[Camera],
    *,
    antialiased: bool = False,
) -> ImageBatch:
    """B frames through one call of gsplat. cameras: B of one size, near, far and kind."""
    camera, channels = cameras[0], gaussians.colours.shape[-1]
    frames, device, ahead = len(cameras), gaussians.means.device, _step_back(camera)
    if gaussians.means.shape[1] == 0:
        return _empty_images(frames, camera, channels, device)
    views, lenses = camera_matrices(cameras)
    views[..., 2, 3] += ahead
    values, alpha, _ = rasterization(
        means=gaussians.means,
        quats=gaussians.quaternions,
        scales=gaussians.scales.clamp(-LARGEST_SCALE, LARGEST_SCALE),
        opacities=_usable_opacities(gaussians),
        colors=gaussians.colours,
        viewmats=_send(torch.from_numpy(views), device),
        Ks=_send(torch.from_numpy(lenses), device),
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
    alpha = alpha[:, 0, ..., 0]
    depth = torch.where(alpha > 0, values[:, 0, ..., channels] / alpha - ahead, torch.inf)
    return ImageBatch(
        colour=values[:, 0, ..., :channels].contiguous(), alpha=alpha.contiguous(), depth=depth
    )


def camera_matrices(cameras: Sequence[Camera]) -> tuple[Float32Array, Float32Array]:
    """(B, 1, 4, 4) camera from world and (B, 1, 3, 3) lens, both in OpenCV's axes, which are
    gsplat's; an orthographic lens holds pixels per metre."""
    views = np.stack([camera.camera_from_world for camera in cameras])
    lenses = np.stack(
        [[[c.focal_x, 0, c.centre_x], [0, c.focal_y, c.centre_y], [0, 0, 1]] for c in cameras]
    )
    return views[:, None].astype(np.float32), lenses[:, None].astype(np.float32)


def split_calls(
    frames: Sequence[GaussianFrame], free_bytes: int
) -> Iterator[Sequence[GaussianFrame]]:
    """Runs of neighbours that one call of gsplat can take, in order."""
    for _, group in itertools.groupby(frames, key=_call_key):
        alike = list(group)
        first = alike[0]
        step = frames_per_call(
            width=first.camera.width,
            height=first.camera.height,
            gaussians=len(first.means),
            channels=first.colours.shape[1],
            free_bytes=free_bytes,
        )
        for start in range(0, len(alike), step):
            yield alike[start : start + step]


def frames_per_call(
    *, width: int, height: int, gaussians: int, channels: int, free_bytes: int
) -> int:
    """How many pictures one call may draw, at least 1."""
    pixels = width * height
    # gsplat fills up to a power of two, and joins the passes of many channels into one more array.
    padded = 1 << channels.bit_length()
    pixel_floats = padded + (channels + 1 if channels >= CHANNEL_CHUNK else 0) + channels + 6
    # Projected, with the colours twice; and 32 bytes for each of 8 tiles that it may touch.
    gaussian_floats = 32 + channels + 2 * padded + 8 * 8
    frame_bytes = 4 * (pixels * pixel_floats + gaussians * gaussian_floats)
    call_bytes = min(MAX_CALL_BYTES, int(FREE_SHARE * free_bytes))
    return max(call_bytes // frame_bytes, 1)


def send_rows(arrays: Sequence[FloatArray], device: torch.device) -> Tensor:
    """(B, ...) float32 of B arrays of one shape. One that all rows share (the same object) is
    sent once and expanded. On a card: from locked memory, without waiting."""
    shared = all(array is arrays[0] for array in arrays)
    rows = arrays[:1] if shared else arrays
    size, pinned = (len(rows), *rows[0].shape), device.type == "cuda"
    host = torch.empty(size, dtype=torch.float32, pin_memory=pinned)
    target = host.numpy()
    # What float32 cannot hold becomes infinite, and is left out by `_usable_opacities`.
    with np.errstate(over="ignore"):
        for index, array in enumerate(rows):
            target[index] = array
    return _send(host, device).expand(len(arrays), *rows[0].shape)


def _send(host: Tensor, device: torch.device) -> Tensor:
    """To a card from locked memory: from other memory torch waits for all that is under way."""
    if device.type == "cuda" and not host.is_pinned():
        host = host.pin_memory()
    return host.to(device, non_blocking=True)


def _step_back(camera: Camera) -> float:
    """Metres that an orthographic camera which sees behind itself is moved back: gsplat sorts
    negative depths the wrong way round."""
    return 1.0 - camera.near if camera.orthographic and camera.near <= 0 else 0.0


def _call_key(frame: GaussianFrame) -> tuple[object, ...]:
    """Frames that differ in this cannot share a call."""
    camera = frame.camera
    return (
        len(frame.means),
        frame.colours.shape[1],
        camera.width,
        camera.height,
        camera.near,
        camera.far,
        camera.orthographic,
    )


def _usable_opacities(gaussians: GaussianBatch) -> Tensor:
    """(B, N) opacities, 0 for Gaussians that the CPU rasteriser leaves out."""
    length = gaussians.quaternions.square().sum(-1)
    usable = (
        torch.isfinite(gaussians.means).all(-1)
        & torch.isfinite(gaussians.scales).all(-1)
        & (length > 0)
        & torch.isfinite(length)
        & torch.isfinite(gaussians.opacities)
    )
    return torch.where(usable, gaussians.opacities, 0.0)


def _empty_images(frames: int, camera: Camera, channels: int, device: torch.device) -> ImageBatch:
    size = (frames, camera.height, camera.width)
    return ImageBatch(
        colour=torch.zeros((*size, channels), device=device),
        alpha=torch.zeros(size, device=device),
        depth=torch.full(size, torch.inf, device=device),
    )


def _picture_bytes(frame: GaussianFrame) -> int:
    return 4 * frame.camera.width * frame.camera.height * (frame.colours.shape[1] + 2)


def _download(images: ImageBatch, *, pinned: bool) -> list[GaussianImage]:
    """Each of the three arrays crosses once, and one wait ends all."""
    colour, alpha, depth = (
        _to_host(tensor, pinned=pinned) for tensor in (images.colour, images.alpha, images.depth)
    )
    if pinned:
        torch.cuda.current_stream(images.alpha.device).synchronize()
    return [
        GaussianImage(colour=c, alpha=a, depth=d)
        for c, a, d in zip(colour, alpha, depth, strict=True)
    ]


def _to_host(tensor: Tensor, *, pinned: bool) -> Float32Array:
    host = torch.empty(tensor.shape, dtype=torch.float32, pin_memory=pinned)
    host.copy_(tensor, non_blocking=pinned)
    return host.numpy()
