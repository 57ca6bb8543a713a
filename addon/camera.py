# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns Blender's camera into ours. Only this file knows lenses, sensors, crops and camera axes.

Blender's view plane (its source: BKE_camera_params_compute_viewplane; Cycles' own is the same):
with `fit` the pixels along the edge that the sensor fits, a pixel is sensor / (lens * fit) wide at
depth 1, and pixel_aspect_y / pixel_aspect_x times as high; in an orthographic view it is
ortho_scale / fit wide. Shifts move the plane by shares of `fit`. A camera looks along its own -z
with y up; its scale does not count. What is not read: depth of field, motion blur, stereo.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..shared.arrays import Float64Array
from ..shared.camera import Camera
from ..shared.errors import InputError
from . import axes

if TYPE_CHECKING:
    import bpy


_OPENCV_FROM_BLENDER_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])
_BLENDER_FROM_HEAD = np.eye(4)
_BLENDER_FROM_HEAD[:3, :3] = axes.to_blender(np.eye(3)).T


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What a Blender camera's data says, under Blender's names. kind: its `type`, PERSP, ORTHO or
    another; sensor_fit: AUTO, HORIZONTAL or VERTICAL; lengths in mm, ortho_scale and clipping in
    metres. `lens_mm` holds whether the panel shows millimetres or a field of view."""

    kind: str
    lens_mm: float
    sensor_width_mm: float
    sensor_height_mm: float
    sensor_fit: str
    ortho_scale: float
    shift_x: float
    shift_y: float
    clip_start: float
    clip_end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a scene's Format panel says, under Blender's names. crop: left, right, bottom, top as
    shares of the picture where the render region crops it, else None: without cropping Blender
    still makes a whole picture, and so do we."""

    resolution_x: int
    resolution_y: int
    percentage: int
    pixel_aspect_x: float = 1.0
    pixel_aspect_y: float = 1.0
    crop: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameCamera:
    """The scene's camera at one frame, seen from a head. camera: its world is the head's own axes,
    in metres. world_from_head: (4, 4), from there to Blender's world."""

    camera: Camera
    world_from_head: Float64Array


def read_cameras(
    context: bpy.types.Context, head: bpy.types.Object, frames: Iterable[float]
) -> Iterator[FrameCamera]:
    """The scene's camera at each frame, whole or between two, with all that moves it and the head:
    Actions, parents, constraints, drivers, and markers that change the camera. Takes one
    `frame_set` a frame; the scene is back at its own frame when the iterator ends or is closed.

    Raises InputError `camera.none`, `camera.type`, `camera.flat`, `option.size`, `option.camera`.
    """
    scene = context.scene
    before, subframe = scene.frame_current, scene.frame_subframe
    try:
        for frame in frames:
            whole = math.floor(frame)
            scene.frame_set(whole, subframe=frame - whole)
            yield read_camera(context, head)
    finally:
        scene.frame_set(before, subframe=subframe)


def read_camera(
    context: bpy.types.Context, head: bpy.types.Object, *, is_whole: bool = False
) -> FrameCamera:
    """The scene's camera as it stands now. is_whole: what the render region crops too. Raises as
    `read_cameras`."""
    scene, graph = context.scene, context.evaluated_depsgraph_get()
    if scene.camera is None:
        raise InputError(
            "camera.none", "The scene has no camera.", "Add one, or choose one in Scene properties."
        )
    eye = scene.camera.evaluated_get(graph)
    if eye.type != "CAMERA":
        raise InputError(
            "camera.type",
            f"The scene is seen from '{eye.name}', which is no camera.",
            "Choose a camera in Scene properties.",
        )
    head_matrix = np.array(head.evaluated_get(graph).matrix_world, np.float64)
    format_ = read_format(scene.render)
    if is_whole:
        format_ = replace(format_, crop=None)
    return make_camera(read_lens(eye.data), format_, np.array(eye.matrix_world), head_matrix)


def read_lens(data: bpy.types.Camera) -> Lens:
    """The camera's data as it stands."""
    return Lens(
        kind=data.type,
        lens_mm=data.lens,
        sensor_width_mm=data.sensor_width,
        sensor_height_mm=data.sensor_height,
        sensor_fit=data.sensor_fit,
        ortho_scale=data.ortho_scale,
        shift_x=data.shift_x,
        shift_y=data.shift_y,
        clip_start=data.clip_start,
        clip_end=data.clip_end,
    )


def read_format(render: bpy.types.RenderSettings) -> Format:
    """The scene's render settings as they stand."""
    crop = (render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y)
    return Format(
        resolution_x=render.resolution_x,
        resolution_y=render.resolution_y,
        percentage=render.resolution_percentage,
        pixel_aspect_x=render.pixel_aspect_x,
        pixel_aspect_y=render.pixel_aspect_y,
        crop=crop if render.use_border and render.use_crop_to_border else None,
    )


def make_camera(lens: Lens, format_: Format, eye: Float64Array, head: Float64Array) -> FrameCamera:
    """Our camera from Blender's. eye, head: (4, 4) `matrix_world` of the camera and of the head's
    mesh.

    Raises InputError `camera.type` (a panorama), `camera.flat` (one of the matrices cannot be
    undone), `option.size`, `option.camera`.
    """
    if lens.kind not in ("PERSP", "ORTHO"):
        raise InputError(
            "camera.type",
            f"The scene's camera is of type {lens.kind}, which avatars and passes cannot follow.",
            "Set its Lens Type to Perspective or Orthographic, or make another camera active.",
        )
    width, height = _whole_size(format_)
    aspect = format_.pixel_aspect_y / format_.pixel_aspect_x
    fit = _fitted_edge(lens.sensor_fit, width, height * aspect)
    if lens.kind == "ORTHO":
        focal = fit / lens.ortho_scale
    else:
        vertical = lens.sensor_fit == "VERTICAL"
        focal = fit * lens.lens_mm / (lens.sensor_height_mm if vertical else lens.sensor_width_mm)
    left, right, top, bottom = _kept_pixels(format_.crop, width, height)
    world_from_head = head @ _BLENDER_FROM_HEAD
    camera = Camera(
        width=right - left,
        height=bottom - top,
        focal_x=focal,
        focal_y=focal / aspect,
        centre_x=0.5 * width - lens.shift_x * fit - left,
        centre_y=0.5 * height + lens.shift_y * fit / aspect - top,
        camera_from_world=_camera_from_world(eye) @ world_from_head,
        near=lens.clip_start,
        far=lens.clip_end,
        orthographic=lens.kind == "ORTHO",
    )
    return FrameCamera(camera=camera, world_from_head=world_from_head)


def _whole_size(format_: Format) -> tuple[int, int]:
    """Width and height in pixels; Blender cuts fractions off."""
    return (
        format_.resolution_x * format_.percentage // 100,
        format_.resolution_y * format_.percentage // 100,
    )


def _fitted_edge(sensor_fit: str, width: float, height: float) -> float:
    if sensor_fit == "AUTO":
        return max(width, height)
    return height if sensor_fit == "VERTICAL" else width


def _kept_pixels(
    crop: tuple[float, float, float, float] | None, width: int, height: int
) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) in pixels from the top left corner; right and bottom are the first
    that are cut off. Blender cuts in single precision, and counts rows from below."""
    if crop is None:
        return 0, width, 0, height
    left, right, low, high = (
        int(np.float32(share) * np.float32(edge))
        for share, edge in zip(crop, (width, width, height, height), strict=True)
    )
    return left, right, height - high, height - low


def _camera_from_world(eye: Float64Array) -> Float64Array:
    """OpenCV's camera axes from Blender's world: the object's axes at length 1, so that its scale
    does not count (but a mirror does, and so does a parent's shear)."""
    unit = np.array(eye, np.float64)
    length = np.linalg.norm(unit[:3, :3], axis=0)
    if not length.all() or abs(np.linalg.det(unit[:3, :3] / length)) < 1e-9:
        raise InputError(
            "camera.flat",
            "The scene's camera, or one of its parents, is scaled to nothing.",
            "Apply or reset the camera's scale.",
        )
    unit[:3, :3] /= length
    return _OPENCV_FROM_BLENDER_CAMERA @ np.linalg.inv(unit).astype(np.float64)
