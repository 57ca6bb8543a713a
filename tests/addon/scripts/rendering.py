# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's compositor, read back frame by frame."""

from pathlib import Path

import bpy
import numpy as np


def set_up_render(scene: bpy.types.Scene, size: int) -> None:
    """A square, transparent, nearly free rendering in which no mesh shows."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    for item in scene.objects:
        item.hide_render = item.type == "MESH"


def composite(scene: bpy.types.Scene, frame: int, folder: Path) -> np.ndarray:
    """(H, W, 4) float32, linear and premultiplied, top row first, as composited at that frame."""
    scene.frame_set(frame)
    path = folder / f"composite_{frame:04d}.exr"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return _read(path)


def animation(scene: bpy.types.Scene, count: int, folder: Path) -> np.ndarray:
    """(count, H, W, 4) as `composite`, of the frames 1 to `count`, by Render Animation, which is
    what `blender -b file -a` calls."""
    scene.frame_start, scene.frame_end = 1, count
    scene.render.filepath = str(folder / "animation_")
    bpy.ops.render.render(animation=True)
    return np.stack([_read(Path(scene.render.frame_path(frame=1 + i))) for i in range(count)])


def _read(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]


def set_up_cycles(scene: bpy.types.Scene) -> None:
    """One ray through each pixel's middle, so that an edge is where it is, to a hundredth of a
    pixel; all passes that we have too, in a multilayer EXR."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 1
    scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False
    scene.cycles.pixel_filter_type = "BLACKMAN_HARRIS"  # a box would keep its width of 1
    scene.cycles.filter_width = 0.01
    scene.cycles.max_bounces = 0
    scene.render.film_transparent = True
    for name in ("z", "position", "normal", "vector"):
        setattr(scene.view_layers[0], f"use_pass_{name}", True)
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # 5.0
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth = "OPEN_EXR_MULTILAYER", "32"
