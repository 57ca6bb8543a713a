# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed gsplat's own `rasterization` on a machine without a card: its Python runs whole,
and each CUDA kernel under it is gsplat's torch reference of that kernel where there is one
(projection, offsets, `accumulate`), else plain torch (tiles, pixel pairs, nerfacc's two sums)."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch import Tensor

TILE = 16


@contextmanager
def gsplat_on_cpu() -> Iterator[Callable]:
    """`gsplat.rasterization` for tensors on the CPU. Needs gsplat installed."""
    import gsplat.rendering as rendering
    from gsplat.cuda import _torch_impl as reference

    nerfacc = types.ModuleType("nerfacc")
    nerfacc.accumulate_along_rays = accumulate_along_rays
    nerfacc.render_weight_from_alpha = render_weight_from_alpha
    # Not `patch.dict`: it would also take out all that is imported meanwhile.
    before = sys.modules.get("nerfacc")
    sys.modules["nerfacc"] = nerfacc
    try:
        with mock.patch.multiple(
            rendering,
            fully_fused_projection=project_with(reference),
            isect_tiles=isect_tiles,
            isect_offset_encode=reference._isect_offset_encode,
            rasterize_to_pixels=pixels_with(reference),
        ):
            yield rendering.rasterization
    finally:
        del sys.modules["nerfacc"]
        if before is not None:
            sys.modules["nerfacc"] = before


def project_with(reference: types.ModuleType) -> Callable:
    def fully_fused_projection(
        means,
        covars,
        quats,
        scales,
        viewmats,
        Ks,
        width,
        height,
        *,
        eps2d,
        packed,
        near_plane,
        far_plane,
        radius_clip,
        sparse_grad,
        calc_compensations,
        camera_model,
        opacities,
    ):
        assert covars is None
        assert not packed
        assert not sparse_grad
        assert radius_clip == 0
        assert opacities.shape == means.shape[:-1]
        covariances, _ = reference._quat_scale_to_covar_preci(quats, scales, True, False)
        radii, centres, depths, conics, compensations = reference._fully_fused_projection(
            means,
            covariances,
            viewmats,
            Ks,
            width,
            height,
            eps2d=eps2d,
            near_plane=near_plane,
            far_plane=far_plane,
            calc_compensations=calc_compensations,
            camera_model=camera_model,
        )
        strength = opacities[:, None] * (1.0 if compensations is None else compensations)
        tight = torch.minimum(radii, kernel_radii(strength, conics))
        return tight, centres, depths, conics, compensations

    return fully_fused_projection


def kernel_radii(strength: Tensor, conics: Tensor) -> Tensor:
    """Half sizes of the boxes that the CUDA kernel looks in, tighter than the reference's: up to
    where the opacity falls to 1 / 255 (Radl et al. 2024, appendix B.2); 0 for those fainter."""
    extent = torch.sqrt(2 * torch.log((255 * strength).clamp(min=1))).clamp(max=3.33)
    a, b, c = conics.unbind(-1)
    variances = torch.stack([c, a], -1) / (a * c - b * b)[..., None]
    radii = torch.ceil(extent[..., None] * variances.sqrt()).nan_to_num(0, 0, 0).int()
    return radii * (strength >= 1 / 255)[..., None]


@torch.no_grad()
def isect_tiles(
    means2d,
    radii,
    depths,
    tile_size,
    tile_width,
    tile_height,
    *,
    segmented,
    packed,
    n_images,
    image_ids,
    gaussian_ids,
):
    """gsplat's reference loops over Gaussians in Python; this is the same in arrays."""
    assert not packed
    assert image_ids is None
    assert gaussian_ids is None
    count = means2d.shape[-2]
    means2d, radii = means2d.reshape(-1, 2), radii.reshape(-1, 2)
    size = torch.tensor([tile_width, tile_height])
    first = torch.floor((means2d - radii) / tile_size).clamp(min=0).minimum(size).long()
    last = torch.ceil((means2d + radii) / tile_size).clamp(min=0).minimum(size).long()
    span = (last - first) * (radii > 0).all(-1, keepdim=True)
    per_gaussian = span.prod(-1)
    index = torch.repeat_interleave(torch.arange(len(means2d)), per_gaussian)
    start = torch.cumsum(per_gaussian, 0) - per_gaussian
    step = torch.arange(len(index)) - start[index]
    column = first[index, 0] + step % span[index, 0]
    row = first[index, 1] + step // span[index, 0]
    tile_bits = (tile_width * tile_height).bit_length()
    place = ((index // count) << tile_bits) | (row * tile_width + column)
    bits = depths.reshape(-1)[index].contiguous().view(torch.int32).long() & 0xFFFFFFFF
    keys, order = torch.sort((place << 32) | bits, stable=True)
    shape = depths.shape
    assert n_images * count == len(means2d)
    return per_gaussian.reshape(shape).int(), keys, index[order].int()


def pixels_with(reference: types.ModuleType) -> Callable:
    def rasterize_to_pixels(
        means2d,
        conics,
        colors,
        opacities,
        width,
        height,
        tile_size,
        isect_offsets,
        flatten_ids,
        *,
        backgrounds,
        packed,
        absgrad,
    ):
        assert backgrounds is None
        assert not packed
        assert not absgrad
        assert tile_size == TILE
        assert colors.shape[-1] <= 513
        images = means2d.shape[:-2]
        count = means2d.shape[-2]
        pairs = composited_pairs(
            means2d.reshape(-1, 2),
            conics.reshape(-1, 3),
            opacities.reshape(-1),
            width,
            height,
            isect_offsets.reshape(-1, *isect_offsets.shape[-2:]),
            flatten_ids,
        )
        gaussian, pixel, image = pairs
        colour, alpha = reference.accumulate(
            means2d, conics, opacities, colors, gaussian % count, pixel, image, width, height
        )
        assert colour.shape[: len(images)] == images
        return colour, alpha

    return rasterize_to_pixels


def composited_pairs(
    means2d: Tensor,
    conics: Tensor,
    opacities: Tensor,
    width: int,
    height: int,
    offsets: Tensor,
    flatten_ids: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Which Gaussian adds to which pixel, near to far: those above the alpha cut, up to the one
    that would close the pixel."""
    ends = torch.cat([offsets.flatten()[1:], torch.tensor([len(flatten_ids)])])
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for flat, (start, end) in enumerate(
        zip(offsets.flatten().tolist(), ends.tolist(), strict=True)
    ):
        if start == end:
            continue
        image, tile = divmod(flat, offsets.shape[1] * offsets.shape[2])
        row, column = divmod(tile, offsets.shape[2])
        y, x = torch.meshgrid(
            torch.arange(row * TILE, min((row + 1) * TILE, height)),
            torch.arange(column * TILE, min((column + 1) * TILE, width)),
            indexing="ij",
        )
        x, y, ids = x.flatten(), y.flatten(), flatten_ids[start:end].long()
        dx = x[:, None] + 0.5 - means2d[ids, 0]
        dy = y[:, None] + 0.5 - means2d[ids, 1]
        a, b, c = conics[ids].unbind(-1)
        sigma = 0.5 * (a * dx**2 + c * dy**2) + b * dx * dy
        alpha = (opacities[ids] * torch.exp(-sigma)).clamp(max=0.999)
        used = (sigma >= 0) & (alpha >= 1 / 255)
        left = torch.cumprod(torch.where(used, 1 - alpha, 1.0), 1)
        used &= left > 1e-4
        place, which = torch.nonzero(used, as_tuple=True)
        pixel = y[place] * width + x[place]
        found.append((ids[which], pixel, torch.full_like(pixel, image)))
    if not found:
        return tuple(torch.empty(0, dtype=torch.long) for _ in range(3))
    return tuple(torch.cat(parts) for parts in zip(*found, strict=True))


def render_weight_from_alpha(
    alphas: Tensor, *, ray_indices: Tensor, n_rays: int
) -> tuple[Tensor, Tensor]:
    """Each sample's share of its ray and the light before it; a ray's samples are neighbours."""
    logs = torch.log1p(-alphas.double())
    total = torch.cumsum(logs, 0)
    first = torch.ones_like(ray_indices, dtype=torch.bool)
    first[1:] = ray_indices[1:] != ray_indices[:-1]
    assert first.sum() == len(torch.unique(ray_indices))
    assert len(alphas) == 0 or int(ray_indices.max()) < n_rays
    begin = (total - logs)[first]
    run = torch.cumsum(first.long(), 0) - 1
    before = torch.exp(total - logs - begin[run]) if len(alphas) else logs
    return (alphas * before).float(), before.float()


def accumulate_along_rays(
    weights: Tensor, values: Tensor | None, *, ray_indices: Tensor, n_rays: int
) -> Tensor:
    """(n_rays, D) sums of weighted values, of the weights alone where there are none."""
    terms = weights[:, None] if values is None else weights[:, None] * values
    out = torch.zeros(n_rays, terms.shape[1], dtype=terms.dtype)
    return out.index_add_(0, ray_indices, terms)
