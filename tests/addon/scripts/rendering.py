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
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]
