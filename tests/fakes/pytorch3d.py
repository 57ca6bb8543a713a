# SPDX-License-Identifier: GPL-3.0-or-later
"""pytorch3d's names to stand in where it is not: the calls that our adapter makes, with its
signatures, the projection as its documentation has it, and a z-buffer by the plainest means."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import NamedTuple

import pytest
import torch
from torch import Tensor


def documented_ndc(points: Tensor, camera: Cameras) -> Tensor:
    """(V, 3) world points -> (V, 2) normalised coordinates of the first camera, from the section
    "Cameras" of pytorch3d's documentation: x to the left, y up, the shorter edge -1 to 1."""
    placed = points @ camera.R[0] + camera.T[0]
    focal, centre = camera.focal_length[0], camera.principal_point[0]
    if not camera.in_ndc():
        height, width = camera.image_size[0]
        shorter = min(height, width)
        focal = focal * 2.0 / shorter
        centre = -(centre - torch.stack([width, height]) / 2.0) * 2.0 / shorter
    depth = placed[:, 2:] if camera.is_perspective() else 1.0
    return focal * placed[:, :2] / depth + centre


def screen_from_ndc(ndc: Tensor, width: int, height: int) -> Tensor:
    """(V, 2) pixels, (0, 0) at the top left corner of the top left pixel."""
    size = torch.tensor([width, height], dtype=ndc.dtype)
    return size / 2.0 - ndc * min(width, height) / 2.0


class Cameras:
    perspective = True

    def __init__(
        self,
        focal_length=1.0,
        principal_point=((0.0, 0.0),),
        R=None,
        T=None,
        K=None,
        device="cpu",
        in_ndc: bool = True,
        image_size=None,
    ) -> None:
        assert K is None
        self.device = device
        self.focal_length = torch.as_tensor(focal_length, dtype=torch.float32)
        self.principal_point = torch.as_tensor(principal_point, dtype=torch.float32)
        self.R = torch.eye(3)[None] if R is None else R
        self.T = torch.zeros(1, 3) if T is None else T
        assert self.R.shape == (1, 3, 3)
        assert self.T.shape == (1, 3)
        self._in_ndc = in_ndc
        if not in_ndc:
            assert image_size is not None
            self.image_size = torch.as_tensor(image_size, dtype=torch.float32)

    def in_ndc(self) -> bool:
        return self._in_ndc

    def is_perspective(self) -> bool:
        return self.perspective


class PerspectiveCameras(Cameras):
    pass


class OrthographicCameras(Cameras):
    perspective = False


class RasterizationSettings:
    def __init__(
        self,
        image_size=256,
        blur_radius=0.0,
        faces_per_pixel=1,
        bin_size=None,
        max_faces_per_bin=None,
        perspective_correct=None,
        clip_barycentric_coords=None,
        cull_backfaces=False,
        z_clip_value=None,
        cull_to_frustum=False,
    ) -> None:
        assert blur_radius == 0
        assert faces_per_pixel == 1
        assert bin_size is None
        assert not clip_barycentric_coords
        assert not cull_backfaces
        assert not cull_to_frustum
        assert max_faces_per_bin > 0
        self.image_size = image_size
        self.perspective_correct = perspective_correct
        self.z_clip_value = z_clip_value


class Meshes:
    def __init__(self, verts=None, faces=None, textures=None) -> None:
        assert textures is None
        assert len(verts) == len(faces) == 1
        assert verts[0].dtype == torch.float32
        assert faces[0].dtype == torch.int64
        assert torch.isfinite(verts[0]).all()
        self.verts, self.faces = verts[0], faces[0]


class Fragments(NamedTuple):
    pix_to_face: Tensor
    zbuf: Tensor
    bary_coords: Tensor
    dists: Tensor


class MeshRasterizer:
    """Leaves out faces nearer than `z_clip_value`, where pytorch3d clips them."""

    def __init__(self, cameras=None, raster_settings=None) -> None:
        self.cameras, self.settings = cameras, raster_settings

    def __call__(self, mesh: Meshes) -> Fragments:
        height, width = self.settings.image_size
        depth = (mesh.verts @ self.cameras.R[0] + self.cameras.T[0])[:, 2]
        shorter = min(width, height)
        x = (width - 2 * torch.arange(width) - 1.0) / shorter
        y = (height - 2 * torch.arange(height) - 1.0) / shorter
        pixels = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)
        points = documented_ndc(mesh.verts, self.cameras)
        face = torch.full((height, width), -1)
        zbuf = torch.full((height, width), torch.inf)
        weights = torch.full((height, width, 3), -1.0)
        for index, corners in enumerate(mesh.faces):
            if depth[corners].min() < self.settings.z_clip_value:
                continue
            share = plain_barycentrics(pixels, points[corners])
            if self.settings.perspective_correct:
                share = share / depth[corners]
                share = share / share.sum(-1, keepdim=True)
            z = share @ depth[corners]
            nearer = (share >= 0).all(-1) & (z < zbuf)
            face[nearer], zbuf[nearer], weights[nearer] = index, z[nearer], share[nearer]
        zbuf[face < 0] = -1.0
        return Fragments(
            face[None, ..., None], zbuf[None, ..., None], weights[None, :, :, None], zbuf
        )


def plain_barycentrics(pixels: Tensor, corners: Tensor) -> Tensor:
    """(H, W, 3) weights of a triangle's corners (3, 2); not a number where it has no area."""
    a, b, c = corners
    area = _cross(b - a, c - a)
    parts = [_cross(c - b, pixels - b), _cross(a - c, pixels - c), _cross(b - a, pixels - a)]
    return torch.stack(parts, -1) / area


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets `import pytorch3d` find this, for one test."""
    here = sys.modules[__name__]
    for name in ("pytorch3d", "pytorch3d.renderer", "pytorch3d.structures"):
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
    renderer = (
        "PerspectiveCameras",
        "OrthographicCameras",
        "MeshRasterizer",
        "RasterizationSettings",
    )
    for name in renderer:
        monkeypatch.setattr(
            sys.modules["pytorch3d.renderer"], name, getattr(here, name), raising=False
        )
    monkeypatch.setattr(sys.modules["pytorch3d.structures"], "Meshes", Meshes, raising=False)
