# SPDX-License-Identifier: GPL-3.0-or-later
"""What pictures of avatars in the scene share: a camera before the head, a set, Cycles."""

import math
import time

import bpy
import harness
import numpy as np
from mathutils import Vector
from studio import HEAD_M, add_lamp, material, solid

FILLS = 0.7
"""Of the picture's height, the head."""


def sizes_of(item: bpy.types.Object) -> tuple[Vector, float]:
    """The middle of what the object is in this frame, in the world, and how high it is."""
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    flat = np.empty(3 * len(evaluated.data.vertices), np.float32)
    evaluated.data.vertices.foreach_get("co", flat)
    matrix = np.array(evaluated.matrix_world)
    places = flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    low, high = places.min(0), places.max(0)
    return Vector((low + high) / 2), float(high[2] - low[2])


def add_camera(turn_deg: float, height_m: float) -> bpy.types.Object:
    """Looks at where the head's middle stands, from so far to its left."""
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    camera.data.lens, camera.data.sensor_fit = 68, "VERTICAL"
    turn, away = math.radians(turn_deg), height_m / FILLS * 68 / camera.data.sensor_height
    x, y, z = HEAD_M
    camera.location = (x + away * math.sin(turn), y - away * math.cos(turn), z)
    camera.rotation_euler = (math.pi / 2, 0, turn)
    return camera


def build_set(size: float, *, with_mirror: bool = True) -> None:
    """A mirror to the head's left, a wall behind it, a table under it, and a lamp that throws its
    shadow on the wall; so large as the head is, in units of a head of 0.26 m."""
    scene = bpy.context.scene
    things = [item.name for item in scene.objects]
    wall = material("wall", (0.30, 0.42, 0.46), roughness=0.9)
    table = material("table", (0.34, 0.22, 0.13), roughness=0.2)
    mirror = material("mirror", (0.9, 0.9, 0.9), roughness=0.02, metallic=1.0)
    z = HEAD_M[2]
    solid("cube", (0, 0.24, z), (3.2, 0.02, 2.4), wall)
    solid("cube", (0, 0.05, z - 0.185), (1.4, 0.8, 0.02), table)
    solid("cube", (-1.3, 0, z), (0.02, 3.0, 2.4), wall)  # what the mirror sees behind the head
    if with_mirror:
        glass = solid("cube", (0.165, -0.006, z), (0.32, 0.01, 0.34), mirror)
        glass.rotation_euler = (0, 0, math.radians(-60))
    add_lamp("key", (0.45, -0.8, z + 0.35), 16, 0.06, (1.0, 0.86, 0.7))
    add_lamp("fill", (-0.9, -0.9, z + 0.3), 3, 0.8, (0.8, 0.9, 1.0))
    middle = Vector(HEAD_M)
    for item in scene.objects:
        if item.name in things:
            continue
        item.location = middle + size * (item.location - middle)
        if item.type == "LIGHT":
            item.data.energy *= size * size
            item.data.size *= size
            item.visible_glossy = False  # a mirror that shows a lamp is a white hole
        else:
            item.scale *= size
    scene.cycles.caustics_reflective = False


def render(name: str) -> dict[str, object]:
    """An EXR of the scene by Cycles, and how long it took."""
    began = time.monotonic()
    path = str(harness.folder() / f"{name}.exr")
    bpy.context.scene.render.filepath = path
    bpy.ops.render.render(write_still=True)
    return {"path": path, "s": time.monotonic() - began}


def set_up(samples: int, width: int, height: int) -> None:
    """An empty scene, seen by Cycles."""
    scene = bpy.context.scene
    for item in list(scene.objects):
        bpy.data.objects.remove(item)
    scene.render.fps = 30
    scene.render.engine, scene.cycles.device = "CYCLES", "CPU"
    scene.cycles.samples, scene.cycles.use_denoising = samples, False
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    scene.world.color = (0, 0, 0)
