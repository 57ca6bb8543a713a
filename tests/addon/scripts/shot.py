# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's way to a shot: a head in a lit set, a take, its bake where an emotion is asked
for, Render Avatar, and the compositor's picture of the frames asked for; beside it what is needed
to judge it."""

import bpy
import harness
import numpy as np
from rendering import composite
from studio import build_studio

from sidecar import start_sidecar

asked = harness.options()


def save(name: str, frame: int) -> None:
    np.save(harness.folder() / f"{name}_{frame:04d}.npy", composite(scene, frame, harness.folder()))


def render_set_alone(frame: int) -> None:
    """The same rendering, before anything is laid over it."""
    scene.render.use_compositing = False
    save("set", frame)
    scene.render.use_compositing = True


def render_mesh_alone(head: bpy.types.Object, frame: int) -> None:
    """The head's own mesh by Cycles, through the same camera: coverage in alpha."""
    hidden = [item for item in scene.objects if item.type in ("MESH", "LIGHT") and item != head]
    for item in hidden:
        item.hide_render = True
    sees, head.visible_camera = head.visible_camera, True
    samples, scene.cycles.samples = scene.cycles.samples, 16
    scene.render.use_compositing, scene.render.film_transparent = False, True
    save("mesh", frame)
    scene.render.use_compositing, scene.render.film_transparent = True, False
    scene.cycles.samples, head.visible_camera = samples, sees
    for item in hidden:
        item.hide_render = False


with harness.enabled():
    scene = bpy.context.scene
    scene.render.fps = 30
    build_studio(asked["samples"])
    scene.render.resolution_percentage = asked["percentage"]
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    # From the middle of the take, where the jaw moves.
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1 - asked["skip"])
    if asked["happy"]:
        head.affekt_emotion.happy = asked["happy"]
        bpy.ops.affekt.bake()
    scene.frame_start, scene.frame_end = min(asked["frames"]), max(asked["frames"])
    chosen = harness.avatar_settings()
    chosen.subject, chosen.folder = asked["subject"], str(harness.folder() / "frames")
    chosen.passes = {"mask", "normal", "vector"}
    bpy.ops.affekt.render_avatar()
    for frame in asked["frames"]:
        save("over", frame)
        if asked["judge"]:
            render_set_alone(frame)
            render_mesh_alone(head, frame)
    pictures = sorted((harness.folder() / "frames").glob("avatar_*"))
    harness.answer(version=bpy.app.version_string, pictures=[path.name for path in pictures])
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "shot.blend"))
    bpy.ops.affekt.stop_sidecar()
