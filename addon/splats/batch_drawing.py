# SPDX-License-Identifier: GPL-3.0-or-later
"""Run inside Blender 5.3 or later, for the output `blender` of a batch: draws files of Gaussians,
one after the other, by Blender itself. A script of its own, which needs no extension:
`blender -b [SCENE] --python batch_drawing.py -- JOB`, where JOB is a JSON file: frames (a PLY, a
picture that is not finished, a picture), cameras (of each frame: its size, a matrix in the head's
axes, and how it is seen). The light and the world are the scene's; without one, the Gaussians are
drawn as they are, on nothing.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from pathlib import Path

import bpy
from mathutils import Matrix

UPRIGHT = Matrix.Rotation(math.radians(90), 4, "X")
"""From the head's axes (y up) to Blender's (z up)."""
SAMPLES = 16
_TRIES, _PAUSE_S = 20, 0.05


def main() -> None:
    job = json.loads(Path(sys.argv[-1]).read_text("utf-8"))
    scene = bpy.context.scene
    if not bpy.data.filepath:
        for thing in list(bpy.data.objects):
            bpy.data.objects.remove(thing)
        scene.render.engine = "CYCLES"
        scene.cycles.samples = SAMPLES
        scene.render.film_transparent = True
        scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.resolution_percentage = 100
    scene.camera = bpy.data.objects.new("Affekt batch", bpy.data.cameras.new("Affekt batch"))
    scene.collection.objects.link(scene.camera)
    scene.render.use_file_extension = False  # what is not finished has a name of its own
    for places, camera in zip(job["frames"], job["cameras"], strict=True):
        place_camera(scene, camera)
        draw(scene, *places)


def place_camera(scene: bpy.types.Scene, camera: dict) -> None:
    """Has the scene seen as by the sidecar's camera: pinhole, x right, y down, z forward in its own
    axes."""
    data, width, height = scene.camera.data, camera["width"], camera["height"]
    scene.render.resolution_x, scene.render.resolution_y = width, height
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = 36.0
    data.lens = 36.0 * camera["focal_x"] / width
    data.shift_x = (width / 2 - camera["centre_x"]) / width
    data.shift_y = (camera["centre_y"] - height / 2) / width
    data.clip_start, data.clip_end = 0.01, 1000.0
    flip = Matrix.Diagonal((1, -1, -1, 1))
    turned = Matrix(camera["camera_from_world"]).inverted()
    scene.camera.matrix_world = UPRIGHT @ turned @ flip


def draw(scene: bpy.types.Scene, source: str, partial: str, target: str) -> None:
    """Draws one file; the picture appears whole or not at all."""
    before = set(bpy.data.objects)
    bpy.ops.wm.ply_import(filepath=source)
    made = [thing for thing in bpy.data.objects if thing not in before]
    for thing in made:
        thing.matrix_world = UPRIGHT @ thing.matrix_world
    scene.render.filepath = partial
    bpy.ops.render.render(write_still=True)
    _replace(partial, target)
    for thing in made:
        data = thing.data
        bpy.data.objects.remove(thing)
        bpy.data.batch_remove([data])


def _replace(partial: str, target: str) -> None:
    """Windows refuses while a program, such as a virus scanner, has the target open."""
    for tries_left in reversed(range(_TRIES)):
        try:
            os.replace(partial, target)
            return
        except PermissionError:
            if not tries_left:
                raise
            time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main()
