# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar on FLAME, with a real sidecar: refused twice with what to do, then rendered."""

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


with harness.enabled():
    scene = bpy.context.scene
    scene.render.fps = 30
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    scene.frame_start, scene.frame_end = 60, 61
    chosen = scene.affekt_avatar
    chosen.subject, chosen.camera, chosen.format = "FILE", "PORTRAIT", "PNG"
    chosen.size, chosen.folder = 64, str(harness.folder() / "frames")
    chosen.file = asked["points"]
    told = {"without_head": refusal()}
    chosen.file = asked["avatar"]
    told["without_adapter"] = refusal()
    chosen.adapter = asked["adapter"]
    told["refused"] = refusal()
    bpy.ops.affekt.stop_sidecar()
    pictures = (harness.folder() / "frames").glob("avatar_*.png")
    harness.answer(**told, pictures=sorted(str(path) for path in pictures))
