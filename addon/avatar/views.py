# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for addon/camera.py, which is being built; to be replaced."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.camera import Camera
from ..head.find import rig_of

_BLENDER_FROM_FLAME = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
_CV_FROM_GL = np.diag([1.0, -1.0, -1.0, 1.0])


def scene_cameras(
    scene: bpy.types.Scene, head: bpy.types.Object, frames: np.ndarray
) -> list[Camera]:
    before = scene.frame_current
    cameras = []
    for frame in frames:
        scene.frame_set(int(frame))
        graph = bpy.context.evaluated_depsgraph_get()
        camera = scene.camera.evaluated_get(graph)
        render = scene.render
        width = render.resolution_x * render.resolution_percentage // 100
        height = render.resolution_y * render.resolution_percentage // 100
        lens = np.array(camera.calc_matrix_camera(
            graph, x=width, y=height, scale_x=render.pixel_aspect_x, scale_y=render.pixel_aspect_y
        ))  # fmt: skip
        view = np.linalg.inv(np.array(camera.matrix_world.normalized()))
        world = np.array(rig_of(head).evaluated_get(graph).matrix_world)
        cameras.append(Camera(
            width=width, height=height,
            focal_x=lens[0, 0] * width / 2, focal_y=lens[1, 1] * height / 2,
            centre_x=(1 - lens[0, 2]) * width / 2, centre_y=(1 + lens[1, 2]) * height / 2,
            camera_from_world=_CV_FROM_GL @ view @ world @ _BLENDER_FROM_FLAME,
            near=camera.data.clip_start, far=camera.data.clip_end,
        ))  # fmt: skip
    scene.frame_set(before)
    return cameras
