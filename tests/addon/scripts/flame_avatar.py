# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars from files, with a real sidecar: one on FLAME is refused twice with what to do, then
rendered; LAM's bundle by one of its unzipped files; Gaussians that stand still."""

import bpy
import harness

from sidecar import start_sidecar

asked = harness.options()


def refusal() -> str:
    try:
        bpy.ops.affekt.render_avatar()
    except RuntimeError as error:
        return str(error)
    return ""


def report(file: str, folder: str) -> str:
    """What is said of a rendering of that file."""
    rendering, tasks = (harness.load(f"addon.{n}") for n in ("avatar.rendering", "link.tasks"))
    chosen.file, chosen.folder = file, str(harness.folder() / folder)
    head = harness.load("addon.head.find").find_head(bpy.context)
    steps = rendering.render_steps(head, scene, rendering.read_settings(head, scene))
    task = tasks.start_task(tasks.Task("Render Avatar", steps))
    try:
        return task.run()
    finally:
        tasks.end_task()


with harness.enabled():
    scene = bpy.context.scene
    scene.render.fps = 30
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    scene.frame_start, scene.frame_end = 60, 61
    chosen = harness.avatar_settings()
    chosen.subject, chosen.camera, chosen.format = "FILE", "PORTRAIT", "PNG"
    chosen.size, chosen.folder = 64, str(harness.folder() / "frames")
    chosen.file = asked["points"]
    told = {"without_head": refusal()}
    chosen.file = asked["avatar"]
    told["without_adapter"] = refusal()
    chosen.adapter = asked["adapter"]
    told["refused"] = refusal()
    pictures = sorted(map(str, (harness.folder() / "frames").glob("avatar_*.png")))
    chosen.adapter = ""
    told["said"] = {name: report(asked[name], name) for name in ("unzipped", "still")}
    bpy.ops.affekt.stop_sidecar()
    harness.answer(**told, pictures=pictures)
