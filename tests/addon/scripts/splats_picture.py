# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar as an object of the scene, in a bake of all six emotions: rendered by Cycles, beside
the sidecar's own picture of the same frame through the same camera; and in a set with a lamp, a
shadow and a mirror."""

import bpy
import harness
from mathutils import Vector
from splats import key_all_emotions
from splats_set import HEAD_M, add_camera, build_set, render, set_up, sizes_of

from sidecar import start_sidecar

asked = harness.options()


def own_picture(name: str, file: str) -> str:
    """The sidecar's picture of the same frame through the scene's camera."""
    chosen = head.affekt_avatar
    chosen.subject, chosen.file = "FILE" if file else "GAUSSIANS", file
    chosen.format, chosen.depth, chosen.camera = "EXR", "FLOAT", "SCENE"
    chosen.passes, chosen.head_mesh, chosen.frame_range = {"mask"}, "KEEP", "CURRENT"
    chosen.folder = str(harness.folder() / name)
    bpy.ops.affekt.render_avatar()
    return str(next((harness.folder() / name).glob("*.exr")))


with harness.enabled():
    scene = bpy.context.scene
    set_up(asked["samples"], asked["width"], asked["height"])
    start_sidecar(asked["python"])
    version = "FLAME2023" if asked["flame"] else "FILE"
    bpy.ops.affekt.import_avatar(filepath=asked["avatar"], flame=asked["flame"], version=version)
    cloud, head = bpy.context.object, harness.load("addon.head.find").need_head(bpy.context)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    # Wrinkles are in the sidecar's pictures alone.
    key_all_emotions(asked["keyed"], appearance=0.0)
    bpy.ops.affekt.bake()
    scene.frame_set(asked["frames"][0] + 1)
    middle, height = sizes_of(head)
    head.parent.location += Vector(HEAD_M) - middle
    told: dict[str, object] = {"own": [], "linear": [], "cycles": []}
    for frame, turn_deg in zip(asked["frames"], asked["turns_deg"], strict=True):
        scene.frame_set(frame + 1)
        scene.camera = add_camera(turn_deg, height)
        told["own"].append(own_picture(f"own_{turn_deg:g}", asked["file"]))
        if asked["linear"]:
            told["linear"].append(own_picture(f"linear_{turn_deg:g}", asked["linear"]))
        scene.render.use_compositing = False
        told["cycles"].append(render(f"cycles_{turn_deg:g}"))
    bpy.ops.affekt.stop_sidecar()
    if asked["set_samples"]:
        size = height / 0.26
        build_set(size)
        scene.frame_set(asked["set_frame"] + 1)
        scene.camera = add_camera(-8, height)
        scene.camera.data.lens *= 0.7
        scene.camera.data.shift_x = 0.06
        scene.render.film_transparent = False
        scene.render.resolution_percentage = 150
        scene.cycles.max_bounces = 3
        scene.cycles.samples, scene.cycles.use_denoising = asked["set_samples"], True
        told["set"] = render("set")
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "splats.blend"))
    harness.answer(**told)
