# SPDX-License-Identifier: GPL-3.0-or-later
"""An adapter to pytorch3d: converts cameras both ways, and offers its mesh rasteriser with the
contract of `rasterise_mesh`. pytorch3d is never required, and imported only when called.

pytorch3d's conventions (its documentation, "Cameras"): axes x left, y up, z forward, in the world
and the camera alike; row vectors, `x_camera = x_world R + T`; a camera with `in_ndc=False` has
focal length and principal point in pixels, (0, 0) at the top left corner of the top left pixel;
in normalised coordinates the shorter edge runs from -1 to 1, x to the left and y up.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...shared.arrays import Float32Array, Float64Array, FloatArray, IndexArray, Int32Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from .device import check_device_name
from .mesh import EMPTY, MeshFragments, rasterise_mesh, to_camera

FLIP = np.diag([-1.0, -1.0, 1.0])
"""OpenCV's axes to pytorch3d's and back."""

MeshRasteriser = Callable[[FloatArray, Int32Array, Camera], MeshFragments]


class Pytorch3dCameras(Protocol):
    """The members of `PerspectiveCameras` and `OrthographicCameras` used here, for B cameras."""

    R: Tensor
    T: Tensor
    focal_length: Tensor
    principal_point: Tensor
    image_size: Tensor

    def in_ndc(self) -> bool: ...

    def is_perspective(self) -> bool: ...


def choose_mesh_rasteriser(device: str = "auto") -> MeshRasteriser:
    """`rasterise_mesh`, or pytorch3d's on a card: for "cuda", and for "auto" where PyTorch has a
    card and pytorch3d is installed. Its CPU path is never chosen.
    Raises InputError `option.device` for another word; for "cuda" also `option.device_missing`
    without a card and `option.device_pytorch3d` without pytorch3d."""
    check_device_name(device)
    if device == "cpu":
        return rasterise_mesh
    card, installed = torch.cuda.is_available(), is_installed()
    if card and installed:
        return lambda *mesh: rasterise_mesh_pytorch3d(*mesh, device="cuda")
    if device == "auto":
        return rasterise_mesh
    if not card:
        raise InputError(
            "option.device_missing",
            "No NVIDIA card that PyTorch can use was found.",
            "Check the driver with `nvidia-smi`, or render meshes on the CPU.",
        )
    raise _not_installed()


def is_installed() -> bool:
    """Whether pytorch3d could be imported."""
    return importlib.util.find_spec("pytorch3d") is not None


def rasterise_mesh_pytorch3d(
    vertices: FloatArray, faces: Int32Array, camera: Camera, *, device: str = "cpu"
) -> MeshFragments:
    """`rasterise_mesh` by pytorch3d in single precision; pytorch3d chooses which of two equally
    near faces is seen. Raises InputError `option.device_pytorch3d` without pytorch3d."""
    if not is_installed():
        raise _not_installed()
    from pytorch3d.renderer import MeshRasterizer, RasterizationSettings
    from pytorch3d.structures import Meshes

    numbers = np.isfinite(vertices)
    whole = np.flatnonzero(numbers[faces].all((1, 2)))
    if not len(whole):
        return _empty_fragments(camera)
    # Placed here, so that cameras that scale are allowed and pytorch3d sees small numbers.
    placed = np.nan_to_num(to_camera(vertices, camera) @ FLIP)
    rasterizer = MeshRasterizer(
        cameras=_lens(camera, torch.eye(3), torch.zeros(3), device),
        raster_settings=RasterizationSettings(
            image_size=(camera.height, camera.width),
            blur_radius=0.0,
            faces_per_pixel=1,
            # Its own guess drops faces where a small head crowds one bin.
            max_faces_per_bin=len(whole),
            perspective_correct=not camera.orthographic,
            cull_backfaces=False,
            z_clip_value=camera.near,
        ),
    )
    mesh = Meshes(
        verts=[torch.from_numpy(placed.astype(np.float32)).to(device)],
        faces=[torch.from_numpy(faces[whole].astype(np.int64)).to(device)],
    )
    with torch.no_grad():
        found = rasterizer(mesh)
    return _fragments(found.pix_to_face, found.bary_coords, found.zbuf, whole, camera)


def to_pytorch3d(camera: Camera, *, device: str = "cpu") -> Pytorch3dCameras:
    """Converts a camera to one of pytorch3d's in screen space; the world must have pytorch3d's
    axes already. Raises InputError `option.camera` for a camera that scales or shears,
    `option.device_pytorch3d` without pytorch3d."""
    if not is_installed():
        raise _not_installed()
    rotation, translation = row_transform(camera)
    return _lens(camera, torch.from_numpy(rotation), torch.from_numpy(translation), device)


def from_pytorch3d(
    cameras: Pytorch3dCameras,
    *,
    width: int,
    height: int,
    index: int = 0,
    near: float = 0.01,
    far: float = 100.0,
) -> Camera:
    """Converts pytorch3d's camera at `index` to ours, for pictures of width x height pixels."""

    def row(values: Tensor) -> Float64Array:
        return values[min(index, len(values) - 1)].detach().cpu().double().numpy()

    focal = np.broadcast_to(np.atleast_1d(row(cameras.focal_length)), 2)
    centre = row(cameras.principal_point)
    if cameras.in_ndc():
        half = 0.5 * min(width, height)
        focal, centre = half * focal, 0.5 * np.array([width, height]) - half * centre
    pose = np.eye(4)
    pose[:3, :3] = FLIP @ row(cameras.R).T
    pose[:3, 3] = FLIP @ row(cameras.T)
    return Camera(
        width=width,
        height=height,
        focal_x=float(focal[0]),
        focal_y=float(focal[1]),
        centre_x=float(centre[0]),
        centre_y=float(centre[1]),
        camera_from_world=pose,
        near=near,
        far=far,
        orthographic=not cameras.is_perspective(),
    )


def row_transform(camera: Camera) -> tuple[Float32Array, Float32Array]:
    """pytorch3d's R (3, 3) and T (3,) of a camera. Raises InputError `option.camera` if R would not
    be a rotation."""
    linear = camera.camera_from_world[:3, :3]
    if not (np.allclose(linear @ linear.T, np.eye(3), atol=1e-6) and np.linalg.det(linear) > 0):
        raise InputError(
            "option.camera",
            "pytorch3d's cameras cannot scale, mirror or shear.",
            "Apply the object's scale in Blender, or convert a camera without it.",
        )
    rotation = (FLIP @ linear).T
    return rotation.astype(np.float32), (FLIP @ camera.camera_from_world[:3, 3]).astype(np.float32)


def _lens(camera: Camera, rotation: Tensor, translation: Tensor, device: str) -> Pytorch3dCameras:
    from pytorch3d.renderer import OrthographicCameras, PerspectiveCameras

    kind = OrthographicCameras if camera.orthographic else PerspectiveCameras
    return kind(
        focal_length=((camera.focal_x, camera.focal_y),),
        principal_point=((camera.centre_x, camera.centre_y),),
        R=rotation[None],
        T=translation[None],
        in_ndc=False,
        image_size=((camera.height, camera.width),),
        device=device,
    )


def _fragments(
    face: Tensor, barycentric: Tensor, depth: Tensor, whole: IndexArray, camera: Camera
) -> MeshFragments:
    """Converts pytorch3d's fragments (1, H, W, 1, ...), -1 where empty, to ours."""
    index, z = face[0, ..., 0].cpu().numpy(), depth[0, ..., 0].cpu().numpy()
    seen = (index >= 0) & (z >= camera.near) & (z <= camera.far)
    weights = barycentric[0, ..., 0, :].cpu().numpy()
    return MeshFragments(
        face=np.where(seen, whole[np.where(seen, index, 0)], EMPTY).astype(np.int32),
        barycentric=np.where(seen[..., None], weights, 0).astype(np.float32),
        depth=np.where(seen, z, np.inf).astype(np.float32),
    )


def _empty_fragments(camera: Camera) -> MeshFragments:
    size = (camera.height, camera.width)
    return MeshFragments(
        face=np.full(size, EMPTY, np.int32),
        barycentric=np.zeros((*size, 3), np.float32),
        depth=np.full(size, np.inf, np.float32),
    )


def _not_installed() -> InputError:
    return InputError(
        "option.device_pytorch3d",
        "pytorch3d is not installed.",
        "Build it for your PyTorch as its INSTALL.md says, or render meshes on the CPU.",
    )
