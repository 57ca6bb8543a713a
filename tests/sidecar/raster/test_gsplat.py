# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU rasteriser against gsplat's own reference in torch, where gsplat is installed.

That reference is loaded as a file: gsplat itself begins to build CUDA code when it is imported.
It needs two things that only come with a GPU or with nerfacc; they are stood in for here: which
Gaussians a pixel meets before it ends, and a weighted sum.
"""

import importlib.util
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.camera import Camera, look_at
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from fakes.splatting import splat
from torch import Tensor

TILE = 16


@pytest.fixture(scope="module")
def gsplat() -> Iterator[types.ModuleType]:
    """gsplat/cuda/_torch_impl.py, with nerfacc's two functions."""
    package = importlib.util.find_spec("gsplat")
    if package is None or package.origin is None:
        pytest.skip("gsplat is not installed: pip install --no-deps gsplat==1.5.3")
    source = Path(package.origin).parent / "cuda" / "_torch_impl.py"
    spec = importlib.util.spec_from_file_location("gsplat_torch_impl", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    nerfacc = types.ModuleType("nerfacc")
    nerfacc.render_weight_from_alpha = weights_of
    nerfacc.accumulate_along_rays = add_up
    before = sys.modules.get("nerfacc")
    sys.modules["nerfacc"] = nerfacc
    yield module
    if before is None:
        del sys.modules["nerfacc"]
    else:
        sys.modules["nerfacc"] = before


def weights_of(alphas: Tensor, *, ray_indices: Tensor, n_rays: int) -> tuple[Tensor, Tensor]:
    """What each alpha adds to its ray, front to back; entries are in order of their rays."""
    weights, left = torch.empty_like(alphas), torch.empty_like(alphas)
    still_open, current = 1.0, -1
    for i, (ray, alpha) in enumerate(zip(ray_indices.tolist(), alphas.tolist(), strict=True)):
        still_open = 1.0 if ray != current else still_open
        current = ray
        left[i], weights[i] = still_open, alpha * still_open
        still_open *= 1 - alpha
    return weights, left


def add_up(weights: Tensor, values: Tensor | None, *, ray_indices: Tensor, n_rays: int) -> Tensor:
    values = torch.ones(len(weights), 1, dtype=weights.dtype) if values is None else values
    out = torch.zeros(n_rays, values.shape[1], dtype=weights.dtype)
    return out.index_add(0, ray_indices, weights[:, None] * values)


def meetings(
    means: Tensor, conics: Tensor, opacities: Tensor, offsets: Tensor, members: Tensor, view: Camera
) -> tuple[Tensor, Tensor]:
    """Gaussian and pixel of each meeting, by pixel, near to far: the rules of gsplat's kernel."""
    bounds = [*offsets.flatten().tolist(), len(members)]
    across = -(-view.width // TILE)
    found: list[tuple[int, int]] = []
    for y in range(view.height):
        for x in range(view.width):
            tile = (y // TILE) * across + x // TILE
            chosen = members[bounds[tile] : bounds[tile + 1]]
            dx, dy = (torch.tensor([x + 0.5, y + 0.5]) - means[chosen]).unbind(1)
            a, b, c = conics[chosen].unbind(1)
            sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy
            alpha = (opacities[chosen] * torch.exp(-sigma)).clamp(max=0.999)
            drawn = (sigma >= 0) & (alpha >= 1 / 255)
            after = torch.cumprod(1 - alpha[drawn], 0)
            ended = torch.cummax((after <= 1e-4).int(), 0).values if len(after) else after
            found += [(index, y * view.width + x) for index in chosen[drawn][ended == 0].tolist()]
    pairs = torch.tensor(found, dtype=torch.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def render_with(gsplat: types.ModuleType, scene, view: Camera, mode: str):
    """colour, alpha and depth divided by alpha, as gsplat.rasterization's RGB+ED."""
    means, turns, scales, opacities, colours = (torch.from_numpy(a).double() for a in scene)
    covariances, _ = gsplat._quat_scale_to_covar_preci(turns, scales, True, False)
    pose = torch.from_numpy(view.camera_from_world)[None]
    lens = torch.tensor(
        [[view.focal_x, 0, view.centre_x], [0, view.focal_y, view.centre_y], [0, 0, 1.0]]
    ).double()[None]
    radii, centres, depths, conics, compensation = gsplat._fully_fused_projection(
        means, covariances, pose, lens, view.width, view.height, near_plane=view.near,
        far_plane=view.far, calc_compensations=mode == "antialiased",
        camera_model="ortho" if view.orthographic else "pinhole",
    )  # fmt: skip
    if compensation is not None:
        opacities = opacities * compensation[0]
    across, down = -(-view.width // TILE), -(-view.height // TILE)
    _, keys, members = gsplat._isect_tiles(centres, radii, depths.float(), TILE, across, down)
    offsets = gsplat._isect_offset_encode(keys, 1, across, down)
    gaussians, pixels = meetings(centres[0], conics[0], opacities, offsets, members.long(), view)
    values = torch.cat([colours, depths[0, :, None]], 1)
    light, alpha = gsplat.accumulate(
        centres, conics, opacities[None], values[None], gaussians, pixels,
        torch.zeros_like(pixels), view.width, view.height,
    )  # fmt: skip
    light, alpha = light[0].numpy(), alpha[0, ..., 0].numpy()
    with np.errstate(invalid="ignore"):
        depth = np.where(alpha > 0, light[..., -1] / alpha, np.inf)
    return light[..., :-1], alpha, depth


@pytest.mark.parametrize("mode", ["classic", "antialiased"])
@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize(("count", "distance"), [(60, 2.0), (150, 1.0)])
def test_equals_gsplat(
    gsplat: types.ModuleType, count: int, distance: float, orthographic: bool, mode: str,
    record_property,
):  # fmt: skip
    view = look_at(
        target=np.zeros(3), distance=distance, yaw_rad=0.3, pitch_rad=-0.2, width=45, height=37,
        fov_y_rad=0.6,
    )  # fmt: skip
    if orthographic:
        view = replace(view, orthographic=True, focal_x=38.0, focal_y=40.0)
    rng = np.random.default_rng(count)
    scene = tuple(
        a.astype(np.float32)
        for a in (
            rng.uniform(-0.5, 0.5, (count, 3)), rng.normal(size=(count, 4)),
            np.exp(rng.uniform(-7, -2, (count, 3))), rng.uniform(0, 1, count),
            rng.uniform(0, 1, (count, 3)),
        )
    )  # fmt: skip
    colour, alpha, depth = render_with(gsplat, scene, view, mode)
    found = rasterise_gaussians(*scene, view, antialiased=mode == "antialiased")
    sure = ~splat(*scene, view, antialiased=mode == "antialiased").doubtful.numpy()
    assert alpha.max() > 0.7
    assert sure.mean() > 0.95
    error = np.abs(found.colour - colour).max(2)
    print(f"colour to {error[sure].max():.1e}, where rounding decides to {error.max():.1e}")
    record_property("colour_error", float(error[sure].max()))
    np.testing.assert_allclose(found.colour[sure], colour[sure], atol=1e-5)
    np.testing.assert_allclose(found.alpha[sure], alpha[sure], atol=1e-5)
    np.testing.assert_allclose(found.depth[sure], depth[sure], rtol=1e-4)
