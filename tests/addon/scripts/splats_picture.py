# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head's Gaussians as an object of the scene, rendered by Cycles, beside the sidecar's own
picture of the same frame through the same camera; and in a set with a lamp, a shadow and a mirror.
"""

import math
import time

import bpy
import harness
from studio import HEAD_M, add_lamp, material, solid

from sidecar import start_sidecar

asked = harness.options()
FRAME, DISTANCE_M, HEIGHT_M = 76, 0.62, HEAD_M[2] - 0.005


def add_camera(turn_deg: float) -> bpy.types.Object:
    """Looks at the head from so far to its left."""
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    camera.data.lens = 68
    turn = math.radians(turn_deg)
    camera.location = (DISTANCE_M * math.sin(turn), -DISTANCE_M * math.cos(turn), HEIGHT_M)
    camera.rotation_euler = (math.pi / 2, 0, turn)
    return camera


def build_set() -> None:
    """A mirror to the head's left, a wall behind it, a table under it, and a lamp that throws its
    shadow on the wall."""
    wall = material("wall", (0.30, 0.42, 0.46), roughness=0.9)
    table = material("table", (0.34, 0.22, 0.13), roughness=0.2)
    mirror = material("mirror", (0.9, 0.9, 0.9), roughness=0.02, metallic=1.0)
    z = HEAD_M[2]
    solid("cube", (0, 0.24, z), (2.4, 0.02, 1.6), wall)
    solid("cube", (0, 0.05, z - 0.185), (1.4, 0.8, 0.02), table)
    glass = solid("cube", (0.2, 0.13, z), (0.22, 0.01, 0.34), mirror)
    glass.rotation_euler = (0, 0, math.radians(-35))
    add_lamp("key", (0.45, -0.8, z + 0.35), 16, 0.06, (1.0, 0.86, 0.7))
    add_lamp("fill", (-0.9, -0.9, z + 0.3), 3, 0.8, (0.8, 0.9, 1.0))
    for lamp in (item for item in scene.objects if item.type == "LIGHT"):
        lamp.visible_glossy = False  # a mirror that shows a lamp is a white hole
    scene.cycles.caustics_reflective = False


def render(name: str) -> dict[str, object]:
    """An EXR of the scene by Cycles, and how long it took."""
    began = time.monotonic()
    path = str(harness.folder() / f"{name}.exr")
    scene.render.filepath = path
    bpy.ops.render.render(write_still=True)
    return {"path": path, "s": time.monotonic() - began}


def own_picture(name: str) -> str:
    """The sidecar's picture of the same frame through the scene's camera."""
    chosen = scene.affekt_avatar
    chosen.subject, chosen.format, chosen.depth, chosen.camera = (
        "GAUSSIANS",
        "EXR",
        "FLOAT",
        "SCENE",
    )
    chosen.passes, chosen.head_mesh = {"mask"}, "KEEP"
    chosen.folder = str(harness.folder() / name)
    scene.frame_start = scene.frame_end = FRAME
    bpy.ops.affekt.render_avatar()
    return str(next((harness.folder() / name).glob("avatar_*.exr")))


with harness.enabled():
    scene = bpy.context.scene
    for item in list(scene.objects):
        bpy.data.objects.remove(item)
    scene.render.fps = 30
    scene.render.engine, scene.cycles.device = "CYCLES", "CPU"
    scene.cycles.samples, scene.cycles.use_denoising = asked["samples"], False
    scene.render.resolution_x, scene.render.resolution_y = asked["width"], asked["height"]
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    scene.world.color = (0, 0, 0)
    start_sidecar(asked["python"])
    scene.cursor.location = HEAD_M
    bpy.ops.affekt.import_avatar(filepath="open-gaussians")
    cloud, head = bpy.context.object, harness.load("addon.head.find").need_head(bpy.context)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    head.affekt_emotion.happy, head.affekt_emotion.appearance = 1.0, 0.0
    bpy.ops.affekt.bake()
    scene.frame_set(FRAME)
    told: dict[str, object] = {"own": [], "cycles": []}
    for turn_deg in asked["turns_deg"]:
        scene.camera = add_camera(turn_deg)
        told["own"].append(own_picture(f"own_{turn_deg:g}"))
        scene.frame_set(FRAME)
        scene.render.use_compositing = False
        told["cycles"].append(render(f"cycles_{turn_deg:g}"))
    bpy.ops.affekt.stop_sidecar()
    if asked["with_set"]:
        build_set()
        scene.camera = add_camera(-8)
        scene.camera.data.lens, scene.camera.data.shift_x = 54, 0.06
        scene.render.film_transparent = False
        scene.cycles.samples, scene.cycles.use_denoising = asked["set_samples"], True
        told["set"] = render("set")
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "splats.blend"))
    harness.answer(**told)
